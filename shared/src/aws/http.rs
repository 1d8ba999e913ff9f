//! The AWS SDK's requests over the HTTP client that speaks to WeChat too: the SDK's own one would be a second HTTP and TLS
//! stack in every function.

use crate::http_client::{BodyError, read_body};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;

/// DynamoDB answers at most 1 MB (a page of a scan) and Secrets Manager 64 KB, and JSON says some of it in more bytes.
const MAX_RESPONSE: usize = 4 * 1024 * 1024;

/// The client. It has a limit of its own for connecting; all others are kept by the SDK itself.
#[derive(Clone, Debug)]
pub struct Http(pub reqwest::Client);

impl HttpClient for Http {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Http {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move { exchange(&client, request).await })
    }
}

async fn exchange(client: &reqwest::Client, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let (head, body) = request.into_parts();
    // No operation that the functions use sends what is read piece by piece.
    let body = body.bytes().ok_or_else(|| ConnectorError::user("a body of unknown length".into()))?.to_vec();
    let request = http::Request::from_parts(head, body).try_into().map_err(of_reqwest)?;
    let mut answer = client.execute(request).await.map_err(of_reqwest)?;
    let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
    let body = read_body(&mut answer, MAX_RESPONSE).await.map_err(|fault| match fault {
        BodyError::TooLong => ConnectorError::io("an answer that is too long".into()),
        BodyError::Lost(error) => of_reqwest(error),
    })?;
    let mut response = http::Response::new(SdkBody::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response.try_into().map_err(|error| ConnectorError::other(Box::new(error), None))
}

/// Classifies a failure for the SDK, which retries those of the network and of time.
fn of_reqwest(error: reqwest::Error) -> ConnectorError {
    match (error.is_builder(), error.is_timeout()) {
        (true, _) => ConnectorError::user(error.into()),
        (false, true) => ConnectorError::timeout(error.into()),
        (false, false) => ConnectorError::io(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    async fn ask(url: &str) -> Result<HttpResponse, ConnectorError> {
        let client = crate::wechat::Connection::new(None).unwrap().into_http();
        let mut request = HttpRequest::new(SdkBody::from("{}"));
        request.set_uri(url).unwrap();
        exchange(&client, request).await
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_worth_another_try() {
        // Nobody listens there.
        assert!(ask("http://127.0.0.1:1").await.unwrap_err().is_io());
    }

    #[tokio::test]
    async fn an_answer_without_end_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            // Until the other side has had enough.
            while stream.write_all(&[b' '; 64 * 1024]).await.is_ok() {}
        });
        assert!(ask(&url).await.unwrap_err().is_io());
        server.await.unwrap();
    }
}
