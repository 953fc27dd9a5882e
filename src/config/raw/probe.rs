//! `[probe.NAME]` and its `http`, `tcp`, `dns` and `tls` tables.
//!
//! Everything that does not depend on an endpoint is checked here, also in probes that nobody uses. An expectation that
//! this version cannot check is an error: ignoring it would call a check good without having looked.
//!
//! It does not fill in placeholders.

use super::service::read_settings;
use super::{
    RawAnswers, RawBody, RawDns, RawHeader, RawHttp, RawKind, RawProbe, RawStep, RawTcp, RawTls,
    arc_name, check_name,
};
use crate::config::decode::{
    Context, Section, bad_word, one_of, read_string, read_template, section, wrong_type,
};
use crate::config::problem::{Kind, Problem};
use crate::config::raw::Raw;
use crate::config::secret::{Pem, file_of, pem_of, read_secret};
use crate::config::source::At;
use crate::config::template::Template;
use crate::config::tree::{Node, Value};
use crate::config::units;
use crate::model::{
    Auth, DnsTransport, FlagRules, Redirects, StartTls, StatusRules, TlsVersion, Truncated,
};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RecordType;
use std::ops::RangeInclusive;

pub(super) fn read_probes(top: &Section<'_>, raw: &mut Raw) {
    let found = top.table("probe", |probes| {
        let mut list = Vec::new();
        for (name, node) in probes.names() {
            let path = probes.path_of(&name.value);
            check_name(top.context, name, &path, "a probe");
            let probe = section(top.context, node, name.place, path, |table| RawProbe {
                name: arc_name(name),
                settings: read_settings(table),
                kind: read_kind(table),
                tls: table.table("tls", read_tls),
            });
            list.extend(probe);
        }
        list
    });
    raw.probes.extend(found.into_iter().flat_map(|found| found.value));
}

fn read_kind(table: &Section<'_>) -> Option<RawKind> {
    let kinds = ["http", "tcp", "dns"];
    let given: Vec<_> = kinds.iter().filter(|kind| table.has(kind)).collect();
    let http = table.table("http", read_http);
    let tcp = table.table("tcp", read_tcp);
    let dns = table.table("dns", read_dns);
    table.unsupported(&["icmp", "grpc", "websocket"], "`http`, `tcp` and `dns` are built so far");
    match given.as_slice() {
        [] => {
            if !["icmp", "grpc", "websocket"].iter().any(|later| table.has(later)) {
                let said = "it does not say how to look";
                let path = table.path.clone();
                let problem = Problem::new(Kind::NoProtocol, path, table.place, said)
                    .label("no table `http`, `tcp` or `dns`")
                    .expected(format!("{} below it", one_of(&kinds)))
                    .hint(format!("add `[{}.http]` with a `url`", table.path));
                table.report(problem);
            }
            return None;
        }
        [_] => {}
        [first, second, ..] => {
            let said = format!("it is `{first}` and `{second}` at once");
            let path = table.path.clone();
            let problem = Problem::new(Kind::TwoProtocols, path, table.key_place(second), said)
                .label("a second protocol")
                .also(table.key_place(first), "the first protocol")
                .hint("make two probes of it");
            table.report(problem);
            return None;
        }
    }
    if let Some(http) = http {
        return http.value.map(|http| RawKind::Http(Box::new(http)));
    }
    if let Some(tcp) = tcp {
        return tcp.value.map(RawKind::Tcp);
    }
    dns?.value.map(|dns| RawKind::Dns(Box::new(dns)))
}

fn read_http(table: &Section<'_>) -> Option<RawHttp> {
    let url = table.template("url");
    if !table.has("url") {
        table.missing("url", "`url = \"https://{host}/\"`");
    }
    table.exclusive(&["body", "body_file"]);
    let text = table.template("body");
    let file = file_of(table, "body_file");
    let later = "leave it out until it is";
    table.unsupported(
        &["headers_match", "json", "versions", "proxy", "cookies", "decompress"],
        later,
    );
    // Every key is asked for before the missing one ends this, or it would count as unknown.
    let method = table.string("method").and_then(|text| read_method(table, &text));
    let headers = table.table("headers", read_headers);
    let status = read_status(table);
    let body_matches = read_patterns(table, "body_matches");
    let body_lacks = read_patterns(table, "body_lacks");
    let redirects = read_redirects(table);
    let auth = table.table("auth", read_auth);
    let body_limit = read_body_limit(table);
    let connect_to = table.template("connect_to");
    Some(RawHttp {
        url: url?,
        method,
        headers: headers.map_or_else(Vec::new, |found| found.value),
        body: text
            .map(RawBody::Text)
            .or(file.map(|(path, bytes)| RawBody::File(At::new(bytes.into(), path.place)))),
        status,
        body_matches,
        body_lacks,
        redirects,
        auth: auth.and_then(|auth| Some(At::new(auth.value?, auth.place))),
        body_limit,
        connect_to,
    })
}

