//! `/user`: what is stored of a user, read, changed and erased by the user. `POST /logout`: the end of sessions.

#![cfg_attr(not(test), warn(clippy::expect_used, clippy::panic, clippy::unwrap_used))]

use lambda_http::http::Method;
use miniprogram::App;
use miniprogram::app::find;
use miniprogram::error::{Error, Failure};
use miniprogram::http::{Call, Fields, Reply};
use miniprogram::profile::{Avatar, Name};
use miniprogram::session::{Caller, TokenHash};
use miniprogram::store::{Change, End, Ending, Found, StoredUser};
use secrecy::ExposeSecret;
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
    reply(app, call, &caller, &user).await
}

async fn change(app: &App, call: &Call) -> Result<Reply, Error> {
    let caller = app.authenticate(call).await?;
    let change = wanted(&call.fields()?)?;
    let user = app.store.change_user(&caller, &change, &call.scope).await?.ok_or(ended())?;
    reply(app, call, &caller, &user).await
}

async fn erase(app: &App, call: &Call) -> Result<Reply, Error> {
    let (hash, found) = find(app, call).await?;
    end(app, call, &hash, &found, End::User).await
}

async fn log_out(app: &App, call: &Call) -> Result<Reply, Error> {
    let (hash, found) = find(app, call).await?;
    let all = call.fields().and_then(|fields| fields.switch("all"));
    // Who is not logged in learns that first.
    let end_of = if all.as_ref().is_ok_and(|all| *all) { End::Sessions } else { End::Session };
    if Ending::of(&found, &hash, end_of, app.clock.now()).is_none() {
        return Err(ended());
    }
    all?;
    end(app, call, &hash, &found, end_of).await
}

async fn end(app: &App, call: &Call, hash: &TokenHash, found: &Found, end: End) -> Result<Reply, Error> {
    let ending = Ending::of(found, hash, end, app.clock.now()).ok_or(ended())?;
    if app.store.end(&ending, &app.clock, &call.scope).await? {
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

async fn reply(app: &App, call: &Call, caller: &Caller, user: &StoredUser) -> Result<Reply, Error> {
    let phone = match &user.phone {
        Some(sealed) => {
            let keyring = app.secrets.keyring(&call.scope).await?;
            let number = sealed.open(&keyring, caller.session.user());
            if number.is_err() {
                call.scope.log.damaged_phone();
            }
            // The rest of the user does not depend on it; the next tap of the phone button replaces it.
            number.ok().map(|number| (number, sealed.country_code.as_str()))
        }
        None => None,
    };
    Reply::ok(&User {
        openid: &user.openid,
        unionid: user.unionid.as_deref(),
        name: user.name.as_deref(),
        avatar: user.avatar.as_deref(),
        phone: phone.as_ref().map(|(number, _)| number.expose_secret()),
        country_code: phone.as_ref().map(|(_, country_code)| *country_code),
        created_at: &user.created_at,
    })
}

fn ended() -> Error {
    Error::new(Failure::Unauthorized, "session ended meanwhile")
}
