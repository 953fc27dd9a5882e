//! One worker: starts what is due, one heap of due checks per runtime (S2).
//!
//! The task sleeps until the agenda's next due time, takes a permit for each run from one semaphore shared by all workers,
//! and tells the recorder in order: started, finished, skipped. Once a second it tells how far time has come (a roll), which
//! is also the sign that it lives. It owns the runs it starts and joins them when it stops.
//!
//! It does not decide what is due (`schedule` does), what a result means (`ledger`), or how to probe (the [`Runner`]).

use super::event::{Event, Recheck};
use super::{Pulse, Runner};
use crate::clock::{Instant, WallClock};
use crate::metrics::Own;
use crate::model::{
    Action, Cause, Check, CheckIndex, Outcome, ProbeResult, Timestamp, human_duration,
};
use crate::schedule::{Agenda, Grid, Slot, Turn};
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinSet;

/// How often a worker says how far time has come.
pub const ROLL_EVERY: Duration = Duration::from_secs(1);

/// The wall clock has been set if it is this far from where monotonic time says it should be.
const CLOCK_STEP: i64 = 500;

/// Wall and monotonic time belong together if they were read within this time of each other.
const READ_WITHIN: Duration = Duration::from_millis(50);

/// Readings of both clocks before the last one is taken as it is.
const READINGS: usize = 5;

/// How long runs in flight may take when the monitor stops; then they are given up.
const STOP_WITHIN: Duration = Duration::from_secs(30);

/// What a worker needs.
pub struct Worker {
    /// Its checks, ascending; a slot of the agenda is a position here.
    pub checks: Arc<[CheckIndex]>,
    /// All checks of the configuration.
    pub all: Arc<[Arc<Check>]>,
    /// Wall time.
    pub clock: Arc<dyn WallClock>,
    /// Room for runs, shared by all workers.
    pub room: Arc<Semaphore>,
    /// To the recorder.
    pub events: mpsc::Sender<Event>,
    /// From the recorder: look again at a check, then.
    pub rechecks: mpsc::Receiver<Recheck>,
    /// Its position among the workers; the first one speaks for all of them where one has to.
    pub number: usize,
    /// Where wall time stood at a monotonic instant when the ledger began.
    pub anchor: (Instant, Timestamp),
    /// Told true when the monitor stops.
    pub stop: watch::Receiver<bool>,
    /// Where it shows that it lives.
    pub pulse: Arc<Pulse>,
    /// The daemon's own metrics.
    pub own: Own,
}

/// Runs a worker until it is told to stop and its last run has ended.
pub async fn run(worker: Worker, runner: Arc<dyn Runner>) {
    Scheduler::new(worker, runner).run().await;
}

struct Scheduler {
    worker: Worker,
    runner: Arc<dyn Runner>,
    agenda: Agenda,
    running: JoinSet<Slot>,
    turns: Vec<Turn>,
    /// When the last run of each slot started.
    last_started: Vec<Timestamp>,
    /// Where wall time stood at a monotonic instant; taken anew each time round.
    anchor: (Instant, Timestamp),
    rolled: Instant,
}

impl Scheduler {
    fn new(worker: Worker, runner: Arc<dyn Runner>) -> Self {
        let now = worker.clock.now();
        let grids = worker.checks.iter().map(|check| {
            let check = &worker.all[check.get()];
            Grid::new(check.id.as_str(), check.shape.interval)
        });
        let agenda = Agenda::new(grids, now);
        worker.pulse.beat();
        Self {
            runner,
            agenda,
            running: JoinSet::new(),
            turns: Vec::new(),
            last_started: vec![Timestamp::default(); worker.checks.len()],
            anchor: worker.anchor,
            rolled: worker.anchor.0,
            worker,
        }
    }

    async fn run(mut self) {
        // A monitor that was dropped without a word has stopped too.
        while !*self.worker.stop.borrow() && self.worker.stop.has_changed().is_ok() {
            let now = self.look_at_the_clock().await;
            self.agenda.advance(now, &mut self.turns);
            self.tell_skipped().await;
            while self.agenda.has_waiting() {
                let Ok(permit) = Arc::clone(&self.worker.room).try_acquire_owned() else { break };
                self.start(permit).await;
            }
            self.roll(now).await;
            self.wait(now).await;
        }
        self.agenda.stop(&mut self.turns);
        self.tell_skipped().await;
        let ends = async { while self.running.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_WITHIN, ends).await.is_err() {
            tracing::warn!(
                action = Action::RunsGivenUp.as_str(),
                runs = self.running.len(),
                "runs in flight are given up"
            );
            self.running.shutdown().await;
        }
    }

    /// Sleeps until something happens that this loop has to look at.
    async fn wait(&mut self, now: Timestamp) {
        let instant = self.anchor.0;
        let due = self.agenda.next_wake().map_or(ROLL_EVERY, |due| due.since(now));
        let wake = (instant + due).min(self.rolled + ROLL_EVERY);
        let has_waiting = self.agenda.has_waiting();
        // Stopping first, so that nothing new starts; ended runs before asked ones, because they free their check; room
        // before the clock, because whoever waits for it is already due.
        tokio::select! {
            biased;
            _ = self.worker.stop.changed() => {}
            Some(ended) = self.running.join_next(), if !self.running.is_empty() => {
                self.finished(ended);
                while let Some(ended) = self.running.try_join_next() {
                    self.finished(ended);
                }
            }
            Some(recheck) = self.worker.rechecks.recv() => self.recheck(recheck),
            permit = Arc::clone(&self.worker.room).acquire_owned(), if has_waiting => {
                let permit = permit.expect("the semaphore is never closed");
                self.start(permit).await;
            }
            () = tokio::time::sleep_until(wake) => {}
        }
    }

