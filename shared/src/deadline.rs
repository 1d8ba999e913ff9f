//! How long a step may take, so that all of them together stay within what Lambda leaves.

use std::time::Duration;
use tokio::time::Instant;

/// Kept free at the end of every request for the reply's way out of the function.
pub const MARGIN: Duration = Duration::from_millis(500);

/// Less than this is not worth starting a call to an AWS service in the same region for.
pub const WORTH_STARTING: Duration = Duration::from_millis(250);

/// The moment by which a reply must stand.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

/// There is too little time left to start the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too little time left")]
pub struct OutOfTime;

impl Deadline {
    /// The deadline of an invocation that Lambda ends in `remaining`.
    pub fn of_invocation(remaining: Duration) -> Self {
        Self(Instant::now() + remaining.saturating_sub(MARGIN))
    }

    /// The moment itself.
    pub fn instant(self) -> Instant {
        self.0
    }

    /// How long a step may take: `limit`, or less where `reserve` must stay free for what comes after it.
    ///
    /// # Errors
    /// [`OutOfTime`] if what is left is less than `least`, and so not worth starting.
    pub fn allow(self, limit: Duration, reserve: Duration, least: Duration) -> Result<Duration, OutOfTime> {
        let left = self.0.saturating_duration_since(Instant::now());
        let usable = left.saturating_sub(reserve);
        if usable < least {
            return Err(OutOfTime);
        }
        Ok(usable.min(limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_step_gets_its_limit_while_there_is_time() {
        let deadline = Deadline::of_invocation(10 * SECOND);
        assert_eq!(deadline.allow(4 * SECOND, 2 * SECOND, SECOND), Ok(4 * SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_gets_what_is_left_less_margin_and_reserve() {
        let deadline = Deadline::of_invocation(4 * SECOND + MARGIN);
        assert_eq!(deadline.allow(4 * SECOND, 2 * SECOND, SECOND), Ok(2 * SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_is_not_started_with_less_than_it_needs() {
        let deadline = Deadline::of_invocation(3 * SECOND + MARGIN - Duration::from_millis(1));
        assert_eq!(deadline.allow(4 * SECOND, 2 * SECOND, SECOND), Err(OutOfTime));
    }
}
