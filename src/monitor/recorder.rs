//! One task that takes events in order and performs their effects in a fixed order.
//!
//! ledger → what it wants, in its order: a settled run (journal → metrics → board), then what follows from it (history, log,
//! joined states, outages, rechecks). It is the only writer of all of them. It ends when every worker has gone and the last
//! event is taken in; a panic here ends the process, because state after it is unknown.
//!
//! It decides nothing: the ledger does.

mod blaming;
mod names;
mod reload;

use super::board::Board;
use super::book::Book;
use super::desk::Desk;
use super::entries::Entries;
use super::event::{Change, Effect, Event, Recheck};
use super::journal::Journal;
use super::ledger::Ledger;
use super::outages::{Outages, Subject, Why};
use super::peers::heard::Heard;
use super::references::References;
use super::scene::Places;
use super::seat_of;
use super::vitals::Pulse;
use crate::metrics::{ServiceStates, Settled, Table};
use crate::model::{
    Action, Cause, Check, CheckIndex, Outcome, ProbeResult, Reason, Road, Service, State,
    Timestamp, human_duration,
};
use crate::slo::joint::Scope;
use crate::store;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

/// Events taken from the channel at once.
const BATCH: usize = 256;

/// What the recorder needs.
pub struct Recorder {
    /// The pure heart.
    pub ledger: Ledger,
    /// The numbers of the checks.
    pub table: Arc<Table>,
    /// The picture.
    pub board: Board,
    /// All checks of the configuration's services.
    pub checks: Arc<[Arc<Check>]>,
    /// Everything that is looked at: those, and after them the references.
    pub lookouts: Arc<[Arc<Check>]>,
    /// What is known of the references.
    pub references: References,
    /// Where everything stands, for the question whose outage it is.
    pub places: Places,
    /// All services of the configuration.
    pub services: Arc<[Service]>,
    /// Where it shows that it lives.
    pub pulse: Arc<Pulse>,
    /// The past of every service.
    pub book: Book,
    /// Where results are stored, if anywhere.
    pub journal: Option<Journal>,
    /// The windows of maintenance in force.
    pub desk: Desk,
    /// The public names; faces read them.
    pub entries: Entries,
    /// How far time has come, by what was heard last.
    pub now: Timestamp,
    /// What other vantage points said last.
    pub heard: Heard,
    /// What is or was down; faces read it.
    pub outages: Arc<Mutex<Outages>>,
    /// To each worker: look again at this check, then. A check belongs to the worker of its seat.
    pub rechecks: Vec<mpsc::Sender<Recheck>>,
}

impl Recorder {
    /// Takes in events until the channel closes; gives back the ledger as it stands then.
    pub async fn run(mut self, mut events: mpsc::Receiver<Event>) -> Ledger {
        let mut batch = Vec::with_capacity(BATCH);
        let mut effects = Vec::new();
        self.pulse.beat();
        while events.recv_many(&mut batch, BATCH).await > 0 {
            self.pulse.beat();
            for event in batch.drain(..) {
                self.take(event, &mut effects);
            }
            self.judge();
            if let Some(journal) = &mut self.journal {
                journal.send();
            }
        }
        if let Some(journal) = &mut self.journal {
            journal.store_all(&self.ledger, &self.book);
        }
        self.ledger
    }

