//! The field's names (`probe_success` and friends), with the meaning that `blackbox_exporter` gave them.
//!
//! [`write()`] is a pure function of runs: family by family, HELP and TYPE once each, so that several runs make one valid
//! page when each brings labels of its own. A fact that was not seen is absent: never 0, never year 1. Certificate facts
//! are there also when verification failed.
//!
//! Our own names are in `catalog`; where this text is served is not known here.

use super::labels::escaped;
use crate::model::{Certificate, Outcome, Phase, ProbeResult, Reason, ServingStatus, Timestamp};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

const INFALLIBLE: &str = "writing to a string cannot fail";

/// One run to be written.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// `name="value",…` with the values escaped; empty where there is only one run.
    pub labels: &'a str,
    /// `http`, `tcp`, `dns`, `exec`, `icmp` or `grpc`.
    pub protocol: &'a str,
    /// What it gave.
    pub result: &'a ProbeResult,
}

/// One family: name, help, and what a run has of it, as pairs of a further label (or nothing) and a value.
struct Family {
    name: &'static str,
    help: &'static str,
    read: fn(&Run<'_>) -> Vec<(String, f64)>,
}

/// Writes every family of which some run has a value.
pub fn write(out: &mut String, runs: &[Run<'_>]) {
    for family in 0..FAMILY_COUNT {
        let mut headed = false;
        for run in runs {
            write_family(out, family, run, &mut headed);
        }
    }
}

/// How many families there are.
pub(super) const FAMILY_COUNT: usize = FAMILIES.len();

/// Writes what `run` has of one family, below HELP and TYPE if they are not there yet.
pub(super) fn write_family(out: &mut String, family: usize, run: &Run<'_>, headed: &mut bool) {
    let Family { name, help, read } = &FAMILIES[family];
    for (label, value) in read(run) {
        if !*headed {
            write!(out, "# HELP {name} {help}\n# TYPE {name} gauge\n").expect(INFALLIBLE);
            *headed = true;
        }
        let comma = if run.labels.is_empty() || label.is_empty() { "" } else { "," };
        let labels = format!("{}{comma}{label}", run.labels);
        let labels = if labels.is_empty() { labels } else { format!("{{{labels}}}") };
        writeln!(out, "{name}{labels} {value}").expect(INFALLIBLE);
    }
}

const FAMILIES: &[Family] = &[
    Family {
        name: "probe_success",
        help: "Displays whether or not the probe was a success",
        // Absent where the monitor could not tell: somebody's rule on `probe_success == 0` must not page for our faults.
        read: |run| match run.result.outcome {
            Outcome::Good => one(Some(1.0)),
            Outcome::Bad(_) => one(Some(0.0)),
            Outcome::Unknown(_) => Vec::new(),
        },
    },
    Family {
        name: "probe_duration_seconds",
        help: "Returns how long the probe took to complete in seconds",
        read: |run| one(Some(run.result.latency.as_secs_f64())),
    },
    Family {
        name: "probe_dns_lookup_time_seconds",
        help: "Returns the time taken for probe dns lookup in seconds",
        read: |run| one(run.result.phases.took(Phase::Resolve).map(|took| took.as_secs_f64())),
    },
    Family {
        name: "probe_ip_protocol",
        help: "Specifies whether probe ip protocol is IP4 or IP6",
        read: |run| one(run.result.address.map(|used| if used.is_ipv4() { 4.0 } else { 6.0 })),
    },
    Family {
        name: "probe_ip_addr_hash",
        help: "Specifies the hash of IP address. It's useful to detect if the IP address changes.",
        read: |run| one(run.result.address.map(|used| f64::from(address_hash(used.ip())))),
    },
    Family {
        name: "probe_http_status_code",
        help: "Response HTTP status code",
        read: |run| of(run, "http", run.result.facts.http_status.map(f64::from)),
    },
    Family {
        name: "probe_http_version",
        help: "Returns the version of HTTP of the probe response",
        read: |run| {
            one(run.result.facts.http_version.and_then(|version| version.as_str().parse().ok()))
        },
    },
    Family {
        name: "probe_http_redirects",
        help: "The number of redirects",
        read: |run| one(run.result.facts.redirects.map(f64::from)),
    },
    Family {
        name: "probe_http_content_length",
        help: "Length of http content response",
        read: |run| one(run.result.facts.content_length.map(whole)),
    },
    Family {
        name: "probe_http_uncompressed_body_length",
        help: "Length of uncompressed response body",
        read: |run| of(run, "http", run.result.facts.body_bytes.map(whole)),
    },
    Family {
        name: "probe_http_last_modified_timestamp_seconds",
        help: "Returns the Last-Modified HTTP response header in unixtime",
        read: |run| one(run.result.facts.last_modified.map(Timestamp::as_secs_f64)),
    },
    Family {
        name: "probe_http_ssl",
        help: "Indicates if SSL was used for the final redirect",
        read: |run| {
            let facts = &run.result.facts;
            let answered = facts.http_status.map(|_| truth(facts.tls_version.is_some()));
            of(run, "http", answered)
        },
    },
    Family {
        name: "probe_failed_due_to_regex",
        help: "Indicates if probe failed due to regex",
        read: |run| one(by_pattern(run).map(truth)),
    },
    Family {
        name: "probe_http_duration_seconds",
        help: "Duration of http request by phase, summed over all redirects",
        read: |run| if run.protocol == "http" { phases(run, HTTP_PHASES) } else { Vec::new() },
    },
    Family {
        name: "probe_ssl_earliest_cert_expiry",
        help: "Returns earliest SSL cert expiry in unixtime",
        read: |run| one(run.result.facts.certificate_not_after.map(Timestamp::as_secs_f64)),
    },
    Family {
        name: "probe_ssl_last_chain_expiry_timestamp_seconds",
        help: "Returns last SSL chain expiry in timestamp",
        read: |run| one(run.result.facts.chain_not_after.map(Timestamp::as_secs_f64)),
    },
    Family {
        name: "probe_ssl_last_chain_info",
        help: "Contains SSL leaf certificate information",
        read: |run| {
            let certificate = run.result.facts.certificate.as_deref();
            certificate.map(|certificate| (described(certificate), 1.0)).into_iter().collect()
        },
    },
    Family {
        name: "probe_tls_cipher_info",
        help: "Returns the TLS cipher negotiated during handshake",
        read: |run| {
            let cipher = run.result.facts.tls_cipher;
            cipher.map(|cipher| (format!("cipher=\"{cipher}\""), 1.0)).into_iter().collect()
        },
    },
    Family {
        name: "probe_tls_version_info",
        help: "Returns the TLS version used or NaN when unknown",
        read: |run| {
            let version = run.result.facts.tls_version;
            version.map(|version| (format!("version=\"TLS {version}\""), 1.0)).into_iter().collect()
        },
    },
    Family {
        name: "probe_dns_duration_seconds",
        help: "Duration of DNS request by phase",
        read: |run| if run.protocol == "dns" { phases(run, DNS_PHASES) } else { Vec::new() },
    },
    Family {
        name: "probe_icmp_duration_seconds",
        help: "Duration of icmp request by phase",
        read: |run| if run.protocol == "icmp" { phases(run, ICMP_PHASES) } else { Vec::new() },
    },
    Family {
        name: "probe_grpc_duration_seconds",
        help: "Duration of gRPC request by phase",
        read: |run| if run.protocol == "grpc" { phases(run, GRPC_PHASES) } else { Vec::new() },
    },
    Family {
        name: "probe_grpc_ssl",
        help: "Indicates if SSL was used for the connection",
        read: |run| {
            let facts = &run.result.facts;
            of(run, "grpc", facts.http_status.map(|_| truth(facts.tls_version.is_some())))
        },
    },
    Family {
        name: "probe_grpc_status_code",
        help: "Response gRPC status code",
        read: |run| one(run.result.facts.grpc_status.map(f64::from)),
    },
    Family {
        name: "probe_grpc_healthcheck_response",
        help: "Response HealthCheck response",
        read: |run| {
            let Some(is) = run.result.facts.grpc_health else { return Vec::new() };
            let label = |each: &ServingStatus| format!("serving_status=\"{each}\"");
            ServingStatus::ALL.iter().map(|each| (label(each), truth(*each == is))).collect()
        },
    },
    Family {
        name: "probe_dns_answer_rrs",
        help: "Returns number of entries in the answer resource record list",
        read: |run| one(run.result.facts.dns_answers.map(f64::from)),
    },
    Family {
        name: "probe_dns_authority_rrs",
        help: "Returns number of entries in the authority resource record list",
        read: |run| one(run.result.facts.dns_authority.map(f64::from)),
    },
    Family {
        name: "probe_dns_additional_rrs",
        help: "Returns number of entries in the additional resource record list",
        read: |run| one(run.result.facts.dns_additional.map(f64::from)),
    },
    Family {
        name: "probe_dns_query_succeeded",
        help: "Displays whether or not the query was executed successfully",
        read: |run| {
            let answered = run.result.facts.dns_rcode.is_some();
            of(run, "dns", Some(truth(answered)))
        },
    },
    Family {
        name: "probe_dns_serial",
        help: "Returns the serial number of the zone",
        read: |run| one(run.result.facts.dns_serial.map(f64::from)),
    },
];

/// A certificate as labels; the alternative names are host names only, as the field has them.
fn described(certificate: &Certificate) -> String {
    let Certificate { fingerprint, subject, issuer, names, serial, .. } = certificate;
    let (subject, issuer, names) = (escaped(subject), escaped(issuer), escaped(&names.join(",")));
    format!(
        "fingerprint_sha256=\"{fingerprint}\",subject=\"{subject}\",issuer=\"{issuer}\",\
         subjectalternative=\"{names}\",serialnumber=\"{serial}\""
    )
}

/// FNV-1a of the address, 32 bits.
fn address_hash(ip: IpAddr) -> u32 {
    let step = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(16_777_619);
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.octets().iter().fold(2_166_136_261, step),
        IpAddr::V6(ip) => ip.octets().iter().fold(2_166_136_261, step),
    }
}

/// Whether a pattern made the run bad, for those kinds of probes that look for patterns in what comes.
fn by_pattern(run: &Run<'_>) -> Option<bool> {
    let reason = run.result.outcome.reason();
    match run.protocol {
        "http" => Some(matches!(reason, Some(Reason::Body | Reason::Header))),
        "tcp" => Some(reason == Some(Reason::Banner)),
        _ => None,
    }
}

/// The field's name of a phase, and ours that it sums up.
type PhaseNames = &'static [(&'static str, &'static [Phase])];

const HTTP_PHASES: PhaseNames = &[
    ("resolve", &[Phase::Resolve]),
    ("connect", &[Phase::Connect]),
    ("tls", &[Phase::Tls]),
    ("processing", &[Phase::Processing]),
    ("transfer", &[Phase::Transfer]),
];

const DNS_PHASES: PhaseNames = &[
    ("resolve", &[Phase::Resolve]),
    ("connect", &[Phase::Connect]),
    ("request", &[Phase::Processing, Phase::Transfer]),
];

const ICMP_PHASES: PhaseNames = &[("resolve", &[Phase::Resolve]), ("rtt", &[Phase::Processing])];

const GRPC_PHASES: PhaseNames = &[
    ("resolve", &[Phase::Resolve]),
    ("check", &[Phase::Connect, Phase::Tls, Phase::Processing, Phase::Transfer]),
];

fn phases(run: &Run<'_>, names: PhaseNames) -> Vec<(String, f64)> {
    let took = |parts: &[Phase]| {
        let seen: Vec<_> = parts.iter().filter_map(|part| run.result.phases.took(*part)).collect();
        (!seen.is_empty()).then(|| seen.iter().sum::<Duration>().as_secs_f64())
    };
    names
        .iter()
        .filter_map(|(name, parts)| Some((format!("phase=\"{name}\""), took(parts)?)))
        .collect()
}

fn one(value: Option<f64>) -> Vec<(String, f64)> {
    value.map(|value| (String::new(), value)).into_iter().collect()
}

/// The value, if the run is of this protocol.
fn of(run: &Run<'_>, protocol: &str, value: Option<f64>) -> Vec<(String, f64)> {
    one(value.filter(|_| run.protocol == protocol))
}

fn truth(yes: bool) -> f64 {
    f64::from(u8::from(yes))
}

#[expect(clippy::cast_precision_loss, reason = "bytes of a body are far below 2^53")]
fn whole(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::{Run, write};
    use crate::model::{
        Certificate, Facts, HttpVersion, Outcome, Phase, PhaseTimes, ProbeResult, Reason,
        Timestamp, TlsVersion, Warnings,
    };
    use std::sync::Arc;
    use std::time::Duration;

    fn result(outcome: Outcome) -> ProbeResult {
        let mut phases = PhaseTimes::default();
        phases.add(Phase::Connect, Duration::ZERO, Duration::from_millis(12));
        ProbeResult {
            outcome,
            warnings: Warnings::default(),
            phase: Phase::Connect,
            latency: Duration::from_millis(12),
            phases,
            address: Some("192.0.2.7:443".parse().unwrap()),
            resolved: false,
            said: String::new(),
            facts: Facts::default(),
            hops: Vec::new(),
        }
    }

    #[test]
    fn facts_that_were_not_seen_are_absent() {
        let failed = result(Outcome::Bad(Reason::TlsTimeout));
        let mut out = String::new();
        write(&mut out, &[Run { labels: "", protocol: "http", result: &failed }]);
        let samples: Vec<_> = out.lines().filter(|line| !line.starts_with('#')).collect();
        let expected = [
            "probe_success 0",
            "probe_duration_seconds 0.012",
            "probe_ip_protocol 4",
            "probe_ip_addr_hash 1936431214",
            "probe_failed_due_to_regex 0",
            "probe_http_duration_seconds{phase=\"connect\"} 0.012",
        ];
        assert_eq!(samples, expected);
    }

    fn certificate() -> Certificate {
        Certificate {
            subject: "CN=\"a\"".into(),
            issuer: "CN=b".into(),
            names: vec!["a.example".into(), "b.example".into()],
            addresses: vec!["192.0.2.7".parse().unwrap()],
            more_names: 0,
            serial: "01".into(),
            fingerprint: "abcd".into(),
            key: "EC P-256".into(),
            not_before: Timestamp::from_millis(0),
            not_after: Timestamp::from_millis(0),
        }
    }

    #[test]
    fn two_runs_share_one_head_per_family() {
        let mut good = result(Outcome::Good);
        good.facts = Facts {
            http_status: Some(204),
            http_version: Some(HttpVersion::Http11),
            tls_version: Some(TlsVersion::Tls13),
            tls_cipher: Some("TLS_AES_128_GCM_SHA256"),
            certificate_not_after: Some(Timestamp::from_millis(1_790_000_000_000)),
            chain_not_after: Some(Timestamp::from_millis(1_780_000_000_000)),
            certificate: Some(Arc::new(certificate())),
            ..Facts::default()
        };
        let bad = result(Outcome::Bad(Reason::ConnectRefused));
        let runs = [
            Run { labels: "check=\"a\"", protocol: "http", result: &good },
            Run { labels: "check=\"b\"", protocol: "http", result: &bad },
        ];
        let mut out = String::new();
        write(&mut out, &runs);
        assert_eq!(out.matches("# TYPE probe_success gauge\n").count(), 1);
        for line in [
            "probe_success{check=\"a\"} 1\nprobe_success{check=\"b\"} 0\n",
            "probe_http_version{check=\"a\"} 1.1\n",
            "probe_http_ssl{check=\"a\"} 1\n",
            "probe_ssl_earliest_cert_expiry{check=\"a\"} 1790000000\n",
            "probe_ssl_last_chain_expiry_timestamp_seconds{check=\"a\"} 1780000000\n",
            "probe_ssl_last_chain_info{check=\"a\",fingerprint_sha256=\"abcd\",subject=\"CN=\\\"a\\\"\",\
             issuer=\"CN=b\",subjectalternative=\"a.example,b.example\",serialnumber=\"01\"} 1\n",
            "probe_tls_cipher_info{check=\"a\",cipher=\"TLS_AES_128_GCM_SHA256\"} 1\n",
            "probe_tls_version_info{check=\"a\",version=\"TLS 1.3\"} 1\n",
        ] {
            assert!(out.contains(line), "{line} is missing in\n{out}");
        }
    }
}
