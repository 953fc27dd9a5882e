//! What finally holds, and who said so: the text of `validate --effective`.
//!
//! The same plans that made the checks are walked again, and every value is written beside the table, file and line that
//! gave it, or `default`. Secrets are never written, nor are the bytes of files.
//!
//! It decides nothing.

mod besides;
mod demand;
mod dns;
mod entry;
mod exec;
mod grpc;
mod http;
mod icmp;
mod page;
mod promise;
mod spec;

use super::Loaded;
use super::build::timing;
use super::decode::Context;
use super::problem::{Sink, closest};
use super::raw::{Shared, Texts};
use super::resolve::{Held, Index, Origin, Plan, Planned, Site, plan};
use super::source::{At, Place};
use crate::model::{Check, Proof, ReceiverKind, Service, human_duration};
use page::Page;
use std::collections::BTreeMap;
use std::sync::Arc;

impl Loaded {
    /// Every resolved value and where it came from: of everything, or of the checks that `what` names (a service,
    /// `service/endpoint` or a check's id).
    ///
    /// # Errors
    ///
    /// One sentence, when nothing has that name.
    pub fn effective(&self, what: Option<&str>) -> Result<String, String> {
        let sink = Sink::default();
        let sources = &self.warnings.sources;
        let context = Context { sink: &sink, sources };
        let index = Index::new(context, &self.raw);
        let planned = plan(context, &self.raw, &index);
        let mut page = Page::new(sources);
        if what.is_none() {
            self.write_monitor(&mut page);
            self.write_listener(&mut page);
            self.write_besides(&mut page);
            self.write_receivers(&mut page);
            self.write_peers(&mut page);
            self.write_maintenance(&mut page);
        }
        let checks: BTreeMap<&str, &Arc<Check>> =
            self.config.checks.iter().map(|check| (check.id.as_str(), check)).collect();
        let mut found = what.is_none();
        for (each, service) in planned.iter().zip(&self.config.services) {
            let name = &*each.service.name.value;
            let whole = what.is_none_or(|what| what == name);
            if whole {
                write_service(&mut page, each, service, &self.raw.default_labels);
                found = true;
            }
            let public = entry::look(&index, each, service);
            let sites = each.sites.iter().map(|site| (site, &*site.plans));
            let public = public.iter().map(|(site, plan)| (site, std::slice::from_ref(plan)));
            for (site, plans) in sites.chain(public) {
                let here = whole || what.is_some_and(|what| is_path(what, &[name, &site.name]));
                for plan in plans {
                    let id = site.check_id(plan);
                    if here || what == Some(id.as_str()) {
                        let check = checks.get(id.as_str()).expect("every plan became a check");
                        write_check(&mut page, site, plan, check);
                        found = true;
                    }
                }
            }
        }
        match what {
            Some(what) if !found => Err(self.nothing_named(what)),
            _ => Ok(page.into_text()),
        }
    }

    fn nothing_named(&self, what: &str) -> String {
        let services = self.config.services.iter().map(|service| &*service.name);
        let ids = self.config.checks.iter().map(|check| check.id.as_str());
        let guess = closest(what, services.chain(ids));
        let hint = guess.map_or_else(String::new, |guess| format!("; did you mean `{guess}`?"));
        format!("no service, endpoint or check is named `{what}`{hint}")
    }

