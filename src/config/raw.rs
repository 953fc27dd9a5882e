//! What the files say: typed values, each with its place, nothing inherited and nothing filled in.
//!
//! `None` means that a key was absent (or unreadable, which has been reported). Values that are complete in themselves
//! (a duration, a status rule, a certificate file) are final here; texts with placeholders are templates until `build`.
//!
//! It does not know what holds where two tables say different things.

mod demand;
mod dns;
mod exec;
mod grpc;
mod http;
mod icmp;
mod listener;
mod maintenance;
mod peer;
mod probe;
mod promise;
mod receiver;
mod reference;
mod service;
mod tcp;
mod tier;
mod top;

pub(super) use dns::{RCODES, RawDns, RawRecordRules, RawSerials};
pub(super) use exec::{RawEnv, RawExec};
pub(super) use grpc::RawGrpc;
pub(super) use http::{RawAuth, RawBody, RawHeader, RawHttp, RawJsonWanted, RawRules};
pub(super) use icmp::RawIcmp;
pub(super) use listener::RawListener;
pub(super) use probe::bad_pattern;
pub(super) use promise::{percent_text, window};
pub(super) use reference::{DEFAULT_BROKEN_AFTER, DEFAULT_PATIENCE};
pub(super) use service::BUILT_IN;

use super::decode::{Context, one_of, table_section};
use super::problem::{Kind, Problem};
use super::source::{At, Place};
use super::template::Template;
use super::tree::Table;
use super::{Detail, Maintenance};
use crate::model::{
    AskedResolver, EntryPolicy, Host, IpChoice, Network, Objective, Peer, PemFile, Pick, Plane,
    Receiver, Role, Side, StartTls, TlsVersion,
};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// What something was called before it was renamed.
pub(super) type Formers = Vec<At<String>>;

/// Texts by name: `vars`, `labels`.
pub(super) type Texts = BTreeMap<String, At<String>>;

/// All files together.
#[derive(Debug, Default)]
pub(super) struct Raw {
    pub(super) monitor: RawMonitor,
    pub(super) detail: Option<At<Detail>>,
    pub(super) field_names: Option<At<bool>>,
    pub(super) defaults: Settings,
    pub(super) default_labels: Texts,
    pub(super) providers: Vec<RawProvider>,
    pub(super) probes: Vec<RawProbe>,
    pub(super) classes: Vec<RawClass>,
    pub(super) services: Vec<RawService>,
    pub(super) sentinel: Option<RawSentinel>,
    /// Those of its hosts that are addresses.
    pub(super) sentinel_addresses: Vec<(std::net::IpAddr, Place)>,
    pub(super) domains: Vec<RawDomain>,
    pub(super) maintenance: Vec<At<Maintenance>>,
    /// Who is told of alerts, in the order of the file; Alertmanagers first.
    pub(super) receivers: Vec<At<Receiver>>,
    /// Who may use the network's listener.
    pub(super) listener: RawListener,
    /// Other vantage points that are asked.
    pub(super) peers: Vec<At<Peer>>,
    /// Classes and providers that `[[discover]]` names.
    pub(super) mentions: Mentions,
}

/// Names that something outside of the services refers to.
#[derive(Debug, Default)]
pub(super) struct Mentions {
    pub(super) providers: Vec<(String, At<String>)>,
    pub(super) classes: Vec<(String, At<String>)>,
    pub(super) services: Vec<(String, At<String>)>,
}

/// `[monitor]`.
#[derive(Debug, Default)]
pub(super) struct RawMonitor {
    pub(super) vantage: Option<At<String>>,
    pub(super) provider: Option<At<String>>,
    pub(super) listen: Option<At<SocketAddr>>,
    pub(super) state: Option<At<String>>,
    pub(super) timezone: Option<At<jiff::tz::TimeZone>>,
    pub(super) shard: Option<At<(u32, u32)>>,
    pub(super) heartbeat_url: Option<At<url::Url>>,
    pub(super) max_in_flight: Option<At<u32>>,
    pub(super) watch: Option<At<bool>>,
}

