//! Runs as text: for people, as JSON, as a Prometheus page.
//!
//! Pure functions of runs. The JSON has every field of interfaces' "probe", null where nothing was seen. What a server
//! said is tamed before it reaches a terminal.
//!
//! It runs nothing.

use super::Run;
use crate::cli::render::{BOLD, FAINT, Paper, day, latency, tame, wrap};
use crate::metrics::field;
use crate::model::{
    Cause, Certificate, HttpVersion, Outcome, PhaseTimes, ProbeKind, ProbeResult, Reason,
    ServingStatus, Timestamp, TlsVersion, Warning, human_duration,
};
use serde::Serialize;
use serde_json::{Map, Value};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

const INFALLIBLE: &str = "writing to a string cannot fail";

/// Each run as a head line, a sentence, its phases and its facts.
pub(super) fn human(runs: &[Run], paper: Paper) -> String {
    let mut out = String::new();
    for (place, run) in runs.iter().enumerate() {
        if place > 0 {
            out.push('\n');
        }
        one(&mut out, run, paper);
    }
    if runs.len() > 1 {
        let good = runs.iter().filter(|run| run.result.outcome == Outcome::Good).count();
        writeln!(out, "\n{good} of {} good", runs.len()).expect(INFALLIBLE);
    }
    out
}

fn one(out: &mut String, run: &Run, paper: Paper) {
    let result = &run.result;
    let (sign, style) = paper.verdict(result.outcome.verdict());
    let verdict = match result.outcome {
        Outcome::Good => "good".to_owned(),
        Outcome::Bad(reason) => format!("bad: {reason}"),
        Outcome::Unknown(cause) => format!("unknown: {cause}"),
    };
    let id = tame(run.check.id.as_str());
    let time = latency(result.latency);
    writeln!(out, "{style}{sign}{style:#} {BOLD}{id}{BOLD:#}  {style}{verdict}{style:#}  {time}")
        .expect(INFALLIBLE);
    writeln!(out, "  {FAINT}{}{FAINT:#}", tame(&target(run))).expect(INFALLIBLE);
    for line in wrap(&tame(&result.said), paper.width.saturating_sub(2)) {
        if !line.is_empty() {
            writeln!(out, "  {line}").expect(INFALLIBLE);
        }
    }
    if result.hops.is_empty() {
        paper.waterfall(out, &result.phases, result.latency);
    } else {
        hops(out, result, paper);
    }
    let facts = facts(run);
    if !facts.is_empty() {
        for line in wrap(&tame(&facts.join(", ")), paper.width.saturating_sub(2)) {
            writeln!(out, "  {FAINT}{line}{FAINT:#}").expect(INFALLIBLE);
        }
    }
    // Where all went well nobody reads what came.
    if let Some(heard) = result.facts.heard.as_deref().filter(|_| result.outcome != Outcome::Good) {
        for line in heard.lines().take(HEARD_LINES) {
            for line in wrap(&tame(line), paper.width.saturating_sub(4)) {
                writeln!(out, "  {FAINT}< {line}{FAINT:#}").expect(INFALLIBLE);
            }
        }
    }
    for warning in result.warnings.iter() {
        let (sign, style) = paper.state(crate::model::State::Degraded);
        let said = warning_sentence(warning, run);
        writeln!(out, "  {style}{sign} {warning}{style:#}: {said}").expect(INFALLIBLE);
    }
}

/// Each request of a run on lines of its own, on a common scale.
fn hops(out: &mut String, result: &ProbeResult, paper: Paper) {
    for (place, hop) in result.hops.iter().enumerate() {
        let number = place + 1;
        let status = hop.http_status.map(|status| format!("  {status}")).unwrap_or_default();
        let address = hop.address.map(|address| format!("  {address}")).unwrap_or_default();
        let target = tame(&hop.target);
        writeln!(out, "  {number}. {target}{status}{FAINT}{address}{FAINT:#}").expect(INFALLIBLE);
        paper.waterfall(out, &hop.phases, result.latency);
    }
}

/// What the check looks at, as a person would type it.
fn target(run: &Run) -> String {
    match &run.check.spec.kind {
        ProbeKind::Http(http) => format!("{} {}", http.method, bare(&http.url)),
        ProbeKind::Tcp(tcp) => format!("tcp {}:{}", tcp.host, tcp.port),
        ProbeKind::Dns(dns) => format!("dns {}", dns.asks()),
        // Without its arguments, which may hold what belongs to no log.
        ProbeKind::Exec(exec) => format!("exec {}", exec.program.display()),
        ProbeKind::Icmp(icmp) => format!("icmp {}", icmp.host),
        ProbeKind::Grpc(grpc) => format!("grpc {}:{} {}", grpc.host, grpc.port, grpc.service),
    }
}

