//! ICMP probes on the loopback, with whichever socket this host allows.
//!
//! Where neither the kernel's range of groups nor a capability allows one, what is shown is that the run is unknown and says
//! what to do; everywhere else real echoes come back.
//!
//! How losses are judged is in `probe::icmp`; losses on a real way are made in `tests/real`.

use crate::support::spec::{AMPLE, run, spec};
use nephoscope::model::{
    Cause, Host, IcmpSpec, IpChoice, Outcome, Phase, ProbeKind, ProbeResult, Reason, Spec, Warning,
};
use nephoscope::net::may_echo;
use std::net::IpAddr;
use std::time::Duration;

fn icmp(address: &str) -> IcmpSpec {
    IcmpSpec {
        host: Host::Ip(address.parse().unwrap()),
        packets: 3,
        spacing: Duration::from_millis(100),
        within: Duration::from_secs(2),
        size: 56,
        max_loss: 50,
    }
}

fn of_icmp(icmp: IcmpSpec) -> Spec {
    spec(ProbeKind::Icmp(Box::new(icmp)))
}

/// Whether this host allows ICMP; if not, `result` has to say so.
fn allowed(result: &ProbeResult) -> bool {
    let Err(why) = may_echo(IpAddr::from([127, 0, 0, 1])) else { return true };
    assert_eq!((result.outcome, &result.said), (Outcome::Unknown(Cause::Unable), &why));
    assert!(why.contains("net.ipv4.ping_group_range") && why.contains("CAP_NET_RAW"), "{why}");
    false
}

#[tokio::test]
async fn echoes_come_back_over_both_families_and_the_spacing_is_no_latency() {
    for address in ["127.0.0.1", "::1"] {
        for size in [0, 5, 56, 4000] {
            let result = run(of_icmp(IcmpSpec { size, ..icmp(address) }), AMPLE).await;
            if !allowed(&result) {
                continue;
            }
            assert_eq!(result.outcome, Outcome::Good, "{address} {size}: {}", result.said);
            assert!(
                result.said.starts_with("3 of 3 echoes came back, round trip "),
                "{}",
                result.said
            );
            let facts = (result.facts.packets_sent, result.facts.packets_lost);
            assert_eq!(facts, (Some(3), Some(0)));
            assert_eq!(result.address.map(|used| used.ip()), address.parse().ok());
            // Two spacings have passed, and nobody waited for an answer that long.
            assert!(result.latency < Duration::from_millis(200), "{:?}", result.latency);
            let took = result.phases.took(Phase::Processing).unwrap();
            assert!(took <= result.latency, "{took:?} of {:?}", result.latency);
        }
    }
}

#[tokio::test]
async fn answers_that_come_too_late_are_lost() {
    // No answer takes no time.
    let late = IcmpSpec {
        within: Duration::ZERO,
        spacing: Duration::from_millis(10),
        ..icmp("127.0.0.1")
    };
    let result = run(of_icmp(late), AMPLE).await;
    if allowed(&result) {
        let bad = Outcome::Bad(Reason::ResponseTimeout);
        assert_eq!((result.outcome, result.phase), (bad, Phase::Processing), "{}", result.said);
        assert!(result.said.starts_with("none of 3 echoes came back within "), "{}", result.said);
        assert_eq!(result.facts.packets_lost, Some(3));
        assert!(!result.warnings.contains(Warning::Loss));
    }
}

#[tokio::test]
async fn the_deadline_ends_the_sending_and_what_was_sent_is_judged() {
    let slow = IcmpSpec { packets: 20, spacing: Duration::from_secs(1), ..icmp("127.0.0.1") };
    let timeout = Duration::from_millis(500);
    let began = nephoscope::clock::Instant::now();
    let result = run(of_icmp(slow), timeout).await;
    assert!(began.elapsed() < timeout + Duration::from_millis(500), "{:?}", began.elapsed());
    if allowed(&result) {
        assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
        assert!(result.said.starts_with("1 of 1 echo came back, "), "{}", result.said);
    }
}

#[tokio::test]
async fn an_address_without_a_way_is_unreachable_and_one_of_the_wrong_family_no_address() {
    let result = run(of_icmp(icmp("ff02::1")), AMPLE).await;
    if may_echo(IpAddr::from([127, 0, 0, 1])).is_ok() {
        assert_eq!(result.outcome, Outcome::Bad(Reason::ConnectUnreachable), "{}", result.said);
    }
    let wrong = Spec { ip: IpChoice::V6, ..of_icmp(icmp("127.0.0.1")) };
    let result = run(wrong, AMPLE).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::DnsNoAddress), "{}", result.said);
}
