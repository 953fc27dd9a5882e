//! Announcing and ending windows, with a real recorder and store behind the desk.
//!
//! The clock stands until it is set; a life of the daemon ends when its workers have gone, though its desk is still held.
//!
//! What a window takes out of a time line is tested with `slo`.

use super::*;
use crate::config::load_text;
use crate::metrics::Own;
use crate::model::{Cause, CheckIndex, Outcome, ProbeResult, Reason};
use crate::monitor::{Plan, plan, remember, roster};
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};

const CONFIG: &str = r#"
[provider.aws]
host = "{service}.aws.example.com"
[provider.gcp]
host = "{service}.gcp.example.net"
[probe.web.http]
url = "https://{host}/"
[defaults]
interval = "30s"
[service.shop]
probes = ["web"]
labels = { team = "front" }
slo = [{ name = "rolling", objective = 99.9, window = "1d" }, { name = "daily", objective = 99.9, window = "day" }]
[service.pay]
probes = ["web"]
[[maintenance]]
match = { service = "pay" }
every = "Sun 02:00-04:00"
"#;

/// 2026-11-22 12:00:00 UTC, a Sunday.
const NOON: i64 = 1_795_348_800;

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis((NOON + second) * 1_000)
}

const MINUTE: Duration = Duration::from_mins(1);

/// A clock that stands until it is set.
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

impl World {
    fn new() -> Self {
        let config = load_text(Path::new("probes.toml"), CONFIG.to_owned()).unwrap().config;
        let clock = Arc::new(Stopped(AtomicI64::new(at(0).as_millis())));
        Self { config, clock, folder: tempfile::tempdir().unwrap() }
    }

    fn set(&self, second: i64) {
        self.clock.0.store(at(second).as_millis(), Ordering::Relaxed);
    }

    /// Lives with a store through `act`, which is given the plan without its recorder.
    async fn live<T>(&self, act: impl AsyncFnOnce(&Parts) -> T) -> T {
        let clock: Arc<dyn WallClock> = Arc::clone(&self.clock) as Arc<dyn WallClock>;
        let opened =
            store::open(self.folder.path(), &roster(&self.config), Arc::clone(&clock)).unwrap();
        let store = opened.store.clone();
        let own = Own::new("test", "0");
        let Plan { desk, book, events, workers, recorder, .. } =
            plan(&self.config, Vec::new(), 1, &clock, &own, Some(opened));
        let parts = Parts { desk, book, events: workers[0].events.clone() };
        drop(workers);
        let acting = async {
            let outcome = act(&parts).await;
            // The desk is held on: the recorder ends all the same when the workers have gone.
            let Parts { events, desk, .. } = parts;
            drop(events);
            (outcome, desk)
        };
        let ((outcome, _desk), _) = tokio::join!(acting, recorder.run(events));
        store.close();
        outcome
    }
}

struct Parts {
    desk: Desk,
    book: crate::monitor::book::Book,
    events: mpsc::Sender<Event>,
}

fn wish(keys: &[(&str, &str)], until: Until) -> Wish {
    let value = |(key, value): &(&str, &str)| ((*key).to_owned(), vec![(*value).to_owned()]);
    Wish {
        matching: keys.iter().map(value).collect(),
        from: None,
        until,
        by: String::new(),
        reason: String::new(),
        force: false,
    }
}

fn shop(minutes: u32) -> Wish {
    wish(&[("service", "shop")], Until::For(MINUTE * minutes))
}

/// Why a wish is refused at noon.
fn refused(wish: Wish) -> Option<Refused> {
    let config = World::new().config;
    wish.check(&config.checks, &config.services, at(0)).err()
}

#[tokio::test]
async fn a_window_holds_from_now_until_it_is_ended() {
    let world = World::new();
    world
        .live(async |parts| {
            let announced = parts.desk.add(shop(15)).await.unwrap();
            assert_eq!((announced.checks, announced.stored), (2, true));
            assert_eq!(announced.services, ["shop".into()]);
            let WindowView { id, phase, from, to, .. } = announced.window;
            assert_eq!((phase, from, to), (MaintenancePhase::Now, at(0), at(900)));
            world.set(300);
            let ended = parts.desk.end(&id, "ann").await.unwrap().window;
            assert_eq!((ended.phase, ended.to), (MaintenancePhase::Ended, at(300)));
            assert_eq!(ended.ended_by.as_deref(), Some("ann"));
            let window = parts.desk.in_force().pop().unwrap();
            assert_eq!(window.when, MaintenanceWhen::Once { from: at(0), to: at(300) });
            let again = parts.desk.end(&id, "ann").await.unwrap_err();
            assert_eq!(again, Refused::Ended { id: id.to_string(), at: at(300) });
        })
        .await;
}

