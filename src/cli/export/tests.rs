//! What a daemon remembers, exported and replayed: every number comes out as the daemon has it.
//!
//! A past is made as the recorder makes it, with runs that start late, gaps, slow runs and rechecks, from fixed seeds.
//!
//! The store on disk and the binary are in `tests/it/export`.

use super::write;
use crate::cli::replay::stage::Stage;
use crate::cli::results::Line;
use crate::config::{Config, load_text};
use crate::model::{Cause, Check, Reason, Timestamp};
use crate::monitor::book::Book;
use crate::monitor::form::StandingForm;
use crate::seed::Stream;
use crate::slo::history::{Ahead, History};
use crate::slo::spans::What;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const CONFIG: &str = r#"
[monitor]
vantage = "test"
timezone = "Europe/Vienna"
[provider.aws]
[provider.gcp]
[probe.web.http]
url = "https://{host}/"
[probe.port.tcp]
address = "{host}:443"
[service.shop]
probes = ["web", "port"]
entry = { host = "shop.example", probe = "web" }
interval = "10s"
slo = [
  { objective = 99.9, window = "30d", min_failures = 3 },
  { name = "day", objective = 99, window = "day", unknown = "bad" },
  { name = "fast", kind = "latency", threshold = "500ms", objective = 99, window = "6h" },
  { name = "faster", kind = "latency", threshold = "100ms", objective = 99, window = "7h", scope = "2_of_n" },
  { name = "runs", kind = "events", objective = 99, window = "5h" },
  { name = "minutes", kind = "slices", slice = "1m", objective = 99, window = "4h", maintenance = "good" },
]
[service.shop.endpoint.aws]
host = "a.example"
[service.shop.endpoint.gcp]
host = "g.example"
[service.later]
probes = ["web"]
slo = [{ objective = 99, window = "7d" }]
[service.later.endpoint.aws]
host = "a.example"
[[maintenance]]
match = { service = "shop", provider = "gcp" }
start = 2026-05-30T22:00:00Z
end = 2026-05-30T22:40:00Z
"#;

/// 2026-05-30T18:00:00Z: the day of Vienna begins within the past that is made.
const BEGUN: i64 = 1_780_164_000_000;
/// Eight hours later, and something.
const NOW: i64 = BEGUN + 8 * 3_600_000 + 12_345;

