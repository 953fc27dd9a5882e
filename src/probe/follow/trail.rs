//! What an answer says of a name: over which aliases it leads, and to which addresses.
//!
//! The records of one message are followed from the name asked for; where an alias points out of the message, the trail
//! ends there and says so.
//!
//! It asks nobody.

use crate::failover::Led;
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use std::sync::Arc;
use std::time::Duration;

/// Aliases followed before they count as a loop, within a message and across zones.
pub(super) const ALIASES: usize = 16;

/// Addresses kept of one answer.
pub(super) const ADDRESSES: usize = 64;

/// Where the records of one message lead.
#[derive(Debug)]
pub(super) struct Trail {
    /// As far as it goes.
    pub(super) led: Led,
    /// The alias that points out of the message, if it ends there.
    pub(super) onward: Option<Name>,
}

/// Follows `name` through `message`; a sentence if the server could or would not answer.
pub(super) fn trail(message: &Message, name: &Name, wanted: RecordType) -> Result<Trail, String> {
    match message.metadata.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain => {}
        code => return Err(format!("it answered with an error ({code})")),
    }
    let mut name = name.clone();
    name.set_fqdn(true);
    let mut led = Led::default();
    let mut ttl: Option<u32> = None;
    let mut shorter = |each: u32| ttl = Some(ttl.map_or(each, |known| known.min(each)));
    let mut onward = None;
    for _ in 0..=ALIASES {
        let own = || message.answers.iter().filter(|record| record.name == name);
        for record in own().filter(|record| record.record_type() == wanted) {
            if let Some(address) = record.data.ip_addr() {
                led.addresses.push(address);
                shorter(record.ttl);
            }
        }
        if !led.addresses.is_empty() {
            onward = None;
            break;
        }
        let alias = own().find_map(|record| match &record.data {
            RData::CNAME(alias) => Some((alias.0.clone(), record.ttl)),
            _ => None,
        });
        let Some((alias, ttl)) = alias else { break };
        shorter(ttl);
        led.chain.push(shown(&alias));
        onward = Some(alias.clone());
        name = alias;
    }
    if led.chain.len() > ALIASES {
        return Err(format!("its aliases go on after {ALIASES}, or in a loop"));
    }
    led.ttl = Duration::from_secs(ttl.unwrap_or(0).into());
    tidy(&mut led);
    // An empty answer about the alias itself is an end: the name leads nowhere.
    let ends = message.metadata.response_code == ResponseCode::NXDomain;
    Ok(Trail { led, onward: onward.filter(|_| !ends) })
}

/// Each address once, in order, and no more than are kept.
pub(super) fn tidy(led: &mut Led) {
    led.addresses.sort_unstable();
    led.addresses.dedup();
    led.addresses.truncate(ADDRESSES);
}

/// A name in lower case without the last dot.
pub(super) fn shown(name: &Name) -> Arc<str> {
    let text = name.to_lowercase().to_string();
    text.strip_suffix('.').unwrap_or(&text).into()
}
