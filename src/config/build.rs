//! Plans to checks: placeholders filled, texts parsed, limits compared, equal specs shared.
//!
//! A spec is found again by the text of everything that went into it, so checks that do the same share one; patterns are
//! compiled once per text. What cannot be built is reported and left out.
//!
//! It reads no file: `raw` has.

pub(super) mod dns;
mod exec;
mod grpc;
mod http;
pub(super) mod icmp;
mod tcp;
mod text;
mod timing;

pub(super) use text::{endpoint_host, parse_address, parse_host, parse_url};
pub(super) use timing::{DEFAULT_SHAPE, Timing, timing};

use super::decode::Context;
use super::former;
use super::problem::{Kind, Problem};
use super::raw::{RawKind, RawTls, bad_pattern};
use super::resolve::{Held, Plan, Site, fill};
use super::source::{At, Place};
use super::template::{Position, Template};
use crate::model::{Check, Host, IpChoice, Pattern, Pick, ProbeKind, Spec, TlsSpec};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Builds checks and remembers what can be shared.
pub(super) struct Builder<'c> {
    pub(super) context: Context<'c>,
    patterns: BTreeMap<String, Option<Pattern>>,
    specs: BTreeMap<String, Arc<Spec>>,
    tls: BTreeMap<String, Arc<TlsSpec>>,
    /// What is sent, by its text: a body is the one part of a spec that can be large.
    payloads: BTreeMap<String, bytes::Bytes>,
    no_tls: Arc<TlsSpec>,
}

/// One check being built.
struct Job<'a, 'c> {
    context: Context<'c>,
    site: &'a Site<'a>,
    plan: &'a Plan<'a>,
    timing: &'a Timing<'a>,
    /// Everything that distinguishes this spec from others, in order.
    key: String,
}

impl<'c> Builder<'c> {
    pub(super) fn new(context: Context<'c>) -> Self {
        Self {
            context,
            patterns: BTreeMap::new(),
            specs: BTreeMap::new(),
            tls: BTreeMap::new(),
            payloads: BTreeMap::new(),
            no_tls: Arc::new(TlsSpec::default()),
        }
    }

    /// The check of a plan; `None` when something about it was reported.
    pub(super) fn check<'a>(
        &mut self,
        site: &'a Site<'a>,
        plan: &'a Plan<'a>,
        host: &Arc<str>,
    ) -> Option<Check> {
        let timing = timing(site, plan);
        let sound = timing.check(self.context, plan);
        let spec = self.spec(site, plan, &timing)?;
        sound.then(|| Check {
            id: site.check_id(plan),
            service: Arc::clone(&site.service.name.value),
            endpoint: Arc::clone(&site.name),
            probe: Arc::clone(&plan.probe.name.value),
            provider: Arc::clone(&site.provider.name.value),
            region: Arc::clone(&site.region.value),
            host: Arc::clone(host),
            shape: timing.shape(),
            counts: timing.counts.value,
            spec,
            formerly: formerly(site, plan),
        })
    }

    /// The spec of a probe on demand, and how long it may take.
    pub(super) fn on_demand<'a>(
        &mut self,
        site: &'a Site<'a>,
        plan: &'a Plan<'a>,
    ) -> Option<(Arc<Spec>, Held<'a, Duration>)> {
        let timing = timing(site, plan);
        let spec = self.spec(site, plan, &timing)?;
        Some((spec, timing.timeout))
    }

    fn spec<'a>(
        &mut self,
        site: &'a Site<'a>,
        plan: &'a Plan<'a>,
        timing: &'a Timing<'a>,
    ) -> Option<Arc<Spec>> {
        let kind = plan.probe.kind.as_ref()?;
        let key = format!(
            "{}\0{}\0{}\0{:?}\0{:?}",
            plan.probe.name.value,
            timing.ip.value,
            timing.pick.value,
            timing.slow_after.as_ref().map(|held| held.value),
            timing.max_latency.as_ref().map(|held| held.value),
        );
        let mut job = Job { context: self.context, site, plan, timing, key };
        let kind = match kind {
            RawKind::Http(raw) => ProbeKind::Http(Box::new(self.http(&mut job, raw)?)),
            RawKind::Tcp(raw) => ProbeKind::Tcp(Box::new(self.tcp(&mut job, raw)?)),
            RawKind::Dns(raw) => ProbeKind::Dns(Box::new(self.dns(&mut job, raw)?)),
            RawKind::Exec(raw) => ProbeKind::Exec(Box::new(self.exec(&mut job, raw)?)),
            RawKind::Icmp(raw) => ProbeKind::Icmp(Box::new(self.icmp(&mut job, raw)?)),
            RawKind::Grpc(raw) => ProbeKind::Grpc(Box::new(self.grpc(&mut job, raw)?)),
        };
        let spec = self.specs.entry(job.key).or_insert_with(|| {
            Arc::new(Spec {
                ip: timing.ip.value,
                pick: timing.pick.value,
                slow_after: timing.slow_after.as_ref().map(|held| held.value),
                max_latency: timing.max_latency.as_ref().map(|held| held.value),
                kind,
            })
        });
        Some(Arc::clone(spec))
    }

    /// Every pattern of a list, compiled; a broken one is reported once and makes the list `None`.
    fn patterns(
        &mut self,
        job: &mut Job<'_, '_>,
        key: &str,
        list: Option<&At<Vec<Template>>>,
    ) -> Option<Vec<Pattern>> {
        let templates = list.map_or(&[][..], |list| &list.value);
        let mut compiled = Vec::with_capacity(templates.len());
        for (index, template) in templates.iter().enumerate() {
            compiled.push(self.pattern(job, &format!("{key}[{index}]"), template)?);
        }
        Some(compiled)
    }

    fn pattern(
        &mut self,
        job: &mut Job<'_, '_>,
        key: &str,
        template: &Template,
    ) -> Option<Pattern> {
        let text = job.fill(key, template, Position::Pattern)?;
        if let Some(known) = self.patterns.get(&text) {
            return known.clone();
        }
        let compiled = match regex::bytes::Regex::new(&text) {
            Ok(pattern) => Some(Pattern::new(pattern)),
            Err(error) => {
                let path = job.path_of(key);
                self.context.sink.report(bad_pattern(&path, template, &text, &error));
                None
            }
        };
        self.patterns.insert(text, compiled.clone());
        compiled
    }

    /// A text that is sent as it is, shared by all checks that send the same.
    fn payload(
        &mut self,
        job: &mut Job<'_, '_>,
        key: &str,
        template: &Template,
    ) -> Option<bytes::Bytes> {
        let text = job.fill(key, template, Position::Plain)?;
        if let Some(known) = self.payloads.get(&text) {
            return Some(known.clone());
        }
        let bytes = bytes::Bytes::from(text.clone());
        self.payloads.insert(text, bytes.clone());
        Some(bytes)
    }

    /// The TLS settings of a probe, shared by all checks for which they are the same.
    fn tls(&mut self, job: &mut Job<'_, '_>, raw: Option<&RawTls>) -> Option<Arc<TlsSpec>> {
        let Some(raw) = raw else { return Some(Arc::clone(&self.no_tls)) };
        let server_name: Option<Arc<str>> = match &raw.server_name {
            None => None,
            Some(template) => {
                let name = job.fill("tls.server_name", template, Position::Plain)?;
                if let Err(why) = parse_host(&name) {
                    let said = format!("`{name}` is not a host");
                    job.report(Kind::BadHost, "tls.server_name", template.place, said, why);
                    return None;
                }
                Some(name.into())
            }
        };
        let key = format!("{}\0{server_name:?}", job.plan.probe.name.value);
        let spec = self.tls.entry(key).or_insert_with(|| {
            Arc::new(TlsSpec {
                ca: raw.ca.as_ref().map(|file| file.value.clone()),
                identity: raw.identity.as_ref().map(|files| files.value.clone()),
                server_name,
                verify: raw.verify.as_ref().is_none_or(|verify| verify.value),
                remember: raw.remember.as_ref().is_none_or(|remember| remember.value),
                min_version: raw.min_version.as_ref().map(|least| least.value),
                expires_within: raw.expires_within.as_ref().map(|span| span.value),
            })
        });
        Some(Arc::clone(spec))
    }
}

