//! The AppSecret changed under load.

use super::{Figure, Rig, Route, Size, Verdict, side_by_side};
use crate::invariants::violations;
use miniprogram::secrets::REREAD_EVERY;
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tools::app::{APP_ID, TestApp, WECHAT_SECRET_ID};
use tools::fakes::gateway::FUNCTION_TIMEOUT;
use tools::leaks::Canaries;

/// Logins that fail later than this after the new secret stands in Secrets Manager are too many.
const GRACE: Duration = Duration::from_secs(2);
const INSTANCES: u32 = 4;

/// Resets the AppSecret at WeChat and, a while later, puts the new one into Secrets Manager, under load.
pub async fn rotated(size: Size, canaries: &Canaries) -> Figure {
    let pauses = [300, 0, 1000, 3000, 700];
    let rounds = pauses
        .into_iter()
        .take(size.of(1, pauses.len()))
        .map(|pause| rotation(Duration::from_millis(pause), canaries.clone()));
    let results = side_by_side(1, rounds).await;
    let logins: usize = results.iter().map(|round| round.logins).sum();
    let reads: Vec<String> =
        results.iter().map(|round| format!("{} (at most {})", round.reads, round.most_reads)).collect();
    let failed: usize = results.iter().map(|round| round.faults.len()).sum();
    let reached = format!("{failed} failed of {logins} logins; extra reads a rotation: {}", reads.join(", "));
    let faults = results.into_iter().flat_map(|round| round.faults).collect();
    Figure::new(
        format!(
            "the AppSecret rotated under load on {INSTANCES} instances, 0 to 3 s between WeChat and Secrets Manager"
        ),
        "0 failed logins after 2 s, extra reads of the secret bounded",
        reached,
        faults,
    )
}

struct Round {
    logins: usize,
    reads: usize,
    most_reads: usize,
    faults: Vec<String>,
}

async fn rotation(pause: Duration, canaries: Canaries) -> Round {
    let app = Arc::new(TestApp::start_unhurried().await);
    let put: Arc<Mutex<Option<Instant>>> = Arc::default();
    let end = Instant::now() + Duration::from_secs(1) + pause + 2 * GRACE;
    let jobs: Vec<_> = (0..INSTANCES)
        .map(|worker| {
            let (app, canaries, put) = (Arc::clone(&app), canaries.clone(), Arc::clone(&put));
            async move {
                let rig = Rig::before(&app, &canaries).await;
                let function = rig.start(&app, "login").await;
                let (mut logins, mut faults) = (0, Vec::new());
                while Instant::now() < end {
                    let openid = format!("oRotated{worker}-{logins}");
                    let request = Route::named("POST /login").request(&app, &canaries, &openid).await;
                    let late = put.lock().expect("no panic").is_some_and(|at: Instant| at.elapsed() > GRACE);
                    let (verdict, _) = function.send(&request, FUNCTION_TIMEOUT).await;
                    logins += 1;
                    if matches!(verdict, Verdict::Wrong(_)) || late && !matches!(verdict, Verdict::Right(_)) {
                        faults.push(format!("{pause:?} between: {verdict:?}"));
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                function.kill();
                (logins, faults)
            }
        })
        .collect();
    let load = tokio::spawn(side_by_side(INSTANCES as usize, jobs));
    tokio::time::sleep(Duration::from_secs(1)).await;
    app.aws.forget_calls();
    let start = Instant::now();
    app.wechat.change_app_secret("canary-new-app-secret-0123456789");
    tokio::time::sleep(pause).await;
    let secret = json!({"AppId": APP_ID, "AppSecret": "canary-new-app-secret-0123456789"});
    app.aws.put_secret(WECHAT_SECRET_ID, &secret.to_string());
    *put.lock().expect("no panic") = Some(Instant::now());
    let results = load.await.expect("the load ends");
    let reads = app.aws.calls().iter().filter(|call| call.starts_with("SecretsManager")).count();
    // Each instance reads once at once, and then at most so often until it has the new one.
    let span = pause.as_secs_f64() / REREAD_EVERY.as_secs_f64();
    let most_reads = INSTANCES as usize * (2 + (0..).take_while(|n| f64::from(*n) < span).count());
    let mut faults: Vec<String> = results.iter().flat_map(|(_, faults)| faults.clone()).collect();
    if reads > most_reads {
        faults.push(format!("{reads} extra reads within {:?}", start.elapsed()));
    }
    faults.extend(violations(&app, &canaries).await);
    Round { logins: results.iter().map(|(logins, _)| logins).sum(), reads, most_reads, faults }
}
