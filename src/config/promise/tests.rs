//! Which promises are warned of, and that sane ones are not.
//!
//! The texts of the problems are golden outputs in `tests/it`; here stands where the line between silence and a warning
//! runs, row by row of slo.md 1.6.
//!
//! The arithmetic of the tiers is tested beside it, in `slo::burn`.

use crate::config::{Kind, Problems, load_text};
use std::path::Path;

const TWO_CLOUDS: &str = "
    [provider.aws]
    host = \"{service}.example.com\"
    [provider.gcp]
    host = \"{service}.example.net\"
    [probe.web.http]
    url = \"https://{host}/\"
    ";

fn warnings(services: &str) -> Problems {
    match load_text(Path::new("test.toml"), format!("{TWO_CLOUDS}{services}")) {
        Ok(loaded) => loaded.warnings,
        Err(problems) => panic!("{}", problems.render(false)),
    }
}

fn kinds(services: &str) -> Vec<Kind> {
    warnings(services).iter().map(|problem| problem.kind).collect()
}

/// One promise of a service on one cloud with one check.
fn one(interval: &str, promise: &str) -> String {
    format!(
        "[service.shop]\nendpoints = [\"aws\"]\nprobes = [{{ use = \"web\", interval = \"{interval}\", timeout = \"1s\" }}]\n\
         slo = [{{ {promise} }}]\n"
    )
}

#[test]
fn one_lost_run_is_warned_of_in_exactly_the_rows_where_it_pages() {
    // slo.md 1.6: the smallest number of failed runs that fires page_fast and page_slow at each interval.
    let table: [(&str, [[u32; 2]; 6]); 5] = [
        ("99", [[104, 260], [52, 130], [35, 87], [18, 44], [9, 22], [2, 5]]),
        ("99.5", [[52, 130], [26, 65], [18, 44], [9, 22], [5, 11], [1, 3]]),
        ("99.9", [[11, 26], [6, 13], [4, 9], [2, 5], [1, 3], [1, 1]]),
        ("99.95", [[6, 13], [3, 7], [2, 5], [1, 3], [1, 2], [1, 1]]),
        ("99.99", [[2, 3], [1, 2], [1, 1], [1, 1], [1, 1], [1, 1]]),
    ];
    for (objective, row) in table {
        for (interval, [fast, slow]) in ["5s", "10s", "15s", "30s", "60s", "300s"].iter().zip(row) {
            let said =
                warnings(&one(interval, &format!("objective = {objective}, min_failures = 1")));
            let labels: Vec<&str> = said.iter().map(|problem| problem.label.as_str()).collect();
            if fast > 1 {
                assert_eq!(labels, [""; 0], "{objective} {interval}");
                continue;
            }
            let plural = |count| if count == 1 { "" } else { "s" };
            let counts = format!(
                "it takes {fast} failure{} for `page_fast`, {slow} failure{} for `page_slow`",
                plural(fast),
                plural(slow)
            );
            assert_eq!(said.iter().next().unwrap().kind, Kind::OneLostRunPages);
            assert!(labels[0].ends_with(&counts), "{objective} {interval}: {labels:?}");
            let patient = one(interval, &format!("objective = {objective}"));
            assert_eq!(kinds(&patient), [], "{objective} {interval} with the default");
        }
    }
}

#[test]
fn an_interval_at_the_limit_needs_two_failures() {
    // 14.4 × 0.001 × 1 h = 51.84 s, and only more than that fires.
    assert_eq!(kinds(&one("51s840ms", "objective = 99.9, min_failures = 1")), []);
    let beyond = kinds(&one("51s841ms", "objective = 99.9, min_failures = 1"));
    assert_eq!(beyond, [Kind::OneLostRunPages]);
}

#[test]
fn the_hint_is_good_advice() {
    for (interval, objective) in [("60s", "99.9"), ("30s", "99.95"), ("300s", "99.5")] {
        let said = warnings(&one(interval, &format!("objective = {objective}, min_failures = 1")));
        let hint = said.iter().next().unwrap().hint.clone().unwrap();
        let advised = hint.split('`').nth(3).unwrap();
        let heeded = one(advised, &format!("objective = {objective}, min_failures = 1"));
        assert_eq!(kinds(&heeded), [], "{advised}");
    }
}

#[test]
fn a_run_that_another_side_covers_pages_nobody() {
    let service = |scope: &str, more: &str| {
        format!(
            "[service.shop]\nprobes = [{{ use = \"web\", interval = \"60s\" }}]\n{more}\
             slo = [{{ objective = 99.9, min_failures = 1{scope} }}]\n"
        )
    };
    let lost = [Kind::OneLostRunPages];
    assert_eq!(kinds(&service("", "")), []);
    assert_eq!(kinds(&service(", scope = \"1_of_n\"", "")), []);
    assert_eq!(kinds(&service(", scope = \"2_of_n\"", "")), lost);
    assert_eq!(kinds(&service(", scope = \"all\"", "")), lost);
    assert_eq!(kinds(&service(", scope = \"provider:gcp\"", "")), lost);
    // A second endpoint on the same cloud covers for the first, unless all of a side must be good.
    let blue = "[service.shop.endpoint.blue]\nprovider = \"aws\"\nhost = \"blue.example\"\n";
    let pair = |scope: &str, side: &str| format!("{}{blue}", service(scope, side));
    assert_eq!(kinds(&pair(", scope = \"provider:aws\"", "")), []);
    assert_eq!(kinds(&pair(", scope = \"provider:aws\"", "side = \"all\"\n")), lost);
}

#[test]
fn the_public_name_is_seen_at_the_interval_of_its_own_check() {
    let service = |interval: &str| {
        format!(
            "[service.shop]\nprobes = [{{ use = \"web\", interval = \"{interval}\" }}]\n\
             slo = [{{ objective = 99.9, min_failures = 1 }}]\n\
             [service.shop.entry]\nhost = \"shop.example\"\nprobe = \"web\"\n"
        )
    };
    let found = |interval| -> Vec<Kind> {
        let mut kinds = kinds(&service(interval));
        kinds.retain(|kind| *kind != Kind::EntryUnmapped);
        kinds
    };
    assert_eq!(found("60s"), [Kind::OneLostRunPages]);
    assert_eq!(found("30s"), []);
}

#[test]
fn ninety_three_percent_is_out_of_reach_and_a_little_more_is_not() {
    for (objective, expected) in [
        ("90", vec![Kind::AlertNeverFires]),
        ("93", vec![Kind::AlertNeverFires]),
        ("93.06", vec![]),
        ("95", vec![]),
    ] {
        assert_eq!(
            kinds(&one("30s", &format!("objective = {objective}"))),
            expected,
            "{objective}"
        );
    }
}

#[test]
fn what_nobody_is_told_is_not_warned_of() {
    assert_eq!(kinds(&one("60s", "objective = 50, min_failures = 1, alert = \"none\"")), []);
    // Windows up to three days have no alerts.
    assert_eq!(kinds(&one("60s", "objective = 99.9, min_failures = 1, window = \"1d\"")), []);
}

#[test]
fn what_people_usually_write_is_silent() {
    for objective in ["99", "99.5", "99.9", "99.95", "99.99"] {
        for window in ["7d", "28d", "30d", "90d", "month", "quarter", "year"] {
            for interval in ["5s", "10s", "30s", "1m", "5m"] {
                let promise = format!("objective = {objective}, window = \"{window}\"");
                assert_eq!(kinds(&one(interval, &promise)), [], "{interval} {promise}");
            }
        }
    }
}