impl Job<'_, '_> {
    /// A text of this probe for this endpoint; it becomes part of the spec's identity.
    fn fill(&mut self, key: &str, template: &Template, position: Position) -> Option<String> {
        let path = self.path_of(key);
        let text = fill(self.context, template, position, &path, self.site, Some(self.plan))?;
        self.key.push('\0');
        self.key.push_str(&text);
        Some(text)
    }

    /// A host and a port.
    fn address(&mut self, key: &str, template: &Template) -> Option<(Host, u16)> {
        let text = self.fill(key, template, Position::Address)?;
        match parse_address(&text) {
            Ok(parts) => Some(parts),
            Err(why) => {
                let said = format!("`{text}` is not an address");
                let path = self.path_of(key);
                let problem =
                    Problem::new(Kind::BadAddress, path, template.place, said).label(why).expected(
                        "a host and a port: `{host}:443`, `192.0.2.7:25`, `[2001:db8::1]:25`",
                    );
                self.context.sink.report(problem);
                None
            }
        }
    }

    /// Warns of a `tls` table beside a kind of probe that has no use for one.
    fn refuse_tls(&self, why: &str) {
        if let Some(tls) = &self.plan.probe.tls {
            let problem = Problem::new(Kind::TlsUnused, self.path_of("tls"), tls.place, why);
            self.context.sink.report(problem.label("has no effect"));
        }
    }

    fn path_of(&self, key: &str) -> String {
        format!("{}.{key}", self.plan.probe.settings.path)
    }

    fn report(&self, kind: Kind, key: &str, place: Place, said: String, why: impl Into<String>) {
        self.context.sink.report(Problem::new(kind, self.path_of(key), place, said).label(why));
    }
}

/// The ids that a check had before; the empty list, which most have, is the same one for all.
fn formerly(site: &Site<'_>, plan: &Plan<'_>) -> Arc<[String]> {
    let ids = former::ids(site, plan);
    if ids.is_empty() {
        return Arc::default();
    }
    ids.into_iter().map(|former| former.id).collect()
}

/// What is used when nobody says anything.
pub(super) const DEFAULT_IP: IpChoice = IpChoice::Any;
/// As above.
pub(super) const DEFAULT_PICK: Pick = Pick::Rotate;
