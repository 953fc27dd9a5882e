//! The ledger at its edges: hold, watermark, rechecks, clock steps, joining.
//!
//! One check on each of two clouds, interval 30 s, hold 60 s; times are seconds.
//!
//! The road around the ledger is tested in the simulation.

use super::*;
use crate::model::{
    Cause, CheckId, Endpoint, Host, IpChoice, Maintenance, MaintenanceWhen, Matching, Outcome,
    Pick, ProbeKind, ProbeResult, Reason, Role, Shape, Side, Spec, State, TcpSpec, Warnings,
};
use crate::monitor::outages::{Outage, Outages};
use crate::monitor::recall::reconcile;
use crate::slo::joint::Scope;
use crate::slo::spans::What;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

const A: CheckIndex = CheckIndex(0);
const B: CheckIndex = CheckIndex(1);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

fn check(provider: &str) -> Arc<Check> {
    let tcp = TcpSpec {
        host: Host::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        port: 1,
        tls: None,
        dialogue: Vec::new(),
    };
    Arc::new(Check {
        id: CheckId::new("shop", provider, "port"),
        service: "shop".into(),
        endpoint: provider.into(),
        probe: "port".into(),
        provider: provider.into(),
        region: "".into(),
        host: "127.0.0.1".into(),
        shape: Shape {
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
            recheck: Duration::from_secs(5),
            hold: Duration::from_mins(1),
            confirm: 2,
        },
        counts: true,
        spec: Arc::new(Spec {
            ip: IpChoice::Any,
            pick: Pick::Rotate,
            slow_after: None,
            max_latency: None,
            kind: ProbeKind::Tcp(Box::new(tcp)),
        }),
        formerly: Arc::default(),
    })
}

fn endpoint(provider: &str, check: CheckIndex) -> Endpoint {
    Endpoint {
        name: provider.into(),
        provider: provider.into(),
        region: "".into(),
        host: "127.0.0.1".into(),
        role: Role::Active,
        ready_probe: None,
        checks: vec![check],
    }
}

fn ledger() -> Ledger {
    ledger_of(&[check("aws"), check("gcp")])
}

fn ledger_of(checks: &[Arc<Check>; 2]) -> Ledger {
    Ledger::new(checks, &[service()], &jiff::tz::TimeZone::UTC, at(0))
}

fn service() -> Service {
    Service {
        name: "shop".into(),
        title: "shop".into(),
        runbook: None,
        labels: Arc::default(),
        side: Side::Any,
        endpoints: vec![endpoint("aws", A), endpoint("gcp", B)],
        objectives: Vec::new(),
        entry: None,
        depends_on: Vec::new(),
    }
}

fn result(outcome: Outcome) -> Box<ProbeResult> {
    let mut result = ProbeResult::unknown(Cause::Internal, String::new());
    result.outcome = outcome;
    result.warnings = Warnings::default();
    result.latency = Duration::from_secs(1);
    Box::new(result)
}

const GOOD_RUN: Outcome = Outcome::Good;
const BAD_RUN: Outcome = Outcome::Bad(Reason::Status);

/// A whole run of `check` that starts at `start`; gives back the effects of its end.
fn run(
    ledger: &mut Ledger,
    check: CheckIndex,
    start: i64,
    recheck: bool,
    outcome: Outcome,
) -> Vec<Effect> {
    let mut effects = Vec::new();
    ledger.apply(Event::Started { check, at: at(start), recheck }, &mut effects);
    ledger.apply(Event::Finished { check, result: result(outcome) }, &mut effects);
    effects
}

fn roll(ledger: &mut Ledger, now: i64) -> Vec<Effect> {
    let mut effects = Vec::new();
    ledger.apply(Event::Roll { checks: [A, B].into(), at: at(now) }, &mut effects);
    effects
}

/// Settled seconds of check A: good, bad, unknown.
fn seconds(ledger: &Ledger) -> [u64; 3] {
    let [good, bad, unknown, _] = ledger.track(A).millis();
    [good, bad, unknown].map(|millis| millis / 1_000)
}

