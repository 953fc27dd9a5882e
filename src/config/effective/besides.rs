//! What is looked at besides the services, on the page: sentinels, canaries, shared dependencies.
//!
//! Sentinels are one block, for they share all settings. How long a failure waits for an alibi holds without them too.
//!
//! The probes of a shared dependency are not written out.

use super::page::{Page, words};
use super::{Loaded, place_of, spec};
use crate::config::raw::Settings;
use crate::config::source::At;
use crate::model::{Reference, ReferenceRole, human_duration};
use std::fmt::Display;
use std::time::Duration;

impl Loaded {
    pub(super) fn write_besides(&self, page: &mut Page<'_>) {
        self.write_sentinel(page);
        for reference in &self.config.references {
            if let ReferenceRole::Canary { provider, canary, .. } = reference.role {
                self.write_canary(page, reference, (provider, canary));
            }
        }
        for domain in &self.raw.domains {
            page.heading(&format!("domain {}", domain.name.value));
            if let (Some(kind), Some(host)) = (&domain.kind, &domain.host) {
                page.set("kind", kind.value, &domain.path, Some(kind.place));
                page.set("host", &host.value, &domain.path, Some(host.place));
            }
            if let Some(first) = domain.probes.first() {
                page.set("probes", words(&domain.probes), &domain.path, Some(first.place));
            }
        }
    }

    fn write_sentinel(&self, page: &mut Page<'_>) {
        let said = self.raw.sentinel.as_ref();
        page.heading("sentinel");
        let mut set = |key: &str, value: &dyn Display| {
            let place = said.and_then(|said| said.given.get(key)).copied();
            page.set(key, value, "sentinel", place);
        };
        if let Some(said) = said {
            let names = |probes: &[crate::config::raw::RawProbe]| {
                probes.iter().map(|probe| probe.name.value.to_string()).collect::<Vec<_>>()
            };
            for (key, list) in [("tls", names(&said.tls)), ("names", names(&said.names))] {
                if !list.is_empty() {
                    set(key, &list.join(", "));
                }
            }
            let mut members = said.tls.iter().chain(&said.names);
            if let Some(settings) = members.next().map(|probe| &probe.settings) {
                let spans = [("interval", &settings.interval), ("timeout", &settings.timeout)];
                for (key, span) in spans {
                    if let Some(span) = span {
                        set(key, &human_duration(span.value));
                    }
                }
            }
            let tls = said.tls.first().and_then(|probe| probe.tls.as_ref());
            if let Some(ca) = tls.and_then(|tls| tls.value.ca.as_ref()) {
                set("ca", &ca.value.path.display());
            }
        }
        set("patience", &human_duration(self.config.patience));
        set("broken_after", &human_duration(self.config.broken_after));
    }

    fn write_canary(&self, page: &mut Page<'_>, reference: &Reference, at: (usize, usize)) {
        let provider = &self.raw.providers[at.0];
        let canary = &provider.canaries[at.1];
        let own = &canary.probe.settings;
        page.heading(&format!("canary {}", reference.check.id));
        match (&canary.region, &provider.region) {
            (Some(region), _) => page.set("region", &region.value, &own.path, Some(region.place)),
            (None, Some(region)) => {
                page.set("region", &region.value, &provider.path, Some(region.place));
            }
            (None, None) => {}
        }
        let is = &self.config.providers[at.0].canaries[at.1];
        page.set("plane", is.plane, &own.path, place_of(canary.plane.as_ref()));
        let shape = &reference.check.shape;
        let mut set = |key: &str, value: Duration, of: fn(&Settings) -> &Option<At<Duration>>| {
            let said = |settings: &Settings| place_of(of(settings).as_ref());
            let (table, place) = match said(own) {
                Some(place) => (own.path.as_str(), Some(place)),
                None => (self.raw.defaults.path.as_str(), said(&self.raw.defaults)),
            };
            page.set(key, human_duration(value), table, place);
        };
        set("interval", shape.interval, |settings| &settings.interval);
        set("timeout", shape.timeout, |settings| &settings.timeout);
        set("recheck", shape.recheck, |settings| &settings.recheck);
        spec::write_canary(page, &canary.probe, &reference.check.spec);
    }
}
