//! An instance that Lambda freezes, while its connections are reset.

use super::{Figure, ROUTES, Rig, Size, Verdict, side_by_side};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;
use tools::fakes::gateway::FUNCTION_TIMEOUT;
use tools::leaks::Canaries;

/// Stops the process, resets all its connections, and lets it go on with the next request waiting.
pub async fn frozen(size: Size, canaries: &Canaries) -> Figure {
    let app = Arc::new(super::start(size).await);
    let each = size.of(2, 6);
    let count = each * ROUTES.len();
    let jobs = ROUTES.iter().map(|route| {
        let (app, canaries) = (Arc::clone(&app), canaries.clone());
        async move {
            let rig = Rig::before(&app, &canaries).await;
            let function = rig.start(&app, route.function).await;
            let mut faults = Vec::new();
            for number in 0..=each {
                let openid = route.user("Frozen", number);
                let request = route.request(&app, &canaries, &openid).await;
                let thaw = async {
                    // The first request opens the connections; before each of the others they are reset.
                    if number > 0 {
                        signal("STOP", function.id());
                        rig.proxies().iter().for_each(|proxy| proxy.reset_all());
                        sleep(Duration::from_millis(50)).await;
                        signal("CONT", function.id());
                    }
                };
                let ((verdict, _), ()) = tokio::join!(
                    async {
                        // After the stop, so that event and resets are there together.
                        sleep(Duration::from_millis(25)).await;
                        function.send(&request, FUNCTION_TIMEOUT).await
                    },
                    thaw
                );
                if !matches!(verdict, Verdict::Right(_)) {
                    faults.push(format!("{openid}: {verdict:?}"));
                }
            }
            function.kill();
            faults
        }
    });
    let faults: Vec<_> = side_by_side(2, jobs).await.into_iter().flatten().collect();
    Figure::new(
        "frozen (SIGSTOP), all sockets reset meanwhile, resumed with a request waiting",
        format!("{count} of {count} next requests answered with success"),
        format!("{} of {count}", count - faults.len().min(count)),
        faults,
    )
}

/// Every shell can send signals.
fn signal(name: &str, process: u32) {
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {process}")]).status();
    assert!(sent.is_ok_and(|status| status.success()), "SIG{name} cannot be sent");
}
