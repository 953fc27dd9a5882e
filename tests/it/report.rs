//! `nephoscope report` on stores that the test wrote: every format as a whole, several vantages, and wrong questions.
//!
//! The numbers are those of the engine, which is tested beside it; here they have to arrive, add up and read well. The html has
//! to be one well-formed file that loads nothing.
//!
//! How a browser shows it cannot be tested here.

use crate::support::daemon::{Running, binary};
use crate::support::shelf::{ENDED, Shelf, WATCHED};
use nephoscope::monitor::form::{Number, StandingForm};
use nephoscope::store::{Drill, Fact, Failover, Maintenance, Outage, Period, Promise};
use nephoscope::web::report::{ReportForm, WhatWord};
use std::path::Path;
use tempfile::TempDir;

const HOUR: i64 = 3_600;
/// 2026-10-25 02:00 in Vienna, the night in which the clocks go back.
const NIGHT: i64 = 1_792_886_400;

/// A store of vie-1: borealis fails on a night for two hours and, for half an hour on another day, aurora too; then the
/// vantage sees nothing for three hours.
fn usual(folder: &Path, vantage: &str) {
    let mut shelf = Shelf::new(folder, vantage);
    let both = NIGHT + 72 * HOUR..NIGHT + 72 * HOUR + 1_800;
    let blind = NIGHT + 100 * HOUR..NIGHT + 103 * HOUR;
    let blind = std::slice::from_ref(&blind);
    shelf.watch("shop/aurora/web", std::slice::from_ref(&both), blind);
    shelf.watch("shop/borealis/web", &[NIGHT..NIGHT + 2 * HOUR, both.clone()], blind);
    shelf.watch("intranet/aurora/web", &[], blind);
    shelf.watch("intranet/borealis/web", &[], blind);
    shelf.watch("intranet/entry/web", std::slice::from_ref(&(NIGHT..NIGHT + 600)), blind);
    switches(&shelf);
    shelf.keep(outage("provider:borealis", NIGHT..NIGHT + 2 * HOUR, "refused by 192.0.2.7:443"));
    shelf.keep(outage("any", both, "refused | by <b>all</b>, \"both\""));
    for (revision, bad, why) in [(1, 9_000, "closed"), (2, 1_800, "maintenance `fiber` was added")]
    {
        shelf.keep(frozen(revision, f64::from(bad), why));
    }
    shelf.close();
}

/// A failover of each kind of the shop's public name, and the drill that one of them was.
fn switches(shelf: &Shelf) {
    let failover = |cause: &str, began: i64, steps: [Option<i64>; 5]| Failover {
        id: format!("shop/{began}"),
        service: "shop".to_owned(),
        cause: cause.to_owned(),
        from: "borealis".to_owned(),
        to: Some("aurora".to_owned()),
        began_ms: began * 1_000,
        steps_ms: steps.map(|after| after.map(|after| (began + after) * 1_000)),
        ended_ms: Some((began + 7_500) * 1_000),
        ..Failover::default()
    };
    let night =
        failover("outage", NIGHT, [Some(62), Some(301), Some(1_500), Some(1_502), Some(7_500)]);
    let recovered_ms = Some((NIGHT + 2 * HOUR) * 1_000);
    shelf.keep(Fact::Failover(Failover { late: true, split: true, recovered_ms, ..night }));
    let (drilled, found) = (NIGHT + 24 * HOUR, NIGHT + 48 * HOUR);
    let meant = [None, Some(30), Some(65), Some(66), Some(7_500)];
    shelf.keep(Fact::Failover(failover("planned", drilled, meant)));
    shelf.keep(Fact::Failover(failover("silent", found, [None, Some(0), Some(90), None, None])));
    let both = failover("outage", NIGHT + 72 * HOUR, [Some(63), None, None, None, None]);
    shelf.keep(Fact::Failover(Failover { to: None, ended_ms: None, ..both }));
    shelf.keep(Fact::Drill(Drill {
        id: format!("shop/{drilled}"),
        service: "shop".to_owned(),
        started_ms: drilled * 1_000,
        by: "ann".to_owned(),
        reason: "quarterly | drill".to_owned(),
        ended_ms: Some((drilled + 7_800) * 1_000),
        ended_by: Some("bob".to_owned()),
    }));
}

