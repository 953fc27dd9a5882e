//! DNS probes: from what the file says to a [`DnsSpec`].
//!
//! Names are absolute: no search list is ever applied to them.
//!
//! It asks nobody.

use super::{Builder, Job, parse_address, parse_host};
use crate::config::problem::{Kind, Problem};
use crate::config::raw::{RawDns, RawRecordRules, RawSerials};
use crate::config::template::{Position, Template};
use crate::model::{
    Asking, DNS_PORT, DnsServer, DnsSpec, DnsTransport, DohPlace, RecordRules, Serials,
};
use hickory_resolver::proto::rr::{Name, RecordType};

impl Builder<'_> {
    pub(super) fn dns(&mut self, job: &mut Job<'_, '_>, raw: &RawDns) -> Option<DnsSpec> {
        let transport = raw.transport.as_ref().map_or(DnsTransport::Udp, |at| at.value);
        let given = job.plan.probe.tls.as_ref();
        if let Some(tls) = given.filter(|_| !transport.is_tls()) {
            let path = job.path_of("tls");
            let said = format!("there is no TLS to set up over {transport}");
            let problem = Problem::new(Kind::TlsUnused, path, tls.place, said);
            let hint = "`transport = \"tls\"` or `\"https\"` would have it";
            self.context.sink.report(problem.label("has no effect").hint(hint));
        }
        let server = match &raw.server {
            None => Some(DnsServer::System),
            Some(template) => server(job, "dns.server", template, transport.port()),
        };
        let query = query(job, raw);
        let place = doh_place(job, raw);
        let answers = self.rules(job, "dns.answers", &raw.answers);
        let authority = self.rules(job, "dns.authority", &raw.authority);
        let additional = self.rules(job, "dns.additional", &raw.additional);
        let serials = match &raw.serials {
            None => None,
            Some(at) => Some(Box::new(serials(job, &at.value)?)),
        };
        let tls =
            if transport.is_tls() { Some(self.tls(job, given.map(|at| &at.value))?) } else { None };
        let mut spec = DnsSpec::new(server?, query?);
        spec.asking = asking(raw);
        spec.transport = transport;
        spec.https = place?;
        spec.tls = tls;
        spec.answers = answers?;
        spec.authority = authority?;
        spec.additional = additional?;
        if serials.is_some() {
            spec.record_type = RecordType::SOA;
        }
        spec.serials = serials;
        if let Some(at) = &raw.record_type {
            spec.record_type = at.value;
        }
        if let Some(at) = &raw.class {
            spec.class = at.value;
        }
        if let Some(at) = &raw.rcodes {
            spec.rcodes.clone_from(&at.value);
        }
        if let Some(at) = &raw.flags {
            spec.flags = at.value;
        }
        if let Some(at) = &raw.truncated {
            spec.truncated = at.value;
        }
        Some(spec)
    }

    fn rules(
        &mut self,
        job: &mut Job<'_, '_>,
        key: &str,
        rules: &RawRecordRules,
    ) -> Option<RecordRules> {
        let exact = match &rules.exact {
            None => None,
            Some(list) => {
                let mut texts = Vec::with_capacity(list.value.len());
                for (index, template) in list.value.iter().enumerate() {
                    let key = format!("{key}.exact[{index}]");
                    texts.push(job.fill(&key, template, Position::Plain)?);
                }
                Some(texts)
            }
        };
        Some(RecordRules {
            record_type: rules.record_type.as_ref().map(|at| at.value),
            all: self.patterns(job, &format!("{key}.all"), rules.all.as_ref())?,
            any: self.patterns(job, &format!("{key}.any"), rules.any.as_ref())?,
            none: self.patterns(job, &format!("{key}.none"), rules.none.as_ref())?,
            exact,
            count: rules.count.as_ref().map(|at| at.value.clone()),
            ttl: rules.ttl.as_ref().map(|at| at.value.clone()),
        })
    }
}

