//! The tables of the main file that are not about services: `[monitor]`, `[listener]`, `[metrics]`, `[defaults]`, `[[discover]]`.
//!
//! What has no effect yet is read as strictly as what has, and warned of once.
//!
//! It does not read included files.

use super::receiver::read_secret_url;
use super::reference::{read_domains, read_sentinel};
use super::service::{read_labels, read_settings};
use super::{Mentions, Raw, RawMonitor, check_name};
use crate::config::Detail;
use crate::config::decode::{Section, bad_word, section};
use crate::config::problem::{Kind, Problem};
use crate::config::source::At;
use std::net::SocketAddr;

/// Every table and key of the main file.
pub(super) const KEYS: [&str; 16] = [
    "include",
    "include_errors",
    "monitor",
    "listener",
    "metrics",
    "defaults",
    "sentinel",
    "domain",
    "alertmanager",
    "webhook",
    "peer",
    "discover",
    "provider",
    "probe",
    "class",
    "service",
];

pub(super) fn read_main(top: &Section<'_>, raw: &mut Raw) {
    top.strings("include");
    let errors = top.string("include_errors");
    if let Some(word) = errors.filter(|word| !["fail", "isolate"].contains(&&*word.value)) {
        bad_word(top.context, &word, "include_errors", &["fail", "isolate"]);
    }
    raw.monitor = top.table("monitor", read_monitor).map(|found| found.value).unwrap_or_default();
    raw.listener = super::listener::read_listener(top, raw.monitor.listen.as_ref());
    top.table("metrics", |metrics| {
        raw.detail = metrics.word("detail", Detail::ALL, Detail::as_str);
        raw.field_names = metrics.flag("field_names");
    });
    top.table("defaults", |defaults| {
        raw.defaults = read_settings(defaults);
        raw.default_labels = read_labels(defaults);
    });
    let sentinel = top.table("sentinel", |table| read_sentinel(table, &mut raw.sentinel_addresses));
    raw.sentinel = sentinel.map(|found| found.value);
    read_domains(top, raw);
    super::receiver::read_receivers(top, raw);
    super::peer::read_peers(top, raw);
    read_elsewhere(top, &mut raw.mentions);
}

fn read_monitor(monitor: &Section<'_>) -> RawMonitor {
    let vantage = monitor.string("vantage");
    if let Some(vantage) = &vantage {
        check_name(monitor.context, vantage, "monitor.vantage", "a vantage");
    }
    let state = monitor.string("state").filter(|state| {
        if state.value.is_empty() {
            let said = "the folder has no name";
            monitor.report(Problem::new(Kind::BadName, "monitor.state", state.place, said));
        }
        !state.value.is_empty()
    });
    RawMonitor {
        vantage,
        provider: monitor.string("provider"),
        listen: read_listen(monitor),
        state,
        timezone: read_timezone(monitor),
        shard: read_shard(monitor),
        heartbeat_url: read_secret_url(monitor, "heartbeat_url"),
        max_in_flight: monitor.integer("max_in_flight", 1..=100_000),
        watch: monitor.flag("watch"),
    }
}

fn read_listen(monitor: &Section<'_>) -> Option<At<SocketAddr>> {
    let text = monitor.string("listen")?;
    if let Ok(address) = text.value.parse() {
        return Some(At::new(address, text.place));
    }
    let said = format!("`{}` is not an address to listen on", text.value);
    let path = monitor.path_of("listen");
    let mut problem = Problem::new(Kind::BadListen, path, text.place, said)
        .expected("an IP address and a port: `127.0.0.1:9464`, `[::1]:9464`");
    let meant = if let Some(port) = text.value.strip_prefix(':') {
        Some(format!("0.0.0.0:{port}"))
    } else if let Some(port) = text.value.strip_prefix("localhost:") {
        Some(format!("127.0.0.1:{port}"))
    } else {
        text.value.parse::<std::net::IpAddr>().ok().map(|ip| SocketAddr::new(ip, 9464).to_string())
    };
    if let Some(meant) = meant.filter(|meant| meant.parse::<SocketAddr>().is_ok()) {
        problem = problem.hint(format!("did you mean `{meant}`?"));
    }
    monitor.report(problem);
    None
}

fn read_timezone(monitor: &Section<'_>) -> Option<At<jiff::tz::TimeZone>> {
    let text = monitor.string("timezone")?;
    if let Ok(zone) = jiff::tz::TimeZone::get(&text.value) {
        return Some(At::new(zone, text.place));
    }
    let said = format!("`{}` is not a time zone", text.value);
    let path = monitor.path_of("timezone");
    let mut problem = Problem::new(Kind::BadTimezone, path, text.place, said)
        .expected("a name of the time zone database: `Europe/Vienna`, `UTC`");
    let zones: Vec<_> = jiff::tz::db().available().map(|name| name.to_string()).collect();
    let guess = crate::config::problem::closest(&text.value, zones.iter().map(String::as_str));
    if let Some(guess) = guess {
        problem = problem.hint(format!("did you mean `{guess}`?"));
    }
    monitor.report(problem);
    None
}

fn read_shard(monitor: &Section<'_>) -> Option<At<(u32, u32)>> {
    let text = monitor.string("shard")?;
    let parts = text.value.split_once('/').and_then(|(which, of)| {
        let (which, of): (u32, u32) = (which.parse().ok()?, of.parse().ok()?);
        (which >= 1 && which <= of && of <= 1_000).then_some((which, of))
    });
    if parts.is_none() {
        let said = format!("`{}` is not a share", text.value);
        let problem = Problem::new(Kind::BadShard, monitor.path_of("shard"), text.place, said);
        monitor.report(problem.expected("which of how many, counted from 1: `2/5`"));
    }
    parts.map(|parts| At::new(parts, text.place))
}

/// An `http` or `https` URL without placeholders.
pub(super) fn read_url(table: &Section<'_>, key: &'static str) -> Option<At<url::Url>> {
    let text = table.string(key)?;
    match crate::config::build::parse_url(&text.value) {
        Ok(url) => Some(At::new(url, text.place)),
        Err(fault) => {
            table.report(fault.problem(table.context, table.path_of(key), &text.value, text.place));
            None
        }
    }
}

fn read_elsewhere(top: &Section<'_>, mentions: &mut Mentions) {
    let mut providers = Vec::new();
    let mut classes = Vec::new();
    let found = top.list("discover", "a list of tables (`[[discover]]`)", |context, node, path| {
        section(context, node, node.place, path.to_owned(), |table| {
            for key in ["file_sd", "class", "provider"] {
                if !table.has(key) {
                    table.missing(key, "`file_sd`, `class` and `provider`");
                }
            }
            table.string("file_sd");
            let named = |key| table.string(key).map(|name| (table.path_of(key), name));
            (named("class"), named("provider"))
        })
    });
    for (class, provider) in found.into_iter().flat_map(|found| found.value) {
        classes.extend(class);
        providers.extend(provider);
    }
    mentions.classes.extend(classes);
    mentions.providers.extend(providers);
}
