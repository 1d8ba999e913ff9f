//! What the built functions make of a bad day, in the short form. `cargo resilience` runs the long one.

use tests::resilience::{self, Figure, Size};
use tools::leaks::Canaries;

async fn proves(scenario: impl AsyncFn(Size, &Canaries) -> Figure) {
    let canaries = Canaries::default();
    scenario(Size::Short, &canaries).await.assert();
    let leaks = canaries.look().leaks;
    assert!(leaks.is_empty(), "{leaks:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_stalls_is_given_up_before_the_deadline() {
    proves(resilience::stalls).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_body_of_wechats_is_no_success_and_costs_no_memory() {
    proves(resilience::broken_bodies).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_may_be_killed_at_any_event_on_the_wire() {
    proves(resilience::kills).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_is_given_once_more() {
    proves(resilience::lost_replies).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_access_token_fails_no_caller() {
    proves(resilience::revoked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttling_dynamodb_fails_hardly_anybody() {
    proves(resilience::throttled).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_app_secret_fails_nobody_after_two_seconds() {
    proves(resilience::rotated).await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_instance_answers_after_a_freeze() {
    proves(resilience::frozen).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_leaves_every_answer_in_form_and_the_tables_sound() {
    proves(resilience::storm).await;
}
