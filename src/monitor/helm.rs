//! Where a running monitor is given another configuration.
//!
//! In this order, so that until the last moment nothing has changed and everything can be left as it is: every worker makes
//! its new share ready; the store takes the new names; what takes over is built; the workers stand still; the recorder goes
//! over between two events; the workers go on. Standing still takes as long as the recorder needs, and runs in flight do not
//! notice it.
//!
//! It decides nothing about a configuration: whether it is valid, and whether it may drop so much, is asked before.

use super::event::Event;
use super::heir::{Ground, Heir, shares, ways};
use super::scheduler::Order;
use super::scouts::{Follows, follows};
use super::{Error, View, roster};
use crate::config::Config;
use crate::config::diff::Diff;
use crate::model::Service;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};

/// The helm of a running monitor.
pub struct Helm {
    ground: Ground,
    /// To each worker.
    orders: Vec<mpsc::Sender<Order>>,
    /// Without its checks and services, of which there are very many, and which the picture has.
    rest: Config,
    view: View,
    /// The services, for whoever asks other vantage points about them.
    watched: watch::Sender<Arc<[Service]>>,
}

/// What is to take the place of the present configuration.
pub struct Change {
    /// It.
    pub config: Config,
    /// Its warnings, for the page.
    pub notices: Vec<String>,
    /// From the present one to it.
    pub diff: Arc<Diff>,
}

/// What came of a change.
pub struct Turned {
    /// What faces see from now on.
    pub view: View,
    /// Runs that were in flight and whose checks are gone: what they give is nobody's.
    pub given_up: usize,
}

impl Helm {
    pub(super) fn new(
        ground: Ground,
        orders: Vec<mpsc::Sender<Order>>,
        (config, watched): (&Config, watch::Sender<Arc<[Service]>>),
        view: View,
    ) -> Self {
        Self { ground, orders, rest: rest_of(config), view, watched }
    }

    /// A copy of the configuration that is in force.
    pub fn config(&self) -> Config {
        let (checks, services) = (self.view.board.all_checks(), self.view.board.all_services());
        Config { checks: checks.to_vec(), services: services.to_vec(), ..self.rest.clone() }
    }

    /// What faces see.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// What lasts.
    pub(super) fn ground(&self) -> &Ground {
        &self.ground
    }

    /// Another configuration takes over. After an error the present one is in force as before.
    ///
    /// Public for the simulation, which looks at no public name; a [`super::Monitor`] does more.
    pub async fn turn(&mut self, change: Change) -> Result<Turned, Error> {
        Ok(self.turn_over(change).await?.0)
    }

    pub(super) async fn turn_over(&mut self, change: Change) -> Result<(Turned, Follows), Error> {
        let Change { config, notices, diff } = change;
        let lookouts = config.lookouts();
        let (rechecks, asked) = ways(&lookouts, self.ground.workers);
        if let Err(error) = self.prepare(shares(&lookouts, asked, &diff.moves)).await {
            self.stay().await;
            return Err(error);
        }
        let image = match &self.ground.store {
            Some(store) => match store.load(roster(&config)).await {
                Ok(Ok(image)) => Some(image),
                Ok(Err(error)) => {
                    self.stay().await;
                    return Err(Error::Store(error));
                }
                // The writer has gone, and said so; what it does not keep is shown all the same.
                Err(_) => None,
            },
            None => None,
        };
        let open = (&self.view.desk, &self.view.drills);
        let heir = Heir::new(&config, notices, &self.ground, open, (&diff, image), rechecks);
        let view = heir.recorder.view(heir.drills.clone(), &config);
        let given_up = self.go(heir).await?;
        let follows = follows(&config);
        // Without other vantage points nobody listens.
        let _ = self.watched.send(Arc::clone(view.board.all_services()));
        (self.rest, self.view) = (rest_of(&config), view.clone());
        Ok((Turned { view, given_up }, follows))
    }

    /// Every worker makes its share ready.
    async fn prepare(&self, shares: Vec<super::scheduler::Share>) -> Result<(), Error> {
        let mut answers = Vec::new();
        for (orders, share) in self.orders.iter().zip(shares) {
            let (ready, told) = oneshot::channel();
            let order = Order::Prepare(Box::new(share), ready);
            orders.send(order).await.map_err(|_| Error::Lost)?;
            answers.push(told);
        }
        for told in answers {
            told.await.map_err(|_| Error::Lost)??;
        }
        Ok(())
    }

    /// Everybody goes over; gives back how many runs in flight are of nobody now.
    async fn go(&self, heir: Heir) -> Result<usize, Error> {
        let events = self.ground.events.upgrade().ok_or(Error::Lost)?;
        let mut waiting = Vec::new();
        for orders in &self.orders {
            let (held, told) = oneshot::channel();
            orders.send(Order::Hold(held)).await.map_err(|_| Error::Lost)?;
            waiting.push(told);
        }
        for told in waiting {
            told.await.map_err(|_| Error::Lost)?;
        }
        let (done, mut told) = mpsc::channel(1);
        let reload = Event::Reload { heir: Box::new(heir), done };
        events.send(reload).await.map_err(|_| Error::Lost)?;
        told.recv().await.ok_or(Error::Lost)?;
        let mut given_up = 0;
        for orders in &self.orders {
            let (gone, told) = oneshot::channel();
            orders.send(Order::Go(gone)).await.map_err(|_| Error::Lost)?;
            given_up += told.await.map_err(|_| Error::Lost)?;
        }
        Ok(given_up)
    }

    /// Nothing changes.
    async fn stay(&self) {
        for orders in &self.orders {
            // A worker that has gone prepares nothing either.
            let _ = orders.send(Order::Stay).await;
        }
    }
}

/// A configuration without its checks and services.
fn rest_of(config: &Config) -> Config {
    let mut rest = config.clone();
    (rest.checks, rest.services) = (Vec::new(), Vec::new());
    rest
}
