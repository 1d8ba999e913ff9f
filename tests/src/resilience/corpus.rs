//! WeChat's answers broken in every way, and what the process takes for them.

mod bodies;

use super::{Figure, Function, Rig, Route, Size, Verdict};
use crate::invariants::violations;
use bodies::{Broken, Kind};
use std::fs;
use tools::app::TestApp;
use tools::fakes::gateway::FUNCTION_TIMEOUT;
use tools::faults::Fault;
use tools::leaks::Canaries;

/// The process's memory may grow by so many KiB.
const MOST_GROWTH: u64 = 2048;

/// Answers each of WeChat's calls with every broken body.
pub async fn broken_bodies(size: Size, canaries: &Canaries) -> Figure {
    let (login, phone) = (Route::named("POST /login"), Route::named("POST /phone"));
    let mut faults = Vec::new();
    let (mut bodies, mut growth) = (0, Vec::new());
    for (route, path, kind) in [
        (login, "/sns/jscode2session", Kind::Session),
        (phone, "/wxa/business/getuserphonenumber", Kind::Phone),
        (phone, "/cgi-bin/stable_token", Kind::AccessToken),
    ] {
        let every = size.of(9, 1);
        // What is not a mutation comes always.
        let corpus = bodies::corpus(kind).into_iter().enumerate();
        let corpus = corpus.filter(|(number, broken)| broken.special || number % every == 0).map(|(_, broken)| broken);
        let (count, grown) = call(route, path, corpus.collect(), canaries, &mut faults).await;
        bodies += count;
        growth.extend(grown);
    }
    let most = growth.iter().max().copied();
    if most.is_some_and(|most| most >= MOST_GROWTH) {
        faults.push(format!("memory grew by {growth:?} KiB"));
    }
    let shown = most.map_or("not measured here".to_owned(), |most| format!("{most} KiB"));
    Figure::new(
        "broken WeChat bodies (every field of every type and missing, cut at every byte, HTML, gzip and a gzip bomb, 1 GiB, \
         without end, NUL, BOM, nested, broken HTTP) on all three calls",
        "200+ bodies, no false success, memory (VmHWM) grows by less than 2 MiB",
        format!("{bodies} bodies, {} false; memory grew by {shown} at most", faults.len()),
        faults,
    )
}

/// Answers one of WeChat's calls with each of the bodies: how many, and by how much the process grew, in KiB.
async fn call(
    route: &'static Route,
    path: &'static str,
    corpus: Vec<Broken>,
    canaries: &Canaries,
    faults: &mut Vec<String>,
) -> (usize, Option<u64>) {
    let app = TestApp::start().await;
    let rig = Rig::before(&app, canaries).await;
    let function = rig.start(&app, route.function).await;
    let warm_up = Broken::warm_up();
    for broken in &warm_up {
        spoil(&rig, path, broken.fault.clone());
        ask(&function, route, &app, canaries, "oWarm").await;
    }
    let before = peak(function.id());
    for (number, broken) in corpus.iter().enumerate() {
        spoil(&rig, path, broken.fault.clone());
        // WeChat lets a user log in a hundred times a minute, and the user in the body logs in by it only.
        let openid = if route.bearer { format!("oBroken{number}") } else { bodies::OPENID.to_owned() };
        let verdict = ask(&function, route, &app, canaries, &openid).await;
        let false_success = matches!(verdict, Verdict::Right(_)) && !broken.tolerable;
        if false_success || matches!(verdict, Verdict::Wrong(_)) && !broken.tolerable {
            faults.push(format!("{path} answered {}: {verdict:?}", broken.name));
        }
    }
    let grown = before.zip(peak(function.id())).map(|(before, after)| after.saturating_sub(before));
    rig.wechat.calm();
    let verdict = ask(&function, route, &app, canaries, "oAfterwards").await;
    if !matches!(verdict, Verdict::Right(_)) {
        faults.push(format!("{path} is well again: {verdict:?}"));
    }
    function.kill();
    faults.extend(violations(&app, canaries).await);
    (corpus.len(), grown)
}

fn spoil(rig: &Rig, path: &'static str, fault: Fault) {
    rig.wechat.decide(move |call| (call.operation == path).then(|| fault.clone()));
}

async fn ask(function: &Function, route: &'static Route, app: &TestApp, canaries: &Canaries, openid: &str) -> Verdict {
    let request = route.request(app, canaries, openid).await;
    function.send(&request, FUNCTION_TIMEOUT).await.0
}

/// The most memory that a process has had, in KiB, where the system tells.
fn peak(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").trim().parse().ok()
}