fn outage(scope: &str, during: std::ops::Range<i64>, said: &str) -> Fact {
    let provider = scope.strip_prefix("provider:");
    Fact::Outage(Outage {
        id: format!("shop/{scope}/{}", during.start),
        service: "shop".to_owned(),
        scope: scope.to_owned(),
        provider: provider.map(str::to_owned),
        started_ms: during.start * 1_000,
        ended_ms: Some(during.end * 1_000),
        reason: Some("connect_refused".to_owned()),
        check: Some("shop/borealis/web".to_owned()),
        said: Some(said.to_owned()),
        blame: Some(if provider.is_some() { "provider" } else { "application" }.to_owned()),
        blamed: provider.map(|provider| format!("{provider}/north")),
        incident: provider.map(|provider| format!("provider:{provider}/north/{}", during.start)),
        ..Outage::default()
    })
}

/// October of the contract, as if it had been frozen with this bad time.
fn frozen(revision: u32, bad: f64, why: &str) -> Fact {
    let (from, to) = (1_790_805_600, 1_793_487_600);
    #[expect(clippy::cast_precision_loss, reason = "some weeks")]
    let elapsed = (to - from) as f64;
    let budget = elapsed * 0.01;
    let standing = StandingForm {
        at: Number(1_793_487_600.0),
        service: "shop".to_owned(),
        scope: "all".to_owned(),
        provider: String::new(),
        slo: "contract".to_owned(),
        kind: "time".to_owned(),
        unit: "s".to_owned(),
        window: "2026-10".to_owned(),
        from: Number(1_790_805_600.0),
        to: Number(1_793_487_600.0),
        elapsed_s: Number(elapsed),
        good_s: Number(elapsed - bad),
        bad_s: Number(bad),
        unknown_s: Number(0.0),
        excluded_s: Number(0.0),
        availability: Some(Number((elapsed - bad) / elapsed)),
        availability_low: Some(Number((elapsed - bad) / elapsed)),
        availability_high: Some(Number((elapsed - bad) / elapsed)),
        coverage: Some(Number(1.0)),
        objective: Number(0.99),
        budget_s: Number(budget),
        budget_left_s: Number(budget - bad),
        budget_remaining: Some(Number(1.0 - bad / budget)),
        burn: nephoscope::monitor::form::BurnForm::default(),
        alerts: None,
        suppressed: false,
    };
    Fact::Period(Period {
        service: "shop".to_owned(),
        slo: "contract".to_owned(),
        scope: "all".to_owned(),
        provider: String::new(),
        period: "2026-10".to_owned(),
        from_ms: from * 1_000,
        to_ms: to * 1_000,
        revision,
        made_ms: (to + i64::from(revision) * HOUR) * 1_000,
        why: why.to_owned(),
        standing: serde_json::to_string(&standing).unwrap(),
    })
}

/// A folder with the configuration and the store of vie-1 in `vie`.
fn place() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("probes.toml"), WATCHED).unwrap();
    usual(&folder.path().join("vie"), "vie-1");
    folder
}

/// Exit code, stdout and stderr of `nephoscope report` in `folder`.
fn report(folder: &Path, arguments: &str) -> (i32, String, String) {
    let arguments = arguments.split_whitespace();
    let output = binary().current_dir(folder).arg("report").args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn said(arguments: &str) -> String {
    let (code, said, words) = report(place().path(), arguments);
    assert_eq!((code, words.as_str()), (0, ""), "{said}");
    said
}

fn form(folder: &Path, arguments: &str) -> ReportForm {
    let (_, said, words) = report(folder, &format!("{arguments} --format json"));
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}{words}"))
}

#[test]
fn a_table_for_the_terminal() {
    insta::assert_snapshot!("report_table", said("--store vie"));
}

