//! Probes on demand: the probes of the file, for whoever names the target when asking.
//!
//! A [`Modules`] keeps what the file says of its probes. [`Modules::get`] puts the target in the place of the whole url,
//! address or name server, fills other placeholders from what the request brings, and builds the spec by the same road as
//! a check's. What cannot be built is refused in one sentence.
//!
//! It does not know whether a target may be asked, and asks nobody.

use super::build::Builder;
use super::decode::Context;
use super::problem::{Kind, Problem, Severity, Sink, closest};
use super::raw::{RawKind, RawProbe, Settings, Texts, Use};
use super::references::Ground;
use super::resolve::{Origin, Plan};
use super::source::{At, Place, Sources};
use super::template::Template;
use crate::model::{HttpSpec, ProbeKind, Spec, TlsSpec};
use http::header;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The module when nobody names one, as in `blackbox_exporter`.
pub const DEFAULT_MODULE: &str = "http_2xx";

/// Characters of a target, and of a value, at most.
const TEXT_AT_MOST: usize = 4096;

/// Where it would stand, if it stood in a file.
const NOWHERE: Place = Place { file: 0, start: 0, end: 0 };

/// The probes of a configuration, for use with other targets. Cloning it clones a handle.
#[derive(Clone, Debug, Default)]
pub struct Modules(Arc<Inner>);

#[derive(Debug, Default, PartialEq)]
struct Inner {
    probes: Vec<RawProbe>,
    defaults: Settings,
}

/// By what they say, wherever in the files it stands; secrets and files by what was read.
impl PartialEq for Modules {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Eq for Modules {}

/// What somebody wants to be probed now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// Name of the probe.
    pub module: String,
    /// What takes the place of its url, address or server.
    pub target: String,
    /// Name for `Host`, SNI and certificate, instead of the target's.
    pub hostname: Option<String>,
    /// Values of other placeholders.
    pub vars: BTreeMap<String, String>,
}

/// A probe made ready for one target.
#[derive(Clone, Debug)]
pub struct Module {
    /// What it does.
    pub spec: Arc<Spec>,
    /// How long it may take.
    pub timeout: Duration,
    /// Whether somebody said so; if not, whoever asks may give it more.
    pub limited: bool,
}

/// Why a wish cannot be fulfilled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// What is wrong with it.
    pub said: String,
    /// What to try.
    pub hint: String,
}

impl Unfit {
    fn new(said: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { said: said.into(), hint: hint.into() }
    }
}

impl Modules {
    pub(super) fn new(probes: &[RawProbe], defaults: &Settings) -> Self {
        Self(Arc::new(Inner { probes: probes.to_vec(), defaults: defaults.clone() }))
    }

    /// Names of the probes, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.probes.iter().map(|probe| &*probe.name.value)
    }

    /// The probe that is wanted, made ready for its target.
    ///
    /// # Errors
    /// What is wrong with the wish.
    pub fn get(&self, wish: &Wish) -> Result<Module, Unfit> {
        let known = self.0.probes.iter().find(|probe| *probe.name.value == *wish.module);
        let mut probe = known.ok_or_else(|| self.unknown(&wish.module))?.clone();
        let texts = wish.vars.values().chain(&wish.hostname).chain([&wish.target]);
        if texts.into_iter().any(|text| text.len() > TEXT_AT_MOST) {
            let said = format!("a value is longer than {TEXT_AT_MOST} bytes");
            return Err(Unfit::new(said, "targets and values are names, addresses and URLs"));
        }
        if wish.target.is_empty() {
            let hint = "add `&target=…`: a URL, `host:port`, or a name server";
            return Err(Unfit::new("no target is named", hint));
        }
        aim(&mut probe, &wish.target)?;
        let mut module = self.build(&probe, wish)?;
        if let ProbeKind::Http(http) = &module.spec.kind
            && http.proxy.is_some()
        {
            // The fence is asked about what is connected to, which would be the proxy.
            let said = "this probe goes through a proxy, which could lead anywhere";
            return Err(Unfit::new(said, "make a check of it, or run `nephoscope probe`"));
        }
        if let Some(hostname) = &wish.hostname {
            let mut spec = (*module.spec).clone();
            call(&mut spec, hostname)?;
            module.spec = Arc::new(spec);
        }
        Ok(module)
    }

    fn unknown(&self, name: &str) -> Unfit {
        let hint = match closest(name, self.names()) {
            Some(guess) => format!("did you mean `{guess}`?"),
            None => format!("add `[probe.{name}]`, or name another with `&module=…`"),
        };
        Unfit::new(format!("there is no probe `{name}`"), hint)
    }

    fn build(&self, probe: &RawProbe, wish: &Wish) -> Result<Module, Unfit> {
        let (sink, sources) = (Sink::default(), Sources::default());
        let context = Context { sink: &sink, sources: &sources };
        let value = |name: &str| wish.vars.get(name).map_or("", String::as_str);
        let vars: Texts = wish.vars.iter().map(|(name, text)| (name.clone(), at(text))).collect();
        let usage = Use {
            name: at(&wish.module),
            settings: Settings { vars, ..Settings::default() },
            formerly: Vec::new(),
        };
        let plan = Plan { usage: &usage, probe };
        let ground = Ground::on_demand(value("service"), value("provider"), &self.0.defaults);
        let site = ground.site(value("endpoint"), value("region"), value("host"));
        let built = Builder::new(context).on_demand(&site, &plan);
        let mut unfit = None;
        sink.each(|problem| {
            if problem.kind.severity() == Severity::Error && unfit.is_none() {
                unfit = Some(refusal(problem));
            }
        });
        match (unfit, built) {
            (Some(unfit), _) => Err(unfit),
            (None, None) => Err(Unfit::new("this probe cannot be built", "`nephoscope validate`")),
            (None, Some((spec, timeout))) => {
                let limited = !matches!(timeout.origin, Origin::Default);
                Ok(Module { spec, timeout: timeout.value, limited })
            }
        }
    }
}

