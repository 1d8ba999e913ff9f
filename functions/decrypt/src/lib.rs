//! `POST /decrypt`: what the client encrypted and signed with the `session_key`, opened and checked.

#![cfg_attr(not(test), warn(clippy::expect_used, clippy::panic, clippy::unwrap_used))]

mod client_data;

use client_data::{Encrypted, SessionKey};
use miniprogram::App;
use miniprogram::error::{Error, Failure};
use miniprogram::http::{Call, Fields, Reply};
use std::sync::Arc;

/// Maximum size of a body on this route, in bytes after base64 is undone.
const MAX_BODY: usize = 64 * 1024;

/// Opens `encryptedData` for the caller, and checks `signature` over `rawData` if they are there.
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
    Reply::ok(&data)
}

/// `rawData` and `signature`: both or neither.
fn signed(fields: &Fields) -> Result<Option<(&str, &str)>, Error> {
    if fields.get("rawData").is_none() && fields.get("signature").is_none() {
        return Ok(None);
    }
    Ok(Some((fields.text("rawData")?, fields.text("signature")?)))
}