#[test]
fn time_before_the_first_result_is_unknown() {
    let mut ledger = ledger();
    run(&mut ledger, A, 10, false, GOOD_RUN);
    roll(&mut ledger, 30);
    assert_eq!(seconds(&ledger), [20, 0, 10]);
}

#[test]
fn a_result_counts_from_its_start_to_the_next_one() {
    let mut ledger = ledger();
    run(&mut ledger, A, 0, false, GOOD_RUN);
    run(&mut ledger, A, 30, false, BAD_RUN);
    run(&mut ledger, A, 60, false, GOOD_RUN);
    roll(&mut ledger, 70);
    assert_eq!(seconds(&ledger), [40, 30, 0]);
}

#[test]
fn a_missing_result_lets_hold_run_out_into_unknown() {
    let mut ledger = ledger();
    run(&mut ledger, A, 0, false, GOOD_RUN);
    let effects = roll(&mut ledger, 100);
    assert_eq!(seconds(&ledger), [60, 0, 40]);
    let change = Change { from: State::Up, to: State::Unknown, since: at(60) };
    assert!(effects.contains(&Effect::CheckChanged { check: A, change }), "{effects:?}");
}

#[test]
fn an_unknown_verdict_takes_effect_at_its_start() {
    let mut ledger = ledger();
    run(&mut ledger, A, 0, false, GOOD_RUN);
    run(&mut ledger, A, 30, false, Outcome::Unknown(Cause::Overloaded));
    roll(&mut ledger, 40);
    assert_eq!(seconds(&ledger), [30, 0, 10]);
    assert_eq!(ledger.track(A).cause(), Some(Cause::Overloaded));
}

#[test]
fn a_run_in_flight_holds_the_watermark() {
    let mut ledger = ledger();
    run(&mut ledger, A, 0, false, GOOD_RUN);
    ledger.apply(Event::Started { check: A, at: at(30), recheck: false }, &mut Vec::new());
    roll(&mut ledger, 34);
    assert_eq!((seconds(&ledger), ledger.track(A).watermark()), ([30, 0, 0], at(30)));
    ledger.apply(Event::Finished { check: A, result: result(BAD_RUN) }, &mut Vec::new());
    roll(&mut ledger, 36);
    assert_eq!((seconds(&ledger), ledger.track(A).watermark()), ([30, 6, 0], at(36)));
}

#[test]
fn a_recheck_feeds_health_and_not_time() {
    let mut ledger = ledger();
    run(&mut ledger, A, 0, false, GOOD_RUN);
    let first = run(&mut ledger, A, 30, false, BAD_RUN);
    assert!(
        first.contains(&Effect::Recheck(Recheck { check: A, at: at(36), after: at(30) })),
        "{first:?}"
    );
    let second = run(&mut ledger, A, 36, true, BAD_RUN);
    let down = Change { from: State::Degraded, to: State::Down, since: at(30) };
    assert!(second.contains(&Effect::CheckChanged { check: A, change: down }), "{second:?}");
    let third = run(&mut ledger, A, 42, true, GOOD_RUN);
    assert!(
        third.contains(&Effect::Recheck(Recheck { check: A, at: at(48), after: at(42) })),
        "{third:?}"
    );
    run(&mut ledger, A, 60, false, GOOD_RUN);
    roll(&mut ledger, 60);
    assert_eq!(seconds(&ledger), [30, 30, 0]);
}

#[test]
fn a_clock_set_back_counts_no_second_twice() {
    let mut ledger = ledger();
    run(&mut ledger, A, 0, false, GOOD_RUN);
    roll(&mut ledger, 40);
    let back = Event::ClockBack { checks: [A, B].into(), millis: 3_600_000, leads: true };
    ledger.apply(back, &mut Vec::new());
    assert_eq!((seconds(&ledger), ledger.track(A).watermark()), ([40, 0, 0], at(-3_560)));
    roll(&mut ledger, -3_540);
    assert_eq!(seconds(&ledger), [60, 0, 0]);
    roll(&mut ledger, -3_500);
    assert_eq!(seconds(&ledger), [60, 0, 40]);
}

