//! `[provider.NAME]`, `[class.NAME]`, `[service.NAME]`, and the settings that every level may hold.
//!
//! Names are checked where they are given; whether a name that is *used* exists is decided in `resolve`.
//!
//! It does not know what a service inherits.

use super::probe::read_pattern;
use super::promise::read_objectives;
use super::reference::read_canaries;
use super::{
    Formers, Raw, RawClass, RawEndpoint, RawEntry, RawMark, RawProvider, RawService, Settings,
    Shared, Texts, Use, arc_name, check_name,
};
use crate::config::decode::{Context, Section, read_string, section, table_section, wrong_type};
use crate::config::problem::{Kind, Problem};
use crate::config::secret::file_of;
use crate::config::source::At;
use crate::config::tree::{Node, Value};
use crate::model::{AskedResolver, EntryPolicy, IpChoice, Network, Pick, Role, Side};

/// What every placeholder may name without a `vars` of its own.
pub(in crate::config) const BUILT_IN: [&str; 5] =
    ["host", "service", "provider", "region", "endpoint"];

/// Labels that our series have already.
const RESERVED_LABELS: [&str; 12] = [
    "check", "service", "provider", "region", "probe", "vantage", "host", "runbook", "endpoint",
    "le", "job", "instance",
];

pub(super) fn read_settings(table: &Section<'_>) -> Settings {
    Settings {
        path: table.path.clone(),
        interval: table.duration("interval"),
        timeout: table.duration("timeout"),
        recheck: table.duration("recheck"),
        confirm: table.integer("confirm", 1..=100),
        hold: table.duration("hold"),
        ip: table.word("ip", IpChoice::ALL, IpChoice::as_str),
        pick: table.word("pick", Pick::ALL, Pick::as_str),
        slow_after: table.duration("slow_after"),
        max_latency: table.duration("max_latency"),
        counts: table.flag("counts"),
        vars: read_vars(table),
    }
}

fn read_vars(table: &Section<'_>) -> Texts {
    let found =
        table.table("vars", |vars| {
            let mut texts = Texts::new();
            for (key, node) in vars.names() {
                let path = vars.path_of(&key.value);
                let starts = key.value.starts_with(|first: char| first.is_ascii_lowercase());
                let fine = |each: char| {
                    each.is_ascii_lowercase() || each.is_ascii_digit() || matches!(each, '_' | '-')
                };
                if !starts || !key.value.chars().all(fine) {
                    let said = format!("`{}` cannot be the name of a placeholder", key.value);
                    let problem = Problem::new(Kind::BadName, path, key.place, said);
                    vars.report(problem.expected(
                        "a lower-case letter, then lower-case letters, digits, `_` and `-`",
                    ));
                    continue;
                }
                if BUILT_IN.contains(&&*key.value) {
                    let said = format!("`{{{}}}` has its value already", key.value);
                    let problem = Problem::new(Kind::ReservedName, path, key.place, said);
                    vars.report(problem.hint("give it another name"));
                    continue;
                }
                if let Some(text) = read_string(vars.context, node, &path) {
                    texts.insert(key.value.clone(), text);
                }
            }
            texts
        });
    found.map(|found| found.value).unwrap_or_default()
}

pub(super) fn read_labels(table: &Section<'_>) -> Texts {
    let found = table.table("labels", |labels| {
        let mut texts = Texts::new();
        for (key, node) in labels.names() {
            let path = labels.path_of(&key.value);
            let starts =
                key.value.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
            let fine = |each: char| each.is_ascii_alphanumeric() || each == '_';
            let reserved = RESERVED_LABELS.contains(&&*key.value) || key.value.starts_with("__");
            if reserved {
                let said = format!("the label `{}` has its meaning already", key.value);
                let problem = Problem::new(Kind::ReservedName, path, key.place, said);
                labels.report(problem.hint("give it another name"));
            } else if !starts || !key.value.chars().all(fine) {
                let said = format!("`{}` cannot be the name of a label", key.value);
                let problem = Problem::new(Kind::BadName, path, key.place, said);
                labels
                    .report(problem.expected("letters, digits and `_`, not starting with a digit"));
            } else if let Some(text) = read_string(labels.context, node, &path) {
                texts.insert(key.value.clone(), text);
            }
        }
        texts
    });
    found.map(|found| found.value).unwrap_or_default()
}

pub(super) fn read_providers(top: &Section<'_>, raw: &mut Raw) {
    let found = top.table("provider", |providers| {
        let mut list = Vec::new();
        for (name, node) in providers.names() {
            let path = providers.path_of(&name.value);
            check_name(top.context, name, &path, "a provider");
            list.extend(section(top.context, node, name.place, path, |table| RawProvider {
                name: arc_name(name),
                path: table.path.clone(),
                title: table.string("title"),
                region: table.string("region").map(|region| arc_name(&region)),
                host: table.template("host"),
                vars: read_vars(table),
                formerly: read_formerly(table),
                networks: read_networks(table),
                canaries: read_canaries(table),
            }));
        }
        list
    });
    raw.providers.extend(found.into_iter().flat_map(|found| found.value));
}

