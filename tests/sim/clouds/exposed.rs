//! What the second cloud bought, recounted from the runs on the grid and compared with the truth.
//!
//! A run on the grid holds until the next one, or until it runs out (S3); what could be our own is unknown. At every instant
//! it is known of each side whether it was able, was not, or may have been. Where our own end was well, the monitor's time in
//! each state is exactly that; what was counted while it was not is never more than what the far sides were really ill.
//!
//! It shares no code with what it judges.

use super::blamed::{Stretch, both, verdict};
use super::cast::Cast;
use super::play::{Line, Told, passed};
use super::plot::{How, Kind, Plot, Who};
use nephoscope::model::Outcome;

/// What a line says at a moment: able or not, or `None` if nobody can tell.
type Able = Option<bool>;

/// A check's line: from when on what holds, ascending.
type Painted = Vec<(i64, Able)>;

pub(super) fn judge(plot: &Plot, cast: &Cast, told: &Told) {
    if plot.kind == Kind::Loss || !plot.kills.is_empty() {
        return;
    }
    for check in 0..cast.config.checks.len() {
        charged(plot, cast, told, check);
    }
    for service in 0..told.exposed.len() {
        let exposed = &told.exposed[service];
        let upto = passed(exposed.upto);
        let sums = exposed.both + exposed.none + exposed.unknown + exposed.only.iter().sum::<u64>();
        assert_eq!(sums, upto.unsigned_abs(), "all time of service {service} is in one state");
        if plot.sees() {
            let expected = swept(cast, told, service, upto);
            let mut found = vec![exposed.both, exposed.none, exposed.unknown];
            found.extend(&exposed.only);
            assert_eq!(found, expected, "both, none, unknown, only each, of service {service}");
            cost(cast, told, service);
        }
        bounded(plot, cast, told, service);
    }
}

/// No second is charged that was our own; every one of a far side that was ill is, where our own end was well.
fn charged(plot: &Plot, cast: &Cast, told: &Told, check: usize) {
    let view = &told.checks[check];
    let millis = |time: std::time::Duration| i64::try_from(time.as_millis()).unwrap();
    let end = passed(view.watermark);
    let line = painted(cast, told, check);
    let sum = |wanted: Able| {
        spans(&line, end).filter(|it| it.2 == wanted).map(|it| it.1 - it.0).sum::<i64>()
    };
    let (good, bad) = (millis(view.seconds.good), millis(view.seconds.bad));
    let id = &view.id;
    if plot.sees() {
        assert_eq!((good, bad), (sum(Some(true)), sum(Some(false))), "good and bad of {id}");
    } else {
        assert!(bad <= sum(Some(false)), "{bad} ms of {id} are charged of {}", sum(Some(false)));
        assert_eq!(good, sum(Some(true)), "good of {id}");
    }
}

/// What each run on the grid says, from its start on.
fn painted(cast: &Cast, told: &Told, check: usize) -> Painted {
    let hold = i64::try_from(cast.lookouts[check].shape.hold.as_millis()).unwrap();
    let starts = told.journal.iter().filter_map(|line| match line {
        Line::Started { check: of, at, recheck: false } if *of == check => Some(*at),
        _ => None,
    });
    let mut line: Painted = vec![(0, None)];
    for start in starts {
        let mut runs = told.runs.iter();
        let run = runs.find(|run| run.check == check && run.start == start).unwrap();
        let (last, _) = *line.last().unwrap();
        if line.len() > 1 && last + hold < start {
            line.push((last + hold, None));
        }
        line.push((start, verdict(run)));
    }
    line
}

fn spans(line: &Painted, end: i64) -> impl Iterator<Item = (i64, i64, Able)> {
    let ends = line.iter().skip(1).map(|(at, _)| *at).chain([end]);
    let spans = line.iter().zip(ends).map(move |((from, able), to)| (*from, to.min(end), *able));
    spans.filter(|(from, to, _)| from < to)
}

fn at(line: &Painted, moment: i64) -> Able {
    line.iter().rev().find(|(from, _)| *from <= moment).and_then(|(_, able)| *able)
}

/// One is enough.
fn any(ables: impl Iterator<Item = Able>) -> Able {
    let all: Vec<Able> = ables.collect();
    if all.contains(&Some(true)) {
        return Some(true);
    }
    all.iter().all(|able| *able == Some(false)).then_some(false)
}

