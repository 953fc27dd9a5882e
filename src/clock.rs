//! The only doors to time: monotonic instants, and the wall clock behind a trait.
//!
//! Monotonic time is tokio's, so that a paused runtime pauses it. Wall time is asked through [`WallClock`], so that the
//! simulation can step it. Rules never call either: they are told `now`.
//!
//! It does not decide what a step of the wall clock means (`schedule` does).

use crate::model::Timestamp;
use std::time::Duration;

/// A monotonic instant; pauses with tokio's clock.
pub use tokio::time::Instant;

/// Where wall time comes from.
pub trait WallClock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// The operating system's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl WallClock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one door to the wall clock")]
    fn now(&self) -> Timestamp {
        let since_epoch = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}
