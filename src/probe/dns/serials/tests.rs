//! Comparing what was heard: agreement, lag in numbers, serials that go round, servers that give none.
//!
//! Properties hold for any set of serials.
//!
//! Servers are asked in the integration tests.

use super::*;
use proptest::prelude::*;

fn voices(said: &[Said]) -> Vec<Voice> {
    let now = Instant::now();
    let voice = |(place, said): (usize, &Said)| Voice {
        who: format!("ns{}", place + 1),
        address: None,
        said: said.clone(),
        since: now,
        until: now,
    };
    said.iter().enumerate().map(voice).collect()
}

fn of(serials: &[u32]) -> Vec<Voice> {
    let said: Vec<_> = serials.iter().map(|serial| Said::Serial(*serial)).collect();
    voices(&said)
}

fn judge_with(rules: &Serials, voices: &[Voice]) -> Result<Verdict, Failure> {
    judged(rules, &Name::from_ascii("shop.test.").unwrap(), voices)
}

fn judge_plain(voices: &[Voice]) -> Result<Verdict, Failure> {
    judge_with(&Serials::default(), voices)
}

#[test]
fn agreement_is_said_with_the_serial() {
    let verdict = judge_plain(&of(&[7, 7, 7])).unwrap();
    assert_eq!((verdict.newest, verdict.warns), (7, false));
    assert_eq!(verdict.said, "3 servers have serial 7");
}

#[test]
fn a_server_that_could_not_be_asked_leaves_it_open() {
    let why = "no file descriptor left".to_owned();
    let unasked = Said::Unasked(Cause::Overloaded, why);
    let said = [Said::Serial(7), Said::Silence, unasked, Said::Serial(6)];
    let failure = judge_plain(&voices(&said)).unwrap_err();
    assert_eq!(failure.outcome, Outcome::Unknown(Cause::Overloaded));
    assert_eq!(failure.said, "cannot ask ns3: no file descriptor left");
}

#[test]
fn lag_is_a_warning_with_numbers_and_bad_beyond_the_limit() {
    let heard = of(&[10, 7, 9]);
    let verdict = judge_plain(&heard).unwrap();
    assert_eq!((verdict.newest, verdict.warns), (10, true));
    let said = "ns1 has serial 10, ns2 is 3 behind with 7, ns3 is 1 behind with 9";
    assert_eq!(verdict.said, said);
    let allowed = Serials { max_lag: Some(3), ..Serials::default() };
    assert!(judge_with(&allowed, &heard).unwrap().warns);
    let strict = Serials { max_lag: Some(2), ..Serials::default() };
    let failure = judge_with(&strict, &heard).unwrap_err();
    assert_eq!(failure.said, format!("{said}; allowed are 2 (`max_lag`)"));
    assert_eq!(failure.outcome, Outcome::Bad(Reason::Serial));
}

#[test]
fn serials_go_round() {
    let verdict = judge_plain(&of(&[u32::MAX, 1])).unwrap();
    assert_eq!(verdict.newest, 1);
    assert_eq!(verdict.said, "ns2 has serial 1, ns1 is 2 behind with 4294967295");
    let opposite = judge_plain(&of(&[0, 1 << 31])).unwrap_err();
    assert_eq!(
        opposite.said,
        "the serials cannot be compared (RFC 1982): ns1 has 0, ns2 has 2147483648"
    );
    let circle = judge_plain(&of(&[0, 1 << 30, 3 << 30])).unwrap_err();
    assert!(circle.said.starts_with("the serials cannot be compared"), "{}", circle.said);
}

#[test]
fn a_server_without_a_serial_is_named() {
    let refused = Said::Trouble("it answered REFUSED".to_owned());
    let heard = voices(&[Said::Serial(7), Said::Silence, refused.clone()]);
    let failure = judge_plain(&heard).unwrap_err();
    assert_eq!(failure.outcome, Outcome::Bad(Reason::Serial));
    let said = "ns2 does not answer, ns3: it answered REFUSED; 1 server has serial 7";
    assert_eq!(failure.said, said);
    let lenient = Serials { silent: Silent::Warn, ..Serials::default() };
    let verdict = judge_with(&lenient, &heard).unwrap();
    assert_eq!((verdict.warns, verdict.said.as_str()), (true, said));

    // Nobody at all is bad however lenient; silence everywhere may be our own network.
    let nobody = judge_with(&lenient, &voices(&[Said::Silence, Said::Silence])).unwrap_err();
    assert_eq!(nobody.outcome, Outcome::Bad(Reason::ResponseTimeout));
    let lame = judge_with(&lenient, &voices(&[Said::Silence, refused])).unwrap_err();
    assert_eq!(lame.outcome, Outcome::Bad(Reason::Serial));
}

proptest! {
    #[test]
    fn the_newest_is_behind_nobody_and_the_order_does_not_matter(
        mut serials in proptest::collection::vec(any::<u32>(), 1..6),
    ) {
        let forward = judge_plain(&of(&serials)).map(|verdict| verdict.newest);
        serials.reverse();
        let backward = judge_plain(&of(&serials)).map(|verdict| verdict.newest);
        prop_assert_eq!(forward.is_ok(), backward.is_ok());
        if let (Ok(forward), Ok(backward)) = (forward, backward) {
            prop_assert_eq!(forward, backward);
            prop_assert!(serials.iter().all(|each| behind(forward, *each).is_some()));
        }
    }

    #[test]
    fn a_window_of_half_the_circle_is_always_comparable(
        start in any::<u32>(),
        steps in proptest::collection::vec(0_u32..1 << 31, 1..6),
    ) {
        let serials: Vec<_> = steps.iter().map(|step| start.wrapping_add(*step)).collect();
        let newest = judge_plain(&of(&serials)).unwrap().newest;
        prop_assert_eq!(newest, start.wrapping_add(steps.iter().copied().max().unwrap_or(0)));
    }
}