/// The URL without user and password.
fn bare(url: &url::Url) -> String {
    let mut bare = url.clone();
    // Both fail only for URLs that cannot have credentials anyway.
    let _ = bare.set_username("");
    let _ = bare.set_password(None);
    bare.to_string()
}

fn facts(run: &Run) -> Vec<String> {
    let facts = &run.result.facts;
    let mut seen = Vec::new();
    // Echoes go to no port.
    seen.extend(run.result.address.map(|address| match address.port() {
        0 => address.ip().to_string(),
        _ => address.to_string(),
    }));
    seen.extend(facts.http_status.map(|status| format!("status {status}")));
    seen.extend(facts.http_version.map(|version| format!("HTTP/{version}")));
    seen.extend(facts.body_bytes.map(|bytes| format!("{bytes} bytes of body")));
    seen.extend(facts.tls_version.map(|version| format!("TLS {version}")));
    seen.extend(facts.tls_cipher.map(str::to_owned));
    seen.extend(facts.certificate_not_after.map(|end| {
        let left = if end > run.at {
            format!("{} left", human_duration(end.since(run.at)))
        } else {
            format!("{} ago", human_duration(run.at.since(end)))
        };
        format!("certificate until {} ({left})", day(end))
    }));
    seen.extend(facts.certificate.as_deref().map(|certificate| {
        let names = listed(certificate);
        format!("for {names}, {}, issued by {}", certificate.key, certificate.issuer)
    }));
    seen.extend(facts.chain_not_after.map(|end| format!("trusted until {}", day(end))));
    seen.extend(facts.grpc_status.map(|code| format!("gRPC status {code}")));
    seen.extend(facts.grpc_health.map(|health| health.to_string()));
    seen.extend(facts.exit_code.map(|code| format!("exit code {code}")));
    seen.extend(facts.dns_rcode.clone());
    seen.extend(facts.dns_flags.as_ref().map(|flags| format!("flags {flags}")));
    seen.extend(facts.dns_answers.map(|count| format!("{count} in the answer")));
    seen
}

/// Lines of what came back that a person is shown.
const HEARD_LINES: usize = 24;

/// Names of a certificate that a person is shown.
const NAMES_SHOWN: usize = 3;

/// For whom a certificate is, in a few words.
fn listed(certificate: &Certificate) -> String {
    let names: Vec<String> = certificate.all_names().collect();
    if names.is_empty() {
        return certificate.subject.clone();
    }
    let more = names.len().saturating_sub(NAMES_SHOWN) + certificate.more_names;
    let shown = names[..names.len().min(NAMES_SHOWN)].join(" ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

fn warning_sentence(warning: Warning, run: &Run) -> String {
    match warning {
        Warning::Slow => match run.check.spec.slow_after {
            Some(limit) => format!("slower than {} (slow_after)", human_duration(limit)),
            None => "slower than wanted".into(),
        },
        Warning::TlsExpiresSoon => "a presented certificate ends soon (expires_within)".into(),
        Warning::SerialLag => "a name server is behind its peers".into(),
        Warning::Program => "the program warns (exit code 1)".into(),
        Warning::Loss => "echoes were lost, as many as may be (max_loss)".into(),
    }
}

/// An array with one object per run.
pub(super) fn json(runs: &[Run]) -> String {
    let runs: Vec<_> = runs.iter().map(form).collect();
    let mut text = serde_json::to_string_pretty(&runs).expect("plain values can be written");
    text.push('\n');
    text
}

/// One run, in the order in which the fields are documented.
#[derive(Serialize)]
struct RunForm<'a> {
    check: &'a str,
    at: f64,
    verdict: &'static str,
    reason: Option<&'static str>,
    cause: Option<&'static str>,
    warnings: Vec<&'static str>,
    phase: &'static str,
    latency_ms: f64,
    phases: Map<String, Value>,
    address: Option<SocketAddr>,
    family: Option<u8>,
    said: &'a str,
    facts: FactsForm<'a>,
    hops: Vec<HopForm<'a>>,
}

#[derive(Serialize)]
struct FactsForm<'a> {
    http_status: Option<u16>,
    http_version: Option<&'static str>,
    redirects: Option<u32>,
    body_bytes: Option<u64>,
    tls_version: Option<&'static str>,
    tls_cipher: Option<&'static str>,
    certificate_not_after: Option<f64>,
    chain_not_after: Option<f64>,
    certificate: Option<CertificateForm<'a>>,
    dns_rcode: Option<&'a str>,
    dns_answers: Option<u32>,
    dns_flags: Option<&'a str>,
    exit_code: Option<i32>,
    packets_sent: Option<u32>,
    packets_lost: Option<u32>,
    grpc_status: Option<u16>,
    grpc_health: Option<&'a str>,
}

