//! The broken answers.

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::io::{self, Read, Write};
use tools::app::APP_ID;
use tools::faults::Fault;

/// The user in the bodies that a scenario takes for right.
pub const OPENID: &str = "oBroken";

/// One broken answer.
pub struct Broken {
    pub name: String,
    pub fault: Fault,
    /// Whether it holds all that must be there, so that success is no fault.
    pub tolerable: bool,
    /// Not one of the many mutations.
    pub special: bool,
}

/// Which answer is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Session,
    Phone,
    AccessToken,
}

impl Kind {
    fn whole(self) -> Value {
        match self {
            Self::Session => {
                json!({"openid": OPENID, "session_key": "tiihtNczf5v6AKRyjwEUhQ==", "unionid": "oU", "errcode": 0, "errmsg": "ok"})
            }
            Self::Phone => json!({"errcode": 0, "errmsg": "ok", "phone_info": {
                "phoneNumber": "+8613800000000", "purePhoneNumber": "13800000000", "countryCode": "86",
                "watermark": {"timestamp": 1_700_000_000, "appid": APP_ID}}}),
            Self::AccessToken => json!({"access_token": "70_broken-access-token", "expires_in": 7200}),
        }
    }

    /// Fields that may be anything, because nobody reads them or because they drift.
    fn may_be(self, field: &str, value: Option<&Value>) -> bool {
        let scalar = matches!(value, Some(Value::Number(number)) if number.is_u64());
        match field {
            "errmsg" | "unionid" | "phoneNumber" | "timestamp" => true,
            "errcode" => value.is_none_or(|value| value.is_null() || *value == 0),
            "purePhoneNumber" | "countryCode" => scalar,
            _ => false,
        }
    }
}

impl Broken {
    fn new(name: impl Into<String>, fault: Fault) -> Self {
        Self { name: name.into(), fault, tolerable: false, special: true }
    }

    fn body(name: impl Into<String>, body: impl AsRef<[u8]>) -> Self {
        Self::new(name, Fault::body_with(&[], body))
    }

    /// What has the process take its working memory before it is measured: answers as long as are read at all.
    pub fn warm_up() -> Vec<Self> {
        (0..10).map(|_| Self::body("a long one", " ".repeat(60_000))).collect()
    }
}

/// All broken forms of an answer.
pub fn corpus(kind: Kind) -> Vec<Broken> {
    let whole = kind.whole();
    let text = whole.to_string();
    let mut corpus = mutations(kind, &whole);
    let cut = |end: usize| Broken { special: false, ..Broken::body(format!("cut at {end}"), &text[..end]) };
    corpus.extend((0..text.len()).map(cut));
    corpus.extend(not_json(&text));
    corpus.extend(broken_http(&text));
    corpus
}

/// Every field replaced by a value of every type, and left out.
fn mutations(kind: Kind, whole: &Value) -> Vec<Broken> {
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(-7),
        json!(3.7),
        json!(1e300),
        json!(u64::MAX),
        json!(""),
        json!(" "),
        json!("\u{0}"),
        json!("a b"),
        json!("é"),
        json!("a".repeat(3000)),
        json!([]),
        json!({}),
        json!([whole]),
    ];
    let mut found = Vec::new();
    for pointer in pointers(whole, "") {
        let field = pointer.rsplit('/').next().unwrap_or_default();
        // The same digits as a number would make the country code, which is no secret, look like one.
        let fitting = values.iter().filter(|value| field != "countryCode" || **value != json!(u64::MAX));
        let changed = fitting.map(|value| {
            let mut body = whole.clone();
            if let Some(place) = body.pointer_mut(&pointer) {
                *place = value.clone();
            }
            (format!("{pointer} = {:.40}", value.to_string()), body, Some(value))
        });
        let mut without = whole.clone();
        let (parent, _) = pointer.rsplit_once('/').unwrap_or_default();
        without.pointer_mut(parent).and_then(Value::as_object_mut).map(|object| object.remove(field));
        for (name, body, value) in changed.chain([(format!("no {pointer}"), without, None)]) {
            let tolerable = kind.may_be(field, value);
            found.push(Broken { tolerable, special: false, ..Broken::body(name, body.to_string()) });
        }
    }
    found
}

/// The places of all fields, as JSON pointers.
fn pointers(value: &Value, at: &str) -> Vec<String> {
    let fields = value.as_object().into_iter().flatten();
    fields
        .flat_map(|(name, value)| {
            let here = format!("{at}/{name}");
            let below = pointers(value, &here);
            std::iter::once(here).chain(below)
        })
        .collect()
}