#[test]
fn markdown_for_a_ticket() {
    insta::assert_snapshot!("report_markdown", said("--store vie --match team=storefront"));
}

#[test]
fn csv_for_a_spreadsheet() {
    let kinds =
        ["standings", "stretches", "outages", "failovers", "drills", "frozen", "clouds", "blame"];
    let all = kinds.map(|rows| said(&format!("--store vie --format csv --rows {rows}")));
    insta::assert_snapshot!("report_csv", all.join("\n").replace('\r', ""));
}

#[test]
fn json_for_a_program() {
    let said = said("--store vie --match service=shop --window 1d --format json");
    insta::assert_snapshot!("report_json", said);
}

#[test]
fn html_for_a_customer() {
    let page = said("--store vie --window 7d --format html");
    let (before, rest) = page.split_once("<style>").unwrap();
    let (_, after) = rest.split_once("</style>").unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let page = format!("{before}{after}").replace(version, "[version]").replace("><", ">\n<");
    insta::assert_snapshot!("report_html", page);
}

/// Elements of html that have no end.
const VOID: [&str; 2] = ["meta", "br"];

#[test]
fn the_html_is_well_formed_and_loads_nothing() {
    let page = said("--store vie --format html");
    let mut open: Vec<&str> = Vec::new();
    let body = page.strip_prefix("<!DOCTYPE html>").unwrap();
    for piece in body.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').unwrap_or_else(|| panic!("`<` without end: {piece}"));
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "in {open:?}");
        } else {
            let name = tag.split_whitespace().next().unwrap();
            if !VOID.contains(&name) {
                open.push(name);
            }
        }
    }
    assert!(open.is_empty(), "{open:?}");
    for outside in [
        "http://",
        "https://",
        "src=",
        "href=",
        "@import",
        "<script",
        "<link",
        "<iframe",
        "by <b>all",
    ] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert_eq!(page.matches("url(").count(), page.matches("url(#hatch)").count());
    assert!(page.contains("Web shop &lt;eu&gt;"));
}

#[test]
fn stretches_and_days_add_up_to_the_numbers() {
    let folder = place();
    for arguments in ["--store vie", "--store vie --period 2026-10-25", "--store vie --window 3d"] {
        let form = form(folder.path(), arguments);
        for slo in form.services.iter().flat_map(|service| &service.slos) {
            for scope in slo.scopes.iter().filter(|scope| scope.revision.is_none()) {
                let bad: f64 = scope.stretches.iter().map(|stretch| stretch.bad_s.0).sum();
                let unknown: f64 = scope.stretches.iter().map(|stretch| stretch.unknown_s.0).sum();
                let shown = (scope.standing.bad_s.0, scope.standing.unknown_s.0);
                assert_eq!((bad, unknown), shown, "{}", slo.slo);
            }
            let first = &slo.scopes[0].standing;
            let days = |part: fn(&nephoscope::web::report::DayForm) -> f64| -> f64 {
                slo.days.iter().map(part).sum()
            };
            assert_eq!(
                (days(|day| day.good_s.0), days(|day| day.bad_s.0)),
                (first.good_s.0, first.bad_s.0)
            );
        }
    }
}

#[test]
fn clouds_and_blame_add_up_to_the_numbers() {
    let folder = place();
    for arguments in ["--store vie", "--store vie --period 2026-10-25", "--store vie --window 3d"] {
        let form = form(folder.path(), arguments);
        for service in &form.services {
            let clouds = service.exposure.as_ref().unwrap();
            let parts: f64 = clouds.parts().iter().map(|part| part.seconds).sum();
            assert_eq!((Number(parts), clouds.sides.len()), (clouds.elapsed_s, 2));
            for slo in &service.slos {
                for scope in slo.scopes.iter().filter(|scope| scope.revision.is_none()) {
                    let bad: f64 = scope.blame.iter().map(|part| part.bad_s.0).sum();
                    assert_eq!(Number(bad), scope.standing.bad_s, "{}", scope.standing.scope);
                }
            }
        }
        let wanted = &form.services[0].slos[0].scopes[0].standing;
        let none = form.services[0].exposure.as_ref().unwrap().none_s;
        assert_eq!((&*wanted.scope, none), ("any", wanted.bad_s));
    }
    let one = form(folder.path(), "--store vie --match provider=aurora");
    assert!(one.services.iter().all(|service| service.exposure.is_none()));
}

