//! What the recorder does about public names: feeds them, stores what came of it, and says it in the log.
//!
//! One line per step of a failover; what is wrong (late, silent, split) is a warning, once.
//!
//! It decides nothing: `failover` does.

use super::Recorder;
use crate::failover::{Failover, Told};
use crate::model::{Action, FailoverStep, human_duration};
use crate::monitor::entries::News;
use crate::store;
use std::sync::Arc;

impl Recorder {
    /// Stores and logs what came of something that was told to a public name.
    pub(super) fn pass_on(&mut self, news: Option<News>) {
        let Some(News { service, told }) = news else { return };
        for each in told {
            if let Told::Failover(failover) = &each
                && let Some(journal) = &self.journal
            {
                journal.failover(self.entries.row(&service, failover));
            }
            self.log_name(&service, &each);
        }
    }

    /// Tells a public name how its service does on one side.
    pub(super) fn feed_name(&mut self, service: usize, side: usize) {
        let side = &self.ledger.joint().services()[service].sides[side];
        let standing = (side.standing.state, side.standing.since);
        let news = self.entries.side(service, &side.provider, standing, self.now);
        self.pass_on(news);
    }

    /// Tells every public name how its service does, as it stands before the first event.
    pub fn feed_names(&mut self) {
        for service in 0..self.services.len() {
            for side in 0..self.ledger.joint().services()[service].sides.len() {
                self.feed_name(service, side);
            }
        }
    }

    /// A drill started or ended. It is stored before what follows from it.
    pub(super) fn take_drill(&mut self, service: &str, drill: &store::Drill) {
        if let Some(journal) = &self.journal {
            journal.drill(drill);
        }
        let service = self.entries.position(service);
        let news = service.and_then(|service| self.entries.drill(service, drill));
        self.pass_on(news);
    }

    /// The wall clock was set by `millis`.
    pub(super) fn shift_names(&mut self, millis: i64) {
        for (service, failover) in self.entries.shift(millis) {
            if let Some(journal) = &self.journal {
                journal.failover(self.entries.row(&service, &failover));
            }
        }
    }

    fn log_name(&self, service: &Arc<str>, told: &Told) {
        let cloud = |cloud: usize| &*self.entries.providers()[cloud];
        let to = |failover: &Failover| failover.to.map_or("", cloud);
        match told {
            Told::Failover(_) => {}
            Told::Reached(failover, step) => {
                let took = failover.took(*step).unwrap_or_default();
                let (took_ms, took) = (took.as_millis(), human_duration(took));
                let (from_provider, to_provider, cause) =
                    (cloud(failover.from), to(failover), failover.cause.as_str());
                let step_word = step.as_str();
                match step {
                    FailoverStep::Detect => {}
                    FailoverStep::FreshClient => tracing::info!(
                        action = Action::FailoverReached.as_str(), %service, from_provider, to_provider, cause, step = step_word, took_ms,
                        "failover is proven after {took}: a fresh client of the public name was served by the other cloud"
                    ),
                    FailoverStep::Back => tracing::info!(
                        action = Action::FailoverReached.as_str(), %service, from_provider, to_provider, cause, step = step_word, took_ms,
                        "the public name is back on its first cloud after {took}"
                    ),
                    FailoverStep::Authoritative | FailoverStep::Resolvers => tracing::info!(
                        action = Action::FailoverReached.as_str(), %service, from_provider, to_provider, cause, step = step_word, took_ms,
                        "the public name leads to another cloud after {took}"
                    ),
                }
            }
            Told::Late(failover, who) => {
                let from_provider = cloud(failover.from);
                let askers = who.join(", ");
                tracing::warn!(action = Action::FailoverLate.as_str(), %service, from_provider, askers, "failover is late: the public name still leads to a cloud that is down");
            }
            Told::Silent(failover) => {
                let (from_provider, to_provider) = (cloud(failover.from), to(failover));
                tracing::warn!(action = Action::FailoverSilent.as_str(), %service, from_provider, to_provider, "silent failover: the public name leads to another cloud although the first is healthy");
            }
            Told::Split(since) => {
                let since_ms = since.as_millis();
                tracing::warn!(action = Action::EntrySplit.as_str(), %service, since_ms, "the public name is split: answers differ for longer than they may be kept");
            }
            Told::Agreed => {
                tracing::info!(action = Action::EntryAgreed.as_str(), %service, "the public name is no longer split");
            }
        }
    }
}
