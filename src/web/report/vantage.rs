//! Who looked, and how much of the reported time each of them saw.
//!
//! What a vantage covered is the share of the reported time that its checks observed, added up over all checks that count,
//! maintenance or not: it says how much there is to believe, not how good anything was.
//!
//! It merges nothing.

use super::form::VantageForm;
use super::question::Question;
use crate::model::Timestamp;
use crate::monitor::book::Book;
use crate::monitor::form::Number;
use crate::slo::budget::Ratio;
use crate::slo::history::Lens;
use crate::slo::joint::Scope;
use jiff::tz::TimeZone;

impl VantageForm {
    /// A daemon that runs.
    pub fn watching(vantage: &str, at: Timestamp) -> Self {
        Self::at_rest(vantage, "daemon", at)
    }

    /// A store, of which the last moment is `to`.
    pub fn at_rest(vantage: &str, source: &str, to: Timestamp) -> Self {
        Self {
            vantage: vantage.to_owned(),
            source: source.to_owned(),
            from: None,
            to: Some(to.into()),
            coverage: None,
            problem: None,
        }
    }

    /// One that could not be read.
    pub fn missing(source: &str, problem: String) -> Self {
        let nameless = Self::at_rest("", source, Timestamp::default());
        Self { to: None, problem: Some(problem), ..nameless }
    }

    /// Finds out what it covered of the time that is asked for as of `at`; `upto` is the last moment it knows of.
    pub fn cover(
        &mut self,
        (book, upto): (&Book, Timestamp),
        question: &Question,
        zone: &TimeZone,
        at: Timestamp,
    ) {
        let (mut known, mut whole, mut begun) = (0, 0, None::<Timestamp>);
        for (number, service) in book.services().iter().enumerate() {
            let is_reported = !service.objectives.is_empty() || question.span(zone, at).is_some();
            if !question.fits(service) || !is_reported {
                continue;
            }
            let span = super::longest(question, service, zone, at);
            book.with(number, |history| {
                for check in history.scheme().checks(Scope::All) {
                    let line = history.checks()[check].line_to(Lens::Availability, upto);
                    known += line.amounts(span.from, span.to).known();
                    whole += span.elapsed();
                    begun = Some(begun.map_or(line.begun(), |begun| begun.min(line.begun())));
                }
            });
        }
        self.from = begun.filter(|begun| *begun < upto).map(Number::from);
        self.coverage = Ratio::of(known, whole).map(|share| Number(share.as_f64()));
    }
}
