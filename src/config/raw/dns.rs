//! `[probe.NAME.dns]`: one question and what its answer must be.
//!
//! Words of DNS are read as DNS spells them, in either case.
//!
//! It does not fill in placeholders.

use super::probe::read_patterns;
use super::{RawAnswers, RawDns};
use crate::config::decode::{Section, bad_word, one_of, read_string, wrong_type};
use crate::config::problem::{Kind, Problem};
use crate::config::source::At;
use crate::config::tree::Value;
use crate::config::units;
use crate::model::{DnsTransport, FlagRules, Truncated};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RecordType;
use std::ops::RangeInclusive;

pub(super) fn read_dns(table: &Section<'_>) -> Option<RawDns> {
    let query = table.template("query");
    if !table.has("query") {
        table.missing("query", "`query = \"{host}\"`");
    }
    table.unsupported(&["authority", "additional", "dnssec"], "leave it out until it is");
    // As above: first every key, then the missing one.
    let server = table.template("server");
    let record_type = read_record_type(table);
    let transport = read_transport(table);
    let rcodes = read_rcodes(table);
    let answers = table.table("answers", read_answers);
    let flags = table.table("flags", read_flags);
    let truncated = table.word("truncated", Truncated::ALL, Truncated::as_str);
    Some(RawDns {
        server,
        query: query?,
        record_type,
        transport,
        rcodes,
        answers: answers.map(|found| found.value).unwrap_or_default(),
        flags,
        truncated,
    })
}

fn read_record_type(table: &Section<'_>) -> Option<At<RecordType>> {
    let text = table.string("type")?;
    let found = text.value.to_ascii_uppercase().parse().ok();
    // Zone transfers are no single answer, and `ZERO` is hickory's word for none.
    let found = found.filter(|found| {
        !matches!(found, RecordType::AXFR | RecordType::IXFR | RecordType::ZERO | RecordType::OPT)
    });
    if found.is_none() {
        let said = format!("`{}` is not a record type that can be asked for", text.value);
        let problem = Problem::new(Kind::BadRecordType, table.path_of("type"), text.place, said);
        table.report(problem.expected(
            "a type such as `A`, `AAAA`, `CNAME`, `MX`, `NS`, `SOA`, `SRV`, `TXT`, `CAA`, `PTR`",
        ));
    }
    found.map(|found| At::new(found, text.place))
}

fn read_transport(table: &Section<'_>) -> Option<At<DnsTransport>> {
    let text = table.string("transport")?;
    let path = table.path_of("transport");
    if let Some(known) = DnsTransport::from_word(&text.value) {
        return Some(At::new(known, text.place));
    }
    if ["tls", "https", "quic"].contains(&&*text.value) {
        let said = format!("`transport = \"{}\"` is not supported yet", text.value);
        let problem = Problem::new(Kind::NotSupported, path, text.place, said);
        table.report(problem.hint("`udp` and `tcp` are built so far"));
    } else {
        bad_word(table.context, &text, &path, &["udp", "tcp"]);
    }
    None
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

fn read_answers(table: &Section<'_>) -> RawAnswers {
    RawAnswers {
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
    table.unsupported(&["tc", "rd", "cd"], "`aa`, `ad` and `ra` are built so far");
    FlagRules {
        aa: table.flag("aa").map(|flag| flag.value),
        ad: table.flag("ad").map(|flag| flag.value),
        ra: table.flag("ra").map(|flag| flag.value),
    }
}
