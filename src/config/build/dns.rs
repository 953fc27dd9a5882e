//! DNS probes: from what the file says to a [`DnsSpec`].
//!
//! Names are absolute: no search list is ever applied to them.
//!
//! It asks nobody.

use super::{Builder, Job, parse_address, parse_host};
use crate::config::problem::{Kind, Problem};
use crate::config::raw::RawDns;
use crate::config::template::Position;
use crate::model::{AnswerRules, DnsServer, DnsSpec, DnsTransport, FlagRules, Truncated};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RecordType};

/// RFC 1035, 4.2.
const DNS_PORT: u16 = 53;

impl Builder<'_> {
    pub(super) fn dns(&mut self, job: &mut Job<'_, '_>, raw: &RawDns) -> Option<DnsSpec> {
        if let Some(tls) = &job.plan.probe.tls {
            let path = job.path_of("tls");
            let said = "a dns probe has no TLS yet";
            let problem = Problem::new(Kind::TlsUnused, path, tls.place, said);
            self.context.sink.report(problem.label("has no effect"));
        }
        let server = server(job, raw);
        let query = query(job, raw);
        let answers = self.answers(job, raw);
        Some(DnsSpec {
            server: server?,
            query: query?,
            record_type: raw.record_type.as_ref().map_or(RecordType::A, |at| at.value),
            transport: raw.transport.as_ref().map_or(DnsTransport::Udp, |at| at.value),
            rcodes: raw
                .rcodes
                .as_ref()
                .map_or_else(|| vec![ResponseCode::NoError], |at| at.value.clone()),
            answers: answers?,
            flags: raw.flags.as_ref().map_or(FlagRules::default(), |at| at.value),
            truncated: raw.truncated.as_ref().map_or(Truncated::Fail, |at| at.value),
        })
    }

    fn answers(&mut self, job: &mut Job<'_, '_>, raw: &RawDns) -> Option<AnswerRules> {
        let rules = &raw.answers;
        let exact = match &rules.exact {
            None => None,
            Some(list) => {
                let mut texts = Vec::with_capacity(list.value.len());
                for (index, template) in list.value.iter().enumerate() {
                    let key = format!("dns.answers.exact[{index}]");
                    texts.push(job.fill(&key, template, Position::Plain)?);
                }
                Some(texts)
            }
        };
        Some(AnswerRules {
            all: self.patterns(job, "dns.answers.all", rules.all.as_ref())?,
            any: self.patterns(job, "dns.answers.any", rules.any.as_ref())?,
            none: self.patterns(job, "dns.answers.none", rules.none.as_ref())?,
            exact,
            count: rules.count.as_ref().map(|at| at.value.clone()),
            ttl: rules.ttl.as_ref().map(|at| at.value.clone()),
        })
    }
}

fn server(job: &mut Job<'_, '_>, raw: &RawDns) -> Option<DnsServer> {
    let Some(template) = &raw.server else { return Some(DnsServer::System) };
    let text = job.fill("dns.server", template, Position::Address)?;
    match parse_server(&text) {
        Ok(server) => Some(server),
        Err(why) => {
            let said = format!("`{text}` is not a name server");
            let problem =
                Problem::new(Kind::BadAddress, job.path_of("dns.server"), template.place, said)
                    .label(why)
                    .expected("an address, perhaps with a port, or `system`");
            job.context.sink.report(problem);
            None
        }
    }
}

/// `system`, or an address with or without a port.
pub(in crate::config) fn parse_server(text: &str) -> Result<DnsServer, String> {
    if text == "system" {
        return Ok(DnsServer::System);
    }
    let bare = text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(text);
    let alone = parse_host(bare);
    if let Ok(host) = alone {
        return Ok(DnsServer::At(host, DNS_PORT));
    }
    if text.contains(':') {
        return parse_address(text).map(|(host, port)| DnsServer::At(host, port));
    }
    alone.map(|host| DnsServer::At(host, DNS_PORT))
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
