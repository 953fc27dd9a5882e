//! Two clouds as failure domains: whose outage it is, what the second cloud bought, and whether failover worked, with seeds.
//!
//! Each story has two phases. With faults on, what must hold at any moment is judged once a second; healed, everything has to
//! be well within a stated time. What was said of the whole is then compared with what was true and with a naive recount of
//! the journal. A failure prints its seed.
//!
//! `NEPHOSCOPE_SIM_SEEDS=100` asks for so many seeds of each story, `NEPHOSCOPE_SIM_SEED=7` for that one alone.

mod blamed;
mod cast;
mod exposed;
mod moment;
mod play;
mod plot;
mod stage;
mod switched;

use cast::Cast;
use nephoscope::seed::Stream;
use play::{Told, play};
use plot::{Kind, Plot};
use std::ops::Range;

/// Seeds of each story, unless more are asked for.
const SEEDS: u64 = 3;

/// Seeds of each story in which the monitor is killed.
const KILLED: u64 = 2;

fn asked(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "long runs ask for more seeds this way")]
    let asked = std::env::var(name).ok();
    asked.and_then(|text| text.parse().ok())
}

fn seeds(usual: u64) -> Range<u64> {
    match asked("NEPHOSCOPE_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..asked("NEPHOSCOPE_SIM_SEEDS").unwrap_or(usual),
    }
}

/// Plays a story with each seed and judges it; `also` is what is asked of this story alone.
fn tell(kind: Kind, also: impl Fn(&Cast, &Told) + std::panic::RefUnwindSafe) {
    for seed in seeds(SEEDS) {
        replay(kind, seed, || {
            let cast = Cast::drawn(seed);
            let plot = Plot::of(kind, seed, &cast);
            let (told, cast) = play(&plot, cast);
            judge(&plot, &cast, &told);
            also(&cast, &told);
        });
    }
}

/// What did not hold stands above; this says how to see it again.
fn replay(kind: Kind, seed: u64, act: impl Fn() + std::panic::UnwindSafe) {
    std::panic::catch_unwind(act).unwrap_or_else(|_| {
        let plot = Plot::of(kind, seed, &Cast::drawn(seed));
        panic!(
            "seed {seed} fails: {plot:?}\nNEPHOSCOPE_SIM_SEED={seed} cargo test --test sim clouds"
        )
    });
}

fn judge(plot: &Plot, cast: &Cast, told: &Told) {
    blamed::judge(plot, cast, told);
    exposed::judge(plot, cast, told);
    switched::judge(plot, cast, told);
}

fn nothing(_: &Cast, told: &Told) {
    assert_eq!(told.outages, []);
}

/// So many outages of a scope.
fn has(told: &Told, service: &str, scope: &str) {
    let is = told.outages.iter().any(|it| &*it.service == service && &*it.scope == scope);
    assert!(is, "{service} {scope}: {:?}", told.outages);
}

#[test]
fn a_dead_cloud_is_blamed_and_the_other_one_serves() {
    tell(Kind::CloudDies, |cast, told| {
        for service in &cast.config.services {
            has(told, &service.name, "provider:aws");
        }
        assert!(told.exposed.iter().all(|it| it.only[1] > 0 && it.only[0] == 0 && it.none == 0));
    });
}

#[test]
fn two_dead_clouds_are_each_blamed_for_their_own() {
    tell(Kind::BothDie, |cast, told| {
        for service in &cast.config.services {
            has(told, &service.name, "any");
        }
    });
}

#[test]
fn our_own_network_is_nobodys_outage() {
    tell(Kind::Vantage, nothing);
    tell(Kind::Resolver, nothing);
    tell(Kind::Ipv6, nothing);
}

#[test]
fn an_outage_goes_on_while_nobody_can_see() {
    tell(Kind::BlindInOutage, |cast, told| {
        for service in &cast.config.services {
            has(told, &service.name, "provider:aws");
        }
    });
}

#[test]
fn a_shared_database_is_blamed_by_all_who_declare_it() {
    tell(Kind::Shared, |_, told| {
        has(told, "s0", "any");
        has(told, "s1", "any");
    });
}

#[test]
fn names_that_die_are_dns_and_a_name_that_lies_is_the_entrys() {
    tell(Kind::NamesDie, |_, told| has(told, "s0", "any"));
    tell(Kind::NamesLie, |_, told| has(told, "s0", "entry"));
}

#[test]
fn a_canary_that_fails_alone_is_its_own_problem() {
    tell(Kind::CanaryAlone, |cast, told| {
        nothing(cast, told);
        assert!(told.moments.odd_canary);
    });
}

#[test]
fn an_application_that_is_down_on_both_clouds_is_its_own() {
    tell(Kind::Application, |_, told| has(told, "s0", "any"));
}

#[test]
fn a_public_name_that_fails_over_good_sides_is_the_entrys() {
    tell(Kind::EntryBad, |_, told| has(told, "s0", "entry"));
}

#[test]
fn a_cloud_that_breaks_the_other_one_is_coupled() {
    tell(Kind::Coupled, |_, told| has(told, "s0", "any"));
}

#[test]
fn a_failover_in_time_is_measured_step_by_step() {
    tell(Kind::InTime, |_, told| has(told, "s0", "provider:aws"));
}

#[test]
fn a_late_failover_is_said_to_be_late() {
    tell(Kind::Late, |_, told| has(told, "s0", "entry"));
}

#[test]
fn a_switch_that_nothing_explains_is_silent_and_one_that_was_announced_is_not() {
    tell(Kind::Silent, nothing);
    tell(Kind::Drill, nothing);
}

#[test]
fn a_resolver_that_stays_behind_splits_the_name() {
    tell(Kind::Split, |_, told| has(told, "s0", "provider:aws"));
}

#[test]
fn lost_packets_and_flapping_leave_whole_outages() {
    tell(Kind::Loss, |_, told| assert!(told.runs.iter().any(|run| run.ours)));
    tell(Kind::Flapping, |_, told| has(told, "s0", "provider:aws"));
}

#[test]
fn a_killed_monitor_goes_on_with_the_same_outages() {
    for kind in [Kind::CloudDies, Kind::BlindInOutage, Kind::InTime, Kind::Vantage] {
        for seed in seeds(KILLED) {
            replay(kind, seed, || {
                let cast = Cast::drawn(seed);
                let plot = Plot::of(kind, seed, &cast);
                let plot = plot.with_kills(&mut Stream::new(seed, "kills"));
                let (told, cast) = play(&plot, cast);
                blamed::judge(&plot, &cast, &told);
            });
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_journal() {
    let run = |seed| {
        let cast = Cast::drawn(seed);
        let plot = Plot::of(Kind::Late, seed, &cast);
        let (told, _) = play(&plot, cast);
        (told.journal, told.runs, told.outages, told.failovers)
    };
    let first = run(3);
    assert!(first.0.len() > 100);
    assert_eq!(first, run(3));
    assert_ne!(first.0, run(4).0);
}
