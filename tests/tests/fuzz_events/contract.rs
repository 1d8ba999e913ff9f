//! The HTTP contract, written down once more, apart from the product.

use super::mutation::CANARY;
use serde_json::{Map, Value, json};
use tests::contract;

/// A route, and what its `data` looks like.
pub struct Route {
    pub path: &'static str,
    data: fn(&Value) -> bool,
    /// How many events are on their way at once.
    pub at_once: usize,
    pub ends_sessions: bool,
    /// Further samples, made of one.
    pub more: fn(&str) -> Option<String>,
}

const PLAIN: Route = Route { path: "", data: |_| false, at_once: 8, ends_sessions: false, more: |_| None };

/// A code that WeChat refuses is looked for for seconds.
const WAITS: Route = Route { at_once: 48, ..PLAIN };

pub const ROUTES: &[Route] = &[
    Route { path: "/login", data: |data| has(data, &[("token", is_token), ("openid", is_text)]), ..WAITS },
    Route { path: "/phone", data: |data| has(data, &[("phone", is_text), ("countryCode", is_text)]), ..WAITS },
    Route {
        path: "/user",
        data: |data| data.is_null() || is_user(data),
        ends_sessions: true,
        more: |sample| Some(sample.replace("GET", "DELETE")).filter(|other| other != sample),
        ..PLAIN
    },
    Route { path: "/logout", data: Value::is_null, ends_sessions: true, more: of_all, ..PLAIN },
    Route { path: "/decrypt", data: |data| is_text(&data["watermark"]["appid"]), ..PLAIN },
    Route { path: "authorizer", ..PLAIN },
];

/// A logout of all sessions.
fn of_all(sample: &str) -> Option<String> {
    let mut event: Value = serde_json::from_str(sample).ok()?;
    event["body"] = json!({"all": true}).to_string().into();
    Some(event.to_string())
}

fn is_token(value: &Value) -> bool {
    let is_digit = |c| matches!(c, '0'..='9' | 'a'..='f');
    value.as_str().is_some_and(|text| text.len() == 32 && text.chars().all(is_digit))
}

fn is_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}

fn is_text_or_null(value: &Value) -> bool {
    value.is_null() || is_text(value)
}

fn is_user(data: &Value) -> bool {
    let absent =
        ["unionid", "name", "avatar", "phone", "countryCode"].map(|name| (name, is_text_or_null as fn(&_) -> _));
    let fields: Vec<Field> =
        absent.into_iter().chain([("openid", is_text as fn(&_) -> _), ("created_at", is_text)]).collect();
    has(data, &fields)
}

/// A field of `data`, and what it looks like.
type Field = (&'static str, fn(&Value) -> bool);

/// Whether these are the fields, and no others.
fn has(data: &Value, fields: &[Field]) -> bool {
    let fits = |(name, is): &Field| data.get(name).is_some_and(is);
    data.as_object().is_some_and(|data| data.len() == fields.len()) && fields.iter().all(fits)
}

impl Route {
    /// What a success is called.
    pub const DONE: &str = "ok";

    /// The `error` of a reply in the contract's form, or [`Route::DONE`]; or what is wrong with it.
    pub fn judge(&self, answer: &Value) -> Result<String, &'static str> {
        if self.path == "authorizer" {
            return judge_authorizer(answer);
        }
        let header = |name: &str| {
            let value = [&answer["headers"][name], &answer["multiValueHeaders"][name][0]];
            value.into_iter().find_map(Value::as_str)
        };
        if header("content-type") != Some("application/json; charset=utf-8")
            || header("cache-control") != Some("no-store")
        {
            return Err("not the headers");
        }
        if answer["isBase64Encoded"] != false {
            return Err("in base64");
        }
        let mut body: Map<String, Value> =
            serde_json::from_str(answer["body"].as_str().unwrap_or_default()).map_err(|_| "no JSON object")?;
        let status = answer["statusCode"].as_u64().ok_or("no status")?;
        let outcome = if status == 200 { self.judge_success(&body)? } else { judge_error(status, &body, header)? };
        // What users say of themselves is theirs.
        if let Some(data) = body.get_mut("data").and_then(Value::as_object_mut) {
            data.retain(|name, _| !["name", "avatar"].contains(&name.as_str()));
        }
        let told = json!([answer["headers"], answer["multiValueHeaders"], body]).to_string();
        if told.to_ascii_lowercase().contains(CANARY) {
            return Err("a secret, or what the caller sent");
        }
        Ok(outcome)
    }

    fn judge_success(&self, body: &Map<String, Value>) -> Result<String, &'static str> {
        let field = |name: &str| body.get(name).unwrap_or(&Value::Null);
        let fits = body.contains_key("data") && (self.data)(field("data"));
        let whole = body.len() == 3 && *field("code") == 200 && *field("msg") == "ok";
        if whole && fits { Ok(Self::DONE.to_owned()) } else { Err("not the success of this route") }
    }
}

fn judge_error<'a>(
    status: u64,
    body: &Map<String, Value>,
    header: impl Fn(&str) -> Option<&'a str>,
) -> Result<String, &'static str> {
    let error = body.get("error").and_then(Value::as_str).unwrap_or_default();
    // Everything is set up as it should be.
    if error == "misconfigured" || !contract::is_failure(status, &Value::Object(body.clone())) {
        return Err("not a failure of the contract");
    }
    let extra = match status {
        401 => Some("www-authenticate"),
        405 => Some("allow"),
        429 => Some("retry-after"),
        _ => None,
    };
    match extra {
        Some(name) if header(name).is_none() => Err("a header is missing"),
        _ => Ok(error.to_owned()),
    }
}

/// One of the two forms that API Gateway reads; or an error, where DynamoDB is too slow on this machine.
fn judge_authorizer(answer: &Value) -> Result<String, &'static str> {
    if answer["errorType"].is_string() {
        return Ok("unavailable".to_owned());
    }
    let statement = &answer["policyDocument"]["Statement"][0];
    let passes = match (&answer["isAuthorized"], &statement["Effect"]) {
        (Value::Bool(passes), Value::Null) => *passes,
        (Value::Null, Value::String(effect)) if is_text(&answer["principalId"]) && is_text(&statement["Resource"]) => {
            effect == "Allow"
        }
        _ => return Err("not the form of an authorizer's answer"),
    };
    match is_text(&answer["context"]["openid"]) {
        told if told != passes => Err("a context that does not fit"),
        true => Ok(Route::DONE.to_owned()),
        false => Ok("refused".to_owned()),
    }
}
