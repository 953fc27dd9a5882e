//! Stores at rest with a past that a test wrote: runs on a grid, some of which failed, outages, closed periods.
//!
//! The real store writes them, under a clock that the test sets; what a daemon would have made of them is made when they are
//! read. Every moment is fixed, so that a report of them is the same each time.
//!
//! It runs no probe.

use nephoscope::clock::WallClock;
use nephoscope::config::{Config, load_text};
use nephoscope::model::Timestamp;
use nephoscope::monitor::roster;
use nephoscope::store::record::{Entry, Outcome, Run};
use nephoscope::store::{self, Fact, Image, Opened, Store};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// 2026-10-20 00:00 in Vienna, where the stores begin.
pub(crate) const BEGUN: i64 = 1_792_447_200;
/// 2026-11-05 13:00 in Vienna, where they end.
pub(crate) const ENDED: i64 = 1_793_880_000;
/// Seconds between two runs of a check.
const INTERVAL: i64 = 300;

/// Two clouds, one service with two promises, one with a public name that is only watched.
pub(crate) const WATCHED: &str = r#"
[monitor]
vantage  = "vie-1"
timezone = "Europe/Vienna"
[provider.aurora]
host = "{service}.aurora.example"
networks = ["192.0.2.0/25"]
[provider.borealis]
host = "{service}.borealis.example"
networks = ["192.0.2.128/25"]
[probe.web.http]
url = "https://{host}/healthz"
[service.shop]
title  = "Web shop <eu>"
labels = { team = "storefront" }
probes = ["web"]
interval = "5m"
slo = [
  { objective = 99.5, window = "14d" },
  { name = "contract", objective = 99, window = "month", scope = "all" },
]
[service.intranet]
probes = ["web"]
interval = "5m"
[service.intranet.entry]
host = "intranet.example"
probe = "web"
"#;

struct Stopped(AtomicI64);

impl WallClock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// A store that is being written.
pub(crate) struct Shelf {
    store: Store,
    image: Image,
    config: Config,
    clock: Arc<Stopped>,
    seq: u64,
}

impl Shelf {
    /// An empty store in `folder`, of a vantage of this name that watches [`WATCHED`].
    pub(crate) fn new(folder: &Path, vantage: &str) -> Self {
        let text = WATCHED.replace("vie-1", vantage);
        let config = load_text("probes.toml".as_ref(), text).unwrap().config;
        let clock = Arc::new(Stopped(AtomicI64::new(BEGUN * 1_000)));
        let shared: Arc<dyn WallClock> = Arc::clone(&clock) as Arc<dyn WallClock>;
        let Opened { store, image } = store::open(folder, &roster(&config), shared).unwrap();
        Self { store, image, config, clock, seq: 0 }
    }

    /// The runs of a check over all the time; those in `bad` fail, those in `missing` were not.
    pub(crate) fn watch(&mut self, check: &str, bad: &[Range<i64>], missing: &[Range<i64>]) {
        let position = self.config.checks.iter().position(|each| each.id.as_str() == check);
        let number = self.image.numbers[position.unwrap()];
        let within = |stretches: &[Range<i64>], at| stretches.iter().any(|each| each.contains(&at));
        let refused = self.image.words.number("connect_refused").unwrap();
        let run = |at: i64| {
            let outcome = if within(bad, at) { Outcome::Bad(refused) } else { Outcome::Good };
            Entry::Run(Run {
                check: number,
                at_ms: at * 1_000,
                latency_us: 42_000,
                outcome,
                recheck: false,
                warned: false,
            })
        };
        let steps = (0..(ENDED - BEGUN) / INTERVAL).map(|step| BEGUN + step * INTERVAL);
        let entries = steps.filter(|at| !within(missing, *at)).map(run).collect();
        self.seq += 1;
        self.store.append(self.seq, entries);
    }

    /// Something that is kept for long.
    pub(crate) fn keep(&self, fact: Fact) {
        self.store.keep(fact);
    }

    /// Stores it all, as of [`ENDED`], and closes.
    pub(crate) fn close(self) {
        self.clock.0.store(ENDED * 1_000, Ordering::Relaxed);
        self.store.close();
    }
}
