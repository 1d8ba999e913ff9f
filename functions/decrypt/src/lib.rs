//! `POST /decrypt`: what the client encrypted and signed with the `session_key`, opened and checked.

#![cfg_attr(not(test), warn(clippy::expect_used, clippy::panic, clippy::unwrap_used))]

mod client_data;

use client_data::{Encrypted, SessionKey};
use miniprogram::App;
use miniprogram::clock::Timestamp;
use miniprogram::error::{Error, Failure};
use miniprogram::http::{Call, Fields, Reply};
use std::sync::Arc;

/// Maximum size of a body on this route, in bytes after base64 is undone.
const MAX_BODY: usize = 64 * 1024;

/// Opens `encryptedData` for the caller, and checks `signature` over `rawData` if they are there.
///
/// WeChat's scheme authenticates nothing: AES-CBC without a MAC lets whoever hands the data in change its first 16 bytes at will
/// through `iv`, and garble any later block to change the one after it. That it opens, has a watermark and is recent makes an
/// accident unlikely, not a forgery by the user themselves. Do not base money or rights on it.
///
/// # Errors
/// By the contract: no live session, a field that is missing or cannot be what it should, a `session_key` that is not the one
/// that the client used, data of another mini-program, and what is wrong with the services behind.
pub async fn handle(app: Arc<App>, call: Call) -> Result<Reply, Error> {
    call.require_post()?;
    let caller = app.authenticate(&call).await?;
    let fields = call.fields_within(MAX_BODY)?;
    let encrypted = Encrypted::parse(fields.text("encryptedData")?, fields.text("iv")?);
    let encrypted = encrypted.ok_or_else(|| Error::new(Failure::MalformedRequest, "encryptedData or iv malformed"))?;
    let signed = signed(&fields)?;

    let keyring = app.secrets.keyring(&call.scope).await?;
    let stale = |cause| Error::new(Failure::SessionKeyStale, cause);
    let session_key = caller.token.open(&keyring, &caller.session.session_key);
    // A login gives the page another one.
    let session_key = session_key.map_err(|_| stale("session_key does not open"))?;
    let session_key = SessionKey::parse(&session_key).ok_or(stale("session_key malformed"))?;
    if let Some((raw_data, signature)) = signed
        && !session_key.signed(raw_data, signature)
    {
        return Err(stale("signature does not fit"));
    }
    let data = session_key.open(&encrypted).ok_or(stale("encryptedData does not open"))?;
    if data["watermark"]["appid"] != caller.session.appid {
        return Err(Error::new(Failure::CodeMismatch, "watermark of another mini-program"));
    }
    // Whoever saw the data once, in a log or on a stolen phone, must not be able to present it for ever.
    let made_at = Timestamp::from_seconds(data["watermark"]["timestamp"].as_u64().unwrap_or_default());
    if app.decrypt_max_age.is_some_and(|max_age| app.clock.now().since(made_at) > max_age) {
        return Err(stale("watermark too old"));
    }
    Reply::ok(&data)
}

/// `rawData` and `signature`: both or neither.
fn signed(fields: &Fields) -> Result<Option<(&str, &str)>, Error> {
    if fields.get("rawData").is_none() && fields.get("signature").is_none() {
        return Ok(None);
    }
    Ok(Some((fields.text("rawData")?, fields.text("signature")?)))
}
