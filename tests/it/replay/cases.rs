//! The worked cases, each through a file of results. Numbers are those of slo-cases.md.
//!
//! Cases that look at the same instant share a run of the binary; each is a service of its own.
//!
//! Cases about the store, the schedule and alerts that are sent are elsewhere.

use super::{
    DAY, HOUR, MINUTE, NOW, T0, amounts, burn, find, fires, grid, lines, maintenance, number, rows,
    service, standing,
};
use serde_json::json;
use std::fmt::Write as _;

const QUIET: [f64; 7] = [0.0; 7];

/// 99.9 % of 30 days, one failed run is enough for an alert.
fn promise(interval: i64, more: &str) -> String {
    format!(
        "interval = \"{interval}s\"\nslo = [{{ objective = 99.9, window = \"30d\", min_failures = 1{more} }}]"
    )
}

fn alone(name: &str, interval: i64) -> String {
    service(name, &["aws"], &promise(interval, ""))
}

#[test]
fn c01_c02_c03_c09_budgets_are_exact() {
    let config = alone("c01", 30) + &alone("c02", 24) + &alone("c03", 24) + &alone("c09", 60);
    let day10 = T0 + 10 * DAY;
    let results = lines(&[
        grid("c01/aws/web", 30),
        grid("c02/aws/web", 24).bad(day10..day10 + 1_296),
        grid("c03/aws/web", 24).bad(day10..day10 + 2_592),
        grid("c09/aws/web", 60).bad(NOW - 120..NOW - 60),
    ]);
    let rows = rows(&config, &results, &[NOW]);
    for scope in ["any", "all", "provider:aws"] {
        let row = find(&rows, "c01", scope);
        amounts(row, [2_592_000.0, 0.0, 0.0, 0.0]);
        standing(row, [1.0, 1.0, 2_592.0, 2_592.0, 1.0]);
        burn(row, QUIET);
        fires(row, &[]);
    }
    let row = find(&rows, "c02", "any");
    amounts(row, [2_590_704.0, 1_296.0, 0.0, 0.0]);
    standing(row, [0.9995, 1.0, 2_592.0, 1_296.0, 0.5]);
    burn(row, QUIET);
    fires(row, &[]);
    let row = find(&rows, "c03", "any");
    amounts(row, [2_589_408.0, 2_592.0, 0.0, 0.0]);
    standing(row, [0.999, 1.0, 2_592.0, 0.0, 0.0]);
    assert_eq!(row["budget_remaining"].to_string(), "0", "neither -0 nor 1e-17");
    let row = find(&rows, "c09", "any");
    amounts(row, [2_591_940.0, 60.0, 0.0, 0.0]);
    standing(row, [43_199.0 / 43_200.0, 1.0, 2_592.0, 2_532.0, 211.0 / 216.0]);
    let hour = 1_000.0 / 60.0;
    burn(row, [200.0, 2.0 * hour, hour, hour / 2.0, hour / 6.0, hour / 24.0, hour / 72.0]);
    fires(row, &["page_fast"]);
}

#[test]
fn c05_a_total_outage_grows_second_by_second() {
    let ages = [0, 30, 60, 90, 120, 150, 270, 300, 600, 900, 1_800, 2_580, 2_610, 3_600, 7_200];
    let begin = NOW - 7_200;
    let results = lines(&[grid("c05/aws/web", 30).during(T0 - 7_200..NOW).bad(begin..NOW)]);
    let instants = ages.map(|age| begin + age);
    let rows = rows(&alone("c05", 30), &results, &instants);
    let rows: Vec<_> = rows.iter().filter(|row| row["scope"] == "any").collect();
    assert_eq!(rows.len(), ages.len());
    for (row, age) in rows.into_iter().zip(ages) {
        let bad = f64::from(i32::try_from(age).unwrap());
        amounts(row, [2_592_000.0 - bad, bad, 0.0, 0.0]);
        number(row, "availability", 1.0 - bad / 2_592_000.0);
        number(row, "budget_remaining", 1.0 - bad / 2_592.0);
        let windows = [300.0, 1_800.0, 3_600.0, 7_200.0, 21_600.0, 86_400.0, 259_200.0];
        burn(row, windows.map(|window: f64| bad.min(window) * 1_000.0 / window));
        let fast: &[&str] = &["page_fast", "page_slow", "ticket_fast", "ticket_slow"];
        fires(
            row,
            match age {
                0 | 30 => &[],
                60..=120 => &fast[..1],
                150 => &fast[..2],
                _ => fast,
            },
        );
    }
}

