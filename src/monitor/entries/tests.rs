//! Public names with a real recorder and store behind them: outages of sides, looks and results come as events.
//!
//! The clock stands until it is set; a life of the daemon ends when its workers have gone.
//!
//! What a failover is, is tested with `failover`; how names are looked at, in `tests/it/follow.rs`.

use super::*;
use crate::clock::WallClock;
use crate::config::load_text;
use crate::failover::{Answer, Led};
use crate::metrics::Own;
use crate::model::{Cause, Reason};
use crate::monitor::drills::{Drills, NoDrill};
use crate::monitor::event::Event;
use crate::monitor::{Plan, numbers, plan, roster};
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::sync::mpsc;

const CONFIG: &str = r#"
[provider.aws]
host = "{service}.aws.example.com"
networks = ["192.0.2.0/25"]
[provider.gcp]
host = "{service}.gcp.example.net"
networks = ["192.0.2.128/25"]
[probe.web.http]
url = "https://{host}/"
[service.shop]
probes = ["web"]
confirm = 1
[service.shop.entry]
host = "shop.example.com"
probe = "web"
failover_within = "2m"
[service.pay]
probes = ["web"]
"#;

/// 2026-11-22 12:00:00 UTC.
const NOON: i64 = 1_795_348_800;

/// Checks of the shop on both clouds, and of its public name.
const AWS: CheckIndex = CheckIndex(0);
const GCP: CheckIndex = CheckIndex(1);
const ENTRY: CheckIndex = CheckIndex(2);

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis((NOON + second) * 1_000)
}

struct Stopped(AtomicI64);

impl WallClock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

struct World {
    config: Config,
    clock: Arc<Stopped>,
    folder: tempfile::TempDir,
}

struct Parts {
    entries: Entries,
    drills: Drills,
    events: mpsc::Sender<Event>,
}

impl World {
    fn new() -> Self {
        let config = load_text(Path::new("probes.toml"), CONFIG.to_owned()).unwrap().config;
        let clock = Arc::new(Stopped(AtomicI64::new(at(0).as_millis())));
        Self { config, clock, folder: tempfile::tempdir().unwrap() }
    }

    fn set(&self, second: i64) {
        self.clock.0.store(at(second).as_millis(), Ordering::Relaxed);
    }

    /// Lives with a store through `act`, and until everything that was said is taken in.
    async fn live(&self, act: impl AsyncFnOnce(&Parts)) -> Watched {
        let clock: Arc<dyn WallClock> = Arc::clone(&self.clock) as Arc<dyn WallClock>;
        let opened =
            store::open(self.folder.path(), &roster(&self.config), Arc::clone(&clock)).unwrap();
        let store = opened.store.clone();
        let own = Own::new("test", "0");
        let Plan { entries, drills, events, workers, recorder, .. } =
            plan(&self.config, Vec::new(), 1, &clock, &own, Some(opened));
        let parts = Parts { entries, drills, events: workers[0].events.clone() };
        drop(workers);
        let acting = async {
            act(&parts).await;
            parts.entries
        };
        let (entries, _) = tokio::join!(acting, recorder.run(events));
        store.close();
        entries.all().remove(&0).unwrap()
    }
}

impl Parts {
    async fn run(&self, check: CheckIndex, second: i64, outcome: Outcome, served: Option<&str>) {
        let started = Event::Started { check, at: at(second), recheck: false };
        self.events.send(started).await.unwrap();
        let mut result =
            ProbeResult { outcome, ..ProbeResult::unknown(Cause::Internal, String::new()) };
        result.facts.served_by = served.map(Arc::from);
        self.events.send(Event::Finished { check, result: Box::new(result) }).await.unwrap();
    }

    async fn good(&self, check: CheckIndex, second: i64) {
        self.run(check, second, Outcome::Good, None).await;
    }

    async fn bad(&self, check: CheckIndex, second: i64) {
        self.run(check, second, Outcome::Bad(Reason::Status), None).await;
    }

    async fn served(&self, second: i64, provider: &str) {
        self.run(ENTRY, second, Outcome::Good, Some(provider)).await;
    }

    async fn look(&self, second: i64, address: &str) {
        let led = Led { addresses: vec![address.parse().unwrap()], ..Led::default() };
        let answer = |who: &str| Answer { who: who.into(), said: Ok(led.clone()) };
        let seen = Observation {
            authoritative: vec![answer("ns1")],
            resolvers: vec![answer("system")],
            ..Observation::default()
        };
        let looked = Event::Looked { service: "shop".into(), at: at(second), seen: Box::new(seen) };
        self.events.send(looked).await.unwrap();
    }
}

