//! The part of a check that depends on its protocol, as it was built, beside where the file says it.
//!
//! Values come from the spec that the prober will use, places from what was read: a value that nobody gave is a default.
//!
//! It shows no secret and no bytes of a file.

use super::page::Page;
use super::place_of;
use crate::config::raw::{RawBody, RawHttp, RawKind, RawProbe, RawStep, RawTcp};
use crate::config::source::Place;
use crate::model::{
    HttpSpec, Pattern, ProbeKind, Redirects, Said, Spec, StatusRules, Step, TcpSpec, TlsSpec,
    human_duration,
};
use std::time::Duration;

pub(super) fn write(page: &mut Page<'_>, probe: &RawProbe, spec: &Spec) {
    let path = probe.settings.path.as_str();
    match (&spec.kind, &probe.kind) {
        (ProbeKind::Http(is), Some(RawKind::Http(said))) => {
            let mut rows = Rows { page, table: format!("{path}.http") };
            rows.http(is, said);
        }
        (ProbeKind::Tcp(is), Some(RawKind::Tcp(said))) => {
            let mut rows = Rows { page, table: format!("{path}.tcp") };
            rows.tcp(is, said);
        }
        (ProbeKind::Dns(is), Some(RawKind::Dns(said))) => {
            let mut rows = Rows { page, table: format!("{path}.dns") };
            super::dns::write(&mut rows, is, said);
        }
        (ProbeKind::Exec(is), Some(RawKind::Exec(said))) => {
            let mut rows = Rows { page, table: format!("{path}.exec") };
            rows.exec(is, said);
        }
        (ProbeKind::Icmp(is), Some(RawKind::Icmp(said))) => {
            let mut rows = Rows { page, table: format!("{path}.icmp") };
            rows.icmp(is, said);
        }
        (ProbeKind::Grpc(is), Some(RawKind::Grpc(said))) => {
            let mut rows = Rows { page, table: format!("{path}.grpc") };
            rows.grpc(is, said);
        }
        _ => unreachable!("a spec is built from its own probe"),
    }
    tls(page, path, probe, spec);
}

/// The same for a canary, whose request stands in its own table.
pub(super) fn write_canary(page: &mut Page<'_>, probe: &RawProbe, spec: &Spec) {
    let path = probe.settings.path.as_str();
    if let (ProbeKind::Http(is), Some(RawKind::Http(said))) = (&spec.kind, &probe.kind) {
        Rows { page, table: path.to_owned() }.http(is, said);
    }
    tls(page, path, probe, spec);
}

fn tls(page: &mut Page<'_>, path: &str, probe: &RawProbe, spec: &Spec) {
    if let (Some(is), Some(_)) = (spec.kind.tls(), &probe.tls) {
        let mut rows = Rows { page, table: format!("{path}.tls") };
        rows.tls(is, probe);
    }
}

/// What is written about one table of a probe.
pub(super) struct Rows<'p, 's> {
    page: &'p mut Page<'s>,
    table: String,
}

impl Rows<'_, '_> {
    pub(super) fn set(&mut self, key: &str, value: impl std::fmt::Display, place: Option<Place>) {
        self.page.set(key, value, &self.table, place);
    }

    fn http(&mut self, is: &HttpSpec, said: &RawHttp) {
        self.set("http.url", &is.url, Some(said.url.place));
        self.set("http.method", &is.method, place_of(said.method.as_ref()));
        for ((name, value), (key, _)) in is.headers.iter().zip(&said.headers) {
            let shown = if value.is_sensitive() {
                "[secret]".to_owned()
            } else {
                String::from_utf8_lossy(value.as_bytes()).into_owned()
            };
            self.set(&format!("http.headers.{name}"), shown, Some(key.place));
        }
        if let (Some(body), Some(raw)) = (&is.body, &said.body) {
            let (key, place) = match raw {
                RawBody::Text(template) => ("http.body", template.place),
                RawBody::File(file) => ("http.body_file", file.place),
            };
            self.set(key, format!("{} bytes", body.len()), Some(place));
        }
        self.set("http.status", statuses(&is.status), place_of(said.status.as_ref()));
        if let Some(given) = &said.body_matches {
            self.set("http.body_matches", patterns(&is.body_matches), Some(given.place));
        }
        if let Some(given) = &said.body_lacks {
            self.set("http.body_lacks", patterns(&is.body_lacks), Some(given.place));
        }
        let redirects = match is.redirects {
            Redirects::Off => "false".to_owned(),
            Redirects::Limit(limit) => format!("limit {limit}"),
        };
        self.set("http.redirects", redirects, place_of(said.redirects.as_ref()));
        self.http_rules(is, said);
        self.http_way(is, said);
        self.http_auth(is, said);
        self.set("http.body_limit", size(is.body_limit), place_of(said.body_limit.as_ref()));
        if let (Some((ip, port)), Some(template)) = (is.connect_to, &said.connect_to) {
            let shown = match port {
                Some(port) => std::net::SocketAddr::new(ip, port).to_string(),
                None => ip.to_string(),
            };
            self.set("http.connect_to", shown, Some(template.place));
        }
    }

