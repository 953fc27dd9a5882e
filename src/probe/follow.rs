//! Where does a public name lead, right now? The zone's own servers and each configured resolver are asked side by side.
//!
//! The zone's servers are found through the host's resolver and asked directly, without recursion; aliases into other zones
//! are followed to the servers of those. Everything is bounded: servers, aliases, addresses, each question, and all of it
//! together by one deadline, at which whoever has not answered counts as silent. Nothing is asked twice in one look.
//!
//! It does not know which cloud an address belongs to (`failover` does), how often it looks, or what the answers mean.

pub(in crate::probe) mod ask;
mod trail;
mod zone;

use super::wire::Question;
use crate::clock::Instant;
use crate::failover::{Answer, Led, Observation, address_of};
use crate::model::{AskedResolver, DNS_PORT, Host, IpChoice};
use crate::net::Net;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::{Name, RecordType};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout_at;
use trail::{ALIASES, tidy, trail};
use zone::{Zones, bounded};

/// One question is given up after this, so that a silent server leaves time for another.
const QUESTION: Duration = Duration::from_secs(2);

/// Zones that a name may lead through: each alias into another zone is one more.
const ZONES: usize = 4;

/// How one public name is followed.
#[derive(Debug)]
pub struct Follow {
    name: Name,
    types: &'static [RecordType],
    ip: IpChoice,
    resolvers: Vec<AskedResolver>,
    /// Hosts of endpoints whose addresses are asked for too.
    hosts: Vec<(usize, Arc<str>)>,
    /// Where name servers listen; another one in tests only.
    port: u16,
    zones: Zones,
}

/// One way of asking: who, and what is asked.
struct Look<'a> {
    follow: &'a Follow,
    net: &'a Net,
    deadline: Instant,
}

impl Follow {
    /// Follows `host` with addresses of this choice, as these resolvers see it; `None` if no such name can be asked for.
    /// `hosts` are those of the service's endpoints, with their positions.
    pub fn new(
        host: &str,
        ip: IpChoice,
        resolvers: &[AskedResolver],
        hosts: impl IntoIterator<Item = (usize, Arc<str>)>,
    ) -> Option<Self> {
        let host = address_of(host).err()?;
        let mut name = Name::from_str_relaxed(host).ok()?;
        name.set_fqdn(true);
        let types: &[RecordType] = match ip {
            IpChoice::V4 => &[RecordType::A],
            IpChoice::V6 => &[RecordType::AAAA],
            IpChoice::Any => &[RecordType::A, RecordType::AAAA],
        };
        Some(Self {
            name,
            types,
            ip,
            resolvers: resolvers.to_vec(),
            hosts: hosts.into_iter().collect(),
            port: DNS_PORT,
            zones: Zones::default(),
        })
    }

    /// Asks the zone's servers at this port.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// One look; ends within `limit`.
    pub async fn look(&self, net: &Net, limit: Duration) -> Observation {
        let look = Look { follow: self, net, deadline: Instant::now() + limit };
        let resolvers = join_all(self.resolvers.iter().map(|resolver| look.resolver(*resolver)));
        let hosts = join_all(self.hosts.iter().map(|(position, host)| look.host(*position, host)));
        let zone = look.zone(self.name.clone(), ZONES);
        let (zone, resolvers, hosts) = tokio::join!(zone, resolvers, hosts);
        let (authoritative, lost) = match zone {
            Ok(answers) => (answers, None),
            Err(why) => (Vec::new(), Some(why)),
        };
        let endpoints = hosts.into_iter().flatten().collect();
        Observation { authoritative, lost, resolvers, endpoints }
    }
}