#[test]
fn c11_without_results_nothing_is_known_and_nothing_fires() {
    let rows = rows(&alone("c11", 30), "", &[NOW]);
    let row = find(&rows, "c11", "any");
    amounts(row, [0.0, 0.0, 2_592_000.0, 0.0]);
    assert_eq!(row["availability"], json!(null));
    assert_eq!((&row["availability_low"], &row["availability_high"]), (&json!(0), &json!(1)));
    number(row, "coverage", 0.0);
    number(row, "budget_left_s", 2_592.0);
    number(row, "budget_remaining", 1.0);
    burn(row, QUIET);
    fires(row, &[]);
}

#[test]
fn c12_unobserved_time_is_unknown_unless_the_policy_says_otherwise() {
    let with = |name, policy: &str| service(name, &["aws"], &promise(30, policy));
    let config = with("plain", "")
        + &with("strict", ", unknown = \"bad\"")
        + &with("lenient", ", unknown = \"good\"");
    let dark = T0 + 20 * DAY..T0 + 20 * DAY + 6 * HOUR;
    let grids = ["plain", "strict", "lenient"]
        .map(|name| grid(&format!("{name}/aws/web"), 30).missing(dark.clone()));
    let rows = rows(&config, &lines(&grids), &[NOW]);
    let row = find(&rows, "plain", "any");
    amounts(row, [2_570_430.0, 0.0, 21_570.0, 0.0]);
    standing(row, [1.0, 85_681.0 / 86_400.0, 2_592.0, 2_592.0, 1.0]);
    fires(row, &[]);
    let row = find(&rows, "strict", "any");
    amounts(row, [2_570_430.0, 21_570.0, 0.0, 0.0]);
    number(row, "availability", 85_681.0 / 86_400.0);
    number(row, "coverage", 85_681.0 / 86_400.0);
    number(row, "budget_remaining", 1.0 - 21_570.0 / 2_592.0);
    let row = find(&rows, "lenient", "any");
    amounts(row, [2_592_000.0, 0.0, 0.0, 0.0]);
    number(row, "availability", 1.0);
    number(row, "budget_remaining", 1.0);
}

#[test]
fn c15_a_restart_costs_what_was_not_held() {
    let stop = T0 + 20 * DAY;
    let gaps = [(20, 0.0), (60, 30.0), (180, 150.0), (900, 870.0)];
    let name = |gap: i64| format!("gap{gap}");
    let config: String = gaps.iter().map(|(gap, _)| alone(&name(*gap), 30)).collect();
    let mut results = String::new();
    for (gap, _) in gaps {
        let check = format!("{}/aws/web", name(gap));
        // Only what is near the gap is a grid: before it, one good stretch.
        writeln!(
            results,
            "{{\"t\": {T0}, \"check\": \"{check}\", \"verdict\": \"good\", \"until\": {}}}",
            stop - HOUR
        )
        .unwrap();
        grid(&check, 30).during(stop - HOUR..stop).write(&mut results);
        grid(&check, 30).during(stop + gap..NOW).write(&mut results);
    }
    let rows = rows(&config, &results, &[NOW]);
    for (gap, unknown) in gaps {
        let row = find(&rows, &name(gap), "any");
        amounts(row, [2_592_000.0 - unknown, 0.0, unknown, 0.0]);
        standing(row, [1.0, 1.0 - unknown / 2_592_000.0, 2_592.0, 2_592.0, 1.0]);
        fires(row, &[]);
    }
}