    fn take(&mut self, event: Event, effects: &mut Vec<Effect>) {
        match event {
            Event::Maintenance { fact, done } => {
                self.take_maintenance(&fact);
                // Whoever asked may have gone.
                let _ = done.try_send(());
            }
            Event::Reload { heir, done } => {
                self.take_reload(*heir);
                let _ = done.try_send(());
            }
            // What has no public name any more is not followed.
            Event::Looked { service, at, seen } => {
                let service = self.entries.position(&service);
                let news = service.and_then(|service| self.entries.observe(service, at, &seen));
                self.pass_on(news);
            }
            Event::Vouched { peer, at, view } => {
                self.heard.take(peer, at, view.map(|view| *view));
                self.stir();
            }
            Event::Drill { service, fact, done } => {
                self.take_drill(&service, &fact);
                let _ = done.try_send(());
            }
            Event::ClockBack { ref checks, millis, leads } => {
                let checks = Arc::clone(checks);
                self.ledger.apply(event, effects);
                self.set_back(&checks, millis, leads);
                self.perform_all(effects);
            }
            Event::Roll { ref checks, at } => {
                let checks = Arc::clone(checks);
                self.pass(at);
                self.ledger.apply(event, effects);
                self.publish(&checks);
                self.perform_all(effects);
                self.board.set_sight(&self.ledger);
                // Last, since a state that is stored has to have in its history what the ledger has told.
                if let Some(journal) = &mut self.journal {
                    journal.go_round(at, &self.ledger, &self.book);
                }
            }
            Event::Started { .. } | Event::Finished { .. } | Event::Skipped { .. } => {
                self.ledger.apply(event, effects);
                self.perform_all(effects);
            }
        }
    }

    /// The wall clock was set back under these checks.
    fn set_back(&mut self, checks: &[CheckIndex], millis: i64, leads: bool) {
        let checks = self.of_services(checks);
        if let Some(journal) = &mut self.journal {
            journal.clock_back(checks, millis);
        }
        self.book.shift(checks, -millis);
        self.table.shift(checks, -millis);
        self.board.shift(checks, -millis);
        self.publish(checks);
        if leads {
            self.now = self.now.shifted(-millis);
            self.publish_services();
            self.heard.forget();
            self.shift_outages(-millis);
            self.shift_names(-millis);
        }
    }

    /// Performs what the ledger wants, in its order. What changes after a run changes because of it.
    fn perform_all(&mut self, effects: &mut Vec<Effect>) {
        let mut last: Option<(CheckIndex, Box<ProbeResult>)> = None;
        for effect in effects.drain(..) {
            self.perform(&effect, last.as_ref().map(|(check, result)| (*check, &**result)));
            if let Effect::Ran { check, result, .. } = effect {
                last = Some((check, result));
            }
        }
    }

    /// What a run of a check gave is settled.
    fn keep_run(&mut self, check: CheckIndex, at: Timestamp, recheck: bool, result: &ProbeResult) {
        if let Some(journal) = &mut self.journal {
            journal.run(check, at, recheck, result);
        }
        let failed = result.outcome.reason().is_some();
        self.book.observe(check, at, recheck, failed);
        self.table.record(check, at + result.latency, result);
        self.board.keep(check, at, recheck, result);
        let news = self.entries.result(check, at, result);
        self.pass_on(news);
        self.publish(std::slice::from_ref(&check));
    }

    fn is_reference(&self, check: CheckIndex) -> bool {
        check.get() >= self.checks.len()
    }

