//! `[probe.NAME]`: its settings, its one protocol, its `tls` table.
//!
//! Everything that does not depend on an endpoint is checked here, also in probes that nobody uses. An expectation that
//! this version cannot check is an error: ignoring it would call a check good without having looked.
//!
//! It does not fill in placeholders.

use super::dns::read_dns;
use super::exec::read_exec;
use super::grpc::read_grpc;
use super::http::read_http;
use super::icmp::read_icmp;
use super::service::{read_formerly, read_settings};
use super::tcp::read_tcp;
use super::{Raw, RawKind, RawProbe, RawTls, arc_name, check_name};
use crate::config::decode::{Context, Section, one_of, read_template, section};
use crate::config::problem::{Kind, Problem};
use crate::config::secret::{Pem, pem_of};
use crate::config::source::At;
use crate::config::template::Template;
use crate::config::tree::Node;
use crate::model::TlsVersion;

pub(super) fn read_probes(top: &Section<'_>, raw: &mut Raw) {
    let found = top.table("probe", |probes| {
        let mut list = Vec::new();
        for (name, node) in probes.names() {
            let path = probes.path_of(&name.value);
            check_name(top.context, name, &path, "a probe");
            let probe = section(top.context, node, name.place, path, |table| RawProbe {
                name: arc_name(name),
                settings: read_settings(table),
                formerly: read_formerly(table),
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
    let kinds = ["http", "tcp", "dns", "exec", "icmp", "grpc"];
    let given: Vec<_> = kinds.iter().filter(|kind| table.has(kind)).collect();
    let http = table.table("http", read_http);
    let tcp = table.table("tcp", read_tcp);
    let dns = table.table("dns", read_dns);
    let exec = table.table("exec", read_exec);
    let icmp = table.table("icmp", read_icmp);
    let grpc = table.table("grpc", read_grpc);
    table.unsupported(&["websocket"], "an `http` probe can ask for the page behind it");
    match given.as_slice() {
        [] => {
            if !table.has("websocket") {
                let said = "it does not say how to look";
                let path = table.path.clone();
                let problem = Problem::new(Kind::NoProtocol, path, table.place, said)
                    .label("no table of a protocol")
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
    if let Some(exec) = exec {
        return exec.value.map(RawKind::Exec);
    }
    if let Some(icmp) = icmp {
        return Some(RawKind::Icmp(icmp.value));
    }
    if let Some(grpc) = grpc {
        return grpc.value.map(RawKind::Grpc);
    }
    dns?.value.map(|dns| RawKind::Dns(Box::new(dns)))
}

/// A list of patterns; those without placeholders are tried out here.
pub(super) fn read_patterns(table: &Section<'_>, key: &'static str) -> Option<At<Vec<Template>>> {
    table.list(key, "a list of patterns", |context, node, path| read_pattern(context, node, path))
}

pub(super) fn read_pattern(context: Context<'_>, node: &Node, path: &str) -> Option<Template> {
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

pub(super) fn read_tls(table: &Section<'_>) -> RawTls {
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
        remember: table.flag("remember"),
        min_version: table.word("min_version", TlsVersion::ALL, TlsVersion::as_str),
        expires_within: table.duration("expires_within"),
    }
}