#[test]
fn a_clock_set_forward_leaves_unknown_time() {
    let mut ledger = ledger();
    run(&mut ledger, A, 0, false, GOOD_RUN);
    roll(&mut ledger, 3_600);
    assert_eq!(seconds(&ledger), [60, 0, 3_540]);
}

#[test]
fn a_service_is_up_while_one_side_is() {
    let mut ledger = ledger();
    run(&mut ledger, A, 0, false, GOOD_RUN);
    run(&mut ledger, B, 0, false, GOOD_RUN);
    run(&mut ledger, A, 30, false, BAD_RUN);
    let effects = run(&mut ledger, A, 36, true, BAD_RUN);
    let side = Change { from: State::Degraded, to: State::Down, since: at(30) };
    assert!(effects.contains(&Effect::SideChanged { service: 0, side: 0, change: side }));
    let joint = &ledger.joint().services()[0];
    assert_eq!((joint.any.state, joint.all.state), (State::Up, State::Down));
    run(&mut ledger, B, 40, false, BAD_RUN);
    let effects = run(&mut ledger, B, 46, true, BAD_RUN);
    let service = Change { from: State::Degraded, to: State::Down, since: at(40) };
    assert!(
        effects.contains(&Effect::ServiceChanged { service: 0, change: service }),
        "{effects:?}"
    );
}

#[test]
fn a_side_that_nothing_counts_for_does_not_keep_a_service_from_being_down() {
    let mut onlooker = Arc::unwrap_or_clone(check("gcp"));
    onlooker.counts = false;
    let mut ledger = ledger_of(&[check("aws"), Arc::new(onlooker)]);
    run(&mut ledger, A, 0, false, BAD_RUN);
    run(&mut ledger, A, 6, true, BAD_RUN);
    let joint = &ledger.joint().services()[0];
    let sides: Vec<_> = joint.sides.iter().map(|side| side.standing.state).collect();
    assert_eq!(sides, [State::Down, State::Maintenance]);
    assert_eq!((joint.any.state, joint.all.state), (State::Down, State::Down));
}

#[test]
fn a_clock_set_back_moves_the_joined_states_too() {
    let mut ledger = ledger();
    run(&mut ledger, A, 30, false, GOOD_RUN);
    let since = |ledger: &Ledger| ledger.joint().services()[0].sides[0].standing.since;
    assert_eq!(since(&ledger), at(30));
    let back = Event::ClockBack { checks: [A, B].into(), millis: 10_000, leads: true };
    ledger.apply(back, &mut Vec::new());
    assert_eq!((since(&ledger), ledger.track(A).since()), (at(20), at(20)));
}

proptest::proptest! {
    #[test]
    fn settled_time_adds_up_to_the_time_since_the_beginning(
        steps in proptest::collection::vec((0_i64..90, 0_u8..4), 0..100),
    ) {
        let mut ledger = ledger();
        let mut now = 0;
        for (wait, what) in steps {
            now += wait;
            match what {
                0 => { run(&mut ledger, A, now, false, GOOD_RUN); }
                1 => { run(&mut ledger, A, now, false, BAD_RUN); }
                2 => { run(&mut ledger, A, now, true, BAD_RUN); }
                _ => { roll(&mut ledger, now); }
            }
            let track = ledger.track(A);
            let total: u64 = track.millis().iter().sum();
            proptest::prop_assert_eq!(i64::try_from(total).unwrap(), track.watermark().as_millis());
        }
    }
}