#[test]
fn failovers_of_the_period_are_listed_with_their_steps() {
    let folder = place();
    let all = form(folder.path(), "--store vie --match service=shop");
    let marks = |of: &ReportForm| -> Vec<_> {
        let rows = of.services[0].failovers.iter();
        rows.map(|row| (row.cause.clone(), row.planned, row.marks.join(" "))).collect()
    };
    let expected = [
        ("outage", false, "late split"),
        ("planned", true, ""),
        ("silent", false, "silent"),
        ("outage", false, ""),
    ];
    let row =
        |(cause, planned, marks): (&str, bool, &str)| (cause.to_owned(), planned, marks.to_owned());
    assert_eq!(marks(&all), expected.map(row));
    let night = &all.services[0].failovers[0];
    let steps: Vec<_> = night.steps_s.iter().map(|(step, took)| (&**step, took.0)).collect();
    let took = [
        ("authoritative", 301.0),
        ("back", 7_500.0),
        ("detect", 62.0),
        ("fresh_client", 1_502.0),
        ("resolvers", 1_500.0),
    ];
    assert_eq!(steps, took);
    assert_eq!((all.services[0].drills.len(), &*all.services[0].drills[0].by), (1, "ann"));

    // What went on into the period is listed; what ended before it, or began after it, is not.
    let day = form(folder.path(), "--store vie --match service=shop --period 2026-10-26");
    assert_eq!(marks(&day), [expected[1]].map(row));
    let late = form(folder.path(), "--store vie --match service=shop --period 2026-11-02");
    assert_eq!(marks(&late), [expected[3]].map(row));
    assert!(late.services[0].drills.is_empty());
    let side = form(folder.path(), "--store vie --match service=shop --match provider=aurora");
    assert_eq!(marks(&side).len(), 3);
}

#[test]
fn a_public_name_that_never_failed_over_says_so_in_every_format() {
    let folder = place();
    for format in ["table", "markdown", "html"] {
        let arguments = format!("--store vie --match service=intranet --format {format}");
        let (_, said, _) = report(folder.path(), &arguments);
        assert!(said.contains("No failover in the reported time."), "{said}");
        assert!(said.contains("bad for 10m while a cloud could serve"), "{said}");
    }
}

#[test]
fn a_day_on_which_clocks_go_back_has_twenty_five_hours() {
    let form = form(place().path(), "--store vie --period 2026-10-25 --match provider=borealis");
    let slo = &form.services[0].slos[0];
    let [scope] = &slo.scopes[..] else { panic!("only one side: {:?}", slo.scopes) };
    assert_eq!(scope.standing.scope, "provider:borealis");
    let Number(elapsed) = scope.standing.elapsed_s;
    assert_eq!((elapsed, scope.standing.bad_s.0), (90_000.0, 7_200.0));
    assert_eq!(slo.days.len(), 1);
    let outages: Vec<_> = form.services[0].outages.iter().map(|outage| &*outage.scope).collect();
    assert_eq!(outages, ["provider:borealis"]);
}

#[test]
fn a_closed_period_is_reported_as_it_was_frozen_with_every_revision() {
    let form = form(place().path(), "--store vie --period 2026-10 --match service=shop");
    let contract = &form.services[0].slos[1];
    let all = &contract.scopes[0];
    assert_eq!((all.revision, all.standing.bad_s.0, all.met), (Some(2), 1_800.0, Some(true)));
    let revisions: Vec<_> =
        contract.frozen.iter().map(|frozen| (frozen.revision, &*frozen.why)).collect();
    assert_eq!(revisions, [(2, "maintenance `fiber` was added"), (1, "closed")]);
    assert_eq!(contract.scopes[1].revision, None);
}