/// Names that the thing of this table had before.
pub(super) fn read_formerly(table: &Section<'_>) -> Formers {
    let names = table.strings("formerly").map(|found| found.value).unwrap_or_default();
    for name in &names {
        check_name(table.context, name, &table.path_of("formerly"), "anything");
    }
    names
}

/// `networks = ["192.0.2.0/24"]`.
pub(super) fn read_network_list(table: &Section<'_>) -> Option<At<Vec<Network>>> {
    table.list("networks", "a list of networks in CIDR form", |context, node, path| {
        let text = read_string(context, node, path)?;
        network_or_report(context, &text, path, None)
    })
}

fn read_networks(table: &Section<'_>) -> Vec<Network> {
    table.exclusive(&["networks", "networks_file"]);
    let mut networks = read_network_list(table).map(|listed| listed.value).unwrap_or_default();
    if let Some((file, bytes)) = file_of(table, "networks_file") {
        let text = String::from_utf8_lossy(&bytes);
        for (index, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if !line.is_empty() {
                let path = table.path_of("networks_file");
                let at = At::new(line.to_owned(), file.place);
                networks.extend(network_or_report(table.context, &at, &path, Some(index + 1)));
            }
        }
    }
    networks
}

pub(super) fn network_or_report(
    context: Context<'_>,
    text: &At<String>,
    path: &str,
    line: Option<usize>,
) -> Option<Network> {
    match network(&text.value) {
        Ok(network) => Some(network),
        Err((why, better)) => {
            let said = match line {
                None => format!("`{}` is not a network", text.value),
                Some(line) => {
                    format!("line {line} of the file, `{}`, is not a network", text.value)
                }
            };
            let mut problem = Problem::new(Kind::BadNetwork, path, text.place, said)
                .label(why)
                .expected("a network in CIDR form, such as `192.0.2.0/24` or `2001:db8::/32`");
            if let Some(better) = better {
                problem = problem.hint(format!("did you mean `{better}`?"));
            }
            context.sink.report(problem);
            None
        }
    }
}

/// A network whose host bits are zero, or what is wrong and perhaps what was meant.
fn network(text: &str) -> Result<Network, (&'static str, Option<String>)> {
    let (address, prefix) = text.split_once('/').ok_or_else(|| {
        let meant = text.parse::<std::net::IpAddr>().ok().map(|address| match address {
            std::net::IpAddr::V4(_) => format!("{address}/32"),
            std::net::IpAddr::V6(_) => format!("{address}/128"),
        });
        ("the length of its prefix is missing", meant)
    })?;
    let address: std::net::IpAddr =
        address.parse().map_err(|_| ("it does not start with an address", None))?;
    let bits: u8 = if address.is_ipv4() { 32 } else { 128 };
    let prefix: u8 = prefix
        .parse()
        .ok()
        .filter(|prefix| *prefix <= bits)
        .ok_or(("its prefix is too long or no number", None))?;
    let zeroed = match address {
        std::net::IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(u32::from(32 - prefix)).unwrap_or(0);
            std::net::IpAddr::V4((address.to_bits() & mask).into())
        }
        std::net::IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(u32::from(128 - prefix)).unwrap_or(0);
            std::net::IpAddr::V6((address.to_bits() & mask).into())
        }
    };
    if zeroed != address {
        return Err(("it has bits behind its prefix", Some(format!("{zeroed}/{prefix}"))));
    }
    Ok(Network { address, prefix })
}

fn read_shared(table: &Section<'_>) -> Shared {
    Shared {
        settings: read_settings(table),
        labels: read_labels(table),
        probes: read_uses(table),
        endpoints: table.strings("endpoints"),
        objectives: read_objectives(table),
        runbook: table.template("runbook"),
        side: table.word("side", Side::ALL, Side::as_str),
    }
}

fn read_uses(table: &Section<'_>) -> Option<At<Vec<Use>>> {
    let expected = "a list of names of probes, or of `{ use = \"name\", … }`";
    table.list("probes", expected, |context, node, path| match &node.value {
        Value::Text(name) => Some(Use {
            name: At::new(name.clone(), node.place),
            settings: Settings { path: path.to_owned(), ..Settings::default() },
            formerly: Formers::new(),
        }),
        Value::Table(inner) => {
            let path = path.to_owned();
            table_section(context, inner, node.place, path, |entry| {
                let name = entry.string("use");
                if !entry.has("use") {
                    entry.missing("use", "`use = \"name of a probe\"`");
                }
                let (settings, formerly) = (read_settings(entry), read_formerly(entry));
                Some(Use { name: name?, settings, formerly })
            })
        }
        _ => {
            wrong_type(
                context,
                node,
                path,
                "the name of a probe, or `{ use = \"name\", … }`",
                None,
            );
            None
        }
    })
}

