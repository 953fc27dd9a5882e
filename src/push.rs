//! Telling others of alerts: one task per receiver, which holds nobody up.
//!
//! A task looks at the newest list of alerts, of which there is only one at a time: a newer one replaces it. An Alertmanager is
//! sent the whole list, at once when it changes and every [`RESEND`] (an empty one too, so that a receiver that cannot be
//! reached is known before it is needed), each alert with an end in the future that lapses if this daemon dies. A webhook is
//! sent each group once per change, and says with its answer what it took. What fails is tried again with growing pauses for as
//! long as it is true; one line says that a receiver fails, one that it works again.
//!
//! It does not know what an outage is, and stores nothing.

mod body;
mod heartbeat;
mod pause;
mod post;
mod tally;

pub use heartbeat::Heartbeat;
pub use post::Error;
pub use tally::{Numbers, Tally};

use crate::clock::{Instant, WallClock};
use crate::model::{Action, Alert, Fingerprint, PushOutcome, Receiver, ReceiverKind, Timestamp};
use body::Group;
use pause::Pause;
use post::{Failure, Post};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// How often an Alertmanager is told of everything, whether or not anything changed.
pub const RESEND: Duration = Duration::from_mins(1);

/// After so long without a word from us an alert lapses at an Alertmanager.
pub const LAPSE: Duration = Duration::from_mins(4);

/// So long an Alertmanager is told of an end, like Prometheus does it.
pub const REPEAT_ENDS: Duration = Duration::from_mins(15);

/// Alerts in one request to an Alertmanager at most.
const BATCH: usize = 256;

/// Acknowledgements that wait for the monitor at most; a task that finds it full waits.
pub const ACKNOWLEDGEMENTS: usize = 64;

/// What a webhook took: when the alert began, and whether it was told as ended.
pub type Took = BTreeMap<Fingerprint, (Timestamp, bool)>;

/// A webhook took these.
#[derive(Clone, Debug)]
pub struct Acknowledged {
    /// Which one.
    pub receiver: Arc<str>,
    /// What it took.
    pub took: Took,
}

/// The way to one receiver.
pub struct Push {
    receiver: Receiver,
    post: Post,
    clock: Arc<dyn WallClock>,
    tally: Arc<Tally>,
    pause: Pause,
    /// Page of this daemon.
    page: Arc<str>,
    /// What a webhook took.
    took: Took,
    /// Since when an Alertmanager is told of an end.
    ends: BTreeMap<(Fingerprint, Timestamp), Instant>,
    failing: bool,
}

/// What a task reads and answers to.
pub struct Lines {
    /// The newest list of alerts.
    pub alerts: watch::Receiver<Arc<[Alert]>>,
    /// Where it says what was taken.
    pub acknowledged: mpsc::Sender<Acknowledged>,
    /// Told when it has to end.
    pub stop: watch::Receiver<bool>,
}

impl Push {
    /// Makes a way ready; nothing is sent yet. `took` is what a webhook took in an earlier life, `seed` spreads pauses.
    pub fn new(
        receiver: Receiver,
        page: Arc<str>,
        took: Took,
        clock: Arc<dyn WallClock>,
        seed: u64,
    ) -> Result<Self, Error> {
        Ok(Self {
            post: Post::new(&receiver)?,
            tally: Arc::new(Tally::new(&receiver.name)),
            pause: Pause::new(seed, &receiver.name),
            clock,
            page,
            took,
            ends: BTreeMap::new(),
            failing: false,
            receiver,
        })
    }

