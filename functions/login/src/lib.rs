//! `POST /login`: the `code` of `wx.login` becomes a session.

#![cfg_attr(not(test), warn(clippy::expect_used, clippy::panic, clippy::unwrap_used))]

use miniprogram::App;
use miniprogram::clock::Timestamp;
use miniprogram::code::Code;
use miniprogram::error::{Error, Failure};
use miniprogram::http::{Call, Reply};
use miniprogram::keyring::Keyring;
use miniprogram::replay::{Look, PATIENCE, search};
use miniprogram::session::{Session, Token};
use miniprogram::store::{Found, Login};
use miniprogram::wechat::{self, CodeSession, Kind};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// The `data` of the reply.
#[derive(Serialize)]
struct LoggedIn<'a> {
    token: &'a str,
    openid: &'a str,
}

/// Logs a user in.
///
/// # Errors
/// By the contract: no or a malformed code, one that WeChat does not accept, a blocked user, too many requests,
/// and what is wrong with the services behind.
pub async fn handle(app: Arc<App>, call: Call) -> Result<Reply, Error> {
    call.require_post()?;
    let began = app.clock.now();
    let code = call.fields()?.code()?;
    // Before the code is spent: after it there is time for the write only.
    let (_, keyring) = app.secrets.get(&call.scope).await?;
    match app.wechat()?.code_to_session(&code, &call.scope).await {
        Ok(known) => open(&app, &call, &keyring, &code, known, began).await,
        Err(refusal) => replay(&app, &call, &code, refusal).await,
    }
}

/// Opens the session of a user whom WeChat knows, by a request that `began` before WeChat was asked.
async fn open(
    app: &App,
    call: &Call,
    keyring: &Keyring,
    code: &Code,
    known: CodeSession,
    began: Timestamp,
) -> Result<Reply, Error> {
    let token = Token::from_code(keyring, &known.app_id, code)?;
    let now = app.clock.now().max(began);
    let session = Session {
        openid: known.openid,
        unionid: known.unionid,
        appid: known.app_id,
        session_key: token.seal(keyring, &known.session_key)?,
        created_at: now,
        expires_at: now + app.session_ttl,
    };
    let hash = token.hash();
    match app.store.log_in(&hash, &session, began, &call.scope).await? {
        Login::Opened => reply(&token, &session),
        Login::AlreadyOpen(theirs) if theirs.openid == session.openid => {
            call.scope.log.replayed();
            reply(&token, &theirs)
        }
        Login::Ended => Err(Error::new(Failure::InvalidCode, "session ended meanwhile")),
        Login::AlreadyOpen(_) => Err(Error::new(Failure::WechatUnavailable, "WeChat: one code, two users")),
    }
}

/// Answers a code that was used before with the session that it opened: the reply may have been lost on the way,
/// or another request with the same code may be at work right now. It only reads.
async fn replay(app: &App, call: &Call, code: &Code, refusal: wechat::Error) -> Result<Reply, Error> {
    let patience = match refusal.kind {
        Kind::UsedCode => PATIENCE,
        Kind::InvalidCode => Duration::ZERO,
        _ => return Err(refusal.into()),
    };
    let (credentials, keyring) = app.secrets.get(&call.scope).await?;
    let tokens = Token::candidates(&keyring, &credentials.app_id, code);
    let look = || async {
        for token in &tokens {
            match app.store.session(&token.hash(), &call.scope).await? {
                Found::Session(session) if session.may_replay(app.clock.now()) => {
                    return Ok(Look::Found((token, session)));
                }
                Found::Session(_) | Found::Ended(_) => return Ok(Look::Never),
                Found::Nothing => {}
            }
        }
        Ok::<_, Error>(Look::NotYet)
    };
    match search(patience, &call.scope, look).await? {
        Some((token, session)) => {
            call.scope.log.replayed();
            reply(token, &session)
        }
        None => Err(refusal.into()),
    }
}

fn reply(token: &Token, session: &Session) -> Result<Reply, Error> {
    Reply::ok(&LoggedIn { token: token.expose(), openid: &session.openid })
}
