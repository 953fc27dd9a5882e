//! The status page, made from hand-made views and served over a real socket.
//!
//! What is compared is what a reader relies on: words, order, bounds, escaping, headers.
//!
//! How it looks is seen in a browser, not here.

use crate::support::still::{NOW, Still, ask, get, service};
use nephoscope::config::load_text;
use nephoscope::model::{Reason, State, Verdict};
use nephoscope::monitor::outages::Outage;
use nephoscope::monitor::references::{LastLook, ReferenceView};
use nephoscope::monitor::snapshot::Standing;
use nephoscope::web::Face;
use nephoscope::web::api::{Narrow, SloForm};
use nephoscope::web::page::{Sheet, render};
use std::sync::Arc;

/// The text of the page without its tags.
fn text(html: &str) -> String {
    let body = &html[html.find("<main").unwrap()..html.find("</main>").unwrap()];
    let mut text = String::new();
    let mut inside = false;
    for each in body.chars() {
        match each {
            '<' => inside = true,
            '>' => {
                inside = false;
                text.push(' ');
            }
            _ if !inside => text.push(each),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn the_worst_service_stands_first_and_says_why() {
    let page = get(Still::usual().face(), "/").await;
    let text = text(&page.body);
    let place = |word: &str| text.find(word).unwrap_or_else(|| panic!("no {word} in {text}"));
    let order = ["Search", "Web shop", "Mail relay", "Ledger", "Documentation"].map(place);
    assert!(order.is_sorted(), "{text}");
    assert!(text.starts_with("1 of 5 services is down 1 down 2 degraded 1 unknown 1 up"), "{text}");
    for words in [
        "Aurora Cloud down for 3m20s 192.0.2.7:443 refused the connection after 11ms connect_refused",
        "degraded for 3m20s slow: 1s in all, most of it in processing slow",
        "no sentinel answers either: this vantage is offline vantage_offline",
        "1 notice about the configuration one sentinel is too few",
        "good 1h56m bad 2m20s",
    ] {
        assert!(text.contains(words), "`{words}` is not in {text}");
    }
    assert!(page.body.contains("<title>1 down, 2 degraded · nephoscope vie-1</title>"));
    assert!(page.body.contains("13:05:09 UTC"), "the time of the picture");
}

#[tokio::test]
async fn a_monitor_that_sees_nothing_says_so_itself() {
    let page = text(&get(Still::blind().face(), "/").await.body);
    for words in [
        "This monitor sees nothing over IPv6, for 1m30s . What fails by that is unknown",
        "2 failures wait for an alibi, and may be this monitor's own.",
        "The sentinel @sentinel/tls/one.example:443 is broken, for 5s : it says nothing while others answer",
    ] {
        assert!(page.contains(words), "`{words}` is not in {page}");
    }
    let seeing = text(&get(Still::usual().face(), "/").await.body);
    assert!(!seeing.contains("This monitor sees nothing"), "{seeing}");
    assert!(!seeing.contains("alibi") && !seeing.contains("broken"), "{seeing}");
    let form = get(Still::blind().face(), "/api/v1/services").await;
    let form: nephoscope::web::api::ServicesForm = serde_json::from_str(&form.body).unwrap();
    let blind: Vec<_> = form.blind.iter().map(|it| (&*it.road, it.since)).collect();
    assert_eq!(blind, [("ipv6", NOW.shifted(-90_000).as_secs_f64())]);
    assert_eq!(form.unsettled, 2);
    assert_eq!(form.broken_sentinels[0].sentinel, "@sentinel/tls/one.example:443");
}

#[tokio::test]
async fn every_state_has_a_shape_of_its_own() {
    let page = get(Still::usual().face(), "/").await;
    for state in ["up", "degraded", "down", "unknown"] {
        assert!(page.body.contains(&format!("<symbol id=\"s-{state}\"")), "{state}");
        assert!(page.body.contains(&format!("<use href=\"#s-{state}\">")), "{state}");
    }
}

#[tokio::test]
async fn filters_narrow_and_say_so_when_nothing_is_left() {
    let shown =
        |path: &'static str| async move { text(&get(Still::usual().face(), path).await.body) };
    let degraded = shown("/?state=degraded").await;
    assert!(degraded.contains("Web shop") && !degraded.contains("Documentation"), "{degraded}");
    let one = shown("/?service=docs").await;
    assert!(one.contains("Documentation") && !one.contains("Web shop"), "{one}");
    let none = shown("/?state=maintenance").await;
    assert!(none.contains("No service is like that at the moment."), "{none}");
    let wrong = get(Still::usual().face(), "/?state=broken").await;
    assert!(wrong.head.starts_with("http/1.0 400"), "{}", wrong.head);
    assert!(wrong.body.contains("`broken` is not a state"), "{}", wrong.body);
}

#[tokio::test]
async fn twenty_thousand_services_stay_one_bounded_page() {
    let page = get(Still::crowd(20_000).face(), "/").await;
    assert_eq!(page.body.matches("<article").count(), 60);
    assert!(page.body.contains("<h2>19940 more</h2>"));
    assert!(page.body.contains("17940 others are not listed here"));
    assert!(page.body.len() < 2_000_000, "{} bytes", page.body.len());
}

#[tokio::test]
async fn nothing_from_a_file_or_a_server_becomes_markup() {
    let mut evil = service("<b>", "<script>alert(1)</script>", [State::Down, State::Up]);
    evil.runbook = Some("javascript:alert(1)".into());
    let check = &mut evil.sides[0].endpoints[0].checks[0];
    check.last.as_mut().unwrap().said = "<img src=x onerror=alert(1)>".into();
    let page = get(Still::of(vec![evil]).face(), "/").await;
    for raw in ["<script>alert", "<img src=x", "javascript:"] {
        assert!(!page.body.contains(raw), "{raw}");
    }
    assert!(page.body.contains("&lt;img src=x onerror=alert(1)&gt;"));
}

#[tokio::test]
async fn the_page_may_load_nothing_but_its_own_files() {
    let page = get(Still::usual().face(), "/").await;
    for line in [
        "content-security-policy: default-src 'none'; style-src 'self'; script-src 'self'; ",
        "x-content-type-options: nosniff",
        "x-frame-options: deny",
        "referrer-policy: no-referrer",
        "cache-control: no-store",
    ] {
        assert!(page.head.contains(line), "{line} is not in {}", page.head);
    }
    assert!(!page.body.contains(" style="), "the policy forbids inline styles");
    for (attribute, kind) in
        [("href=\"/assets/page.css", "text/css"), ("src=\"/assets/page.js", "text/javascript")]
    {
        let path = page.body.split(attribute).nth(1).unwrap().split('"').next().unwrap();
        let path = format!("{}{path}", attribute.split('"').nth(1).unwrap());
        let file = get(Still::usual().face(), &path).await;
        assert!(file.head.contains(kind) && file.head.contains("immutable"), "{}", file.head);
    }
}

#[tokio::test]
async fn reading_is_all_there_is() {
    let answer = ask(Still::usual().face(), "POST / HTTP/1.0\r\ncontent-length: 0").await;
    assert!(answer.head.starts_with("http/1.0 403"), "{}", answer.head);
    assert!(answer.body.contains("nobody may change anything"), "{}", answer.body);
    let head = ask(Still::usual().face(), "HEAD / HTTP/1.0").await;
    assert!(head.head.starts_with("http/1.0 200") && head.body.is_empty(), "{}", head.head);
    let lost = get(Still::usual().face(), "/nowhere").await;
    assert!(lost.head.starts_with("http/1.0 404") && lost.body.contains("/api/v1/services"));
}

#[tokio::test]
async fn an_endless_head_is_refused() {
    let request = format!("GET / HTTP/1.0\r\nx: {}", "a".repeat(64 * 1024));
    let answer = ask(Still::usual().face(), &request).await;
    assert!(answer.head.starts_with("http/1.1 431"), "{}", answer.head);
}

/// A promise of the shop, as the API has it.
fn promise(status: &str, more: &str) -> SloForm {
    let numbers = r#""at":1780185600,"service":"shop","scope":"any","provider":"","slo":"availability-30d",
        "kind":"time","unit":"s","window":"30d","from":1777593600,"to":1780185600,"elapsed_s":2592000,
        "good_s":0,"bad_s":0,"unknown_s":0,"excluded_s":0,"availability_low":0,"availability_high":1,
        "objective":0.999,"budget_s":2592,"burn":{"5m":0,"30m":0,"1h":0,"2h":0,"6h":0,"1d":0,"3d":0},
        "time_to_exhaustion_s":null,"promised":true"#;
    serde_json::from_str(&format!("{{{numbers},\"status\":\"{status}\",{more}}}")).unwrap()
}

#[test]
fn promises_say_what_is_left_of_them() {
    let mut sheet = Sheet::new(&Still::usual().face(), Narrow::default()).unwrap();
    let promises = vec![
        promise(
            "ok",
            r#""availability":0.99953,"coverage":1,"budget_left_s":1296,"budget_remaining":0.5,
            "alerts":{"page_fast":true},"suppressed":false"#,
        ),
        promise(
            "exhausted",
            r#""availability":0.998,"coverage":1,"budget_left_s":-2592,"budget_remaining":-1,
            "alerts":{"page_fast":true},"suppressed":true"#,
        ),
        promise(
            "no_data",
            r#""availability":null,"coverage":0,"budget_left_s":2592,"budget_remaining":1,
            "alerts":null,"suppressed":false"#,
        ),
    ];
    sheet.promises.insert("shop".into(), promises);
    let page = render(&sheet).into_string();
    let text = text(&page);
    for words in [
        "kept 99.9 % over 30d 99.953 % available 21m36s of 43m12s left page_fast fires",
        "budget spent 99.9 % over 30d 99.800 % available overdrawn by 43m12s page_fast would fire; maintenance keeps it silent",
        "unknown 99.9 % over 30d unknown so far 43m12s of 43m12s left , nothing seen yet",
    ] {
        assert!(text.contains(words), "`{words}` is not in {text}");
    }
    // Half of the budget is filled, none of the spent one, all of the third.
    for width in ["width=\"80\"", "width=\"0\"", "width=\"160\""] {
        assert!(
            page.contains(&format!("rect class=\"remains\" x=\"0\" y=\"0\" {width}")),
            "{width}"
        );
    }
}

/// One of two clouds over an hour: it could serve for so many seconds, and for so many it was the only one.
fn alone(provider: &str, able: u64, only: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "an hour")]
    let share = able as f64 / 3_600.0;
    format!(
        r#"{{"provider":"{provider}","availability":{share},"availability_low":{share},"availability_high":{share},
        "able_s":{able},"unable_s":{},"unknown_s":0,"maintenance_s":0,"covered_s":0,"only_s":{only}}}"#,
        3_600 - able
    )
}

