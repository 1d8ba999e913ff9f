//! Raw events, mutated from `events/*.json`, through the functions: every reply must have the contract's form, and hold
//! nothing that it must not.
//!
//! `cargo test` sends some hundred to each route; `cargo fuzz-events`, in minutes, more than a hundred thousand in all.
//! `FUZZ_SEED` repeats a run.

mod contract;
mod mutation;
mod routes;

use contract::Route;
use fastrand::Rng;
use futures_util::StreamExt;
use futures_util::future::join_all;
use routes::Behind;
use std::collections::BTreeMap;
use std::io::Write;

/// Lambda itself refuses what is no event of API Gateway's.
const NO_EVENT: &str = "no event";

/// What became of one event.
async fn outcome(behind: &Behind, mut rng: Rng, description: String) -> String {
    let token = behind.token().await;
    let event = mutation::mutated(&behind.sample(&token, &mut rng), &mut rng);
    let answer = behind.answer(event.clone()).await;
    if answer["errorType"] == "event" {
        behind.keep(token);
        return NO_EVENT.to_owned();
    }
    match behind.route.judge(&answer) {
        Ok(outcome) => {
            behind.keep_unless_ended(token, &answer);
            outcome
        }
        Err(fault) => panic!("{description}: {fault}: {answer}\nof the event {event}"),
    }
}

/// Sends `runs` events to a route, and counts what became of them.
async fn fuzz(route: &'static Route, runs: usize, seed: u64) -> BTreeMap<String, usize> {
    let behind = &Behind::start(route).await;
    let events = futures_util::stream::iter(0..runs).map(|run| {
        let rng = Rng::with_seed(seed.wrapping_add(run as u64));
        outcome(behind, rng, format!("FUZZ_SEED={seed}, {}, run {run}", route.path))
    });
    let count = |mut outcomes: BTreeMap<String, usize>, outcome| async {
        *outcomes.entry(outcome).or_insert(0) += 1;
        outcomes
    };
    let outcomes = events.buffer_unordered(route.at_once).fold(BTreeMap::new(), count).await;
    let done = outcomes.get(Route::DONE).copied().unwrap_or_default();
    assert!(done * 20 > runs, "{}: hardly an event got through: {outcomes:?}", route.path);
    assert!(replies(&outcomes) * 2 > runs, "{}: hardly an event was one: {outcomes:?}", route.path);
    outcomes
}

/// Sends `runs` events to every route, and says how many replies came of it.
async fn fuzz_all(runs: usize) -> usize {
    let seed = tools::environment("FUZZ_SEED").and_then(|seed| seed.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    let all = join_all(contract::ROUTES.iter().map(|route| fuzz(route, runs, seed))).await;
    // Past the test's capture, which holds the log lines of every request.
    let mut terminal = std::io::stderr();
    for (route, outcomes) in contract::ROUTES.iter().zip(&all) {
        writeln!(terminal, "{}: {} replies: {outcomes:?}", route.path, replies(outcomes)).expect("a terminal");
    }
    all.iter().map(replies).sum()
}

/// Without what Lambda refuses by itself.
fn replies(outcomes: &BTreeMap<String, usize>) -> usize {
    outcomes.iter().filter(|(outcome, _)| *outcome != NO_EVENT).map(|(_, count)| count).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_odd_events_are_answered_by_the_contract() {
    fuzz_all(100).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: cargo fuzz-events"]
async fn a_hundred_thousand_odd_events_are_answered_by_the_contract() {
    let replies = fuzz_all(40_000).await;
    writeln!(std::io::stderr(), "{replies} replies, all in the contract's form").expect("a terminal");
    assert!(replies >= 100_000);
}
