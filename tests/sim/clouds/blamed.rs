//! Outages and their blame, compared with the runs and with the truth.
//!
//! When a check was down is recounted verdict by verdict from its runs (S12); a side is down while all its endpoints are, a
//! service while all its sides are (S11). Each such stretch is one outage with exactly that start and end (S13). What joins
//! several checks is known only as fast as each of them is confirmed, so that its times may be off by that. Whose each
//! outage was follows from what the story let die, and where the decision table has only a weaker word for it, that is said
//! here.
//!
//! It shares no code with what it judges.

use super::cast::{Cast, PLACES};
use super::play::{Told, passed};
use super::plot::{Kind, Plot};
use super::stage::Run;
use nephoscope::model::{Blame, FailoverStep, Outcome};
use nephoscope::monitor::outages::Outage;

/// From, to.
pub(super) type Stretch = (i64, i64);

/// Never.
const OPEN: i64 = i64::MAX;

/// Times of what is joined may differ by so long, and what is shorter may be missed.
fn slack(cast: &Cast) -> i64 {
    let shapes = cast.config.checks.iter().map(|check| check.shape);
    let again = shapes.map(|shape| (shape.timeout + shape.recheck) * shape.confirm).max();
    i64::try_from(again.unwrap().as_millis()).unwrap()
}

/// Everything that must hold of the outages of a story.
pub(super) fn judge(plot: &Plot, cast: &Cast, told: &Told) {
    for outage in &told.outages {
        let expected = truth(plot, told, outage);
        let (blame, named) = (outage.blame, &*outage.blamed);
        let is_true = expected.iter().any(|word| word.holds(blame, named, outage.coupled));
        assert!(is_true, "{}: {blame:?} `{named}`, expected {expected:?}: {outage:?}", outage.id);
        let last = outage.revisions.last().unwrap();
        assert_eq!(Some(last.judgement.blame), blame, "the last judgement holds: {outage:?}");
        assert!(!last.evidence.is_empty() && !outage.incident.is_empty(), "{outage:?}");
    }
    if plot.kind != Kind::Loss && plot.kills.is_empty() {
        for service in 0..cast.config.services.len() {
            recount(cast, told, service);
        }
    }
}

/// What an outage may be blamed on.
#[derive(Clone, Copy, Debug)]
struct Word {
    blame: Blame,
    named: &'static str,
    /// `None` if it may or may not be.
    coupled: Option<bool>,
}

impl Word {
    fn holds(&self, blame: Option<Blame>, named: &str, coupled: bool) -> bool {
        blame == Some(self.blame)
            && named == self.named
            && self.coupled.is_none_or(|wanted| wanted == coupled)
    }
}

/// What this outage was in truth; nothing if there was none.
fn truth(plot: &Plot, told: &Told, outage: &Outage) -> Vec<Word> {
    let word = |blame| Word { blame, named: "", coupled: Some(false) };
    let cloud = |cloud: usize, coupled| Word {
        blame: Blame::ProviderOrPath,
        named: PLACES[cloud],
        coupled,
    };
    let is_first = &*outage.service == "s0";
    match (plot.kind, &*outage.scope) {
        (Kind::CloudDies | Kind::BlindInOutage | Kind::BothDie | Kind::Coupled, "provider:aws")
        | (Kind::CloudDies | Kind::BlindInOutage, "entry") => vec![cloud(0, Some(false))],
        (Kind::BothDie, "provider:gcp") => vec![cloud(1, Some(false))],
        // The first cloud that failed stands for both. Until the second one's canary is seen to be bad it looks as if the
        // first had broken it.
        (Kind::BothDie, _) => vec![cloud(0, None), cloud(1, None)],
        (Kind::Coupled, "provider:gcp" | "any") if is_first => vec![cloud(0, Some(true))],
        (Kind::Coupled, "entry") => vec![cloud(0, None)],
        (Kind::Shared, _) if matches!(&*outage.service, "s0" | "s1") => {
            vec![Word { named: "db", ..word(Blame::Shared) }]
        }
        (Kind::NamesDie, _) if is_first => vec![word(Blame::Dns)],
        (Kind::NamesLie | Kind::EntryBad, "entry") if is_first => vec![word(Blame::Entry)],
        (Kind::Application, _) if is_first => vec![word(Blame::Application)],
        (Kind::InTime | Kind::Late | Kind::Split, "provider:aws") if is_first => {
            vec![word(Blame::Endpoint)]
        }
        (Kind::InTime | Kind::Late | Kind::Split, "entry") if is_first => {
            // The side has to be known to be down before the public name is served again.
            let known = told.failovers.first().and_then(|it| it.at(FailoverStep::Detect));
            let early = known.is_none_or(|known| outage.ended.is_some_and(|end| end <= known));
            let weaker = early.then_some(word(Blame::Entry));
            [word(Blame::Endpoint)].into_iter().chain(weaker).collect()
        }
        (Kind::Flapping, "provider:aws") if is_first => vec![word(Blame::Endpoint)],
        // Its own check and those of the side flap each by itself.
        (Kind::Flapping, "entry") if is_first => vec![word(Blame::Endpoint), word(Blame::Entry)],
        // Nothing tells lost packets from anything else.
        (Kind::Loss, _) => {
            let named = |named| {
                let words = [Blame::ProviderOrPath, Blame::Shared];
                words.map(|blame| Word { blame, named, coupled: None })
            };
            let mut all: Vec<_> =
                ["aws/eu", "gcp/west", "db"].into_iter().flat_map(named).collect();
            let plain = [Blame::Entry, Blame::Dns, Blame::Application, Blame::Endpoint];
            all.extend(plain.map(word));
            all
        }
        _ => Vec::new(),
    }
}

