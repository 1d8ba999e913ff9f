//! The process killed at every event on the wire, and the same request sent once more.

use super::routes::log_in;
use super::{Figure, Function, ROUTES, Request, Rig, Route, Size, Verdict, side_by_side};
use crate::app::TestApp;
use crate::canary::Canaries;
use crate::gateway::FUNCTION_TIMEOUT;
use crate::invariants::violations;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

/// Who asks: the state of the tables before the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    /// A user of whom nobody knows.
    New,
    /// A user who has logged in before.
    Known,
    /// A user with as many sessions as one may have.
    Full,
    /// A page that got its answer, and asks again.
    Repeating,
}

const CALLERS: [Caller; 4] = [Caller::New, Caller::Known, Caller::Full, Caller::Repeating];

/// Holds everything on the wire from the nth event on, and says so.
struct Guard {
    at: usize,
    seen: AtomicUsize,
    reached: Notify,
}

/// Kills at every event in turn, from the start of the process on.
pub async fn kills(size: Size, canaries: &Canaries) -> Figure {
    let workers = 4;
    let each = size.of(3, 50);
    let jobs = ROUTES.iter().flat_map(|route| (0..workers).map(move |worker| (route, worker)));
    let results = side_by_side(4, jobs.map(|(route, worker)| shift(route, worker, each, canaries.clone()))).await;
    let (kills, events): (Vec<usize>, Vec<usize>) = results.iter().map(|(kills, events, _)| (*kills, *events)).unzip();
    let faults: Vec<String> = results.into_iter().flat_map(|(_, _, faults)| faults).collect();
    Figure::new(
        "the process killed at every wire event of every route, cold start included; then the same request repeated, twice: \
         the same answer or a clean \"ask again\"; the invariants of the tables hold after each",
        format!("{} kills a route, 0 violations", each * workers),
        format!(
            "{} kills over {} routes at up to {} events each, {} violations",
            kills.iter().sum::<usize>(),
            ROUTES.len(),
            events.iter().max().unwrap_or(&0),
            faults.len()
        ),
        faults,
    )
}

/// So many kills of one route with one kind of caller, in tables of its own: how many, at how many events, and what
/// went wrong.
async fn shift(route: &'static Route, worker: usize, kills: usize, canaries: Canaries) -> (usize, usize, Vec<String>) {
    let app = TestApp::start().await;
    // The secrets of this shift only: they are looked for after every kill.
    let (all, canaries) = (canaries, Canaries::default());
    let caller = CALLERS[worker];
    let mut faults = Vec::new();
    let (_, events) = trial(&app, route, caller, "oUnharmed", usize::MAX, &canaries, &mut faults).await;
    let (mut killed, mut number) = (0, 0);
    // An event may fail to come about once in a while; then there was no kill.
    while killed < kills && number < 2 * kills {
        // Spread over all events, however few kills there are.
        let at = number * events.max(1) / kills.max(1) % events.max(1) + number / kills.max(1);
        let (hit, _) = trial(&app, route, caller, &format!("oKilled{number}"), at, &canaries, &mut faults).await;
        killed += usize::from(hit);
        number += 1;
        for violation in violations(&app, &canaries).await {
            faults.push(format!("{} {caller:?} killed at {at}: {violation}", route.path));
        }
    }
    if killed < kills {
        faults.push(format!("{} {caller:?}: only {killed} of {kills} kills came about", route.path));
    }
    all.absorb(&canaries);
    (killed, events, faults)
}

/// One request, killed at this event, and its repeats: whether it was killed, and how many events there were.
async fn trial(
    app: &TestApp,
    route: &'static Route,
    caller: Caller,
    openid: &str,
    at: usize,
    canaries: &Canaries,
    faults: &mut Vec<String>,
) -> (bool, usize) {
    let logins = match caller {
        Caller::New => 0,
        Caller::Known | Caller::Repeating => 1,
        // A route that takes a session opens one more.
        Caller::Full => 20,
    };
    for _ in 0..logins {
        log_in(app, openid).await;
    }
    let request = route.request(app, canaries, openid).await;
    let rig = Rig::before(app, canaries).await;
    let mut known = None;
    if caller == Caller::Repeating {
        known = right(&answer(&rig, app, &request).await);
    }
    let guard = Arc::new(Guard { at, seen: AtomicUsize::new(0), reached: Notify::new() });
    let watching = Arc::clone(&guard);
    rig.watch(&(Arc::new(move |_, _| watching.goes_on()) as _));
    let function = rig.start(app, route.function).await;
    let first = tokio::select! {
        (verdict, _) = function.send(&request, FUNCTION_TIMEOUT) => Some(verdict),
        () = guard.reached.notified() => None,
    };
    function.kill();
    let seen = guard.seen.load(Ordering::SeqCst);
    let mut say = |fault: String| faults.push(format!("{} {caller:?} killed at {at}: {fault}", route.path));
    if let Some(verdict) = &first {
        if right(verdict).is_none() {
            say(format!("unharmed, and {verdict:?}"));
        }
        known = known.or(right(verdict));
    }
    // The process that was killed had the proxies' connections; the next one has others.
    let rig = Rig::before(app, canaries).await;
    for _ in 0..2 {
        let verdict = answer(&rig, app, &request).await;
        request.fault_of_repeat(&verdict).into_iter().for_each(&mut say);
        match (&known, right(&verdict)) {
            (Some(known), got) if got.as_ref() != Some(known) => say(format!("repeated: {verdict:?}, not the same")),
            (None, Some(got)) => known = Some(got),
            _ => {}
        }
    }
    (first.is_none(), seen)
}

/// What a function that lives only for it answers to a request.
async fn answer(rig: &Rig, app: &TestApp, request: &Request) -> Verdict {
    let function: Function = rig.start(app, request.route.function).await;
    let (verdict, _) = function.send(request, FUNCTION_TIMEOUT).await;
    function.kill();
    verdict
}

fn right(verdict: &Verdict) -> Option<serde_json::Value> {
    match verdict {
        Verdict::Right(data) => Some(data.clone()),
        _ => None,
    }
}

impl Guard {
    fn goes_on(&self) -> bool {
        let number = self.seen.fetch_add(1, Ordering::SeqCst);
        if number == self.at {
            self.reached.notify_one();
        }
        number < self.at
    }
}
