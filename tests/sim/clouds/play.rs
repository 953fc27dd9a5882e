//! A story played on the production monitor: under a paused clock, with a tap between the workers and the recorder.
//!
//! Once a second it is looked at what the faces show: outages, incidents, exposure, public names, counters. What must hold at
//! any moment is judged there and then. A monitor that is to be killed has a store on the engine's twin; a kill drops
//! everything as it stands, and the next life begins two seconds later.
//!
//! What must hold of the whole is judged elsewhere.

use super::cast::Cast;
use super::moment::Moments;
use super::plot::Plot;
use super::stage::{Run, Stage};
use crate::twin::Clock;
use crate::world::BEGINNING;
use nephoscope::clock::WallClock;
use nephoscope::failover::Failover;
use nephoscope::metrics::Own;
use nephoscope::model::{Outcome, Timestamp};
use nephoscope::monitor::event::Event;
use nephoscope::monitor::follower::Scout;
use nephoscope::monitor::outages::Outage;
use nephoscope::monitor::snapshot::CheckView;
use nephoscope::monitor::{self, Plan, Runner, scheduler};
use nephoscope::slo::history::Exposed;
use nephoscope::store::{Memory, Opened, Store, Writer};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// How long after a kill the next life begins.
const AWAY: Duration = Duration::from_secs(2);

/// It is looked on for so long after everything has to be well.
const AFTERWARDS: i64 = 30_000;

/// One line of the journal, in milliseconds from the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Line {
    Started {
        check: usize,
        at: i64,
        recheck: bool,
    },
    Finished {
        check: usize,
        good: bool,
        took: i64,
    },
    Skipped {
        check: usize,
        count: u64,
    },
    Looked {
        service: usize,
        at: i64,
    },
    /// The monitor was killed and has begun again.
    Again,
}

/// What is left of a story.
pub(super) struct Told {
    pub(super) journal: Vec<Line>,
    /// Every run, as it really was.
    pub(super) runs: Vec<Run>,
    /// All outages, the newest first.
    pub(super) outages: Vec<Outage>,
    /// By service.
    pub(super) exposed: Vec<Exposed>,
    /// Of service 0, the oldest first.
    pub(super) failovers: Vec<Failover>,
    pub(super) checks: Vec<CheckView>,
    pub(super) moments: Moments,
}

/// When everything has to be well again: the longest wait until a change is certain, twice, and two looks at each name.
pub(super) fn converged(plot: &Plot, cast: &Cast) -> i64 {
    plot.healed + cast.certain_after * 2 + cast.longest_interval * 2
}

/// Plays it from the beginning to the end.
pub(super) fn play(plot: &Plot, cast: Cast) -> (Told, Arc<Cast>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let cast = Arc::new(cast);
    let told = runtime.block_on(Player::new(plot, &cast).play());
    (told, cast)
}

struct Player {
    stage: Arc<Stage>,
    journal: Arc<Mutex<Vec<Line>>>,
    moments: Moments,
    memory: Option<Memory>,
    well_from: i64,
}

/// A monitor that runs.
struct Life {
    plan: Faces,
    own: Own,
    tasks: JoinSet<()>,
    store: Option<(Store, Writer)>,
}

/// What faces read of a plan.
pub(super) struct Faces {
    pub(super) board: monitor::board::Board,
    pub(super) book: monitor::book::Book,
    pub(super) references: monitor::references::References,
    pub(super) entries: monitor::entries::Entries,
    pub(super) drills: monitor::drills::Drills,
    pub(super) outages: Arc<Mutex<monitor::outages::Outages>>,
    pub(super) table: Arc<nephoscope::metrics::Table>,
    stop: tokio::sync::watch::Sender<bool>,
}

impl Player {
    fn new(plot: &Plot, cast: &Arc<Cast>) -> Self {
        let stage = Stage {
            cast: Arc::clone(cast),
            plot: plot.clone(),
            clock: Arc::new(Clock::new()),
            runs: Mutex::default(),
        };
        Self {
            stage: Arc::new(stage),
            journal: Arc::default(),
            moments: Moments::default(),
            memory: (!plot.kills.is_empty()).then(|| Memory::new(BEGINNING).unwrap()),
            well_from: converged(plot, cast),
        }
    }

