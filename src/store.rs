//! The embedded store: what has to survive a restart.
//!
//! Journal first: every result is appended to a ring of recent results, and the whole state of a service is stored from time to
//! time, so that state and the journal after it give the present again, and nothing is counted twice (an entry counts for a check
//! only if its number is above the one of the check's state). The recorder never waits: what it sends is put into a bounded
//! inbox, and one writer stores it every second in one transaction. `kill -9` costs at most that second; what is stored is
//! always an unbroken beginning of what was sent, except for what was dropped and counted while the disk failed. Losing power
//! may cost the last commits, and never the file.
//!
//! | room for | bound |
//! |---|---|
//! | recent results | [`JOURNAL_BYTES`] and [`JOURNAL_DAYS`], and as far back as recovery needs them |
//! | failed runs | [`FAILURES_KEPT`] and [`FAILURE_DAYS`] |
//! | outages, closed periods, maintenance, promises | [`FACTS_KEPT`] of each and [`FACT_DAYS`] |
//! | alerts | those that fire, and ends for a week at most (`monitor::alerts`) |
//! | checks and services | those of the configuration; those that have left it, [`RETIRED_KEPT`] and [`FACT_DAYS`] |
//! | what waits for a failing disk | [`inbox`] |
//!
//! It knows nothing of monitoring: records are numbers and text, converted by the caller.

mod engine;
mod error;
mod fact;
pub mod inbox;
mod memory;
mod reader;
pub mod record;
mod sqlite;
mod stats;
pub mod writer;

pub use engine::{
    Batch, Engine, EngineError, FrozenPeriod, Image, Name, Roster, Row, StateRow, StoredCheck,
    StoredService, Words,
};
pub use error::{Cause, Error};
pub use fact::{Alert, Drill, Fact, Failover, Failure, Maintenance, Outage, Period, Promise};
pub use memory::Memory;
pub use reader::{Reader, read};
pub use sqlite::keep::{
    FACT_DAYS, FACTS_KEPT, FAILURE_DAYS, FAILURES_KEPT, JOURNAL_BYTES, JOURNAL_DAYS, RETIRED_KEPT,
};
pub use stats::{Reading, Stats};
pub use writer::Writer;

use crate::clock::WallClock;
use inbox::Inbox;
use record::{Entry, ServiceState};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// The database inside the folder of the store.
pub const FILE: &str = "nephoscope.db";
/// The file whose lock a daemon holds for life.
pub const LOCK: &str = "nephoscope.lock";

/// A handle of an open store. Cloning it is cheap; every clone is the same store.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

/// What both sides share.
pub(crate) struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    stats: Stats,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct State {
    inbox: Inbox,
    asked: writer::Asked,
    /// The writer has ended: nobody answers any more.
    ended: bool,
}

/// A store just opened, and what was in it.
pub struct Opened {
    /// The handle.
    pub store: Store,
    /// What was in it.
    pub image: Image,
}

/// Opens the store in `folder`, making it if it is not there, and starts its writer.
pub fn open(folder: &Path, roster: &Roster, clock: Arc<dyn WallClock>) -> Result<Opened, Error> {
    let engine = sqlite::Sqlite::open(folder, clock.now().as_millis())?;
    Store::start(Box::new(engine), roster, clock)
}

impl Store {
    /// Opens a store on any engine and starts its writer on a thread of its own.
    pub fn start(
        engine: Box<dyn Engine>,
        roster: &Roster,
        clock: Arc<dyn WallClock>,
    ) -> Result<Opened, Error> {
        let (store, image, writer) = Self::with_engine(engine, roster, clock)?;
        let thread = std::thread::Builder::new().name("store".to_owned());
        let thread = thread
            .spawn(|| writer.run())
            .map_err(|error| Error::of_system(image.file.parent().unwrap_or(&image.file), error))?;
        *store.shared.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(Opened { store, image })
    }

    /// Opens a store on any engine, without a thread: nothing is written but by [`Writer::pump`].
    pub fn with_engine(
        mut engine: Box<dyn Engine>,
        roster: &Roster,
        clock: Arc<dyn WallClock>,
    ) -> Result<(Self, Image, Writer), Error> {
        let image = engine.load(roster, clock.now().as_millis())?;
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            wake: Condvar::new(),
            stats: Stats::default(),
            thread: Mutex::default(),
        });
        let writer = Writer::new(Arc::clone(&shared), engine, clock);
        Ok((Self { shared }, image, writer))
    }

    /// Appends entries to the journal. `seq` is above that of every call before, and above [`Image::last_seq`].
    pub fn append(&self, seq: u64, entries: Vec<Entry>) {
        self.shared.lock().inbox.append(seq, entries);
    }

    /// Stores the whole state of a service, which contains every entry up to its `seq`.
    pub fn checkpoint(&self, state: &ServiceState) {
        let row = StateRow {
            service: state.name.clone(),
            seq: state.seq,
            scopes: record::encode_scopes(&state.scopes),
            checks: state
                .checks
                .iter()
                .map(|(number, check)| (*number, record::encode_check(check)))
                .collect(),
        };
        self.shared.lock().inbox.state(row);
    }

    /// Stores an outage, a promise, a maintenance, a closed period or an alert.
    pub fn keep(&self, fact: Fact) {
        self.shared.lock().inbox.fact(fact);
    }

    /// Stores the details of a failed run.
    pub fn keep_failure(&self, failure: Failure) {
        self.shared.lock().inbox.failure(failure);
    }

    /// Asks for a commit now. The answer comes after it: whether everything that was sent before is stored.
    pub fn flush(&self) -> oneshot::Receiver<bool> {
        let (done, answer) = oneshot::channel();
        self.shared.ask(|asked| asked.flushes.push(done));
        answer
    }

    /// Makes another roster known, as at an opening, after a commit of all that was sent before: for a reload.
    pub fn load(&self, roster: Roster) -> oneshot::Receiver<Result<Image, Error>> {
        let (done, answer) = oneshot::channel();
        self.shared.ask(|asked| asked.loads.push((roster, done)));
        answer
    }

    /// What the store counts of itself.
    pub fn stats(&self) -> &Stats {
        &self.shared.stats
    }

    /// Stores what waits, marks that it stopped in peace, and ends the writer; blocks until then. Without a thread, the next
    /// [`Writer::pump`] does it. What is sent afterwards is not stored.
    pub fn close(&self) {
        self.shared.ask(|asked| asked.stop = true);
        let thread = self.shared.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A writer that has failed has said so in the log.
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// The lock is held for a push or a swap, never while anything is written.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the writer to do something now; if it has ended, what is asked for is dropped, and the answer with it.
    fn ask(&self, ask: impl FnOnce(&mut writer::Asked)) {
        let mut state = self.lock();
        if !state.ended {
            ask(&mut state.asked);
            self.wake.notify_one();
        }
    }

    fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        state.asked = writer::Asked::default();
        drop(state);
        self.stats.ended();
    }
}
