//! What was seen of a public name at one moment: who answered what.
//!
//! An answer that names no address is an answer too (the name leads nowhere); a server that said nothing usable is an
//! error with a sentence.
//!
//! Which cloud an address belongs to is not known here.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// What one look at a public name gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// What the zone's own servers say, each by itself; empty if they could not be found, of which `lost` says why.
    pub authoritative: Vec<Answer>,
    /// Why the zone's own servers could not be found.
    pub lost: Option<String>,
    /// What each configured resolver says, in the order of the configuration.
    pub resolvers: Vec<Answer>,
    /// The addresses that hosts of endpoints have now: position of the endpoint in its service, and addresses.
    pub endpoints: Vec<(usize, Vec<IpAddr>)>,
}

/// What one server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Which: name and address of an authoritative server, `system` or an address of a resolver.
    pub who: Arc<str>,
    /// What it said, or a sentence on why it said nothing usable.
    pub said: Result<Led, String>,
}

/// Where an answer leads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Led {
    /// The addresses at its end, sorted, each once; none if the name does not exist or has none.
    pub addresses: Vec<IpAddr>,
    /// The aliases on the way, in order, in lower case without the last dot.
    pub chain: Vec<Arc<str>>,
    /// The shortest time to live on the way: for so long the answer may be kept.
    pub ttl: Duration,
}

impl Observation {
    /// Every answer that could be used, the authoritative ones first.
    pub fn answers(&self) -> impl Iterator<Item = (&Arc<str>, &Led)> {
        let all = self.authoritative.iter().chain(&self.resolvers);
        all.filter_map(|answer| Some((&answer.who, answer.said.as_ref().ok()?)))
    }
}