    /// The time now; if the wall clock was set, due times are taken anew.
    async fn look_at_the_clock(&mut self) -> Timestamp {
        let (instant, now) = self.read_clocks();
        let expected = self.anchor.1 + instant.saturating_duration_since(self.anchor.0);
        self.anchor = (instant, now);
        let step = now.as_millis() - expected.as_millis();
        if step.abs() >= CLOCK_STEP {
            self.agenda.reanchor(now);
            tracing::warn!(
                action = Action::ClockSet.as_str(),
                step_ms = step,
                "the wall clock was set; due times are taken anew"
            );
            if step < 0 {
                let checks = Arc::clone(&self.worker.checks);
                let leads = self.worker.number == 0;
                self.tell(Event::ClockBack { checks, millis: -step, leads }).await;
            }
        }
        now
    }

    /// Both clocks at the same moment: read again if this thread was held up between the two.
    fn read_clocks(&self) -> (Instant, Timestamp) {
        let mut reading = (Instant::now(), self.worker.clock.now());
        for _ in 1..READINGS {
            if reading.0.elapsed() <= READ_WITHIN {
                break;
            }
            reading = (Instant::now(), self.worker.clock.now());
        }
        reading
    }

    async fn roll(&mut self, now: Timestamp) {
        if self.anchor.0 >= self.rolled + ROLL_EVERY {
            self.rolled = self.anchor.0;
            let checks = Arc::clone(&self.worker.checks);
            self.tell(Event::Roll { checks, at: now }).await;
            self.worker.pulse.beat();
        }
    }

    async fn start(&mut self, permit: OwnedSemaphorePermit) {
        // Room in the channel first: a run begins when it is told, not before the telling had to wait.
        let events = self.worker.events.clone();
        // Without a recorder the process is ending.
        let Ok(telling) = events.reserve().await else { return };
        let Some(Turn::Start { slot, due, recheck }) = self.agenda.start() else { return };
        let index = self.worker.checks[slot as usize];
        let (begun, started) = self.read_clocks();
        self.last_started[slot as usize] = started;
        self.worker.own.observe_lag(started.since(due));
        telling.send(Event::Started { check: index, at: started, recheck });

        let timeout = self.worker.all[index.get()].shape.timeout;
        let runner = Arc::clone(&self.runner);
        let probe = async move { runner.run(index, timeout).await };
        let events = self.worker.events.clone();
        self.running.spawn(async move {
            let result = AssertUnwindSafe(probe).catch_unwind().await.unwrap_or_else(|panic| {
                let said = format!("the prober panicked: {}", words(&*panic));
                ProbeResult::unknown(Cause::Internal, said)
            });
            let overrun = begun.elapsed().saturating_sub(timeout);
            let result = Box::new(disbelieve(result, overrun, timeout));
            // As above: without a recorder the process is ending.
            let _ = events.send(Event::Finished { check: index, result }).await;
            drop(permit);
            slot
        });
    }

    fn finished(&mut self, ended: Result<Slot, tokio::task::JoinError>) {
        self.agenda.finished(ended.expect("panics of probes are caught inside their task"));
    }

    /// Plans a look, unless the check has begun one since that is as good.
    fn recheck(&mut self, Recheck { check, at, after }: Recheck) {
        let slot = self.worker.checks.binary_search(&check);
        let slot = slot.expect("the recorder asks the worker that has the check");
        if self.last_started[slot] <= after {
            self.agenda.recheck(u32::try_from(slot).expect("as many slots as checks"), at);
        }
    }

    async fn tell_skipped(&mut self) {
        for turn in std::mem::take(&mut self.turns) {
            if let Turn::Skip { slot, count, cause } = turn {
                self.worker.own.count_skipped(cause, count);
                let check = self.worker.checks[slot as usize];
                self.tell(Event::Skipped { check, count, cause }).await;
            }
        }
    }

    async fn tell(&self, event: Event) {
        // As in `start`: without a recorder the process is ending.
        let _ = self.worker.events.send(event).await;
    }
}

/// A bad result that came later after the deadline than the deadline allows for the whole run says more of us than of the
/// far side: this process did not get to look (S10). A run that only *began* late is a proper run.
fn disbelieve(result: ProbeResult, overrun: Duration, timeout: Duration) -> ProbeResult {
    if overrun <= timeout || !matches!(result.outcome, Outcome::Bad(_)) {
        return result;
    }
    let said = format!(
        "this monitor looked {} after the deadline, which is more than the timeout of {}; it saw: {}",
        human_duration(overrun),
        human_duration(timeout),
        result.said
    );
    ProbeResult { outcome: Outcome::Unknown(Cause::Overloaded), said, ..result }
}

fn words(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no words")
}
