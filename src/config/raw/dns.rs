//! `[probe.NAME.dns]`: one question and what its answer must be, or the servers of one zone and that they agree.
//!
//! Words of DNS are read as DNS spells them, in either case. What cannot be meant together is reported here, as far as it does
//! not depend on an endpoint.
//!
//! It does not fill in placeholders.

use super::probe::read_patterns;
use super::service::network_or_report;
use crate::config::decode::{Section, one_of, read_string, template_of, wrong_type};
use crate::config::problem::{Kind, Problem};
use crate::config::source::At;
use crate::config::template::Template;
use crate::config::tree::Value;
use crate::config::units;
use crate::model::{
    DnsTransport, DohMethod, FlagRules, Network, Silent, Truncated, ZONE_SERVERS_AT_MOST, class_of,
    type_of,
};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{DNSClass, RecordType};
use std::ops::RangeInclusive;

/// Bytes that EDNS may offer for a datagram: the least that counts (RFC 6891, 6.2.3), and what we read.
const PAYLOADS: RangeInclusive<u32> = 512..=4096;

/// What a comparison of serials leaves no room for: the servers are asked one thing, over UDP.
const NOT_WITH_SERIALS: [&str; 8] =
    ["transport", "https", "rcode", "answers", "authority", "additional", "flags", "truncated"];

/// `[probe.NAME.dns]`.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::config) struct RawDns {
    pub(in crate::config) server: Option<Template>,
    pub(in crate::config) query: Template,
    pub(in crate::config) record_type: Option<At<RecordType>>,
    pub(in crate::config) class: Option<At<DNSClass>>,
    pub(in crate::config) recursion: Option<At<bool>>,
    pub(in crate::config) checking_disabled: Option<At<bool>>,
    /// `None` inside is `false`.
    pub(in crate::config) edns: Option<At<Option<u16>>>,
    pub(in crate::config) dnssec: Option<At<bool>>,
    pub(in crate::config) client_subnet: Option<At<Network>>,
    pub(in crate::config) transport: Option<At<DnsTransport>>,
    pub(in crate::config) path: Option<Template>,
    pub(in crate::config) method: Option<At<DohMethod>>,
    pub(in crate::config) rcodes: Option<At<Vec<ResponseCode>>>,
    pub(in crate::config) answers: RawRecordRules,
    pub(in crate::config) authority: RawRecordRules,
    pub(in crate::config) additional: RawRecordRules,
    pub(in crate::config) flags: Option<At<FlagRules>>,
    pub(in crate::config) truncated: Option<At<Truncated>>,
    pub(in crate::config) serials: Option<At<RawSerials>>,
}

/// `answers = { … }`, and those of the other sections.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::config) struct RawRecordRules {
    pub(in crate::config) record_type: Option<At<RecordType>>,
    pub(in crate::config) all: Option<At<Vec<Template>>>,
    pub(in crate::config) any: Option<At<Vec<Template>>>,
    pub(in crate::config) none: Option<At<Vec<Template>>>,
    pub(in crate::config) exact: Option<At<Vec<Template>>>,
    pub(in crate::config) count: Option<At<RangeInclusive<u32>>>,
    pub(in crate::config) ttl: Option<At<RangeInclusive<u32>>>,
}

/// `serials = { … }`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::config) struct RawSerials {
    pub(in crate::config) servers: Option<At<Vec<Template>>>,
    pub(in crate::config) max_lag: Option<At<u32>>,
    pub(in crate::config) silent: Option<At<Silent>>,
}

impl RawDns {
    /// Only a question.
    pub(in crate::config) fn plain(query: Template) -> Self {
        Self {
            server: None,
            query,
            record_type: None,
            class: None,
            recursion: None,
            checking_disabled: None,
            edns: None,
            dnssec: None,
            client_subnet: None,
            transport: None,
            path: None,
            method: None,
            rcodes: None,
            answers: RawRecordRules::default(),
            authority: RawRecordRules::default(),
            additional: RawRecordRules::default(),
            flags: None,
            truncated: None,
            serials: None,
        }
    }
}