/// The outages of a service are what its runs say.
fn recount(cast: &Cast, told: &Told, service: usize) {
    let name = &cast.config.services[service].name;
    let side = |cloud: usize| {
        let down = cast.side(service, cloud).into_iter().map(|check| downs(cast, told, check));
        down.reduce(|a, b| both(&a, &b)).unwrap()
    };
    let exact = |cloud: usize| cast.side(service, cloud).len() == 1;
    let sides = [side(0), side(1)];
    let mut scopes = vec![
        ("provider:aws", sides[0].clone(), exact(0)),
        ("provider:gcp", sides[1].clone(), exact(1)),
        ("any", both(&sides[0], &sides[1]), false),
    ];
    if let Some(entry) = cast.entries.get(&service) {
        scopes.push(("entry", downs(cast, told, *entry), true));
    }
    for (scope, expected, is_exact) in scopes {
        let of = |outage: &&Outage| outage.service == *name && &*outage.scope == scope;
        let times = |outage: &Outage| (passed(outage.started), outage.ended.map_or(OPEN, passed));
        let mut found: Vec<Stretch> = told.outages.iter().filter(of).map(times).collect();
        found.sort_unstable();
        if is_exact {
            assert_eq!(found, expected, "outages of {name} {scope}");
            continue;
        }
        let slack = slack(cast);
        let near = |a: &Stretch, b: &Stretch| {
            (a.0 - b.0).abs() <= slack && (a.1.saturating_sub(b.1)).abs() <= slack
        };
        let message = format!("outages of {name} {scope}: {found:?}, and recounted {expected:?}");
        for outage in &found {
            let of_it = expected.iter().filter(|each| near(outage, each)).count();
            // One that nobody could see as long as it lasted may stand beside it.
            assert!(of_it >= 1, "{message}");
        }
        for stretch in expected.iter().filter(|(from, to)| to - from > slack) {
            assert_eq!(found.iter().filter(|each| near(each, stretch)).count(), 1, "{message}");
        }
    }
}

/// When a check was down: from the first bad run of a row to the first good one of a row. What could not be told ends nothing.
fn downs(cast: &Cast, told: &Told, check: usize) -> Vec<Stretch> {
    let confirm = cast.lookouts[check].shape.confirm;
    let (mut downs, mut open): (Vec<Stretch>, Option<i64>) = (Vec::new(), None);
    // What is confirmed, and the row against it.
    let (mut confirmed, mut row, mut row_from) = (None, 0, 0);
    for run in told.runs.iter().filter(|run| run.check == check) {
        let Some(is_good) = verdict(run) else {
            (confirmed, row) = (None, 0);
            continue;
        };
        if confirmed == Some(is_good) {
            row = 0;
            continue;
        }
        if row == 0 {
            row_from = run.start;
        }
        row += 1;
        let at_once = confirmed.is_none() && is_good;
        if row < confirm && !at_once {
            continue;
        }
        let from = if at_once { run.start } else { row_from };
        (confirmed, row) = (Some(is_good), 0);
        if !is_good {
            open.get_or_insert(from);
        } else if let Some(began) = open.take() {
            downs.push((began, from));
        }
    }
    downs.extend(open.map(|began| (began, OPEN)));
    downs
}

/// Whether a run was good; `None` if our own end would have made it fail.
pub(super) fn verdict(run: &Run) -> Option<bool> {
    let is_good = run.outcome == Outcome::Good;
    (is_good || !run.ours).then_some(is_good)
}

/// When both were.
pub(super) fn both(a: &[Stretch], b: &[Stretch]) -> Vec<Stretch> {
    let pairs = a.iter().flat_map(|a| b.iter().map(move |b| (a.0.max(b.0), a.1.min(b.1))));
    pairs.filter(|(from, to)| from < to).collect()
}