/// The certificate that the server presented for itself.
#[derive(Serialize)]
struct CertificateForm<'a> {
    subject: &'a str,
    issuer: &'a str,
    names: Vec<String>,
    serial: &'a str,
    fingerprint_sha256: &'a str,
    key: &'a str,
    not_before: f64,
    not_after: f64,
}

fn certificate(of: &Certificate) -> CertificateForm<'_> {
    CertificateForm {
        subject: &of.subject,
        issuer: &of.issuer,
        names: of.all_names().collect(),
        serial: &of.serial,
        fingerprint_sha256: &of.fingerprint,
        key: &of.key,
        not_before: of.not_before.as_secs_f64(),
        not_after: of.not_after.as_secs_f64(),
    }
}

#[derive(Serialize)]
struct HopForm<'a> {
    target: &'a str,
    address: Option<SocketAddr>,
    http_status: Option<u16>,
    phases: Map<String, Value>,
}

fn form(run: &Run) -> RunForm<'_> {
    let Run { check, at, result } = run;
    let facts = &result.facts;
    RunForm {
        check: check.id.as_str(),
        at: at.as_secs_f64(),
        verdict: result.outcome.verdict().as_str(),
        reason: result.outcome.reason().map(Reason::as_str),
        cause: result.outcome.cause().map(Cause::as_str),
        warnings: result.warnings.iter().map(Warning::as_str).collect(),
        phase: result.phase.as_str(),
        latency_ms: millis(result.latency),
        phases: phases(&result.phases),
        address: result.address,
        family: result.address.map(|address| if address.is_ipv4() { 4 } else { 6 }),
        said: &result.said,
        facts: FactsForm {
            http_status: facts.http_status,
            http_version: facts.http_version.map(HttpVersion::as_str),
            redirects: facts.redirects,
            body_bytes: facts.body_bytes,
            tls_version: facts.tls_version.map(TlsVersion::as_str),
            tls_cipher: facts.tls_cipher,
            certificate_not_after: facts.certificate_not_after.map(Timestamp::as_secs_f64),
            chain_not_after: facts.chain_not_after.map(Timestamp::as_secs_f64),
            certificate: facts.certificate.as_deref().map(certificate),
            dns_rcode: facts.dns_rcode.as_deref(),
            dns_answers: facts.dns_answers,
            dns_flags: facts.dns_flags.as_deref(),
            exit_code: facts.exit_code,
            packets_sent: facts.packets_sent,
            packets_lost: facts.packets_lost,
            grpc_status: facts.grpc_status,
            grpc_health: facts.grpc_health.map(ServingStatus::as_str),
        },
        hops: result
            .hops
            .iter()
            .map(|hop| HopForm {
                target: &hop.target,
                address: hop.address,
                http_status: hop.http_status,
                phases: phases(&hop.phases),
            })
            .collect(),
    }
}

fn phases(times: &PhaseTimes) -> Map<String, Value> {
    times.iter().map(|(phase, _, took)| (phase.to_string(), millis(took).into())).collect()
}

/// Milliseconds, rounded to a microsecond.
fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// The field's names; with more than one run each has the label `check`.
pub(super) fn prometheus(runs: &[Run]) -> String {
    let labels: Vec<String> = match runs {
        [_] => vec![String::new()],
        _ => {
            runs.iter().map(|run| format!("check=\"{}\"", escape(run.check.id.as_str()))).collect()
        }
    };
    let fields: Vec<_> = runs
        .iter()
        .zip(&labels)
        .map(|(run, labels)| field::Run {
            labels,
            protocol: run.check.spec.kind.name(),
            result: &run.result,
        })
        .collect();
    let mut out = String::new();
    field::write(&mut out, &fields);
    out
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
