//! Faults, by a seed or one at a time.

use crate::faults::{Call, Fault, Mix, Point, Schedule, Service};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the functions call.
pub(super) const SERVICES_BEHIND: &[Service] = &[Service::WeChat, Service::DynamoDb, Service::SecretsManager];

/// The faults that are wanted. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Chaos(Arc<Mutex<Wanted>>);

#[derive(Default)]
struct Wanted {
    seed: u64,
    services: Vec<Service>,
    next: Option<Point>,
}

impl Chaos {
    /// Lets one call in six to these services go wrong, as `seed` decides.
    pub fn set(&self, seed: u64, services: &[Service]) {
        let mut wanted = self.wanted();
        (wanted.seed, wanted.services) = (seed, services.to_vec());
    }

    /// Loses the next request of the page (`Point::Request`), or the response to it.
    pub fn lose_next(&self, point: Point) {
        self.wanted().next = Some(point);
    }

    /// The seed, the services that go wrong, and whether something is to be lost next.
    pub fn state(&self) -> (u64, Vec<Service>, bool) {
        let wanted = self.wanted();
        (wanted.seed, wanted.services.clone(), wanted.next.is_some())
    }

    /// What becomes of this call.
    pub fn fault(&self, call: &Call) -> Option<Fault> {
        let mut wanted = self.wanted();
        if call.service == Service::Functions
            && let Some(point) = wanted.next.take()
        {
            return Some(Fault::Reset(point));
        }
        if !wanted.services.contains(&call.service) {
            return None;
        }
        let fault = Schedule { seed: wanted.seed, mix: Mix::Mild }.fault(call)?;
        println!("   chaos: {call}: {fault}");
        Some(fault)
    }

    fn wanted(&self) -> MutexGuard<'_, Wanted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
