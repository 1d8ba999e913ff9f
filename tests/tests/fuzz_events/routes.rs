//! The functions behind the routes, and their sample events.

use super::contract::Route;
use fastrand::Rng;
use futures_util::FutureExt;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tools::app::{SAMPLE_TOKEN, TestApp, authorizer, functions, open_sample_session};
use tools::fakes::gateway::{self, FUNCTION_TIMEOUT, Function};
use tools::fakes::wechat::{SAMPLE_LOGIN_CODE, SAMPLE_OPENID, SAMPLE_PHONE_CODE};

/// One route with what stands behind it.
pub struct Behind {
    pub route: &'static Route,
    app: TestApp,
    function: Function,
    samples: Vec<String>,
    /// Sessions that nobody uses just now, each of a user of its own.
    tokens: Mutex<Vec<String>>,
}

impl Behind {
    pub async fn start(route: &'static Route) -> Self {
        let app = TestApp::start_unhurried().await;
        open_sample_session(&app.config, &app.aws, &app.clock).await;
        let function = match functions(&app.config, &app.aws, &app.clock).remove(route.path) {
            Some(function) => function,
            None => ask_authorizer(&app),
        };
        Self { route, app, function, samples: samples(route), tokens: Mutex::default() }
    }

    /// A session that nobody else uses, where sessions may end.
    pub async fn token(&self) -> String {
        // So that the user of the samples does not log in too often a minute.
        self.app.clock.advance(Duration::from_secs(1));
        if !self.route.ends_sessions {
            return SAMPLE_TOKEN.to_owned();
        }
        let unused = self.tokens.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match unused {
            Some(token) => token,
            None => self.log_in().await,
        }
    }

    /// The token of a new user, however busy this machine is.
    async fn log_in(&self) -> String {
        loop {
            let answer = self.app.login(&self.app.wechat.login_code("")).await;
            if answer.outcome() == Route::DONE {
                return answer.data("token");
            }
        }
    }

    /// Lets others use the session.
    pub fn keep(&self, token: String) {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).push(token);
    }

    /// The same, but for a session that the call has ended: a success without data.
    pub fn keep_unless_ended(&self, token: String, answer: &Value) {
        let body = answer["body"].as_str().unwrap_or_default();
        let ended = answer["statusCode"] == 200 && body.contains(r#""data":null"#);
        if !ended {
            self.keep(token);
        }
    }

    /// A sample with this token, and now and then with a fresh code.
    pub fn sample(&self, token: &str, rng: &mut Rng) -> Value {
        let sample = &self.samples[rng.usize(..self.samples.len())];
        let mut sample = sample.replace(SAMPLE_TOKEN, token);
        if rng.u8(..4) == 0 && sample.contains(SAMPLE_LOGIN_CODE) {
            sample = sample.replace(SAMPLE_LOGIN_CODE, &self.app.wechat.login_code(""));
        }
        if rng.u8(..4) == 0 && sample.contains(SAMPLE_PHONE_CODE) {
            sample = sample.replace(SAMPLE_PHONE_CODE, &self.app.wechat.phone_code(SAMPLE_OPENID, ""));
        }
        serde_json::from_str(&sample).expect("JSON")
    }

    pub async fn answer(&self, event: Value) -> Value {
        (self.function)(event, FUNCTION_TIMEOUT).await
    }
}

/// The authorizer, as if it were a function behind a route.
fn ask_authorizer(app: &TestApp) -> Function {
    let authorizer = authorizer(&app.config, &app.aws, &app.clock);
    Arc::new(move |event, _| {
        let authorizer = authorizer.clone();
        let answer = async move { gateway::authorize(&authorizer, event).await };
        answer
            .map(|answer| match answer {
                Err(error) if error == "the session cannot be read" => json!({"errorType": error}),
                Err(_) => json!({"errorType": "event"}),
                Ok(answer) => answer,
            })
            .boxed()
    })
}

/// Sample events of a route, by the first part of their file's name.
fn samples(route: &Route) -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../events");
    let files = std::fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path());
    let name = route.path.trim_start_matches('/');
    let mut ours: Vec<_> = files
        .filter(|path| {
            let stem = path.file_stem().expect("a name").to_string_lossy();
            stem.split('-').next() == Some(name)
        })
        .collect();
    ours.sort();
    assert!(!ours.is_empty(), "no sample of {}", route.path);
    let read = |path| std::fs::read_to_string(path).expect("a file");
    let mut samples: Vec<String> = ours.into_iter().map(read).collect();
    let more: Vec<String> = samples.iter().flat_map(|sample| (route.more)(sample)).collect();
    samples.extend(more);
    samples
}
