//! Alerts over time: one for each thing that lasts, whatever flaps, restarts or is repeated.
//!
//! Outages and standings are made by hand; the time is told.
//!
//! What is delivered is tested in `tests/it/push.rs`.

use super::signs::{self, Promised, Stand};
use super::*;
use crate::config::load_text;
use crate::model::{Reason, Road, Service};
use crate::monitor::outages::Outage;
use crate::monitor::snapshot::SightView;
use crate::slo::burn::WINDOWS;
use crate::slo::spans::{Timeline, What};
use crate::slo::standing::{Standing, View, assess};
use std::path::Path;

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(second * 1_000)
}

fn stand() -> Stand {
    Stand { vantage: "here".into(), page: "http://mon:9464/".into() }
}

/// The service `shop` on one or two clouds.
fn shop(clouds: &[&str], more: &str) -> Service {
    let clouds = clouds.iter().map(|cloud| format!("[provider.{cloud}]\nhost = \"192.0.2.1\"\n"));
    let clouds: String = clouds.collect();
    let text = format!(
        "{clouds}[probe.port.tcp]\naddress = \"{{host}}:25\"\n[service.shop]\ntitle = \"Shop\"\n\
         probes = [\"port\"]\nlabels = {{ team = \"web\", tier = \"1\" }}\n{more}"
    );
    match load_text(Path::new("probes.toml"), text) {
        Ok(loaded) => loaded.config.services[0].clone(),
        Err(problems) => panic!("{}", problems.render(false)),
    }
}

fn outage(provider: &str, started: i64) -> Outage {
    let scope = if provider.is_empty() { "any".to_owned() } else { format!("provider:{provider}") };
    Outage {
        id: format!("shop/{scope}/{started}").into(),
        service: "shop".into(),
        scope: scope.into(),
        provider: provider.into(),
        started: at(started),
        ended: None,
        reason: Some(Reason::ConnectRefused),
        check: Some("shop/aws/port".into()),
        said: Some("connection refused".into()),
        ..Outage::default()
    }
}

fn sign(service: &Service, provider: &str, started: i64) -> Sign {
    signs::outage(&stand(), service, &outage(provider, started)).unwrap()
}

/// A sign of a tier; what it is about does not matter here.
fn tier(now: i64) -> Sign {
    Sign {
        labels: [("alertname".into(), "Burn".into())].into(),
        annotations: Pairs::new(),
        source: Source::Condition,
        started: at(now),
    }
}

fn texts(pairs: &Pairs) -> Vec<(&str, &str)> {
    pairs.iter().map(|(name, value)| (&**name, &**value)).collect()
}

/// Start and end of each alert, in seconds.
fn spans(alerts: &Alerts) -> Vec<(i64, Option<i64>)> {
    let second = |at: Timestamp| at.as_millis() / 1_000;
    alerts.list().iter().map(|each| (second(each.started), each.ended.map(second))).collect()
}

#[test]
fn labels_say_what_it_is_about_and_annotations_what_may_change() {
    let service = shop(&["aws", "gcp"], "");
    let side = sign(&service, "aws", 30);
    let wanted = [
        ("alertname", "NephoscopeOutage"),
        ("label_tier", "1"),
        ("provider", "aws"),
        ("scope", "provider:aws"),
        ("service", "shop"),
        ("severity", "ticket"),
        ("team", "web"),
        ("vantage", "here"),
    ];
    assert_eq!(texts(&side.labels), wanted);
    let wanted = [
        ("dashboard_url", "http://mon:9464/"),
        ("description", "shop/aws/port: connection refused (connect_refused)"),
        ("outage", "shop/provider:aws/30"),
        ("summary", "Shop is down on aws"),
    ];
    assert_eq!(texts(&side.annotations), wanted);
    let whole = sign(&service, "", 30);
    assert_eq!(whole.labels["severity"].as_ref(), "page");
    assert_eq!(whole.labels.get("provider"), None);
    assert_eq!(whole.annotations["summary"].as_ref(), "Shop is down on every provider");
}

