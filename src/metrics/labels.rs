//! The text of labels, made once per configuration, and which label values a check can have.
//!
//! Every value is escaped here (backslash, quote, newline), so the writer copies bytes. Lists of reasons, phases and warnings
//! that many checks have in common are kept once; what only the info metric says of a check is made for each page.
//!
//! It does not know the numbers.

use super::catalog::CHECK_LABELS;
use crate::model::{
    Check, DnsServer, Host, Phase, ProbeKind, Reason, Redirects, Service, Step, Warning,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

/// What does not change about a check while a configuration holds.
pub(super) struct CheckText {
    /// `check="…",service="…",…`.
    pub(super) labels: Box<str>,
    /// The check itself, for what is written once a page.
    pub(super) check: Arc<Check>,
    /// The position of its service.
    service: Option<u32>,
    /// Which label values it can have; shared by checks that can have the same.
    pub(super) possible: Arc<Possible>,
}

/// Which label values a check can have.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Possible {
    pub(super) reasons: Vec<Reason>,
    pub(super) phases: Vec<Phase>,
    pub(super) warnings: Vec<Warning>,
}

/// What does not change about a service while a configuration holds.
pub(super) struct ServiceText {
    pub(super) name: Box<str>,
    pub(super) providers: Vec<Box<str>>,
    /// What the info metric of each of its checks says of it, with a leading comma.
    info: Box<str>,
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
        let mut info = String::new();
        push_label(&mut info, "runbook", service.runbook.as_deref().unwrap_or_default());
        for (name, value) in service.labels.iter() {
            push_label(&mut info, &format!("label_{name}"), value);
        }
        Self { name: escaped(&service.name).into(), providers, info: info.into() }
    }
}

impl CheckText {
    /// Writes the further labels of the info metric, with a leading comma.
    pub(super) fn push_info(&self, services: &[ServiceText], out: &mut String) {
        push_label(out, "endpoint", &self.check.endpoint);
        push_label(out, "host", &self.check.host);
        push_label(out, "protocol", self.check.spec.kind.name());
        match self.service.and_then(|service| services.get(service as usize)) {
            Some(service) => out.push_str(&service.info),
            None => push_label(out, "runbook", ""),
        }
    }
}

/// The texts of all checks, in their order.
pub(super) fn check_texts(
    checks: &[Arc<Check>],
    services: &[Service],
    vantage: &str,
) -> Vec<CheckText> {
    let owners: BTreeMap<_, _> = services.iter().map(|each| &*each.name).zip(0..).collect();
    let mut kept = BTreeSet::new();
    checks
        .iter()
        .map(|check| CheckText {
            labels: identity(check, vantage).into(),
            check: Arc::clone(check),
            service: owners.get(&*check.service).copied(),
            possible: shared(&mut kept, Possible::of(check)),
        })
        .collect()
}

/// A label value as the text format wants it.
pub(super) fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn identity(check: &Check, vantage: &str) -> String {
    let mut labels = String::new();
    let values =
        [check.id.as_str(), &check.service, &check.provider, &check.region, &check.probe, vantage];
    for (name, value) in CHECK_LABELS.iter().zip(values) {
        push_label(&mut labels, name, value);
    }
    labels.remove(0);
    labels
}

impl Possible {
    fn of(check: &Check) -> Self {
        Self {
            reasons: check.spec.possible_reasons(),
            phases: possible_phases(&check.spec.kind),
            warnings: possible_warnings(check),
        }
    }
}

fn shared(kept: &mut BTreeSet<Arc<Possible>>, possible: Possible) -> Arc<Possible> {
    if let Some(known) = kept.get(&possible) {
        return Arc::clone(known);
    }
    let fresh = Arc::new(possible);
    kept.insert(Arc::clone(&fresh));
    fresh
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
            if dns.connects() {
                phases.push(Phase::Transfer);
            }
            if dns.transport.is_tls() {
                phases.push(Phase::Tls);
            }
            if matches!(dns.server, DnsServer::At(Host::Name(_), _)) || dns.serials.is_some() {
                phases.push(Phase::Resolve);
            }
        }
        ProbeKind::Icmp(icmp) => {
            if matches!(icmp.host, Host::Name(_)) {
                phases.push(Phase::Resolve);
            }
        }
        ProbeKind::Grpc(grpc) => {
            phases.extend([Phase::Connect, Phase::Transfer]);
            phases.extend(grpc.tls.as_ref().map(|_| Phase::Tls));
            if matches!(grpc.host, Host::Name(_)) {
                phases.push(Phase::Resolve);
            }
        }
        ProbeKind::Exec(_) => {}
    }
    phases.sort_unstable();
    phases
}

/// The warnings that a run of this check can carry.
fn possible_warnings(check: &Check) -> Vec<Warning> {
    let tls = check.spec.kind.tls();
    let mut warnings = Vec::new();
    if tls.is_some_and(|tls| tls.expires_within.is_some()) {
        warnings.push(Warning::TlsExpiresSoon);
    }
    if check.spec.slow_after.is_some() {
        warnings.push(Warning::Slow);
    }
    match &check.spec.kind {
        ProbeKind::Exec(_) => warnings.push(Warning::Program),
        ProbeKind::Icmp(icmp) if icmp.max_loss > 0 && icmp.packets > 1 => {
            warnings.push(Warning::Loss);
        }
        _ => {}
    }
    if matches!(&check.spec.kind, ProbeKind::Dns(dns) if dns.serials.is_some()) {
        warnings.push(Warning::SerialLag);
    }
    warnings
}
