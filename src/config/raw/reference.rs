//! What is looked at besides the services: `[sentinel]`, `[[provider.NAME.canary]]`, `[domain.NAME]`.
//!
//! Sentinels and canaries become probes of their own here; a domain names probes that stand elsewhere in the file.
//!
//! It does not fill in placeholders.

use super::http::read_http;
use super::probe::read_tls;
use super::service::read_settings;
use super::{
    Raw, RawCanary, RawDns, RawDomain, RawKind, RawProbe, RawSentinel, RawTcp, RawTls, Settings,
    arc_name, check_name,
};
use crate::config::decode::{Context, Section, read_string, section, template_of};
use crate::config::problem::{Kind, Problem};
use crate::config::secret::{Pem, pem_of};
use crate::config::source::{At, Place};
use crate::config::template::Template;
use crate::model::{Host, IpChoice, PemFile, Plane, human_duration};
use std::time::Duration;

/// How often a sentinel is asked, and how long a doubtful failure waits for an alibi, when nobody says.
pub(in crate::config) const DEFAULT_PATIENCE: Duration = Duration::from_secs(10);

/// For how long a sentinel or cloud may be silent while checks succeed, when nobody says.
pub(in crate::config) const DEFAULT_BROKEN_AFTER: Duration = Duration::from_mins(10);

/// The deadline of a sentinel when nobody says it; never longer than its interval.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// Fewer cannot tell their own outage from ours.
const FEWEST_SENTINELS: usize = 3;

pub(super) fn read_canaries(table: &Section<'_>) -> Vec<RawCanary> {
    let canaries = table.list("canary", "a list of tables", |context, node, path| {
        section(context, node, node.place, path.to_owned(), |canary| {
            let region = canary.string("region");
            let plane = canary.word("plane", Plane::ALL, Plane::as_str);
            let settings = read_settings(canary);
            let tls = canary.table("tls", read_tls);
            let http = read_http(canary)?;
            Some(RawCanary {
                region: region.map(|region| arc_name(&region)),
                plane,
                probe: RawProbe {
                    name: At::new("canary".into(), node.place),
                    settings,
                    formerly: Vec::new(),
                    kind: Some(RawKind::Http(Box::new(http))),
                    tls,
                },
            })
        })
        .flatten()
    });
    canaries.map(|canaries| canaries.value).unwrap_or_default()
}

pub(super) fn read_sentinel(
    table: &Section<'_>,
    addresses: &mut Vec<(std::net::IpAddr, Place)>,
) -> RawSentinel {
    let listed = table.list("tls", "a list of `host:port`", read_address);
    let names = table.strings("names").map(|names| names.value).unwrap_or_default();
    report_few(table, listed.as_ref());
    let ca = pem_of(table, "ca", Pem::Certificates);
    let settings = sentinel_settings(table);
    let (mut tls, mut hosts) = (Vec::new(), Vec::new());
    for (text, template, host) in listed.into_iter().flat_map(|listed| listed.value) {
        if let Host::Ip(ip) = host {
            addresses.push((ip, text.place));
        }
        tls.push(tls_probe(&text, template, &settings, ca.as_ref()));
        hosts.push(host);
    }
    let ask = |name: At<String>| name_probe(table, &name, &settings);
    RawSentinel {
        patience: table.duration("patience").map_or(DEFAULT_PATIENCE, |patience| patience.value),
        broken_after: table.duration("broken_after").map_or(DEFAULT_BROKEN_AFTER, |it| it.value),
        given: table.keys().map(|key| (key.value.clone(), key.place)).collect(),
        names: names.into_iter().filter_map(ask).collect(),
        tls,
        hosts,
    }
}

type Address = (At<String>, Template, Host);

fn read_address(
    context: Context<'_>,
    node: &crate::config::tree::Node,
    path: &str,
) -> Option<Address> {
    let text = read_string(context, node, path)?;
    match crate::config::build::parse_address(&text.value) {
        Ok((host, _)) => {
            let template = template_of(context, &text, path)?;
            Some((text, template, host))
        }
        Err(why) => {
            let said = format!("`{}` is not an address", text.value);
            let problem = Problem::new(Kind::BadAddress, path, text.place, said).label(why);
            context.sink.report(problem.expected("`host:port`, such as `dns.quad9.net:443`"));
            None
        }
    }
}

