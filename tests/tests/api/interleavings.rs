//! Two users over random interleavings of all routes, against a simple model: each reads only what is theirs, and what has ended
//! stays ended.

use fastrand::Rng;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tests::invariants::violations;
use tools::app::{Answer, TestApp};
use tools::leaks::Canaries;

const INTERLEAVINGS: u64 = 1_000;
const STEPS: usize = 8;

/// A user as the model knows them.
struct User {
    openid: String,
    /// What `GET /user` must answer; `None` while there is no user.
    stored: Option<Stored>,
    sessions: Vec<Session>,
    /// How often WeChat has made a `session_key` for them.
    logins: usize,
}

#[derive(Clone, Default)]
struct Stored {
    name: Option<String>,
    avatar: Option<String>,
    phone: Option<String>,
}

struct Session {
    code: String,
    token: String,
    live: bool,
    /// The step that ended it with its own token, and may be repeated.
    ended_by: Option<u8>,
    /// Which of the user's logins it was.
    login: usize,
}

impl User {
    fn new(openid: String) -> Self {
        Self { openid, stored: None, sessions: Vec::new(), logins: 0 }
    }

    fn end_all(&mut self) {
        self.sessions.iter_mut().for_each(|session| session.live = false);
    }

    fn assert_is(&self, answer: &Answer) {
        let stored = self.stored.as_ref().expect("a live session has its user");
        let data = &answer.body["data"];
        let expected = json!({
            "openid": self.openid, "unionid": null, "name": stored.name, "avatar": stored.avatar, "phone": stored.phone,
            "countryCode": stored.phone.as_ref().map(|_| "86"), "created_at": data["created_at"],
        });
        assert_eq!((answer.outcome(), data), ("ok", &expected));
    }
}

async fn log_in(app: &TestApp, user: &mut User) {
    let code = app.wechat.login_code(&user.openid);
    let answer = app.login(&code).await;
    assert_eq!(answer.data("openid"), user.openid);
    user.logins += 1;
    user.stored.get_or_insert_default();
    let token = answer.data("token");
    user.sessions.push(Session { code, token, live: true, ended_by: None, login: user.logins });
}

/// One step of `user`, with any session that they ever had; `other` is the other user's openid.
async fn step(app: &TestApp, user: &mut User, other: &str, random: &mut Rng) {
    let which = random.usize(..user.sessions.len().max(1));
    let action = random.u8(..12);
    if user.sessions.is_empty() || action < 2 {
        return log_in(app, user).await;
    }
    let Session { code, token, live, login, .. } = &user.sessions[which];
    let (code, token, live, login) = (code.clone(), token.clone(), *live, *login);
    let call = async |method, path, body: Value| app.call(&token, method, path, &body).await;
    let repeats = user.sessions[which].ended_by == Some(action);
    let expected = if live || repeats { "ok" } else { "unauthorized" };
    match action {
        2 => {
            let answer = app.login(&code).await;
            assert_eq!(answer.outcome(), if live { "ok" } else { "invalid_code" });
            assert_eq!(answer.body["data"]["token"], if live { token.into() } else { Value::Null });
        }
        3 => {
            let number = format!("139{:08}", random.u32(..100_000_000));
            let answer = app.phone(&token, &app.wechat.phone_code(&user.openid, &number)).await;
            assert_eq!(answer.outcome(), expected);
            if let (true, Some(stored)) = (live, &mut user.stored) {
                stored.phone = Some(number);
            }
        }
        4 => {
            let answer = app.phone(&token, &app.wechat.phone_code(other, "13800000000")).await;
            assert_eq!(answer.outcome(), if live { "code_mismatch" } else { "unauthorized" });
        }
        5 => {
            let name = format!("n{}", random.u32(..));
            let avatar = random.bool().then(|| format!("https://a.example/{}", random.u32(..)));
            let answer = call("PUT", "/user", json!({"name": name, "avatar": avatar})).await;
            assert_eq!(answer.outcome(), expected);
            if let (true, Some(stored)) = (live, &mut user.stored) {
                stored.name = Some(name);
                stored.avatar = avatar.or(stored.avatar.take());
                user.assert_is(&answer);
            }
        }
        6 => {
            assert_eq!(call("POST", "/logout", Value::Null).await.outcome(), expected);
            if live {
                user.sessions[which].ended_by = Some(action);
            }
            user.sessions[which].live = false;
        }
        7 => {
            assert_eq!(call("POST", "/logout", json!({"all": true})).await.outcome(), expected);
            app.pass_margin();
            if live {
                user.sessions[which].ended_by = Some(action);
                user.end_all();
            }
        }
        8 => {
            assert_eq!(call("DELETE", "/user", Value::Null).await.outcome(), expected);
            app.pass_margin();
            if live {
                user.sessions[which].ended_by = Some(action);
                user.end_all();
                user.stored = None;
            }
        }
        9 => {
            let data = app.wechat.client_data(&user.openid, &json!({"whose": user.openid}));
            let answer = call("POST", "/decrypt", data.json()).await;
            let fresh = login == user.logins;
            let expected = if live && !fresh { "session_key_stale" } else { expected };
            assert_eq!(answer.outcome(), expected);
            if expected == "ok" {
                assert_eq!(answer.data("whose"), user.openid);
            }
        }
        10 => {
            let headers = json!({"authorization": format!("Bearer {token}")});
            let answer = app.authorize(json!({"version": "2.0", "headers": headers})).await.expect("an answer");
            assert_eq!(answer["isAuthorized"], live);
            assert_eq!(answer["context"]["openid"], if live { user.openid.as_str().into() } else { Value::Null });
        }
        _ => {
            let answer = call("GET", "/user", Value::Null).await;
            assert_eq!(answer.outcome(), expected);
            if live {
                user.assert_is(&answer);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_users_never_meet_over_a_thousand_interleavings() {
    let app = TestApp::start_unhurried().await;
    let interleaving = async |seed: u64| {
        let mut random = Rng::with_seed(seed);
        let mut users = ["Alice", "Bob"].map(|name| User::new(format!("o{name}{seed}")));
        for _ in 0..STEPS {
            let [alice, bob] = &mut users;
            let (user, other) = if random.bool() { (alice, bob) } else { (bob, alice) };
            step(&app, user, &other.openid, &mut random).await;
        }
    };
    let seeds = futures_util::stream::iter(0..INTERLEAVINGS);
    seeds.for_each_concurrent(8, interleaving).await;
    assert_eq!(violations(&app, &Canaries::default()).await, [""; 0]);
}