#[tokio::test]
async fn a_window_to_come_can_be_called_off() {
    let world = World::new();
    world
        .live(async |parts| {
            let wish = Wish { from: Some(at(3_600)), ..shop(15) };
            let window = parts.desk.add(wish).await.unwrap().window;
            assert_eq!(window.phase, MaintenancePhase::ToCome);
            let window = parts.desk.end(&window.id, "").await.unwrap().window;
            assert_eq!(window.phase, MaintenancePhase::Ended);
            assert_eq!(parts.desk.in_force().len(), 1, "only that of the configuration");
        })
        .await;
}

#[tokio::test]
async fn what_was_announced_survives_a_restart_and_a_rest() {
    let world = World::new();
    let id = world.live(async |parts| parts.desk.add(shop(15)).await.unwrap().window.id).await;
    world.set(60);
    world
        .live(async |parts| {
            let list = parts.desk.list();
            assert_eq!((&list[0].id, list[0].phase), (&id, MaintenancePhase::Now));
            assert_eq!(parts.desk.in_force().len(), 2);
        })
        .await;
    let image = store::read(world.folder.path()).unwrap().image().unwrap();
    let book = remember(&world.config, &image, at(60));
    let held = book.held(0, at(60));
    assert!(held.iter().all(|held| held.standing.suppressed), "{held:?}");
}

#[tokio::test]
async fn the_past_can_be_edited_and_counters_do_not_go_back() {
    let world = World::new();
    let (bad, after) = world
        .live(async |parts| {
            for minute in 0..10 {
                for check in [CheckIndex(0), CheckIndex(1)] {
                    let start = at(minute * 60);
                    let run = Event::Started { check, at: start, recheck: false };
                    parts.events.send(run).await.unwrap();
                    let result = Box::new(ProbeResult {
                        outcome: Outcome::Bad(Reason::Status),
                        ..ProbeResult::unknown(Cause::Internal, String::new())
                    });
                    parts.events.send(Event::Finished { check, result }).await.unwrap();
                }
            }
            world.set(600);
            let any = || parts.book.held(0, at(600)).remove(0);
            let wish =
                Wish { from: Some(at(0)), by: "ann".into(), reason: "planned".into(), ..shop(10) };
            // An answer means that everything before it was taken in.
            let before = parts.desk.add(shop(1)).await.map(|_| any()).unwrap();
            parts.desk.add(wish).await.unwrap();
            (before, any())
        })
        .await;
    assert_eq!(bad.standing.measured.bad, 600_000);
    assert_eq!((after.standing.measured.bad, after.standing.measured.excluded), (0, 600_000));
    assert_eq!(after.counted.millis.bad, bad.counted.millis.bad);
    assert_eq!(after.counted.restated, -i64::try_from(bad.counted.millis.bad).unwrap());
}

#[tokio::test]
async fn a_closed_period_gets_a_second_revision_that_says_why() {
    const DAY: i64 = 86_400;
    let world = World::new();
    let id = world
        .live(async |parts| {
            let checks: Arc<[_]> = (0..4).map(CheckIndex).collect();
            for at in [at(DAY), at(DAY + 60)] {
                let roll = Event::Roll { checks: Arc::clone(&checks), at };
                parts.events.send(roll).await.unwrap();
            }
            world.set(DAY + 60);
            let (by, reason) = ("ann".to_owned(), "fire drill".to_owned());
            let wish = Wish { from: Some(at(60)), by, reason, ..shop(5) };
            parts.desk.add(wish).await.unwrap().window.id
        })
        .await;
    let periods = store::read(world.folder.path()).unwrap().periods().unwrap();
    let any = periods.iter().filter(|period| period.scope == "any");
    let told: Vec<_> = any.map(|each| (&*each.period, each.revision, each.why.clone())).collect();
    let why = format!("maintenance `{id}` added by ann: fire drill");
    assert_eq!(told, [("2026-11-22", 1, "closed".to_owned()), ("2026-11-22", 2, why)]);
}