fn at(text: &str) -> At<String> {
    At::new(text.to_owned(), NOWHERE)
}

/// A problem in the words of somebody who has no file before them.
fn refusal(problem: &Problem) -> Unfit {
    if problem.kind == Kind::PlaceholderWithoutValue {
        let name = problem.said.trim_start_matches("`{").split('}').next().unwrap_or_default();
        return Unfit::new(problem.said.clone(), format!("add `&var_{name}=…`"));
    }
    let said = match problem.label.as_str() {
        "" => problem.said.clone(),
        label => format!("{}: {label}", problem.said),
    };
    let expected = problem.expected.as_ref().map(|expected| format!("expected {expected}"));
    Unfit::new(said, problem.hint.clone().or(expected).unwrap_or_default())
}

impl RawProbe {
    /// Whether it is run for somebody who asks: no program is, and nothing that goes through a proxy.
    pub(super) fn is_for_demand(&self) -> bool {
        match &self.kind {
            Some(RawKind::Http(http)) => http.way.proxy.is_none(),
            Some(RawKind::Exec(_)) => false,
            _ => true,
        }
    }
}

/// Puts the target where the probe looks.
fn aim(probe: &mut RawProbe, target: &str) -> Result<(), Unfit> {
    let literal = |text: &str| Template::literal(text.to_owned(), NOWHERE);
    match &mut probe.kind {
        Some(RawKind::Http(http)) => {
            let has_scheme = target.contains("://");
            http.url =
                if has_scheme { literal(target) } else { literal(&format!("http://{target}")) };
        }
        Some(RawKind::Tcp(tcp)) => tcp.address = literal(target),
        Some(RawKind::Dns(dns)) => dns.server = Some(literal(target)),
        Some(RawKind::Icmp(icmp)) => icmp.host = Some(literal(target)),
        Some(RawKind::Grpc(grpc)) => grpc.address = literal(target),
        Some(RawKind::Exec(_)) => {
            let said = "this probe runs a program, and programs are started for no one who asks";
            return Err(Unfit::new(said, "make a check of it, or run `nephoscope probe`"));
        }
        None => return Err(Unfit::new("this probe cannot be built", "`nephoscope validate`")),
    }
    Ok(())
}

/// Lets the far side be called `hostname`, whatever the target is called.
fn call(spec: &mut Spec, hostname: &str) -> Result<(), Unfit> {
    super::build::parse_host(hostname).map_err(|why| {
        Unfit::new(format!("`{hostname}` is not a host: {why}"), "`&hostname=shop.example.com`")
    })?;
    match &mut spec.kind {
        ProbeKind::Http(http) => call_http(http, hostname),
        ProbeKind::Tcp(tcp) => {
            if let Some(tls) = &mut tcp.tls {
                name_in_tls(tls, hostname);
            }
            Ok(())
        }
        ProbeKind::Grpc(grpc) => {
            if let Some(tls) = &mut grpc.tls {
                name_in_tls(tls, hostname);
            }
            Ok(())
        }
        // As in `blackbox_exporter`, it means nothing there.
        ProbeKind::Dns(_) | ProbeKind::Exec(_) | ProbeKind::Icmp(_) => Ok(()),
    }
}

fn name_in_tls(tls: &mut Arc<TlsSpec>, hostname: &str) {
    if tls.server_name.is_none() {
        *tls = Arc::new(TlsSpec { server_name: Some(hostname.into()), ..(**tls).clone() });
    }
}

fn call_http(http: &mut HttpSpec, hostname: &str) -> Result<(), Unfit> {
    let own = http.headers.iter().find(|(name, _)| *name == header::HOST);
    if let Some((_, value)) = own {
        if value.as_bytes() == hostname.as_bytes() {
            return Ok(());
        }
        let said =
            "the probe sends a `host` header of its own, which is not the `hostname` asked for";
        return Err(Unfit::new(said, "leave out one of them"));
    }
    let literal = match http.url.host() {
        Some(url::Host::Ipv4(ip)) => Some(ip.into()),
        Some(url::Host::Ipv6(ip)) => Some(ip.into()),
        _ => None,
    };
    if let (Some(ip), None) = (literal, http.connect_to) {
        // The plainest way: the URL has the name, and the address is the one that was given.
        let port = http.url.port_or_known_default();
        let renamed = http.url.set_host(Some(hostname));
        renamed.map_err(|why| Unfit::new(format!("`{hostname}` is not a host: {why}"), ""))?;
        http.connect_to = Some((ip, port));
        return Ok(());
    }
    let value = http::HeaderValue::from_str(hostname)
        .map_err(|_| Unfit::new(format!("`{hostname}` cannot be sent"), ""))?;
    http.headers.push((header::HOST, value));
    name_in_tls(&mut http.tls, hostname);
    Ok(())
}

#[cfg(test)]
mod tests;