#[test]
fn a_service_on_one_cloud_is_told_once() {
    let service = shop(&["aws"], "");
    assert_eq!(signs::outage(&stand(), &service, &outage("aws", 30)), None);
    let whole = sign(&service, "", 30);
    assert_eq!((&*whole.labels["provider"], &*whole.labels["severity"]), ("aws", "page"));
    assert_eq!(whole.annotations["summary"].as_ref(), "Shop is down on aws");

    let at_its_name = Outage { scope: "entry".into(), ..outage("", 30) };
    let entry = signs::outage(&stand(), &service, &at_its_name).unwrap();
    assert_eq!((entry.labels.get("provider"), &*entry.labels["severity"]), (None, "page"));
    assert_eq!(entry.annotations["summary"].as_ref(), "Shop is down at its public name");
}

#[test]
fn an_outage_is_one_alert_from_its_start_to_its_end() {
    let service = shop(&["aws", "gcp"], "");
    let mut alerts = Alerts::default();
    alerts.tell_outages(vec![sign(&service, "aws", 30)], |_| None, at(40));
    alerts.tell_outages(vec![sign(&service, "aws", 30)], |_| None, at(41));
    assert_eq!(spans(&alerts), [(30, None)]);
    let ended = |id: &str| (id == "shop/provider:aws/30").then_some(at(90));
    alerts.tell_outages(vec![], ended, at(100));
    assert_eq!(spans(&alerts), [(30, Some(90))]);
    alerts.tell_outages(vec![sign(&service, "aws", 120)], |_| None, at(130));
    assert_eq!(spans(&alerts), [(120, None)], "the same labels, another alert");
}

#[test]
fn words_that_change_make_no_other_alert() {
    let service = shop(&["aws", "gcp"], "");
    let mut alerts = Alerts::default();
    let mut sign = sign(&service, "aws", 30);
    alerts.tell_outages(vec![sign.clone()], |_| None, at(40));
    assert_eq!(alerts.changes().len(), 1);
    sign.annotations.insert("blame".into(), "provider".into());
    alerts.tell_outages(vec![sign], |_| None, at(41));
    assert_eq!(alerts.changes(), []);
    assert_eq!(alerts.list()[0].annotations["blame"].as_ref(), "provider");
}

#[test]
fn a_tier_that_flaps_is_one_alert_and_ends_where_it_fell_quiet() {
    let mut alerts = Alerts::default();
    let calm = i64::try_from(CALM.as_secs()).unwrap();
    alerts.tell_conditions(vec![tier(0)], at(0));
    for second in [15, 45, 75] {
        alerts.tell_conditions(vec![], at(second));
        alerts.tell_conditions(vec![tier(second + 15)], at(second + 15));
    }
    assert_eq!(spans(&alerts), [(0, None)]);
    alerts.tell_conditions(vec![], at(105));
    alerts.tell_conditions(vec![], at(105 + calm - 1));
    assert_eq!(spans(&alerts), [(0, None)]);
    alerts.tell_conditions(vec![], at(105 + calm));
    assert_eq!(spans(&alerts), [(0, Some(105))]);
    alerts.tell_conditions(vec![tier(900)], at(900));
    assert_eq!(spans(&alerts), [(900, None)]);
}