/// What may be said at every level, from `[defaults]` to one use of a probe.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Settings {
    /// Dotted path of the table that says it.
    pub(super) path: String,
    pub(super) interval: Option<At<Duration>>,
    pub(super) timeout: Option<At<Duration>>,
    pub(super) recheck: Option<At<Duration>>,
    pub(super) hold: Option<At<Duration>>,
    pub(super) confirm: Option<At<u32>>,
    pub(super) ip: Option<At<IpChoice>>,
    pub(super) pick: Option<At<Pick>>,
    pub(super) slow_after: Option<At<Duration>>,
    pub(super) max_latency: Option<At<Duration>>,
    pub(super) counts: Option<At<bool>>,
    pub(super) vars: Texts,
}

/// `[provider.NAME]`.
#[derive(Debug)]
pub(super) struct RawProvider {
    pub(super) name: At<Arc<str>>,
    pub(super) path: String,
    pub(super) title: Option<At<String>>,
    pub(super) region: Option<At<Arc<str>>>,
    pub(super) host: Option<Template>,
    pub(super) vars: Texts,
    pub(super) formerly: Formers,
    pub(super) networks: Vec<Network>,
    pub(super) canaries: Vec<RawCanary>,
}

/// `[probe.NAME]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RawProbe {
    pub(super) name: At<Arc<str>>,
    pub(super) settings: Settings,
    pub(super) formerly: Formers,
    /// `None` when it could not be read, which has been reported.
    pub(super) kind: Option<RawKind>,
    pub(super) tls: Option<At<RawTls>>,
}

/// How a probe looks.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum RawKind {
    Http(Box<RawHttp>),
    Tcp(RawTcp),
    Dns(Box<RawDns>),
    Exec(RawExec),
    Icmp(RawIcmp),
    Grpc(RawGrpc),
}

/// `[probe.NAME.tls]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RawTls {
    pub(super) ca: Option<At<PemFile>>,
    pub(super) identity: Option<At<(PemFile, PemFile)>>,
    pub(super) server_name: Option<Template>,
    pub(super) verify: Option<At<bool>>,
    pub(super) remember: Option<At<bool>>,
    pub(super) min_version: Option<At<TlsVersion>>,
    pub(super) expires_within: Option<At<Duration>>,
}

/// `[probe.NAME.tcp]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RawTcp {
    pub(super) address: Template,
    pub(super) dialogue: Option<At<Vec<RawStep>>>,
}

/// One step of a dialogue.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum RawStep {
    Expect { pattern: Template, within: Option<At<Duration>> },
    ExpectBytes { bytes: At<Vec<u8>>, within: Option<At<Duration>> },
    Send(Template),
    SendBytes(At<Vec<u8>>),
    StartTls(At<StartTls>),
}

/// One use of a probe: its name, or `{ use = … }` with settings of its own.
#[derive(Clone, Debug)]
pub(super) struct Use {
    pub(super) name: At<String>,
    pub(super) settings: Settings,
    pub(super) formerly: Formers,
}

/// What a class and a service may both say.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) labels: Texts,
    pub(super) probes: Option<At<Vec<Use>>>,
    pub(super) endpoints: Option<At<Vec<At<String>>>>,
    pub(super) objectives: Option<Vec<RawObjective>>,
    pub(super) runbook: Option<Template>,
    pub(super) side: Option<At<Side>>,
}

/// One element of `slo`, or the shorthand; complete in itself.
#[derive(Debug)]
pub(super) struct RawObjective {
    pub(super) value: Objective,
    pub(super) place: Place,
    /// The keys that were written.
    pub(super) given: BTreeMap<String, Place>,
}

/// `[class.NAME]`.
#[derive(Debug)]
pub(super) struct RawClass {
    pub(super) name: At<Arc<str>>,
    pub(super) shared: Shared,
}

/// `[service.NAME]`.
#[derive(Debug)]
pub(super) struct RawService {
    pub(super) name: At<Arc<str>>,
    pub(super) shared: Shared,
    pub(super) class: Option<At<String>>,
    pub(super) title: Option<At<String>>,
    pub(super) tables: Vec<RawEndpoint>,
    pub(super) entry: Option<RawEntry>,
    pub(super) depends_on: Vec<At<String>>,
    /// Names, and whole ids of checks.
    pub(super) formerly: Formers,
}

