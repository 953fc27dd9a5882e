//! Stories of public names, told second by second: in time, late, silent, split, planned, back.
//!
//! Cloud 0 is the home unless a story says otherwise; an outage is certain 35 s after it began, looks come every 30 s.
//!
//! The last test plays random stories and looks at what must hold of every one of them.

use super::*;
use crate::failover::{Answer, Led};
use crate::model::{Network, Provider};
use crate::seed::Stream;
use std::fmt::Write as _;

/// How long an outage takes to become certain in these stories.
const CERTAIN: Duration = Duration::from_secs(35);

/// Time to live of every answer, seconds.
const TTL: u64 = 60;

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(second * 1_000)
}

fn seconds(time: Option<Duration>) -> Option<u64> {
    time.map(|time| time.as_secs())
}

/// An answer that leads to these clouds: one address in the network of each; 9 is an address of nobody.
fn leads(who: &str, clouds: &[usize]) -> Answer {
    let address = |cloud: &usize| match cloud {
        0 => "192.0.2.1".parse().unwrap(),
        1 => "192.0.2.129".parse().unwrap(),
        _ => "203.0.113.1".parse().unwrap(),
    };
    let addresses = clouds.iter().map(address).collect();
    let led = Led { addresses, chain: Vec::new(), ttl: Duration::from_secs(TTL) };
    Answer { who: who.into(), said: Ok(led) }
}

fn silent(who: &str) -> Answer {
    Answer { who: who.into(), said: Err("no answer".to_owned()) }
}

/// What the zone's two servers and two resolvers say.
fn seen(servers: [&[usize]; 2], resolvers: [&[usize]; 2]) -> Observation {
    Observation {
        authoritative: vec![leads("ns1", servers[0]), leads("ns2", servers[1])],
        resolvers: vec![leads("system", resolvers[0]), leads("9.9.9.9", resolvers[1])],
        ..Observation::default()
    }
}

fn all(cloud: usize) -> Observation {
    seen([&[cloud], &[cloud]], [&[cloud], &[cloud]])
}

/// A name in its world.
struct World {
    name: PublicName,
    told: Vec<Told>,
}

impl World {
    fn with(change: impl FnOnce(&mut Terms)) -> Self {
        let provider = |name: &str, network: &str| Provider {
            name: name.into(),
            title: name.to_owned(),
            region: "".into(),
            networks: vec![Network { address: network.parse().unwrap(), prefix: 25 }],
            canaries: Vec::new(),
        };
        let providers = [provider("aws", "192.0.2.0"), provider("gcp", "192.0.2.128")];
        let mut terms = Terms {
            policy: EntryPolicy::Failover,
            within: Some(Duration::from_mins(2)),
            interval: Duration::from_secs(30),
            certain_after: CERTAIN,
            clouds: vec![(0, false), (1, false)],
            has_marks: false,
        };
        change(&mut terms);
        Self { name: PublicName::new(terms, Territory::new(&providers, [])), told: Vec::new() }
    }

    /// Both clouds are up, and the name leads to cloud 0 and is served there.
    fn well() -> Self {
        Self::well_with(|_| {})
    }

    fn well_with(change: impl FnOnce(&mut Terms)) -> Self {
        let mut world = Self::with(change);
        world.side(-100, 0, State::Up, -100).side(-100, 1, State::Up, -100);
        world.look(-30, &all(0)).served(-20, Some(0));
        world
    }

    fn side(&mut self, now: i64, cloud: usize, state: State, since: i64) -> &mut Self {
        let told = self.name.side(cloud, state, at(since), at(now));
        self.told.extend(told);
        self
    }

    fn look(&mut self, now: i64, seen: &Observation) -> &mut Self {
        let told = self.name.observe(seen, at(now));
        self.told.extend(told);
        self
    }

    /// A good result of the entry's check.
    fn served(&mut self, now: i64, cloud: Option<usize>) -> &mut Self {
        let told = self.name.result(true, cloud, at(now));
        self.told.extend(told);
        self
    }

    fn failed(&mut self, now: i64, cloud: Option<usize>) -> &mut Self {
        let told = self.name.result(false, cloud, at(now));
        self.told.extend(told);
        self
    }

