//! What may be answered: the README's contract, and API Gateway's with its authorizers.

use super::Request;
use crate::contract;
use serde_json::Value;
use tools::app::Answer;

/// What to think of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Success, with what belongs to this user.
    Right(Value),
    /// A failure of the contract, by its name.
    Failed(String),
    /// Not what the contract says, or somebody else's.
    Wrong(String),
}

impl Verdict {
    /// What belongs to this user, after success.
    pub fn right(&self) -> Option<&Value> {
        match self {
            Self::Right(data) => Some(data),
            _ => None,
        }
    }
}

impl Request {
    /// What to think of this answer to it.
    pub fn judge(&self, answer: &Value) -> Verdict {
        match self.route.function {
            "authorizer" => self.judge_authorizer(answer),
            _ => self.judge_http(answer),
        }
    }

    fn judge_http(&self, answer: &Value) -> Verdict {
        if !answer["statusCode"].is_u64() || !answer["body"].is_string() {
            return Verdict::Wrong(format!("no HTTP answer: {answer}"));
        }
        let answer = Answer::from_event(answer);
        if !in_form(&answer) {
            return Verdict::Wrong(format!("not in the contract's form: {answer:?}"));
        }
        let data = &answer.body["data"];
        match answer.outcome() {
            "ok" if (self.route.is_right)(data, &self.openid) => Verdict::Right(data.clone()),
            "ok" => Verdict::Wrong(format!("not what {} should get", self.openid)),
            error => Verdict::Failed(error.to_owned()),
        }
    }

    /// Simple answers (payload 2.0), and an error of the invocation, for which API Gateway answers 500.
    fn judge_authorizer(&self, answer: &Value) -> Verdict {
        let context = &answer["context"];
        match (&answer["isAuthorized"], &answer["errorMessage"]) {
            (Value::Bool(true), _) if (self.route.is_right)(context, &self.openid) => Verdict::Right(context.clone()),
            (Value::Bool(false), _) if context.is_null() => Verdict::Failed("unauthorized".to_owned()),
            (Value::Null, Value::String(text)) if text == "the session cannot be read" => {
                Verdict::Failed("unavailable".to_owned())
            }
            _ => Verdict::Wrong(format!("not an authorizer's answer for {}: {answer}", self.openid)),
        }
    }
}

fn in_form(answer: &Answer) -> bool {
    let header = |name: &str| answer.headers.get(name).map(String::as_str);
    let headers = header("content-type") == Some("application/json; charset=utf-8")
        && header("cache-control") == Some("no-store");
    let body = &answer.body;
    let names: Vec<&str> = body.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let form = match answer.outcome() {
        "ok" => answer.status == 200 && body["code"] == 200 && body["msg"] == "ok" && names == ["code", "data", "msg"],
        _ => contract::is_failure(answer.status.into(), body),
    };
    headers && form
}

#[cfg(test)]
mod tests {
    use super::super::Route;
    use super::*;
    use serde_json::json;

    fn judge(answer: &Value) -> Verdict {
        let route = Route::named("authorizer");
        Request { route, openid: "oAlice".to_owned(), token: None, event: Value::Null }.judge(answer)
    }

    #[test]
    fn an_authorizer_lets_its_user_pass_and_nobody_else() {
        let context = |openid: &str| json!({"openid": openid, "expires_at": 1});
        let pass = |openid: &str| json!({"isAuthorized": true, "context": context(openid)});
        assert_eq!(judge(&pass("oAlice")), Verdict::Right(context("oAlice")));
        assert!(matches!(judge(&pass("oBob")), Verdict::Wrong(_)));
    }

    #[test]
    fn an_authorizer_refuses_or_cannot_tell() {
        assert_eq!(judge(&json!({"isAuthorized": false})), Verdict::Failed("unauthorized".to_owned()));
        let error = json!({"errorType": "&str", "errorMessage": "the session cannot be read"});
        assert_eq!(judge(&error), Verdict::Failed("unavailable".to_owned()));
        assert!(matches!(judge(&json!({"errorMessage": "a secret"})), Verdict::Wrong(_)));
    }
}