fn not_json(text: &str) -> Vec<Broken> {
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let zipped = gzip(text.as_bytes());
    // 64 MiB in less than 64 KiB.
    let bomb = gzip_of_blanks(60 << 20);
    vec![
        Broken::body("nothing", ""),
        Broken::body("blanks", " \r\n\t"),
        Broken::body("a byte order mark alone", "\u{feff}"),
        Broken::body("two byte order marks", format!("\u{feff}\u{feff}{text}")),
        Broken::body("NUL", "\0"),
        Broken::body("64 KiB of NUL", "\0".repeat(64 * 1024)),
        Broken::body("NUL before", format!("\0{text}")),
        Broken::body("NUL behind", format!("{text}\0")),
        Broken::body("UTF-16", utf16),
        Broken::body("no UTF-8", [text.as_bytes(), b"\xff\xfe"].concat()),
        Broken::body("HTML", "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head></html>"),
        Broken::body("HTML around", format!("<html><body>{text}</body></html>")),
        Broken::body("XML", "<xml><return_code><![CDATA[SUCCESS]]></return_code></xml>"),
        Broken::body("JSONP", format!("callback({text})")),
        Broken::body("a form", "openid=oBroken&session_key=k&access_token=t&expires_in=7200"),
        Broken::body("in an array", format!("[{text}]")),
        Broken::body("as a text", Value::from(text).to_string()),
        Broken::body("twice", format!("{text}{text}")),
        Broken::body("with a tail", format!("{text};")),
        Broken::body("with single quotes", text.replace('"', "'")),
        Broken::body("with a comma too many", text.replacen('}', ",}", 1)),
        Broken::body("NaN", "NaN"),
        Broken::body("Infinity", r#"{"errcode":Infinity}"#),
        Broken::body("a number", "0"),
        Broken::body("a number without end", "9".repeat(60_000)),
        Broken::body("30,000 brackets", "[".repeat(30_000)),
        Broken::body("10,000 braces", r#"{"a":"#.repeat(10_000)),
        Broken::body("a text that never ends", format!("{{\"openid\":\"{}", "a".repeat(60_000))),
        Broken::body("over 64 KiB", format!("{text}{}", " ".repeat(64 * 1024))),
        Broken::new("1 GiB", Fault::Endless(Some(1 << 30))),
        Broken::new("without end", Fault::Endless(None)),
        Broken::body("gzip that does not say so", &zipped),
        Broken::new("gzip", Fault::body_with(&[("content-encoding", "gzip")], &zipped)),
        Broken::new("a gzip bomb", Fault::body_with(&[("content-encoding", "gzip")], &bomb)),
        Broken::new("gzip that is none", Fault::body_with(&[("content-encoding", "br")], b"\x1f\x8b garbage")),
    ]
}

fn broken_http(text: &str) -> Vec<Broken> {
    let raw = |answer: String| Fault::Refuse(answer.into_bytes());
    let statuses = [100, 201, 204, 206, 301, 302, 304, 400, 401, 403, 404, 429, 500, 502, 503, 504, 999];
    let mut found: Vec<_> =
        statuses.into_iter().map(|status| Broken::new(format!("HTTP {status}"), Fault::status(status, text))).collect();
    let long = "a".repeat(8000);
    let fields: String = (0..200).map(|number| format!("x-{number}: {long}\r\n")).collect();
    found.extend([
        Broken::new("no HTTP", Fault::garbage()),
        Broken::new("HTTP/0.9", raw(text.to_owned())),
        Broken::new("HTTP/2", raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned())),
        Broken::new("1.6 MB of headers", raw(format!("HTTP/1.1 200 \r\n{fields}\r\n"))),
        Broken::new(
            "two lengths",
            raw(format!("HTTP/1.1 200 \r\ncontent-length: 2\r\ncontent-length: 9\r\n\r\n{text}")),
        ),
        Broken::new("a length below zero", raw(format!("HTTP/1.1 200 \r\ncontent-length: -1\r\n\r\n{text}"))),
        Broken::new(
            "a chunk of no length",
            raw(format!("HTTP/1.1 200 \r\ntransfer-encoding: chunked\r\n\r\nx\r\n{text}")),
        ),
        Broken::new(
            "a chunk longer than memory",
            raw(format!("HTTP/1.1 200 \r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffff0\r\n{text}")),
        ),
        Broken::new("a redirect", raw("HTTP/1.1 307 \r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n".to_owned())),
    ]);
    found
}

fn gzip(plain: impl Read) -> Vec<u8> {
    let mut plain = plain;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    io::copy(&mut plain, &mut encoder).and_then(|_| encoder.flush()).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

fn gzip_of_blanks(length: u64) -> Vec<u8> {
    gzip(io::repeat(b' ').take(length))
}
