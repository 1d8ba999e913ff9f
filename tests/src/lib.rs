//! What the test binaries share.
//!
//! - [`contract`]: the failures of the HTTP contract.
//! - [`invariants`]: what always holds in the tables.
//! - [`resilience`]: the fault scenarios, with their figures.
//!
//! The fakes, the fault injector and `TestApp` are in the crate `tools`.

pub mod contract;
pub mod invariants;
pub mod resilience;
