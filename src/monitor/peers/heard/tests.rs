//! What of an answer counts, and what counts as nothing.
//!
//! One service on two clouds; our outage of its side on `aws` begins at second 1000 and is judged at second 1010.
//!
//! How opinions decide is tested in `blame`.

use super::*;
use crate::config::{Config, load_text};
use crate::peer::{SeenCanaryForm, SeenSideForm};
use Verdict::{Bad, Good, Unknown};
use std::path::Path;

const CONFIG: &str = r#"
[provider.aws]
host = "192.0.2.1"
[provider.gcp]
host = "192.0.2.2"
[probe.web.tcp]
address = "{host}:80"
[service.shop]
probes = ["web"]
[[peer]]
vantage = "fra-1"
url = "http://192.0.2.3:9464"
"#;

const ON_AWS: (&str, Scope, Option<&str>) = ("shop", Scope::Side(0), Some("aws"));

fn second(second: i64) -> Timestamp {
    Timestamp::from_millis(second * 1_000)
}

fn config() -> Config {
    load_text(Path::new("probes.toml"), CONFIG.to_owned()).unwrap().config
}

fn said(said: Verdict, age_s: f64, looked_s: Option<f64>) -> SaidForm {
    SaidForm { said: said.to_string(), age_s, looked_s }
}

/// An answer that says this of the side on `aws`, and of the canary there.
fn answer(seen: SaidForm) -> VantageForm {
    let side = SeenSideForm { provider: "aws".into(), seen: seen.clone() };
    let any = said(Good, 500.0, Some(1.0));
    VantageForm {
        at: 77.0,
        vantage: "fra-1".into(),
        provider: None,
        shard: None,
        offline: false,
        services: vec![SeenServiceForm {
            service: "shop".into(),
            any,
            entry: None,
            sides: vec![side],
        }],
        canaries: vec![SeenCanaryForm { provider: "aws".into(), region: "eu".into(), seen }],
    }
}

/// What is known of the side at second 1010 by an answer of that second, and whether it is all there will be.
fn known(form: &VantageForm) -> (Verdict, bool) {
    let config = config();
    let mut heard = Heard::new(&config.peers);
    heard.take(0, second(1_010), Some(View::new(form, &config.services, second(1_010))));
    let times = (second(1_000), second(1_010));
    (heard.others(ON_AWS, times)[0].seen.verdict, heard.is_settled(ON_AWS, times))
}

#[test]
fn good_counts_only_if_it_was_looked_at_after_the_outage_began() {
    assert_eq!(known(&answer(said(Good, 500.0, Some(9.5)))), (Good, true));
    assert_eq!(known(&answer(said(Good, 500.0, Some(10.0)))), (Good, true), "just then");
    assert_eq!(known(&answer(said(Good, 500.0, Some(10.5)))), (Unknown, false), "before");
    assert_eq!(known(&answer(said(Good, 500.0, None))), (Unknown, false), "never");
}

#[test]
fn bad_counts_as_long_as_it_is_held_for_true() {
    assert_eq!(known(&answer(said(Bad, 60.0, Some(40.0)))), (Bad, true));
    assert_eq!(known(&answer(said(Unknown, 60.0, Some(1.0)))), (Unknown, false));
}

#[test]
fn who_is_offline_or_does_not_watch_it_has_said_nothing() {
    let good = || answer(said(Good, 500.0, Some(1.0)));
    assert_eq!(known(&VantageForm { offline: true, ..good() }), (Unknown, true));
    let mut elsewhere = good();
    elsewhere.services[0].service = "pay".into();
    assert_eq!(known(&elsewhere), (Unknown, true), "of another shard");
    let mut without = good();
    without.services[0].sides[0].provider = "gcp".into();
    assert_eq!(known(&without), (Unknown, true), "not watched on this cloud");
}

#[test]
fn words_and_times_that_are_none_say_nothing() {
    for (word, age, looked) in
        [("splendid", 1.0, 1.0), ("bad", -1.0, 1.0), ("good", 1e300, 1.0), ("good", 1.0, 1e300)]
    {
        let form = SaidForm { said: word.into(), age_s: age, looked_s: Some(looked) };
        assert_eq!(known(&answer(form)).0, Unknown, "{word} {age} {looked}");
    }
    let never = SaidForm { said: "good".into(), age_s: 1.0, looked_s: Some(1e17) };
    assert_eq!(known(&answer(never)).0, Unknown, "before there was time");
}

#[test]
fn an_answer_stands_for_a_while_and_silence_takes_it_back() {
    let config = config();
    let mut heard = Heard::new(&config.peers);
    let at = |heard: &Heard, now: i64| {
        let times = (second(1_000), second(now));
        (heard.others(ON_AWS, times)[0].seen.verdict, heard.is_settled(ON_AWS, times))
    };
    let view = || Some(View::new(&answer(said(Bad, 9.0, None)), &config.services, second(1_010)));
    assert_eq!(at(&heard, 1_010), (Unknown, false), "not asked yet");
    heard.take(0, second(990), view());
    assert_eq!(at(&heard, 1_010), (Unknown, false), "asked about an earlier outage");
    heard.take(0, second(1_010), view());
    assert_eq!(at(&heard, 1_040), (Bad, true));
    assert_eq!(at(&heard, 1_041), (Unknown, true), "nothing since");
    heard.take(0, second(1_015), None);
    assert_eq!(at(&heard, 1_016), (Unknown, true), "silent");
    heard.take(0, second(1_020), view());
    heard.forget();
    assert_eq!(at(&heard, 1_021), (Unknown, false), "of another time");
}

#[test]
fn the_worst_canary_of_a_place_speaks_for_it() {
    let config = config();
    let mut form = answer(said(Good, 500.0, Some(1.0)));
    let mut second_one = form.canaries[0].clone();
    second_one.seen = said(Bad, 20.0, Some(1.0));
    form.canaries.push(second_one);
    let mut heard = Heard::new(&config.peers);
    heard.take(0, second(1_010), Some(View::new(&form, &config.services, second(1_010))));
    let places = ["aws/eu".into(), "aws/us".into()];
    let seen = heard.elsewhere(&places, (second(1_000), second(1_010)));
    let seen: Vec<_> = seen.iter().map(|each| (&*each.place, each.other.seen.verdict)).collect();
    assert_eq!(seen, [("aws/eu", Bad), ("aws/us", Unknown)]);
}
