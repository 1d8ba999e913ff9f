//! The process killed at every event on the wire, and the same request sent once more.

use super::routes::{Ends, log_in};
use super::{Figure, Function, ROUTES, Request, Rig, Route, Size, side_by_side};
use crate::invariants::violations;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;
use tools::app::TestApp;
use tools::fakes::gateway::FUNCTION_TIMEOUT;
use tools::leaks::Canaries;

/// Who asks: the state of the tables before the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    /// A user of whom nobody knows, but for the session where the route takes one.
    New,
    /// A user who has logged in before.
    Known,
    /// A user with as many sessions as one may have.
    Full,
    /// A page that got its answer, and asks again.
    Repeating,
}

const CALLERS: [Caller; 4] = [Caller::New, Caller::Known, Caller::Full, Caller::Repeating];

/// One kind of caller of one route, in tables of its own.
struct Shift {
    app: TestApp,
    route: &'static Route,
    caller: Caller,
    /// Two other instances, to which the request is sent again.
    others: [Function; 2],
    /// The secrets of this trial: they are looked for in the tables after it.
    canaries: Canaries,
    /// Those of the trials before.
    earlier: Canaries,
    killed: usize,
    events: usize,
    faults: Vec<String>,
}

/// Holds everything on the wire from the nth event on, and says so.
struct Guard {
    at: usize,
    seen: AtomicUsize,
    reached: Notify,
}

