//! What the standing of one check costs: nine windows and four alerts of a time line with 40 spans.
//!
//! An objective over 30 days (its window, seven burn windows, budget, forecast, four tiers) and the amounts of 90 days, in CPU
//! time of this process; the best of several rounds, since everything that disturbs makes it slower. Two lines: one quiet, one
//! that burns now, so that its forecast follows the past out of the window. Beside it the floor: nine binary searches in a
//! list of as many entries. `cargo bench --bench standing -- [--assert] [--json]`; half a minute.
//!
//! It does not measure joining checks into a scope, nor writing numbers out.
#![allow(missing_docs, reason = "a program, not a library")]
#![allow(clippy::print_stdout, reason = "its output is its purpose")]

use jiff::tz::TimeZone;
use nephoscope::model::{
    AlertKind, Cause, Objective, ObjectiveKind, ObjectiveWindow, PeriodPolicy, ScopeChoice,
    Timestamp, UnknownPolicy,
};
use nephoscope::slo::spans::{Timeline, What};
use nephoscope::slo::standing::{View, assess};
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Duration;

/// Spans of what was not good in the line.
const SPANS: usize = 40;
/// Standings in a round.
const ROUND: u32 = 200_000;
/// Rounds; the best one counts.
const ROUNDS: u32 = 9;
/// The most nanoseconds that pass with `--assert`, of either line.
const LIMIT_NS: f64 = 1_000.0;
/// The stretch that the spans lie in.
const LENGTH: Duration = Duration::from_hours(90 * 24);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let asked = |option: &str| arguments.iter().any(|argument| argument == option);
    let floor = floor();
    let (quiet, burning) = (standing(&line(false)), standing(&line(true)));
    let met = quiet.max(burning) <= LIMIT_NS;
    if asked("--json") {
        let ratio = quiet / floor;
        println!(
            "{}",
            json!({ "spans": SPANS, "floor_ns": floor, "quiet_ns": quiet, "burning_ns": burning,
                "ratio": ratio, "met": met })
        );
    } else {
        println!("floor: nine binary searches  {floor:>7.1} ns");
        println!("standing, quiet              {quiet:>7.1} ns  {:>5.1} x floor", quiet / floor);
        println!(
            "standing, burning            {burning:>7.1} ns  {:>5.1} x floor",
            burning / floor
        );
        println!("at most {LIMIT_NS} ns  {}", if met { "met" } else { "MISSED" });
    }
    if met || !asked("--assert") { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// 90 days with bad and unknown spans in no regular order; `burning` ends with two bad minutes.
fn line(burning: bool) -> Timeline {
    let mut line = Timeline::new(Timestamp::default());
    let each = i64::try_from(LENGTH.as_millis()).expect("90 days") / 40;
    let mut random = 12_345_u64;
    for span in 0..40_i64 {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let early = i64::try_from(random >> 40).expect("24 bits");
        let start = Timestamp::from_millis(span * each + early);
        line.append(What::Good, start);
        let what = if span % 4 == 3 { What::Unknown(Cause::Stopped) } else { What::Bad(None) };
        line.append(what, start.shifted(30_000 * (1 + span % 4)));
    }
    let end = Timestamp::default() + LENGTH;
    line.append(What::Good, end.shifted(-120_000));
    line.append(if burning { What::Bad(None) } else { What::Good }, end);
    line
}

fn objective() -> Objective {
    Objective {
        name: "availability-30d".into(),
        kind: ObjectiveKind::Time,
        target_parts: 999_000_000,
        window: ObjectiveWindow::Rolling(Duration::from_hours(30 * 24)),
        window_text: "30d".into(),
        scope: ScopeChoice::Default,
        alert: AlertKind::Page,
        threshold: None,
        slice: None,
        min_failures: 2,
        min_coverage_parts: 900_000_000,
        tiers: None,
        unknown: UnknownPolicy::Exclude,
        maintenance: PeriodPolicy::Exclude,
    }
}

/// Nanoseconds of a standing and the amounts of 90 days.
fn standing(line: &Timeline) -> f64 {
    let objective = objective();
    let at = line.upto();
    let failed = [at.shifted(-90_000), at.shifted(-60_000), at.shifted(-30_000)];
    let failures = |from: Timestamp, to: Timestamp| {
        failed.iter().filter(|when| from <= **when && **when < to).count() as u64
    };
    let view = View {
        timeline: line,
        cadences: &[],
        failures: &failures,
        future_excluded: &|_, _| 0,
        suppressed: false,
    };
    best(|| {
        let view = black_box(&view);
        black_box(assess(&objective, &TimeZone::UTC, view, at));
        black_box(view.timeline.amounts(Timestamp::default(), at));
    })
}

/// Nanoseconds of nine binary searches.
fn floor() -> f64 {
    let each = LENGTH.as_millis() / SPANS as u128;
    let starts: Vec<u128> = (0..SPANS as u128).map(|span| span * each).collect();
    let end = LENGTH.as_millis();
    let windows = [300, 1_800, 3_600, 7_200, 21_600, 86_400, 259_200, 2_592_000, 7_776_000];
    best(|| {
        for seconds in windows {
            let from = black_box(end - seconds * 1_000);
            black_box(starts.partition_point(|start| *start < from));
        }
    })
}

/// Nanoseconds of one `work` in the best round.
fn best(mut work: impl FnMut()) -> f64 {
    let round = |work: &mut dyn FnMut()| {
        let before = cpu_time();
        for _ in 0..ROUND {
            work();
        }
        cpu_time().saturating_sub(before).as_secs_f64() * 1e9 / f64::from(ROUND)
    };
    (0..ROUNDS).map(|_| round(&mut work)).fold(f64::INFINITY, f64::min)
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).expect("CPU time is not negative")
}
