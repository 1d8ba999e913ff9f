//! The operator's commands, against the fakes.

mod import;
mod reseal;
mod restore;
