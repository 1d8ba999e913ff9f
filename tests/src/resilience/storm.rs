//! Everything at once: every other call to any service goes wrong, by a seed.

use super::{Figure, ROUTES, Rig, Size, Verdict, side_by_side};
use crate::invariants::violations;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tools::fakes::gateway::FUNCTION_TIMEOUT;
use tools::faults::{Mix, Schedule};
use tools::leaks::Canaries;

/// Sends requests through the storm, and each once more when it is over.
pub async fn storm(size: Size, canaries: &Canaries) -> Figure {
    let app = Arc::new(super::start(size).await);
    let workers = size.of(4, 16) as u64;
    let each = size.of(1, 8);
    let count = usize::try_from(workers).unwrap_or(0) * each * ROUTES.len();
    let jobs = ROUTES.iter().flat_map(|route| (0..workers).map(move |worker| (route, worker)));
    let jobs = (0..).zip(jobs).map(|(seed, (route, worker))| {
        let (app, canaries) = (Arc::clone(&app), canaries.clone());
        async move {
            let rig = Rig::before(&app, &canaries).await;
            let schedule = Schedule { seed, mix: Mix::Storm };
            rig.decide(move |call| schedule.fault(call));
            let function = rig.start(&app, route.function).await;
            let (mut faults, mut sent, mut succeeded) = (Vec::new(), Vec::new(), 0);
            let timeout = [FUNCTION_TIMEOUT, Duration::from_secs(5)][usize::from(worker % 2 == 1)];
            for number in 0..each {
                let openid = route.user("Storm", format_args!("{worker}-{number}"));
                let request = route.request(&app, &canaries, &openid).await;
                let (verdict, spent) = function.send(&request, timeout).await;
                succeeded += usize::from(matches!(verdict, Verdict::Right(_)));
                if matches!(verdict, Verdict::Wrong(_)) || spent > timeout - Duration::from_millis(300) {
                    faults.push(format!("seed {seed} {openid}: {verdict:?} after {spent:?}"));
                }
                sent.push((request, verdict, Instant::now()));
            }
            for proxy in rig.proxies() {
                proxy.calm();
            }
            for (request, before, since) in sent {
                let (verdict, _) = function.send(&request, FUNCTION_TIMEOUT).await;
                // An answer can be had again for two minutes.
                let known = before.right().filter(|_| since.elapsed() < Duration::from_secs(110));
                if let Some(fault) = request.fault(&verdict, known) {
                    faults.push(format!("seed {seed} {}: {fault}", request.openid));
                }
            }
            function.kill();
            (faults, succeeded)
        }
    });
    let results = side_by_side(8, jobs).await;
    let succeeded: usize = results.iter().map(|(_, succeeded)| succeeded).sum();
    let mut faults: Vec<String> = results.into_iter().flat_map(|(faults, _)| faults).collect();
    faults.extend(violations(&app, canaries).await);
    Figure::new(
        "every other call to any service goes wrong (delays, stalls, resets before and after, 5xx, throttling, conflicts, \
         garbage, endless bodies), by seed; each request once more when it is over",
        format!("{count} of {count} answered in the contract's form in time, 0 wrong repeats, 0 violations"),
        format!("{} of {count}; {succeeded} of them with success", count - faults.len().min(count)),
        faults,
    )
}
