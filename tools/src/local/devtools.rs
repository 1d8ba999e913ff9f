//! `--devtools`: one code for every login.
//!
//! Without an AppId of one's own, `wx.login` of WeChat DevTools gives the same text each time, `the code is a mock one`. The
//! back end rightly takes a code seen before for a repeated request: the same session, and nothing after a logout. So each
//! login gets a code of its own here; a repetition of a login keeps its code, as long as that login's session lives.

use crate::fakes::gateway::Function;
use crate::fakes::wechat::WeChat;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use miniprogram::clock::{Timestamp, system_now};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Codes have at most 512 characters.
const MAX_INVENTED: usize = 480;

/// Puts the number of the login behind each code that `wechat` has not issued.
pub(super) fn tell_logins_apart(functions: &mut HashMap<&'static str, Function>, wechat: &WeChat) {
    // Another number than those of the last run, whose sessions --data may have kept.
    let login = Arc::new(AtomicU64::new(Timestamp::from(system_now()).seconds()));
    for (path, function) in functions.iter_mut() {
        let (inner, wechat, login) = (Arc::clone(function), wechat.clone(), Arc::clone(&login));
        let path = *path;
        *function = Arc::new(move |mut event, timeout| {
            let (inner, wechat, login) = (Arc::clone(&inner), wechat.clone(), Arc::clone(&login));
            Box::pin(async move {
                let mut invented = false;
                if path == "/login"
                    && let Some(body) = numbered(&event, login.load(Ordering::SeqCst), &wechat)
                {
                    invented = true;
                    event["body"] = body.into();
                    event["isBase64Encoded"] = false.into();
                }
                let method = event["requestContext"]["http"]["method"].clone();
                let answer = inner(event, timeout).await;
                let ended = answer["statusCode"] == 200 && (path == "/logout" || path == "/user" && method == "DELETE");
                let refused = invented && answer["body"].as_str().is_some_and(|body| body.contains("\"invalid_code\""));
                if ended || refused {
                    login.fetch_add(1, Ordering::SeqCst);
                }
                answer
            })
        });
    }
}

/// The body with the code's number; `None` if the code was issued, or cannot be found.
fn numbered(event: &Value, login: u64, wechat: &WeChat) -> Option<String> {
    let text = event["body"].as_str()?;
    let bytes = match event["isBase64Encoded"] == true {
        true => STANDARD.decode(text).ok()?,
        false => text.to_owned().into_bytes(),
    };
    let mut body: Value = serde_json::from_slice(&bytes).ok()?;
    let code =
        body["code"].as_str().filter(|code| (1..=MAX_INVENTED).contains(&code.len()) && !wechat.has_issued(code))?;
    body["code"] = format!("{code} {login}").into();
    Some(body.to_string())
}
