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
        // What cannot be said to be allowed on one API's stage only is not allowed at all.
        let Some(every_route) = self.every_route() else {
            return self.deny();
        };
        let mut policy = policy("Allow", &session.openid, &every_route);
        policy["context"] = context;
        Answer(policy)
    }

    /// Lets the request not pass.
    pub fn deny(&self) -> Answer {
        if self.is_simple() {
            return Answer(json!({"isAuthorized": false}));
        }
        Answer(policy("Deny", "nobody", self.every_route().as_deref().unwrap_or("*")))
    }

    fn is_simple(&self) -> bool {
        self.version.as_deref() == Some("2.0")
    }

    /// Every route of the API's stage: `arn:…:<api>/<stage>/*`; `None` without a usable `methodArn`. API Gateway keeps the policy
    /// for the token and applies it to the other routes too, so one that named this route only would refuse those.
    fn every_route(&self) -> Option<String> {
        // arn:<partition>:execute-api:<region>:<account>:<api>/<stage>/<method>/<path>
        let mut parts = self.method_arn.as_deref()?.splitn(3, '/');
        let (api, stage) = (parts.next()?, parts.next()?);
        let fields: Vec<&str> = api.split(':').collect();
        let is_plain = |text: &str| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_$".contains(&byte))
        };
        let is_api = matches!(fields[..], ["arn", _, "execute-api", ..]) && fields.len() == 6;
        (is_api && fields.iter().all(|field| is_plain(field)) && is_plain(stage)).then(|| format!("{api}/{stage}/*"))
    }
}

fn policy(effect: &str, principal: &str, resource: &str) -> Value {
    json!({
        "principalId": principal,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}],
        },
    })
}
