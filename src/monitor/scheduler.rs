//! One worker: starts what is due, one heap of due checks per runtime (S2).
//!
//! The task sleeps until the agenda's next due time, takes a permit for each run from one semaphore shared by all workers,
//! and tells the recorder in order: started, finished, skipped. Once a second it tells how far time has come (a roll), which
//! is also the sign that it lives. It owns the runs it starts and joins them when it stops. When the configuration changes it
//! stands still for a moment, so that everybody goes over to the new list of checks between the same two events; runs in
//! flight do not notice.
//!
//! It does not decide what is due (`schedule` does), what a result means (`ledger`), or how to probe (the [`Runner`]).

use super::event::{Event, Recheck};
use super::vitals::Pulse;
use super::{Error, Runner};
use crate::clock::{Instant, WallClock};
use crate::metrics::Own;
use crate::model::{
    Action, Cause, Check, CheckIndex, GivenUp, Outcome, ProbeResult, Timestamp, human_duration,
};
use crate::schedule::{Agenda, Grid, Slot, Turn, is_long};
use futures_util::FutureExt;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
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

/// What a worker looks at, of one configuration.
pub struct Share {
    /// Its checks, ascending; a slot of the agenda is a position here.
    pub checks: Arc<[CheckIndex]>,
    /// Everything that is looked at.
    pub all: Arc<[Arc<Check>]>,
    /// From the recorder: look again at a check, then.
    pub rechecks: mpsc::Receiver<Recheck>,
    /// Where each check of the configuration before is now, unless it is gone or begins anew.
    pub places: Arc<[Option<CheckIndex>]>,
}

/// What the helm wants of a worker when the configuration changes, in this order.
pub enum Order {
    /// Make a share ready beside the present one; tells whether that could be done.
    Prepare(Box<Share>, oneshot::Sender<Result<(), Error>>),
    /// Start and tell nothing any more, until one of the next two; runs in flight go on. Tells when all was told.
    Hold(oneshot::Sender<()>),
    /// The prepared share is the present one. Tells how many runs in flight are of checks that are gone.
    Go(oneshot::Sender<usize>),
    /// Stay with the present share.
    Stay,
}

/// What a worker needs.
pub struct Worker {
    /// What it looks at.
    pub share: Share,
    /// From the helm.
    pub orders: mpsc::Receiver<Order>,
    /// Wall time.
    pub clock: Arc<dyn WallClock>,
    /// Room for runs, shared by all workers.
    pub room: Arc<Semaphore>,
    /// To the recorder.
    pub events: mpsc::Sender<Event>,
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

/// A run that has ended: its number, what it gave, the room it took, and whether it was long.
type Ended = (u64, Box<ProbeResult>, OwnedSemaphorePermit, bool);

impl Share {
    fn grids(&self) -> impl Iterator<Item = Grid> {
        self.checks.iter().map(|check| {
            let check = &self.all[check.get()];
            Grid::new(check.id.as_str(), check.shape.interval)
        })
    }
}

struct Scheduler {
    worker: Worker,
    runner: Arc<dyn Runner>,
    /// What takes the place of the present share when the helm says so.
    next: Option<(Box<Share>, Arc<dyn Runner>)>,
    agenda: Agenda,
    running: JoinSet<Ended>,
    /// The slot of each run in flight; `None` where its check is gone.
    slots: BTreeMap<u64, Option<Slot>>,
    /// Numbers the runs.
    runs: u64,
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
        let agenda = Agenda::new(worker.share.grids(), now);
        worker.pulse.beat();
        Self {
            runner,
            next: None,
            agenda,
            running: JoinSet::new(),
            slots: BTreeMap::new(),
            runs: 0,
            turns: Vec::new(),
            last_started: vec![Timestamp::default(); worker.share.checks.len()],
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
        let ends = async {
            while let Some(ended) = self.running.join_next().await {
                self.finished(ended).await;
            }
        };
        if tokio::time::timeout(STOP_WITHIN, ends).await.is_err() {
            tracing::warn!(
                action = Action::RunsGivenUp.as_str(),
                runs = self.running.len(),
                "runs in flight are given up"
            );
            self.worker.own.count_given_up(GivenUp::Shutdown, self.running.len());
            self.running.shutdown().await;
        }
    }