    fn write_monitor(&self, page: &mut Page<'_>) {
        let (said, is) = (&self.raw.monitor, &self.config.monitor);
        page.heading("monitor");
        page.set("vantage", &is.vantage, "monitor", place_of(said.vantage.as_ref()));
        page.set("listen", is.listen, "monitor", place_of(said.listen.as_ref()));
        page.set("state", is.state.display(), "monitor", place_of(said.state.as_ref()));
        let zone = is.timezone.iana_name().unwrap_or("UTC");
        page.set("timezone", zone, "monitor", place_of(said.timezone.as_ref()));
        page.set(
            "max_in_flight",
            is.max_in_flight,
            "monitor",
            place_of(said.max_in_flight.as_ref()),
        );
        page.set("watch", is.watch, "monitor", place_of(said.watch.as_ref()));
        if let Some(provider) = &is.provider {
            page.set("provider", provider, "monitor", place_of(said.provider.as_ref()));
        }
        if let Some((which, of)) = is.shard {
            page.set("shard", format!("{which}/{of}"), "monitor", place_of(said.shard.as_ref()));
        }
        if let Some(url) = &is.heartbeat_url {
            // Its path is as good as a password with most services of this kind.
            let shown = format!("{}://{}/…", url.scheme(), url.host_str().unwrap_or_default());
            page.set("heartbeat_url", shown, "monitor", place_of(said.heartbeat_url.as_ref()));
        }
        page.heading("metrics");
        page.set(
            "detail",
            self.config.metrics.detail,
            "metrics",
            place_of(self.raw.detail.as_ref()),
        );
        let names = self.config.metrics.field_names;
        page.set("field_names", names, "metrics", place_of(self.raw.field_names.as_ref()));
    }

    fn write_listener(&self, page: &mut Page<'_>) {
        let callers = &self.raw.listener.callers;
        let tls = self.raw.listener.tls.as_ref();
        page.heading("listener");
        self.write_demand(page);
        if let Some(&At { value: ref tls, place }) = tls {
            page.set("tls.cert", tls.cert.display(), "listener", Some(place));
            page.set("tls.key", tls.key.display(), "listener", Some(place));
        }
        for At { value: caller, place } in callers {
            let key = match &caller.proof {
                Proof::Password(_) => "users",
                Proof::Token(_) => "tokens",
            };
            let may = if caller.writes { "may read and write" } else { "may read" };
            page.set(&format!("{key}.{}", caller.name), may, "listener", Some(*place));
        }
    }

    fn write_receivers(&self, page: &mut Page<'_>) {
        for At { value: receiver, place } in &self.raw.receivers {
            let (kind, place) = (receiver.kind.as_str(), Some(*place));
            page.heading(&format!("{kind} {}", receiver.name));
            let url = &receiver.url;
            let shown = match receiver.kind {
                ReceiverKind::Alertmanager => url.to_string(),
                // Its path may be as good as a password.
                ReceiverKind::Webhook => {
                    format!("{}://{}/…", url.scheme(), url.host_str().unwrap_or_default())
                }
            };
            page.set("url", shown, kind, place);
            page.set("timeout", human_duration(receiver.timeout), kind, place);
            for (name, value) in &*receiver.labels {
                page.set(&format!("labels.{name}"), value, kind, place);
            }
            if receiver.kind == ReceiverKind::Webhook {
                page.set("send_resolved", receiver.send_resolved, kind, place);
            }
        }
    }

    fn write_peers(&self, page: &mut Page<'_>) {
        for At { value: peer, place } in &self.raw.peers {
            let place = Some(*place);
            page.heading(&format!("peer {}", peer.vantage));
            page.set("url", &peer.url, "peer", place);
            page.set("timeout", human_duration(peer.timeout), "peer", place);
            if let Some(provider) = &peer.provider {
                page.set("provider", provider, "peer", place);
            }
        }
    }

    fn write_maintenance(&self, page: &mut Page<'_>) {
        for At { value: window, place } in &self.raw.maintenance {
            page.heading(&format!("maintenance {}", window.id));
            let place = Some(*place);
            page.set("match", &window.matching, "maintenance", place);
            page.set("when", window.when, "maintenance", place);
            for (key, text) in [("by", &window.by), ("reason", &window.reason)] {
                if let Some(text) = text {
                    page.set(key, text, "maintenance", place);
                }
            }
        }
    }
}

/// Whether `text` is these parts with `/` between them.
fn is_path(text: &str, parts: &[&str]) -> bool {
    text.split('/').eq(parts.iter().copied())
}

fn place_of<T>(said: Option<&At<T>>) -> Option<Place> {
    said.map(|at| at.place)
}