/// Moments at which something changes, and what each side is from then on.
fn moments(cast: &Cast, told: &Told, service: usize, upto: i64) -> Vec<(i64, i64, [Able; 2])> {
    let line = |check: &usize| painted(cast, told, *check);
    let sides = [0, 1].map(|cloud| cast.side(service, cloud).iter().map(line).collect::<Vec<_>>());
    let lines = sides.iter().flatten();
    let mut turns: Vec<i64> = lines.flatten().map(|(at, _)| *at).chain([0, upto]).collect();
    turns.retain(|at| *at <= upto);
    turns.sort_unstable();
    turns.dedup();
    let able = |moment: i64| {
        [0, 1].map(|cloud: usize| any(sides[cloud].iter().map(|line| at(line, moment))))
    };
    turns.windows(2).map(|turn| (turn[0], turn[1], able(turn[0]))).collect()
}

/// Both, none, unknown, only each.
fn swept(cast: &Cast, told: &Told, service: usize, upto: i64) -> Vec<u64> {
    let mut sums = vec![0; 5];
    for (from, to, sides) in moments(cast, told, service, upto) {
        let state = match sides {
            [Some(true), Some(true)] => 0,
            [Some(false), Some(false)] => 1,
            [Some(true), Some(false)] => 3,
            [Some(false), Some(true)] => 4,
            _ => 2,
        };
        sums[state] += (to - from).unsigned_abs();
    }
    sums
}

/// The public name was bad while some side was able.
fn cost(cast: &Cast, told: &Told, service: usize) {
    let Some(entry) = cast.entries.get(&service) else { return };
    let counted = told.exposed[service].cost.unwrap();
    let line = painted(cast, told, *entry);
    let mut expected = 0;
    let upto = passed(counted.upto);
    for (from, to, sides) in moments(cast, told, service, upto) {
        let bad = spans(&line, upto).filter(|(.., able)| *able == Some(false));
        let within = bad.map(|(begin, end, _)| (end.min(to) - begin.max(from)).max(0)).sum::<i64>();
        expected += if sides.contains(&Some(true)) { within } else { 0 };
    }
    assert_eq!(counted.millis, expected.unsigned_abs(), "what failing over has cost {service}");
}

/// The time in which one side was left is what the far sides were ill, to an interval and a timeout at each end.
fn bounded(plot: &Plot, cast: &Cast, told: &Told, service: usize) {
    let ill = |check: &usize| {
        let ills = plot.ills.iter().filter(|ill| ill.who == Who::Check(*check));
        ills.map(|ill| (ill.from, ill.to)).collect::<Vec<Stretch>>()
    };
    let side = |cloud: usize| {
        let ills = cast.side(service, cloud).iter().map(ill).reduce(|a, b| both(&a, &b));
        ills.unwrap()
    };
    let sum = |stretches: &[Stretch]| stretches.iter().map(|(from, to)| to - from).sum::<i64>();
    let (first, second) = (side(0), side(1));
    let together = both(&first, &second);
    let exposed = &told.exposed[service];
    let truths = [
        (exposed.only[1], sum(&first) - sum(&together), first.len()),
        (exposed.only[0], sum(&second) - sum(&together), second.len()),
        (exposed.none, sum(&together), together.len()),
    ];
    let shape = cast.lookouts[cast.side(service, 0)[0]].shape;
    let edge = i64::try_from((shape.interval + shape.timeout).as_millis()).unwrap();
    for (found, truth, turns) in truths {
        let found = i64::try_from(found).unwrap();
        let turns = i64::try_from(turns.max(together.len())).unwrap();
        let blind: i64 = plot
            .ills
            .iter()
            .filter(|ill| !matches!(ill.who, Who::Check(_)))
            .map(|ill| ill.to - ill.from + 2 * edge)
            .sum();
        let (least, most) = (truth - turns * 2 * edge - blind, truth + turns * 2 * edge);
        assert!(
            (least..=most).contains(&found),
            "service {service} was exposed for {found} ms, and in truth {truth}: {exposed:?}"
        );
    }
    let is_calm = [&first, &second].iter().all(|ills| ills.is_empty());
    let is_ill = told.runs.iter().any(|run| {
        cast.owner(run.check) == Some(service) && run.outcome != Outcome::Good && run.theirs
    });
    let names = plot.ills.iter().any(|ill| matches!(ill.how, How::Lied | How::Status));
    assert!(!is_calm || !is_ill || names || !plot.leads.is_empty(), "service {service} was ill");
}
