//! The writer on engines that fail: what waits, what is told, what is lost, and that nobody is held up.
//!
//! The engine is memory, or a gate in front of it; the clock is set by hand.
//!
//! Files and SQL are tested elsewhere.

use super::*;
use crate::model::Timestamp;
use crate::store::record::Entry;
use crate::store::{EngineError, Image, Memory, Roster, Store};
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::mpsc;

const NOW: i64 = 1_790_000_000_000;

#[derive(Default)]
struct Clock(AtomicI64);

impl WallClock for Clock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(NOW + self.0.load(Relaxed))
    }
}

/// With a check whose state was never stored, so that all of the journal is needed.
fn roster() -> Roster {
    Roster { checks: vec!["a".into()], ..Roster::default() }
}

struct Bench {
    disk: Memory,
    clock: Arc<Clock>,
    store: Store,
    writer: Writer,
    seq: u64,
}

impl Bench {
    fn new() -> Self {
        Self::on(Memory::new(NOW).unwrap())
    }

    fn on(disk: Memory) -> Self {
        let clock = Arc::new(Clock::default());
        let (store, image, writer) =
            Store::with_engine(Box::new(disk.clone()), &roster(), clock.clone()).unwrap();
        Self { disk, clock, store, writer, seq: image.last_seq }
    }

    fn append(&mut self, entries: usize) {
        self.seq += 1;
        self.store.append(self.seq, vec![Entry::ClockBack { check: 1, millis: 5 }; entries]);
    }

    /// A second passes.
    fn tick(&mut self) {
        self.clock.0.fetch_add(1_000, Relaxed);
        assert!(self.writer.pump());
    }

    /// The daemon is killed and another one is started.
    fn crash(self) -> (Self, Image) {
        let Self { disk, clock, .. } = self;
        let image = disk.clone().load(&roster(), clock.now().as_millis()).unwrap();
        (Self::on(disk), image)
    }
}

fn stored(image: &Image) -> usize {
    image.journal.iter().map(|row| row.entries.len()).sum()
}

fn kept(disk: &Memory) -> usize {
    stored(&disk.image().unwrap())
}

#[test]
fn what_was_pumped_survives_a_crash_and_what_waited_does_not() {
    let mut bench = Bench::new();
    bench.append(3);
    bench.tick();
    bench.append(4);
    let (bench, _) = bench.crash();
    assert_eq!(kept(&bench.disk), 3);
}

#[test]
fn a_failing_store_keeps_what_waits_and_stores_it_once_it_can() {
    let mut bench = Bench::new();
    bench.disk.set_fault(Some(StoreFault::Full));
    for _ in 0..3 {
        bench.append(2);
        bench.tick();
    }
    let reading = bench.store.stats().read();
    assert_eq!((reading.pending, reading.entries, reading.healthy), (6, 0, false));
    assert_eq!(reading.errors[StoreFault::Full.index()], 3);
    bench.disk.set_fault(None);
    bench.append(1);
    bench.tick();
    let reading = bench.store.stats().read();
    assert_eq!((reading.pending, reading.entries, reading.healthy), (0, 7, true));
    assert_eq!((kept(&bench.disk), reading.lost), (7, [0; 4]));
    assert_eq!(reading.last_commit_ms, NOW + 4_000);
}

#[test]
fn a_store_that_fails_for_long_loses_the_oldest_and_counts_it() {
    use crate::store::inbox::ENTRIES_AT_MOST;
    let mut bench = Bench::new();
    bench.disk.set_fault(Some(StoreFault::Io));
    for _ in 0..6 {
        bench.append(ENTRIES_AT_MOST / 5);
        bench.tick();
    }
    bench.disk.set_fault(None);
    bench.tick();
    let reading = bench.store.stats().read();
    assert_eq!(reading.lost[StoreLoss::Entries.index()], ENTRIES_AT_MOST as u64 / 5);
    assert_eq!(kept(&bench.disk), ENTRIES_AT_MOST);
}

#[test]
fn an_idle_store_shows_now_and_then_that_it_lives() {
    let mut bench = Bench::new();
    for _ in 0..12 {
        bench.tick();
    }
    assert_eq!(bench.disk.commits(), 2);
    let (_, image) = bench.crash();
    assert_eq!((image.heartbeat_ms, image.stopped_cleanly), (Some(NOW + 10_000), false));
}

#[test]
fn a_closed_store_has_everything_and_says_so() {
    let mut bench = Bench::new();
    bench.append(2);
    bench.store.close();
    assert!(!bench.writer.pump());
    assert_eq!(kept(&bench.disk), 2);
    let (_, image) = bench.crash();
    assert!(image.stopped_cleanly);
}

