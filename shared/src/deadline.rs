//! Time limits of the steps of a request, which together stay within its deadline.

use std::time::Duration;
use tokio::time::Instant;

/// Kept free at the end of every request for the reply's way out of the function.
pub const MARGIN: Duration = Duration::from_millis(500);

/// Less than this is not worth starting a call to an AWS service in the same region for.
pub const WORTH_STARTING: Duration = Duration::from_millis(250);

/// The moment by which a reply must stand.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    instant: Instant,
    /// Multiplies the limit of every step.
    limit_factor: u32,
}

/// There is too little time left to start the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too little time left")]
pub struct OutOfTime;

impl Deadline {
    /// The deadline of an invocation that Lambda ends in `remaining`.
    pub fn of_invocation(remaining: Duration) -> Self {
        Self { instant: Instant::now() + remaining.saturating_sub(MARGIN), limit_factor: 1 }
    }

    /// The same deadline with wider limits for the steps before it, as [`crate::Config::time_limit_factor`] has it.
    #[must_use]
    pub fn with_limit_factor(self, limit_factor: u32) -> Self {
        Self { limit_factor, ..self }
    }

    /// The moment itself.
    pub fn instant(self) -> Instant {
        self.instant
    }

    /// Returns the time that a step may take: `limit`, or less where `reserve` must stay free for what comes after it.
    ///
    /// # Errors
    /// [`OutOfTime`] if what is left is less than `least`, and so not worth starting.
    pub fn allow(self, limit: Duration, reserve: Duration, least: Duration) -> Result<Duration, OutOfTime> {
        let left = self.instant.saturating_duration_since(Instant::now());
        let usable = left.saturating_sub(reserve);
        if usable < least {
            return Err(OutOfTime);
        }
        Ok(usable.min(limit * self.limit_factor))
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
    async fn a_wider_limit_still_ends_with_the_deadline() {
        let deadline = Deadline::of_invocation(10 * SECOND + MARGIN).with_limit_factor(2);
        assert_eq!(deadline.allow(4 * SECOND, SECOND, SECOND), Ok(8 * SECOND));
        assert_eq!(deadline.allow(5 * SECOND, SECOND, SECOND), Ok(9 * SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_is_not_started_with_less_than_it_needs() {
        let deadline = Deadline::of_invocation(3 * SECOND + MARGIN - Duration::from_millis(1));
        assert_eq!(deadline.allow(4 * SECOND, 2 * SECOND, SECOND), Err(OutOfTime));
    }
}