fn read_method(table: &Section<'_>, text: &At<String>) -> Option<At<http::Method>> {
    let upper = text.value.to_ascii_uppercase();
    let method = http::Method::from_bytes(text.value.as_bytes()).ok();
    // Methods are case-sensitive, and nobody means `get`.
    let fine = method.filter(|_| upper == text.value);
    if fine.is_none() {
        let said = format!("`{}` is not a method", text.value);
        let mut problem = Problem::new(Kind::BadMethod, table.path_of("method"), text.place, said)
            .expected("a method in capitals, such as `GET`, `HEAD` or `POST`");
        if http::Method::from_bytes(upper.as_bytes()).is_ok() {
            problem = problem.hint(format!("did you mean `{upper}`?"));
        }
        table.report(problem);
    }
    fine.map(|method| At::new(method, text.place))
}

fn read_headers(table: &Section<'_>) -> Vec<(At<http::HeaderName>, RawHeader)> {
    let mut headers = Vec::new();
    for (key, node) in table.names() {
        let path = table.path_of(&key.value);
        let Ok(name) = http::HeaderName::from_bytes(key.value.as_bytes()) else {
            let said = format!("`{}` cannot be the name of a header", key.value);
            let problem = Problem::new(Kind::BadHeader, path, key.place, said);
            table.report(problem.expected("letters, digits and `-`"));
            continue;
        };
        let value = match &node.value {
            Value::Text(_) if name == http::header::AUTHORIZATION => {
                read_secret(table.context, node, &path).map(RawHeader::Secret)
            }
            Value::Table(_) => read_secret(table.context, node, &path).map(RawHeader::Secret),
            _ => read_template(table.context, node, &path).map(RawHeader::Text),
        };
        headers.extend(value.map(|value| (At::new(name, key.place), value)));
    }
    headers
}

fn read_status(table: &Section<'_>) -> Option<At<StatusRules>> {
    let expected = "a list of codes (`200`), classes (`\"2xx\"`) and ranges (`\"200-204\"`)";
    let rules = table.list("status", expected, |context, node, path| {
        let range = match &node.value {
            Value::Integer(code) => u16::try_from(*code).ok().map(|code| code..=code),
            Value::Text(text) => status_range(text),
            _ => {
                wrong_type(context, node, path, "a code, a class or a range", None);
                return None;
            }
        };
        let range = range.filter(|range| {
            *range.start() >= 100 && *range.end() <= 599 && range.start() <= range.end()
        });
        if range.is_none() {
            let written = match &node.value {
                Value::Text(text) => text.clone(),
                Value::Integer(code) => code.to_string(),
                _ => String::new(),
            };
            let said = format!("`{written}` is not a status");
            let problem = Problem::new(Kind::BadStatus, path, node.place, said).expected(
                "a code (`200`), a class (`\"2xx\"`) or a range (`\"200-204\"`), within 100 to 599",
            );
            context.sink.report(problem);
        }
        range
    })?;
    if rules.value.is_empty() {
        return None;
    }
    Some(At::new(StatusRules(rules.value), rules.place))
}

fn status_range(text: &str) -> Option<RangeInclusive<u16>> {
    if let Some(class) = text.strip_suffix("xx") {
        let class: u16 = class.parse().ok().filter(|class| (1..=5).contains(class))?;
        return Some(class * 100..=class * 100 + 99);
    }
    match text.split_once('-') {
        Some((from, to)) => Some(from.trim().parse().ok()?..=to.trim().parse().ok()?),
        None => text.parse().ok().map(|code| code..=code),
    }
}

