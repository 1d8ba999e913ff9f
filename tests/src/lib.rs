//! What the test binaries share.
//!
//! - [`invariants`]: what always holds in the tables.
//! - [`resilience`]: the fault scenarios, with their figures.
//!
//! The fakes, the fault injector and `TestApp` are in the crate `tools`.

pub mod invariants;
pub mod resilience;
