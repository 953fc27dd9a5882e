//! The status page, made from hand-made views and served over a real socket.
//!
//! What is compared is what a reader relies on: words, order, bounds, escaping, headers.
//!
//! How it looks is seen in a browser, not here.

use crate::support::still::{Still, ask, get, service};
use nephoscope::model::State;

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
        "1 notice about the configuration `sentinel` is read and checked, and not yet in effect",
        "good 1h56m bad 2m20s",
    ] {
        assert!(text.contains(words), "`{words}` is not in {text}");
    }
    assert!(page.body.contains("<title>1 down, 2 degraded · nephoscope vie-1</title>"));
    assert!(page.body.contains("13:05:09 UTC"), "the time of the picture");
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
    assert!(answer.head.starts_with("http/1.0 405"), "{}", answer.head);
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
