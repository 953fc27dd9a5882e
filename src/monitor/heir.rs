//! What a configuration begins with before it takes the place of another, and what lasts from one to the next.
//!
//! A reload is made like a start: everything is built from the new configuration, and what the store remembers of checks that
//! are not watched now is recalled. What goes on living (checks that are kept, with their runs in flight, their past and their
//! counters) is taken over by the recorder between two events ([`super::recorder`]).
//!
//! It starts nothing and stops nothing.

use super::board::{Board, Setting};
use super::book::Book;
use super::desk::Desk;
use super::drills::Drills;
use super::entries::Entries;
use super::event::{Event, Recheck};
use super::follower::Follower;
use super::journal::Journal;
use super::ledger::Ledger;
use super::memory::Codes;
use super::outages::Outages;
use super::peers::heard::Heard;
use super::recall::recall;
use super::recorder::Recorder;
use super::references::References;
use super::scene::Places;
use super::scheduler::{Order, Share, Worker};
use super::{begin, share_of};
use crate::clock::{Instant, WallClock};
use crate::config::Config;
use crate::config::diff::{Diff, Move};
use crate::metrics::{Own, Table};
use crate::model::{Check, CheckIndex, Service, Timestamp};
use crate::store::{Image, Store};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex};
use tokio::sync::{Semaphore, mpsc, watch};

/// What lasts from one configuration to the next. Cloning it clones handles.
#[derive(Clone)]
pub(super) struct Ground {
    /// Wall time.
    pub clock: Arc<dyn WallClock>,
    /// The daemon's own metrics.
    pub own: Own,
    /// Room for runs.
    pub room: Arc<Semaphore>,
    /// Where history is kept, if anywhere.
    pub store: Option<Store>,
    /// To the recorder.
    pub events: mpsc::WeakSender<Event>,
    /// How many workers there are.
    pub workers: usize,
    /// Told true when the monitor stops.
    pub stop: watch::Receiver<bool>,
    /// When the daemon started.
    pub started: Timestamp,
    /// What is or was down.
    pub outages: Arc<Mutex<Outages>>,
}

impl Ground {
    /// The seat of a worker that begins with a share; `anchor` is when it does.
    pub(super) fn seat(
        &self,
        (number, share): (usize, Share),
        orders: mpsc::Receiver<Order>,
        (anchor, events): (Instant, &mpsc::Sender<Event>),
    ) -> Worker {
        Worker {
            share,
            orders,
            clock: Arc::clone(&self.clock),
            room: Arc::clone(&self.room),
            events: events.clone(),
            number,
            anchor: (anchor, self.started),
            stop: self.stop.clone(),
            pulse: Arc::default(),
            own: self.own.clone(),
        }
    }

    /// Whoever looks at the public names, until told to stop.
    pub(super) fn follower(&self, entries: &Entries, retired: watch::Receiver<bool>) -> Follower {
        let (clock, events) = (Arc::clone(&self.clock), self.events.clone());
        Follower { entries: entries.clone(), clock, events, stop: self.stop.clone(), retired }
    }
}

/// The checks, services and everything that is looked at, of one configuration.
pub(super) struct Lists {
    pub(super) checks: Arc<[Arc<Check>]>,
    pub(super) services: Arc<[Service]>,
    pub(super) lookouts: Arc<[Arc<Check>]>,
}

impl Lists {
    pub(super) fn of(config: &Config) -> Self {
        Self {
            checks: config.checks.clone().into(),
            services: config.services.clone().into(),
            lookouts: config.lookouts(),
        }
    }
}

/// A configuration that is about to take over.
pub struct Heir {
    /// The recorder as it would begin, without a journal.
    pub(super) recorder: Recorder,
    /// What becomes of the checks and services that are watched now.
    pub(super) diff: Arc<Diff>,
    /// The store's number of each check, if there is a store.
    pub(super) numbers: Option<Vec<u32>>,
    /// Where drills are started and ended.
    pub(super) drills: Drills,
}

impl fmt::Debug for Heir {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Heir({})", self.diff)
    }
}

impl Heir {
    /// Everything that it will look at.
    pub fn lookouts(&self) -> Arc<[Arc<Check>]> {
        Arc::clone(&self.recorder.lookouts)
    }

