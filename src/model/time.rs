//! Moments on the wall clock and durations as people write them.
//!
//! A [`Timestamp`] is whole milliseconds since the Unix epoch: exact, ordered, and fine enough for a grid of seconds.
//!
//! Nothing here asks what time it is (`clock` does).

use std::num::NonZeroU64;
use std::time::Duration;

/// A moment: milliseconds since the Unix epoch.
///
/// `None` of an `Option<Timestamp>` takes no room of its own, since many are kept of every check: the milliseconds are moved
/// up by 2^63, which keeps their order, and the lowest of all moments is given up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(NonZeroU64);

/// What milliseconds are moved up by.
const MOVED_UP: u64 = 1 << 63;

const _: () = assert!(size_of::<Option<Timestamp>>() == size_of::<i64>());

impl Default for Timestamp {
    fn default() -> Self {
        Self::from_millis(0)
    }
}

impl std::fmt::Debug for Timestamp {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_tuple("Timestamp").field(&self.as_millis()).finish()
    }
}

impl Timestamp {
    /// The moment `millis` milliseconds after the Unix epoch; `i64::MIN` counts as the millisecond after it.
    pub const fn from_millis(millis: i64) -> Self {
        match NonZeroU64::new(millis.cast_unsigned() ^ MOVED_UP) {
            Some(moved_up) => Self(moved_up),
            None => Self(NonZeroU64::MIN),
        }
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        (self.0.get() ^ MOVED_UP).cast_signed()
    }

    /// Seconds since the Unix epoch, for exposition and JSON.
    #[expect(clippy::cast_precision_loss, reason = "2^53 ms is the year 287396")]
    pub fn as_secs_f64(self) -> f64 {
        self.as_millis() as f64 / 1e3
    }

    /// How long after `earlier` this is; zero when it is not after.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(
            u64::try_from(self.as_millis().saturating_sub(earlier.as_millis())).unwrap_or(0),
        )
    }

    /// This moment moved by `millis` milliseconds, forward or back.
    #[must_use]
    pub const fn shifted(self, millis: i64) -> Self {
        Self::from_millis(self.as_millis().saturating_add(millis))
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, by: Duration) -> Self {
        self.shifted(i64::try_from(by.as_millis()).unwrap_or(i64::MAX))
    }
}

/// `90 s` as `1m30s`, `0.4 s` as `400ms`, `93784 s` as `1d2h`: at most two units, the way the configuration writes them.
pub fn human_duration(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        return format!("{}ms", duration.as_millis());
    }
    let units = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];
    let mut left = duration.as_secs();
    let mut text = String::new();
    let mut written = 0;
    for (unit, seconds) in units {
        let count = left / seconds;
        if count > 0 {
            text.push_str(&count.to_string());
            text.push_str(unit);
            left -= count * seconds;
            written += 1;
        } else if written > 0 {
            break;
        }
        if written == 2 {
            break;
        }
    }
    text
}

/// `0.3 ms`, `45 ms`, `4.9 s`: how long something took, as a sentence says it.
pub fn human_latency(took: Duration) -> String {
    let micros = took.as_micros();
    match micros {
        0..10_000 => format!("{}.{} ms", micros / 1_000, micros / 100 % 10),
        10_000..1_000_000 => format!("{} ms", micros / 1_000),
        _ => format!("{}.{} s", micros / 1_000_000, micros / 100_000 % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_in_the_order_of_their_milliseconds() {
        let millis = [i64::MIN + 1, -1, 0, 1, 1_795_000_000_000, i64::MAX];
        let moments = millis.map(Timestamp::from_millis);
        assert_eq!(moments.map(Timestamp::as_millis), millis);
        assert!(moments.is_sorted());
        assert_eq!(Timestamp::from_millis(i64::MIN), moments[0]);
        assert_eq!(Timestamp::default(), moments[2]);
        assert_eq!(format!("{:?}", moments[1]), "Timestamp(-1)");
    }

    #[test]
    fn durations_read_as_the_configuration_writes_them() {
        let read = |millis| human_duration(Duration::from_millis(millis));
        assert_eq!(read(0), "0ms");
        assert_eq!(read(400), "400ms");
        assert_eq!(read(30_000), "30s");
        assert_eq!(read(90_000), "1m30s");
        assert_eq!(read(3_600_000), "1h");
        assert_eq!(read(93_784_000), "1d2h");
        assert_eq!(read(86_460_000), "1d");
    }

    #[test]
    fn latencies_read_as_a_sentence_says_them() {
        let read = |micros| human_latency(Duration::from_micros(micros));
        assert_eq!(read(310), "0.3 ms");
        assert_eq!(read(45_900), "45 ms");
        assert_eq!(read(4_960_000), "4.9 s");
    }

    #[test]
    fn since_never_goes_below_zero() {
        let (early, late) = (Timestamp::from_millis(1_000), Timestamp::from_millis(2_500));
        assert_eq!(late.since(early), Duration::from_millis(1_500));
        assert_eq!(early.since(late), Duration::ZERO);
    }
}