    fn start_drill(&mut self, now: i64) -> &mut Self {
        let told = self.name.start_drill(at(now));
        self.told.extend(told);
        self
    }

    fn end_drill(&mut self, now: i64) -> &mut Self {
        let told = self.name.end_drill(at(now));
        self.told.extend(told);
        self
    }

    /// Each failover as it was told last.
    fn failovers(&self) -> Vec<Failover> {
        let mut all: Vec<Failover> = Vec::new();
        for told in &self.told {
            if let Told::Failover(failover) = told {
                match all.iter_mut().find(|each| each.id == failover.id) {
                    Some(each) => each.clone_from(failover),
                    None => all.push(failover.clone()),
                }
            }
        }
        all
    }

    /// The only failover there was.
    fn only(&self) -> Failover {
        let all = self.failovers();
        assert_eq!(all.len(), 1, "{all:#?}");
        all[0].clone()
    }

    fn count(&self, is: impl Fn(&Told) -> bool) -> usize {
        self.told.iter().filter(|told| is(told)).count()
    }

    fn lates(&self) -> usize {
        self.count(|told| matches!(told, Told::Late(..)))
    }

    fn silents(&self) -> usize {
        self.count(|told| matches!(told, Told::Silent(..)))
    }

    fn splits(&self) -> usize {
        self.count(|told| matches!(told, Told::Split(..)))
    }
}

/// How long each step took, in seconds.
fn took(failover: &Failover) -> [Option<u64>; 5] {
    let mut steps = [None; 5];
    for (took, step) in steps.iter_mut().zip(FailoverStep::ALL) {
        *took = seconds(failover.took(*step));
    }
    steps
}

#[test]
fn a_failover_in_time_is_measured_step_by_step() {
    let mut world = World::well();
    world.side(35, 0, State::Down, 0).failed(40, Some(0));
    // The zone switches, then one resolver, then the other.
    world.look(50, &seen([&[1], &[0]], [&[0], &[0]]));
    world.look(60, &seen([&[1], &[1]], [&[0], &[1]]));
    world.served(70, Some(1));
    world.look(90, &all(1));
    assert_eq!(took(&world.only()), [Some(35), Some(60), Some(90), Some(70), None]);
    assert_eq!((world.only().cause, world.only().to), (FailoverCause::Outage, Some(1)));
    assert_eq!(world.name.proven(), Some(at(70)));
    // The first cloud is well again, the name follows, and a fresh client is served there.
    world.side(600, 0, State::Up, 590);
    world.look(610, &all(1)).look(700, &all(0));
    assert_eq!(world.only().ended, None);
    world.served(710, Some(0));
    let whole = world.only();
    assert_eq!(took(&whole), [Some(35), Some(60), Some(90), Some(70), Some(710)]);
    assert_eq!((whole.recovered, whole.ended), (Some(at(590)), Some(at(710))));
    assert_eq!((world.lates(), world.silents(), world.splits()), (0, 0, 0));
    assert!(!world.name.is_late() && !world.name.is_silent() && world.name.going_on().is_none());
}

#[test]
fn a_name_that_stays_on_a_dead_cloud_is_late_once() {
    let mut world = World::well();
    world.side(35, 0, State::Down, 0);
    world.look(60, &all(0)).look(120, &all(0));
    assert_eq!(world.lates(), 0);
    world.look(121, &all(0)).look(150, &all(0));
    assert_eq!(world.lates(), 1);
    assert!(world.name.is_late());
    // The zone has switched; a resolver still leads its users to the dead cloud.
    world.look(160, &seen([&[1], &[1]], [&[1], &[0]]));
    assert!(world.name.is_late());
    world.look(200, &all(1));
    assert!(!world.name.is_late());
    assert!(world.only().late);
    let Some(Told::Late(_, who)) = world.told.iter().find(|it| matches!(it, Told::Late(..))) else {
        panic!("{:?}", world.told)
    };
    assert_eq!(who.len(), 4);
}

#[test]
fn without_another_cloud_that_could_serve_nothing_is_late() {
    let mut world = World::well();
    world.side(35, 0, State::Down, 0).side(40, 1, State::Down, 5);
    world.look(300, &all(0));
    assert_eq!(world.lates(), 0);
    // From when the other one is well again.
    world.side(410, 1, State::Up, 400);
    world.look(510, &all(0));
    assert_eq!(world.lates(), 0);
    world.look(521, &all(0));
    assert_eq!(world.lates(), 1);
}