#[test]
fn bad_time_says_what_was_seen() {
    let form = form(place().path(), "--store vie --match service=shop");
    let any = &form.services[0].slos[0].scopes[0];
    let bad: Vec<_> = any.stretches.iter().filter(|each| each.what == WhatWord::Bad).collect();
    let [bad] = &bad[..] else { panic!("{bad:?}") };
    assert_eq!(bad.why.as_deref(), Some("connect_refused"));
    assert_eq!(bad.said.as_deref(), Some("refused | by <b>all</b>, \"both\""));
    assert_eq!(bad.bad_s, Number(1_800.0));
}

#[test]
fn several_vantages_are_merged_and_the_missing_one_is_named() {
    let folder = place();
    let mut alone = Shelf::new(&folder.path().join("fra"), "fra-1");
    let only_here = NIGHT + 24 * HOUR..NIGHT + 25 * HOUR;
    alone.watch("shop/aurora/web", std::slice::from_ref(&only_here), &[]);
    alone.watch("shop/borealis/web", &[NIGHT..NIGHT + HOUR, only_here], &[]);
    alone.watch("intranet/aurora/web", &[], &[]);
    alone.watch("intranet/borealis/web", &[], &[]);
    switches(&alone);
    alone.close();

    let both = form(folder.path(), "--store vie --store fra --match service=shop");
    assert_eq!((both.quorum, both.at.0), (Some(2), f64::from(i32::try_from(ENDED).unwrap())));
    let borealis = &both.services[0].slos[0].scopes[3].standing;
    // An hour of the night was seen bad by both; the rest by one of two, which had no quorum and left one that saw good.
    assert_eq!((&*borealis.scope, borealis.bad_s.0), ("provider:borealis", 3_600.0));
    let names: Vec<_> = both.vantages.iter().map(|each| &*each.vantage).collect();
    assert_eq!(names, ["vie-1", "fra-1"]);
    let seen: Vec<_> = both.services[0].failovers.iter().map(|each| &*each.vantage).collect();
    assert_eq!(seen[..2], ["vie-1", "fra-1"]);
    let clouds = both.services[0].exposure.as_ref().unwrap();
    assert_eq!(clouds.sides[1].covered_s, Number(3_600.0));
    let first = &both.services[0].slos[0].scopes[3];
    let blamed = first.blame.iter().map(|part| part.bad_s.0).sum();
    assert_eq!(Number(blamed), first.standing.bad_s);

    let (code, said, words) =
        report(folder.path(), "--store vie --store gone --store fra --format json");
    let three: ReportForm = serde_json::from_str(&said).unwrap();
    assert_eq!((code, three.quorum), (1, Some(2)));
    assert_eq!(words, "nephoscope: the report lacks `gone`: there is no store in `gone`\n");
    assert_eq!(three.vantages[1].problem.as_deref(), Some("there is no store in `gone`"));
    let any = three.services.iter().find(|each| each.service == "shop").unwrap();
    // What one saw bad and one good is not known without the third.
    assert!(any.slos[0].scopes[0].standing.unknown_s.0 > 0.0);
}