#[test]
fn time_under_maintenance_is_excluded_and_shown() {
    let mut ledger = ledger();
    let window = Maintenance {
        id: "work".into(),
        matching: Matching::from(BTreeMap::from([("provider".into(), vec!["aws".into()])])),
        when: MaintenanceWhen::Once { from: at(20), to: at(50) },
        by: None,
        reason: None,
    };
    let checks = [check("aws"), check("gcp")];
    ledger.set_maintenance(&[Arc::new(window)], &checks, &[service()]);
    run(&mut ledger, A, 0, false, BAD_RUN);
    roll(&mut ledger, 10);
    let effects = roll(&mut ledger, 25);
    let begun = Change { from: State::Degraded, to: State::Maintenance, since: at(20) };
    assert!(effects.contains(&Effect::CheckChanged { check: A, change: begun }), "{effects:?}");
    roll(&mut ledger, 40);
    assert_eq!(ledger.track(A).since(), at(20));
    let effects = roll(&mut ledger, 55);
    let ended = Change { from: State::Maintenance, to: State::Degraded, since: at(0) };
    assert!(effects.contains(&Effect::CheckChanged { check: A, change: ended }), "{effects:?}");
    assert_eq!(ledger.track(A).millis(), [0, 25_000, 0, 30_000]);
    assert_eq!(ledger.track(B).millis()[3], 0);
}

#[test]
fn a_daemon_that_was_away_leaves_unknown_time_after_the_hold() {
    let mut ledger = ledger();
    run(&mut ledger, A, 0, false, GOOD_RUN);
    let told = ledger.wake(A, at(10), at(300));
    let stopped = What::Unknown(Cause::Stopped);
    let ends: Vec<_> = told.iter().map(|told| (told.to, told.ahead.what)).collect();
    assert_eq!(ends, [(at(60), stopped)]);
    assert_eq!(seconds(&ledger), [60, 0, 240]);
    assert_eq!(ledger.track(A).state(), State::Unknown);
    assert_eq!(ledger.track(A).cause(), Some(Cause::Stopped));
}

#[test]
fn what_ran_out_while_the_daemon_lived_is_not_blamed_on_the_stop() {
    let mut ledger = ledger();
    run(&mut ledger, A, 0, false, GOOD_RUN);
    let told = ledger.wake(A, at(100), at(300));
    let ends: Vec<_> = told.iter().map(|told| (told.past.what, told.to)).collect();
    assert_eq!(ends, [(What::Good, at(60)), (What::Unknown(Cause::Overloaded), at(100))]);
}

#[test]
fn an_outage_that_a_crash_kept_from_being_stored_begins_at_the_start() {
    let mut ledger = ledger();
    for start in [0, 30] {
        let (at, latency) = (at(start), Duration::from_secs(1));
        let run = PastRun { at, recheck: false, outcome: BAD_RUN, warned: false, latency };
        ledger.rerun(A, run);
    }
    ledger.rejoin_all();
    let mut outages = Outages::default();
    let told = reconcile(&ledger, &[service()], &mut outages);
    let read = |told: &[Outage]| -> Vec<(String, Timestamp, bool)> {
        told.iter().map(|it| (it.scope.to_string(), it.started, it.ended.is_some())).collect()
    };
    assert_eq!(read(&told), [("provider:aws".to_owned(), at(0), false)]);
    assert_eq!(read(&reconcile(&ledger, &[service()], &mut outages)), []);
}

#[test]
fn a_failure_after_a_gap_is_no_recovery() {
    let mut ledger = ledger();
    let mut outages = Outages::default();
    run(&mut ledger, A, 0, false, GOOD_RUN);
    let mut effects = Vec::new();
    // One run is left out after the second: its result runs out in the moment in which the next run begins.
    for start in [30, 60, 120, 150] {
        effects.extend(run(&mut ledger, A, start, false, BAD_RUN));
    }
    let told = effects.iter().filter_map(|effect| match effect {
        Effect::SideChanged { change, .. } => {
            outages.change((0, Scope::Side(0)), ("shop", "provider:aws", "aws"), *change, None)
        }
        _ => None,
    });
    let told: Vec<_> = told.map(|outage| (outage.started, outage.ended)).collect();
    assert_eq!(told, [(at(30), None)]);
    let mut states = effects.iter().filter_map(|effect| match effect {
        Effect::CheckChanged { change, .. } => Some((change.to, change.since)),
        _ => None,
    });
    let gap = [(State::Unknown, at(120)), (State::Degraded, at(120)), (State::Down, at(120))];
    assert!(states.by_ref().any(|state| state == (State::Down, at(30))));
    assert_eq!(states.collect::<Vec<_>>(), gap);
}