#[test]
fn c16_c19_maintenance_is_excluded_or_good() {
    let day10 = T0 + 10 * DAY;
    let config = alone("c16a", 30)
        + &service("c16b", &["aws"], &promise(30, ", maintenance = \"good\""))
        + &alone("c19", 30)
        + &maintenance("service = [\"c16a\", \"c16b\"]", day10..day10 + 2 * HOUR)
        + &maintenance("service = \"c19\"", NOW - 20 * MINUTE..NOW + 40 * MINUTE);
    let covered = day10 + 30 * MINUTE..day10 + 90 * MINUTE;
    let results = lines(&[
        grid("c16a/aws/web", 30).bad(covered.clone()),
        grid("c16b/aws/web", 30).bad(covered),
        grid("c19/aws/web", 30).bad(NOW - 30 * MINUTE..NOW),
    ]);
    let rows = rows(&config, &results, &[NOW]);
    let row = find(&rows, "c16a", "any");
    amounts(row, [2_584_800.0, 0.0, 0.0, 7_200.0]);
    standing(row, [1.0, 1.0, 2_584.8, 2_584.8, 1.0]);
    fires(row, &[]);
    assert_eq!(row["suppressed"], false);
    let row = find(&rows, "c16b", "any");
    amounts(row, [2_592_000.0, 0.0, 0.0, 0.0]);
    standing(row, [1.0, 1.0, 2_592.0, 2_592.0, 1.0]);
    let row = find(&rows, "c19", "any");
    amounts(row, [2_590_200.0, 600.0, 0.0, 1_200.0]);
    standing(row, [4_317.0 / 4_318.0, 1.0, 2_590.8, 1_990.8, 1_659.0 / 2_159.0]);
    let hour = 1_000.0 / 6.0;
    burn(row, [0.0, 2.0 * hour, hour, hour / 2.0, hour / 6.0, hour / 24.0, hour / 72.0]);
    fires(row, &["page_slow", "ticket_fast", "ticket_slow"]);
    assert_eq!(row["suppressed"], true);
}

#[test]
fn c21a_c48_flapping_and_an_alert_that_cannot_be() {
    let ninety =
        "interval = \"30s\"\nslo = [{ objective = 90, window = \"30d\", min_failures = 1 }]";
    let config = alone("c21a", 30) + &service("c48", &["aws"], ninety);
    let mut flapping = grid("c21a/aws/web", 30);
    flapping.bad = (0..10).map(|k| NOW - 600 + 60 * k..NOW - 570 + 60 * k).collect();
    let results = lines(&[flapping, grid("c48/aws/web", 30).bad(T0..NOW)]);
    let rows = rows(&config, &results, &[NOW]);
    let row = find(&rows, "c21a", "any");
    amounts(row, [2_591_700.0, 300.0, 0.0, 0.0]);
    standing(row, [8_639.0 / 8_640.0, 1.0, 2_592.0, 2_292.0, 191.0 / 216.0]);
    let hour = 1_000.0 / 12.0;
    burn(row, [500.0, 2.0 * hour, hour, hour / 2.0, hour / 6.0, hour / 24.0, hour / 72.0]);
    fires(row, &["page_fast", "page_slow", "ticket_fast", "ticket_slow"]);
    let row = find(&rows, "c48", "any");
    amounts(row, [0.0, 2_592_000.0, 0.0, 0.0]);
    burn(row, [10.0; 7]);
    fires(row, &["page_slow", "ticket_fast", "ticket_slow"]);
}