#[test]
fn who_asks_a_closed_store_gets_no_answer_instead_of_waiting() {
    let mut bench = Bench::new();
    bench.store.close();
    bench.writer.pump();
    bench.store.flush().blocking_recv().unwrap_err();
    bench.store.load(Roster::default()).blocking_recv().unwrap_err();
}

#[test]
fn what_cannot_be_stored_before_the_stop_is_counted_as_lost() {
    let mut bench = Bench::new();
    bench.disk.set_fault(Some(StoreFault::ReadOnly));
    bench.append(2);
    bench.store.close();
    assert!(!bench.writer.pump());
    assert_eq!(bench.store.stats().read().lost[StoreLoss::Entries.index()], 2);
}

#[test]
fn a_flush_tells_whether_it_is_stored() {
    let mut bench = Bench::new();
    for (fault, stored) in [(Some(StoreFault::Busy), false), (None, true)] {
        bench.disk.set_fault(fault);
        bench.append(1);
        let answer = bench.store.flush();
        bench.tick();
        assert_eq!(answer.blocking_recv(), Ok(stored));
    }
}

#[test]
fn another_roster_is_loaded_after_what_was_sent_before() {
    let mut bench = Bench::new();
    bench.append(1);
    let checks = vec!["b".into(), "a".into()];
    let answer = bench.store.load(Roster { checks, ..Roster::default() });
    bench.tick();
    let image = answer.blocking_recv().unwrap().unwrap();
    assert_eq!((image.numbers, image.last_seq), (vec![2, 1], 1));
}

/// Commits wait until they are let through.
struct Gate {
    disk: Memory,
    arrived: mpsc::Sender<usize>,
    pass: mpsc::Receiver<()>,
}

impl Engine for Gate {
    fn load(&mut self, roster: &Roster, now_ms: i64) -> Result<Image, Error> {
        self.disk.load(roster, now_ms)
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), EngineError> {
        // The test may have ended.
        let _ = self.arrived.send(batch.rows.iter().map(|row| row.entries.len()).sum());
        let _ = self.pass.recv();
        self.disk.commit(batch)
    }

    fn prune(&mut self, _: i64) -> Result<(), EngineError> {
        Ok(())
    }

    fn bytes(&self) -> u64 {
        0
    }
}

#[test]
fn a_slow_store_holds_nobody_up() {
    let (arrived, arrivals) = mpsc::channel();
    let (let_pass, pass) = mpsc::channel();
    let gate = Gate { disk: Memory::new(NOW).unwrap(), arrived, pass };
    let clock = Arc::new(Clock::default());
    let store = Store::start(Box::new(gate), &roster(), clock).unwrap().store;
    let entry = Entry::ClockBack { check: 1, millis: 5 };
    store.append(1, vec![entry]);
    let first = store.flush();
    assert_eq!(arrivals.recv(), Ok(1));
    // The writer stands inside a commit; this would not end if anyone waited for it.
    for seq in 2..1_000 {
        store.append(seq, vec![entry]);
    }
    let second = store.flush();
    let_pass.send(()).unwrap();
    assert_eq!((first.blocking_recv(), arrivals.recv()), (Ok(true), Ok(998)));
    let_pass.send(()).unwrap();
    assert_eq!(second.blocking_recv(), Ok(true));
    let_pass.send(()).unwrap();
    store.close();
    assert_eq!(store.stats().read().entries, 999);
}

/// Every commit panics.
struct Broken(Memory);

impl Engine for Broken {
    fn load(&mut self, roster: &Roster, now_ms: i64) -> Result<Image, Error> {
        self.0.load(roster, now_ms)
    }

    fn commit(&mut self, _: &Batch) -> Result<(), EngineError> {
        panic!("a broken engine")
    }

    fn prune(&mut self, _: i64) -> Result<(), EngineError> {
        Ok(())
    }

    fn bytes(&self) -> u64 {
        0
    }
}

#[test]
fn a_writer_that_fails_leaves_the_others_going() {
    let broken = Broken(Memory::new(NOW).unwrap());
    let clock = Arc::new(Clock::default());
    let store = Store::start(Box::new(broken), &roster(), clock).unwrap().store;
    store.append(1, vec![Entry::ClockBack { check: 1, millis: 5 }]);
    store.flush().blocking_recv().unwrap_err();
    store.append(2, vec![Entry::ClockBack { check: 1, millis: 5 }]);
    store.close();
    assert!(!store.stats().read().healthy);
}