#[test]
fn maintenance_that_one_vantage_was_told_of_holds_for_all_and_changed_promises_are_said() {
    let folder = place();
    let mut told = Shelf::new(&folder.path().join("fra"), "fra-1");
    for check in ["shop/aurora/web", "shop/borealis/web"] {
        told.watch(check, &[], &[]);
    }
    told.keep(Fact::Maintenance(Maintenance {
        id: "fiber".to_owned(),
        added_ms: NIGHT * 1_000,
        by: "ops".to_owned(),
        reason: "fiber".to_owned(),
        matching: r#"{"service":["shop"]}"#.to_owned(),
        from_ms: (NIGHT + 72 * HOUR) * 1_000,
        to_ms: (NIGHT + 73 * HOUR) * 1_000,
        ended_ms: None,
        ended_by: None,
    }));
    for (from, definition) in [(NIGHT - 24 * HOUR, "{}"), (NIGHT, r#"{"objective_parts":1}"#)] {
        told.keep(Fact::Promise(Promise {
            service: "shop".to_owned(),
            slo: "availability-14d".to_owned(),
            from_ms: from * 1_000,
            definition: definition.to_owned(),
        }));
    }
    told.close();
    let form = form(folder.path(), "--store vie --store fra --match service=shop --quorum 1");
    let any = &form.services[0].slos[0].scopes[0].standing;
    assert_eq!((any.bad_s.0, any.excluded_s.0), (0.0, 3_600.0));
    let notice = "`availability-14d` of `shop` was promised differently before 2026-10-25 02:00:00 +02:00; \
                  its numbers are for what is promised now";
    assert_eq!(form.notices[0], notice);
}

#[test]
fn a_store_that_knows_nothing_is_said_kindly() {
    let folder = place();
    Shelf::new(&folder.path().join("new"), "new-1").close();
    let (code, said, _) = report(folder.path(), "--store new --match service=shop");
    assert_eq!(code, 0);
    assert!(said.contains("knows of nothing yet"), "{said}");
    assert!(said.contains("no_data"), "{said}");
    let (_, page, _) = report(folder.path(), "--store new --format html");
    assert!(page.contains("Nothing of this time was observed yet"), "{page}");
}

#[test]
fn wrong_questions_are_refused_with_a_hint() {
    let folder = place();
    let refused = [
        ("--window 30", "`30` is not a window"),
        ("--period 2026-13", "2026-13"),
        ("--period 2027-01", "has not begun yet"),
        ("--window 7d --period 2026-10", "cannot be used with"),
        ("--window 3y", "window"),
        ("--match shop", "`shop` is not `key=value`"),
        ("--match team=storefrond", "did you mean `team=storefront`?"),
        ("--quorum 2", "1 to 1"),
        ("--quorum 0", "1 to 1"),
    ];
    for (arguments, expected) in refused {
        let (code, said, words) = report(folder.path(), &format!("--store vie {arguments}"));
        assert_eq!((code, said.as_str()), (2, ""), "{arguments}: {words}");
        assert!(words.contains(expected), "{arguments}: {words}");
    }
    let (code, _, words) = report(folder.path(), "--store nowhere");
    assert_eq!((code, words.as_str()), (1, "nephoscope: there is no store in `nowhere`\n"));
    let (code, _, words) = report(folder.path(), "--socket nowhere.sock");
    assert_eq!(code, 1);
    assert!(words.contains("or read its store with `--store`"), "{words}");
}

#[test]
fn the_running_daemon_reports_over_its_socket() {
    let config = r#"
        [provider.aurora]
        host = "127.0.0.1"
        [probe.closed.tcp]
        address = "{host}:1"
        [service.shop]
        probes = ["closed"]
        interval = "1s"
        timeout = "500ms"
        labels = { team = "storefront" }
        slo = [{ objective = 99, window = "1h" }]
    "#;
    let daemon = Running::start(config, &[]);
    daemon.await_metric("nephoscope_check_state{", &["shop/aurora/closed"], |state| state > 3.5);
    let form = form(daemon.folder.path(), "--socket socket --match team=storefront");
    assert_eq!((&*form.vantages[0].vantage, &*form.vantages[0].source), ("test", "daemon"));
    let shop = &form.services[0];
    let scope = &shop.slos[0].scopes[0];
    assert_eq!((&*scope.standing.scope, scope.promised), ("provider:aurora", true));
    assert!(scope.standing.bad_s.0 > 0.0);
    let outage = shop.outages.iter().find(|outage| outage.provider == "aurora").unwrap();
    assert_eq!((outage.reason.as_deref(), outage.ended), (Some("connect_refused"), None));

    let (code, _, words) = report(daemon.folder.path(), "--socket socket --match team=storefrond");
    assert_eq!(code, 2);
    assert!(words.contains("did you mean `team=storefront`?"), "{words}");
}
