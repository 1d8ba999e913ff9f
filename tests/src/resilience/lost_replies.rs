//! Replies that are lost on the way, and the same code sent again.

use super::{Figure, ROUTES, Rig, Route, Size, side_by_side};
use crate::invariants::violations;
use std::sync::Arc;
use tools::fakes::gateway::FUNCTION_TIMEOUT;
use tools::faults::{Fault, Point};
use tools::leaks::Canaries;

/// Sends every request twice, to two instances, as a page does that got no reply. Of every other write DynamoDB's answer is
/// lost as well.
pub async fn lost_replies(size: Size, canaries: &Canaries) -> Figure {
    let app = Arc::new(super::start(size).await);
    let workers = 4;
    // Who sends a code gets the same answer; the others are there for the sake of completeness.
    let each =
        move |route: &Route| if route.ask_again.contains(&"invalid_code") { size.of(5, 250) } else { size.of(1, 25) };
    let count = workers * ROUTES.iter().map(each).sum::<usize>();
    let jobs = ROUTES.iter().flat_map(|route| (0..workers).map(move |worker| (route, worker)));
    let jobs = jobs.map(|(route, worker)| {
        let (app, canaries) = (Arc::clone(&app), canaries.clone());
        async move {
            let rig = Rig::before(&app, &canaries).await;
            rig.dynamodb.decide(|call| (call.writes() && call.nth % 3 == 0).then_some(Fault::Reset(Point::Answer)));
            let [one, two] = [rig.start(&app, route.function).await, rig.start(&app, route.function).await];
            let mut faults = Vec::new();
            for number in 0..each(route) {
                let openid = route.user("Lost", format_args!("{worker}-{number}"));
                let request = route.request(&app, &canaries, &openid).await;
                let (lost, _) = one.send(&request, FUNCTION_TIMEOUT).await;
                let (again, _) = two.send(&request, FUNCTION_TIMEOUT).await;
                if lost.right().is_none() || request.fault(&again, lost.right()).is_some() {
                    faults.push(format!("{openid}: {lost:?}, then {again:?}"));
                }
            }
            one.kill();
            two.kill();
            faults
        }
    });
    let mut faults: Vec<String> = side_by_side(4, jobs).await.into_iter().flatten().collect();
    faults.extend(violations(&app, canaries).await);
    Figure::new(
        "the reply lost on the way, and of every third write DynamoDB's answer too; the same request again, at another instance: \
         1,000 codes of each kind, 100 requests of each other route",
        format!("{count} of {count} the same token, number or answer, or (logout, erase) `unauthorized`"),
        format!("{} of {count}", count.saturating_sub(faults.len())),
        faults,
    )
}