    async fn play(mut self) -> Told {
        let mut life = self.begin();
        let mut kills = self.stage.plot.kills.clone();
        let drill = self.stage.plot.drill;
        let mut second = 0;
        while self.stage.clock.passed() < self.well_from + AFTERWARDS {
            tokio::time::sleep(Duration::from_secs(1)).await;
            second += 1;
            let now = self.stage.clock.passed();
            if drill
                .is_some_and(|(from, to)| now / 1_000 == from / 1_000 || now / 1_000 == to / 1_000)
            {
                let drills = life.plan.drills.clone();
                if now / 1_000 == drill.unwrap().0 / 1_000 {
                    drills.start("s0", "sim", "as planned").await.unwrap();
                } else {
                    drills.end("s0", "sim").await.unwrap();
                }
            }
            if let Some((_, writer)) = &mut life.store {
                writer.pump();
            }
            self.moments.look(&life.plan, &life.own, now, second % 15 == 0);
            if now >= self.well_from {
                Moments::judge_well(&life.plan, now);
            }
            if kills.first().is_some_and(|kill| *kill <= now) {
                kills.remove(0);
                life = self.again(life).await;
            }
        }
        self.end(life).await
    }

    fn begin(&mut self) -> Life {
        let clock: Arc<dyn WallClock> = Arc::clone(&self.stage.clock) as Arc<dyn WallClock>;
        let config = &self.stage.cast.config;
        let opened = self.memory.as_ref().map(|memory| {
            let engine = Box::new(memory.clone());
            let roster = monitor::roster(config);
            let opened = Store::with_engine(engine, &roster, Arc::clone(&clock));
            let (store, image, writer) = opened.unwrap();
            (Opened { store: store.clone(), image }, (store, writer))
        });
        let (opened, store) = opened.unzip();
        let own = Own::new("sim", "0");
        let plan = monitor::plan(config, Vec::new(), 2, &clock, &own, opened);
        let mut tasks = JoinSet::new();
        let plan = self.start(plan, &mut tasks);
        Life { plan, own, tasks, store }
    }

    fn start(&self, plan: Plan, tasks: &mut JoinSet<()>) -> Faces {
        let (to, events) = mpsc::channel(64);
        let (mut from, journal) = (plan.events, Arc::clone(&self.journal));
        tasks.spawn(async move {
            while let Some(event) = from.recv().await {
                note(&event, &journal);
                if to.send(event).await.is_err() {
                    return;
                }
            }
        });
        let recorder = plan.recorder.run(events);
        tasks.spawn(async move { drop(recorder.await) });
        for worker in plan.workers {
            tasks.spawn(scheduler::run(worker, Arc::clone(&self.stage) as Arc<dyn Runner>));
        }
        tasks.spawn(plan.follower.run(Arc::clone(&self.stage) as Arc<dyn Scout>));
        Faces {
            board: plan.board,
            book: plan.book,
            references: plan.references,
            entries: plan.entries,
            drills: plan.drills,
            outages: plan.outages,
            table: plan.table,
            stop: plan.stop,
        }
    }

    async fn again(&mut self, mut life: Life) -> Life {
        life.tasks.abort_all();
        while life.tasks.join_next().await.is_some() {}
        drop(life);
        tokio::time::sleep(AWAY).await;
        self.journal.lock().unwrap().push(Line::Again);
        self.moments.begin_again();
        self.begin()
    }

    async fn end(self, mut life: Life) -> Told {
        life.plan.stop.send(true).unwrap();
        while let Some(ended) = life.tasks.join_next().await {
            ended.unwrap();
        }
        let Faces { board, book, entries, outages, .. } = &life.plan;
        let exposed = |service| book.with(service, |history| history.exposed().cloned());
        let services = 0..self.stage.cast.config.services.len();
        let outages = outages.lock().unwrap().list();
        Told {
            journal: std::mem::take(&mut *self.journal.lock().unwrap()),
            runs: std::mem::take(&mut *self.stage.runs.lock().unwrap()),
            outages,
            exposed: services.map(|service| exposed(service).unwrap()).collect(),
            failovers: entries.all()[&0].failovers.iter().cloned().collect(),
            checks: board.checks(),
            moments: self.moments,
        }
    }
}

/// Milliseconds from the beginning.
pub(super) fn passed(at: Timestamp) -> i64 {
    at.as_millis() - BEGINNING
}

fn note(event: &Event, journal: &Mutex<Vec<Line>>) {
    let line = match event {
        Event::Started { check, at, recheck } => {
            Line::Started { check: check.get(), at: passed(*at), recheck: *recheck }
        }
        Event::Finished { check, result } => Line::Finished {
            check: check.get(),
            good: result.outcome == Outcome::Good,
            took: i64::try_from(result.latency.as_millis()).unwrap(),
        },
        Event::Skipped { check, count, .. } => Line::Skipped { check: check.get(), count: *count },
        Event::Looked { service, at, .. } => {
            // They are called s0, s1 and so on.
            let service = service[1..].parse().unwrap();
            Line::Looked { service, at: passed(*at) }
        }
        _ => return,
    };
    journal.lock().unwrap().push(line);
}

/// So many milliseconds from the beginning.
pub(super) fn moment(passed: i64) -> Timestamp {
    Timestamp::from_millis(BEGINNING + passed)
}
