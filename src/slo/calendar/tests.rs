//! Bounds and labels of calendar periods, in zones with daylight-saving time (C32 and its like; S15).
//!
//! Expected instants are written in UTC; those of C32 are the numbers of the worked case.
//!
//! What is counted in a period is tested where standings are made.

use super::*;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).expect("the time zone database is installed")
}

fn at(text: &str) -> Timestamp {
    let moment: jiff::Timestamp = text.parse().expect("RFC 3339");
    Timestamp::from_millis(moment.as_millisecond())
}

fn bounds(label: &str, name: &str) -> (Timestamp, Timestamp) {
    Period::parse(label).expect("a label").bounds(&zone(name))
}

fn hours(label: &str, name: &str) -> i64 {
    let (from, to) = bounds(label, name);
    (to.as_millis() - from.as_millis()) / 3_600_000
}

#[test]
fn march_in_vienna_is_an_hour_short() {
    let (from, to) = bounds("2026-03", "Europe/Vienna");
    assert_eq!(from.as_millis(), 1_772_319_600_000);
    assert_eq!(to.as_millis(), 1_774_994_400_000);
    let (from, to) = bounds("2026-10", "Europe/Vienna");
    assert_eq!(to.as_millis() - from.as_millis(), 2_682_000_000);
}

#[test]
fn days_have_23_24_or_25_hours() {
    assert_eq!(hours("2026-03-28", "Europe/Vienna"), 24);
    assert_eq!(hours("2026-03-29", "Europe/Vienna"), 23);
    assert_eq!(hours("2026-10-25", "Europe/Vienna"), 25);
    assert_eq!(hours("2026-W13", "Europe/Vienna"), 167);
    assert_eq!(hours("2026-W43", "Europe/Vienna"), 169);
    assert_eq!(hours("2026-03-29", "UTC"), 24);
}

#[test]
fn a_day_without_midnight_begins_after_the_gap() {
    assert_eq!(
        bounds("2026-04-24", "Africa/Cairo"),
        (at("2026-04-23T22:00:00Z"), at("2026-04-24T21:00:00Z"))
    );
    assert_eq!(hours("2026-04-24", "Africa/Cairo"), 23);
    // The clocks went from 23:30 to 00:30: the first instant is not a whole gap after midnight.
    assert_eq!(bounds("1919-03-31", "America/Toronto").0, at("1919-03-31T04:30:00Z"));
}

#[test]
fn a_date_that_a_zone_skipped_is_empty_and_no_instant_is_in_it() {
    let (from, to) = bounds("2011-12-30", "Pacific/Apia");
    assert_eq!(from, to);
    let apia = zone("Pacific/Apia");
    let label = |moment: Timestamp| Period::at(Unit::Day, &apia, moment).label();
    assert_eq!(label(from), "2011-12-29");
    assert_eq!(label(from.shifted(1)), "2011-12-31");
}

#[test]
fn a_period_is_whole_at_its_own_end() {
    let vienna = zone("Europe/Vienna");
    let label = |unit, moment: &str| Period::at(unit, &vienna, at(moment)).label();
    assert_eq!(label(Unit::Month, "2026-03-31T22:00:00Z"), "2026-03");
    assert_eq!(label(Unit::Month, "2026-03-31T22:00:00.001Z"), "2026-04");
    assert_eq!(label(Unit::Day, "2026-10-05T12:00:00Z"), "2026-10-05");
    assert_eq!(label(Unit::Quarter, "2026-10-05T12:00:00Z"), "2026-Q4");
    assert_eq!(label(Unit::Year, "2025-12-31T23:30:00Z"), "2026");
    assert_eq!(label(Unit::Week, "2026-10-19T12:00:00Z"), "2026-W43");
}

#[test]
fn iso_weeks_belong_to_the_year_of_their_thursday() {
    let week = |moment: &str| Period::at(Unit::Week, &TimeZone::UTC, at(moment)).label();
    assert_eq!(week("2027-01-01T12:00:00Z"), "2026-W53");
    assert_eq!(week("2024-12-30T12:00:00Z"), "2025-W01");
    assert_eq!(bounds("2026-W01", "UTC").0, at("2025-12-29T00:00:00Z"));
    assert!(Period::parse("2025-W53").is_err(), "2025 has 52 weeks");
}

#[test]
fn a_midnight_that_comes_twice_begins_the_day_once() {
    // At 00:01 the clocks went back to 23:01: midnight came twice.
    let toronto = zone("America/St_Johns");
    let day = Period::parse("2006-10-29").expect("a label");
    let (from, _) = day.bounds(&toronto);
    assert_eq!(from, at("2006-10-29T02:30:00Z"), "the first midnight");
    for minutes in [1, 30, 61, 90] {
        let moment = from.shifted(minutes * 60_000);
        assert_eq!(Period::at(Unit::Day, &toronto, moment), day, "{minutes} min");
    }
}

#[test]
fn labels_read_back_and_neighbours_join() {
    for label in ["2026-10-05", "2026-W43", "2026-10", "2026-Q4", "2026", "2024-02-29", "2026-W01"]
    {
        let period = Period::parse(label).expect("a label");
        assert_eq!(period.label(), label);
        assert_eq!(period.next().previous(), period);
        for name in ["UTC", "Europe/Vienna", "Africa/Cairo", "Asia/Kathmandu"] {
            assert_eq!(period.bounds(&zone(name)).1, period.next().bounds(&zone(name)).0);
            assert_eq!(period.bounds(&zone(name)).0, period.previous().bounds(&zone(name)).1);
        }
    }
    assert_eq!(Period::parse("2026-12").expect("a label").next().label(), "2027-01");
    assert_eq!(Period::parse("2026-Q1").expect("a label").previous().label(), "2025-Q4");
}

#[test]
fn what_is_no_label_is_refused() {
    for text in [
        "",
        "26",
        "2026-",
        "2026-13",
        "2026-00",
        "2026-1",
        "2026-Q5",
        "2026-Q0",
        "2026-W54",
        "2026-W00",
        "2026-w01",
        "2026-02-29",
        "2026-10-5",
        "2026-10-05-01",
        "+026-10",
        "2026-Q+1",
        "october",
    ] {
        assert!(Period::parse(text).is_err(), "{text}");
    }
    let said = Period::parse("2026-13").expect_err("no month").to_string();
    assert!(said.starts_with("`2026-13` is not a period: expected a day"), "{said}");
}

#[test]
fn every_instant_of_a_decade_is_in_the_period_that_names_it() {
    for name in ["Europe/Vienna", "Africa/Cairo", "America/Sao_Paulo", "Pacific/Apia"] {
        let zone = zone(name);
        let mut moment = at("2008-01-01T00:00:00Z");
        while moment < at("2018-01-01T00:00:00Z") {
            for unit in [Unit::Day, Unit::Week, Unit::Month, Unit::Quarter, Unit::Year] {
                let (from, to) = Period::at(unit, &zone, moment).bounds(&zone);
                assert!(from < moment && moment <= to, "{name} {} {moment:?}", unit.as_str());
            }
            moment = moment.shifted(31 * 3_600_000 + 1_234_567);
        }
    }
}