#[test]
fn an_end_is_held_until_everybody_can_have_learnt_of_it() {
    let (held, week) = (HELD.as_secs().cast_signed(), HELD_FOR_WEBHOOK.as_secs().cast_signed());
    let service = shop(&["aws", "gcp"], "");
    let webhook: Arc<str> = "hooks:443".into();
    let ended = |webhooks: &[Arc<str>]| {
        let mut alerts = Alerts::new(webhooks.to_vec());
        alerts.tell_outages(vec![sign(&service, "aws", 0)], |_| None, at(0));
        alerts.tell_outages(vec![], |_| None, at(10));
        alerts
    };
    let mut alerts = ended(&[]);
    alerts.forget(at(10 + held - 1));
    assert_eq!(spans(&alerts), [(0, Some(10))]);
    alerts.changes();
    alerts.forget(at(10 + held));
    assert_eq!(spans(&alerts), []);
    assert!(matches!(alerts.changes()[..], [store::Fact::AlertOver(_)]));

    let mut alerts = ended(&[Arc::clone(&webhook)]);
    alerts.forget(at(10 + week - 1));
    assert_eq!(spans(&alerts), [(0, Some(10))]);
    let fingerprint = alerts.list()[0].fingerprint;
    let taken = |started, ended| Taken { fingerprint, started: at(started), ended };
    alerts.take(&webhook, &[taken(-5, true)]);
    alerts.forget(at(10 + held));
    assert_eq!(alerts.list().len(), 1, "an earlier alert of the same labels was taken, not this");
    alerts.take(&webhook, &[taken(0, true)]);
    alerts.forget(at(10 + held));
    assert_eq!(spans(&alerts), []);
}

#[test]
fn a_life_goes_on_from_what_was_stored() {
    let service = shop(&["aws", "gcp"], "");
    let mut before = Alerts::default();
    let lasting = vec![sign(&service, "aws", 30), sign(&service, "gcp", 50)];
    before.tell_outages(lasting, |_| None, at(60));
    before.tell_conditions(vec![tier(60)], at(60));
    let first = before.list()[0].clone();
    let taken = Taken { fingerprint: first.fingerprint, started: first.started, ended: false };
    before.take(&"hooks:443".into(), &[taken]);
    let rows: Vec<_> = before
        .changes()
        .into_iter()
        .map(|fact| match fact {
            store::Fact::Alert(row) => row,
            other => panic!("{other:?}"),
        })
        .collect();

    let mut after = Alerts::default();
    after.recall(&rows, at(500));
    assert_eq!(after.list(), before.list());
    assert_eq!(after.taken_by("hooks:443").collect::<Vec<_>>(), [taken]);
    // One of them ended in the meantime, and was said to; the other goes on, and so does the tier.
    let ended = |id: &str| (id == "shop/provider:gcp/50").then_some(at(70));
    after.tell_outages(vec![sign(&service, "aws", 30)], ended, at(501));
    after.tell_conditions(vec![tier(501)], at(501));
    let mut spans = spans(&after);
    spans.sort_unstable();
    assert_eq!(spans, [(30, None), (50, Some(70)), (60, None)]);
}

#[test]
fn a_row_that_cannot_be_read_is_left_out() {
    let service = shop(&["aws", "gcp"], "");
    let mut before = Alerts::default();
    before.tell_outages(vec![sign(&service, "aws", 30)], |_| None, at(60));
    let Some(store::Fact::Alert(row)) = before.changes().pop() else { panic!("one row") };
    let spoilt = [
        store::Alert { labels: "{}".to_owned(), ..row.clone() },
        store::Alert { id: "not a number".to_owned(), ..row.clone() },
        store::Alert { taken: "[]".to_owned(), ..row },
    ];
    let mut after = Alerts::default();
    after.recall(&spoilt, at(60));
    assert_eq!(after.list().len(), 0);
}

/// The standing of the first promise after a day in which the last so many seconds were bad.
fn burning(service: &Service, bad: i64, suppressed: bool) -> Standing {
    let (day, zone) = (86_400, jiff::tz::TimeZone::UTC);
    let mut line = Timeline::new(at(0));
    line.append(What::Good, at(day - bad));
    line.append(What::Bad(Some(Reason::Status)), at(day));
    let view = View {
        timeline: &line,
        cadences: &[],
        failures: &|_, _| 10,
        future_excluded: &|_, _| 0,
        suppressed,
    };
    assess(&service.objectives[0], &zone, &view, at(day))
}