fn asking(raw: &RawDns) -> Asking {
    let default = Asking::default();
    Asking {
        recursion: raw.recursion.as_ref().map_or(default.recursion, |at| at.value),
        checking_disabled: raw
            .checking_disabled
            .as_ref()
            .map_or(default.checking_disabled, |at| at.value),
        edns: raw.edns.as_ref().map_or(default.edns, |at| at.value),
        dnssec: raw.dnssec.as_ref().map_or(default.dnssec, |at| at.value),
        client_subnet: raw.client_subnet.as_ref().map(|at| at.value),
    }
}

/// Where a question over HTTPS goes.
fn doh_place(job: &mut Job<'_, '_>, raw: &RawDns) -> Option<DohPlace> {
    let mut place = DohPlace::default();
    if let Some(method) = &raw.method {
        place.method = method.value;
    }
    if let Some(template) = &raw.path {
        let path = job.fill("dns.https.path", template, Position::Plain)?;
        let whole = format!("https://host{path}");
        let fits = path.starts_with('/') && !path.contains('#');
        if !fits || whole.parse::<http::Uri>().is_err() {
            let said = format!("`{path}` is not a path");
            let why = "it begins with `/` and has neither blanks nor `#` in it";
            job.report(Kind::BadUrl, "dns.https.path", template.place, said, why);
            return None;
        }
        place.path = path.into();
    }
    Some(place)
}

fn serials(job: &mut Job<'_, '_>, raw: &RawSerials) -> Option<Serials> {
    let mut serials = Serials::default();
    for (index, template) in raw.servers.iter().flat_map(|at| at.value.iter().enumerate()) {
        let key = format!("dns.serials.servers[{index}]");
        match server(job, &key, template, DNS_PORT)? {
            DnsServer::At(host, port) => serials.servers.push((host, port)),
            DnsServer::System => {
                let said = "`system` is this host's resolver, not a server of the zone".to_owned();
                job.report(Kind::BadAddress, &key, template.place, said, "asks others itself");
                return None;
            }
        }
    }
    serials.max_lag = raw.max_lag.as_ref().map(|at| at.value);
    if let Some(silent) = &raw.silent {
        serials.silent = silent.value;
    }
    Some(serials)
}

fn server(job: &mut Job<'_, '_>, key: &str, template: &Template, port: u16) -> Option<DnsServer> {
    let text = job.fill(key, template, Position::Address)?;
    match parse_server(&text, port) {
        Ok(server) => Some(server),
        Err(why) => {
            let said = format!("`{text}` is not a name server");
            let problem = Problem::new(Kind::BadAddress, job.path_of(key), template.place, said)
                .label(why)
                .expected("an address, perhaps with a port, or `system`");
            job.context.sink.report(problem);
            None
        }
    }
}

/// `system`, or an address with or without a port.
pub(in crate::config) fn parse_server(text: &str, port: u16) -> Result<DnsServer, String> {
    if text == "system" {
        return Ok(DnsServer::System);
    }
    let bare = text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(text);
    let alone = parse_host(bare);
    if let Ok(host) = alone {
        return Ok(DnsServer::At(host, port));
    }
    if text.contains(':') {
        return parse_address(text).map(|(host, port)| DnsServer::At(host, port));
    }
    alone.map(|host| DnsServer::At(host, port))
}

fn query(job: &mut Job<'_, '_>, raw: &RawDns) -> Option<Name> {
    let text = job.fill("dns.query", &raw.query, Position::Plain)?;
    match parse_name(&text) {
        Ok(name) => Some(name),
        Err(why) => {
            let said = format!("`{text}` is not a DNS name");
            job.report(Kind::BadDnsName, "dns.query", raw.query.place, said, why);
            None
        }
    }
}

/// An absolute name; labels with `_` are fine.
pub(in crate::config) fn parse_name(text: &str) -> Result<Name, String> {
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.chars().any(|each| each.is_whitespace() || each.is_control()) {
        return Err("it has a blank in it".to_owned());
    }
    let dotted = text.strip_suffix('.').unwrap_or(text);
    if text != "." && dotted.split('.').any(|label| label.is_empty() || label.len() > 63) {
        return Err("a part of it is empty or longer than 63 characters".to_owned());
    }
    let mut name = Name::from_utf8(text).map_err(|error| error.to_string().to_ascii_lowercase())?;
    name.set_fqdn(true);
    Ok(name)
}
