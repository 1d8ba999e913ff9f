//! Faults, by a seed or one at a time.

use crate::faults::{Call, Fault, Mix, Point, Schedule, Service};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where things may go wrong.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    /// On the way to these services.
    pub services: Vec<Service>,
    /// Between page and functions.
    pub pages: bool,
}

impl Places {
    /// Behind the functions, as with `--chaos`.
    pub fn behind() -> Self {
        Self { services: vec![Service::WeChat, Service::DynamoDb, Service::SecretsManager], pages: false }
    }
}

/// The faults that are wanted. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Chaos(Arc<Mutex<Wanted>>);

#[derive(Default)]
struct Wanted {
    seed: u64,
    places: Places,
    next: Option<Point>,
}

impl Wanted {
    fn schedule(&self) -> Schedule {
        Schedule { seed: self.seed, mix: Mix::Mild }
    }
}

impl Chaos {
    /// Lets one call in six go wrong in these places, as `seed` decides.
    pub fn set(&self, seed: u64, places: Places) {
        let mut wanted = self.wanted();
        (wanted.seed, wanted.places) = (seed, places);
    }

    /// Loses the next request of the page (`Point::Request`), or the response to it.
    pub fn lose_next(&self, point: Point) {
        self.wanted().next = Some(point);
    }

    /// The seed, the places, and what is to be lost next.
    pub fn state(&self) -> (u64, Places, Option<Point>) {
        let wanted = self.wanted();
        (wanted.seed, wanted.places.clone(), wanted.next)
    }

    /// What becomes of this call of a function.
    pub fn fault(&self, call: &Call) -> Option<Fault> {
        let wanted = self.wanted();
        if !wanted.places.services.contains(&call.service) {
            return None;
        }
        let fault = wanted.schedule().fault(call)?;
        println!("   chaos: {call}: {fault}");
        Some(fault)
    }

    /// What becomes of the nth request of a page for this path.
    pub fn page_fault(&self, path: &str, nth: u64) -> Option<Fault> {
        let mut wanted = self.wanted();
        if let Some(point) = wanted.next.take() {
            return Some(Fault::Reset(point));
        }
        let fault = wanted.places.pages.then(|| wanted.schedule().page_fault(path, nth))??;
        println!("   chaos: page {path}: {fault}");
        Some(fault)
    }

    fn wanted(&self) -> MutexGuard<'_, Wanted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
