//! What is charged to whom: two clouds, a public name, two sentinels and a sentinel name, on a ledger.
//!
//! Times are milliseconds. Every check has an interval of 30 s; patience is 10 s.
//!
//! The same on the real road, with seeds, is in the simulation.

use super::*;
use crate::model::{CheckId, Endpoint, Pick, Reason, Role, Service, Shape, Side, Spec, TcpSpec};
use crate::monitor::event::{Effect, Event};
use crate::monitor::ledger::Ledger;
use std::net::{IpAddr, Ipv4Addr};

const AWS: CheckIndex = CheckIndex(0);
const GCP: CheckIndex = CheckIndex(1);
const ENTRY: CheckIndex = CheckIndex(2);
const TLS: CheckIndex = CheckIndex(3);
const TLS_2: CheckIndex = CheckIndex(4);
const NAME: CheckIndex = CheckIndex(5);
const ALL: [CheckIndex; 6] = [AWS, GCP, ENTRY, TLS, TLS_2, NAME];

const PATIENCE: Duration = Duration::from_secs(10);
const BROKEN_AFTER: Duration = Duration::from_mins(10);

const V4: &str = "192.0.2.1:443";
const V6: &str = "[2001:db8::1]:443";
const LOST: Outcome = Outcome::Bad(Reason::ConnectTimeout);
const MUTE: Outcome = Outcome::Bad(Reason::DnsTimeout);

