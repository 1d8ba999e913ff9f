//! A phone number whose reply was lost on the way may be asked for again, and is paid for once.

use futures_util::future::join_all;
use std::time::Duration;
use tools::app::{TestApp, assert_outcome};
use tools::fakes::aws::{Mood, Service};
use tools::fakes::wechat::Fault;

const PATH: &str = "/wxa/business/getuserphonenumber";
const NUMBER: &str = "13912345678";

/// A back end where Alice is logged in, her token, and a fresh code of hers.
async fn with_alices_code() -> (TestApp, String, String) {
    let app = TestApp::start().await;
    let token = app.log_in("oAlice").await;
    let code = app.wechat.phone_code("oAlice", NUMBER);
    (app, token, code)
}

#[tokio::test]
async fn the_same_code_gives_the_stored_number_and_costs_nothing_again() {
    let (app, token, code) = with_alices_code().await;
    let first = app.phone(&token, &code).await;
    app.clock.advance(Duration::from_secs(119));
    let again = app.another_instance().phone(&token, &code).await;
    assert_eq!(again.body, first.body);
    assert_eq!(app.wechat.numbers_sold(), 1);
}

#[tokio::test]
async fn a_code_is_invalid_two_minutes_after_its_number() {
    let (app, token, code) = with_alices_code().await;
    app.phone(&token, &code).await;
    app.clock.advance(Duration::from_secs(121));
    assert_outcome(&app.phone(&token, &code).await, 400, "invalid_code");
}

#[tokio::test]
async fn of_two_codes_only_the_newer_one_is_answered_again() {
    let (app, token, code) = with_alices_code().await;
    app.phone(&token, &code).await;
    let newer = app.wechat.phone_code("oAlice", "13900000000");
    app.phone(&token, &newer).await;
    assert_outcome(&app.phone(&token, &code).await, 400, "invalid_code");
    assert_eq!(app.phone(&token, &newer).await.data("phone"), "13900000000");
}

#[tokio::test]
async fn another_user_is_not_answered_with_a_spent_code() {
    let (app, token, code) = with_alices_code().await;
    app.phone(&token, &code).await;
    let bob = app.log_in("oBob").await;
    assert_outcome(&app.phone(&bob, &code).await, 400, "invalid_code");
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_found_again() {
    let (app, token, code) = with_alices_code().await;
    app.aws.set_mood(Service::DynamoDb, Mood::LosingWrites);
    assert_outcome(&app.phone(&token, &code).await, 503, "unavailable");
    app.aws.set_mood(Service::DynamoDb, Mood::Well);
    assert_eq!(app.phone(&token, &code).await.data("phone"), NUMBER);
    assert_eq!(app.wechat.numbers_sold(), 1);
}

#[tokio::test]
async fn a_hundred_calls_with_one_code_get_one_number_and_pay_once() {
    let (app, token, code) = with_alices_code().await;
    let answers = join_all((0..100).map(|_| app.phone(&token, &code))).await;
    for answer in answers {
        assert_eq!(answer.data("phone"), NUMBER);
    }
    assert_eq!(app.wechat.numbers_sold(), 1);
}

#[tokio::test]
async fn an_invalid_code_is_told_in_time_when_wechat_is_slow() {
    let (app, token, _) = with_alices_code().await;
    app.wechat.fail_next("/cgi-bin/stable_token", [Fault::Slow(Duration::from_millis(3600))]);
    app.wechat.fail_next(PATH, [Fault::Slow(Duration::from_millis(3600))]);
    assert_outcome(&app.phone(&token, "never-issued").await, 400, "invalid_code");
}

#[tokio::test]
async fn a_code_that_a_busy_wechat_used_up_is_unknown_and_not_invalid() {
    let (app, token, code) = with_alices_code().await;
    app.wechat.fail_next(PATH, [Fault::errcode_carried_out(-1)]);
    assert_outcome(&app.phone(&token, &code).await, 502, "wechat_unavailable");
}
