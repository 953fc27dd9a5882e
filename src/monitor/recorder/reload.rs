//! Another configuration takes over, between two events.
//!
//! What goes on living is moved into what was built for the new configuration: check by check, service by service, each to its
//! new place. Nothing is counted anew and nothing is taken back. What is not watched any more ends: its outages, its series and
//! what was held of it. What nobody moves begins as at a start, with what the store remembers of it.
//!
//! It builds nothing: [`crate::monitor::heir`] does, before.

use super::Recorder;
use crate::config::Config;
use crate::config::diff::{Diff, Move};
use crate::model::{CheckIndex, Service};
use crate::monitor::View;
use crate::monitor::drills::Drills;
use crate::monitor::heir::Heir;
use crate::monitor::ledger::Ledger;
use crate::monitor::outages::{Outage, Subject};
use crate::monitor::recall::reconcile;
use crate::monitor::vouch::Vouch;
use crate::slo::joint::Scope;
use std::sync::{Arc, PoisonError};

impl Recorder {
    /// What faces see.
    pub(in crate::monitor) fn view(&self, drills: Drills, config: &Config) -> View {
        View {
            board: self.board.clone(),
            book: self.book.clone(),
            references: self.references.clone(),
            entries: self.entries.clone(),
            drills,
            desk: self.desk.clone(),
            table: Arc::clone(&self.table),
            vouch: Vouch::new(config, &self.board, &self.references),
        }
    }

    /// Goes over to another configuration.
    pub(super) fn take_reload(&mut self, heir: Heir) {
        let Heir { recorder, diff, numbers, .. } = heir;
        let now = self.now.max(recorder.now);
        let mut old = std::mem::replace(self, recorder);
        self.now = now;
        std::mem::swap(&mut self.pulse, &mut old.pulse);
        std::mem::swap(&mut self.heard, &mut old.heard);
        // Without numbers there is nobody who writes any more.
        self.journal = old.journal.take().filter(|_| numbers.is_some());
        self.ledger.succeed(old.ledger, &diff, now);
        self.book.succeed(&old.book, &diff);
        let moves = || moves(&diff, old.checks.len(), self.checks.len());
        self.table.succeed(&old.table, moves());
        self.board.succeed(&old.board, moves());
        self.references.succeed(&old.references);
        self.entries.succeed(&old.entries, &diff.services);
        let windows = self.desk.in_force();
        self.ledger.set_maintenance(&windows, &self.checks, &self.services);
        self.book.set_maintenance(&windows, &self.checks);
        let changed = self.move_outages(&diff);
        if let (Some(journal), Some(numbers)) = (&mut self.journal, numbers) {
            journal.succeed(numbers, &renamed(&diff, &old.services, &self.services));
            for outage in &changed {
                journal.outage(outage);
            }
            journal.promise(&self.services, now);
            // From here on they are told of by other rules: a crash must not replay under those what was before.
            for service in &diff.touched {
                journal.store_state(*service, &self.ledger, &self.book);
            }
        }
        self.show_the_start();
        self.board.set_sight(&self.ledger);
    }

    /// Outages go on where their subjects are now; gives back those that began or ended by the change.
    fn move_outages(&self, diff: &Diff) -> Vec<Outage> {
        let (ledger, services) = (&self.ledger, &self.services);
        let mut outages = self.outages.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = outages.moved(
            self.now,
            |subject, outage| place(ledger, services, diff, subject, outage),
            |service| diff.services.get(service).copied().flatten(),
            |check| diff.moves.get(check.get()).and_then(|each| each.to()),
        );
        changed.extend(reconcile(ledger, services, &mut outages));
        changed
    }
}

/// The checks of services that go on: where they were, and where they are.
fn moves(
    diff: &Diff,
    before: usize,
    after: usize,
) -> impl Iterator<Item = (CheckIndex, CheckIndex)> {
    let moves = (0..).map(CheckIndex).zip(&diff.moves).take(before);
    let place = |(from, each): (CheckIndex, &Move)| Some((from, each.to()?));
    moves.filter_map(place).filter(move |(_, to)| to.get() < after)
}

/// Where what an outage is about is now, and how its service is called; `None` if nobody looks at it any more.
fn place(
    ledger: &Ledger,
    services: &[Service],
    diff: &Diff,
    (service, scope): Subject,
    outage: &Outage,
) -> Option<(Subject, Arc<str>)> {
    let to = diff.services.get(service).copied().flatten()?;
    let joint = &ledger.joint().services()[to];
    let scope = match scope {
        Scope::Side(_) => {
            Scope::Side(joint.sides.iter().position(|side| side.provider == outage.provider)?)
        }
        Scope::Entry => joint.entry.map(|_| Scope::Entry)?,
        other => other,
    };
    Some(((to, scope), Arc::clone(&services[to].name)))
}

/// Old and new names of services that are called otherwise now.
fn renamed(diff: &Diff, before: &[Service], after: &[Service]) -> Vec<(Arc<str>, Arc<str>)> {
    let pairs = before.iter().zip(&diff.services);
    let names = pairs
        .filter_map(|(was, to)| Some((Arc::clone(&was.name), Arc::clone(&after[(*to)?].name))));
    names.filter(|(old, new)| old != new).collect()
}
