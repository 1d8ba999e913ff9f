//! `POST /login`: the `code` of `wx.login` becomes a session.

#![cfg_attr(not(test), warn(clippy::expect_used, clippy::panic, clippy::unwrap_used))]

use miniprogram::App;
use miniprogram::error::{Error, Failure};
use miniprogram::http::{Call, Reply};
use miniprogram::keyring::Keyring;
use miniprogram::log::Service;
use miniprogram::session::{Session, Token};
use miniprogram::store::Login;
use miniprogram::wechat::{self, Code, CodeSession, Kind};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long to look for a session that another request may be in the middle of opening: what the winner may take to
/// write it ([`miniprogram::aws::CALL`]), and some time for WeChat's answer to reach the winner.
const PATIENCE: Duration = Duration::from_millis(2500);

/// The first pause between two looks; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The `data` of the reply.
#[derive(Debug, Serialize)]
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
    let code = call.fields()?.code()?;
    let (credentials, keyring) = app.secrets.get(call.deadline).await?;
    let asked = app
        .wechat
        .code_to_session(&code, credentials, &app.secrets, call.deadline);
    match call.log.time(Service::WeChat, asked).await {
        Ok(known) => open(&app, &call, &keyring, &code, known).await,
        Err(refusal) => replay(&app, &call, &code, refusal).await,
    }
}

/// Opens the session of a user whom WeChat knows.
async fn open(app: &App, call: &Call, keyring: &Keyring, code: &Code, known: CodeSession) -> Result<Reply, Error> {
    let token = Token::from_code(keyring, &known.app_id, code)?;
    let now = app.clock.now();
    let session = Session {
        openid: known.openid,
        unionid: known.unionid,
        appid: known.app_id,
        session_key: token.seal(keyring, &known.session_key)?,
        created_at: now,
        expires_at: now + app.session_ttl,
    };
    let hash = token.hash();
    let write = app.store.log_in(&hash, &session, call.deadline);
    match call.log.time(Service::DynamoDb, write).await? {
        Login::Opened => reply(&token, &session),
        Login::AlreadyOpen(theirs) if theirs.openid == session.openid => {
            call.log.replayed();
            reply(&token, &theirs)
        }
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
    let (credentials, keyring) = app.secrets.get(call.deadline).await?;
    let tokens = Token::candidates(&keyring, &credentials.app_id, code);
    let until = call.deadline.instant().min(Instant::now() + patience);
    let mut pause = FIRST_PAUSE;
    loop {
        for token in &tokens {
            let hash = token.hash();
            let read = app.store.session(&hash, call.deadline);
            let Some(session) = call.log.time(Service::DynamoDb, read).await? else {
                continue;
            };
            if !session.may_replay(app.clock.now()) {
                return Err(refusal.into());
            }
            call.log.replayed();
            return reply(token, &session);
        }
        if Instant::now() + pause > until {
            return Err(refusal.into());
        }
        sleep(pause).await;
        pause *= 2;
    }
}

fn reply(token: &Token, session: &Session) -> Result<Reply, Error> {
    Reply::ok(&LoggedIn {
        token: token.expose(),
        openid: &session.openid,
    })
}
