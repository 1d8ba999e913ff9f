//! The events of API Gateway, and the form of the response that each wants: HTTP APIs with payload 2.0 a simple one, HTTP APIs with payload 1.0
//! and REST APIs (TOKEN and REQUEST) an IAM policy.

#[cfg(test)]
mod fuzz;

use miniprogram::session::{Session, Token};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// An event of API Gateway. It has no `Debug`, because it holds a token.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// `2.0` of an HTTP API, unless configured otherwise.
    #[serde(default)]
    version: Option<String>,
    /// The route that is called, but for payload 2.0.
    #[serde(default)]
    method_arn: Option<String>,
    /// The header, as TOKEN authorizers get it.
    #[serde(default)]
    authorization_token: Option<String>,
    /// All headers. A name may come in any case.
    #[serde(default)]
    headers: Option<Map<String, Value>>,
}

/// The answer, as API Gateway reads it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Answer(Value);

impl Event {
    /// The token that is presented; `None` if there is none in the form of ours.
    pub fn token(&self) -> Option<Token> {
        let in_headers = || {
            let mut headers = self.headers.iter().flatten();
            headers.find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?.1.as_str()
        };
        Token::from_bearer(self.authorization_token.as_deref().or_else(in_headers)?)
    }

    /// Lets the request of `session` pass. The team's route gets `openid`, `unionid` if there is one, and `expires_at` (in
    /// seconds since the Unix epoch) as context.
    pub fn allow(&self, session: &Session) -> Answer {
        let mut context = json!({"openid": session.openid, "expires_at": session.expires_at.seconds()});
        // A context of REST APIs holds no null.
        if let Some(unionid) = &session.unionid {
            context["unionid"] = unionid.as_str().into();
        }
        if self.is_simple() {
            return Answer(json!({"isAuthorized": true, "context": context}));
        }
        let mut policy = self.policy("Allow", &session.openid);
        policy["context"] = context;
        Answer(policy)
    }

    /// Lets the request not pass.
    pub fn deny(&self) -> Answer {
        if self.is_simple() {
            return Answer(json!({"isAuthorized": false}));
        }
        Answer(self.policy("Deny", "nobody"))
    }

    fn is_simple(&self) -> bool {
        self.version.as_deref() == Some("2.0")
    }

    fn policy(&self, effect: &str, principal: &str) -> Value {
        json!({
            "principalId": principal,
            "policyDocument": {
                "Version": "2012-10-17",
                "Statement": [{"Action": "execute-api:Invoke", "Effect": effect, "Resource": self.every_route()}],
            },
        })
    }

    /// Every route of the API's stage: `arn:…:<api>/<stage>/*`. API Gateway keeps the policy for the token and applies it to the other
    /// routes too, so one that named this route only would refuse those.
    fn every_route(&self) -> String {
        let arn = self.method_arn.as_deref().unwrap_or_default();
        let mut parts = arn.splitn(3, '/');
        match (parts.next(), parts.next()) {
            (Some(api), Some(stage)) if api.starts_with("arn:") => format!("{api}/{stage}/*"),
            _ => "*".to_owned(),
        }
    }
}