#[test]
fn without_a_limit_nothing_is_late() {
    let mut world = World::well_with(|terms| terms.within = None);
    world.side(35, 0, State::Down, 0).look(90_000, &all(0));
    assert_eq!(world.lates(), 0);
}

#[test]
fn a_switch_that_nothing_explains_is_silent_once_an_outage_would_be_certain() {
    let mut world = World::well();
    world.look(30, &all(1)).served(40, Some(1)).look(60, &all(1));
    assert_eq!((world.silents(), world.failovers().len()), (0, 0));
    world.look(65, &all(1)).look(90, &all(1));
    assert_eq!(world.silents(), 1);
    assert!(world.name.is_silent());
    let silent = world.only();
    assert_eq!((silent.cause, silent.from, silent.to), (FailoverCause::Silent, 0, Some(1)));
    // Counted from where it was first seen; that the other cloud serves is proven all the same.
    assert_eq!(took(&silent), [None, Some(0), Some(0), Some(10), None]);
    assert_eq!(world.name.proven(), Some(at(40)));
    world.look(120, &all(0)).served(130, Some(0));
    assert!(!world.name.is_silent());
    assert_eq!(seconds(world.only().took(FailoverStep::Back)), Some(100));
}

#[test]
fn a_name_that_is_switched_before_we_are_certain_is_not_silent() {
    let mut world = World::well();
    // Somebody's health check is quicker than `confirm`.
    world.look(10, &all(1)).served(12, Some(1));
    world.side(35, 0, State::Down, 0).look(70, &all(1));
    assert_eq!(world.silents(), 0);
    let outage = world.only();
    assert_eq!(outage.cause, FailoverCause::Outage);
    assert_eq!(took(&outage), [Some(35), Some(10), Some(10), Some(12), None]);
}

#[test]
fn a_name_that_flaps_once_is_not_told_of() {
    let mut world = World::well();
    world.look(30, &all(1)).look(40, &all(0)).look(100, &all(0));
    assert_eq!(world.told, []);
}

#[test]
fn nobody_is_called_silent_while_we_cannot_see_the_first_cloud() {
    let mut world = World::well();
    world.side(20, 0, State::Unknown, 20);
    world.look(30, &all(1)).look(300, &all(1));
    assert_eq!(world.silents(), 0);
    world.side(310, 0, State::Up, 305);
    assert_eq!(world.silents(), 1);
}

#[test]
fn an_outage_that_is_over_before_anything_switched_ends_as_it_was() {
    let mut world = World::well();
    world.side(35, 0, State::Down, 0).side(60, 0, State::Up, 50);
    world.look(70, &all(0));
    assert_eq!(world.only().ended, None);
    world.look(85, &all(0));
    assert_eq!(world.only().ended, Some(at(85)));
    assert_eq!(took(&world.only()), [Some(35), None, None, None, None]);
    // A switch that comes after all of that has no explanation.
    world.look(200, &all(1)).look(300, &all(1));
    assert_eq!(world.silents(), 1);
}

#[test]
fn a_switch_that_comes_when_the_outage_is_just_over_belongs_to_it() {
    let mut world = World::well();
    world.side(35, 0, State::Down, 0).side(60, 0, State::Up, 50);
    world.look(70, &all(1)).served(75, Some(1)).look(200, &all(1));
    assert_eq!(world.silents(), 0);
    assert_eq!(took(&world.only()), [Some(35), Some(70), Some(70), Some(75), None]);
}

#[test]
fn a_drill_is_measured_from_its_start_and_never_silent() {
    let mut world = World::well();
    world.start_drill(100);
    world.look(110, &all(0)).look(120, &all(1)).served(125, Some(1)).look(300, &all(1));
    let drill = world.only();
    assert_eq!((drill.cause, world.silents()), (FailoverCause::Planned, 0));
    assert_eq!(took(&drill), [None, Some(20), Some(20), Some(25), None]);
    assert_eq!(world.name.proven(), Some(at(125)));
    world.look(400, &all(0)).served(410, Some(0));
    assert_eq!(seconds(world.only().took(FailoverStep::Back)), Some(310));
    // The rest of the drill opens no other one.
    world.look(430, &all(0)).end_drill(500).look(530, &all(0));
    assert_eq!(world.failovers().len(), 1);
    assert_eq!(world.name.drill(), None);
}