/// A list of patterns; those without placeholders are tried out here.
fn read_patterns(table: &Section<'_>, key: &'static str) -> Option<At<Vec<Template>>> {
    table.list(key, "a list of patterns", |context, node, path| read_pattern(context, node, path))
}

fn read_pattern(context: Context<'_>, node: &Node, path: &str) -> Option<Template> {
    let template = read_template(context, node, path)?;
    if template.is_constant() {
        let text = template.text.as_str();
        if let Err(error) = regex::bytes::Regex::new(text) {
            context.sink.report(bad_pattern(path, &template, text, &error));
        }
    }
    Some(template)
}

/// What is wrong with a pattern, in the words of its last line: the lines before draw it.
pub(in crate::config) fn bad_pattern(
    path: &str,
    template: &Template,
    text: &str,
    error: &regex::Error,
) -> Problem {
    let drawn = error.to_string();
    let last = drawn.lines().last().unwrap_or_default();
    let why = last.strip_prefix("error: ").unwrap_or(last);
    Problem::new(Kind::BadPattern, path, template.place, format!("`{text}` is not a pattern"))
        .label(why)
        .expected("a regular expression; single quotes in TOML keep backslashes as they are")
}

fn read_redirects(table: &Section<'_>) -> Option<At<Redirects>> {
    let node = table.get("redirects")?;
    let path = table.path_of("redirects");
    match &node.value {
        Value::Bool(false) => Some(At::new(Redirects::Off, node.place)),
        Value::Table(_) => {
            let limit = section(table.context, node, node.place, path, |inner| {
                let limit = inner.integer("limit", 1..=20);
                if !inner.has("limit") {
                    inner.missing("limit", "`limit = 10`");
                }
                limit
            })??;
            let hops = u8::try_from(limit.value).expect("the range ends at 20");
            Some(At::new(Redirects::Limit(hops), node.place))
        }
        _ => {
            wrong_type(table.context, node, &path, "`false` or `{ limit = 10 }`", None);
            None
        }
    }
}

fn read_auth(table: &Section<'_>) -> Option<Auth> {
    table.exclusive(&["basic", "bearer", "oauth2"]);
    table.unsupported(&["oauth2"], "`basic` and `bearer` are built so far");
    let basic = table.table("basic", |basic| {
        let user = basic.string("user");
        let password = basic
            .get("password")
            .and_then(|node| read_secret(basic.context, node, &basic.path_of("password")));
        for (key, expected) in
            [("user", "`user = \"…\"`"), ("password", "`password = { file = \"…\" }`")]
        {
            if !basic.has(key) {
                basic.missing(key, expected);
            }
        }
        Some(Auth::Basic { user: user?.value, password: password?.value })
    });
    let bearer = table
        .get("bearer")
        .and_then(|node| read_secret(table.context, node, &table.path_of("bearer")));
    if !["basic", "bearer", "oauth2"].iter().any(|way| table.has(way)) {
        table.missing("basic", "`basic = { user = …, password = … }` or `bearer = { … }`");
    }
    basic.and_then(|found| found.value).or(bearer.map(|token| Auth::Bearer(token.value)))
}

/// Larger bodies are not for a probe; bytes.
const MAX_BODY: u64 = 1 << 30;

fn read_body_limit(table: &Section<'_>) -> Option<At<u64>> {
    let node = table.get("body_limit")?;
    let path = table.path_of("body_limit");
    let expected = "a number with a unit: `64KiB`, `1MiB`; at most `1GiB`";
    let (written, read) = match &node.value {
        Value::Text(text) => (text.clone(), units::size(text)),
        Value::Integer(bytes) => {
            (bytes.to_string(), u64::try_from(*bytes).map_err(|_| "it is negative".to_owned()))
        }
        _ => {
            wrong_type(table.context, node, &path, expected, None);
            return None;
        }
    };
    let limited = read.and_then(|bytes| match bytes {
        0 => Err("nothing could be read".to_owned()),
        1..=MAX_BODY => Ok(bytes),
        _ => Err("it is more than `1GiB`".to_owned()),
    });
    match limited {
        Ok(bytes) => Some(At::new(bytes, node.place)),
        Err(why) => {
            let said = format!("`{written}` is not a size");
            let problem = Problem::new(Kind::BadSize, path, node.place, said).label(why);
            table.report(problem.expected(expected));
            None
        }
    }
}

