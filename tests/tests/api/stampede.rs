//! A thousand racing first logins of one user. They go to the store itself: WeChat takes a hundred a minute of one user.

use futures_util::{StreamExt, stream};
use miniprogram::deadline::Deadline;
use miniprogram::session::{Session, Token};
use miniprogram::store::{Login, MAX_SESSIONS, Store};
use miniprogram::{Scope, aws};
use std::time::Duration;
use tests::invariants::violations;
use tools::app::{APP_ID, TestApp};
use tools::fakes::aws::scan;
use tools::leaks::Canaries;

const LOGINS: usize = 1_000;
/// More connections at once than this take longer to open on two cores than their time limit allows.
const AT_ONCE: usize = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_racing_first_logins_make_one_user_with_twenty_sessions() {
    let app = TestApp::start().await;
    let store = Store::new(&aws::with_limits(app.aws.patient_sdk(), 100), &app.config);
    let login = async |number: usize| {
        let token = Token::parse(&format!("{number:032x}")).expect("a token");
        let scope = Scope::until(Deadline::of_invocation(Duration::from_secs(300)).with_limit_factor(100));
        let now = app.clock.now();
        let session = Session {
            openid: "oAlice".to_owned(),
            unionid: None,
            appid: APP_ID.to_owned(),
            session_key: format!("k1:{}", "A".repeat(48)),
            created_at: now,
            expires_at: now + app.config.session_ttl,
        };
        store.log_in(&token.hash(), &session, now, &scope).await
    };
    app.aws.forget_calls();
    let outcomes: Vec<_> = stream::iter(0..LOGINS).map(login).buffer_unordered(AT_ONCE).collect().await;
    for outcome in &outcomes {
        assert!(matches!(outcome, Ok(Login::Opened | Login::Ended)), "{outcome:?}");
    }
    let users = scan(&app.dynamodb(), &app.tables.users).await;
    assert_eq!((users.len(), users[0]["sessions"].as_ss().map(Vec::len)), (1, Ok(MAX_SESSIONS)));
    // Without a bound each of them would bury what all the others do.
    let calls = app.aws.calls().len();
    assert!(calls < LOGINS * 12, "{calls} calls");
    assert_eq!(violations(&app, &Canaries::default()).await, [""; 0]);
}
