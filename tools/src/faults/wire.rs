//! HTTP/1.1 as bytes: as much of it as the functions' clients and the stand-ins use.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use std::fmt::Write;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

/// A request with its whole body.
#[derive(Debug)]
pub(super) struct Request {
    pub method: Method,
    pub target: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Request {
    /// The path without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

/// Reads the next request of a connection; `None` at its end. `rest` keeps what was read beyond it.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin), rest: &mut Vec<u8>) -> io::Result<Option<Request>> {
    let (mut request, length, head) = loop {
        if let Some(head) = parse(rest)? {
            break head;
        }
        if stream.read_buf(rest).await? == 0 {
            return Ok(None);
        }
    };
    while rest.len() < head + length {
        if stream.read_buf(rest).await? == 0 {
            return Ok(None);
        }
    }
    request.body = rest[head..head + length].to_vec();
    rest.drain(..head + length);
    Ok(Some(request))
}

/// A request without its body, the body's length and the head's; `None` if the head is not whole yet.
fn parse(bytes: &[u8]) -> io::Result<Option<(Request, usize, usize)>> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Request::new(&mut fields);
    let httparse::Status::Complete(head) = parsed.parse(bytes).map_err(io::Error::other)? else {
        return Ok(None);
    };
    let method = parsed.method.unwrap_or_default().parse().map_err(io::Error::other)?;
    let mut headers = HeaderMap::new();
    for field in parsed.headers.iter() {
        let name: HeaderName = field.name.parse().map_err(io::Error::other)?;
        headers.append(name, HeaderValue::from_bytes(field.value).map_err(io::Error::other)?);
    }
    let length = headers.get("content-length").and_then(|length| length.to_str().ok()?.parse().ok()).unwrap_or(0);
    let request = Request { method, target: parsed.path.unwrap_or("/").to_owned(), headers, body: Vec::new() };
    Ok(Some((request, length, head)))
}

/// An answer as it goes over the wire.
pub(super) fn answer(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} \r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        // Writing to a String cannot fail.
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    [head.as_bytes(), body].concat()
}

/// Where the body begins in an answer.
pub(super) fn body_start(answer: &[u8]) -> usize {
    answer.windows(4).position(|four| four == b"\r\n\r\n").map_or(answer.len(), |end| end + 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn two_requests_of_one_connection_are_read_one_by_one() {
        let mut wire: &[u8] = b"POST /a?b=c HTTP/1.1\r\nContent-Length: 3\r\n\r\nxyzGET / HTTP/1.1\r\n\r\n";
        let mut rest = Vec::new();
        let first = read(&mut wire, &mut rest).await.unwrap().unwrap();
        assert_eq!((first.path(), first.body.as_slice()), ("/a", b"xyz".as_slice()));
        assert_eq!(read(&mut wire, &mut rest).await.unwrap().unwrap().path(), "/");
        assert!(read(&mut wire, &mut rest).await.unwrap().is_none());
    }

    #[test]
    fn the_body_of_an_answer_is_found() {
        let answer = answer(200, &[("x-y", "z")], b"body");
        assert_eq!(&answer[body_start(&answer)..], b"body");
    }
}