#[test]
fn what_several_clouds_brought_is_told_of_services_that_have_them() {
    let mut sheet = Sheet::new(&Still::usual().face(), Narrow::default()).unwrap();
    let exposure = |sides: &[String]| {
        let (together, sides) = (alone("", 3_580, 600), sides.join(","));
        let form = format!(
            r#"{{"from":0,"to":3600,"elapsed_s":3600,"both_s":2980,"only_s":600,"none_s":20,"unknown_s":0,
            "unknown_but_one_s":0,"failover_cost_s":120,"max_error_s":0,"together":{together},"sides":[{sides}]}}"#
        );
        serde_json::from_str(&form).unwrap()
    };
    let sides = [alone("aurora", 3_480, 500), alone("borealis", 3_080, 100)];
    sheet.exposures.insert("shop".into(), exposure(&sides));
    sheet.exposures.insert("docs".into(), exposure(&sides[..1]));
    let page = render(&sheet).into_string();
    let text = text(&page).replace('\u{a0}', " ");
    for words in [
        "Could serve: both 49m40s only aurora 8m20s only borealis 1m40s none 20s In the last 1h",
        "together 99.444 % ; aurora alone 96.666 % ; borealis alone 85.555 %",
        "the public name was bad for 2m while a cloud could serve",
    ] {
        assert!(text.contains(words), "`{words}` is not in {text}");
    }
    assert_eq!(page.matches("class=\"exposure\"").count(), 1, "one cloud brings nothing");
}

