//! Failovers of the first public name, compared with when its servers really switched.
//!
//! A step is reached at the first look, or fresh client, that began after the truth of it; looks and runs are in the journal,
//! and they come often enough. A name that is late, silent or split is said to be while it is, and no other ever is.
//!
//! It shares no code with what it judges.

use super::cast::Cast;
use super::play::{Line, Told, passed};
use super::plot::{Kind, Plot, Who};
use nephoscope::failover::Failover;
use nephoscope::model::{FailoverCause, FailoverStep, Outcome};

pub(super) fn judge(plot: &Plot, cast: &Cast, told: &Told) {
    let switches =
        matches!(plot.kind, Kind::InTime | Kind::Late | Kind::Silent | Kind::Split | Kind::Drill);
    flags(plot, told);
    if !switches {
        let moved = told.failovers.iter().find(|failover| failover.has_switched());
        assert!(moved.is_none(), "nothing switched, and {moved:?}");
        return;
    }
    let [failover] = &told.failovers[..] else {
        panic!("one failover, and there are {:?}", told.failovers);
    };
    let cause = match plot.kind {
        Kind::Silent => FailoverCause::Silent,
        Kind::Drill => FailoverCause::Planned,
        _ => FailoverCause::Outage,
    };
    assert_eq!((failover.cause, failover.from, failover.to), (cause, 0, Some(1)), "{failover:?}");
    let is_late = plot.kind == Kind::Late;
    if plot.kind != Kind::Split {
        assert_eq!(failover.late, is_late, "{failover:?}");
    }
    began(plot, cast, told, failover);
    steps(plot, cast, told, failover);
}

/// What is wrong with the name is said, and nothing else is.
fn flags(plot: &Plot, told: &Told) {
    let moments = &told.moments;
    match plot.kind {
        Kind::Silent => assert!(moments.silent > 0, "silent"),
        // It may look like that until the outage is certain, and is not said.
        _ => assert_eq!(moments.silent, 0, "silent"),
    }
    match plot.kind {
        Kind::Split => assert!(moments.split > 0, "split"),
        _ => assert_eq!(moments.split, 0, "split"),
    }
    match plot.kind {
        Kind::Late => assert!(moments.late > 0, "late"),
        Kind::InTime | Kind::Silent | Kind::Drill => assert_eq!(moments.late, 0, "late"),
        _ => {}
    }
}

/// Time counts from the first bad result of the side, the drill, or the first look that found it elsewhere.
fn began(plot: &Plot, cast: &Cast, told: &Told, failover: &Failover) {
    let lead = &plot.leads[&0];
    let began = passed(failover.began);
    let truth = match plot.kind {
        Kind::Silent => first_look(told, lead.switches[0].0),
        Kind::Drill => plot.drill.unwrap().0,
        _ => plot.ills.iter().map(|ill| ill.from).min().unwrap(),
    };
    let slack = cast.longest_interval + 5_000;
    let is_near = (truth - 2_000..=truth + slack).contains(&began);
    assert!(is_near, "began at {began}, in truth at {truth}: {failover:?}");
    if plot.kind == Kind::Silent {
        assert_eq!(began, truth, "{failover:?}");
    }
    let detected = failover.at(FailoverStep::Detect).map(passed);
    if plot.ills.iter().any(|ill| matches!(ill.who, Who::Check(_))) {
        let detected = detected.expect("an outage is detected");
        assert!(detected <= truth + cast.certain_after, "{failover:?}");
        let side = |outage: &&nephoscope::monitor::outages::Outage| {
            &*outage.service == "s0" && &*outage.scope == "provider:aws"
        };
        let outage = told.outages.iter().find(side).expect("an outage of the side");
        assert_eq!(passed(outage.started), began, "it begins with the outage: {failover:?}");
    } else {
        assert_eq!(detected, None, "nothing was down: {failover:?}");
    }
}

/// The first look at the first public name that began then or later.
fn first_look(told: &Told, from: i64) -> i64 {
    let looks = told.journal.iter().filter_map(|line| match line {
        Line::Looked { service: 0, at } if *at >= from => Some(*at),
        _ => None,
    });
    looks.min().expect("somebody looks")
}

fn steps(plot: &Plot, cast: &Cast, told: &Told, failover: &Failover) {
    let lead = &plot.leads[&0];
    let [(there, 1), (back, 0)] = lead.switches[..] else { panic!("there and back") };
    let at = |step: FailoverStep| {
        passed(
            failover
                .at(step)
                .unwrap_or_else(|| panic!("step {step:?} was not reached: {failover:?}")),
        )
    };
    let look = cast.longest_interval + 1_100;
    for (step, truth) in [
        (FailoverStep::Authoritative, there),
        (FailoverStep::Resolvers, there + lead.longest_lag()),
    ] {
        let found = at(step);
        assert_eq!(found, first_look(told, truth), "{step:?} of {failover:?}");
        assert!((truth..=truth + look).contains(&found), "{step:?}, in truth {truth}");
    }
    let entry = cast.entries[&0];
    let served = |cloud: usize, from: i64| {
        let fresh = told.runs.iter().find(|run| {
            run.check == entry
                && run.start >= from
                && run.outcome == Outcome::Good
                && run.served == Some(cloud)
        });
        fresh.expect("a fresh client is served").start
    };
    let fresh = at(FailoverStep::FreshClient);
    assert_eq!(
        fresh,
        served(1, there.max(passed(failover.began))),
        "the fresh client of {failover:?}"
    );
    let longest = cast.longest_interval + 10_000;
    assert!(fresh <= there + lead.lags[0] + 2 * longest, "the fresh client of {failover:?}");
    let authoritative = at(FailoverStep::Authoritative);
    assert!(authoritative <= at(FailoverStep::Resolvers), "{failover:?}");
    // All lead home, and a fresh client was served there: whatever comes last.
    let home = first_look(told, back + lead.longest_lag());
    let served = served(0, back);
    let ended = at(FailoverStep::Back);
    assert_eq!(failover.ended.map(passed), Some(ended), "{failover:?}");
    assert!(ended >= home.max(served), "back at {ended}, {home} and {served}: {failover:?}");
    let most = home.max(served) + cast.certain_after + longest;
    assert!(ended <= most, "back at {ended}, at most {most}: {failover:?}");
}
