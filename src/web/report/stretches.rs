//! What bad and unknown time is made of: the stretches of a scope's line, and what the outages say about them.
//!
//! The stretches come from the joined line, so their bad seconds are the bad seconds of the window, to the millisecond.
//! Outages are objects of their own (S13: confirmed, per side and service); each gives its sentence to the stretches that it
//! overlaps with.
//!
//! It judges nothing.

use super::form::{LeftOutForm, ScopeReport, StretchForm, WhatWord};
use crate::model::Timestamp;
use crate::monitor::form::Number;
use crate::monitor::outages::Outage;
use crate::slo::spans::{Piece, Timeline, What};
use crate::slo::window::Span;

/// Stretches listed of a scope, the newest: about as many as a line has that flaps.
pub(super) const LISTED: usize = 1_000;

/// The stretches of a line that were not good, oldest first, and what is left out because there are too many.
pub(super) fn of_line(line: &Timeline, span: Span) -> (Vec<StretchForm>, Option<LeftOutForm>) {
    let mut all: Vec<(u64, u64, StretchForm)> =
        line.pieces(span.from, span.to).filter_map(|piece| of_piece(&piece)).collect();
    let cut = all.len().saturating_sub(LISTED);
    let older: Vec<_> = all.drain(..cut).collect();
    let left_out = (cut > 0).then(|| LeftOutForm {
        count: cut as u64,
        bad_s: Number::seconds(older.iter().map(|(bad, ..)| bad).sum()),
        unknown_s: Number::seconds(older.iter().map(|(_, unknown, _)| unknown).sum()),
    });
    (all.into_iter().map(|(.., form)| form).collect(), left_out)
}

/// Bad and unknown milliseconds of a piece, and its form; `None` of a good one.
fn of_piece(piece: &Piece) -> Option<(u64, u64, StretchForm)> {
    let len = piece.millis();
    let (what, why, bad, unknown) = match piece.what {
        What::Good => return None,
        What::Bad(reason) => (WhatWord::Bad, reason.map(|it| it.to_string()), len, 0),
        What::Unknown(cause) => (WhatWord::Unknown, Some(cause.to_string()), 0, len),
        What::Excluded => (WhatWord::Excluded, None, 0, 0),
        What::Mixed(mix) => (WhatWord::Mixed, None, mix.bad, mix.unknown),
    };
    let form = StretchForm {
        from: piece.from.into(),
        to: piece.to.into(),
        what,
        why,
        bad_s: Number::seconds(bad),
        unknown_s: Number::seconds(unknown),
        said: None,
        outage: None,
    };
    Some((bad, unknown, form))
}

/// Gives each bad stretch the sentence of the outage it overlaps with most: one of its own scope, else one of the service.
pub(super) fn explain(report: &mut ScopeReport, outages: &[&(String, Outage)]) {
    let scope = report.standing.scope.as_str();
    let is_joint = report.standing.provider.is_empty();
    for stretch in report.stretches.iter_mut().filter(|each| each.bad_s.0 > 0.0) {
        let overlap = |outage: &Outage| {
            let end = outage.ended.map_or(f64::INFINITY, Timestamp::as_secs_f64);
            stretch.to.0.min(end) - stretch.from.0.max(outage.started.as_secs_f64())
        };
        let candidates = outages.iter().map(|(_, outage)| outage);
        let fitting = candidates
            .map(|outage| (*outage.scope == *scope, overlap(outage), outage))
            .filter(|(own, overlap, _)| (*own || is_joint) && *overlap > 0.0);
        let best = fitting.max_by(|one, next| one.0.cmp(&next.0).then(one.1.total_cmp(&next.1)));
        if let Some((.., outage)) = best {
            stretch.said = outage.said.as_deref().map(str::to_owned);
            stretch.outage = Some(outage.id.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Reason;

    #[test]
    fn what_is_left_out_is_the_oldest_and_still_adds_up() {
        let second = |second: u64| Timestamp::from_millis(i64::try_from(second).unwrap() * 1_000);
        let flaps = LISTED as u64 + 500;
        let mut line = Timeline::new(second(0));
        for flap in 0..flaps {
            line.append(What::Bad(Some(Reason::Status)), second(10 * flap + 3));
            line.append(What::Good, second(10 * flap + 10));
        }
        let to = second(10 * flaps);
        let span = Span { from: second(0), to, full_to: to, rolling: true };
        let (listed, left_out) = of_line(&line, span);
        let left_out = left_out.unwrap();
        assert_eq!((listed.len(), left_out.count, left_out.bad_s), (LISTED, 500, Number(1_500.0)));
        let sum: f64 = listed.iter().map(|stretch| stretch.bad_s.0).sum();
        let whole = line.amounts(second(0), to).bad;
        assert_eq!(Number(sum + left_out.bad_s.0), Number::seconds(whole));
        assert_eq!(listed[0].from, Number(5_000.0));
    }
}