/// Tier and severity of the signs, in order.
fn fired(service: &Service, bad: i64, suppressed: bool) -> Vec<(String, String)> {
    let standing = burning(service, bad, suppressed);
    let objective = &service.objectives[0];
    let promised = Promised { objective, scope: "any", provider: "", standing: &standing };
    let signs = signs::tiers(&stand(), service, promised, at(86_400));
    signs
        .iter()
        .map(|it| (it.labels["tier"].to_string(), it.labels["severity"].to_string()))
        .collect()
}

#[test]
fn tiers_are_told_with_the_urgency_of_the_promise_and_not_under_maintenance() {
    assert_eq!(WINDOWS[2].as_secs(), 3_600);
    let service = |alert| {
        shop(&["aws", "gcp"], &format!("slo = [{{ objective = 99.9, window = \"30d\"{alert} }}]"))
    };
    let words = |all: &[(&str, &str)]| -> Vec<(String, String)> {
        all.iter().map(|(tier, severity)| ((*tier).to_owned(), (*severity).to_owned())).collect()
    };
    let both = words(&[("page_fast", "page"), ("page_slow", "page")]);
    let found = fired(&service(""), 600, false);
    assert_eq!(found[..2], both[..]);
    let tickets = fired(&service(", alert = \"ticket\""), 600, false);
    assert_eq!(tickets.len(), found.len());
    assert!(tickets.iter().all(|(_, severity)| severity == "ticket"), "{tickets:?}");
    assert_eq!(fired(&service(""), 600, true), []);
    assert_eq!(fired(&service(""), 0, false), []);
    assert!(!signs::is_told(&service(", alert = \"none\"").objectives[0]));
    assert!(!signs::is_told(
        &shop(&["aws"], "slo = [{ objective = 99.9, window = \"1d\" }]").objectives[0]
    ));
}

#[test]
fn a_monitor_that_cannot_see_says_so_itself() {
    let fine = SightView::default();
    assert_eq!(signs::monitor(&stand(), &fine, &[]), []);
    let blind = SightView {
        dark: vec![(Road::Ipv4, at(30)), (Road::Resolver, at(20))],
        vantage_offline: true,
        ..SightView::default()
    };
    let deaf = SightView { resolver_offline: true, vantage_offline: false, ..blind.clone() };
    let told = |sight| {
        let signs = signs::monitor(&stand(), sight, &[]);
        assert_eq!(signs.len(), 1);
        (signs[0].labels["alertname"].to_string(), signs[0].started)
    };
    assert_eq!(told(&blind), ("NephoscopeVantageOffline".to_owned(), at(20)));
    assert_eq!(told(&deaf), ("NephoscopeResolverOffline".to_owned(), at(20)));

    let broken = [("@sentinel/name/example.com", at(40))];
    let signs = signs::monitor(&stand(), &fine, &broken);
    let wanted = [
        ("alertname", "NephoscopeSentinelBroken"),
        ("sentinel", "@sentinel/name/example.com"),
        ("severity", "ticket"),
        ("vantage", "here"),
    ];
    assert_eq!((texts(&signs[0].labels), signs[0].started), (wanted.to_vec(), at(40)));
}

#[test]
fn a_burn_is_described_with_its_numbers() {
    let service = shop(&["aws", "gcp"], "objective = 99.9\nwindow = \"30d\"");
    let standing = burning(&service, 600, false);
    let objective = &service.objectives[0];
    let promised = Promised { objective, scope: "any", provider: "", standing: &standing };
    let signs = signs::tiers(&stand(), &service, promised, at(86_400));
    let said = |name: &str| signs[0].annotations[name].to_string();
    assert_eq!(said("summary"), "Shop burns its error budget (availability-30d, page_fast)");
    assert_eq!(
        said("description"),
        "over 1h the budget burns 166.7 times as fast as it may, over 5m 1000.0 times; the alert is above 14.4; \
         76.9 % of the budget of 30d is left"
    );
    assert_eq!(signs[0].labels["slo"].as_ref(), "availability-30d");
}
