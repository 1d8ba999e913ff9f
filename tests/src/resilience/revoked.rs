//! WeChat's access token revoked while many want a phone number.

use super::{Figure, Function, Rig, Route, Size, side_by_side};
use crate::invariants::violations;
use std::sync::Arc;
use tools::fakes::gateway::FUNCTION_TIMEOUT;
use tools::fakes::wechat::Revoked;
use tools::leaks::Canaries;

/// Each instance has so many callers, one after the other: Lambda gives it one request at a time.
const CALLERS_EACH: usize = 4;

/// Revokes the token that all instances hold, and has all instances asked at once.
pub async fn revoked(size: Size, canaries: &Canaries) -> Figure {
    let instances = size.of(4, 25);
    let callers = instances * CALLERS_EACH;
    let rounds = [Revoked::Repeated, Revoked::Forgotten];
    let mut faults = Vec::new();
    let mut forced = Vec::new();
    for how in rounds {
        let app = Arc::new(super::start(size).await);
        let rig = Rig::before(&app, canaries).await;
        let route = Route::named("POST /phone");
        let starts = (0..instances).map(|number| {
            let (app, rig, canaries) = (Arc::clone(&app), rig.clone(), canaries.clone());
            async move {
                let function: Function = rig.start(&app, route.function).await;
                // From now on it holds the token.
                let first = route.request(&app, &canaries, &route.user("First", number)).await;
                let (verdict, _) = function.send(&first, FUNCTION_TIMEOUT).await;
                assert!(verdict.right().is_some(), "{verdict:?}");
                let mut requests = Vec::new();
                for caller in 0..CALLERS_EACH {
                    let openid = route.user("Caller", format_args!("{number}-{caller}"));
                    requests.push(route.request(&app, &canaries, &openid).await);
                }
                (function, requests)
            }
        });
        let jobs = side_by_side(4, starts).await;
        app.wechat.revoke_access_token(how);
        let jobs = jobs.into_iter().map(|(function, requests)| async move {
            let mut faults = Vec::new();
            for request in &requests {
                let (verdict, spent) = function.send(request, FUNCTION_TIMEOUT).await;
                if verdict.right().is_none() {
                    faults.push(format!("{how:?}: {verdict:?} after {spent:?}"));
                }
            }
            function.kill();
            faults
        });
        faults.extend(side_by_side(instances, jobs).await.into_iter().flatten());
        forced.push(app.wechat.forced_refreshes());
        faults.extend(violations(&app, canaries).await);
    }
    let most = forced.iter().max().copied().unwrap_or(0);
    let reached = format!("{} failed callers in {} rounds, force_refresh {most} times", faults.len(), rounds.len());
    if most > 1 {
        faults.push(format!("force_refresh {forced:?} times"));
    }
    Figure::new(
        format!(
            "the access token revoked under {callers} callers on {instances} instances, {CALLERS_EACH} in a row at each"
        ),
        "0 failed callers, force_refresh at most once",
        reached,
        faults,
    )
}