    /// Those of these checks, ascending, that are of services.
    fn of_services<'a>(&self, checks: &'a [CheckIndex]) -> &'a [CheckIndex] {
        &checks[..checks.partition_point(|check| !self.is_reference(*check))]
    }

    /// The windows in force are others. What was counted under the old ones is stored before the change is, so that a
    /// crash in between replays nothing under windows it did not happen under.
    fn take_maintenance(&mut self, fact: &store::Maintenance) {
        let windows = self.desk.in_force();
        self.ledger.set_maintenance(&windows, &self.checks, &self.services);
        let changed = self.book.set_maintenance(&windows, &self.checks);
        if let Some(journal) = &mut self.journal {
            for service in &changed {
                journal.store_state(*service, &self.ledger, &self.book);
            }
            journal.maintenance(fact);
            journal.revise(&changed, fact, &self.book);
        }
    }

    fn publish(&self, checks: &[CheckIndex]) {
        let checks = self.of_services(checks);
        self.table.settle(checks.iter().map(|check| {
            let track = self.ledger.track(*check);
            let (state, since, millis) = (track.state(), track.since(), track.millis());
            Settled { check: *check, state, since, millis }
        }));
        self.board.settle(checks, &self.ledger);
    }

    fn perform(&mut self, effect: &Effect, run: Option<(CheckIndex, &ProbeResult)>) {
        match effect {
            Effect::Ran { check, at, result, .. } if self.is_reference(*check) => {
                self.pass(*at + result.latency);
                self.references.keep(*check, *at, result);
                self.references.settle(*check, self.ledger.track(*check));
            }
            Effect::Ran { check, at, recheck, result } => {
                self.pass(*at + result.latency);
                self.keep_run(*check, *at, *recheck, result);
            }
            Effect::Recheck(recheck) => {
                // The channel has room for two requests of every check. If it is full all the same, or the worker has
                // gone, this extra look does not happen; the grid goes on.
                let worker = seat_of(&self.lookouts[recheck.check.get()], self.rechecks.len());
                let _ = self.rechecks[worker].try_send(*recheck);
            }
            Effect::Told { check, told } if !self.is_reference(*check) => {
                self.book.tell(*check, told);
            }
            Effect::Told { .. } => {}
            Effect::CheckChanged { check, change } if self.is_reference(*check) => {
                self.references.settle(*check, self.ledger.track(*check));
                self.stir();
                let reference = &self.lookouts[check.get()];
                log_check(reference, *change, run.map(|(_, result)| result), true);
            }
            Effect::SightChanged { road, since, until } => {
                self.board.set_sight(&self.ledger);
                log_sight(*road, *since, *until);
            }
            Effect::SentinelChanged { sentinel, broken } => {
                self.references.set_broken(*sentinel, self.ledger.sight().broken(*sentinel));
                self.board.set_broken(self.references.broken());
                log_sentinel(&self.lookouts[sentinel.get()], *broken);
            }
            Effect::CheckChanged { check, change } => {
                self.publish_service(self.ledger.joint().owner(*check));
                let check = &self.checks[check.get()];
                log_check(check, *change, run.map(|(_, result)| result), !check.counts);
            }
            Effect::SideChanged { service, side, change } => {
                let provider = &self.ledger.joint().services()[*service].sides[*side].provider;
                let name = &self.services[*service].name;
                log_joined(&format_args!("{name} on {provider}"), *change);
                self.note_outage((*service, Scope::Side(*side)), *change, run);
                self.feed_name(*service, *side);
            }
            Effect::EntryChanged { service, change } => {
                let name = &self.services[*service].name;
                log_joined(&format_args!("{name} at its public name"), *change);
                self.note_outage((*service, Scope::Entry), *change, run);
            }
            Effect::ServiceChanged { service, change } => {
                log_joined(&self.services[*service].name, *change);
                self.note_outage((*service, Scope::Any), *change, run);
            }
        }
    }

    /// An outage may have begun or ended; it is kept and stored.
    fn note_outage(
        &mut self,
        subject: Subject,
        change: Change,
        run: Option<(CheckIndex, &ProbeResult)>,
    ) {
        let (service, scope) = subject;
        // When many results settle at once it may begin and end before anybody asked whose it is.
        if change.to != State::Down && self.is_unjudged(subject) {
            self.judge_now();
        }
        let sides = &self.ledger.joint().services()[service].sides;
        let (scope, provider) = match scope {
            Scope::Side(side) => {
                (format!("provider:{}", sides[side].provider), &*sides[side].provider)
            }
            Scope::Entry => ("entry".to_owned(), ""),
            _ => ("any".to_owned(), ""),
        };
        let why = run.and_then(|(check, result)| {
            Some(Why {
                check: self.checks[check.get()].id.shared(),
                reason: result.outcome.reason()?,
                said: result.said.as_str().into(),
            })
        });
        let name = (&*self.services[service].name, scope.as_str(), provider);
        let mut outages = self.outages.lock().unwrap_or_else(PoisonError::into_inner);
        let told = outages.change(subject, name, change, why.as_ref());
        drop(outages);
        let Some(outage) = told else { return };
        if outage.ended.is_none() {
            self.ask_around(service);
        }
        if let Some(journal) = &mut self.journal {
            journal.outage(&outage);
        }
    }

    /// The wall clock was set by `millis`, and what lasts began so much later or earlier.
    fn shift_outages(&mut self, millis: i64) {
        let mut outages = self.outages.lock().unwrap_or_else(PoisonError::into_inner);
        let open = outages.shift(millis);
        drop(outages);
        if let Some(journal) = &mut self.journal {
            for outage in &open {
                journal.outage(outage);
            }
        }
    }

    /// Everything as it stands before the first event: published, and told to whoever follows public names.
    pub fn show_the_start(&mut self) {
        self.publish_all();
        self.feed_names();
    }

    /// Publishes everything, as it stands before the first event.
    pub fn publish_all(&self) {
        let checks: Vec<_> = (0..).map(CheckIndex).take(self.checks.len()).collect();
        self.publish(&checks);
        self.publish_services();
    }

    /// Publishes the joined states of all services.
    pub fn publish_services(&self) {
        for service in 0..self.services.len() {
            self.publish_service(service);
        }
    }

    fn publish_service(&self, service: usize) {
        let joint = &self.ledger.joint().services()[service];
        let sides = joint.sides.iter().map(|side| side.standing.state).collect();
        let entry = joint.entry.map(|entry| entry.state);
        let states = ServiceStates { any: joint.any.state, all: joint.all.state, entry, sides };
        self.table.set_service(service, states);
        self.board.set_service(service, Arc::clone(joint));
    }
}

