//! One task that asks other vantage points what they see, while something is down here.
//!
//! Each is asked at once when an outage begins and every [`ASK_EVERY`] while one lasts, never twice at the same time, each under
//! its own deadline, on the runtime of the recorder and not on those of the probes. What comes is cut to what is watched
//! here before the recorder hears of it. It holds the recorder's channel weakly, so that nobody waits for it when the
//! monitor stops.
//!
//! While nothing is down it asks nobody. What an answer is worth is decided in `heard` and `blame`.

pub mod heard;

use super::Error;
use super::event::Event;
use super::outages::Outages;
use crate::clock::{Instant, WallClock};
use crate::config::Config;
use crate::model::{Action, Peer, Service, Timestamp};
use crate::peer::{Asker, Silence, VantageForm};
use futures_util::future::BoxFuture;
use heard::View;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// How often each is asked while something is down.
pub const ASK_EVERY: Duration = Duration::from_secs(5);

/// How often it looks whether something is down.
const TICK: Duration = Duration::from_millis(500);

/// Asks another vantage point once; never fails to end.
pub trait Ask: Send + Sync + 'static {
    /// What the one at this position sees.
    fn ask(&self, peer: usize) -> BoxFuture<'static, Result<VantageForm, Silence>>;
}

/// Asks over the network.
pub(super) struct Askers(Vec<Asker>);

impl Askers {
    /// Must be called inside the runtime on which it asks.
    pub(super) fn new(peers: &[Peer]) -> Result<Self, Error> {
        let askers = peers.iter().map(Asker::new).collect::<Result<_, _>>();
        Ok(Self(askers?))
    }
}

impl Ask for Askers {
    fn ask(&self, peer: usize) -> BoxFuture<'static, Result<VantageForm, Silence>> {
        let asker = self.0[peer].clone();
        Box::pin(async move { asker.ask().await })
    }
}

/// Whether another vantage point gave an answer that could be used when it was last asked.
#[derive(Debug)]
pub struct Answers {
    /// Its name.
    pub vantage: Arc<str>,
    last: AtomicU8,
}

const NO: u8 = 1;
const YES: u8 = 2;

impl Answers {
    /// Nobody has been asked.
    pub fn of(peers: &[Peer]) -> Arc<[Self]> {
        let answers = |peer: &Peer| Self { vantage: Arc::clone(&peer.vantage), last: 0.into() };
        peers.iter().map(answers).collect()
    }

    /// Whether it answered; `None` if it has not been asked.
    pub fn last(&self) -> Option<bool> {
        match self.last.load(Ordering::Relaxed) {
            0 => None,
            last => Some(last == YES),
        }
    }

    fn set(&self, answered: bool) -> Option<bool> {
        let before = self.last();
        self.last.store(if answered { YES } else { NO }, Ordering::Relaxed);
        before
    }
}

/// What the task needs.
pub struct Peers {
    /// How to ask them.
    pub peers: Vec<Peer>,
    /// Everybody who may be asked.
    pub answers: Arc<[Answers]>,
    /// The services that are watched here.
    pub services: watch::Receiver<Arc<[Service]>>,
    /// What is down.
    pub outages: Arc<Mutex<Outages>>,
    /// Wall time.
    pub clock: Arc<dyn WallClock>,
    /// To the recorder.
    pub events: mpsc::WeakSender<Event>,
    /// Told true when the monitor stops.
    pub stop: watch::Receiver<bool>,
}

/// A question that ended: who was asked, when, and what is known by that.
type Asked = (usize, Timestamp, Result<View, Silence>);

impl Peers {
    /// Of a monitor with this configuration; nobody is asked yet.
    pub(super) fn new(
        config: &Config,
        outages: &Arc<Mutex<Outages>>,
        clock: &Arc<dyn WallClock>,
        (events, stop): (mpsc::WeakSender<Event>, watch::Receiver<bool>),
        services: watch::Receiver<Arc<[Service]>>,
    ) -> Self {
        Self {
            peers: config.peers.clone(),
            answers: Answers::of(&config.peers),
            services,
            outages: Arc::clone(outages),
            clock: Arc::clone(clock),
            events,
            stop,
        }
    }

    /// Begins to ask on this runtime, if there is anybody to ask; it ends with the workers, and holds nobody up.
    pub(super) fn start(self) -> Result<(), Error> {
        if !self.peers.is_empty() {
            let ask = Arc::new(Askers::new(&self.peers)?);
            tokio::runtime::Handle::current().spawn(self.run(ask));
        }
        Ok(())
    }

    /// Asks until the monitor stops; questions that are under way then are given up.
    pub async fn run(mut self, ask: Arc<dyn Ask>) {
        let mut questions: JoinSet<Asked> = JoinSet::new();
        let mut going: BTreeSet<usize> = BTreeSet::new();
        let mut last: Vec<Option<Instant>> = vec![None; self.answers.len()];
        while !*self.stop.borrow() && self.stop.has_changed().is_ok() {
            if self.is_something_down() {
                let now = Instant::now();
                for (peer, last) in last.iter_mut().enumerate() {
                    let due = last.is_none_or(|last| now >= last + ASK_EVERY);
                    if due && going.insert(peer) {
                        *last = Some(now);
                        self.put(peer, &*ask, &mut questions);
                    }
                }
            } else {
                // The next outage asks at once.
                last.fill(None);
            }
            // Stopping first; answers before the next round of questions.
            tokio::select! {
                biased;
                _ = self.stop.changed() => {}
                Some(ended) = questions.join_next(), if !questions.is_empty() => {
                    if !self.tell(ended, &mut going).await {
                        return;
                    }
                }
                () = tokio::time::sleep(TICK) => {}
            }
        }
    }

    fn is_something_down(&self) -> bool {
        let outages = self.outages.lock().unwrap_or_else(PoisonError::into_inner);
        outages.open().next().is_some()
    }

    fn put(&self, peer: usize, ask: &dyn Ask, questions: &mut JoinSet<Asked>) {
        let (at, question) = (self.clock.now(), ask.ask(peer));
        let services = Arc::clone(&self.services.borrow());
        questions.spawn(async move {
            let said = question.await;
            (peer, at, said.map(|form| View::new(&form, &services, at)))
        });
    }

    /// Tells the recorder; false if it has gone.
    async fn tell(
        &self,
        ended: Result<Asked, tokio::task::JoinError>,
        going: &mut BTreeSet<usize>,
    ) -> bool {
        let Ok((peer, at, said)) = ended else {
            // One that panicked has said so; which one it was is not known, so all may be asked again.
            going.clear();
            return true;
        };
        going.remove(&peer);
        Self::note(&self.answers[peer], &said);
        let Some(events) = self.events.upgrade() else { return false };
        events.send(Event::Vouched { peer, at, view: said.ok().map(Box::new) }).await.is_ok()
    }

    /// Says once that one gives no answer, and once that it does again.
    fn note(answers: &Answers, said: &Result<View, Silence>) {
        let peer = &*answers.vantage;
        match (answers.set(said.is_ok()), said) {
            (Some(false), Ok(_)) => {
                tracing::info!(
                    action = Action::PeerAnswers.as_str(),
                    peer,
                    "the vantage answers again"
                );
            }
            (None | Some(true), Err(why)) => tracing::warn!(
                action = Action::PeerSilent.as_str(),
                peer,
                why = why.to_string(),
                "the vantage gives no answer that can be used; blame is judged without it"
            ),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
