//! `POST /phone`: the code of the phone button becomes the logged-in user's phone number.

#![cfg_attr(not(test), warn(clippy::expect_used, clippy::panic, clippy::unwrap_used))]

use miniprogram::App;
use miniprogram::error::{Error, Failure};
use miniprogram::http::{Call, Reply};
use miniprogram::keyring::Keyring;
use miniprogram::replay::{Look, PATIENCE, search};
use miniprogram::session::{Caller, REPLAY_WINDOW, Session};
use miniprogram::store::{SealedPhone, StoredPhone};
use miniprogram::wechat::{self, Kind, PhoneNumber};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use std::sync::Arc;

/// The `data` of the reply.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Phone<'a> {
    phone: &'a str,
    country_code: &'a str,
}

/// The caller, and the keys under which number and code are stored.
struct Asker {
    caller: Caller,
    keyring: Arc<Keyring>,
    /// The keyed hashes by which the code is known again, the current key's first.
    phone_codes: Vec<String>,
}

/// Fetches the caller's phone number from WeChat and keeps it.
///
/// # Errors
/// By the contract: no live session, no or a malformed code, one that WeChat does not accept or that is somebody else's,
/// too many requests, and what is wrong with the services behind.
pub async fn handle(app: Arc<App>, call: Call) -> Result<Reply, Error> {
    call.require_post()?;
    let caller = app.authenticate(&call).await?;
    let code = call.fields()?.code()?;
    let (credentials, keyring) = app.secrets.get(&call.scope).await?;
    let Session { appid, openid, .. } = caller.session.clone();
    if appid != credentials.app_id {
        // The cached AppId may be up to five minutes old: the operator may have put it right meanwhile.
        let changed = app.secrets.reread(&credentials, &call.scope).await;
        if changed.is_none_or(|changed| appid != changed.app_id) {
            return Err(Error::new(Failure::Unauthorized, "session of another mini-program"));
        }
    }
    let phone_codes = keyring.hash_all("phone code", &[&appid, &openid, code.expose()]);
    let asker = Asker { caller, keyring, phone_codes };
    let openid = app.send_openid_with_phone_code.then_some(openid.as_str());
    match app.wechat()?.phone_number(&code, &appid, openid, &call.scope).await {
        Ok(number) => keep(&app, &call, &asker, &number).await,
        Err(refusal) => replay(&app, &call, &asker, refusal).await,
    }
}

/// Keeps the number with the user whose session this still is.
async fn keep(app: &App, call: &Call, asker: &Asker, number: &PhoneNumber) -> Result<Reply, Error> {
    let sealed = SealedPhone::seal(
        &asker.keyring,
        asker.caller.session.user(),
        &number.pure,
        &number.country_code,
        app.clock.now(),
    )?;
    let stored = StoredPhone { sealed, phone_code: asker.phone_codes.first().cloned().unwrap_or_default() };
    if !app.store.put_phone(&asker.caller, &stored, &call.scope).await? {
        return Err(Error::new(Failure::Unauthorized, "session ended meanwhile"));
    }
    reply(&number.pure, &number.country_code)
}

/// Answers a code that WeChat refuses with the number that was fetched for it: the reply may have been lost on the way,
/// or another request with the same code may be at work right now. It only reads. WeChat's refusal does not tell a used
/// code from an unknown one, so every refused code is looked for with patience: asking the user again costs money.
async fn replay(app: &App, call: &Call, asker: &Asker, refusal: wechat::Error) -> Result<Reply, Error> {
    if !matches!(refusal.kind, Kind::InvalidCode | Kind::UsedCode) {
        return Err(refusal.into());
    }
    let look = || async {
        let stored = app.store.phone(&asker.caller, &call.scope).await?;
        Ok::<_, Error>(match stored.filter(|stored| asker.phone_codes.contains(&stored.phone_code)) {
            Some(stored) if app.clock.now().since(stored.sealed.at) < REPLAY_WINDOW => Look::Found(stored),
            Some(_) => Look::Never,
            None => Look::NotYet,
        })
    };
    let Some(stored) = search(PATIENCE, &call.scope, look).await? else {
        return Err(refusal.into());
    };
    call.scope.log.replayed();
    reply(&stored.sealed.open(&asker.keyring, asker.caller.session.user())?, &stored.sealed.country_code)
}

fn reply(phone: &SecretString, country_code: &str) -> Result<Reply, Error> {
    Reply::ok(&Phone { phone: phone.expose_secret(), country_code })
}