#[test]
fn c26_latency_is_success_and_fast_enough_over_all_results() {
    let keys = "interval = \"30s\"\nslo = [
        { name = \"runs\", kind = \"events\", objective = 99, window = \"16h40m\" },
        { name = \"fast\", kind = \"latency\", threshold = \"500ms\", objective = 99, window = \"16h40m\" },
    ]";
    let mut results = String::new();
    for k in 0..2_000 {
        let (verdict, latency) = match k % 200 {
            7 => ("bad", "5000"),
            9 => ("good", "501.25"),
            11 if k < 1_000 => ("good", "500.000001"),
            13 if k == 13 => ("good", "500"),
            _ => ("good", "499.9"),
        };
        let at = T0 + 30 * k;
        writeln!(results, "{{\"t\": {at}.0, \"check\": \"c26/aws/web\", \"verdict\": \"{verdict}\", \"latency_ms\": {latency}}}")
            .unwrap();
    }
    let rows = rows(&service("c26", &["aws"], keys), &results, &[T0 + 60_000]);
    let of = |slo: &str| {
        rows.iter().find(|row| row["slo"] == slo && row["scope"] == "provider:aws").unwrap()
    };
    let row = of("runs");
    amounts(row, [1_990.0, 10.0, 0.0, 0.0]);
    assert_eq!((&row["unit"], &row["alerts"]), (&json!("events"), &json!(null)));
    number(row, "availability", 0.995);
    number(row, "budget_remaining", 0.5);
    let row = of("fast");
    amounts(row, [59_250.0, 750.0, 0.0, 0.0]);
    number(row, "availability", 0.9875);
    number(row, "budget_remaining", -0.25);
}

#[test]
fn c32_a_month_with_a_change_of_clocks_has_its_real_length() {
    let begin: jiff::Timestamp = "2026-02-28T23:00:00Z".parse().unwrap();
    let end: jiff::Timestamp = "2026-03-31T22:00:00Z".parse().unwrap();
    let out: jiff::Timestamp = "2026-03-29T00:50:00Z".parse().unwrap();
    let (begin, end, out) = (begin.as_second(), end.as_second(), out.as_second());
    let keys = "interval = \"30s\"\nslo = [{ objective = 99.9, window = \"month\" }]";
    let config = service("c32", &["aws"], keys);
    let config = format!("[monitor]\ntimezone = \"Europe/Vienna\"\n{config}");
    let results = lines(&[grid("c32/aws/web", 30).during(begin..end).bad(out..out + 1_200)]);
    let begin_of_file = super::BEGIN.replace("[monitor]\nvantage = \"test\"\n", "");
    let rows = super::rows_of(&(begin_of_file + &config), &results, &[end, end - 30]);
    let row = find(&rows, "c32", "any");
    assert_eq!((&row["from"], &row["to"]), (&json!(1_772_319_600), &json!(1_774_994_400)));
    amounts(row, [2_673_600.0, 1_200.0, 0.0, 0.0]);
    number(row, "availability", 0.999_551_368_327_352);
    number(row, "budget_s", 2_674.8);
    number(row, "budget_left_s", 1_474.8);
    number(row, "budget_remaining", 1_474.8 / 2_674.8);
    let early = rows.iter().find(|row| row["at"] == end - 30).unwrap();
    number(early, "elapsed_s", 2_674_770.0);
    number(early, "budget_s", 2_674.8);
}

#[test]
fn c39_to_c43a_sides_are_joined_instant_by_instant() {
    let keys = "interval = \"30s\"\nslo = [{ objective = 99.9, window = \"1d\" }]";
    let names = ["c39", "c40", "c41", "c43a"];
    let mut config: String = names.map(|name| service(name, &["aws", "gcp"], keys)).concat();
    let from = |seconds: i64| T0 + seconds;
    config += &maintenance("service = \"c43a\", provider = \"aws\"", from(36_000)..from(39_600));
    let side = |check: &str| grid(check, 30).during(T0..T0 + DAY);
    let first = from(36_000)..from(36_600);
    let results = lines(&[
        side("c39/aws/web").bad(first.clone()),
        side("c39/gcp/web").bad(from(36_300)..from(36_900)),
        side("c40/aws/web").bad(first.clone()),
        side("c40/gcp/web").bad(from(50_000)..from(50_600)),
        side("c41/aws/web").bad(first.clone()),
        side("c41/gcp/web").bad(first),
        side("c43a/aws/web"),
        side("c43a/gcp/web").bad(from(36_600)..from(36_900)),
    ]);
    let rows = rows(&config, &results, &[T0 + DAY]);
    let check = |name: &str, scope: &str, bad: f64, availability: f64, remaining: f64| {
        let row = find(&rows, name, scope);
        number(row, "bad_s", bad);
        assert!((row["availability"].as_f64().unwrap() - availability).abs() <= 1e-9, "{row}");
        assert!((row["budget_remaining"].as_f64().unwrap() - remaining).abs() <= 1e-9, "{row}");
        assert_eq!(row["alerts"], json!(null), "a day has no tiers");
    };
    let share = |bad: f64| (bad, 1.0 - bad / 86_400.0, 1.0 - bad / 86.4);
    for (name, aws, gcp, any, all) in [
        ("c39", 600.0, 600.0, 300.0, 900.0),
        // Grid runs stand on T0 + 30k: those of [50000, 50600) are 20 of them too.
        ("c40", 600.0, 600.0, 0.0, 1_200.0),
        ("c41", 600.0, 600.0, 600.0, 600.0),
    ] {
        for (scope, bad) in
            [("provider:aws", aws), ("provider:gcp", gcp), ("any", any), ("all", all)]
        {
            let (bad, availability, remaining) = share(bad);
            check(name, scope, bad, availability, remaining);
        }
    }
    let row = find(&rows, "c43a", "provider:aws");
    amounts(row, [82_800.0, 0.0, 0.0, 3_600.0]);
    number(row, "availability", 1.0);
    for scope in ["provider:gcp", "any", "all"] {
        let (bad, availability, remaining) = share(300.0);
        check("c43a", scope, bad, availability, remaining);
        number(find(&rows, "c43a", scope), "excluded_s", 0.0);
    }
}

#[test]
fn c44_two_of_three_over_what_is_not_excluded() {
    let table = [
        ("ggg", 'g'),
        ("ggb", 'g'),
        ("ggu", 'g'),
        ("gbb", 'b'),
        ("bbu", 'b'),
        ("gbu", 'u'),
        ("guu", 'u'),
        ("buu", 'u'),
        ("eeg", 'g'),
        ("egb", 'b'),
        ("eee", 'e'),
    ];
    let providers = ["aws", "gcp", "azure"];
    let keys = "slo = [{ objective = 99, window = \"1h\", scope = \"2_of_n\" }]";
    let (mut config, mut results) = (String::new(), String::new());
    for (states, _) in table {
        config += &service(states, &providers, keys);
        for (provider, state) in providers.into_iter().zip(states.chars()) {
            let verdict = match state {
                'g' => "good",
                'b' => "bad",
                'u' => "unknown",
                _ => {
                    let matching = format!("service = \"{states}\", provider = \"{provider}\"");
                    config += &maintenance(&matching, T0..T0 + HOUR);
                    continue;
                }
            };
            let until = T0 + HOUR;
            writeln!(results, "{{\"t\": {T0}, \"check\": \"{states}/{provider}/web\", \"verdict\": \"{verdict}\", \"until\": {until}}}").unwrap();
        }
    }
    let rows = rows(&config, &results, &[T0 + HOUR]);
    for (states, joined) in table {
        let row = find(&rows, states, "2_of_n");
        let of = |state: char| if state == joined { 3_600.0 } else { 0.0 };
        amounts(row, ['g', 'b', 'u', 'e'].map(of));
    }
    let scopes: Vec<_> = rows.iter().take(6).map(|row| row["scope"].as_str().unwrap()).collect();
    let expected = ["any", "all", "provider:aws", "provider:gcp", "provider:azure", "2_of_n"];
    assert_eq!(scopes, expected);
}

#[test]
fn c51_an_objective_is_kept_to_the_last_digit() {
    let with = |name, objective: &str| {
        service(name, &["aws"], &format!("slo = [{{ objective = {objective}, window = \"30d\" }}]"))
    };
    let config =
        with("text", "\"99.9\"") + &with("float", "99.9") + &with("nines", "\"99.9999999\"");
    let rows = rows(&config, "", &[NOW]);
    for (name, objective, budget) in
        [("text", 0.999, 2_592.0), ("float", 0.999, 2_592.0), ("nines", 0.999_999_999, 0.002_592)]
    {
        let row = find(&rows, name, "any");
        number(row, "objective", objective);
        assert_eq!(row["budget_s"].as_f64().unwrap().to_bits(), f64::to_bits(budget), "{row}");
    }
    for objective in ["100", "0", "-1", "nan", "99.99999999", "0.999"] {
        let output = super::run(
            &(super::BEGIN.to_owned() + &with("wrong", objective)),
            "",
            &["--at", "1780185600"],
        );
        assert_eq!(output.status.code(), Some(2), "{objective}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("objective"), "{error}");
        assert!(objective != "0.999" || error.contains("percent"), "{error}");
    }
}