#[test]
fn the_past_wants_a_name_and_a_reason() {
    let past = || Wish { from: Some(at(-60)), ..shop(15) };
    assert_eq!(refused(past()), Some(Refused::Unsigned { missing: "by" }));
    let by = Wish { by: "ann".into(), ..past() };
    assert_eq!(refused(by.clone()), Some(Refused::Unsigned { missing: "reason" }));
    assert_eq!(refused(Wish { reason: "power".into(), ..by }), None);
}

#[test]
fn what_is_matched_has_to_exist() {
    let about = |keys: &[(&str, &str)]| refused(wish(keys, Until::For(MINUTE)));
    assert_eq!(about(&[]), Some(Refused::AboutNothing));
    let known = vec!["pay".to_owned(), "shop".to_owned()];
    let (key, value) = ("service".to_owned(), "shpo".to_owned());
    assert_eq!(about(&[("service", "shpo")]), Some(Refused::NoName { key, value, known }));
    assert!(matches!(about(&[("servcie", "shop")]), Some(Refused::NoKey { .. })));
    assert!(matches!(about(&[("team", "back")]), Some(Refused::NoName { .. })));
    assert_eq!(about(&[("team", "front"), ("provider", "gcp")]), None);
    let matching = "service=pay team=front".to_owned();
    let fits = about(&[("service", "pay"), ("team", "front")]);
    assert_eq!(fits, Some(Refused::FitsNothing { matching }));
}

#[test]
fn a_window_has_a_sane_length_and_place() {
    let until = |until| refused(Wish { until, ..shop(1) });
    assert_eq!(until(Until::At(at(0))), Some(Refused::EndsFirst));
    let long = LONGEST + MINUTE;
    assert_eq!(until(Until::For(long)), Some(Refused::TooLong(long)));
    assert_eq!(refused(Wish { until: Until::For(long), force: true, ..shop(1) }), None);
    let far = Wish { until: Until::For(KEEP + MINUTE), force: true, ..shop(1) };
    assert_eq!(refused(far), Some(Refused::TooFar));
    let broken = Wish { reason: "a\nb".into(), ..shop(1) };
    assert!(matches!(refused(broken), Some(Refused::BadText { field: "reason", .. })));
}

#[tokio::test]
async fn only_what_was_announced_can_be_ended() {
    let world = World::new();
    world
        .live(async |parts| {
            let [weekly] = &parts.desk.list()[..] else { panic!("one window is configured") };
            assert_eq!((weekly.phase, weekly.configured), (MaintenancePhase::ToCome, true));
            assert_eq!(weekly.from, at(7 * 86_400 - 10 * 3_600), "the next Sunday at two");
            let id = weekly.id.to_string();
            let refused = parts.desk.end(&id, "ann").await.unwrap_err();
            assert_eq!(refused, Refused::Configured { id });
            let (id, known) = ("m-1".to_owned(), Vec::new());
            let refused = parts.desk.end("m-1", "ann").await.unwrap_err();
            assert_eq!(refused, Refused::NoWindow { id, known });
        })
        .await;
}

#[tokio::test]
async fn what_holds_is_listed_first_and_what_ended_last() {
    let world = World::new();
    world
        .live(async |parts| {
            let from = |second| Some(at(second));
            let (by, reason) = ("ann".to_owned(), "test".to_owned());
            let past = Wish { from: from(-3_600), by, reason, ..shop(5) };
            for wish in [past, Wish { from: from(600), ..shop(5) }, shop(5)] {
                parts.desk.add(wish).await.unwrap();
            }
            let list = parts.desk.list();
            let starts: Vec<_> =
                list.iter().map(|view| view.from.as_millis() / 1_000 - NOON).collect();
            assert_eq!(starts, [0, 600, 7 * 86_400 - 36_000, -3_600]);
        })
        .await;
}

#[tokio::test]
async fn nobody_takes_in_a_window_while_the_daemon_stops() {
    let world = World::new();
    let desk = world.live(async |parts| parts.desk.clone()).await;
    assert_eq!(desk.add(shop(5)).await.unwrap_err(), Refused::Stopping);
}