/// Kills at every event in turn, from the start of the process on.
pub async fn kills(size: Size, canaries: &Canaries) -> Figure {
    let each = size.of(1, 50);
    let jobs = ROUTES.iter().flat_map(|route| (0..CALLERS.len()).map(move |caller| (route, caller)));
    let jobs = jobs.map(|(route, caller)| {
        let canaries = canaries.clone();
        async move { Shift::start(route, CALLERS[caller]).await.run(each, caller, &canaries).await }
    });
    let results = side_by_side(4, jobs).await;
    let (kills, events): (Vec<usize>, Vec<usize>) = results.iter().map(|(kills, events, _)| (*kills, *events)).unzip();
    let faults: Vec<String> = results.into_iter().flat_map(|(_, _, faults)| faults).collect();
    Figure::new(
        "the process killed at every wire event of every route, cold start included; then the same request repeated at two \
         other instances: the same answer, a clean \"ask again\", or (logout, erase) `unauthorized`; after an end no session \
         that it ended works; the invariants of the tables hold after each",
        format!("{} kills a route, 0 violations", each * CALLERS.len()),
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

impl Shift {
    async fn start(route: &'static Route, caller: Caller) -> Self {
        let app = TestApp::start_unhurried().await;
        let canaries = Canaries::default();
        let rig = Rig::before(&app, &canaries).await;
        let others = [rig.start(&app, route.function).await, rig.start(&app, route.function).await];
        Self {
            app,
            route,
            caller,
            others,
            canaries,
            earlier: Canaries::default(),
            killed: 0,
            events: 0,
            faults: Vec::new(),
        }
    }

    /// So many kills: how many came about, at how many events, and what went wrong.
    async fn run(mut self, kills: usize, caller: usize, all: &Canaries) -> (usize, usize, Vec<String>) {
        self.trial("oUnharmed", usize::MAX).await;
        let mut number = 0;
        // An event may fail to come about once in a while; then there was no kill.
        while self.killed < kills && number < 2 * kills {
            // Spread over all events, however few kills there are, and in step with the other callers.
            let (nth, of) = (number * CALLERS.len() + caller, kills * CALLERS.len());
            let at = nth * self.events / of % self.events.max(1);
            self.trial(&format!("oKilled{number}"), at).await;
            number += 1;
            for violation in violations(&self.app, &self.canaries).await {
                self.say(at, &violation);
            }
            self.earlier.absorb(&self.canaries);
        }
        if self.killed < kills {
            self.say(usize::MAX, &format!("only {} of {kills} kills came about", self.killed));
        }
        self.others.into_iter().for_each(Function::kill);
        self.earlier.absorb(&self.canaries);
        self.faults.extend(violations(&self.app, &self.earlier).await);
        all.absorb(&self.earlier);
        (self.killed, self.events, self.faults)
    }

    fn say(&mut self, at: usize, fault: &str) {
        self.faults.push(format!("{} {:?} killed at {at}: {fault}", self.route.name, self.caller));
    }

    /// One request, killed at this event, and its repeats.
    async fn trial(&mut self, openid: &str, at: usize) {
        let logins = match self.caller {
            Caller::New => 0,
            Caller::Known | Caller::Repeating => 1,
            // A route that takes a session opens one more.
            Caller::Full => 20,
        };
        let mut last = None;
        for _ in 0..logins {
            last = Some(log_in(&self.app, openid).await);
        }
        let request = self.route.request(&self.app, &self.canaries, openid).await;
        let mut known = None;
        if self.caller == Caller::Repeating {
            let (verdict, _) = self.others[0].send(&request, FUNCTION_TIMEOUT).await;
            known = verdict.right().cloned();
            if known.is_none() {
                self.say(at, &format!("at first {verdict:?}"));
            }
        }
        self.kill(&request, at, &mut known).await;
        for other in 0..self.others.len() {
            let (verdict, _) = self.others[other].send(&request, FUNCTION_TIMEOUT).await;
            if let Some(fault) = request.fault(&verdict, known.as_ref()) {
                self.say(at, &fault);
            }
            known = known.or(verdict.right().cloned());
        }
        for fault in self.left_over(&request, last.as_deref()).await {
            self.say(at, &fault);
        }
    }

    /// Sends the request to a process of its own, and kills that at this event.
    async fn kill(&mut self, request: &Request, at: usize, known: &mut Option<Value>) {
        let rig = Rig::before(&self.app, &self.canaries).await;
        let guard = Arc::new(Guard { at, seen: AtomicUsize::new(0), reached: Notify::new() });
        let watching = Arc::clone(&guard);
        rig.watch(&(Arc::new(move |_, _| watching.goes_on()) as _));
        let function = rig.start(&self.app, self.route.function).await;
        let answered = tokio::select! {
            (verdict, _) = function.send(request, FUNCTION_TIMEOUT) => Some(verdict),
            () = guard.reached.notified() => None,
        };
        function.kill();
        let Some(verdict) = answered else {
            self.killed += 1;
            return;
        };
        if at == usize::MAX {
            self.events = guard.seen.load(Ordering::SeqCst);
        }
        let fault = request.fault(&verdict, known.as_ref());
        // Nothing has been done yet that could have made it unauthorized.
        let fault = fault.or_else(|| (known.is_none() && verdict.right().is_none()).then(|| format!("{verdict:?}")));
        if let Some(fault) = fault {
            self.say(at, &format!("unharmed, and {fault}"));
        }
        *known = known.take().or(verdict.right().cloned());
    }

    /// What is still there that should have ended, or has ended and should not. `other` is another session of the user.
    async fn left_over(&self, request: &Request, other: Option<&str>) -> Vec<String> {
        let Some(ends) = self.route.ends else {
            return Vec::new();
        };
        let mut faults = Vec::new();
        let expected = if ends == Ends::Session { "ok" } else { "unauthorized" };
        for (token, expected) in [(request.token.as_deref(), "unauthorized"), (other, expected)] {
            let Some(token) = token else { continue };
            let answer = self.app.call(token, "GET", "/user", &Value::Null).await;
            if answer.outcome() != expected {
                faults.push(format!("a session is {} instead of {expected}", answer.outcome()));
            }
        }
        let users = self.app.dynamodb().get_item().table_name(&self.app.tables.users);
        let user = users.key("user_hash", TestApp::user_key(&request.openid)).consistent_read(true).send().await;
        if user.expect("a table that can be read").item.is_some_and(|user| user.contains_key("id"))
            == (ends == Ends::User)
        {
            faults.push(format!("the user is there or not, after the end of {ends:?}"));
        }
        faults
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
