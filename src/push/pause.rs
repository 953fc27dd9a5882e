//! Pauses between attempts: twice as long each time up to a limit, and never at the same moment as others.
//!
//! Half of a pause is drawn from a named stream, so that many daemons that lost one receiver do not come back together.
//!
//! It does not sleep.

use crate::seed::Stream;
use std::time::Duration;

/// Before the second attempt, at most; milliseconds.
const FIRST_MS: u64 = 1_000;

/// Between attempts, at most; milliseconds. An Alertmanager that comes back must hear of an alert before it lapses.
const MOST_MS: u64 = 30_000;

pub(super) struct Pause {
    stream: Stream,
    next_ms: u64,
}

impl Pause {
    pub(super) fn new(seed: u64, name: &str) -> Self {
        Self { stream: Stream::new(seed, name), next_ms: FIRST_MS }
    }

    /// It worked.
    pub(super) fn reset(&mut self) {
        self.next_ms = FIRST_MS;
    }

    /// How long to wait now: from half to all of the pause that is due.
    pub(super) fn next(&mut self) -> Duration {
        let whole = self.next_ms;
        self.next_ms = (whole * 2).min(MOST_MS);
        Duration::from_millis(whole / 2 + self.stream.below(whole / 2 + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_begin_anew_after_a_success() {
        let mut pause = Pause::new(7, "am");
        for most in [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
            let taken = pause.next().as_millis();
            assert!((most / 2..=most).contains(&taken), "{taken} of {most}");
        }
        pause.reset();
        assert!(pause.next() <= Duration::from_secs(1));
    }

    #[test]
    fn two_receivers_do_not_pause_alike() {
        let draw = |name| {
            let mut pause = Pause::new(7, name);
            [pause.next(), pause.next(), pause.next()]
        };
        assert_ne!(draw("a"), draw("b"));
        assert_eq!(draw("a"), draw("a"));
    }
}
