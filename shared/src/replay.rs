//! Looking for what another request with the same code has stored, or is storing right now.

use crate::aws;
use crate::scope::Scope;
use std::future::Future;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Maximum time to look: what the winner may take to write ([`aws::CALL`]), and half a second for WeChat's answer to reach it.
/// A winner whose answer is longer on its way is missed, and the page asks WeChat for a new code; to wait for that too
/// would hold an instance for six seconds for everybody who repeats a code that was never valid.
pub const PATIENCE: Duration = aws::CALL.saturating_add(Duration::from_millis(500));

/// The first pause between two looks; each is twice the one before, up to the longest.
const MIN_PAUSE: Duration = Duration::from_millis(50);
const MAX_PAUSE: Duration = Duration::from_millis(400);

/// The last look is so long before the deadline that its answer still comes in time.
const LAST_LOOK: Duration = Duration::from_millis(400);

/// The result of a look.
#[derive(Clone, Debug)]
pub enum Look<T> {
    /// The answer.
    Found(T),
    /// Nothing, but it may still come.
    NotYet,
    /// Ruled out by what is stored.
    Never,
}

/// Looks until it is found or ruled out, or `patience` is over; at least once.
///
/// # Errors
/// Those of `look`.
pub async fn search<T, E, F>(patience: Duration, scope: &Scope, look: impl Fn() -> F) -> Result<Option<T>, E>
where
    F: Future<Output = Result<Look<T>, E>>,
{
    let until = (scope.deadline.instant() - LAST_LOOK).min(Instant::now() + patience);
    let mut pause = MIN_PAUSE;
    loop {
        match look().await? {
            Look::Found(answer) => return Ok(Some(answer)),
            Look::Never => return Ok(None),
            Look::NotYet if Instant::now() >= until => return Ok(None),
            // The last look is at the very end.
            Look::NotYet => sleep_until(until.min(Instant::now() + pause)).await,
        }
        pause = MAX_PAUSE.min(pause * 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deadline::Deadline;
    use std::cell::Cell;

    async fn looks(patience: Duration, found_at: u32) -> (Option<u32>, u32) {
        let scope = Scope::until(Deadline::of_invocation(Duration::from_secs(10)));
        let looks = Cell::new(0);
        let found = search(patience, &scope, || async {
            looks.set(looks.get() + 1);
            Ok::<_, ()>(if looks.get() == found_at { Look::Found(looks.get()) } else { Look::NotYet })
        });
        (found.await.unwrap(), looks.get())
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_there_is_found_at_the_first_look() {
        assert_eq!(looks(Duration::ZERO, 1).await, (Some(1), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_later_is_found_with_patience() {
        assert_eq!(looks(PATIENCE, 5).await, (Some(5), 5));
    }

    #[tokio::test(start_paused = true)]
    async fn without_patience_there_is_one_look() {
        assert_eq!(looks(Duration::ZERO, 2).await, (None, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn patience_ends_with_a_last_look() {
        let start = Instant::now();
        assert_eq!(looks(PATIENCE, 1000).await.0, None);
        assert_eq!(start.elapsed(), PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_ruled_out_ends_the_search() {
        let scope = Scope::until(Deadline::of_invocation(Duration::from_secs(10)));
        let start = Instant::now();
        let found: Option<()> = search(PATIENCE, &scope, || async { Ok::<_, ()>(Look::Never) }).await.unwrap();
        assert_eq!((found, start.elapsed()), (None, Duration::ZERO));
    }
}
