//! The story of one run as plain text: where it went, each step with its times, what was seen, what was heard.
//!
//! Pure: a run in, a text out. What a server said is tamed, so that a terminal shows it and does nothing else; secrets
//! are masked in the run already. The stories of failures are kept, each as long as [`KEPT_AT_MOST`].
//!
//! It draws no conclusions.

use crate::model::{Certificate, Facts, PhaseTimes, ProbeResult, Timestamp, human_latency};
use std::fmt::Write as _;
use std::sync::Arc;

const INFALLIBLE: &str = "writing to a string cannot fail";

/// Bytes of a story that is kept.
pub const KEPT_AT_MOST: usize = 4096;

/// What stands at the end of a story that was longer.
const CUT: &str = "\n(more)\n";

/// Tells what is not in the sentence of a run.
pub fn tell(out: &mut String, result: &ProbeResult) {
    if let Some(address) = result.address {
        let family = if address.is_ipv4() { 4 } else { 6 };
        writeln!(out, "address {address}, IPv{family}").expect(INFALLIBLE);
    }
    writeln!(out, "it ended in the phase `{}`", result.phase).expect(INFALLIBLE);
    for warning in result.warnings.iter() {
        writeln!(out, "warning: {warning}").expect(INFALLIBLE);
    }
    steps(out, result);
    seen(out, &result.facts);
    if let Some(heard) = result.facts.heard.as_deref() {
        writeln!(out, "\nthe answer").expect(INFALLIBLE);
        for line in heard.lines() {
            writeln!(out, "  {}", tame(line)).expect(INFALLIBLE);
        }
    }
}

/// The story of a run as it is kept.
pub(super) fn kept(result: &ProbeResult) -> Arc<str> {
    let mut story = String::new();
    tell(&mut story, result);
    if story.len() > KEPT_AT_MOST {
        let room = KEPT_AT_MOST - CUT.len();
        let end = (0..=room).rev().find(|at| story.is_char_boundary(*at)).unwrap_or_default();
        story.truncate(end);
        story.push_str(CUT);
    }
    story.into()
}

fn steps(out: &mut String, result: &ProbeResult) {
    if result.hops.is_empty() {
        writeln!(out, "\nsteps").expect(INFALLIBLE);
        phases(out, &result.phases);
        return;
    }
    for (place, hop) in result.hops.iter().enumerate() {
        let status = hop.http_status.map(|status| format!(", status {status}")).unwrap_or_default();
        let address = hop.address.map(|address| format!(", at {address}")).unwrap_or_default();
        let target = tame(&hop.target);
        writeln!(out, "\n{}. {target}{address}{status}", place + 1).expect(INFALLIBLE);
        phases(out, &hop.phases);
    }
}

fn phases(out: &mut String, times: &PhaseTimes) {
    for (phase, start, took) in times.iter() {
        let (start, took) = (human_latency(start), human_latency(took));
        writeln!(out, "  {:<10} from {start:>9}, took {took:>9}", phase.as_str())
            .expect(INFALLIBLE);
    }
}

/// What was seen on the way, a line each.
fn seen(out: &mut String, facts: &Facts) {
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            writeln!(out, "  {name:<18} {}", tame(&value)).expect(INFALLIBLE);
        }
    };
    line("TLS", facts.tls_version.map(|version| version.to_string()));
    line("cipher", facts.tls_cipher.map(str::to_owned));
    if let Some(certificate) = facts.certificate.as_deref() {
        let Certificate { subject, issuer, key, serial, fingerprint, .. } = certificate;
        line("certificate", Some(subject.clone()));
        line("  issued by", Some(issuer.clone()));
        line("  for", Some(certificate.all_names().collect::<Vec<_>>().join(", ")));
        line("  valid from", Some(moment(certificate.not_before)));
        line("  valid until", Some(moment(certificate.not_after)));
        line("  key", Some(key.clone()));
        line("  serial", Some(serial.clone()));
        line("  SHA-256", Some(fingerprint.clone()));
    }
    line("chain ends", facts.certificate_not_after.map(moment));
    line("trusted until", facts.chain_not_after.map(moment));
    line("redirects", facts.redirects.map(|count| count.to_string()));
    line("bytes of body", facts.body_bytes.map(|bytes| bytes.to_string()));
    line("DNS code", facts.dns_rcode.clone());
    line("DNS flags", facts.dns_flags.clone());
    line("DNS answers", facts.dns_answers.map(|count| count.to_string()));
    line("SOA serial", facts.dns_serial.map(|serial| serial.to_string()));
    line("exit code", facts.exit_code.map(|code| code.to_string()));
    line("echoes sent", facts.packets_sent.map(|count| count.to_string()));
    line("echoes lost", facts.packets_lost.map(|count| count.to_string()));
    line("gRPC status", facts.grpc_status.map(|status| status.to_string()));
    line("health", facts.grpc_health.map(|health| health.to_string()));
}

fn moment(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default();
    at.strftime("%F %T UTC").to_string()
}

/// Without anything that a terminal would obey.
pub fn tame(text: &str) -> String {
    text.chars().map(|each| if each.is_control() { '\u{fffd}' } else { each }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Cause;

    #[test]
    fn a_story_that_is_too_long_is_cut_between_two_characters() {
        let mut run = ProbeResult::unknown(Cause::Internal, String::new());
        assert!(!kept(&run).contains("the answer"));
        for shift in 0..4 {
            run.facts.heard =
                Some(format!("{}{}", "x".repeat(shift), "–\u{1b}".repeat(3_000)).into());
            let story = kept(&run);
            assert!((KEPT_AT_MOST - 4..=KEPT_AT_MOST).contains(&story.len()), "{}", story.len());
            assert!(story.ends_with(CUT) && !story.contains('\u{1b}'), "{story}");
        }
    }
}