fn read_tls(table: &Section<'_>) -> RawTls {
    let ca = pem_of(table, "ca", Pem::Certificates);
    let cert = pem_of(table, "cert", Pem::Certificates);
    let key = pem_of(table, "key", Pem::PrivateKey);
    if table.has("cert") && !table.has("key") {
        table.missing("key", "`cert` and `key` together");
    } else if table.has("key") && !table.has("cert") {
        table.missing("cert", "`cert` and `key` together");
    }
    let verify = table.flag("verify");
    if let Some(off) = verify.as_ref().filter(|verify| !verify.value) {
        let said = "certificates are not checked";
        let problem = Problem::new(Kind::VerifyOff, table.path_of("verify"), off.place, said)
            .label("anybody may answer")
            .hint("`ca = \"…\"` trusts a certificate authority of your own");
        table.report(problem);
    }
    RawTls {
        ca,
        identity: cert.zip(key).map(|(cert, key)| At::new((cert.value, key.value), cert.place)),
        server_name: table.template("server_name"),
        verify,
        min_version: table.word("min_version", TlsVersion::ALL, TlsVersion::as_str),
        expires_within: table.duration("expires_within"),
    }
}

fn read_tcp(table: &Section<'_>) -> Option<RawTcp> {
    let address = table.template("address");
    if !table.has("address") {
        table.missing("address", "`address = \"{host}:443\"`");
    }
    let dialogue = table.list("dialogue", "a list of steps", |context, node, path| {
        section(context, node, node.place, path.to_owned(), read_step).flatten()
    });
    if let Some(dialogue) = &dialogue {
        second_starttls(table, &dialogue.value);
    }
    Some(RawTcp { address: address?, dialogue })
}

fn second_starttls(table: &Section<'_>, steps: &[RawStep]) {
    let mut places = steps.iter().filter_map(|step| match step {
        RawStep::StartTls(words) => Some(words.place),
        _ => None,
    });
    let Some(first) = places.next() else { return };
    for again in places {
        let said = "TLS is already there";
        let problem =
            Problem::new(Kind::StarttlsMeaningless, table.path_of("dialogue"), again, said)
                .label("asked for again here")
                .also(first, "TLS starts here")
                .hint("leave out the second `starttls`");
        table.report(problem);
    }
}

/// Protocols whose words for TLS are not built yet.
const LATER_STARTTLS: [&str; 7] = ["imap", "pop3", "ftp", "ldap", "postgres", "mysql", "xmpp"];

fn read_step(step: &Section<'_>) -> Option<RawStep> {
    step.exclusive(&["expect", "send", "starttls"]);
    let expect = step
        .get("expect")
        .and_then(|node| read_pattern(step.context, node, &step.path_of("expect")));
    let send = step.template("send");
    let within = step.duration("within");
    let starttls = step.string("starttls");
    let ways = ["expect", "send", "starttls"];
    let given = ways.iter().filter(|way| step.has(way)).count();
    if given == 0 || (step.has("within") && !step.has("expect")) {
        let said = if given == 0 {
            "a step that neither says nor expects anything"
        } else {
            "`within` without `expect`"
        };
        let problem = Problem::new(Kind::BadStep, step.path.clone(), step.place, said)
            .expected("`{ expect = …, within = … }`, `{ send = … }` or `{ starttls = … }`");
        step.report(problem);
    }
    if given != 1 {
        return None;
    }
    if let Some(words) = starttls {
        return read_starttls(step, &words).map(RawStep::StartTls);
    }
    match (expect, send) {
        (Some(pattern), _) => Some(RawStep::Expect { pattern, within }),
        (None, send) => send.map(RawStep::Send),
    }
}

fn read_starttls(step: &Section<'_>, words: &At<String>) -> Option<At<StartTls>> {
    let path = step.path_of("starttls");
    if let Some(known) = StartTls::from_word(&words.value) {
        return Some(At::new(known, words.place));
    }
    if LATER_STARTTLS.contains(&&*words.value) {
        let said = format!("`starttls = \"{}\"` is not supported yet", words.value);
        let problem = Problem::new(Kind::NotSupported, path, words.place, said);
        step.report(problem.hint("`smtp` is built so far"));
    } else {
        bad_word(step.context, words, &path, &["smtp"]);
    }
    None
}

fn read_dns(table: &Section<'_>) -> Option<RawDns> {
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