fn report_few(table: &Section<'_>, listed: Option<&At<Vec<Address>>>) {
    let given = listed.map_or(0, |listed| listed.value.len());
    if given >= FEWEST_SENTINELS {
        return;
    }
    let said = match given {
        0 => "no sentinel is given".to_owned(),
        1 => "one sentinel is too few".to_owned(),
        _ => format!("{given} sentinels are too few"),
    };
    let place = listed.map_or(table.place, |listed| listed.place);
    let problem = Problem::new(Kind::FewSentinels, "sentinel.tls", place, said)
        .expected("three or more, in different networks, none on a watched cloud");
    table.report(problem.hint("with few of them a single outage elsewhere looks like ours"));
}

/// One good look is enough to know that we can see; what `[defaults]` says is about services.
fn sentinel_settings(table: &Section<'_>) -> Settings {
    let or = |found: Option<At<Duration>>, default| {
        found.unwrap_or_else(|| At::new(default, table.place))
    };
    let interval = or(table.duration("interval"), DEFAULT_PATIENCE);
    let timeout = or(table.duration("timeout"), DEFAULT_TIMEOUT.min(interval.value));
    if timeout.value > interval.value {
        let said = format!(
            "a timeout of `{}` is longer than the interval of `{}`",
            human_duration(timeout.value),
            human_duration(interval.value)
        );
        let kind = Kind::TimeoutLongerThanInterval;
        table.report(Problem::new(kind, table.path_of("timeout"), timeout.place, said));
    }
    Settings {
        path: table.path.clone(),
        interval: Some(interval),
        timeout: Some(timeout),
        confirm: Some(At::new(1, table.place)),
        ..Settings::default()
    }
}

fn tls_probe(
    text: &At<String>,
    address: Template,
    settings: &Settings,
    ca: Option<&At<PemFile>>,
) -> RawProbe {
    let tls = RawTls {
        ca: ca.cloned(),
        identity: None,
        server_name: None,
        verify: None,
        remember: None,
        min_version: None,
        expires_within: None,
    };
    RawProbe {
        name: At::new(text.value.as_str().into(), text.place),
        settings: settings.clone(),
        formerly: Vec::new(),
        kind: Some(RawKind::Tcp(RawTcp { address, dialogue: None })),
        tls: Some(At::new(tls, text.place)),
    }
}

impl RawProbe {
    /// The same over IPv6 alone.
    pub(in crate::config) fn over_v6(&self) -> Option<Self> {
        let Some(RawKind::Tcp(tcp)) = &self.kind else { return None };
        let tls = self.tls.as_ref()?;
        let place = self.name.place;
        let name = At::new(format!("{} over IPv6", self.name.value), place);
        let mut probe =
            tls_probe(&name, tcp.address.clone(), &self.settings, tls.value.ca.as_ref());
        probe.settings.ip = Some(At::new(IpChoice::V6, place));
        Some(probe)
    }
}

fn name_probe(table: &Section<'_>, name: &At<String>, settings: &Settings) -> Option<RawProbe> {
    let path = table.path_of("names");
    let ask = RawDns::plain(template_of(table.context, name, &path)?);
    Some(RawProbe {
        name: At::new(name.value.as_str().into(), name.place),
        settings: settings.clone(),
        formerly: Vec::new(),
        kind: Some(RawKind::Dns(Box::new(ask))),
        tls: None,
    })
}

/// What a shared dependency may be.
const DOMAIN_KINDS: [&str; 5] = ["dns", "data", "identity", "edge", "interconnect"];

pub(super) fn read_domains(top: &Section<'_>, raw: &mut Raw) {
    let found = top.table("domain", |domains| {
        let mut list = Vec::new();
        for (name, node) in domains.names() {
            let path = domains.path_of(&name.value);
            check_name(top.context, name, &path, "a domain");
            list.extend(section(top.context, node, name.place, path, |table| {
                read_domain(table, name)
            }));
        }
        list
    });
    raw.domains.extend(found.into_iter().flat_map(|found| found.value));
}

fn read_domain(table: &Section<'_>, name: &At<String>) -> RawDomain {
    for (key, expected) in [
        ("kind", "`kind = \"data\"`"),
        ("host", "`host = \"…\"`"),
        ("probes", "`probes = [\"…\"]`, what looks at it"),
    ] {
        if !table.has(key) {
            table.missing(key, expected);
        }
    }
    RawDomain {
        name: arc_name(name),
        path: table.path.clone(),
        kind: table.word("kind", &DOMAIN_KINDS, |word| word),
        host: table.string("host"),
        probes: table.strings("probes").map(|found| found.value).unwrap_or_default(),
    }
}