/// `[service.NAME.endpoint.NAME]`.
#[derive(Debug)]
pub(super) struct RawEndpoint {
    pub(super) name: At<Arc<str>>,
    pub(super) settings: Settings,
    pub(super) formerly: Formers,
    pub(super) provider: Option<At<String>>,
    pub(super) region: Option<At<Arc<str>>>,
    pub(super) host: Option<Template>,
    pub(super) probes: Option<At<Vec<Use>>>,
    pub(super) role: Option<At<Role>>,
    pub(super) ready_probe: Option<Use>,
}

/// `[service.NAME.entry]`.
#[derive(Debug)]
pub(super) struct RawEntry {
    pub(super) path: String,
    pub(super) host: Option<Template>,
    /// Its probe, without settings of its own.
    pub(super) probe: Option<Use>,
    pub(super) policy: Option<At<EntryPolicy>>,
    pub(super) failover_within: Option<At<Duration>>,
    pub(super) resolvers: Option<At<Vec<At<AskedResolver>>>>,
    pub(super) marks: Option<At<Vec<RawMark>>>,
}

/// One of an entry's `marks`.
#[derive(Debug)]
pub(super) struct RawMark {
    pub(super) header: ::http::HeaderName,
    pub(super) matches: Template,
    pub(super) provider: At<String>,
}

/// `[[provider.NAME.canary]]`.
#[derive(Debug)]
pub(super) struct RawCanary {
    pub(super) region: Option<At<Arc<str>>>,
    pub(super) plane: Option<At<Plane>>,
    pub(super) probe: RawProbe,
}

/// `[sentinel]`, its members as probes.
#[derive(Debug)]
pub(super) struct RawSentinel {
    pub(super) patience: Duration,
    pub(super) broken_after: Duration,
    /// The keys that were written.
    pub(super) given: BTreeMap<String, Place>,
    pub(super) tls: Vec<RawProbe>,
    /// Those of `tls`, in that order.
    pub(super) hosts: Vec<Host>,
    pub(super) names: Vec<RawProbe>,
}

/// `[domain.NAME]`.
#[derive(Debug)]
pub(super) struct RawDomain {
    pub(super) name: At<Arc<str>>,
    pub(super) path: String,
    pub(super) kind: Option<At<&'static str>>,
    pub(super) host: Option<At<String>>,
    pub(super) probes: Vec<At<String>>,
}

/// What an included file may hold.
const INCLUDABLE: [&str; 5] = ["provider", "probe", "class", "service", "maintenance"];

/// Reads one file into `raw`; an included one may hold less than the main one.
pub(super) fn read_file(context: Context<'_>, file: u16, table: &Table, raw: &mut Raw) {
    let included = file != 0;
    let start = Place { file, start: 0, end: 0 };
    table_section(context, table, start, String::new(), |top| {
        if included {
            for key in top.keys().filter(|key| !INCLUDABLE.contains(&&*key.value)) {
                let elsewhere = top::KEYS.iter().find(|known| **known == key.value);
                if let Some(known) = elsewhere {
                    top.get(known);
                    let said = format!("`{known}` may not stand in an included file");
                    let problem = Problem::new(Kind::NotInInclude, *known, key.place, said)
                        .expected(one_of(&INCLUDABLE))
                        .hint("move it to the main file");
                    context.sink.report(problem);
                }
            }
        } else {
            top::read_main(top, raw);
        }
        maintenance::read_maintenance(top, raw);
        service::read_providers(top, raw);
        probe::read_probes(top, raw);
        service::read_classes(top, raw);
        service::read_services(top, raw);
    });
}

/// Reports a name with characters that stand for something in ids, labels or paths.
fn check_name(context: Context<'_>, name: &At<String>, path: &str, what: &str) {
    let fine = |each: char| each.is_ascii_alphanumeric() || matches!(each, '.' | '_' | '-');
    if !name.value.is_empty() && name.value.chars().all(fine) {
        return;
    }
    let said = format!("`{}` cannot be the name of {what}", name.value);
    let mut problem = Problem::new(Kind::BadName, path, name.place, said)
        .expected("letters, digits, `.`, `_` and `-`, at least one");
    let better: String =
        name.value.chars().map(|each| if fine(each) { each } else { '-' }).collect();
    if !better.is_empty() {
        problem = problem.hint(format!("`{better}` would be fine"));
    }
    context.sink.report(problem);
}

fn arc_name(name: &At<String>) -> At<Arc<str>> {
    At::new(name.value.as_str().into(), name.place)
}