fn ms(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// Tells the history of a check what a recorder would, from `begun` on.
fn live(history: &mut History, position: usize, check: &Check, dice: &mut Stream, begun: i64) {
    let interval = i64::try_from(check.shape.interval.as_millis()).unwrap();
    let mut held = Ahead::unknown(Cause::Starting);
    let mut due = begun + 5_000;
    let mut stuck = 0;
    while due < NOW {
        let at = ms(due + i64::try_from(dice.below(300)).unwrap());
        due += interval;
        if at >= ms(NOW) || dice.below(40) == 0 {
            due += interval * i64::try_from(dice.below(5)).unwrap();
            continue;
        }
        let latency = Duration::from_millis(
            [40, 100, 101, 300, 500, 700][usize::try_from(dice.below(6)).unwrap()],
        );
        let until = at + check.shape.hold;
        stuck = if stuck > 0 { stuck - 1 } else { u64::from(dice.below(60) == 0) * dice.below(20) };
        let ahead = match dice.below(50) {
            0 => Ahead::unknown(Cause::Overloaded),
            _ if stuck > 0 => Ahead { what: What::Bad(Some(Reason::Status)), latency, until },
            _ => Ahead { what: What::Good, latency, until },
        };
        if held.until < at {
            history.tell(position, held, held.until, Ahead::unknown(Cause::Overloaded));
            held = Ahead::unknown(Cause::Overloaded);
        }
        history.tell(position, held, at, ahead);
        let failed = matches!(ahead.what, What::Bad(_));
        history.observe(position, at, false, failed);
        if failed && dice.below(2) == 0 && at + Duration::from_millis(1_500) < ms(NOW) {
            history.observe(position, at + Duration::from_millis(1_500), true, true);
        }
        held = ahead;
    }
}

fn config() -> Config {
    load_text(Path::new("probes.toml"), CONFIG.to_owned()).unwrap().config
}

/// A past of `shop` only; its entry was looked at if the seed is odd.
fn past(config: &Config, seed: u64) -> Book {
    let services = config.services.clone().into();
    let book = Book::new(&services, &config.checks, &config.monitor.timezone, ms(BEGUN));
    let windows: Vec<_> = config.maintenance.iter().cloned().map(Arc::new).collect();
    book.set_maintenance(&windows, &config.checks);
    let mut dice = Stream::new(seed, "export");
    for (position, check) in config.checks.iter().enumerate().take(4) {
        book.with(0, |history| live(history, position, check, &mut dice, BEGUN));
    }
    if seed % 2 == 1 {
        book.with(0, |history| live(history, 4, &config.checks[0], &mut dice, BEGUN));
    }
    book
}

fn exported(book: &Book, config: &Config, during: &Range<Timestamp>) -> String {
    let mut out = Vec::new();
    write(book, config, during, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn replayed(text: &str, config: &Config, at: &[Timestamp]) -> Vec<StandingForm> {
    let mut stage = Stage::new(config, at);
    for (number, line) in (1..).zip(text.lines()) {
        let line = Line::read(line.as_bytes()).unwrap();
        assert_eq!(stage.play(line, number), Ok(None));
    }
    stage.rows(at)
}

/// How the daemon has it.
fn held(book: &Book, config: &Config, at: Timestamp) -> Vec<StandingForm> {
    let of_service = |number: usize| {
        let service = &config.services[number];
        let held = book.held(number, at);
        let scheme = book.with(number, |history| history.scheme().clone());
        held.into_iter().map(move |held| {
            let slo = &service.objectives[held.objective];
            let window = &slo.window_text;
            StandingForm::new(&service.name, &scheme, slo, held.scope, window, &held.standing)
        })
    };
    (0..config.services.len()).flat_map(of_service).collect()
}

#[test]
fn an_export_replayed_gives_every_number_that_the_daemon_has() {
    let config = config();
    for seed in 0..4 {
        let book = past(&config, seed);
        let text = exported(&book, &config, &(ms(0)..ms(NOW)));
        let rows = replayed(&text, &config, &[ms(NOW)]);
        let held = held(&book, &config, ms(NOW));
        let scopes = if seed % 2 == 1 { 5 } else { 4 };
        assert_eq!(rows.len(), 6 * scopes + 1 + 3);
        for row in &rows {
            let same = |other: &&StandingForm| (&other.slo, &other.scope) == (&row.slo, &row.scope);
            let mine = held.iter().filter(|each| each.service == row.service).find(same);
            assert_eq!(Some(row), mine, "seed {seed}");
        }
        assert!(rows.iter().any(|row| row.bad_s.0 > 0.0), "something was bad");
    }
}

#[test]
fn a_stretch_is_one_line_however_many_runs_it_had() {
    let config = config();
    let book = past(&config, 1);
    let text = exported(&book, &config, &(ms(0)..ms(NOW)));
    let later: Vec<_> = text.lines().filter(|line| line.contains("later/")).collect();
    let begun = BEGUN / 1_000;
    assert_eq!(
        later,
        [format!(
            r#"{{"t":{begun},"check":"later/aws/web","verdict":"unknown","watched_since":{begun}}}"#
        )]
    );
    let first = text.lines().next().unwrap();
    assert!(
        first.contains(r#""check":"shop/aws/web""#) && first.contains(r#""runs":[["#),
        "{first}"
    );
    for line in text.lines() {
        let line = Line::read(line.as_bytes()).unwrap();
        let millis = line.latency.as_millis();
        assert!([0, 101, 501].contains(&millis), "{line:?}");
    }
}

#[test]
fn what_lies_outside_is_not_written() {
    let config = config();
    let book = past(&config, 2);
    let (from, to) = (ms(BEGUN + 3_600_000), ms(BEGUN + 7_200_500));
    let text = exported(&book, &config, &(from..to));
    let whole = exported(&book, &config, &(ms(0)..ms(NOW)));
    assert!(text.len() < whole.len());
    for line in text.lines().map(|line| Line::read(line.as_bytes()).unwrap()) {
        assert!(from <= line.at && line.at < to && line.until.is_none_or(|until| until <= to));
        let runs = line.runs.unwrap_or_default();
        for (first, step, count) in runs {
            let last = first + Duration::from_millis(step * (count - 1));
            assert!(from <= first && last < to);
        }
    }
    // What is inside gives the same numbers: half an hour before `to` lies within.
    let (mine, all) = (replayed(&text, &config, &[to]), replayed(&whole, &config, &[to]));
    for (one, other) in mine.iter().zip(&all) {
        assert_eq!((one.burn.m30, one.burn.m5), (other.burn.m30, other.burn.m5), "{}", one.slo);
    }
}
