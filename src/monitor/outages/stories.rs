//! Whole outages through the production ledger: who is blamed, which incidents there are, how many lines are told.
//!
//! Two clouds with a canary each, services on both, one shared dependency. Everything is looked at every 30 s and flips after
//! two equal results; what fails answers with a wrong status, so that nothing waits for an alibi.
//!
//! The recorder's road around it is tested with the real daemon and in the simulation.

use super::*;
use crate::config::{Config, load_text};
use crate::model::{Cause, Outcome, ProbeResult, Warnings};
use crate::monitor::event::{Effect, Event};
use crate::monitor::ledger::Ledger;
use crate::monitor::peers::heard::Heard;
use crate::monitor::references::References;
use crate::monitor::scene::Places;
use std::fmt::Write as _;
use std::path::Path;

/// Seconds between two rounds.
const ROUND: i64 = 30;

/// Something that is wrong: the beginning of the ids of the checks that fail.
type Wrong<'a> = &'a [&'a str];

struct Stage {
    config: Config,
    ledger: Ledger,
    places: Places,
    references: References,
    outages: Outages,
    heard: Heard,
    now: i64,
    lines: Vec<String>,
    /// What was handed out to be stored, newest last.
    stored: Vec<Outage>,
}

impl Stage {
    /// So many services on both clouds; `more` is added to each of them.
    fn new(services: usize, more: &str) -> Self {
        let mut text = r#"
            [provider.aws]
            host = "aws.example"
            region = "eu"
            [[provider.aws.canary]]
            plane = "data"
            url = "https://canary.aws.example/"
            [[provider.aws.canary]]
            plane = "control"
            url = "https://control.aws.example/"
            [provider.gcp]
            host = "gcp.example"
            [[provider.gcp.canary]]
            plane = "data"
            url = "https://canary.gcp.example/"
            [probe.port.tcp]
            address = "{host}:443"
            [domain.orders-db]
            kind = "data"
            host = "db.example"
            probes = ["port"]
            [defaults]
            interval = "30s"
            recheck = "5s"
            confirm = 2
        "#
        .to_owned();
        for number in 0..services {
            write!(text, "\n[service.s{number:02}]\nprobes = [\"port\"]\n{more}\n").unwrap();
        }
        let config = load_text(Path::new("probes.toml"), text).unwrap().config;
        let begun = Timestamp::from_millis(0);
        let (services, checks) = (config.services.clone().into(), config.checks.clone().into());
        let lookouts = config.lookouts();
        let mut stage = Self {
            ledger: Ledger::new(&lookouts, &config.services, &config.monitor.timezone, begun),
            places: Places::new(&config, &services, &checks),
            references: References::new(&config.references, config.checks.len(), begun),
            outages: Outages::default(),
            heard: Heard::default(),
            now: 0,
            lines: Vec::new(),
            stored: Vec::new(),
            config,
        };
        stage.rounds(2, &[]);
        assert!(stage.outages.list().is_empty() && stage.lines.is_empty());
        stage
    }

    /// So many rounds in which the checks named in `wrong` fail; the checks take turns over the round.
    fn rounds(&mut self, rounds: usize, wrong: Wrong<'_>) {
        let lookouts = self.config.lookouts();
        for _ in 0..rounds {
            let count = i64::try_from(lookouts.len()).unwrap();
            for (turn, (check, lookout)) in (0..).zip((0..).map(CheckIndex).zip(&*lookouts)) {
                let at = Timestamp::from_millis(self.now * 1_000 + ROUND * 1_000 * turn / count);
                let is_wrong = wrong.iter().any(|begin| lookout.id.as_str().starts_with(begin));
                let outcome = if is_wrong { Outcome::Bad(Reason::Status) } else { Outcome::Good };
                self.run(check, at, outcome);
                self.judge(at);
            }
            self.now += ROUND;
        }
    }

    fn run(&mut self, check: CheckIndex, at: Timestamp, outcome: Outcome) {
        let mut result = ProbeResult::unknown(Cause::Internal, "said".to_owned());
        (result.outcome, result.warnings) = (outcome, Warnings::default());
        let result = Box::new(result);
        let mut effects = Vec::new();
        self.ledger.apply(Event::Started { check, at, recheck: false }, &mut effects);
        self.ledger.apply(Event::Finished { check, result }, &mut effects);
        for effect in effects {
            let (service, scope, word, change) = match effect {
                Effect::Ran { check, at, result, .. }
                    if check.get() >= self.config.checks.len() =>
                {
                    self.references.keep(check, at, &result);
                    self.references.settle(check, self.ledger.track(check));
                    continue;
                }
                Effect::SideChanged { service, side, change } => {
                    let provider = ["aws", "gcp"][side];
                    (service, Scope::Side(side), format!("provider:{provider}"), change)
                }
                Effect::EntryChanged { service, change } => {
                    (service, Scope::Entry, "entry".to_owned(), change)
                }
                Effect::ServiceChanged { service, change } => {
                    (service, Scope::Any, "any".to_owned(), change)
                }
                _ => continue,
            };
            let name = self.config.services[service].name.clone();
            let provider = word.strip_prefix("provider:").unwrap_or_default().to_owned();
            let _ = self.outages.change((service, scope), (&name, &word, &provider), change, None);
        }
    }

    fn judge(&mut self, at: Timestamp) {
        if !self.outages.is_due(at) {
            return;
        }
        let references = self.references.list();
        let scene = Scene::look(&self.places, &self.ledger, &references, &self.heard);
        let judged = self.outages.judge(at, &scene);
        self.stored.extend(judged.changed);
        self.lines.extend(judged.lines.iter().map(ToString::to_string));
    }

    /// `scope blame name` of every outage that lasts, each once.
    fn blames(&self) -> BTreeSet<String> {
        let said = |outage: &Outage| {
            let blame = outage.blame.map_or("not judged", Blame::as_str);
            let coupled = if outage.coupled { " coupled" } else { "" };
            format!("{} {blame} {}{coupled}", outage.scope, outage.blamed).trim_end().to_owned()
        };
        self.outages.open().map(said).collect()
    }

    fn causes(&self) -> Vec<String> {
        self.outages.incidents().iter().map(|incident| incident.id.to_string()).collect()
    }
}

fn set<const N: usize>(said: [&str; N]) -> BTreeSet<String> {
    said.map(str::to_owned).into()
}

/// Every check on `aws`.
fn on_aws(services: usize) -> Vec<String> {
    let mut wrong = vec!["@canary/aws/eu".to_owned()];
    wrong.extend((0..services).map(|number| format!("s{number:02}/aws")));
    wrong
}

fn as_wrong(wrong: &[String]) -> Vec<&str> {
    wrong.iter().map(String::as_str).collect()
}

#[test]
fn a_cloud_with_a_hundred_services_is_one_incident_and_a_handful_of_lines() {
    let mut stage = Stage::new(100, "");
    let wrong = on_aws(100);
    stage.rounds(4, &as_wrong(&wrong));
    assert_eq!(stage.outages.open().count(), 100);
    assert_eq!(stage.blames(), set(["provider:aws provider_or_path aws/eu"]));
    assert_eq!(stage.causes(), ["provider:aws/eu/60"]);
    let incident = &stage.outages.incidents()[0];
    assert_eq!((incident.services.len(), incident.checks.len()), (100, 100));
    // The canary is well before the services are, and that changes nothing.
    stage.rounds(2, &as_wrong(&wrong[1..]));
    assert_eq!(stage.causes(), ["provider:aws/eu/60"]);
    stage.rounds(3, &[]);
    assert_eq!(stage.outages.open().count(), 0);
    insta::assert_snapshot!("a_cloud_fails", stage.lines.join("\n"));
    assert!(stage.lines.len() <= 3, "{:#?}", stage.lines);
}

#[test]
fn one_service_is_told_with_what_was_seen_first() {
    let mut stage = Stage::new(3, "");
    stage.rounds(3, &["s01/aws"]);
    assert_eq!(stage.blames(), set(["provider:aws endpoint"]));
    stage.rounds(3, &["s01"]);
    assert_eq!(
        stage.blames(),
        set(["any application", "provider:aws application", "provider:gcp application"])
    );
    assert_eq!(stage.causes(), ["service:s01/66"]);
    stage.rounds(3, &[]);
    insta::assert_snapshot!("a_service_fails", stage.lines.join("\n"));
}

#[test]
fn a_shared_dependency_joins_what_depends_on_it() {
    let mut stage = Stage::new(10, "depends_on = [\"orders-db\"]");
    stage.rounds(4, &["s", "@domain/orders-db"]);
    let shared =
        ["any", "provider:aws", "provider:gcp"].map(|scope| format!("{scope} shared orders-db"));
    assert_eq!(stage.blames(), shared.into());
    assert_eq!(stage.causes(), ["shared:orders-db/61"]);
    stage.rounds(3, &[]);
    insta::assert_snapshot!("a_dependency_fails", stage.lines.join("\n"));
    assert_eq!(stage.lines.len(), 2);
}

#[test]
fn a_canary_that_fails_alone_blames_nobody() {
    let mut stage = Stage::new(3, "");
    stage.rounds(3, &["@canary/aws/eu", "s01/gcp"]);
    assert_eq!(stage.blames(), set(["provider:gcp endpoint"]));
    let alone = |canary: &CanaryView| canary.fails_alone.then(|| canary.provider.to_string());
    let alone: Vec<_> = stage.outages.canaries().iter().filter_map(alone).collect();
    assert_eq!(alone, ["aws"]);
}

#[test]
fn a_canary_of_the_control_plane_blames_nobody() {
    let mut stage = Stage::new(3, "");
    let control = stage.config.references.iter().map(|it| it.check.id.to_string());
    let control = control.filter(|id| id.contains("control")).collect::<Vec<_>>();
    stage.rounds(3, &[&*control[0], "s00/aws", "s01/aws", "s02/aws"]);
    assert_eq!(stage.blames(), set(["provider:aws endpoint"]));
}

#[test]
fn many_services_that_fail_for_themselves_are_told_together() {
    let mut stage = Stage::new(60, "");
    let wrong: Vec<_> = (0..60).map(|number| format!("s{number:02}/aws")).collect();
    stage.rounds(8, &as_wrong(&wrong));
    assert_eq!(stage.blames(), set(["provider:aws endpoint"]));
    assert_eq!(stage.causes().len(), 60);
    stage.rounds(6, &[]);
    let more = stage.lines.iter().filter(|line| line.starts_with("more incidents")).count();
    assert!(more >= 2 && stage.lines.len() < 40, "{:#?}", stage.lines);
}

#[test]
fn a_cloud_that_breaks_the_other_one_is_blamed_for_both() {
    let mut stage = Stage::new(5, "");
    let wrong = on_aws(5);
    stage.rounds(4, &as_wrong(&wrong));
    let both: Vec<_> = ["@canary/aws/eu", "s"].map(str::to_owned).into();
    stage.rounds(4, &as_wrong(&both));
    assert_eq!(
        stage.blames(),
        set([
            "any provider_or_path aws/eu coupled",
            "provider:aws provider_or_path aws/eu",
            "provider:gcp provider_or_path aws/eu coupled",
        ])
    );
    assert_eq!(stage.causes(), ["provider:aws/eu/60"]);
}

#[test]
fn a_revised_blame_is_kept_beside_the_first_and_names_nothing() {
    let mut stage = Stage::new(3, "");
    stage.rounds(3, &["s01/aws"]);
    let first = stage.outages.list()[0].clone();
    stage.rounds(3, &["s01"]);
    let revised = stage.outages.list().into_iter().find(|it| it.id == first.id).unwrap();
    let words: Vec<_> =
        revised.revisions.iter().map(|revision| revision.judgement.blame.as_str()).collect();
    assert_eq!(words, ["endpoint", "application"]);
    assert!(revised.revisions.iter().all(|revision| !revision.evidence.is_empty()));
    assert_eq!(revised.incident, first.incident);
    let stored = stage.stored.iter().rev().find(|it| it.id == first.id).unwrap();
    assert_eq!(*stored, revised, "what is new was handed out to be stored");
    assert_eq!(Outage::recalled(&revised.stored()), revised, "and comes back as it was");
}

#[test]
fn revisions_are_bounded_and_the_first_stays() {
    let mut outage = Outage::default();
    for number in 0..100 {
        let judgement =
            Judgement { blame: Blame::Shared, name: format!("d{number}").into(), coupled: false };
        let at = Timestamp::from_millis(number);
        outage.revise(Revision { at, judgement, evidence: Vec::new() });
    }
    assert_eq!(outage.revisions.len(), REVISIONS_KEPT);
    let name = |position: usize| outage.revisions[position].judgement.name.to_string();
    assert_eq!((&*name(0), &*name(1), &*name(7)), ("d0", "d93", "d99"));
    assert_eq!(&*outage.blamed, "d99");
}

#[test]
fn an_incident_goes_on_after_a_restart_and_is_not_told_again() {
    let mut stage = Stage::new(5, "");
    let wrong = on_aws(5);
    stage.rounds(4, &as_wrong(&wrong));
    let (causes, told) = (stage.causes(), stage.lines.len());
    let open: Vec<_> =
        stage.outages.subjects().map(|(subject, outage)| (subject, outage.stored())).collect();
    stage.outages = Outages::default();
    for (subject, stored) in open {
        stage.outages.recall(Some(subject), Outage::recalled(&stored));
    }
    stage.rounds(2, &as_wrong(&wrong));
    assert_eq!((stage.causes(), stage.lines.len()), (causes, told));
    stage.rounds(3, &[]);
    assert_eq!(stage.lines.len(), told + 1, "{:#?}", stage.lines);
}
