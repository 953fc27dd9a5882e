//! The heartbeat (`monitor.heartbeat_url`): somebody outside is told again and again that this monitor moves, and raises an alarm
//! when that stops.
//!
//! The first one is due when every scheduler has planned its first round, the next ones every [`EVERY`], by a clock of their
//! own. Each is sent only while schedulers and recorder move, by the answer that `/livez` gives: what is stuck is silent. One that
//! fails is not tried again before the next is due; the first failure and the first success after it are said in the log, all of
//! them are counted.
//!
//! It holds nobody up: it is one task of its own, and waits for nothing but its receiver, for a bounded time.

use super::Error;
use crate::clock::{Instant, WallClock};
use crate::config::Config;
use crate::metrics::Own;
use crate::model::{Action, Beat};
use crate::monitor::Vitals;
use crate::push::Heartbeat;
use std::sync::Arc;
use std::time::Duration;

/// How often a heartbeat is due.
pub(super) const EVERY: Duration = Duration::from_secs(30);

/// How often it is looked whether the first round is planned.
const READY_EVERY: Duration = Duration::from_millis(200);

/// A question whose answer is nothing, or a sentence why not.
type Question = Box<dyn Fn() -> Result<(), String> + Send + Sync>;

/// Sends the heartbeat.
pub(super) struct Heart {
    heartbeat: Heartbeat,
    ready: Question,
    alive: Question,
    own: Own,
    clock: Arc<dyn WallClock>,
    every: Duration,
    failing: bool,
}

impl Heart {
    /// The heart of this daemon, if it has one.
    pub(super) fn new(
        config: &Config,
        vitals: &Vitals,
        own: &Own,
        clock: &Arc<dyn WallClock>,
    ) -> Result<Option<Self>, Error> {
        let Some(url) = config.monitor.heartbeat_url.clone() else { return Ok(None) };
        let (ready, alive) = (vitals.clone(), vitals.clone());
        own.expect_beats();
        Ok(Some(Self {
            heartbeat: Heartbeat::new(url)?,
            ready: Box::new(move || ready.ready()),
            alive: Box::new(move || alive.alive()),
            own: own.clone(),
            clock: Arc::clone(clock),
            every: EVERY,
            failing: false,
        }))
    }

    /// Beats until `stop` resolves; a heartbeat that is under way then is given up.
    pub(super) async fn run(mut self, stop: impl Future<Output = ()>) {
        // Stopping first: a heartbeat after it would be a lie.
        tokio::select! {
            biased;
            () = stop => {}
            () = self.beat_on() => {}
        }
    }

    async fn beat_on(&mut self) {
        while (self.ready)().is_err() {
            tokio::time::sleep(READY_EVERY).await;
        }
        loop {
            let next = Instant::now() + self.every;
            self.beat().await;
            tokio::time::sleep_until(next).await;
        }
    }

    async fn beat(&mut self) {
        let (outcome, why) = match (self.alive)() {
            Err(why) => (Beat::Withheld, Some(format!("not sent: {why}"))),
            Ok(()) => match self.heartbeat.send().await {
                Ok(()) => (Beat::Taken, None),
                Err(why) => (Beat::Failed, Some(why)),
            },
        };
        self.own.count_beat(outcome, self.clock.now());
        let failed_before = std::mem::replace(&mut self.failing, why.is_some());
        match why {
            Some(error) if !failed_before => tracing::error!(
                action = Action::HeartbeatFailing.as_str(),
                error,
                "the heartbeat is not taken; the next one is due in {} s",
                self.every.as_secs()
            ),
            None if failed_before => {
                let action = Action::HeartbeatMended.as_str();
                tracing::info!(action, "the heartbeat is taken again");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