pub(super) fn read_dns(table: &Section<'_>) -> Option<RawDns> {
    let query = table.template("query");
    if !table.has("query") {
        table.missing("query", "`query = \"{host}\"`");
    }
    for key in NOT_WITH_SERIALS {
        table.exclusive(&["serials", key]);
    }
    let rules = |key| table.table(key, read_rules).map(|found| found.value).unwrap_or_default();
    // First every key, then the missing one, in whose place an empty name stands that long.
    let nothing = At::new(String::new(), table.place);
    let stand_in = query.clone().or_else(|| template_of(table.context, &nothing, &table.path))?;
    let mut raw = RawDns {
        server: table.template("server"),
        record_type: read_record_type(table, "type"),
        class: read_class(table),
        transport: table.word("transport", DnsTransport::ALL, DnsTransport::as_str),
        recursion: table.flag("recursion"),
        checking_disabled: table.flag("checking_disabled"),
        edns: read_edns(table),
        dnssec: table.flag("dnssec"),
        client_subnet: read_subnet(table),
        rcodes: read_rcodes(table),
        answers: rules("answers"),
        authority: rules("authority"),
        additional: rules("additional"),
        flags: table.table("flags", read_flags),
        truncated: table.word("truncated", Truncated::ALL, Truncated::as_str),
        serials: read_serials(table),
        ..RawDns::plain(stand_in)
    };
    read_https(table, &mut raw);
    check_together(table, &raw);
    query.is_some().then_some(raw)
}

/// What is fine by itself, but not beside something else.
fn check_together(table: &Section<'_>, raw: &RawDns) {
    let conflict = |key: &str, said: &str, other: &str, hint: &str| {
        let mut problem =
            Problem::new(Kind::Conflict, table.path_of(key), table.key_place(key), said);
        if table.has(other) {
            problem = problem.also(table.key_place(other), "given here");
        }
        table.report(problem.hint(hint));
    };
    if raw.edns.as_ref().is_some_and(|edns| edns.value.is_none()) {
        for (key, is_there) in [
            ("dnssec", raw.dnssec.as_ref().is_some_and(|at| at.value)),
            ("client_subnet", raw.client_subnet.is_some()),
        ] {
            if is_there {
                let said = format!("`{key}` travels in EDNS, and `edns = false` leaves that out");
                conflict(key, &said, "edns", "keep one of them");
            }
        }
    }
    let is_https = raw.transport.as_ref().is_some_and(|at| at.value == DnsTransport::Https);
    if table.has("https") && !is_https && !table.has("serials") {
        let said = "`https` says how a question goes over HTTPS, and this one does not";
        conflict("https", said, "transport", "add `transport = \"https\"`, or take `https` away");
    }
    let wants_tc = raw.flags.as_ref().is_some_and(|flags| flags.value.tc == Some(true));
    let accepts = raw.truncated.as_ref().is_some_and(|at| at.value == Truncated::Accept);
    if wants_tc && !accepts {
        let said = "`flags.tc` wants a truncated answer, and `truncated` does not let it pass";
        conflict("flags", said, "truncated", "add `truncated = \"accept\"`");
    }
    let is_soa = raw.record_type.as_ref().is_none_or(|at| at.value == RecordType::SOA);
    if raw.serials.is_some() && !is_soa {
        let said = "serials stand in SOA records, and `type` asks for another";
        conflict("type", said, "serials", "take `type` away");
    }
}

fn read_record_type(table: &Section<'_>, key: &'static str) -> Option<At<RecordType>> {
    let text = table.string(key)?;
    let found = type_of(&text.value);
    if found.is_none() {
        let said = format!("`{}` is not a record type that can be asked for", text.value);
        let problem = Problem::new(Kind::BadRecordType, table.path_of(key), text.place, said);
        table.report(problem.expected(
            "a type such as `A`, `AAAA`, `CNAME`, `MX`, `NS`, `SOA`, `SRV`, `TXT`, `CAA`, `PTR`, or any by its number (`TYPE65280`)",
        ));
    }
    found.map(|found| At::new(found, text.place))
}

fn read_class(table: &Section<'_>) -> Option<At<DNSClass>> {
    let text = table.string("class")?;
    let found = class_of(&text.value);
    if found.is_none() {
        let said = format!("`{}` is not a class of records", text.value);
        let problem = Problem::new(Kind::BadWord, table.path_of("class"), text.place, said);
        table.report(problem.expected("`IN`, `CH`, `HS`, `ANY`, or a number such as `CLASS3`"));
    }
    found.map(|found| At::new(found, text.place))
}

fn read_edns(table: &Section<'_>) -> Option<At<Option<u16>>> {
    let node = table.get("edns")?;
    match node.value {
        Value::Bool(false) => Some(At::new(None, node.place)),
        Value::Bool(true) => {
            let expected = "`false`, or how many bytes a datagram may have";
            wrong_type(table.context, node, &table.path_of("edns"), expected, None);
            None
        }
        _ => {
            let size = table.integer("edns", PAYLOADS)?;
            let bytes = u16::try_from(size.value).expect("the range ends at 4096");
            Some(At::new(Some(bytes), size.place))
        }
    }
}

fn read_subnet(table: &Section<'_>) -> Option<At<Network>> {
    let text = table.string("client_subnet")?;
    let network = network_or_report(table.context, &text, &table.path_of("client_subnet"), None)?;
    Some(At::new(network, text.place))
}