#[tokio::test]
async fn outages_and_maintenance_are_told_and_a_store_that_fails() {
    let outage = |scope: &str, provider: &str, ended: Option<i64>| Outage {
        id: format!("shop/{scope}/1").into(),
        service: "shop".into(),
        scope: scope.into(),
        provider: provider.into(),
        started: NOW.shifted(-600_000),
        ended: ended.map(|ended| NOW.shifted(ended)),
        reason: Some(Reason::Status),
        check: None,
        said: Some("status 503, expected 2xx".into()),
        ..Outage::default()
    };
    let outages =
        vec![outage("provider:borealis", "borealis", None), outage("any", "", Some(-540_000))];
    let usual = Still::usual().face();
    let past = nephoscope::web::Past { recent: Arc::new(move || outages.clone()), ..usual.past };
    let keeping = Arc::new(|| Err("history is not being kept: the disk is full".to_owned()));
    let face = Face { past, keeping, ..Still::usual().face() };
    let text = text(&get(face, "/").await.body);
    for words in [
        "history is not being kept: the disk is full",
        "maintenance , for another 54m50s : provider=aurora (ann)",
        "maintenance in 9h54m , for 1h : service=docs weekly patches",
        "now , for 10m Web shop on borealis status 503, expected 2xx status",
        "10m ago , lasted 1m Web shop on every provider",
    ] {
        assert!(text.contains(words), "`{words}` is not in {text}");
    }
}