    /// Sleeps until something happens that this loop has to look at.
    async fn wait(&mut self, now: Timestamp) {
        let instant = self.anchor.0;
        let due = self.agenda.next_wake().map_or(ROLL_EVERY, |due| due.since(now));
        let wake = (instant + due).min(self.rolled + ROLL_EVERY);
        let has_waiting = self.agenda.has_waiting();
        // Stopping first, so that nothing new starts; then the helm, for whom others wait; ended runs before asked ones,
        // because they free their check; room before the clock, because whoever waits for it is already due.
        tokio::select! {
            biased;
            _ = self.worker.stop.changed() => {}
            Some(order) = self.worker.orders.recv() => self.obey(order).await,
            Some(ended) = self.running.join_next(), if !self.running.is_empty() => {
                self.finished(ended).await;
                while let Some(ended) = self.running.try_join_next() {
                    self.finished(ended).await;
                }
            }
            Some(recheck) = self.worker.share.rechecks.recv() => self.recheck(recheck),
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
                let checks = Arc::clone(&self.worker.share.checks);
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
            let checks = Arc::clone(&self.worker.share.checks);
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
        let index = self.worker.share.checks[slot as usize];
        let (begun, started) = self.read_clocks();
        self.last_started[slot as usize] = started;
        self.worker.own.observe_lag(started.since(due));
        telling.send(Event::Started { check: index, at: started, recheck });

        let timeout = self.worker.share.all[index.get()].shape.timeout;
        let runner = Arc::clone(&self.runner);
        let probe = async move { runner.run(index, timeout).await };
        let run = self.runs;
        self.runs += 1;
        self.slots.insert(run, Some(slot));
        self.running.spawn(async move {
            let result = AssertUnwindSafe(probe).catch_unwind().await.unwrap_or_else(|panic| {
                let said = format!("the prober panicked: {}", words(&*panic));
                ProbeResult::unknown(Cause::Internal, said)
            });
            let took = begun.elapsed();
            let result = disbelieve(result, took.saturating_sub(timeout), timeout);
            (run, Box::new(result), permit, is_long(took, timeout))
        });
    }

    /// A run has ended. It takes up room until that is told.
    async fn finished(&mut self, ended: Result<Ended, tokio::task::JoinError>) {
        let (run, result, permit, long) =
            ended.expect("panics of probes are caught inside their task");
        let slot = self.slots.remove(&run).expect("a run that was started is in the list");
        if let Some(slot) = slot {
            let check = self.worker.share.checks[slot as usize];
            self.tell(Event::Finished { check, result }).await;
            self.agenda.finished(slot, long);
        }
        drop(permit);
    }

    async fn obey(&mut self, order: Order) {
        match order {
            Order::Prepare(share, told) => {
                let ready = self.runner.succeed(&share);
                let ready = ready.map(|runner| self.next = Some((share, runner)));
                if ready.is_err() {
                    self.runner.settle();
                }
                // Without an answer the helm has let go.
                let _ = told.send(ready);
            }
            Order::Hold(held) => {
                let _ = held.send(());
                // Nothing else is looked at: what would be told now has no sure place in the new order.
                match self.worker.orders.recv().await {
                    Some(Order::Go(told)) => {
                        let gone = self.succeed();
                        let _ = told.send(gone);
                    }
                    _ => self.stay(),
                }
            }
            Order::Go(_) | Order::Stay => self.stay(),
        }
    }

    /// What was prepared is not wanted.
    fn stay(&mut self) {
        self.next = None;
        self.runner.settle();
    }

    /// The prepared share takes over; gives back how many runs in flight are of checks that are gone.
    fn succeed(&mut self) -> usize {
        let Some((share, runner)) = self.next.take() else { return 0 };
        while let Ok(recheck) = self.worker.share.rechecks.try_recv() {
            self.recheck(recheck);
        }
        let mut slots: Vec<Option<Slot>> = vec![None; self.worker.share.checks.len()];
        let mut before: Vec<Option<Slot>> = vec![None; share.checks.len()];
        for (was, check) in self.worker.share.checks.iter().enumerate() {
            let to = share.places[check.get()];
            let Some(to) = to.and_then(|to| share.checks.binary_search(&to).ok()) else { continue };
            let slot = |at: usize| Some(Slot::try_from(at).expect("as many slots as checks"));
            (slots[was], before[to]) = (slot(to), slot(was));
        }
        let now = self.worker.clock.now();
        self.agenda.succeed(share.grids().zip(before.iter().copied()), now);
        let started = |was: &Option<Slot>| {
            was.map_or_else(Timestamp::default, |was| self.last_started[was as usize])
        };
        self.last_started = before.iter().map(started).collect();
        let mut gone = 0;
        for slot in self.slots.values_mut() {
            let was = slot.take();
            *slot = was.and_then(|was| slots[was as usize]);
            gone += usize::from(was.is_some() && slot.is_none());
        }
        (self.worker.share, self.runner) = (*share, runner);
        self.runner.settle();
        self.worker.own.count_given_up(GivenUp::Removed, gone);
        gone
    }

    /// Plans a look, unless the check has begun one since that is as good.
    fn recheck(&mut self, Recheck { check, at, after }: Recheck) {
        let slot = self.worker.share.checks.binary_search(&check);
        let slot = slot.expect("the recorder asks the worker that has the check");
        if self.last_started[slot] <= after {
            self.agenda.recheck(u32::try_from(slot).expect("as many slots as checks"), at);
        }
    }

    async fn tell_skipped(&mut self) {
        for turn in std::mem::take(&mut self.turns) {
            if let Turn::Skip { slot, count, cause } = turn {
                self.worker.own.count_skipped(cause, count);
                let check = self.worker.share.checks[slot as usize];
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
pub(super) fn disbelieve(result: ProbeResult, overrun: Duration, timeout: Duration) -> ProbeResult {
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
