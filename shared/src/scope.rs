//! The context of a request, which every step gets: its deadline and its log line.

use crate::deadline::Deadline;
use crate::log::Log;

/// The scope of one request. Clones share the log.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The moment by which the reply must stand.
    pub deadline: Deadline,
    /// The log line so far.
    pub log: Log,
}

impl Scope {
    /// A scope that ends at `deadline`, with nothing logged yet.
    pub fn until(deadline: Deadline) -> Self {
        Self { deadline, log: Log::default() }
    }
}