    /// Of `config`, as of now; `desk` and `drills` are those that are open now.
    pub(super) fn new(
        config: &Config,
        notices: Vec<String>,
        ground: &Ground,
        (desk, drills): (&Desk, &Drills),
        (diff, image): (&Arc<Diff>, Option<Image>),
        rechecks: Vec<mpsc::Sender<Recheck>>,
    ) -> Self {
        let now = ground.clock.now();
        let lists = Lists::of(config);
        let desk = desk.succeed(config, &lists);
        let (mut ledger, book) = begin(config, &lists, &desk.in_force(), now);
        let numbers = image.as_ref().map(|image| image.numbers.clone());
        let entries = Entries::new(config, image.as_ref());
        if let Some(mut image) = image {
            // Nobody looked at what comes back; the daemon itself was there.
            image.heartbeat_ms = None;
            let codes = Codes::new(&image.words);
            let kept: BTreeSet<CheckIndex> =
                diff.moves.iter().filter_map(|each| each.to()).collect();
            let is_new = |check: CheckIndex| !kept.contains(&check);
            recall(&image, &codes, &lists.checks, &mut ledger, &book, (now, &is_new));
        }
        let drills = drills.succeed(&lists.services, &entries);
        let heart = Heart { ledger, book, desk, entries, rechecks, journal: None };
        let recorder = assemble(config, notices, ground, &lists, heart, now);
        Self { recorder, diff: Arc::clone(diff), numbers, drills }
    }
}

/// What a recorder works with.
pub(super) struct Heart {
    pub(super) ledger: Ledger,
    pub(super) book: Book,
    pub(super) desk: Desk,
    pub(super) entries: Entries,
    pub(super) rechecks: Vec<mpsc::Sender<Recheck>>,
    pub(super) journal: Option<Journal>,
}

/// Puts a recorder together.
pub(super) fn assemble(
    config: &Config,
    notices: Vec<String>,
    ground: &Ground,
    lists: &Lists,
    heart: Heart,
    now: Timestamp,
) -> Recorder {
    let Heart { ledger, book, desk, entries, rechecks, journal } = heart;
    let setting = Setting {
        vantage: Arc::clone(&config.monitor.vantage),
        notices,
        providers: config.providers.clone(),
        services: Arc::clone(&lists.services),
        checks: Arc::clone(&lists.checks),
        clock: Arc::clone(&ground.clock),
        own: ground.own.clone(),
        room: Arc::clone(&ground.room),
        limit: config.monitor.max_in_flight as usize,
    };
    Recorder {
        pulse: Arc::default(),
        board: Board::new(setting, &ledger, ground.started),
        table: Arc::new(table(config, &lists.checks, &lists.services, now)),
        references: References::new(&config.references, lists.checks.len(), now),
        places: Places::new(config, &lists.services, &lists.checks),
        checks: Arc::clone(&lists.checks),
        lookouts: Arc::clone(&lists.lookouts),
        services: Arc::clone(&lists.services),
        outages: Arc::clone(&ground.outages),
        now,
        heard: Heard::new(&config.peers),
        ledger,
        book,
        desk,
        entries,
        rechecks,
        journal,
    }
}

/// The numbers of every check, at nothing.
fn table(
    config: &Config,
    checks: &[Arc<Check>],
    services: &[Service],
    started: Timestamp,
) -> Table {
    let (vantage, metrics) = (&config.monitor.vantage, config.metrics);
    Table::new(vantage, metrics.detail, metrics.field_names, checks, services, started)
}

/// The ways on which the recorder asks each worker to look again, with room for two requests of each of its checks.
pub(super) fn ways(
    lookouts: &[Arc<Check>],
    workers: usize,
) -> (Vec<mpsc::Sender<Recheck>>, Vec<mpsc::Receiver<Recheck>>) {
    let way = |number| {
        let checks = share_of(lookouts, number, workers).count();
        mpsc::channel((2 * checks).max(1))
    };
    (0..workers).map(way).unzip()
}

/// The share of each worker. `moves` says what becomes of the checks before, if there were any.
pub(super) fn shares(
    lookouts: &Arc<[Arc<Check>]>,
    rechecks: Vec<mpsc::Receiver<Recheck>>,
    moves: &[Move],
) -> Vec<Share> {
    let place = |each: &Move| match each {
        Move::Kept(to) => Some(*to),
        Move::Renamed(_) | Move::Gone => None,
    };
    let (places, workers): (Arc<[_]>, _) = (moves.iter().map(place).collect(), rechecks.len());
    let share = |(number, rechecks)| Share {
        checks: share_of(lookouts, number, workers).collect(),
        all: Arc::clone(lookouts),
        rechecks,
        places: Arc::clone(&places),
    };
    rechecks.into_iter().enumerate().map(share).collect()
}
