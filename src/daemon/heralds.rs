//! Telling people: the herald and a task per receiver, put together, started and joined.
//!
//! Without receivers nothing is started and nothing is looked at. Every task is told to stop at the same time; what is under
//! way to a receiver then is given up, and the next start goes on from what was stored.
//!
//! What is told, and how, is not decided here.

use super::Error;
use crate::clock::WallClock;
use crate::config::{self, Config};
use crate::model::Receiver;
use crate::monitor::alerts::signs::Stand;
use crate::monitor::alerts::{Alerts, Taken};
use crate::monitor::herald::Herald;
use crate::monitor::{Plan, View};
use crate::push::{ACKNOWLEDGEMENTS, Lines, Push, Tally};
use crate::store::Store;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// The tasks that tell people.
pub(super) struct Heralds {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
    tallies: Vec<Arc<Tally>>,
}

impl Heralds {
    /// Starts what the configuration asks for; takes the alerts of the plan along.
    pub(super) fn start(
        config: &Config,
        (plan, view): (&mut Plan, watch::Receiver<View>),
        store: Option<Store>,
        clock: &Arc<dyn WallClock>,
        address: SocketAddr,
    ) -> Result<Self, Error> {
        let (stop, stopped) = watch::channel(false);
        let mut heralds = Self { tasks: JoinSet::new(), stop, tallies: Vec::new() };
        if config.receivers.is_empty() {
            return Ok(heralds);
        }
        let alerts = std::mem::take(&mut plan.alerts);
        let (publish, newest) = watch::channel(alerts.list());
        let (to_herald, acknowledged) = mpsc::channel(ACKNOWLEDGEMENTS);
        let page: Arc<str> = page(address, config.listener.tls.is_some()).into();
        for receiver in &config.receivers {
            let push = push(receiver, &page, &alerts, clock)?;
            heralds.tallies.push(push.tally());
            let (alerts, stop) = (newest.clone(), stopped.clone());
            heralds.tasks.spawn(push.run(Lines { alerts, acknowledged: to_herald.clone(), stop }));
        }
        let herald = Herald {
            alerts,
            view,
            outages: Arc::clone(&plan.outages),
            store,
            clock: Arc::clone(clock),
            stand: Stand { vantage: Arc::clone(&config.monitor.vantage), page },
            publish,
            acknowledged,
        };
        heralds.tasks.spawn(herald.run(stopped));
        Ok(heralds)
    }

    /// What each way counts.
    pub(super) fn tallies(&self) -> Vec<Arc<Tally>> {
        self.tallies.clone()
    }

    /// Resolves when one of them ends while the daemon should run; never without receivers.
    pub(super) async fn lost(&mut self) {
        if self.tasks.join_next().await.is_none() {
            std::future::pending::<()>().await;
        }
    }

    /// Stops and joins them.
    pub(super) async fn stop(mut self) {
        // Without a task nobody listens.
        let _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

fn push(
    receiver: &Receiver,
    page: &Arc<str>,
    alerts: &Alerts,
    clock: &Arc<dyn WallClock>,
) -> Result<Push, Error> {
    let took = alerts.taken_by(&receiver.name);
    let took = took.map(|Taken { fingerprint, started, ended }| (fingerprint, (started, ended)));
    // Pauses differ between daemons that started at different milliseconds.
    let seed = clock.now().as_millis().cast_unsigned();
    Push::new(receiver.clone(), Arc::clone(page), took.collect(), Arc::clone(clock), seed)
        .map_err(Error::Receiver)
}

/// Where the page is for somebody who reads an alert: by the name of this host, if the listener is at every address.
fn page(address: SocketAddr, tls: bool) -> String {
    let scheme = if tls { "https" } else { "http" };
    if address.ip().is_unspecified() {
        return format!("{scheme}://{}:{}/", config::host_name(), address.port());
    }
    format!("{scheme}://{address}/")
}