impl Look<'_> {
    /// Until when a question that is asked now is waited for.
    fn until(&self) -> Instant {
        self.deadline.min(Instant::now() + QUESTION)
    }

    /// What the servers of the zone of `name` say, followed through at most so many zones.
    fn zone(&self, name: Name, zones: usize) -> BoxFuture<'_, Result<Vec<Answer>, String>> {
        async move {
            let Self { follow, net, .. } = self;
            let servers = follow.zones.servers(net, &name, follow.port, || self.until()).await?;
            let answers = servers.iter().map(async |server| {
                let said = self.server(server.address, &name, zones).await;
                Answer { who: Arc::clone(&server.who), said }
            });
            Ok(join_all(answers).await)
        }
        .boxed()
    }

    /// What one server of a zone says; an alias into another zone is followed there.
    async fn server(&self, server: SocketAddr, name: &Name, zones: usize) -> Result<Led, String> {
        let asked = self.follow.types.iter().map(async |wanted| {
            let question = Question::without_recursion(name, *wanted);
            let message = bounded(&question, server, self.until()).await?;
            let trail = trail(&message, name, *wanted)?;
            if !message.metadata.authoritative {
                return Err("it does not answer for the zone (no AA flag)".to_owned());
            }
            match trail.onward {
                Some(onward) => self.onward(trail.led, onward, zones).await,
                None => Ok(trail.led),
            }
        });
        joined(join_all(asked).await)
    }

    /// What the servers of the zone of an alias say, all together.
    async fn onward(&self, mut led: Led, alias: Name, zones: usize) -> Result<Led, String> {
        if zones <= 1 {
            return Err(format!("its aliases lead through more than {ZONES} zones"));
        }
        let answers = self.zone(alias, zones - 1).await?;
        let heard: Result<Vec<_>, _> = answers.iter().map(|answer| answer.said.as_ref()).collect();
        // One that is silent hides nothing as long as another speaks.
        let heard = match heard {
            Ok(heard) => heard,
            Err(why) => {
                let some: Vec<_> = answers.iter().filter_map(|it| it.said.as_ref().ok()).collect();
                if some.is_empty() {
                    return Err(why.clone());
                }
                some
            }
        };
        for other in heard {
            led.ttl = led.ttl.min(other.ttl);
            led.addresses.extend_from_slice(&other.addresses);
            for alias in &other.chain {
                if !led.chain.contains(alias) && led.chain.len() < ALIASES {
                    led.chain.push(Arc::clone(alias));
                }
            }
        }
        tidy(&mut led);
        Ok(led)
    }

    /// What a resolver says.
    async fn resolver(&self, resolver: AskedResolver) -> Answer {
        let name = &self.follow.name;
        let asked = self.follow.types.iter().map(async |wanted| {
            let question = Question::new(name, *wanted);
            let message = match resolver {
                AskedResolver::At(server) => bounded(&question, server, self.until()).await?,
                AskedResolver::System => by_system(self.net, &question, || self.until()).await?,
            };
            Ok(trail(&message, name, *wanted)?.led)
        });
        Answer { who: resolver.to_string().into(), said: joined(join_all(asked).await) }
    }

    /// The addresses that the host of an endpoint has now.
    async fn host(&self, position: usize, host: &Arc<str>) -> Option<(usize, Vec<IpAddr>)> {
        let host = Host::Name(Arc::clone(host));
        let mut all = Vec::new();
        let families: &[IpChoice] = match self.follow.ip {
            IpChoice::Any => &[IpChoice::V4, IpChoice::V6],
            IpChoice::V4 => &[IpChoice::V4],
            IpChoice::V6 => &[IpChoice::V6],
        };
        for family in families {
            let found = timeout_at(self.until(), self.net.resolve(&host, *family)).await;
            all.extend(found.ok().and_then(Result::ok).into_iter().flatten());
        }
        all.truncate(trail::ADDRESSES);
        (!all.is_empty()).then_some((position, all))
    }
}

/// The answers about each family as one; an error only if there is no answer at all.
fn joined(answers: Vec<Result<Led, String>>) -> Result<Led, String> {
    let mut whole: Option<Led> = None;
    let mut trouble = None;
    for answer in answers {
        match answer {
            Err(why) => trouble = trouble.or(Some(why)),
            Ok(led) => match &mut whole {
                None => whole = Some(led),
                Some(whole) => {
                    // What has no records has no time to live either.
                    if whole.addresses.is_empty() {
                        whole.ttl = led.ttl;
                    } else if !led.addresses.is_empty() {
                        whole.ttl = whole.ttl.min(led.ttl);
                    }
                    whole.addresses.extend(led.addresses);
                    if whole.chain.is_empty() {
                        whole.chain = led.chain;
                    }
                }
            },
        }
    }
    let mut whole = whole.ok_or_else(|| trouble.unwrap_or_default())?;
    tidy(&mut whole);
    Ok(whole)
}

/// The answer of the host's own resolver: of its servers in order, the first that answers.
async fn by_system(
    net: &Net,
    question: &Question,
    until: impl Fn() -> Instant,
) -> Result<Message, String> {
    let mut trouble = "no resolver is configured on this host".to_owned();
    for server in net.system_servers() {
        match bounded(question, server, until()).await {
            Ok(message) => return Ok(message),
            Err(why) => trouble = why,
        }
    }
    Err(trouble)
}
