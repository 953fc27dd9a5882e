//! The text of labels, made once per configuration, and which label values a check can have.
//!
//! Every value is escaped here (backslash, quote, newline), so the writer copies bytes. Lists of reasons, phases and warnings
//! that many checks have in common are kept once.
//!
//! It does not know the numbers.

use super::catalog::CHECK_LABELS;
use crate::model::{
    Check, DnsServer, DnsTransport, Host, Phase, ProbeKind, Reason, Redirects, Service, Step,
    Truncated, Warning,
};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// What does not change about a check while a configuration holds.
pub(super) struct CheckText {
    /// `check="…",service="…",…`.
    pub(super) labels: Box<str>,
    /// Further labels of the info metric, with a leading comma.
    pub(super) info: Box<str>,
    pub(super) protocol: &'static str,
    pub(super) interval: f64,
    pub(super) timeout: f64,
    pub(super) reasons: Arc<[Reason]>,
    pub(super) phases: Arc<[Phase]>,
    pub(super) warnings: Arc<[Warning]>,
}

/// What does not change about a service while a configuration holds.
pub(super) struct ServiceText {
    pub(super) name: Box<str>,
    pub(super) providers: Vec<Box<str>>,
}

impl ServiceText {
    pub(super) fn new(service: &Service) -> Self {
        let mut providers: Vec<Box<str>> = Vec::new();
        for endpoint in &service.endpoints {
            let provider = escaped(&endpoint.provider).into_boxed_str();
            if !providers.contains(&provider) {
                providers.push(provider);
            }
        }
        Self { name: escaped(&service.name).into(), providers }
    }
}

/// The texts of all checks, in their order.
pub(super) fn check_texts(
    checks: &[Arc<Check>],
    services: &[Service],
    vantage: &str,
) -> Vec<CheckText> {
    let owners: BTreeMap<_, _> = services.iter().map(|each| (&*each.name, each)).collect();
    let mut lists = Lists::default();
    checks
        .iter()
        .map(|check| lists.text(check, owners.get(&*check.service).copied(), vantage))
        .collect()
}

/// A label value as the text format wants it.
pub(super) fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Lists that many checks have in common.
#[derive(Default)]
struct Lists {
    reasons: BTreeMap<Vec<Reason>, Arc<[Reason]>>,
    phases: BTreeMap<Vec<Phase>, Arc<[Phase]>>,
    warnings: BTreeMap<Vec<Warning>, Arc<[Warning]>>,
}

impl Lists {
    fn text(&mut self, check: &Check, service: Option<&Service>, vantage: &str) -> CheckText {
        let mut labels = String::new();
        let values = [
            check.id.as_str(),
            &check.service,
            &check.provider,
            &check.region,
            &check.probe,
            vantage,
        ];
        for (name, value) in CHECK_LABELS.iter().zip(values) {
            push_label(&mut labels, name, value);
        }
        labels.remove(0);
        CheckText {
            labels: labels.into(),
            info: info_labels(check, service).into(),
            protocol: check.spec.kind.name(),
            interval: check.shape.interval.as_secs_f64(),
            timeout: check.shape.timeout.as_secs_f64(),
            reasons: shared(&mut self.reasons, check.spec.possible_reasons()),
            phases: shared(&mut self.phases, possible_phases(&check.spec.kind)),
            warnings: shared(&mut self.warnings, possible_warnings(check)),
        }
    }
}

fn shared<T: Ord + Clone>(kept: &mut BTreeMap<Vec<T>, Arc<[T]>>, list: Vec<T>) -> Arc<[T]> {
    if let Some(list) = kept.get(&list) {
        return Arc::clone(list);
    }
    let shared: Arc<[T]> = list.clone().into();
    kept.insert(list, Arc::clone(&shared));
    shared
}

fn info_labels(check: &Check, service: Option<&Service>) -> String {
    let mut labels = String::new();
    push_label(&mut labels, "endpoint", &check.endpoint);
    push_label(&mut labels, "host", &check.host);
    push_label(&mut labels, "protocol", check.spec.kind.name());
    let runbook = service.and_then(|service| service.runbook.as_deref());
    push_label(&mut labels, "runbook", runbook.unwrap_or_default());
    for (name, value) in service.iter().flat_map(|service| service.labels.iter()) {
        push_label(&mut labels, &format!("label_{name}"), value);
    }
    labels
}

fn push_label(out: &mut String, name: &str, value: &str) {
    write!(out, ",{name}=\"{}\"", escaped(value)).expect("writing to a string cannot fail");
}

/// The phases that a run of this kind can reach.
fn possible_phases(kind: &ProbeKind) -> Vec<Phase> {
    let mut phases = vec![Phase::Processing];
    match kind {
        ProbeKind::Http(http) => {
            phases.extend([Phase::Resolve, Phase::Connect, Phase::Transfer]);
            if http.url.scheme() == "https" || http.redirects != Redirects::Off {
                phases.push(Phase::Tls);
            }
        }
        ProbeKind::Tcp(tcp) => {
            phases.extend([Phase::Connect, Phase::Transfer]);
            let starttls = tcp.dialogue.iter().any(|step| matches!(step, Step::StartTls(_)));
            if starttls {
                phases.push(Phase::Starttls);
            }
            if tcp.tls.is_some() || starttls {
                phases.push(Phase::Tls);
            }
            if matches!(tcp.host, Host::Name(_)) {
                phases.push(Phase::Resolve);
            }
        }
        ProbeKind::Dns(dns) => {
            phases.push(Phase::Connect);
            if dns.transport == DnsTransport::Tcp || dns.truncated == Truncated::Tcp {
                phases.push(Phase::Transfer);
            }
            if matches!(dns.server, DnsServer::At(Host::Name(_), _)) {
                phases.push(Phase::Resolve);
            }
        }
    }
    phases.sort_unstable();
    phases
}

/// The warnings that a run of this check can carry.
fn possible_warnings(check: &Check) -> Vec<Warning> {
    let tls = match &check.spec.kind {
        ProbeKind::Http(http) => Some(&http.tls),
        ProbeKind::Tcp(tcp) => tcp.tls.as_ref(),
        ProbeKind::Dns(_) => None,
    };
    let mut warnings = Vec::new();
    if tls.is_some_and(|tls| tls.expires_within.is_some()) {
        warnings.push(Warning::TlsExpiresSoon);
    }
    if check.spec.slow_after.is_some() {
        warnings.push(Warning::Slow);
    }
    warnings
}
