//! The routes that every scenario goes through, and how a scenario asks for them.

mod contract;

use axum::http::{HeaderMap, HeaderValue, header};
use serde_json::{Value, json};
use std::fmt::Display;
use tools::app::{APP_ID, TestApp};
use tools::fakes::gateway;
use tools::faults::Service;
use tools::leaks::Canaries;

pub use contract::Verdict;

/// A route, and how a scenario asks for it.
#[derive(Debug)]
pub struct Route {
    /// What the figures call it.
    pub name: &'static str,
    /// The function's binary.
    pub function: &'static str,
    /// The method.
    pub method: &'static str,
    /// The path.
    pub path: &'static str,
    /// The services that it speaks to.
    pub services: &'static [Service],
    /// Whether it takes a session.
    pub bearer: bool,
    /// Whether the user's phone number is known before.
    pub phone: bool,
    /// A fresh body for this user; null is none.
    pub body: fn(&TestApp, &str) -> Value,
    /// Whether `data` is what this user should get.
    pub is_right: fn(&Value, &str) -> bool,
    /// What the same request may be answered once more when all is well again, besides success: the page then asks for a
    /// new code, or is told that the session is gone, as it wanted.
    pub ask_again: &'static [&'static str],
    /// What it ends.
    pub ends: Option<Ends>,
}

/// What a route ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// The session.
    Session,
    /// All sessions of the user.
    Sessions,
    /// The user.
    User,
}

const ALL: &[Service] = &[Service::DynamoDb, Service::SecretsManager, Service::WeChat];

/// A route of a user who has logged in; what the others have in common.
const OF_A_USER: Route = Route {
    name: "GET /user",
    function: "user",
    method: "GET",
    path: "/user",
    services: &[Service::DynamoDb, Service::SecretsManager],
    bearer: true,
    phone: true,
    body: |_, _| Value::Null,
    is_right: |data, openid| data["openid"] == openid && data["phone"] == number_of(openid),
    ask_again: &[],
    ends: None,
};

/// One that ends something.
const END: Route =
    Route { phone: false, is_right: |data, _| data.is_null(), ask_again: &["unauthorized"], ..OF_A_USER };

/// All of them.
pub const ROUTES: [Route; 9] = [
    Route {
        name: "POST /login",
        function: "login",
        method: "POST",
        path: "/login",
        services: ALL,
        bearer: false,
        phone: false,
        body: |app, openid| json!({"code": app.wechat.login_code(openid)}),
        is_right: |data, openid| {
            data["openid"] == openid && data["token"].as_str().is_some_and(|text| text.len() == 32)
        },
        ask_again: &["invalid_code"],
        ends: None,
    },
    Route {
        name: "POST /phone",
        function: "phone",
        method: "POST",
        path: "/phone",
        services: ALL,
        phone: false,
        body: |app, openid| json!({"code": app.wechat.phone_code(openid, &number_of(openid))}),
        is_right: |data, openid| data["phone"] == number_of(openid) && data["countryCode"] == "86",
        ask_again: &["invalid_code"],
        ..OF_A_USER
    },
    OF_A_USER,
    Route {
        name: "PUT /user",
        method: "PUT",
        body: |_, openid| json!({"name": openid, "avatar": "https://example.com/a.png"}),
        is_right: |data, openid| data["name"] == openid && data["phone"] == number_of(openid),
        ..OF_A_USER
    },
    Route { name: "DELETE /user", method: "DELETE", ends: Some(Ends::User), ..END },
    Route { name: "POST /logout", method: "POST", path: "/logout", ends: Some(Ends::Session), ..END },
    Route {
        name: "POST /logout of all",
        method: "POST",
        path: "/logout",
        body: |_, _| json!({"all": true}),
        ends: Some(Ends::Sessions),
        ..END
    },
    Route {
        name: "POST /decrypt",
        function: "decrypt",
        method: "POST",
        path: "/decrypt",
        phone: false,
        body: |app, openid| {
            let number = json!({"purePhoneNumber": number_of(openid), "countryCode": "86"});
            app.wechat.client_data(openid, &number).json()
        },
        is_right: |data, openid| data["purePhoneNumber"] == number_of(openid) && data["watermark"]["appid"] == APP_ID,
        ..OF_A_USER
    },
    Route {
        name: "authorizer",
        function: "authorizer",
        path: "/example",
        services: &[Service::DynamoDb],
        phone: false,
        is_right: |context, openid| context["openid"] == openid && context["expires_at"].is_u64(),
        ..OF_A_USER
    },
];

/// A request that can be sent again and again.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its route.
    pub route: &'static Route,
    /// Whose it is.
    pub openid: String,
    /// The session that it presents.
    pub token: Option<String>,
    /// As API Gateway hands it over.
    pub event: Value,
}

