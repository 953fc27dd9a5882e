//! Health, recounted verdict by verdict (S12), and the last run as the picture keeps it.
//!
//! State and `since` of a check follow from the runs in the journal, rechecks included, and from results that ran out. On
//! the way it finds after which runs another look is due.
//!
//! When that look comes is judged in `waiting`.

use crate::tale::{Run, Step, Tale};
use crate::world::BEGINNING;
use nephoscope::model::{Outcome, State};
use nephoscope::monitor::snapshot::{CheckView, ResultView};

/// What the verdicts so far lead to.
struct Recount {
    /// Up, down or unknown.
    confirmed: State,
    /// Verdicts in a row against it, and when the first of them was taken.
    against: u32,
    against_since: i64,
    /// A confirmed warning, and good verdicts in a row that differ from it.
    warned: bool,
    warn_against: u32,
    since: i64,
    known_until: Option<i64>,
}

/// The picture shows the recounted state and the last runs; gives back, for each run, whether another look is due.
pub(super) fn judge(tale: &Tale<'_>, view: &CheckView) -> Vec<bool> {
    let mut health = Recount {
        confirmed: State::Unknown,
        against: 0,
        against_since: 0,
        warned: false,
        warn_against: 0,
        since: BEGINNING,
        known_until: None,
    };
    let mut wants = Vec::new();
    for step in &tale.steps {
        match step {
            Step::Run(run) => {
                health.run_out(run.at);
                health.observe(run, tale.check.shape.confirm);
                if !run.recheck {
                    let known = !matches!(run.outcome, Outcome::Unknown(_));
                    health.known_until = known.then_some(run.at + tale.hold());
                }
                wants.push(health.against > 0);
            }
            Step::Back(millis) => health.shift(*millis),
            Step::Skip { .. } => {}
        }
    }
    health.run_out(view.watermark.as_millis());
    if tale.is_torn() {
        return wants;
    }
    let shown = (view.standing.state, view.standing.since.as_millis());
    assert_eq!(shown, (health.shown(), health.since), "health of {}", tale.name);

    let bad = |run: &Run| matches!(run.outcome, Outcome::Bad(_));
    assert_eq!(kept(view.last.as_ref()), expected(tale.last(|_| true)), "last of {}", tale.name);
    let failure = expected(tale.last(bad));
    assert_eq!(kept(view.last_failure.as_ref()), failure, "last failure of {}", tale.name);
    wants
}

impl Recount {
    fn shown(&self) -> State {
        match (self.confirmed, self.against, self.warned) {
            (State::Up, 0, true) | (State::Up | State::Unknown, 1.., _) => State::Degraded,
            (confirmed, ..) => confirmed,
        }
    }

    /// The last grid result held until before `now`.
    fn run_out(&mut self, now: i64) {
        if let Some(until) = self.known_until.take_if(|until| now >= *until) {
            self.forget(until);
        }
    }

    fn forget(&mut self, at: i64) {
        if self.shown() != State::Unknown {
            self.since = at;
        }
        (self.confirmed, self.against) = (State::Unknown, 0);
        (self.warned, self.warn_against) = (false, 0);
    }

    fn observe(&mut self, run: &Run, confirm: u32) {
        let before = self.shown();
        let mut begins = run.at;
        let to = match run.outcome {
            Outcome::Unknown(_) => return self.forget(run.at),
            Outcome::Good => State::Up,
            Outcome::Bad(_) => State::Down,
        };
        if self.confirmed == to {
            self.against = 0;
        } else {
            if self.against == 0 {
                self.against_since = run.at;
            }
            self.against += 1;
            let enough =
                if (self.confirmed, to) == (State::Unknown, State::Up) { 1 } else { confirm };
            if self.against >= enough {
                let alone = (self.confirmed, to) == (State::Unknown, State::Up);
                begins = if alone { run.at } else { self.against_since };
                (self.confirmed, self.against) = (to, 0);
            }
        }
        if to == State::Up && run.warned != self.warned {
            self.warn_against += 1;
            if self.warn_against >= confirm {
                (self.warned, self.warn_against) = (run.warned, 0);
            }
        } else {
            self.warn_against = 0;
        }
        if self.shown() != before {
            self.since = begins;
        }
    }

    fn shift(&mut self, millis: i64) {
        self.since -= millis;
        self.against_since -= millis;
        self.known_until = self.known_until.map(|until| until - millis);
    }
}

/// When, whether a recheck, what, and how long.
type Kept = (i64, bool, nephoscope::model::Verdict, std::time::Duration);

fn kept(result: Option<&ResultView>) -> Option<Kept> {
    result.map(|each| (each.at.as_millis(), each.recheck, each.verdict, each.latency))
}

/// A clock set back later moves what is kept.
fn expected(last: Option<(Run, i64)>) -> Option<Kept> {
    last.map(|(run, back)| (run.at - back, run.recheck, run.outcome.verdict(), run.latency))
}
