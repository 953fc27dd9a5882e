//! The two shapes of load, and the stopwatch.
//!
//! Each run is preceded by a short warm-up that is not counted, so that lazily built tables (and the first random bytes
//! of the TLS library, 50 ms) are there. A probe that fails ends the run: a cheap failure must not look like speed.
//!
//! It does not know what is probed.

use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use rustix::time::{ClockId, clock_gettime};
use std::cell::Cell;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// How probes follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `IN_FLIGHT` at a time, the next as soon as one has ended.
    Closed,
    /// `PER_SECOND`, evenly spaced.
    Paced,
}

/// Probes at a time in a closed loop.
pub(crate) const IN_FLIGHT: usize = 32;
/// Probes a second when paced.
pub(crate) const PER_SECOND: u32 = 300;
/// Probes of one paced measurement: three seconds.
pub(crate) const PACED_COUNT: u32 = 3 * PER_SECOND;

impl Shape {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Paced => "paced",
        }
    }

    pub(crate) fn from_name(name: &str) -> Self {
        if name == "paced" { Self::Paced } else { Self::Closed }
    }
}

/// CPU time of so many probes.
pub(crate) struct Cost {
    pub(crate) cpu: Duration,
    pub(crate) probes: u32,
}

impl Cost {
    pub(crate) fn us_per_probe(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / f64::from(self.probes)
    }
}

/// Probes in the given shape and measures the CPU time of this process.
pub(crate) async fn run<F>(shape: Shape, count: u32, probe: impl Fn() -> F) -> Result<Cost, String>
where
    F: Future<Output = Result<(), String>>,
{
    let probes = if shape == Shape::Paced { PACED_COUNT } else { count };
    closed(count / 10, &probe).await?;
    let before = cpu_time();
    match shape {
        Shape::Closed => closed(probes, &probe).await?,
        Shape::Paced => paced(probes, &probe).await?,
    }
    Ok(Cost { cpu: cpu_time().saturating_sub(before), probes })
}

/// `IN_FLIGHT` loops that share the probes between them.
pub(crate) async fn closed<F>(count: u32, probe: &impl Fn() -> F) -> Result<(), String>
where
    F: Future<Output = Result<(), String>>,
{
    let left = Cell::new(count);
    let one = || async {
        while left.get() > 0 {
            left.set(left.get() - 1);
            probe().await?;
        }
        Ok(())
    };
    join_all((0..IN_FLIGHT).map(|_| one())).await.into_iter().collect()
}

/// A probe every 1/`PER_SECOND`, whether or not the last one has ended.
pub(crate) async fn paced<F>(count: u32, probe: &impl Fn() -> F) -> Result<(), String>
where
    F: Future<Output = Result<(), String>>,
{
    let start = Instant::now();
    let mut running = FuturesUnordered::new();
    for number in 0..count {
        let due = start + Duration::from_secs(1) * number / PER_SECOND;
        loop {
            // Due times first: a late start would change the shape.
            tokio::select! {
                biased;
                () = sleep_until(due) => break,
                Some(ended) = running.next() => ended?,
            }
        }
        running.push(probe());
    }
    while let Some(ended) = running.next().await {
        ended?;
    }
    Ok(())
}

/// User and system time of this process.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).expect("CPU time is not negative"),
        u32::try_from(time.tv_nsec).expect("nanoseconds of a second fit"),
    )
}