#[test]
fn what_the_monitor_leans_on_is_shown_quietly_until_a_sentinel_is_broken() {
    let reference = |number: usize, state: State, broken: Option<i64>| {
        let list = load_text("probes.toml".as_ref(), LEANING.to_owned()).unwrap().config.references;
        ReferenceView {
            check: Arc::clone(&list[number].check),
            role: list[number].role,
            standing: Standing { state, since: NOW.shifted(-600_000) },
            last: Some(LastLook {
                at: NOW.shifted(-30_000),
                verdict: Verdict::Good,
                said: "answered <b>well</b>".into(),
            }),
            broken: broken.map(|ago| NOW.shifted(-ago)),
        }
    };
    let mut sheet = Sheet::new(&Still::usual().face(), Narrow::default()).unwrap();
    assert!(!render(&sheet).into_string().contains("What this monitor leans on"));
    sheet.references = vec![reference(0, State::Up, None), reference(1, State::Up, None)];
    let page = render(&sheet).into_string();
    let quiet = text(&page);
    for words in [
        "What this monitor leans on: 2 sentinels, canaries, all up",
        "sentinel tls/one.example:443 up for 10m answered &lt;b&gt;well&lt;/b&gt;, 30s ago",
        "canary aurora/north up for 10m",
    ] {
        assert!(quiet.contains(words), "`{words}` is not in {quiet}");
    }
    assert!(page.contains("id=\"references\"><summary"), "folded while all is well");
    sheet.references =
        vec![reference(1, State::Up, None), reference(0, State::Down, Some(720_000))];
    let page = render(&sheet).into_string();
    let loud = text(&page);
    assert!(loud.contains("sentinel tls/one.example:443 broken for 10m"), "{loud}");
    assert!(page.contains("id=\"references\" open"), "{page}");
}

/// Who is looked at besides services.
const LEANING: &str = r#"
[sentinel]
tls = ["one.example:443"]
[provider.aurora]
host = "{service}.aurora.example"
[[provider.aurora.canary]]
region = "north"
url = "https://canary.aurora.example/"
[probe.web.http]
url = "https://{host}/"
[service.shop]
probes = ["web"]
"#;
