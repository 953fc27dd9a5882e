//! One row of `replay`: an objective in a scope at an instant, as JSON (interfaces.md 3).
//!
//! The keys and their order are part of the interface. What is whole is written as an integer, seconds are exact to the
//! millisecond, and a number that does not exist is null.
//!
//! It computes nothing.

use crate::model::{Objective, Service, TierName, Timestamp};
use crate::slo::budget::Ratio;
use crate::slo::burn::TierState;
use crate::slo::history::History;
use crate::slo::joint::Scope;
use crate::slo::standing::Standing;
use serde::{Serialize, Serializer};
use std::io::Write;

/// Up to here every whole number is a float without loss: 2^53.
const WHOLE_FLOATS: f64 = 9_007_199_254_740_992.0;

/// One row.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    pub(super) at: Number,
    pub(super) service: String,
    pub(super) scope: String,
    provider: String,
    pub(super) slo: String,
    kind: &'static str,
    pub(super) unit: &'static str,
    window: String,
    from: Number,
    to: Number,
    elapsed_s: Number,
    good_s: Number,
    bad_s: Number,
    unknown_s: Number,
    excluded_s: Number,
    pub(super) availability: Option<Number>,
    availability_low: Option<Number>,
    availability_high: Option<Number>,
    pub(super) coverage: Option<Number>,
    pub(super) objective: Number,
    budget_s: Number,
    pub(super) budget_left_s: Number,
    pub(super) budget_remaining: Option<Number>,
    burn: Burn,
    pub(super) alerts: Option<Alerts>,
    pub(super) suppressed: bool,
}

/// Burn rates by window.
#[derive(Clone, Debug)]
struct Burn(Vec<(&'static str, Number)>);

/// By tier whether it fires; `None` for one that the objective does not have.
#[derive(Clone, Debug)]
pub(super) struct Alerts(pub(super) Vec<(TierName, Option<bool>)>);

/// A number that is written as an integer when it is whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Number(pub(super) f64);

impl Row {
    pub(super) fn new(
        service: &Service,
        objective: &Objective,
        history: &History,
        scope: Scope,
        standing: &Standing,
    ) -> Self {
        let moment = |at: Timestamp| Number(at.as_secs_f64());
        let amount = |amount| Number(standing.in_unit(amount));
        let ratio = |ratio: Option<Ratio>| ratio.map(|ratio| Number(ratio.as_f64()));
        let charged = standing.charged;
        Self {
            at: moment(standing.at()),
            service: service.name.to_string(),
            scope: history.scheme().word(scope),
            provider: history.scheme().provider(scope).to_owned(),
            slo: objective.name.to_string(),
            kind: objective.kind.as_str(),
            unit: standing.unit.as_str(),
            window: objective.window_text.to_string(),
            from: moment(standing.span.from),
            to: moment(standing.span.to),
            elapsed_s: Number(standing.elapsed()),
            good_s: amount(charged.good),
            bad_s: amount(charged.bad),
            unknown_s: amount(charged.unknown),
            excluded_s: amount(charged.excluded),
            availability: ratio(standing.availability()),
            availability_low: ratio(standing.low),
            availability_high: ratio(standing.high),
            coverage: ratio(standing.coverage()),
            objective: Number(standing.objective()),
            budget_s: Number(standing.budget_total()),
            budget_left_s: Number(standing.budget_left()),
            budget_remaining: standing.budget_remaining().map(Number),
            burn: Burn(standing.burn_rates().map(|(word, rate)| (word, Number(rate))).collect()),
            alerts: standing.tiers.as_ref().map(alerts),
            suppressed: standing.suppressed,
        }
    }
}

fn alerts(tiers: &[Option<TierState>; TierName::ALL.len()]) -> Alerts {
    let names = TierName::ALL.iter().copied();
    Alerts(names.zip(tiers).map(|(name, tier)| (name, tier.map(|tier| tier.active))).collect())
}

/// An array with one row a line.
pub(super) fn write(rows: &[Row], out: &mut impl Write) -> std::io::Result<()> {
    out.write_all(b"[")?;
    for (position, row) in rows.iter().enumerate() {
        out.write_all(if position == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut *out, row)?;
    }
    out.write_all(if rows.is_empty() { b"]\n" } else { b"\n]\n" })
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self(number) = *self;
        if number.fract() == 0.0 && number.abs() < WHOLE_FLOATS {
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
            return to.serialize_i64(number as i64);
        }
        to.serialize_f64(number)
    }
}

impl Serialize for Burn {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|(window, rate)| (window, rate)))
    }
}

impl Serialize for Alerts {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|(name, active)| (name.as_str(), active)))
    }
}

#[cfg(test)]
mod tests {
    use super::Number;

    #[test]
    fn whole_numbers_are_integers_and_zero_has_no_sign() {
        let written = |number| serde_json::to_string(&Number(number)).unwrap();
        let numbers = [1.0, -0.0, 0.9995, 2_590_704.0, 1_777_593_600.123, -7.5];
        let words = ["1", "0", "0.9995", "2590704", "1777593600.123", "-7.5"];
        assert_eq!(numbers.map(written), words);
    }
}