impl Route {
    /// The route that the figures call so.
    ///
    /// # Panics
    /// If there is none.
    pub fn named(name: &str) -> &'static Self {
        const ALL: &[Route] = &ROUTES;
        ALL.iter().find(|route| route.name == name).unwrap_or_else(|| panic!("no route {name}"))
    }

    /// A user of a scenario's whom no other route has.
    pub fn user(&self, scenario: &str, number: impl Display) -> String {
        let route: String = self.name.chars().filter(char::is_ascii_alphabetic).collect();
        format!("o{scenario}{route}-{number}")
    }

    /// A fresh request of this user, who has a session if the route takes one. `app` is asked directly.
    pub async fn request(&'static self, app: &TestApp, canaries: &Canaries, openid: &str) -> Request {
        let mut headers = HeaderMap::new();
        let mut session = None;
        if self.bearer {
            let token = log_in(app, openid).await;
            canaries.add("token", &token);
            canaries.add("session_key", &app.wechat.session_key(openid).expect("a user who has logged in"));
            let bearer = HeaderValue::from_str(&format!("Bearer {token}")).expect("a token");
            headers.insert(header::AUTHORIZATION, bearer);
            session = Some(token);
        }
        if let Some(token) = session.as_ref().filter(|_| self.phone) {
            give_phone(app, token, openid).await;
            canaries.add("phone number", &number_of(openid));
        }
        let body = (self.body)(app, openid);
        canaries.learn("/", body.to_string().as_bytes(), b"");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut event = gateway::event(self.method, self.path, &headers, body.as_bytes());
        if self.function == "authorizer" {
            event["type"] = "REQUEST".into();
        }
        Request { route: self, openid: openid.to_owned(), token: session, event }
    }
}

impl Request {
    /// What is wrong with the answer to this request when all is well again. `known` is what it was answered before, if
    /// anybody knows.
    pub fn fault(&self, verdict: &Verdict, known: Option<&Value>) -> Option<String> {
        let fine = match (verdict, known) {
            // The same end is done, as it was; or there is nobody left to answer.
            (Verdict::Failed(error), Some(_)) if self.route.ends.is_some() => error == "unauthorized",
            (Verdict::Right(data), known) => known.is_none_or(|known| known == data),
            (Verdict::Failed(error), None) => self.route.ask_again.contains(&error.as_str()),
            _ => false,
        };
        (!fine).then(|| format!("{} repeated: {verdict:?}, after {known:?}", self.route.name))
    }
}

/// A session of this user's. A machine that is busy with a scenario may need more than one try.
pub(super) async fn log_in(app: &TestApp, openid: &str) -> String {
    let code = app.wechat.login_code(openid);
    for _ in 0..10 {
        let answer = app.login(&code).await;
        if answer.status == 200 {
            return answer.data("token");
        }
    }
    panic!("{openid} cannot log in")
}

/// Has the user's number fetched, likewise.
async fn give_phone(app: &TestApp, token: &str, openid: &str) {
    let code = app.wechat.phone_code(openid, &number_of(openid));
    for _ in 0..10 {
        if app.phone(token, &code).await.status == 200 {
            return;
        }
    }
    panic!("{openid} gets no number")
}

/// The phone number of a user: eleven digits that nobody else has.
fn number_of(openid: &str) -> String {
    let hash = openid.bytes().fold(0_u64, |hash, byte| hash.wrapping_mul(1_099_511_628_211) ^ u64::from(byte));
    format!("13{:09}", hash % 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a repeat may be answered so, when nobody knows of an answer before and when there was one.
    fn fine(name: &str, verdict: &Verdict) -> (bool, bool) {
        let request = Request { route: Route::named(name), openid: "o".to_owned(), token: None, event: Value::Null };
        (request.fault(verdict, None).is_none(), request.fault(verdict, Some(&Value::Null)).is_none())
    }

    #[test]
    fn a_repeat_gets_the_same_answer_or_is_asked_for_a_new_code() {
        let failed = |name: &str| Verdict::Failed(name.to_owned());
        assert_eq!(fine("POST /login", &Verdict::Right(Value::Null)), (true, true));
        assert_eq!(fine("POST /login", &Verdict::Right(json!("another"))), (true, false));
        assert_eq!(fine("POST /login", &failed("invalid_code")), (true, false));
        assert_eq!(fine("POST /login", &failed("unavailable")), (false, false));
        assert_eq!(fine("GET /user", &failed("unauthorized")), (false, false));
    }

    #[test]
    fn an_end_that_is_repeated_is_done_or_unauthorized() {
        let gone = Verdict::Failed("unauthorized".to_owned());
        assert_eq!(fine("DELETE /user", &gone), (true, true));
        assert_eq!(fine("DELETE /user", &Verdict::Right(json!("another"))), (true, false));
    }
}
