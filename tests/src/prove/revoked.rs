//! WeChat's access token revoked while many want a phone number.

use super::{Figure, Function, Rig, Route, Size, Verdict, side_by_side};
use crate::app::TestApp;
use crate::canary::Canaries;
use crate::gateway::FUNCTION_TIMEOUT;
use crate::invariants::violations;
use crate::wechat::Revoked;
use std::sync::Arc;

/// Revokes the token that all instances hold, and has every caller ask at once, each at an instance of its own.
pub async fn revoked(size: Size, canaries: &Canaries) -> Figure {
    let callers = size.of(8, 100);
    let rounds = [Revoked::Repeated, Revoked::Forgotten];
    let mut faults = Vec::new();
    let mut forced = Vec::new();
    for how in rounds {
        let app = Arc::new(TestApp::start().await);
        let rig = Rig::before(&app, canaries).await;
        let route = Route::named("POST /phone");
        let starts = (0..callers).map(|number| {
            let (app, rig, canaries) = (Arc::clone(&app), rig.clone(), canaries.clone());
            async move {
                let openid = route.user("Caller", number);
                let function: Function = rig.start(&app, route.function).await;
                // From now on it holds the token.
                let first = route.request(&app, &canaries, &openid).await;
                let (verdict, _) = function.send(&first, FUNCTION_TIMEOUT).await;
                assert!(verdict.right().is_some(), "{verdict:?}");
                (function, openid)
            }
        });
        let mut jobs = Vec::new();
        // A code lives five minutes, so the codes come last.
        for (function, openid) in side_by_side(4, starts).await {
            jobs.push((function, route.request(&app, canaries, &openid).await));
        }
        app.wechat.revoke_access_token(how);
        let jobs = jobs.into_iter().map(|(function, request)| async move {
            let (verdict, spent) = function.send(&request, FUNCTION_TIMEOUT).await;
            function.kill();
            (!matches!(verdict, Verdict::Right(_))).then(|| format!("{how:?}: {verdict:?} after {spent:?}"))
        });
        faults.extend(side_by_side(callers, jobs).await.into_iter().flatten());
        forced.push(app.wechat.forced_refreshes());
        faults.extend(violations(&app, canaries).await);
    }
    let most = forced.iter().max().copied().unwrap_or(0);
    let reached = format!("{} failed callers in {} rounds, force_refresh {most} times", faults.len(), rounds.len());
    if most > 1 {
        faults.push(format!("force_refresh {forced:?} times"));
    }
    Figure::new(
        format!("the access token revoked under {callers} callers, each at an instance of its own"),
        "0 failed callers, force_refresh at most once",
        reached,
        faults,
    )
}
