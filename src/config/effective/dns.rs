//! A DNS probe as it was built, beside where the file says it.
//!
//! What is left out because it is empty or the other way of asking is not written: a question over UDP has no path.
//!
//! It does not write the TLS table.

use super::place_of;
use super::spec::{Rows, patterns};
use crate::config::raw::{RCODES, RawDns, RawRecordRules, RawSerials};
use crate::config::source::At;
use crate::model::{
    DnsServer, DnsSpec, DnsTransport, Host, RecordRules, Serials, class_word, type_word,
};
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

pub(super) fn write(rows: &mut Rows<'_, '_>, is: &DnsSpec, said: &RawDns) {
    let server = match &is.server {
        DnsServer::System => "system".to_owned(),
        DnsServer::At(host, port) => shown(host, *port),
    };
    rows.set("dns.server", server, said.server.as_ref().map(|template| template.place));
    rows.set("dns.query", &is.query, Some(said.query.place));
    rows.set("dns.type", type_word(is.record_type), place_of(said.record_type.as_ref()));
    rows.set("dns.class", class_word(is.class), place_of(said.class.as_ref()));
    asking(rows, is, said);
    if let (Some(is), Some(at)) = (&is.serials, &said.serials) {
        serials(rows, is, at);
        return;
    }
    rows.set("dns.transport", is.transport, place_of(said.transport.as_ref()));
    if is.transport == DnsTransport::Https {
        let path = said.path.as_ref().map(|template| template.place);
        rows.set("dns.https.path", &is.https.path, path);
        rows.set("dns.https.method", is.https.method, place_of(said.method.as_ref()));
    }
    let spelled = is
        .rcodes
        .iter()
        .map(|code| RCODES.iter().find(|(_, known)| known == code).map_or("?", |(name, _)| name));
    rows.set("dns.rcode", spelled.collect::<Vec<_>>().join(", "), place_of(said.rcodes.as_ref()));
    rules(rows, "dns.answers", &is.answers, &said.answers);
    rules(rows, "dns.authority", &is.authority, &said.authority);
    rules(rows, "dns.additional", &is.additional, &said.additional);
    for (name, wanted) in is.flags.named() {
        if let Some(wanted) = wanted {
            rows.set(&format!("dns.flags.{name}"), wanted, place_of(said.flags.as_ref()));
        }
    }
    rows.set("dns.truncated", is.truncated, place_of(said.truncated.as_ref()));
}

/// What the question says beside name, type and class.
fn asking(rows: &mut Rows<'_, '_>, is: &DnsSpec, said: &RawDns) {
    let asking = is.asking;
    // The servers of a zone are never asked to ask others.
    if is.serials.is_none() {
        rows.set("dns.recursion", asking.recursion, place_of(said.recursion.as_ref()));
    }
    let disabled = place_of(said.checking_disabled.as_ref());
    rows.set("dns.checking_disabled", asking.checking_disabled, disabled);
    let edns = asking.edns.map_or_else(|| "false".to_owned(), |bytes| bytes.to_string());
    rows.set("dns.edns", edns, place_of(said.edns.as_ref()));
    rows.set("dns.dnssec", asking.dnssec, place_of(said.dnssec.as_ref()));
    if let Some(subnet) = asking.client_subnet {
        let subnet = format!("{}/{}", subnet.address, subnet.prefix);
        rows.set("dns.client_subnet", subnet, place_of(said.client_subnet.as_ref()));
    }
}

fn serials(rows: &mut Rows<'_, '_>, is: &Serials, at: &At<RawSerials>) {
    let said = &at.value;
    let servers: Vec<_> = is.servers.iter().map(|(host, port)| shown(host, *port)).collect();
    let servers =
        if servers.is_empty() { "from NS records".to_owned() } else { servers.join(", ") };
    rows.set("dns.serials.servers", servers, place_of(said.servers.as_ref()).or(Some(at.place)));
    let max_lag = is.max_lag.map_or_else(|| "none".to_owned(), |most| most.to_string());
    rows.set("dns.serials.max_lag", max_lag, place_of(said.max_lag.as_ref()));
    rows.set("dns.serials.silent", is.silent, place_of(said.silent.as_ref()));
}

fn rules(rows: &mut Rows<'_, '_>, key: &str, is: &RecordRules, said: &RawRecordRules) {
    if let Some(record_type) = is.record_type {
        let place = place_of(said.record_type.as_ref());
        rows.set(&format!("{key}.type"), type_word(record_type), place);
    }
    let lists =
        [("all", &is.all, &said.all), ("any", &is.any, &said.any), ("none", &is.none, &said.none)];
    for (word, list, given) in lists {
        if let Some(given) = given {
            rows.set(&format!("{key}.{word}"), patterns(list), Some(given.place));
        }
    }
    if let (Some(exact), Some(given)) = (&is.exact, &said.exact) {
        rows.set(&format!("{key}.exact"), exact.join(", "), Some(given.place));
    }
    if let Some(count) = &is.count {
        rows.set(&format!("{key}.count"), range(count, ""), place_of(said.count.as_ref()));
    }
    if let Some(ttl) = &is.ttl {
        rows.set(&format!("{key}.ttl"), range(ttl, "s"), place_of(said.ttl.as_ref()));
    }
}

fn shown(host: &Host, port: u16) -> String {
    match host {
        Host::Ip(IpAddr::V6(ip)) => SocketAddr::new((*ip).into(), port).to_string(),
        host => format!("{host}:{port}"),
    }
}

fn range(range: &RangeInclusive<u32>, unit: &str) -> String {
    let to = match *range.end() {
        u32::MAX => String::new(),
        to => format!("{to}{unit}"),
    };
    format!("{}{unit}..{to}", range.start())
}
