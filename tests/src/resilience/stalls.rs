//! A service that stalls: at connect, before or in the headers, in the middle of the body.

use super::{Figure, ROUTES, Rig, Route, Size, Verdict, side_by_side};
use fastrand::Rng;
use std::sync::Arc;
use std::time::Duration;
use tools::app::TestApp;
use tools::fakes::gateway::FUNCTION_TIMEOUT;
use tools::faults::{Fault, Point, Service, unreachable};
use tools::leaks::Canaries;

/// What must be left when the answer stands.
const SPARE: Duration = Duration::from_millis(300);

#[derive(Clone, Debug)]
struct Case {
    route: &'static Route,
    service: Service,
    /// `None`: no connection comes about.
    point: Option<Point>,
    timeout: Duration,
    /// Whether a request went well before.
    warm: bool,
    openid: String,
}

impl Case {
    fn new(number: usize, dice: &mut Rng) -> Self {
        let service = [Service::WeChat, Service::DynamoDb, Service::SecretsManager][number % 3];
        let routes: Vec<_> = ROUTES.iter().filter(|route| route.services.contains(&service)).collect();
        let point = match dice.u8(0..5) {
            0 => None,
            1 => Some(Point::Request),
            2 => Some(Point::Answer),
            3 => Some(Point::Head(dice.usize(1..120))),
            _ => Some(Point::Body(dice.usize(0..200))),
        };
        Self {
            route: routes[number / 3 % routes.len()],
            service,
            point,
            timeout: Duration::from_millis([1000, 2000, 3000, 4000, 5000, 6000, 10_000][dice.usize(0..7)]),
            // Who has the secrets does not ask for them, and who has a connection makes no other.
            warm: point.is_some() && service != Service::SecretsManager && dice.bool(),
            openid: format!("oStall{number}"),
        }
    }

    async fn run(self, app: Arc<TestApp>, canaries: Canaries, nowhere: String) -> Option<String> {
        let rig = Rig::before(&app, &canaries).await;
        let variable = match self.service {
            Service::WeChat => "WECHAT_BASE_URL",
            Service::DynamoDb => "AWS_ENDPOINT_URL_DYNAMODB",
            Service::SecretsManager => "AWS_ENDPOINT_URL_SECRETS_MANAGER",
        };
        let stall = self.point.map(Fault::Stall);
        let changes = if stall.is_none() { vec![(variable, nowhere)] } else { Vec::new() };
        let request = self.route.request(&app, &canaries, &self.openid).await;
        let first = self.route.request(&app, &canaries, &self.openid).await;
        let spoil = || rig.proxy(self.service).decide(move |_| stall.clone());
        let function = if self.warm {
            let function = rig.start_with(&app, self.route.function, &changes).await;
            function.send(&first, FUNCTION_TIMEOUT).await;
            spoil();
            function
        } else {
            spoil();
            rig.start_with(&app, self.route.function, &changes).await
        };
        let (verdict, spent) = function.send(&request, self.timeout).await;
        function.kill();
        let in_time = spent <= self.timeout.saturating_sub(SPARE);
        (!in_time || matches!(verdict, Verdict::Wrong(_))).then(|| format!("{verdict:?} after {spent:?}: {self:?}"))
    }
}

/// Stalls a service at every point, with little and with much time left.
pub async fn stalls(size: Size, canaries: &Canaries) -> Figure {
    let app = Arc::new(TestApp::start().await);
    let (nowhere, _guard) = unreachable().await;
    let mut dice = Rng::with_seed(1);
    let count = size.of(24, 600);
    let cases =
        (0..count).map(|number| Case::new(number, &mut dice).run(Arc::clone(&app), canaries.clone(), nowhere.clone()));
    let faults: Vec<_> = side_by_side(size.of(4, 24), cases).await.into_iter().flatten().collect();
    Figure::new(
        "any service stalls at connect, headers or mid-body, with 1 to 10 s left: answered before Lambda's deadline less 300 ms",
        format!("{count} of {count}"),
        format!("{} of {count}", count - faults.len()),
        faults,
    )
}
