//! Looks at public names with real name servers.
//!
//! Built inside the runtime on which looks happen, because sockets belong to it; one resolver of this host for all names.
//!
//! It does not know when to look.

use super::follower::Scout;
use crate::config::Config;
use crate::failover::{Observation, Territory};
use crate::net::Net;
use crate::probe::follow::Follow;
use futures_util::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How each public name is followed, by position of its service.
pub(super) type Follows = BTreeMap<usize, Arc<Follow>>;

/// How the public names of this configuration are followed; a public name that is an address leads nowhere else.
pub(super) fn follows(config: &Config) -> Follows {
    let services = config.services.iter().enumerate();
    let follow = services.filter_map(|(position, service)| {
        let entry = service.entry.as_ref()?;
        let endpoints = service.endpoints.iter().map(|each| (&*each.provider, &*each.host));
        let territory = Territory::new(&config.providers, endpoints);
        let hosts: Vec<_> = territory.hosts().map(|(at, host)| (at, Arc::clone(host))).collect();
        let follow = Follow::new(&entry.host, entry.ip, &entry.resolvers, hosts)?;
        Some((position, Arc::new(follow)))
    });
    follow.collect()
}

/// Looks with the resolver of this host.
pub(super) struct Scouts {
    net: Arc<Net>,
    follows: Follows,
}

impl Scouts {
    /// Must be called inside the runtime on which it looks.
    pub(super) fn new(follows: Follows) -> Self {
        Self { net: Arc::new(Net::from_system()), follows }
    }
}

impl Scout for Scouts {
    fn look(&self, service: usize, limit: Duration) -> BoxFuture<'static, Observation> {
        let (net, follow) = (Arc::clone(&self.net), self.follows.get(&service).cloned());
        Box::pin(async move {
            match follow {
                Some(follow) => follow.look(&net, limit).await,
                None => Observation::default(),
            }
        })
    }
}
