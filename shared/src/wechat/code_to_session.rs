//! `code2Session`: who the user is.

use super::answer::word;
use super::{Client, Error, Kind, call};
use crate::code::Code;
use crate::scope::Scope;
use crate::secrets::Credentials;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use std::sync::Arc;

/// The response of `code2Session`.
#[derive(Clone, Debug)]
pub struct CodeSession {
    /// The mini-program, as WeChat was asked in its name.
    pub app_id: String,
    /// The user, within this mini-program.
    pub openid: String,
    /// The user across the apps of one open-platform account, if the mini-program is bound to one.
    pub unionid: Option<String>,
    /// The key of what the client encrypts and signs.
    pub session_key: SecretString,
}

impl Client {
    /// Exchanges the code of `wx.login` for the user's `openid` and `session_key`.
    ///
    /// # Errors
    /// The obstacle; [`Error::repeated`] if an earlier try may have used the code.
    pub async fn code_to_session(&self, code: &Code, scope: &Scope) -> Result<CodeSession, Error> {
        self.call_with_credentials(scope, |credentials| self.jscode2session(credentials, code, scope)).await
    }

    /// One call of `GET /sns/jscode2session`.
    async fn jscode2session(
        &self,
        credentials: Arc<Credentials>,
        code: &Code,
        scope: &Scope,
    ) -> Result<CodeSession, Error> {
        let request = self.http.get(format!("{}/sns/jscode2session", self.base_url)).query(&[
            ("appid", credentials.app_id.as_str()),
            ("secret", credentials.app_secret.expose_secret()),
            ("js_code", code.expose()),
            ("grant_type", "authorization_code"),
        ]);
        CodeSession::from_answer(call(request, scope).await?, &credentials.app_id)
    }
}

impl CodeSession {
    /// Reads a successful answer.
    pub(super) fn from_answer(mut answer: Map<String, Value>, app_id: &str) -> Result<Self, Error> {
        // Ids have 28 characters and a session_key has 24. Bounds keep an odd answer from filling the tables.
        let mut word = |name| word(&mut answer, name, 128);
        let openid = word("openid").ok_or(Kind::Unavailable("WeChat: success without openid"))?;
        let session_key = word("session_key").ok_or(Kind::Unavailable("WeChat: success without session_key"))?;
        Ok(Self { app_id: app_id.to_owned(), openid, unionid: word("unionid"), session_key: session_key.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::read;
    use super::*;

    fn session(body: &str) -> Result<CodeSession, Error> {
        read(body.as_bytes()).and_then(|answer| CodeSession::from_answer(answer, "wx"))
    }

    #[test]
    fn a_full_answer_is_read() {
        let got = session(r#"{"openid":"o1","session_key":"a\/b==","unionid":"u1","errcode":0}"#).unwrap();
        assert_eq!(got.openid, "o1");
        assert_eq!(got.session_key.expose_secret(), "a/b==");
        assert_eq!(got.unionid.as_deref(), Some("u1"));
    }

    #[test]
    fn success_needs_neither_errcode_nor_unionid() {
        let got = session(r#"{"openid":"o1","session_key":"k"}"#).unwrap();
        assert_eq!(got.unionid, None);
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        assert!(session("\u{feff}{\"openid\":\"o1\",\"session_key\":\"k\"}").is_ok());
    }

    #[test]
    fn an_errcode_may_be_a_string() {
        let error = session(r#"{"errcode":"40029","errmsg":"x"}"#).unwrap_err();
        assert_eq!(error.kind, Kind::InvalidCode);
        assert!(session(r#"{"openid":"o1","session_key":"k","errcode":"0"}"#).is_ok());
    }

    #[test]
    fn an_error_wins_over_an_openid() {
        let error = session(r#"{"openid":"o1","session_key":"k","errcode":40163}"#).unwrap_err();
        assert_eq!(error.kind, Kind::UsedCode);
    }

    #[test]
    fn a_success_without_what_must_be_there_is_none() {
        for body in [
            "",
            "{}",
            "[]",
            "null",
            "<html>",
            r#"{"errcode":0}"#,
            r#"{"openid":"o1"}"#,
            r#"{"session_key":"k"}"#,
            r#"{"openid":"","session_key":"k"}"#,
            r#"{"openid":7,"session_key":"k"}"#,
            r#"{"openid":"a b","session_key":"k"}"#,
            r#"{"openid":"o1","session_key":null}"#,
            r#"{"openid":"o1","session_key":"k","errcode":{}}"#,
            r#"{"openid":"o1","session_key":"k","errcode":true}"#,
            r#"{"openid":"o1","session_key":"k""#,
        ] {
            let error = session(body).unwrap_err();
            assert!(matches!(error.kind, Kind::Unavailable(_)), "{body}");
        }
    }
}
