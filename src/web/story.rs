//! The story of one run as plain text: what was asked, each step with its times, what was seen, what it means.
//!
//! Pure: a run in, a page out. What a server said is tamed, so that a terminal shows it and does nothing else; the
//! probe's own secrets are not in it, because a run masks them in whatever it gives.
//!
//! It draws no conclusions.

use crate::metrics::field;
use crate::model::{
    Certificate, Facts, Outcome, PhaseTimes, ProbeResult, Timestamp, human_latency,
};
use crate::monitor::demand::Ran;
use std::fmt::Write as _;

const INFALLIBLE: &str = "writing to a string cannot fail";

/// The page of `/probe?debug=true`.
pub(super) fn page(module: &str, ran: &Ran) -> String {
    let mut out = String::new();
    let result = &ran.result;
    let verdict = match result.outcome {
        Outcome::Good => "good".to_owned(),
        Outcome::Bad(reason) => format!("bad: {reason}"),
        Outcome::Unknown(cause) => format!("unknown: {cause}"),
    };
    let took = human_latency(result.latency);
    let limit = human_latency(ran.timeout);
    let at = jiff::Timestamp::from_millisecond(ran.at.as_millis()).unwrap_or_default();
    writeln!(out, "probe {module} ({}), at {}", ran.spec.kind.name(), at.strftime("%F %T%.3f UTC"))
        .expect(INFALLIBLE);
    writeln!(out, "{verdict}, after {took} of at most {limit}").expect(INFALLIBLE);
    writeln!(out, "{}", tame(&result.said)).expect(INFALLIBLE);
    if let Some(address) = result.address {
        let family = if address.is_ipv4() { 4 } else { 6 };
        writeln!(out, "address {address}, IPv{family}").expect(INFALLIBLE);
    }
    writeln!(out, "it ended in the phase `{}`", result.phase).expect(INFALLIBLE);
    for warning in result.warnings.iter() {
        writeln!(out, "warning: {warning}").expect(INFALLIBLE);
    }
    steps(&mut out, result);
    seen(&mut out, &result.facts);
    if let Some(heard) = result.facts.heard.as_deref() {
        writeln!(out, "\nthe answer").expect(INFALLIBLE);
        for line in heard.lines() {
            writeln!(out, "  {}", tame(line)).expect(INFALLIBLE);
        }
    }
    writeln!(out, "\nmetrics").expect(INFALLIBLE);
    let run = field::Run { labels: "", protocol: ran.spec.kind.name(), result };
    field::write(&mut out, &[run]);
    out
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
}

fn moment(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default();
    at.strftime("%F %T UTC").to_string()
}

/// Without anything that a terminal would obey.
fn tame(text: &str) -> String {
    text.chars().map(|each| if each.is_control() { '\u{fffd}' } else { each }).collect()
}