const ON_AWS: &str = "192.0.2.1";
const ON_GCP: &str = "192.0.2.200";

fn took(failover: &Failover) -> Vec<Option<u64>> {
    let took = |step: &FailoverStep| failover.took(*step).map(|took| took.as_secs());
    FailoverStep::ALL.iter().map(took).collect()
}

#[tokio::test]
async fn a_failover_is_followed_over_a_restart() {
    let world = World::new();
    let watched = world
        .live(async |parts| {
            parts.good(AWS, 0).await;
            parts.good(GCP, 0).await;
            parts.look(5, ON_AWS).await;
            parts.bad(AWS, 30).await;
            parts.look(40, ON_GCP).await;
            parts.served(50, "gcp").await;
        })
        .await;
    assert!(watched.name.is_eventful());
    assert_eq!(took(&watched.failovers[0]), [Some(0), Some(10), Some(10), Some(20), None]);

    world.set(60);
    let watched = world
        .live(async |parts| {
            parts.look(65, ON_GCP).await;
            parts.good(AWS, 90).await;
            parts.look(100, ON_AWS).await;
            parts.served(110, "aws").await;
            parts.run(ENTRY, 120, Outcome::Unknown(Cause::VantageOffline), None).await;
        })
        .await;
    assert_eq!(watched.failovers.len(), 1, "{:?}", watched.failovers);
    let whole = &watched.failovers[0];
    assert_eq!(took(whole), [Some(0), Some(10), Some(10), Some(20), Some(80)]);
    assert_eq!((whole.recovered, whole.ended), (Some(at(90)), Some(at(110))));
    assert_eq!(watched.name.proven(), Some(at(50)));
}

#[tokio::test]
async fn a_drill_is_kept_and_survives_a_restart() {
    let world = World::new();
    let watched = world
        .live(async |parts| {
            parts.look(0, ON_AWS).await;
            world.set(10);
            let drilled = parts.drills.start("shop", "ann", "quarterly").await.unwrap();
            assert!(drilled.stored);
            let again = parts.drills.start("shop", "bob", "").await.unwrap_err();
            assert!(matches!(again, NoDrill::IsOn { .. }), "{again}");
            parts.look(20, ON_GCP).await;
        })
        .await;
    assert_eq!(watched.failovers[0].cause, FailoverCause::Planned);

    world.set(100);
    let watched = world
        .live(async |parts| {
            let again = parts.drills.start("shop", "bob", "").await.unwrap_err();
            assert!(matches!(again, NoDrill::IsOn { .. }), "{again}");
            parts.look(105, ON_AWS).await;
            world.set(120);
            parts.drills.end("shop", "bob").await.unwrap();
            let over = parts.drills.end("shop", "bob").await.unwrap_err();
            assert!(matches!(over, NoDrill::IsOff { .. }), "{over}");
        })
        .await;
    let drill = &watched.drills[0];
    assert_eq!((&*drill.by, &*drill.reason), ("ann", "quarterly"));
    assert_eq!(
        (drill.ended_ms, drill.ended_by.as_deref()),
        (Some(at(120).as_millis()), Some("bob"))
    );
    assert_eq!(took(&watched.failovers[0]), [None, Some(10), Some(10), None, Some(95)]);
}

#[tokio::test]
async fn only_what_can_fail_over_can_be_drilled() {
    let world = World::new();
    world
        .live(async |parts| {
            let start =
                async |name: &str, by: &str| parts.drills.start(name, by, "").await.unwrap_err();
            let NoDrill::NoService { known, .. } = start("shpo", "ann").await else { panic!() };
            assert_eq!(known, ["shop", "pay"]);
            assert!(matches!(start("pay", "ann").await, NoDrill::NoEntry { .. }));
            assert!(matches!(start("shop", "a\nb").await, NoDrill::Refused(_)));
        })
        .await;
}

#[tokio::test]
async fn a_name_without_news_is_not_called_anything() {
    let world = World::new();
    let before = numbers::names(&Entries::new(&world.config, None), "here");
    // Not late, not silent, not split: three series, all 0.
    assert_eq!(before.len(), 3, "{before:?}");
    let watched = world
        .live(async |parts| {
            parts.look(0, ON_AWS).await;
            parts.good(GCP, 0).await;
            parts.bad(AWS, 30).await;
            parts.look(160, ON_AWS).await;
        })
        .await;
    assert!(watched.name.is_late() && watched.failovers[0].late);
    assert_eq!(watched.pace(), Duration::from_secs(5));
}
