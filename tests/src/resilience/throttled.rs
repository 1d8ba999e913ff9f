//! DynamoDB and Secrets Manager throttle three calls of ten.

use super::{Figure, ROUTES, Rig, Route, Size, Verdict, side_by_side};
use crate::invariants::violations;
use std::sync::Arc;
use tools::fakes::gateway::FUNCTION_TIMEOUT;
use tools::faults::{Mix, Schedule};
use tools::leaks::Canaries;

/// Sends requests while 30 % of the calls to AWS are throttled.
pub async fn throttled(size: Size, canaries: &Canaries) -> Figure {
    let app = Arc::new(super::start(size).await);
    let workers = 4;
    // The figure is the logins'.
    let each = move |route: &Route| if route.bearer { size.of(3, 75) } else { size.of(12, 500) };
    let jobs = ROUTES.iter().flat_map(|route| (0..workers).map(move |worker| (route, worker)));
    let jobs = jobs.map(|(route, worker)| {
        let (app, canaries) = (Arc::clone(&app), canaries.clone());
        async move {
            let rig = Rig::before(&app, &canaries).await;
            let schedule = Schedule { seed: 100 + worker, mix: Mix::Throttled(0.3) };
            rig.decide(move |call| schedule.fault(call));
            let function = rig.start(&app, route.function).await;
            let mut verdicts = Vec::new();
            for number in 0..each(route) {
                let openid = route.user("Throttled", format_args!("{worker}-{number}"));
                let request = route.request(&app, &canaries, &openid).await;
                verdicts.push(function.send(&request, FUNCTION_TIMEOUT).await.0);
            }
            function.kill();
            (route.name, verdicts)
        }
    });
    let results = side_by_side(4, jobs).await;
    let mut faults: Vec<String> = violations(&app, canaries).await;
    let mut reached = Vec::new();
    for route in &ROUTES {
        let of_route = results.iter().filter(|(name, _)| *name == route.name);
        let verdicts: Vec<_> = of_route.flat_map(|(_, verdicts)| verdicts).collect();
        let right = verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Right(_))).count();
        let wrong = verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Wrong(_))).count();
        let counts = format!("{}: {right} of {} succeed, {wrong} wrong", route.name, verdicts.len());
        if wrong > 0 || right * 100 < verdicts.len() * 99 {
            let failed = verdicts.iter().find(|verdict| !matches!(verdict, Verdict::Right(_)));
            faults.push(format!("{counts}; such as {failed:?}"));
        }
        reached.push(counts);
    }
    Figure::new(
        "DynamoDB and Secrets Manager throttle 30 % of calls",
        "0 wrong results, at least 99 % succeed within the deadline",
        reached.join("; "),
        faults,
    )
}