pub(super) fn read_classes(top: &Section<'_>, raw: &mut Raw) {
    let found = top.table("class", |classes| {
        let mut list = Vec::new();
        for (name, node) in classes.names() {
            let path = classes.path_of(&name.value);
            check_name(top.context, name, &path, "a class");
            list.extend(section(top.context, node, name.place, path, |table| RawClass {
                name: arc_name(name),
                shared: read_shared(table),
            }));
        }
        list
    });
    raw.classes.extend(found.into_iter().flat_map(|found| found.value));
}

pub(super) fn read_services(top: &Section<'_>, raw: &mut Raw) {
    let found = top.table("service", |services| {
        let mut list = Vec::new();
        for (name, node) in services.names() {
            let path = services.path_of(&name.value);
            check_name(top.context, name, &path, "a service");
            list.extend(section(top.context, node, name.place, path, |table| {
                read_service(table, name)
            }));
        }
        list
    });
    raw.services.extend(found.into_iter().flat_map(|found| found.value));
}

fn read_service(table: &Section<'_>, name: &At<String>) -> RawService {
    let tables = table.table("endpoint", |endpoints| {
        let mut list = Vec::new();
        for (name, node) in endpoints.names() {
            let path = endpoints.path_of(&name.value);
            check_name(table.context, name, &path, "an endpoint");
            if name.value == "entry" {
                let said = "`entry` is the public name of a service, not an endpoint";
                let problem = Problem::new(Kind::ReservedName, path.clone(), name.place, said);
                table.report(problem.hint("give the endpoint another name"));
            }
            list.extend(section(table.context, node, name.place, path, |endpoint| {
                read_endpoint(endpoint, name)
            }));
        }
        list
    });
    RawService {
        name: arc_name(name),
        shared: read_shared(table),
        class: table.string("class"),
        title: table.string("title"),
        tables: tables.map(|found| found.value).unwrap_or_default(),
        entry: table.table("entry", read_entry).map(|found| found.value),
        depends_on: table.strings("depends_on").map(|found| found.value).unwrap_or_default(),
        formerly: table.strings("formerly").map(|found| found.value).unwrap_or_default(),
    }
}

fn read_endpoint(table: &Section<'_>, name: &At<String>) -> RawEndpoint {
    RawEndpoint {
        name: arc_name(name),
        settings: read_settings(table),
        formerly: read_formerly(table),
        provider: table.string("provider"),
        region: table.string("region").map(|region| arc_name(&region)),
        host: table.template("host"),
        probes: read_uses(table),
        role: table.word("role", Role::ALL, Role::as_str),
        ready_probe: table.string("ready_probe").map(|name| plain_use(table, "ready_probe", name)),
    }
}

/// A use of a probe without settings of its own.
fn plain_use(table: &Section<'_>, key: &str, name: At<String>) -> Use {
    let settings = Settings { path: table.path_of(key), ..Settings::default() };
    Use { name, settings, formerly: Formers::new() }
}

fn read_entry(table: &Section<'_>) -> RawEntry {
    for (key, expected) in
        [("host", "`host = \"shop.example.com\"`"), ("probe", "the name of a probe")]
    {
        if !table.has(key) {
            table.missing(key, expected);
        }
    }
    let resolvers = table.list("resolvers", "a list of resolvers", read_resolver);
    let marks = table.list("marks", "a list of tables", read_mark);
    RawEntry {
        path: table.path.clone(),
        host: table.template("host"),
        probe: table.string("probe").map(|name| plain_use(table, "probe", name)),
        policy: table.word("policy", EntryPolicy::ALL, EntryPolicy::as_str),
        failover_within: table.duration("failover_within"),
        resolvers,
        marks,
    }
}

fn read_resolver(context: Context<'_>, node: &Node, path: &str) -> Option<At<AskedResolver>> {
    let text = read_string(context, node, path)?;
    let resolver = AskedResolver::from_text(&text.value);
    if resolver.is_none() {
        let said = format!("`{}` is not a resolver", text.value);
        let problem = Problem::new(Kind::BadIp, path, text.place, said);
        context.sink.report(problem.expected("`system`, or an IP address with or without a port"));
    }
    resolver.map(|resolver| At::new(resolver, text.place))
}

/// A mark of an edge: what names the provider that served.
fn read_mark(context: Context<'_>, node: &Node, path: &str) -> Option<RawMark> {
    section(context, node, node.place, path.to_owned(), |mark| {
        for key in ["header", "matches", "provider"] {
            if !mark.has(key) {
                mark.missing(key, "`{ header = …, matches = …, provider = … }`");
            }
        }
        let header = mark.string("header").and_then(|name| {
            let read = ::http::HeaderName::from_bytes(name.value.as_bytes());
            if read.is_err() {
                let said = format!("`{}` cannot be the name of a header", name.value);
                let problem =
                    Problem::new(Kind::BadHeader, mark.path_of("header"), name.place, said);
                mark.report(problem.expected("letters, digits and `-`"));
            }
            read.ok()
        });
        let pattern = mark.path_of("matches");
        let matches = mark.get("matches").and_then(|node| read_pattern(context, node, &pattern));
        let provider = mark.string("provider");
        Some(RawMark { header: header?, matches: matches?, provider: provider? })
    })
    .flatten()
}