#[test]
fn a_drill_that_takes_a_cloud_away_counts_from_there() {
    let mut world = World::well();
    world.start_drill(100);
    world.side(155, 0, State::Down, 120).look(160, &all(1)).served(170, Some(1));
    assert_eq!(took(&world.only()), [Some(35), Some(40), Some(40), Some(50), None]);
    assert_eq!(world.only().cause, FailoverCause::Planned);
}

#[test]
fn a_drill_in_which_nothing_switched_is_kept_too() {
    let mut world = World::well();
    world.start_drill(100).look(130, &all(0)).end_drill(200);
    let drill = world.only();
    assert_eq!((drill.began, drill.ended, drill.has_switched()), (at(100), Some(at(200)), false));
    assert_eq!(world.name.proven(), None);
}

#[test]
fn a_drill_that_is_announced_too_late_still_explains_the_switch() {
    let mut world = World::well();
    world.look(30, &all(1)).look(90, &all(1));
    assert_eq!(world.silents(), 1);
    world.start_drill(95).look(120, &all(1));
    assert!(!world.name.is_silent());
    assert_eq!(world.only().cause, FailoverCause::Planned);
}

#[test]
fn a_switch_in_maintenance_of_the_first_cloud_is_planned() {
    let mut world = World::well();
    world.side(10, 0, State::Maintenance, 10);
    world.look(30, &all(1)).served(40, Some(1)).look(300, &all(1));
    assert_eq!((world.only().cause, world.silents()), (FailoverCause::Planned, 0));
}

#[test]
fn answers_may_differ_for_as_long_as_they_may_be_kept() {
    let mut world = World::well();
    let apart = seen([&[1], &[1]], [&[1], &[0]]);
    // 60 s to live, and one interval to see it.
    world.look(10, &apart).look(100, &apart);
    assert_eq!(world.splits(), 0);
    world.look(101, &apart).look(130, &apart);
    assert_eq!(world.splits(), 1);
    assert!(world.name.is_split() && world.only().split);
    world.look(140, &all(1));
    assert!(!world.name.is_split() && world.only().split);
    assert_eq!(world.count(|told| *told == Told::Agreed), 1);
}

#[test]
fn a_split_that_no_look_has_seen_for_long_enough_is_none() {
    let mut world = World::well();
    world.look(10, &seen([&[1], &[1]], [&[0], &[0]]));
    // Time passes, and nobody looks.
    world.served(105, Some(1));
    assert_eq!(world.splits(), 0);
    world.look(110, &all(1));
    assert_eq!(world.splits(), 0);
}

#[test]
fn a_zone_that_leads_to_both_clouds_at_once_is_split() {
    let mut world = World::well();
    let both = seen([&[0, 1], &[0, 1]], [&[0, 1], &[0, 1]]);
    world.look(10, &both).look(200, &both);
    assert_eq!((world.splits(), world.silents()), (1, 0));
}

#[test]
fn only_a_failover_policy_can_be_late_silent_or_split() {
    use EntryPolicy::{Edge, Geo, Multivalue, Weighted};
    for policy in [Weighted, Geo, Multivalue, Edge] {
        let mut world = World::well_with(|terms| terms.policy = policy);
        world.look(10, &all(1)).look(200, &seen([&[0], &[1]], [&[0, 1], &[1]]));
        world.look(500, &all(1)).side(600, 1, State::Down, 560).look(2_000, &all(1));
        assert_eq!(world.told, [], "{policy}");
        assert!(world.name.share().is_some());
    }
}

#[test]
fn shares_are_of_the_last_look_or_averaged_as_the_policy_wants() {
    let looks = |policy| {
        let mut world = World::with(|terms| terms.policy = policy);
        for (number, cloud) in [0, 1, 1, 1].into_iter().enumerate() {
            world.look(i64::try_from(number).unwrap() * 30, &all(cloud));
        }
        world.name.share().unwrap().clouds
    };
    assert_eq!(looks(EntryPolicy::Failover), [(1, 1.0)]);
    assert_eq!(looks(EntryPolicy::Weighted), [(0, 0.25), (1, 0.75)]);
}