    /// What it counts.
    pub fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.tally)
    }

    /// Tells until it is told to stop; what is under way then is given up.
    pub async fn run(mut self, mut lines: Lines) {
        let mut stop = lines.stop.clone();
        // Stopping first: nothing that is sent after it matters.
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => {}
            () = self.tell_on(&mut lines) => {}
        }
    }

    /// Begins with the first list that is made, and ends when nobody makes lists any more.
    async fn tell_on(&mut self, lines: &mut Lines) {
        if lines.alerts.changed().await.is_err() {
            return;
        }
        loop {
            let alerts = Arc::clone(&lines.alerts.borrow_and_update());
            let firing = alerts.iter().filter(|alert| alert.ended.is_none()).count();
            self.tally.set_alerts(firing);
            let told = match self.receiver.kind {
                ReceiverKind::Alertmanager => self.tell_all(&alerts).await,
                ReceiverKind::Webhook => self.tell_changes(&alerts, &lines.acknowledged).await,
            };
            if told.is_err() {
                // News does not cut a pause short, or a receiver in trouble would be asked with every change.
                tokio::time::sleep(self.pause.next()).await;
                continue;
            }
            self.pause.reset();
            let again = self.receiver.kind == ReceiverKind::Alertmanager;
            let until = Instant::now() + RESEND;
            // News first; a webhook has nothing else to wait for.
            tokio::select! {
                biased;
                changed = lines.alerts.changed() => if changed.is_err() { return },
                () = tokio::time::sleep_until(until), if again => {}
            }
        }
    }

    /// An Alertmanager: everything, in requests of bounded size.
    async fn tell_all(&mut self, alerts: &[Alert]) -> Result<(), Failure> {
        let now = self.clock.now();
        let known: BTreeSet<_> = alerts.iter().map(instance).collect();
        self.ends.retain(|instance, _| known.contains(instance));
        let told: Vec<&Alert> = alerts.iter().filter(|alert| self.is_news(alert)).collect();
        // None is told too.
        let mut batches = told.chunks(BATCH).collect::<Vec<_>>();
        if batches.is_empty() {
            batches.push(&[]);
        }
        for batch in batches {
            let body = body::alerts(&self.receiver, &self.page, batch, now);
            self.send(body).await?;
            for alert in batch.iter().filter(|alert| alert.ended.is_some()) {
                self.ends.entry(instance(alert)).or_insert_with(Instant::now);
            }
        }
        Ok(())
    }

    /// Whether an Alertmanager has to hear of it: it fires, or ended and that was not said for long enough.
    fn is_news(&self, alert: &Alert) -> bool {
        let since = self.ends.get(&instance(alert));
        alert.ended.is_none() || since.is_none_or(|since| since.elapsed() < REPEAT_ENDS)
    }

    /// A webhook: each group in which something changed. One that it refuses does not keep it from the others.
    async fn tell_changes(
        &mut self,
        alerts: &[Alert],
        acknowledged: &mpsc::Sender<Acknowledged>,
    ) -> Result<(), Failure> {
        let known: BTreeSet<Fingerprint> = alerts.iter().map(|alert| alert.fingerprint).collect();
        self.took.retain(|fingerprint, _| known.contains(fingerprint));
        let mut refused = Ok(());
        for group in body::groups(&self.receiver, alerts) {
            let flow = self.tell_group(&group, acknowledged).await;
            match flow {
                ControlFlow::Continue(Ok(())) => {}
                ControlFlow::Continue(Err(failure)) => refused = Err(failure),
                ControlFlow::Break(failure) => return Err(failure),
            }
        }
        refused
    }

    async fn tell_group(
        &mut self,
        group: &Group<'_>,
        acknowledged: &mpsc::Sender<Acknowledged>,
    ) -> ControlFlow<Failure, Result<(), Failure>> {
        let is_taken = |alert: &&Alert| {
            let took = self.took.get(&alert.fingerprint);
            took == Some(&(alert.started, alert.ended.is_some()))
        };
        // Ends that it took are over.
        let about: Vec<&Alert> = group
            .alerts
            .iter()
            .filter(|alert| alert.ended.is_none() || !is_taken(alert))
            .copied()
            .collect();
        if about.iter().all(is_taken) {
            return ControlFlow::Continue(Ok(()));
        }
        let body = body::message(&self.receiver, &self.page, group, &about);
        match self.send(body).await {
            Ok(()) => {}
            Err(failure) if failure.outcome == PushOutcome::Refused && failure.is_its_own() => {
                return ControlFlow::Continue(Err(failure));
            }
            Err(failure) => return ControlFlow::Break(failure),
        }
        let took: Took = about
            .iter()
            .map(|alert| (alert.fingerprint, (alert.started, alert.ended.is_some())))
            .collect();
        self.took.extend(took.clone());
        let receiver = Arc::clone(&self.receiver.name);
        // Nobody keeps it when the monitor has gone.
        let _ = acknowledged.send(Acknowledged { receiver, took }).await;
        ControlFlow::Continue(Ok(()))
    }

    /// One delivery, counted; the first failure and the first success after it are said.
    async fn send(&mut self, body: Vec<u8>) -> Result<(), Failure> {
        let ended = self.post.send(body).await;
        let receiver = &*self.receiver.name;
        match &ended {
            Ok(()) => {
                self.tally.count(PushOutcome::Delivered, self.clock.now());
                if std::mem::take(&mut self.failing) {
                    tracing::info!(
                        action = Action::DeliveryMended.as_str(),
                        receiver,
                        "alerts are delivered again"
                    );
                }
            }
            Err(failure) => {
                self.tally.count(failure.outcome, self.clock.now());
                if !std::mem::replace(&mut self.failing, true) {
                    let error = failure.to_string();
                    tracing::error!(
                        action = Action::DeliveryFailing.as_str(),
                        receiver,
                        error,
                        "alerts cannot be delivered; tried again until it works"
                    );
                }
            }
        }
        ended
    }
}

/// An alert, told from an earlier one of the same labels.
fn instance(alert: &Alert) -> (Fingerprint, Timestamp) {
    (alert.fingerprint, alert.started)
}
