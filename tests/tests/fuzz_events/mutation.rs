//! Odd events, made from good ones.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fastrand::Rng;
use serde_json::{Value, json};

/// Stands in every code and header that a mutation puts in, and in every secret of the stand-ins.
pub const CANARY: &str = "canary";

const MEDIA_TYPES: &[&str] = &[
    "application/json",
    "APPLICATION/JSON; charset=utf-8",
    "application/x-www-form-urlencoded",
    "text/plain",
    "multipart/form-data; boundary=canary",
    "",
    ";",
    "\u{e9}",
];

const TEXTS: &[&str] = &[
    "",
    " ",
    "null",
    "\0",
    "\r\nSet-Cookie: canary=1",
    "\u{feff}",
    "é",
    "\u{10ffff}",
    "%00",
    "%",
    "/",
    "//",
    "..",
    "@",
    ":99999",
    "a b",
    "{}",
    "[]",
    "canary",
    "Bearer canary",
    "Bearer 5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5A",
    "Basic Y2FuYXJ5",
    "GET",
    "POST",
    "PUT",
    "DELETE",
    "OPTIONS",
    "post",
    "CANARY",
    "2.0",
    "1.0",
    "-1",
    "1e999",
    "\u{202e}canary",
];

/// A sample with a few changes.
pub fn mutated(sample: &Value, rng: &mut Rng) -> Value {
    let mut event = sample.clone();
    for _ in 0..rng.usize(0..4) {
        match rng.u8(0..10) {
            0..=2 => change_body(&mut event, rng),
            3..=4 => change_header(&mut event, rng),
            5 => event = change_text(&event, rng),
            _ => change_somewhere(&mut event, rng),
        }
    }
    event
}

fn text(rng: &mut Rng) -> String {
    match rng.u8(0..6) {
        0 => CANARY.repeat(rng.usize(1..1200)),
        1 => (0..rng.usize(1..40)).map(|_| rng.char(..)).collect(),
        _ => TEXTS[rng.usize(..TEXTS.len())].to_owned(),
    }
}

fn value(rng: &mut Rng) -> Value {
    match rng.u8(0..8) {
        0 => Value::Null,
        1 => rng.bool().into(),
        2 => rng.i64(..).into(),
        3 => json!([text(rng)]),
        4 => json!({text(rng): text(rng)}),
        5 => json!(rng.f64() * 1e300),
        _ => text(rng).into(),
    }
}

/// Another body, of any kind, whose media type may or may not fit.
fn change_body(event: &mut Value, rng: &mut Rng) {
    let body = match rng.u8(0..6) {
        0 => json!({"code": value(rng)}).to_string().into_bytes(),
        1 => json!({"code": format!("{CANARY}-{}", rng.u64(..))}).to_string().into_bytes(),
        2 => format!("code={CANARY}{}&code=%{}", rng.u64(..), rng.u8(..)).into_bytes(),
        3 => value(rng).to_string().into_bytes(),
        4 => (0..rng.usize(..64)).map(|_| rng.u8(..)).collect(),
        _ => {
            let mut body = event["body"].as_str().unwrap_or_default().as_bytes().to_vec();
            mutate(&mut body, rng);
            body
        }
    };
    let base64 = rng.bool();
    event["body"] = if base64 { STANDARD.encode(&body) } else { String::from_utf8_lossy(&body).into_owned() }.into();
    // Now and then the flag lies.
    event["isBase64Encoded"] = (base64 ^ (rng.u8(0..8) == 0)).into();
}

fn change_header(event: &mut Value, rng: &mut Rng) {
    let names =
        ["content-type", "Content-Type", "authorization", "host", "x-forwarded-proto", "content-length", "x-canary"];
    let name = names[rng.usize(..names.len())];
    let media_type = name.eq_ignore_ascii_case("content-type") && rng.bool();
    let value = if media_type { MEDIA_TYPES[rng.usize(..MEDIA_TYPES.len())].to_owned() } else { text(rng) };
    if let Some(headers) = event["headers"].as_object_mut() {
        headers.insert(name.to_owned(), value.clone().into());
    }
    if let Some(headers) = event["multiValueHeaders"].as_object_mut() {
        headers.insert(name.to_owned(), json!([value]));
    }
}

/// Changes the JSON as text, if JSON comes of it.
fn change_text(event: &Value, rng: &mut Rng) -> Value {
    let mut bytes = event.to_string().into_bytes();
    mutate(&mut bytes, rng);
    serde_json::from_slice(&bytes).unwrap_or_else(|_| event.clone())
}

fn mutate(bytes: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..rng.usize(1..4) {
        let at = rng.usize(..=bytes.len());
        match rng.u8(0..4) {
            0 => bytes.insert(at, rng.u8(..)),
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 if at < bytes.len() => bytes[at] = rng.u8(..),
            _ => bytes.splice(at..at, text(rng).into_bytes()).for_each(drop),
        }
    }
}

/// Goes down into the event, and replaces, removes, renames or adds something there.
fn change_somewhere(value: &mut Value, rng: &mut Rng) {
    let deeper = rng.u8(0..4) > 0;
    match value {
        Value::Object(map) if !map.is_empty() => {
            let key = map.keys().nth(rng.usize(..map.len())).cloned().unwrap_or_default();
            if deeper {
                return change_somewhere(&mut map[&key], rng);
            }
            match rng.u8(0..4) {
                0 => drop(map.remove(&key)),
                1 => drop(map.insert(text(rng), self::value(rng))),
                2 => {
                    let old = map.remove(&key).unwrap_or_default();
                    map.insert(key.to_ascii_uppercase(), old);
                }
                _ => map[&key] = self::value(rng),
            }
        }
        Value::Array(list) if !list.is_empty() && deeper => {
            let at = rng.usize(..list.len());
            change_somewhere(&mut list[at], rng);
        }
        _ => *value = self::value(rng),
    }
}