#[test]
fn behind_an_edge_what_was_served_counts() {
    let mut world = World::with(|terms| {
        terms.policy = EntryPolicy::Edge;
        terms.has_marks = true;
    });
    assert_eq!(world.name.share(), None);
    world.look(0, &seen([&[9], &[9]], [&[9], &[9]]));
    world
        .served(5, Some(0))
        .served(35, Some(1))
        .served(65, Some(1))
        .served(95, None)
        .failed(99, None);
    let share = world.name.share().unwrap();
    assert_eq!((share.clouds, share.unmapped), (vec![(0, 0.25), (1, 0.5)], 0.25));
}

#[test]
fn marks_alone_tell_a_failover_behind_addresses_of_nobody() {
    let mut world = World::with(|terms| terms.has_marks = true);
    let nobodys = seen([&[9], &[9]], [&[9], &[9]]);
    world.side(-100, 0, State::Up, -100).side(-100, 1, State::Up, -100);
    world.look(-30, &nobodys).served(-20, Some(0));
    world.side(35, 0, State::Down, 0).failed(40, None).look(60, &nobodys);
    world.served(70, Some(1));
    assert_eq!(took(&world.only()), [Some(35), None, None, Some(70), None]);
    world.side(300, 0, State::Up, 290).served(400, Some(0));
    assert_eq!(seconds(world.only().took(FailoverStep::Back)), Some(400));
}

#[test]
fn a_silent_resolver_keeps_its_last_answer_and_a_silent_server_does_not() {
    let mut world = World::well();
    world.side(35, 0, State::Down, 0);
    // One server of the zone stood on the cloud that died, and so did a resolver.
    let partly = Observation {
        authoritative: vec![silent("ns1"), leads("ns2", &[1])],
        resolvers: vec![leads("system", &[1]), silent("9.9.9.9")],
        ..Observation::default()
    };
    world.look(50, &partly);
    assert_eq!(took(&world.only()), [Some(35), Some(50), None, None, None]);
    assert_eq!(world.name.lead().who_leads_to(0), ["9.9.9.9".into()]);
}

#[test]
fn the_cloud_that_took_over_can_fail_in_turn() {
    let mut world = World::well();
    world.side(35, 0, State::Down, 0).look(40, &all(1)).served(45, Some(1));
    world.side(200, 0, State::Up, 190).look(210, &all(1));
    world.side(335, 1, State::Down, 300).look(340, &all(0)).served(350, Some(0));
    let all_told = world.failovers();
    assert_eq!(all_told.len(), 2);
    assert_eq!((all_told[0].ended, all_told[0].at(FailoverStep::Back)), (Some(at(335)), None));
    assert_eq!((all_told[1].from, all_told[1].to), (1, Some(0)));
    assert_eq!(took(&all_told[1]), [Some(35), Some(40), Some(40), Some(50), None]);
}

#[test]
fn a_name_that_has_stayed_elsewhere_for_a_day_has_moved() {
    let mut world = World::well();
    world.look(30, &all(1)).look(100, &all(1)).served(110, Some(1));
    assert!(world.name.is_silent());
    let day = i64::try_from(SETTLED.as_secs()).unwrap();
    world.look(110 + day, &all(1));
    assert!(!world.name.is_silent());
    // It is at home there now.
    world.look(200 + day, &all(1)).look(300 + day, &all(0)).look(400 + day, &all(0));
    assert_eq!(world.failovers().last().map(|last| (last.from, last.to)), Some((1, Some(0))));
}

#[test]
fn a_name_on_the_cloud_that_should_wait_is_silent_from_the_first_look() {
    let mut world = World::with(|terms| terms.clouds = vec![(0, false), (1, true)]);
    world.side(-100, 0, State::Up, -100).side(-100, 1, State::Up, -100);
    world.look(0, &all(1)).look(60, &all(1));
    assert_eq!((world.silents(), world.only().from), (1, 0));
}