fn write_service(page: &mut Page<'_>, planned: &Planned<'_>, service: &Service, defaults: &Texts) {
    let own = &planned.service.shared;
    let class = planned.class.map(|class| &class.shared);
    let path = own.settings.path.as_str();
    page.heading(&format!("service {}", service.name));
    page.set("title", &service.title, path, place_of(planned.service.title.as_ref()));
    if let (Some(name), Some(class)) = (&planned.service.class, planned.class) {
        page.set("class", &class.name.value, path, Some(name.place));
    }
    if let Some(runbook) = &service.runbook {
        let (table, place) =
            said_by(own, class, |shared| shared.runbook.as_ref().map(|text| text.place));
        page.set("runbook", runbook, table, place);
    }
    let (table, place) = said_by(own, class, |shared| place_of(shared.side.as_ref()));
    page.set("side", service.side, table, place);
    for (name, value) in service.labels.iter() {
        let (table, place) =
            said_by(own, class, |shared| shared.labels.get(name).map(|text| text.place));
        let key = format!("labels.{name}");
        match place.or_else(|| defaults.get(name).map(|text| text.place)) {
            Some(given) if place.is_none() => page.set(&key, value, "defaults", Some(given)),
            place => page.set(&key, value, table, place),
        }
    }
    let depends_on = &planned.service.depends_on;
    if let Some(first) = depends_on.first() {
        page.set("depends_on", page::words(depends_on), path, Some(first.place));
    }
    entry::write(page, planned, service);
    promise::write(page, planned, service);
}

/// Which of the two says something, and where; the service comes first.
fn said_by<'a>(
    own: &'a Shared,
    class: Option<&'a Shared>,
    place: impl Fn(&Shared) -> Option<Place>,
) -> (&'a str, Option<Place>) {
    if let Some(place) = place(own) {
        return (&own.settings.path, Some(place));
    }
    class.map_or(("", None), |class| (&class.settings.path, place(class)))
}

fn write_check(page: &mut Page<'_>, site: &Site<'_>, plan: &Plan<'_>, check: &Check) {
    page.heading(&format!("check {}", check.id));
    let provider_place = site.table.and_then(|table| table.provider.as_ref());
    match (site.table, provider_place) {
        // A public name leads to one cloud or another, and stands on none.
        _ if check.provider.is_empty() => {}
        (Some(table), Some(said)) => {
            page.set("provider", &check.provider, &table.settings.path, Some(said.place));
        }
        _ => page.set(
            "provider",
            &check.provider,
            &site.provider.path,
            Some(site.provider.name.place),
        ),
    }
    page.held("host", &site.host);
    if !check.region.is_empty() {
        page.held("region", &site.region);
    }
    let mut shown = std::collections::BTreeSet::new();
    for (vars, table) in site.vars(Some(plan)) {
        for (name, text) in vars {
            if shown.insert(name) {
                page.set(&format!("vars.{name}"), &text.value, table, Some(text.place));
            }
        }
    }
    let timing = timing(site, plan);
    page.held_duration("interval", &timing.interval);
    page.held_duration("timeout", &timing.timeout);
    page.held_duration("recheck", &timing.recheck);
    page.held("confirm", &timing.confirm);
    page.held_duration("hold", &timing.hold);
    page.held("ip", &timing.ip);
    page.held("pick", &timing.pick);
    page.held("counts", &timing.counts);
    for (key, held) in [("slow_after", &timing.slow_after), ("max_latency", &timing.max_latency)] {
        if let Some(held) = held {
            page.held_duration(key, held);
        }
    }
    for former in super::former::ids(site, plan) {
        page.set("formerly", &former.id, former.table, Some(former.place));
    }
    spec::write(page, plan.probe, &check.spec);
}

impl Page<'_> {
    fn held<T: std::fmt::Display>(&mut self, key: &str, held: &Held<'_, T>) {
        match held.origin {
            Origin::Default => self.set(key, &held.value, "", None),
            Origin::Said { table, place } => self.set(key, &held.value, table, Some(place)),
        }
    }

    fn held_duration(&mut self, key: &str, held: &Held<'_, std::time::Duration>) {
        let text = Held { value: human_duration(held.value), origin: held.origin };
        self.held(key, &text);
    }
}
