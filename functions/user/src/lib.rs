//! `/user`: what is stored of a user, read, changed and erased by the user. `POST /logout`: the end of sessions.

#![cfg_attr(not(test), warn(clippy::expect_used, clippy::panic, clippy::unwrap_used))]

use lambda_http::http::Method;
use miniprogram::App;
use miniprogram::error::{Error, Failure};
use miniprogram::http::{Call, Fields, Reply};
use miniprogram::keyring::Place;
use miniprogram::profile::{Avatar, Name};
use miniprogram::session::Caller;
use miniprogram::store::{Change, End, StoredUser};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use std::sync::Arc;

/// The `data` of the reply.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct User<'a> {
    openid: &'a str,
    unionid: Option<&'a str>,
    name: Option<&'a str>,
    avatar: Option<&'a str>,
    phone: Option<&'a str>,
    country_code: Option<&'a str>,
    #[serde(rename = "created_at")]
    created_at: &'a str,
}

/// Answers for both paths, by the last part of the path.
///
/// # Errors
/// By the contract: no live session, fields out of bounds, and what is wrong with the services behind.
pub async fn handle(app: Arc<App>, call: Call) -> Result<Reply, Error> {
    if call.path_end() == "logout" {
        call.require_post()?;
        return log_out(&app, &call).await;
    }
    match *call.method() {
        Method::GET => read(&app, &call).await,
        Method::PUT => change(&app, &call).await,
        Method::DELETE => erase(&app, &call).await,
        _ => Err(Error::new(Failure::MethodNotAllowed("GET, PUT, DELETE"), "wrong method")),
    }
}

async fn read(app: &App, call: &Call) -> Result<Reply, Error> {
    let caller = app.authenticate(call).await?;
    let user = app.store.user(&caller, &call.scope).await?.ok_or(ended())?;
    reply(app, call, &user).await
}

async fn change(app: &App, call: &Call) -> Result<Reply, Error> {
    let caller = app.authenticate(call).await?;
    let change = wanted(&call.fields()?)?;
    let user = app.store.change_user(&caller, &change, &call.scope).await?.ok_or(ended())?;
    reply(app, call, &user).await
}

async fn erase(app: &App, call: &Call) -> Result<Reply, Error> {
    let caller = app.authenticate(call).await?;
    end_all(app, call, &caller, End::User).await
}

async fn log_out(app: &App, call: &Call) -> Result<Reply, Error> {
    let caller = app.authenticate(call).await?;
    if call.fields()?.switch("all")? {
        return end_all(app, call, &caller, End::Sessions).await;
    }
    app.store.log_out(&caller, app.clock.now(), &call.scope).await?;
    Ok(Reply::done())
}

async fn end_all(app: &App, call: &Call, caller: &Caller, end: End) -> Result<Reply, Error> {
    if app.store.end_all(caller, end, &app.clock, &call.scope).await? {
        return Ok(Reply::done());
    }
    Err(ended())
}

/// Reads the change that the body asks for. A field that is absent or null stays as it is.
fn wanted(fields: &Fields) -> Result<Change, Error> {
    let out_of_bounds = |cause| move || Error::new(Failure::InvalidField, cause);
    let name = fields.get("name").map(|name| name.as_str().and_then(Name::parse));
    let name = name.map(|name| name.ok_or_else(out_of_bounds("name out of bounds"))).transpose()?;
    let avatar = fields.get("avatar").map(|avatar| avatar.as_str().and_then(Avatar::parse));
    let avatar = avatar.map(|avatar| avatar.ok_or_else(out_of_bounds("avatar out of bounds"))).transpose()?;
    if name.is_none() && avatar.is_none() {
        return Err(Error::new(Failure::MissingParameter, "neither name nor avatar"));
    }
    Ok(Change { name, avatar })
}

async fn reply(app: &App, call: &Call, user: &StoredUser) -> Result<Reply, Error> {
    let phone = match &user.phone {
        Some(sealed) => {
            let keyring = app.secrets.keyring(&call.scope).await?;
            Some(keyring.open(sealed, b"", Place::of_phone(&user.openid))?)
        }
        None => None,
    };
    Reply::ok(&User {
        openid: &user.openid,
        unionid: user.unionid.as_deref(),
        name: user.name.as_deref(),
        avatar: user.avatar.as_deref(),
        phone: phone.as_ref().map(SecretString::expose_secret),
        country_code: user.country_code.as_deref(),
        created_at: &user.created_at,
    })
}

fn ended() -> Error {
    Error::new(Failure::Unauthorized, "session ended meanwhile")
}