    fn tcp(&mut self, is: &TcpSpec, said: &RawTcp) {
        let address = match &is.host {
            crate::model::Host::Ip(std::net::IpAddr::V6(ip)) => format!("[{ip}]:{}", is.port),
            host => format!("{host}:{}", is.port),
        };
        self.set("tcp.address", address, Some(said.address.place));
        let raw = said.dialogue.iter().flat_map(|steps| &steps.value);
        for (index, (step, raw)) in is.dialogue.iter().zip(raw).enumerate() {
            let place = match raw {
                RawStep::Expect { pattern, .. } => pattern.place,
                RawStep::ExpectBytes { bytes, .. } | RawStep::SendBytes(bytes) => bytes.place,
                RawStep::Send(template) => template.place,
                RawStep::StartTls(words) => words.place,
            };
            let shown = shown_step(step);
            self.set(&format!("tcp.dialogue[{index}]"), shown, Some(place));
        }
    }

    fn tls(&mut self, is: &TlsSpec, probe: &RawProbe) {
        let Some(said) = probe.tls.as_ref().map(|tls| &tls.value) else { return };
        if let Some(ca) = &is.ca {
            self.set("tls.ca", ca.path.display(), place_of(said.ca.as_ref()));
        }
        if let Some((cert, key)) = &is.identity {
            self.set("tls.cert", cert.path.display(), place_of(said.identity.as_ref()));
            self.set("tls.key", key.path.display(), place_of(said.identity.as_ref()));
        }
        if let (Some(name), Some(template)) = (&is.server_name, &said.server_name) {
            self.set("tls.server_name", name, Some(template.place));
        }
        self.set("tls.verify", is.verify, place_of(said.verify.as_ref()));
        self.set("tls.remember", is.remember, place_of(said.remember.as_ref()));
        if let Some(least) = is.min_version {
            self.set("tls.min_version", least, place_of(said.min_version.as_ref()));
        }
        if let Some(span) = is.expires_within {
            self.set(
                "tls.expires_within",
                human_duration(span),
                place_of(said.expires_within.as_ref()),
            );
        }
    }
}

fn shown_step(step: &Step) -> String {
    let limit = |within: &Option<Duration>| {
        within.map_or_else(String::new, |within| format!(" within {}", human_duration(within)))
    };
    match step {
        Step::Expect { pattern, within } => format!("expect '{pattern}'{}", limit(within)),
        Step::ExpectBytes { bytes, within } => {
            let pairs: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("expect_hex \"{}\"{}", pairs.join(" "), limit(within))
        }
        Step::Send(said) => {
            let parts: Vec<String> = said
                .iter()
                .map(|part| match part {
                    Said::Bytes(bytes) => bytes.escape_ascii().to_string(),
                    Said::Group(group) => format!("{{{}}}", group.name),
                })
                .collect();
            format!("send \"{}\"", parts.concat())
        }
        Step::StartTls(words) => format!("starttls {words}"),
    }
}

pub(super) fn patterns(list: &[Pattern]) -> String {
    list.iter().map(|pattern| format!("'{pattern}'")).collect::<Vec<_>>().join(", ")
}

fn statuses(rules: &StatusRules) -> String {
    let spelled = rules.0.iter().map(|range| match (*range.start(), *range.end()) {
        (from, to) if from == to => from.to_string(),
        (from, to) if from % 100 == 0 && to == from + 99 => format!("{}xx", from / 100),
        (from, to) => format!("{from}-{to}"),
    });
    spelled.collect::<Vec<_>>().join(", ")
}

fn size(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.into_iter().find(|(unit, _)| bytes.is_multiple_of(*unit)) {
        Some((unit, name)) => format!("{}{name}", bytes / unit),
        None => bytes.to_string(),
    }
}