fn ms(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn check(name: &str, provider: &str) -> Arc<Check> {
    let host = if name == "name" {
        Host::Name("example.com".into())
    } else {
        Host::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST))
    };
    let tcp = TcpSpec { host, port: 1, tls: None, dialogue: Vec::new() };
    Arc::new(Check {
        id: CheckId::new("shop", name, "port"),
        service: "shop".into(),
        endpoint: name.into(),
        probe: "port".into(),
        provider: provider.into(),
        region: "".into(),
        host: "192.0.2.1".into(),
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

fn service(checks: &[Arc<Check>]) -> Service {
    let endpoint = |(number, check): (u32, &Arc<Check>)| Endpoint {
        name: Arc::clone(&check.endpoint),
        provider: Arc::clone(&check.provider),
        region: "".into(),
        host: "192.0.2.1".into(),
        role: Role::Active,
        ready_probe: None,
        checks: vec![CheckIndex(number)],
    };
    Service {
        name: "shop".into(),
        title: "shop".into(),
        runbook: None,
        labels: Arc::default(),
        side: Side::Any,
        endpoints: (0..).zip(checks).map(endpoint).collect(),
        objectives: Vec::new(),
        entry: None,
        depends_on: Vec::new(),
    }
}

struct Scene {
    ledger: Ledger,
    effects: Vec<Effect>,
}

impl Scene {
    fn new(own: Option<&str>) -> Self {
        let places =
            [("aws", "aws"), ("gcp", "gcp"), ("name", ""), ("tls", ""), ("tls2", ""), ("sn", "")];
        let roles =
            [ReferenceRole::SentinelTls, ReferenceRole::SentinelTls, ReferenceRole::SentinelName];
        Self::of(&places.map(|(name, cloud)| check(name, cloud)), &roles, own)
    }

    /// The last checks are the references.
    fn of(checks: &[Arc<Check>], roles: &[ReferenceRole], own: Option<&str>) -> Self {
        let of_services = checks.len() - roles.len();
        let references: Vec<_> = checks[of_services..]
            .iter()
            .zip(roles)
            .map(|(check, role)| Reference { check: Arc::clone(check), role: *role })
            .collect();
        let sight = Sight::new(checks, &references, own, PATIENCE, BROKEN_AFTER);
        let service = service(checks);
        let ledger = Ledger::new(checks, &[service], &jiff::tz::TimeZone::UTC, ms(0));
        Self { ledger: ledger.with_sight(sight), effects: Vec::new() }
    }

    fn apply(&mut self, event: Event) {
        self.ledger.apply(event, &mut self.effects);
    }

    fn start(&mut self, check: CheckIndex, at: i64) {
        self.apply(Event::Started { check, at: ms(at), recheck: false });
    }

    fn end(&mut self, check: CheckIndex, took: u64, outcome: Outcome, address: &str) {
        let mut result = ProbeResult::unknown(Cause::Internal, String::new());
        result.outcome = outcome;
        result.latency = Duration::from_millis(took);
        result.address = address.parse().ok();
        self.apply(Event::Finished { check, result: Box::new(result) });
    }

    /// A whole run over IPv4.
    fn run(&mut self, check: CheckIndex, at: i64, took: u64, outcome: Outcome) {
        self.start(check, at);
        self.end(check, took, outcome, V4);
    }

    fn good(&mut self, check: CheckIndex, at: i64) {
        self.run(check, at, 20, Outcome::Good);
    }

    fn roll(&mut self, at: i64) {
        self.apply(Event::Roll { checks: ALL[..self.ledger_checks()].into(), at: ms(at) });
    }

    fn ledger_checks(&self) -> usize {
        self.ledger.sight().places.len()
    }

    /// What was settled of `check` since the last time: when each run started and what it was.
    fn settled(&mut self, check: CheckIndex) -> Vec<(i64, Outcome)> {
        let mut settled = Vec::new();
        self.effects.retain(|effect| match effect {
            Effect::Ran { check: of, at, result, .. } if *of == check => {
                settled.push((at.as_millis(), result.outcome));
                false
            }
            _ => true,
        });
        settled
    }

    /// Who was asked to look since the last time.
    fn asked(&mut self) -> Vec<CheckIndex> {
        let mut asked = Vec::new();
        self.effects.retain(|effect| match effect {
            Effect::Recheck(recheck) if recheck.at == recheck.after => {
                asked.push(recheck.check);
                false
            }
            _ => true,
        });
        asked
    }

    /// From when to when nothing was seen, as it was told since the last time.
    fn changes(&mut self) -> Vec<(Road, i64, Option<i64>)> {
        let mut changes = Vec::new();
        for effect in self.effects.drain(..) {
            if let Effect::SightChanged { road, since, until } = effect {
                changes.push((road, since.as_millis(), until.map(Timestamp::as_millis)));
            }
        }
        changes
    }
}

const OFFLINE: Outcome = Outcome::Unknown(Cause::VantageOffline);
const NO_RESOLVER: Outcome = Outcome::Unknown(Cause::ResolverOffline);

#[test]
fn a_failure_is_charged_when_another_cloud_is_seen_just_after_it() {
    let mut scene = Scene::new(None);
    scene.run(AWS, 1_000, 5_000, LOST);
    assert_eq!((scene.settled(AWS), scene.ledger.unsettled()), (vec![], 1));
    assert_eq!(scene.ledger.track(AWS).watermark(), ms(0));
    scene.good(GCP, 6_000);
    assert_eq!((scene.settled(AWS), scene.ledger.unsettled()), (vec![(1_000, LOST)], 0));
    scene.roll(7_000);
    assert_eq!(scene.ledger.track(AWS).millis(), [0, 6_000, 1_000, 0]);
}

#[test]
fn a_failure_is_charged_when_a_sentinel_is_seen_just_after_it() {
    let mut scene = Scene::new(None);
    scene.run(AWS, 1_000, 5_000, LOST);
    scene.good(TLS, 6_010);
    assert_eq!(scene.settled(AWS), [(1_000, LOST)]);
}

#[test]
fn what_began_before_the_failure_had_ended_is_no_alibi() {
    let mut scene = Scene::new(None);
    scene.start(AWS, 1_000);
    scene.good(TLS, 1_010);
    scene.end(AWS, 5_000, LOST, V4);
    assert_eq!(scene.settled(AWS), []);
    scene.roll(15_999);
    assert_eq!(scene.settled(AWS), []);
    scene.roll(16_000);
    assert_eq!(scene.settled(AWS), [(1_000, OFFLINE)]);
}

#[test]
fn without_an_alibi_it_is_unknown_and_told_once() {
    let mut scene = Scene::new(None);
    scene.run(AWS, 1_000, 5_000, LOST);
    scene.run(GCP, 2_000, 5_000, LOST);
    scene.roll(17_000);
    assert_eq!(
        (scene.settled(AWS), scene.settled(GCP)),
        (vec![(1_000, OFFLINE)], vec![(2_000, OFFLINE)])
    );
    assert_eq!(scene.changes(), [(Road::Ipv4, 1_000, None)]);
    assert_eq!(scene.ledger.sight().dark(Road::Ipv4), Some(ms(1_000)));
    scene.good(GCP, 32_000);
    assert_eq!(scene.changes(), [(Road::Ipv4, 1_000, Some(32_020))]);
    assert_eq!(scene.ledger.sight().dark(Road::Ipv4), None);
}

#[test]
fn what_is_seen_long_after_a_failure_shows_only_that_we_see_again() {
    let mut scene = Scene::new(None);
    scene.start(GCP, 8_000);
    scene.run(AWS, 1_000, 5_000, LOST);
    scene.good(TLS, 8_001);
    assert_eq!(scene.settled(AWS), [(1_000, OFFLINE)]);
    scene.end(GCP, 5_000, LOST, V4);
    assert_eq!(scene.settled(GCP), [(8_000, OFFLINE)], "it began before anything was seen again");
    scene.run(AWS, 31_000, 5_000, LOST);
    scene.good(TLS, 36_000);
    assert_eq!(scene.settled(AWS), [(31_000, LOST)]);
}

#[test]
fn what_ended_just_before_something_was_seen_again_is_not_charged_either() {
    let mut scene = Scene::new(None);
    scene.run(AWS, 1_000, 5_000, LOST);
    scene.run(GCP, 2_500, 5_000, LOST);
    scene.good(TLS, 8_500);
    assert_eq!(scene.settled(AWS), [(1_000, OFFLINE)]);
    assert_eq!(scene.settled(GCP), [(2_500, OFFLINE)]);
}

#[test]
fn a_blink_in_which_every_sentinel_failed_is_our_own() {
    let mut scene = Scene::new(None);
    scene.good(TLS, 0);
    scene.good(TLS_2, 0);
    scene.run(AWS, 1_000, 10, LOST);
    scene.run(TLS, 1_010, 10, LOST);
    scene.run(TLS_2, 1_010, 10, LOST);
    scene.run(GCP, 1_900, 10, LOST);
    scene.good(TLS, 2_000);
    assert_eq!(scene.settled(AWS), [(1_000, OFFLINE)]);
    assert_eq!(scene.settled(GCP), [(1_900, OFFLINE)], "though it was not asked again after it");
    assert_eq!(scene.changes(), [(Road::Ipv4, 1_000, None), (Road::Ipv4, 1_000, Some(2_020))]);
}

#[test]
fn a_blink_of_the_resolver_is_our_own_too() {
    let mut scene = Scene::new(None);
    scene.good(NAME, 0);
    scene.start(AWS, 1_000);
    scene.end(AWS, 10, MUTE, "");
    scene.run(NAME, 1_010, 10, Outcome::Bad(Reason::ResponseTimeout));
    scene.good(NAME, 2_000);
    assert_eq!(scene.settled(AWS), [(1_000, OFFLINE)]);
}

#[test]
fn a_sentinel_that_fails_with_a_cloud_hides_nothing_while_another_answers() {
    let mut scene = Scene::new(None);
    scene.good(TLS, 0);
    scene.good(TLS_2, 0);
    scene.run(AWS, 1_000, 10, LOST);
    scene.run(TLS, 1_010, 10, LOST);
    scene.good(TLS_2, 1_011);
    assert_eq!(scene.settled(AWS), [(1_000, LOST)]);
}

#[test]
fn sentinels_that_are_out_for_too_long_or_try_twice_tell_of_a_blink_too() {
    let mut scene = Scene::new(None);
    scene.good(TLS, 0);
    scene.good(TLS_2, 0);
    scene.run(AWS, 1_000, 500, LOST);
    scene.start(TLS, 1_500);
    scene.start(TLS_2, 1_500);
    let mut result = ProbeResult::unknown(Cause::Internal, String::new());
    result.outcome = Outcome::Good;
    result.address = V4.parse().ok();
    result.latency = Duration::from_millis(1_030);
    result.phases.add(Phase::Connect, Duration::ZERO, Duration::from_millis(1_010));
    scene.apply(Event::Finished { check: TLS, result: Box::new(result) });
    assert_eq!(scene.settled(AWS), [(1_000, OFFLINE)]);
}

#[test]
fn sentinels_whose_names_do_not_resolve_tell_of_a_blink_too() {
    let mut scene = Scene::new(None);
    scene.good(TLS, 0);
    scene.good(TLS_2, 0);
    scene.run(AWS, 1_000, 10, LOST);
    for sentinel in [TLS, TLS_2] {
        scene.start(sentinel, 1_010);
        scene.end(sentinel, 10, MUTE, "");
    }
    scene.good(GCP, 2_000);
    assert_eq!(scene.settled(AWS), [(1_000, OFFLINE)]);
}

#[test]
fn sentinels_that_die_with_a_cloud_hide_it_from_nobody_who_is_asked_with_them() {
    let mut scene = Scene::new(None);
    scene.good(TLS, 0);
    scene.good(TLS_2, 0);
    scene.good(GCP, 0);
    for at in (5_000..90_000).step_by(5_000) {
        scene.run(AWS, at, 10, LOST);
        for asked in [TLS, TLS_2] {
            scene.run(asked, at + 10, 10, LOST);
        }
        scene.good(GCP, at + 11);
        assert_eq!(scene.settled(AWS), [(at, LOST)]);
    }
}

#[test]
fn sentinels_that_are_dead_hide_nothing_for_longer_than_a_minute() {
    let mut scene = Scene::new(None);
    scene.good(TLS, 0);
    scene.good(TLS_2, 0);
    for at in (5_000..200_000).step_by(5_000) {
        scene.run(AWS, at, 10, LOST);
        for asked in [TLS, TLS_2] {
            scene.run(asked, at + 10, 10, LOST);
        }
        scene.good(GCP, at + 100);
        let expected = if at < 60_000 { OFFLINE } else { LOST };
        assert_eq!(scene.settled(AWS), [(at, expected)]);
    }
}

#[test]
fn a_failure_long_after_a_blink_of_sentinels_is_charged() {
    let mut scene = Scene::new(None);
    scene.good(TLS, 0);
    scene.good(TLS_2, 0);
    scene.run(TLS, 1_000, 10, LOST);
    scene.run(TLS_2, 1_000, 10, LOST);
    scene.run(AWS, 5_000, 10, LOST);
    scene.good(GCP, 5_010);
    assert_eq!(scene.settled(AWS), [(5_000, LOST)]);
}

#[test]
fn sentinels_that_never_answered_hide_nothing() {
    let mut scene = Scene::new(None);
    scene.good(GCP, 0);
    scene.run(AWS, 1_000, 10, LOST);
    scene.run(TLS, 1_010, 10, LOST);
    scene.run(TLS_2, 1_010, 10, LOST);
    scene.good(GCP, 1_011);
    assert_eq!(scene.settled(AWS), [(1_000, LOST)]);
}

#[test]
fn a_connection_that_took_a_second_try_shows_only_its_end() {
    let mut scene = Scene::new(None);
    scene.run(AWS, 1_000, 5_000, LOST);
    scene.start(TLS, 6_000);
    let mut result = ProbeResult::unknown(Cause::Internal, String::new());
    result.outcome = Outcome::Good;
    result.address = V4.parse().ok();
    result.latency = Duration::from_millis(3_020);
    result.phases.add(Phase::Connect, Duration::ZERO, Duration::from_millis(3_010));
    scene.apply(Event::Finished { check: TLS, result: Box::new(result) });
    assert_eq!(scene.settled(AWS), [(1_000, OFFLINE)]);
}

#[test]
fn what_follows_a_doubt_waits_behind_it_in_order() {
    let mut scene = Scene::new(None);
    scene.good(AWS, 0);
    scene.settled(AWS);
    scene.run(AWS, 30_000, 5_000, LOST);
    scene.good(AWS, 36_000);
    scene.start(AWS, 38_000);
    scene.roll(38_500);
    assert_eq!(scene.settled(AWS), []);
    assert_eq!(scene.ledger.track(AWS).watermark(), ms(30_000));
    scene.roll(45_000);
    assert_eq!(scene.settled(AWS), [(30_000, OFFLINE), (36_000, Outcome::Good)]);
    assert_eq!(scene.ledger.track(AWS).run(), Some((ms(38_000), false)));
    scene.end(AWS, 20, Outcome::Good, V4);
    scene.roll(50_000);
    assert_eq!(scene.ledger.track(AWS).millis(), [44_000, 0, 6_000, 0]);
}

#[test]
fn each_doubt_of_a_check_is_decided_by_itself() {
    let mut scene = Scene::new(None);
    scene.run(AWS, 1_000, 5_000, LOST);
    scene.good(TLS, 8_500);
    scene.run(AWS, 11_000, 4_000, LOST);
    scene.good(TLS, 15_000);
    assert_eq!(scene.settled(AWS), [(1_000, OFFLINE), (11_000, LOST)]);
}

#[test]
fn other_failures_and_good_results_are_settled_at_once() {
    let mut scene = Scene::new(None);
    let refused = Outcome::Bad(Reason::ConnectRefused);
    scene.run(AWS, 1_000, 20, refused);
    scene.good(GCP, 1_000);
    assert_eq!(
        (scene.settled(AWS), scene.settled(GCP)),
        (vec![(1_000, refused)], vec![(1_000, Outcome::Good)])
    );
}

#[test]
fn a_sentinels_own_failure_is_never_in_doubt() {
    let mut scene = Scene::new(None);
    scene.run(TLS, 1_000, 5_000, LOST);
    assert_eq!(scene.settled(TLS), [(1_000, LOST)]);
}

#[test]
fn who_stands_on_our_own_cloud_or_nowhere_gives_no_alibi() {
    let mut scene = Scene::new(Some("gcp"));
    scene.run(AWS, 1_000, 5_000, LOST);
    scene.good(GCP, 6_000);
    scene.good(ENTRY, 6_000);
    assert_eq!(scene.settled(AWS), []);
    scene.good(TLS, 6_000);
    assert_eq!(scene.settled(AWS), [(1_000, LOST)]);
}

#[test]
fn any_endpoint_is_an_alibi_for_a_public_name() {
    let mut scene = Scene::new(None);
    scene.run(ENTRY, 1_000, 5_000, LOST);
    scene.good(AWS, 6_000);
    assert_eq!(scene.settled(ENTRY), [(1_000, LOST)]);
}

#[test]
fn its_own_next_success_is_no_alibi_for_a_check() {
    let mut scene = Scene::new(None);
    scene.run(AWS, 1_000, 5_000, LOST);
    scene.good(AWS, 6_500);
    scene.roll(16_000);
    assert_eq!(scene.settled(AWS), [(1_000, OFFLINE), (6_500, Outcome::Good)]);
}

#[test]
fn an_alibi_holds_for_its_own_address_family_only() {
    let mut scene = Scene::new(None);
    scene.good(GCP, 0);
    scene.start(GCP, 500);
    scene.end(GCP, 20, Outcome::Good, V6);
    scene.start(AWS, 1_000);
    scene.end(AWS, 5_000, LOST, V6);
    scene.good(TLS, 6_000);
    assert_eq!(scene.settled(AWS), []);
    scene.roll(16_000);
    assert_eq!(scene.settled(AWS), [(1_000, OFFLINE)]);
    assert_eq!(scene.changes(), [(Road::Ipv6, 1_000, None)]);
}

#[test]
fn whatever_our_own_network_may_have_caused_is_in_doubt() {
    let may_be_ours = [
        Reason::ConnectTimeout,
        Reason::ResponseTimeout,
        Reason::Loss,
        Reason::Auth,
        Reason::Proxy,
        Reason::Serial,
        Reason::Program,
        Reason::ProgramTimeout,
    ];
    for reason in may_be_ours {
        // A program, and several servers at once, say no address.
        for address in [V4, ""] {
            let mut scene = Scene::new(None);
            scene.start(AWS, 1_000);
            scene.end(AWS, 5_000, Outcome::Bad(reason), address);
            assert_eq!(scene.settled(AWS), [], "{reason}");
            scene.roll(16_000);
            assert_eq!(scene.settled(AWS), [(1_000, OFFLINE)], "{reason}");
        }
    }
}

#[test]
fn what_only_the_far_side_can_have_said_is_not_in_doubt() {
    for reason in [Reason::Status, Reason::ConnectRefused, Reason::TlsExpired, Reason::Health] {
        let mut scene = Scene::new(None);
        scene.run(AWS, 1_000, 50, Outcome::Bad(reason));
        assert_eq!(scene.settled(AWS), [(1_000, Outcome::Bad(reason))], "{reason}");
    }
}

#[test]
fn nothing_is_in_doubt_over_loopback() {
    let mut scene = Scene::new(None);
    scene.start(AWS, 1_000);
    scene.end(AWS, 5_000, LOST, "127.0.0.1:1");
    assert_eq!(scene.settled(AWS), [(1_000, LOST)]);
}

#[test]
fn a_name_that_resolves_is_an_alibi_for_the_resolver() {
    let mut scene = Scene::new(None);
    scene.start(AWS, 1_000);
    scene.end(AWS, 5_000, MUTE, "");
    scene.good(TLS, 6_000);
    assert_eq!(scene.settled(AWS), [], "a sentinel that is no name says nothing of the resolver");
    scene.good(NAME, 6_000);
    assert_eq!(scene.settled(AWS), [(1_000, MUTE)]);
}

#[test]
fn a_run_that_had_its_name_resolved_is_an_alibi_for_the_resolver_however_it_ended() {
    let mut scene = Scene::new(None);
    scene.start(AWS, 1_000);
    scene.end(AWS, 5_000, MUTE, "");
    scene.start(ENTRY, 6_000);
    let mut result = ProbeResult::unknown(Cause::Internal, String::new());
    result.outcome = Outcome::Bad(Reason::Status);
    result.resolved = true;
    scene.apply(Event::Finished { check: ENTRY, result: Box::new(result) });
    assert_eq!(scene.settled(AWS), [(1_000, MUTE)]);
}

#[test]
fn a_dead_resolver_is_told_from_a_dead_network() {
    let mut scene = Scene::new(None);
    scene.start(AWS, 1_000);
    scene.end(AWS, 5_000, MUTE, "");
    scene.good(TLS, 9_000);
    scene.roll(16_000);
    assert_eq!(scene.settled(AWS), [(1_000, NO_RESOLVER)]);
    assert_eq!(scene.changes(), [(Road::Resolver, 1_000, None)]);
    scene.start(AWS, 31_000);
    scene.end(AWS, 5_000, MUTE, "");
    scene.roll(46_000);
    assert_eq!(scene.settled(AWS), [(31_000, OFFLINE)]);
}

#[test]
fn where_nobody_could_give_an_alibi_nothing_is_in_doubt() {
    let mut scene = Scene::of(&[check("aws", "aws")], &[], None);
    scene.run(AWS, 1_000, 5_000, LOST);
    assert_eq!(scene.settled(AWS), [(1_000, LOST)]);
}

#[test]
fn the_other_cloud_alone_decides_without_sentinels() {
    let mut scene = Scene::of(&[check("aws", "aws"), check("gcp", "gcp")], &[], None);
    scene.good(GCP, 0);
    scene.run(AWS, 1_000, 5_000, LOST);
    assert_eq!(scene.asked(), [GCP]);
    scene.good(GCP, 6_000);
    scene.run(AWS, 31_000, 5_000, LOST);
    scene.run(GCP, 31_000, 5_000, LOST);
    scene.roll(46_000);
    assert_eq!(scene.settled(AWS), [(1_000, LOST), (31_000, OFFLINE)]);
}

#[test]
fn sentinels_and_the_other_cloud_are_asked_at_once_and_once_a_second() {
    let mut scene = Scene::new(None);
    scene.good(GCP, 0);
    scene.run(AWS, 1_000, 5_000, LOST);
    assert_eq!(scene.asked(), [TLS, TLS_2, GCP]);
    scene.run(ENTRY, 1_100, 5_000, LOST);
    assert_eq!(scene.asked(), []);
    scene.roll(7_000);
    assert_eq!(scene.asked(), [TLS, TLS_2, GCP]);
    scene.roll(7_500);
    assert_eq!(scene.asked(), []);
}

#[test]
fn nobody_is_asked_while_successes_come_anyway() {
    let mut scene = Scene::new(None);
    scene.start(AWS, 1_000);
    scene.good(GCP, 5_900);
    scene.end(AWS, 5_000, LOST, V4);
    assert_eq!(scene.asked(), []);
    scene.roll(6_500);
    assert_eq!(scene.asked(), [TLS, TLS_2, GCP]);
}

/// Ten minutes in which the clouds are seen every 30 s; what sentinels do is up to `also`.
fn ten_minutes(scene: &mut Scene, from: i64, also: impl Fn(&mut Scene, i64)) -> i64 {
    let to = from + 640_000;
    for at in (from..to).step_by(1_000) {
        if at % 30_000 == 0 {
            scene.good(AWS, at);
            scene.good(GCP, at);
            also(scene, at);
        }
        scene.roll(at + 500);
    }
    to
}

#[test]
fn a_sentinel_that_is_silent_while_checks_succeed_is_broken_until_it_answers() {
    let mut scene = Scene::new(None);
    let to = ten_minutes(&mut scene, 0, |scene, at| {
        scene.good(TLS_2, at);
        scene.run(TLS, at, 5_000, LOST);
    });
    let broken = |scene: &Scene| ALL.map(|check| scene.ledger.sight().broken(check).is_some());
    // The sentinel name is not, since nothing here resolves anything.
    assert_eq!(broken(&scene), [false, false, false, true, false, false]);
    let told = |scene: &Scene| {
        let is_change = |it: &&Effect| matches!(it, Effect::SentinelChanged { .. });
        scene.effects.iter().filter(is_change).count()
    };
    assert_eq!(told(&scene), 1);
    scene.asked();
    scene.run(AWS, to, 5_000, LOST);
    assert_eq!(scene.asked(), [TLS_2, GCP]);
    scene.good(TLS, to + 6_000);
    assert_eq!((broken(&scene)[3], told(&scene)), (false, 2));
}

#[test]
fn a_sentinel_is_not_broken_by_a_time_in_which_nothing_was_seen() {
    let mut scene = Scene::new(None);
    scene.good(TLS, 0);
    scene.good(AWS, 0);
    for second in 1..3_600 {
        scene.roll(second * 1_000);
    }
    scene.good(AWS, 3_600_000);
    scene.roll(3_601_000);
    assert_eq!(scene.ledger.sight().broken(TLS), None);
}

#[test]
fn a_cloud_that_never_answered_is_not_waited_for_after_ten_minutes() {
    let mut scene = Scene::of(&[check("aws", "aws"), check("gcp", "gcp")], &[], None);
    for at in (0..640_000).step_by(1_000) {
        if at % 30_000 == 0 {
            scene.good(AWS, at);
        }
        scene.roll(at + 500);
    }
    scene.settled(AWS);
    scene.run(AWS, 650_000, 5_000, LOST);
    assert_eq!(scene.settled(AWS), [(650_000, LOST)]);
}

#[test]
fn a_clock_set_back_moves_what_is_in_doubt() {
    let mut scene = Scene::new(None);
    scene.run(AWS, 101_000, 5_000, LOST);
    scene.start(AWS, 106_000);
    scene.apply(Event::ClockBack { checks: ALL.into(), millis: 100_000, leads: true });
    scene.good(TLS, 6_500);
    assert_eq!(scene.settled(AWS), [(1_000, LOST)]);
    scene.end(AWS, 20, Outcome::Good, V4);
    assert_eq!(scene.settled(AWS), [(6_000, Outcome::Good)]);
}

#[test]
fn a_long_line_gives_up_its_oldest() {
    let mut scene = Scene::new(None);
    let most = i64::try_from(crate::monitor::doubts::MOST_HELD).unwrap();
    for number in 0..=most {
        scene.run(AWS, 1_000 + number * 10, 5, LOST);
    }
    assert_eq!(scene.settled(AWS), [(1_000, OFFLINE)]);
}

proptest::proptest! {
    #[test]
    fn every_run_is_settled_once_in_order_and_time_adds_up(
        steps in proptest::collection::vec((0_usize..6, 0_i64..9_000, 0_u8..5, 0_u64..6_000), 1..150),
    ) {
        let mut scene = Scene::new(None);
        let mut free = [0_i64; 6];
        let mut ends: Vec<(i64, usize, u64, u8)> = Vec::new();
        let mut begun = [0_usize; 6];
        let mut now = 0;
        let finish = |scene: &mut Scene, upto: i64, ends: &mut Vec<(i64, usize, u64, u8)>| {
            ends.sort_unstable();
            while let Some((end, check, took, what)) = ends.first().copied().filter(|it| it.0 <= upto) {
                ends.remove(0);
                let outcome = [Outcome::Good, LOST, MUTE, Outcome::Bad(Reason::Status)][usize::from(what.min(3))];
                scene.roll(end);
                scene.end(ALL[check], took, outcome, if end % 3 == 0 { V6 } else { V4 });
            }
        };
        for (check, wait, what, took) in steps {
            now += wait;
            finish(&mut scene, now, &mut ends);
            if what == 4 {
                scene.roll(now);
            } else if now > free[check] {
                scene.start(ALL[check], now);
                begun[check] += 1;
                free[check] = now + i64::try_from(took).unwrap();
                ends.push((free[check], check, took, what));
            }
        }
        finish(&mut scene, i64::MAX, &mut ends);
        // What is given up in one roll is counted in the next one.
        scene.roll(now + 100_000);
        scene.roll(now + 100_000);
        for (check, begun) in ALL.iter().zip(begun) {
            let settled = scene.settled(*check);
            proptest::prop_assert_eq!(settled.len(), begun);
            proptest::prop_assert!(settled.is_sorted_by_key(|(at, _)| *at));
            let track = scene.ledger.track(*check);
            proptest::prop_assert_eq!(track.watermark(), ms(now + 100_000));
            let total: u64 = track.millis().iter().sum();
            proptest::prop_assert_eq!(i64::try_from(total).unwrap(), now + 100_000);
        }
        proptest::prop_assert_eq!(scene.ledger.unsettled(), 0);
    }
}
