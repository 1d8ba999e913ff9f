//! What the built functions make of a bad day, in figures.
//!
//! Every scenario runs the built binaries behind the proxies of [`tools::faults`], and comes to a [`Figure`]. How much of
//! it is run is a matter of [`Size`]: `cargo test` runs the short form, `cargo resilience` the long one.
//! A new route is a new row of [`ROUTES`].

mod corpus;
mod frozen;
mod kills;
mod lost_replies;
mod revoked;
mod rig;
mod rotated;
mod routes;
mod stalls;
mod storm;
mod throttled;

use std::future::Future;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tools::app::TestApp;
use tools::leaks::Canaries;

pub use corpus::broken_bodies;
pub use frozen::frozen;
pub use kills::kills;
pub use lost_replies::lost_replies;
pub use revoked::revoked;
pub use rig::{Function, Rig};
pub use rotated::rotated;
pub use routes::{ROUTES, Request, Route, Verdict};
pub use stalls::stalls;
pub use storm::storm;
pub use throttled::throttled;

/// How much of a scenario is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Seconds: the form of `cargo test`.
    Short,
    /// Minutes: the form whose figures are kept.
    Long,
}

impl Size {
    /// How many of something.
    pub fn of(self, short: usize, long: usize) -> usize {
        match self {
            Self::Short => short,
            Self::Long => long,
        }
    }
}

/// Starts what a scenario runs on. The short form must pass on a busy machine, and so has wider time limits.
async fn start(size: Size) -> TestApp {
    match size {
        Size::Short => TestApp::start_unhurried().await,
        Size::Long => TestApp::start().await,
    }
}

/// What a scenario came to.
#[derive(Clone, Debug)]
pub struct Figure {
    /// What was done.
    pub what: String,
    /// What had to be reached.
    pub target: String,
    /// What was reached.
    pub reached: String,
    /// What went wrong, in words; nothing if the target was reached.
    pub faults: Vec<String>,
}

impl Figure {
    /// A figure of what went wrong.
    pub fn new(what: impl Into<String>, target: impl Into<String>, reached: String, faults: Vec<String>) -> Self {
        Self { what: what.into(), target: target.into(), reached, faults }
    }

    /// Fails a test if the target was missed.
    ///
    /// # Panics
    /// If something went wrong.
    pub fn assert(&self) {
        let faults = self.faults.iter().take(20).map(|fault| format!("\n  {fault}")).collect::<String>();
        assert!(self.faults.is_empty(), "{}: {} instead of {}{faults}", self.what, self.reached, self.target);
    }
}

/// Whether a secret was seen where it must not be, over all that `canaries` kept.
pub fn no_leaks(canaries: &Canaries) -> Figure {
    let search = canaries.look();
    let kinds: Vec<_> = search.kinds.iter().map(|(kind, count)| format!("{count} × {kind}")).collect();
    let mut faults = search.leaks;
    let reached =
        format!("{} leaks in {} lines and replies; looked for {}", faults.len(), search.lines, kinds.join(", "));
    if kinds.len() < 7 {
        faults.push(format!("only these kinds of secret were met: {kinds:?}"));
    }
    let what =
        "canaries (plain, base64, percent-encoded) in every log line, panic and reply of all rows, at `RUST_LOG=trace`";
    Figure::new(what, "0 leaks", reached, faults)
}

/// Runs jobs side by side, so many at once, and gives their results in the order of their ends.
async fn side_by_side<F, T>(at_once: usize, jobs: impl IntoIterator<Item = F>) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let room = Arc::new(Semaphore::new(at_once));
    let mut set = JoinSet::new();
    for job in jobs {
        let room = Arc::clone(&room);
        set.spawn(async move {
            let _place = room.acquire_owned().await;
            job.await
        });
    }
    set.join_all().await
}
