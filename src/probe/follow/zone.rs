//! The servers of a zone: who they are, found through the host's resolver, and kept for when that fails.
//!
//! From the name upwards the first one with NS records of its own is the zone. What was found holds for some minutes, and
//! for longer if it cannot be found again: a resolver that has failed must not hide what the zone's own servers say.
//!
//! It does not ask the zone's servers anything.

use super::ask::ask;
use super::trail::shown;
use crate::clock::Instant;
use crate::model::{Host, IpChoice};
use crate::net::Net;
use crate::probe::wire::Question;
use futures_util::future::join_all;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::timeout_at;

/// Servers of one zone that are asked at most.
pub(super) const SERVERS: usize = 8;

/// Labels that are cut off a name at most while its zone is looked for.
const CUTS: usize = 8;

/// What was found is looked for anew after this.
const FRESH: Duration = Duration::from_mins(5);

/// Names whose zones are kept at most; beyond, all are looked for anew.
const KEPT: usize = 64;

/// A server of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    /// Its name and address, for people.
    pub(super) who: Arc<str>,
    pub(super) address: SocketAddr,
}

type Servers = Arc<[Server]>;

/// The servers found so far, by the name they were found for.
#[derive(Debug, Default)]
pub(super) struct Zones(Mutex<BTreeMap<Name, (Instant, Servers)>>);

impl Zones {
    /// The servers of the zone that `name` is in.
    pub(super) async fn servers(
        &self,
        net: &Net,
        name: &Name,
        port: u16,
        limit: impl Fn() -> Instant,
    ) -> Result<Servers, String> {
        let known = self.known(name);
        if let Some((since, servers)) = &known
            && since.elapsed() < FRESH
        {
            return Ok(Arc::clone(servers));
        }
        match find(net, name, port, limit).await {
            Ok(servers) => {
                self.keep(name, &servers);
                Ok(servers)
            }
            Err(why) => known.map(|(_, servers)| servers).ok_or(why),
        }
    }

    fn known(&self, name: &Name) -> Option<(Instant, Servers)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn keep(&self, name: &Name, servers: &Servers) {
        let mut zones = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if zones.len() >= KEPT && !zones.contains_key(name) {
            zones.clear();
        }
        zones.insert(name.clone(), (Instant::now(), Arc::clone(servers)));
    }
}

async fn find(
    net: &Net,
    name: &Name,
    port: u16,
    limit: impl Fn() -> Instant,
) -> Result<Servers, String> {
    let mut zone = name.clone();
    let mut trouble = None;
    for _ in 0..=CUTS {
        if zone.is_root() {
            break;
        }
        match name_servers(net, &zone, &limit).await {
            Ok(names) if !names.is_empty() => return addresses(net, names, port, &limit).await,
            Ok(_) => {}
            // Another name of the way may still be answered.
            Err(why) => trouble = Some(why),
        }
        zone = zone.base_name();
    }
    let why = trouble.unwrap_or_else(|| "nothing above it has NS records".to_owned());
    Err(format!("cannot find the name servers of `{}`: {why}", shown(name)))
}

/// The names of the servers of `zone`; none if it is not the top of a zone.
async fn name_servers(
    net: &Net,
    zone: &Name,
    limit: &impl Fn() -> Instant,
) -> Result<Vec<Name>, String> {
    let message = super::by_system(net, &Question::new(zone, RecordType::NS), limit).await?;
    let own = message.answers.iter().filter(|record| record.name == *zone);
    let names = own.filter_map(|record| match &record.data {
        RData::NS(server) => Some(server.0.clone()),
        _ => None,
    });
    Ok(names.take(SERVERS).collect())
}

/// One address of each server; those that have none are left out.
async fn addresses(
    net: &Net,
    names: Vec<Name>,
    port: u16,
    limit: &impl Fn() -> Instant,
) -> Result<Servers, String> {
    let found = join_all(names.iter().map(async |name| {
        let host = Host::Name(name.to_string().into());
        let found = timeout_at(limit(), net.resolve(&host, IpChoice::Any)).await.ok()?.ok()?;
        let address = SocketAddr::new(*found.first()?, port);
        Some(Server { who: format!("{} ({address})", shown(name)).into(), address })
    }));
    let mut servers: Vec<_> = found.await.into_iter().flatten().collect();
    servers.sort_by(|a, b| a.who.cmp(&b.who));
    if servers.is_empty() {
        let names: Vec<_> = names.iter().map(shown).collect();
        return Err(format!("no address is known of its name servers ({})", names.join(", ")));
    }
    Ok(servers.into())
}

/// One question to `server`, bounded by `until`.
pub(super) async fn bounded(
    question: &Question,
    server: SocketAddr,
    until: Instant,
) -> Result<hickory_resolver::proto::op::Message, String> {
    match timeout_at(until, ask(question, server)).await {
        Ok(answered) => answered.map_err(|failure| failure.said),
        Err(_) => Err(format!("no answer from {server} in time")),
    }
}
