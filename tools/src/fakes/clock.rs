//! A clock that tests move.

use miniprogram::clock::{Clock, Timestamp, system_now};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The system's time, and what it was put forward by. Clones move together.
#[derive(Clone, Debug, Default)]
pub struct TestClock {
    ahead_ms: Arc<AtomicU64>,
}

impl TestClock {
    /// Puts the clock forward.
    pub fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).expect("a span that a test can mean");
        self.ahead_ms.fetch_add(millis, Ordering::SeqCst);
    }

    /// The time on this clock.
    pub fn now(&self) -> Timestamp {
        Timestamp::from(system_now()) + self.ahead()
    }

    /// This clock, as a function takes it.
    pub fn for_app(&self) -> Clock {
        let clock = self.clone();
        Clock::from_fn(move || system_now() + clock.ahead())
    }

    fn ahead(&self) -> Duration {
        Duration::from_millis(self.ahead_ms.load(Ordering::SeqCst))
    }
}
