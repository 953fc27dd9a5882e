//! The API and the health paths, made from hand-made views and served over a real socket.
//!
//! The forms are read back with the types that the command line uses.
//!
//! What the numbers mean is tested with the rules.

use crate::support::still::{NOW, Still, get};
use nephoscope::web::Face;
use nephoscope::web::api::checks::CHECKS_AT_MOST;
use nephoscope::web::api::{
    ChecksForm, ErrorForm, MaintenanceForm, OutagesForm, ResultsForm, ServicesForm, SlosForm,
};
use serde::de::DeserializeOwned;
use std::sync::Arc;

async fn read<T: DeserializeOwned>(path: &str) -> T {
    let answer = get(Still::usual().face(), path).await;
    assert!(answer.head.starts_with("http/1.0 200"), "{}{}", answer.head, answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

async fn refused(path: &str) -> (String, ErrorForm) {
    let answer = get(Still::usual().face(), path).await;
    let status = answer.head.split(' ').nth(1).unwrap().to_owned();
    (status, serde_json::from_str(&answer.body).unwrap())
}

#[tokio::test]
async fn services_have_their_sides_and_why() {
    let form: ServicesForm = read("/api/v1/services").await;
    assert_eq!(form.vantage, "vie-1");
    assert!((form.at - NOW.as_secs_f64()).abs() < 1e-6);
    let shop = form.services.iter().find(|each| each.service == "shop").unwrap();
    let states: Vec<_> = [&shop.state, &shop.any.state, &shop.all.state].map(|it| &**it).into();
    assert_eq!(states, ["degraded", "up", "down"]);
    let side = &shop.sides[1];
    assert_eq!((&*side.provider, &*side.state), ("borealis", "down"));
    assert_eq!(side.why.as_deref(), Some("connect_refused"));
    assert_eq!(side.endpoints[0].checks, ["shop/borealis/web"]);
}

#[tokio::test]
async fn checks_say_their_units() {
    let form: ChecksForm = read("/api/v1/checks?service=docs&provider=aurora").await;
    let [check] = &form.checks[..] else { panic!("{form:?}") };
    assert_eq!(check.check, "docs/aurora/web");
    let seconds = [check.interval_s, check.timeout_s, check.good_s, check.bad_s];
    assert_eq!(format!("{seconds:?}"), "[30.0, 5.0, 7000.0, 140.0]");
    let last = check.last.as_ref().unwrap();
    assert_eq!((last.latency_ms, last.phases["connect"]), (42.0, 8.4));
    assert!((last.at - (NOW.as_secs_f64() - 4.0)).abs() < 1e-6, "{}", last.at);
}

#[tokio::test]
async fn filters_narrow() {
    let down: ChecksForm = read("/api/v1/checks?state=down").await;
    let ids: Vec<_> = down.checks.iter().map(|each| &*each.check).collect();
    assert_eq!(ids, ["shop/borealis/web", "search/aurora/web", "search/borealis/web"]);
    let borealis: ServicesForm = read("/api/v1/services?provider=borealis&state=down").await;
    let names: Vec<_> = borealis.services.iter().map(|each| &*each.service).collect();
    assert_eq!(names, ["shop", "search"]);
    assert!(borealis.services.iter().all(|each| each.sides.len() == 1));
}

/// What `crowd` has at `path`.
async fn of_crowd(count: usize, path: &str) -> ChecksForm {
    let answer = get(Still::crowd(count).face(), path).await;
    assert!(answer.head.starts_with("http/1.0 200"), "{}{}", answer.head, answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

#[tokio::test]
async fn checks_come_a_page_at_a_time() {
    let ids = |form: &ChecksForm| -> Vec<String> {
        form.checks.iter().map(|each| each.check.clone()).collect()
    };
    let whole = of_crowd(20, "/api/v1/checks").await;
    assert_eq!((whole.checks.len(), whole.total, &whole.next), (40, 40, &None));
    let mut pages = vec![of_crowd(20, "/api/v1/checks?limit=15").await];
    while let Some(after) = &pages.last().unwrap().next {
        let path = format!("/api/v1/checks?limit=15&after={after}");
        pages.push(of_crowd(20, &path).await);
    }
    let sizes: Vec<_> = pages.iter().map(|page| (page.checks.len(), page.total)).collect();
    assert_eq!(sizes, [(15, 40), (15, 40), (10, 40)]);
    assert_eq!(pages.iter().flat_map(ids).collect::<Vec<_>>(), ids(&whole));
    // A page that ends with the last check is the last one.
    let full = of_crowd(20, "/api/v1/checks?limit=40").await;
    assert_eq!((full.checks.len(), full.next), (40, None));
    // Behind a check that is not asked for itself.
    let [first, second] = [&whole.checks[0], &whole.checks[1]];
    assert_ne!(first.provider, second.provider);
    let path = format!("/api/v1/checks?provider={}&after={}&limit=1", first.provider, second.check);
    let page = of_crowd(20, &path).await;
    assert_eq!((ids(&page), page.total), (vec![whole.checks[2].check.clone()], 20));
    assert_eq!(page.next, Some(whole.checks[2].check.clone()));
}

#[tokio::test]
async fn an_answer_has_so_many_checks_at_most() {
    let count = CHECKS_AT_MOST / 2 + 1;
    let first = of_crowd(count, "/api/v1/checks").await;
    assert_eq!((first.checks.len(), first.total), (CHECKS_AT_MOST, CHECKS_AT_MOST + 2));
    let path = format!("/api/v1/checks?after={}", first.next.unwrap());
    let rest = of_crowd(count, &path).await;
    assert_eq!((rest.checks.len(), rest.next), (2, None));
}

#[tokio::test]
async fn a_page_that_there_cannot_be_is_refused() {
    for limit in ["0", "5001", "many", "-1"] {
        let (status, form) = refused(&format!("/api/v1/checks?limit={limit}")).await;
        assert_eq!(&*status, "400", "{limit}");
        assert!(form.hint.contains("`?limit=` is 1 to 5000"), "{form:?}");
    }
    let (status, form) = refused("/api/v1/checks?after=shop/borealis/wed").await;
    assert_eq!((&*status, &*form.error), ("404", "there is no check `shop/borealis/wed`"));
    assert!(form.hint.contains("(`shop/borealis/web`?)"), "{form:?}");
}

#[tokio::test]
async fn results_come_newest_first() {
    let form: ResultsForm = read("/api/v1/results?check=shop/borealis/web").await;
    assert_eq!(form.results.len(), 31);
    assert_eq!(form.results[0].reason.as_deref(), Some("connect_refused"));
    assert!(form.results.is_sorted_by(|one, next| one.at > next.at));
}

#[tokio::test]
async fn what_does_not_exist_is_refused_with_a_hint() {
    let (status, form) = refused("/api/v1/results?check=shop/borealis/wed").await;
    let expected = ErrorForm {
        error: "there is no check `shop/borealis/wed`".into(),
        hint: "did you mean `shop/borealis/web`? `/api/v1/checks` lists them all".into(),
    };
    assert_eq!((&*status, form), ("404", expected));
    let (status, form) = refused("/api/v1/services?provider=nimbus").await;
    assert_eq!((&*status, &*form.error), ("404", "there is no provider `nimbus`"));
    let (status, form) = refused("/api/v1/checks?state=bad").await;
    assert_eq!((&*status, &*form.error), ("400", "`bad` is not a state"));
    let (status, form) = refused("/api/v1/checks?servcie=shop").await;
    assert_eq!(&*status, "400");
    assert!(form.error.contains("servcie"), "{form:?}");
}

#[tokio::test]
async fn health_is_a_word_or_a_sentence() {
    let sick = Face {
        alive: Arc::new(|| Err("a scheduler has not moved for 12 s".into())),
        ..Still::usual().face()
    };
    for path in ["/livez", "/-/healthy"] {
        let answer = get(sick.clone(), path).await;
        assert!(answer.head.starts_with("http/1.0 503"), "{}", answer.head);
        assert_eq!(answer.body, "not alive: a scheduler has not moved for 12 s\n");
    }
    for path in ["/readyz", "/-/ready"] {
        assert_eq!(get(sick.clone(), path).await.body, "ready\n");
    }
}

#[tokio::test]
async fn the_exposition_says_its_format() {
    let answer = get(Still::usual().face(), "/metrics").await;
    assert!(answer.head.contains("content-type: text/plain; version=0.0.4"), "{}", answer.head);
    assert_eq!(answer.body, "nephoscope_build_info 1\n");
}

#[tokio::test]
async fn maintenance_says_what_holds_first() {
    let form: MaintenanceForm = read("/api/v1/maintenance").await;
    let windows: Vec<_> =
        form.maintenance.iter().map(|each| (&*each.phase, each.every.as_deref())).collect();
    assert_eq!(windows, [("now", None), ("to_come", Some("Sun 23:00-00:00"))]);
    assert_eq!(form.maintenance[0].matching["provider"], ["aurora"]);
}

#[tokio::test]
async fn promises_and_outages_take_their_own_filters_only() {
    let slos: SlosForm = read("/api/v1/slos").await;
    let outages: OutagesForm = read("/api/v1/outages?active=false").await;
    assert!(slos.slos.is_empty() && outages.outages.is_empty());
    let (status, form) = refused("/api/v1/slos?service=shop").await;
    assert_eq!((&*status, &*form.error), ("404", "there is no service `shop`"));
    let (status, form) = refused("/api/v1/outages?active=maybe").await;
    assert_eq!(&*status, "400");
    assert!(form.hint.contains("?active=true"), "{form:?}");
}