/// A change of health. What is part of a side is told by its incident, and here only to whoever debugs; what is not, and what
/// this monitor could not do properly, has no other line.
fn log_check(check: &Check, change: Change, result: Option<&ProbeResult>, alone: bool) {
    let said = result.map_or("the last result ran out", |result| result.said.as_str());
    let why = result.and_then(|result| result.outcome.reason()).map(Reason::as_str);
    let (from, to) = (change.from.as_str(), change.to.as_str());
    let service = &*check.service;
    let ours = result.is_some_and(|result| {
        matches!(
            result.outcome,
            Outcome::Unknown(Cause::Overloaded | Cause::Internal | Cause::Unable | Cause::Program)
        )
    });
    if change.to == State::Down && alone {
        tracing::warn!(action = Action::CheckChanged.as_str(), check = %check.id, service, from, to, reason = why, said, "check is down");
    } else if alone || ours {
        tracing::info!(action = Action::CheckChanged.as_str(), check = %check.id, service, from, to, reason = why, said, "check is {to}");
    } else {
        tracing::debug!(action = Action::CheckChanged.as_str(), check = %check.id, service, from, to, reason = why, said, "check is {to}");
    }
}

/// One line when nothing is seen any more, and one when something is again.
fn log_sight(road: Road, since: Timestamp, until: Option<Timestamp>) {
    let (phrase, since_ms) = (road.phrase(), since.as_millis());
    match until {
        None => tracing::error!(
            action = Action::SightLost.as_str(),
            road = road.as_str(),
            since_ms,
            "this monitor sees nothing {phrase}: what fails by that is unknown until something answers"
        ),
        Some(until) => tracing::warn!(
            action = Action::SightRegained.as_str(),
            road = road.as_str(),
            since_ms,
            "this monitor sees again {phrase}, after {}",
            human_duration(until.since(since))
        ),
    }
}

/// One line when a sentinel is found broken, and one when it answers again.
fn log_sentinel(sentinel: &Check, broken: bool) {
    if broken {
        tracing::warn!(
            action = Action::SentinelBroken.as_str(),
            sentinel = %sentinel.id,
            "a sentinel is silent while checks succeed: it is not waited for until it answers"
        );
    } else {
        tracing::info!(action = Action::SentinelMended.as_str(), sentinel = %sentinel.id, "a broken sentinel answers again");
    }
}

/// A change of a joined state, for whoever debugs: people have the incident.
fn log_joined(what: &dyn std::fmt::Display, change: Change) {
    let (from, to) = (change.from.as_str(), change.to.as_str());
    tracing::debug!(action = Action::JoinedChanged.as_str(), what = %what, from, to, "joined state changed");
}