#[test]
fn what_was_going_on_goes_on_after_a_restart() {
    let mut before = World::well();
    before.side(35, 0, State::Down, 0).look(50, &all(1)).served(60, Some(1));
    let kept = before.only();
    let mut after = World::with(|_| {});
    after.name.recall(std::slice::from_ref(&kept), None);
    assert_eq!(after.name.proven(), Some(at(60)));
    after.side(100, 0, State::Down, 0).side(100, 1, State::Up, -100);
    after.look(110, &all(1)).served(115, Some(1));
    after.side(300, 0, State::Up, 290).look(310, &all(0)).served(320, Some(0));
    let whole = after.only();
    assert_eq!((whole.id, whole.began), (kept.id, kept.began));
    assert_eq!(took(&whole), [Some(35), Some(50), Some(50), Some(60), Some(320)]);
}

#[test]
fn a_clock_that_is_set_changes_no_duration() {
    let mut world = World::well();
    world.side(35, 0, State::Down, 0).look(50, &all(1));
    let before = took(&world.only());
    let moved = world.name.shift(-3_600_000).cloned().unwrap();
    assert_eq!((took(&moved), moved.began, moved.id), (before, at(-3_600), world.only().id));
    world.served(60 - 3_600, Some(1));
    assert_eq!(took(&world.only()), [Some(35), Some(50), Some(50), Some(60), None]);
}

/// What must hold of every failover, whatever happened.
fn assert_sound(failover: &Failover, story: &str) {
    let steps = FailoverStep::ALL.iter().filter_map(|step| failover.at(*step));
    assert!(steps.clone().all(|at| at >= failover.began), "before it began: {failover:?}\n{story}");
    assert!(failover.to != Some(failover.from), "to itself: {failover:?}\n{story}");
    assert_eq!(
        failover.to.is_some(),
        failover.has_switched() || failover.cause == FailoverCause::Silent,
        "{failover:?}\n{story}"
    );
    if let Some(back) = failover.at(FailoverStep::Back) {
        assert!(failover.has_switched(), "back from nowhere: {failover:?}\n{story}");
        assert!(steps.clone().all(|at| at <= back), "after it was back: {failover:?}\n{story}");
        assert_eq!(failover.ended, Some(back), "{story}");
    }
    if let Some(ended) = failover.ended {
        assert!(
            steps.clone().all(|at| at <= ended) && ended >= failover.began,
            "{failover:?}\n{story}"
        );
    }
    if let Some(recovered) = failover.recovered {
        assert!(recovered >= failover.began, "{failover:?}\n{story}");
    }
}

#[test]
fn no_story_breaks_what_must_hold_of_every_failover() {
    for number in 0..400 {
        let mut seed = Stream::new(number, "names");
        let mut world = World::with(|_| {});
        let (mut now, mut drill, mut story) = (0, false, String::new());
        for _ in 0..120 {
            now += i64::try_from(seed.below(40)).unwrap();
            let cloud = usize::try_from(seed.below(2)).unwrap();
            let what = seed.below(10);
            writeln!(story, "{now}: {what} {cloud}").unwrap();
            match what {
                0..=1 => {
                    let states = [
                        State::Up,
                        State::Down,
                        State::Unknown,
                        State::Degraded,
                        State::Maintenance,
                    ];
                    let state = states[usize::try_from(seed.below(5)).unwrap()];
                    world.side(now, cloud, state, now - i64::try_from(seed.below(40)).unwrap());
                }
                2..=4 => {
                    world.look(now, &all(cloud));
                }
                5 => {
                    world.look(now, &seen([&[cloud], &[0]], [&[1], &[9]]));
                }
                6 => {
                    world.failed(now, None);
                }
                7..=8 => {
                    world.served(now, Some(cloud));
                }
                _ => {
                    drill = !drill;
                    if drill {
                        world.start_drill(now)
                    } else {
                        world.end_drill(now)
                    };
                }
            }
        }
        let all = world.failovers();
        for failover in &all {
            assert_sound(failover, &story);
        }
        // One ends before the next is told.
        for pair in all.windows(2) {
            assert!(pair[0].ended.is_some(), "two at once\n{story}");
        }
        assert!(world.told.len() < 2_000, "told without end\n{story}");
        // Told as late at most once each.
        assert!(world.lates() <= all.len(), "{story}");
    }
}
