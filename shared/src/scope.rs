//! What every step of a request gets along: the time that is left, and what the log line will say.

use crate::deadline::Deadline;
use crate::log::Log;

/// The scope of one request. Clones share the log.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The moment by which the reply must stand.
    pub deadline: Deadline,
    /// What the log line will say.
    pub log: Log,
}

impl Scope {
    /// A scope that ends at `deadline`, with nothing logged yet.
    pub fn until(deadline: Deadline) -> Self {
        Self { deadline, log: Log::default() }
    }
}
