//! Fuzzing of what reads text from outside: whatever comes in, nothing panics, and what is taken is what was sent.
//!
//! `cargo test` does a few thousand runs of each target; `cargo fuzz-parsers`, in minutes, ten million. A failure prints its
//! input, made small, and `BOLERO_RANDOM_SEED` repeats it.

mod mutations;
mod parsers;

pub use mutations::{fuzz, run};

/// What an id, a token or a number must look like to be stored.
pub fn is_word(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}