fn read_https(table: &Section<'_>, raw: &mut RawDns) {
    table.table("https", |https| {
        raw.path = https.template("path");
        raw.method = https.word("method", DohMethod::ALL, DohMethod::as_str);
    });
}

/// `true`, or a table.
fn read_serials(table: &Section<'_>) -> Option<At<RawSerials>> {
    let node = table.get("serials")?;
    match node.value {
        Value::Bool(true) => Some(At::new(RawSerials::default(), table.key_place("serials"))),
        Value::Table(_) => table.table("serials", |serials| {
            let servers = serials.templates("servers");
            if let Some(all) = servers.as_ref()
                && !(1..=ZONE_SERVERS_AT_MOST).contains(&all.value.len())
            {
                let said = format!("{} servers are named", all.value.len());
                let path = serials.path_of("servers");
                let problem = Problem::new(Kind::OutOfRange, path, all.place, said);
                let expected = format!("1 to {ZONE_SERVERS_AT_MOST} servers");
                serials.report(
                    problem
                        .expected(expected)
                        .hint("without `servers` those are asked that the zone's NS records name"),
                );
            }
            RawSerials {
                servers,
                max_lag: serials.integer("max_lag", 0..=i32::MAX.unsigned_abs()),
                silent: serials.word("silent", Silent::ALL, Silent::as_str),
            }
        }),
        _ => {
            let expected = "`true`, or a table: `serials = { max_lag = 5 }`";
            wrong_type(table.context, node, &table.path_of("serials"), expected, None);
            None
        }
    }
}

/// The response codes that a server may send in a header, as RFC 2136 and IANA spell them.
pub(in crate::config) const RCODES: [(&str, ResponseCode); 11] = [
    ("NOERROR", ResponseCode::NoError),
    ("FORMERR", ResponseCode::FormErr),
    ("SERVFAIL", ResponseCode::ServFail),
    ("NXDOMAIN", ResponseCode::NXDomain),
    ("NOTIMP", ResponseCode::NotImp),
    ("REFUSED", ResponseCode::Refused),
    ("YXDOMAIN", ResponseCode::YXDomain),
    ("YXRRSET", ResponseCode::YXRRSet),
    ("NXRRSET", ResponseCode::NXRRSet),
    ("NOTAUTH", ResponseCode::NotAuth),
    ("NOTZONE", ResponseCode::NotZone),
];

fn read_rcodes(table: &Section<'_>) -> Option<At<Vec<ResponseCode>>> {
    let codes = table.list("rcode", "a list of response codes", |context, node, path| {
        let text = read_string(context, node, path)?;
        let upper = text.value.to_ascii_uppercase();
        let found = RCODES.iter().find(|(name, _)| *name == upper).map(|(_, code)| *code);
        if found.is_none() {
            let said = format!("`{}` is not a response code", text.value);
            let names: Vec<_> = RCODES.iter().map(|(name, _)| *name).collect();
            let problem = Problem::new(Kind::BadRcode, path, text.place, said);
            context.sink.report(problem.expected(one_of(&names)));
        }
        found
    })?;
    (!codes.value.is_empty()).then_some(codes)
}

fn read_rules(table: &Section<'_>) -> RawRecordRules {
    RawRecordRules {
        record_type: read_record_type(table, "type"),
        all: read_patterns(table, "all"),
        any: read_patterns(table, "any"),
        none: read_patterns(table, "none"),
        exact: table.templates("exact"),
        count: read_range(table, "count", "`1..4`, `2..`, `..4` or `2`", units::count_range),
        ttl: read_range(table, "ttl", "`30s..1h`, `30s..` or `..1h`", units::seconds_range),
    }
}

fn read_range(
    table: &Section<'_>,
    key: &'static str,
    expected: &str,
    read: fn(&str) -> Result<RangeInclusive<u32>, String>,
) -> Option<At<RangeInclusive<u32>>> {
    let node = table.get(key)?;
    let path = table.path_of(key);
    let text = match &node.value {
        Value::Text(text) => text.clone(),
        Value::Integer(number) if key == "count" => number.to_string(),
        _ => {
            wrong_type(table.context, node, &path, expected, None);
            return None;
        }
    };
    match read(&text) {
        Ok(range) => Some(At::new(range, node.place)),
        Err(why) => {
            let said = format!("`{text}` is not a range");
            let problem = Problem::new(Kind::BadRange, path, node.place, said).label(why);
            table.report(problem.expected(expected));
            None
        }
    }
}

fn read_flags(table: &Section<'_>) -> FlagRules {
    let flag = |key| table.flag(key).map(|flag| flag.value);
    FlagRules {
        aa: flag("aa"),
        ad: flag("ad"),
        ra: flag("ra"),
        tc: flag("tc"),
        rd: flag("rd"),
        cd: flag("cd"),
    }
}
