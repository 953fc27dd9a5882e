//! Signs of life of the workers and the recorder, for the health paths and the watchdog.
//!
//! Each beats where it moves on, so that a part that is stuck cannot be hidden by one that is not.
//!
//! It stops and restarts nobody.

use super::recorder::Recorder;
use super::scheduler::Worker;
use crate::clock::Instant;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A worker that has not rolled for so long is stuck, and so is a recorder that has taken nothing in.
const STUCK_AFTER: Duration = Duration::from_secs(10);

/// Shows that a worker or the recorder lives.
#[derive(Debug)]
pub struct Pulse {
    born: Instant,
    /// Milliseconds since `born` of the last beat, plus one; 0 before the first.
    beat: AtomicU64,
}

impl Default for Pulse {
    fn default() -> Self {
        Self { born: Instant::now(), beat: AtomicU64::new(0) }
    }
}

impl Pulse {
    /// It lives.
    pub fn beat(&self) {
        let millis = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        self.beat.store(millis + 1, Ordering::Relaxed);
    }

    /// How long ago the worker last showed that it lives; `None` if it has not planned its first round yet.
    fn age(&self) -> Option<Duration> {
        let beat = self.beat.load(Ordering::Relaxed).checked_sub(1)?;
        Some(self.born.elapsed().saturating_sub(Duration::from_millis(beat)))
    }
}

/// Whether the workers and the recorder move, for the health paths. Cloning it clones handles.
#[derive(Clone)]
pub struct Vitals {
    workers: Arc<[Arc<Pulse>]>,
    recorder: Arc<Pulse>,
}

impl Vitals {
    pub(super) fn of(workers: &[Worker], recorder: &Recorder) -> Self {
        Self {
            workers: workers.iter().map(|worker| Arc::clone(&worker.pulse)).collect(),
            recorder: Arc::clone(&recorder.pulse),
        }
    }

    /// Whether every worker and the recorder have moved lately; else a sentence why not.
    pub fn alive(&self) -> Result<(), String> {
        let workers = self.workers.iter().filter_map(|pulse| pulse.age()).max();
        for (who, age) in [("a scheduler", workers), ("the recorder", self.recorder.age())] {
            if let Some(age) = age.filter(|age| *age > STUCK_AFTER) {
                return Err(format!("{who} has not moved for {} s", age.as_secs()));
            }
        }
        Ok(())
    }

    /// Whether every worker has planned its first round; else a sentence why not.
    pub fn ready(&self) -> Result<(), String> {
        let all = self.workers.len();
        let planned = self.workers.iter().filter(|pulse| pulse.age().is_some()).count();
        if planned == all {
            return Ok(());
        }
        Err(format!("{planned} of {all} schedulers have planned their first round"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_ready_once_it_has_planned() {
        let pulse = Arc::new(Pulse::default());
        let vitals = Vitals { workers: [Arc::clone(&pulse)].into(), recorder: Arc::default() };
        assert!(vitals.ready().is_err());
        pulse.beat();
        assert_eq!((vitals.ready(), vitals.alive()), (Ok(()), Ok(())));
    }
}
