//! How a promise stands, as one JSON object: a row of `replay`, of the API and of reports, and the text of a frozen period.
//!
//! The keys and their order are those of interfaces.md 3 ("replay"). Whole numbers are written as integers; what does not
//! exist is null. Fields are added at the end, never renamed: frozen periods are read back years later.
//!
//! It computes nothing, and decides neither which rows there are nor who reads them.

use crate::model::{Objective, Timestamp};
use crate::slo::budget::Ratio;
use crate::slo::burn::TierState;
use crate::slo::joint::{Scheme, Scope};
use crate::slo::standing::Standing;
use crate::store::Period;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;

/// Above this a float has no place for what is behind the point, and its integer is not exact any more.
const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;

/// A number that is written without a point when it is whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Deserialize)]
#[serde(transparent)]
pub struct Number(pub f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.fract() == 0.0 && self.0.abs() < EXACT_BELOW {
            #[expect(clippy::cast_possible_truncation, reason = "whole and small enough")]
            return serializer.serialize_i64(self.0 as i64);
        }
        serializer.serialize_f64(self.0)
    }
}

impl Number {
    /// Seconds of so many milliseconds.
    #[expect(clippy::cast_precision_loss, reason = "the edge of export; exact up to 2^53 ms")]
    pub fn seconds(millis: u64) -> Self {
        Self(millis as f64 / 1e3)
    }
}

impl From<Timestamp> for Number {
    fn from(at: Timestamp) -> Self {
        Self(at.as_secs_f64())
    }
}

/// How one promise stands in one scope at one instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StandingForm {
    /// The instant of evaluation, in Unix seconds.
    pub at: Number,
    /// Name of the service.
    pub service: String,
    /// `entry`, `any`, `all`, `provider:NAME`, `2_of_n`.
    pub scope: String,
    /// The provider; empty unless the scope is one side.
    pub provider: String,
    /// Name of the slo within the service.
    pub slo: String,
    /// `time`, `events`, `slices`, `latency`.
    pub kind: String,
    /// What the amounts are counted in: `s`, `events`, `slices`.
    pub unit: String,
    /// The window: `30d`, `month`, or the period that was asked for, `2026-10`.
    pub window: String,
    /// First instant of the window.
    pub from: Number,
    /// Its end, or the instant of evaluation if that is before it.
    pub to: Number,
    /// The window so far, in the unit.
    pub elapsed_s: Number,
    /// Good, after policies, in the unit.
    pub good_s: Number,
    /// Bad, after policies.
    pub bad_s: Number,
    /// Not observed, after policies.
    pub unknown_s: Number,
    /// Maintenance, after policies.
    pub excluded_s: Number,
    /// The share of known time that was good; null if nothing is known.
    pub availability: Option<Number>,
    /// If all unknown time was bad.
    pub availability_low: Option<Number>,
    /// If all unknown time was good.
    pub availability_high: Option<Number>,
    /// The share that was observed, before policies; null if all was excluded.
    pub coverage: Option<Number>,
    /// What was promised, as a share.
    pub objective: Number,
    /// What may be bad, in the unit.
    pub budget_s: Number,
    /// What is left of it; negative when it is overdrawn.
    pub budget_left_s: Number,
    /// The same as a share; null if there is no budget because all is excluded.
    pub budget_remaining: Option<Number>,
    /// Burn rate by window.
    pub burn: BurnForm,
    /// Whether each tier fires; null for a window without tiers. A tier that the objective does not have is left out.
    pub alerts: Option<BTreeMap<String, bool>>,
    /// Whether the whole scope is under maintenance: alerts are shown, not sent.
    pub suppressed: bool,
}

/// A closed calendar period as it was frozen (S18).
#[derive(Clone, Debug, PartialEq)]
pub struct Frozen {
    /// Such as `2026-10`.
    pub period: String,
    /// Where it begins.
    pub from: Timestamp,
    /// Where it ends.
    pub to: Timestamp,
    /// 1 for the first; the highest holds.
    pub revision: u32,
    /// When it was frozen.
    pub made: Timestamp,
    /// Why there is this revision.
    pub why: String,
    /// The numbers, and whose they are.
    pub standing: StandingForm,
}

impl Frozen {
    /// As it was stored; an error if its numbers cannot be read.
    pub fn read(stored: &Period) -> Result<Self, serde_json::Error> {
        Ok(Self {
            period: stored.period.clone(),
            from: Timestamp::from_millis(stored.from_ms),
            to: Timestamp::from_millis(stored.to_ms),
            revision: stored.revision,
            made: Timestamp::from_millis(stored.made_ms),
            why: stored.why.clone(),
            standing: StandingForm {
                // The store renames, and its columns are what it looks for.
                service: stored.service.clone(),
                slo: stored.slo.clone(),
                ..serde_json::from_str(&stored.standing)?
            },
        })
    }
}

/// Burn rates by window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BurnForm {
    /// Five minutes.
    #[serde(rename = "5m")]
    pub m5: Number,
    /// Half an hour.
    #[serde(rename = "30m")]
    pub m30: Number,
    /// An hour.
    #[serde(rename = "1h")]
    pub h1: Number,
    /// Two hours.
    #[serde(rename = "2h")]
    pub h2: Number,
    /// Six hours.
    #[serde(rename = "6h")]
    pub h6: Number,
    /// A day.
    #[serde(rename = "1d")]
    pub d1: Number,
    /// Three days.
    #[serde(rename = "3d")]
    pub d3: Number,
}

impl StandingForm {
    /// The form of `standing`; `window` is the text of the objective's window, or the period it was taken over.
    pub fn new(
        service: &str,
        scheme: &Scheme,
        objective: &Objective,
        scope: Scope,
        window: &str,
        standing: &Standing,
    ) -> Self {
        let amount = |amount| Number(standing.in_unit(amount));
        let share = |share: Option<Ratio>| share.map(|it| Number(it.as_f64()));
        let charged = standing.charged;
        let fires = |tier: &TierState| (tier.name.to_string(), tier.active);
        Self {
            at: standing.at().into(),
            service: service.to_owned(),
            scope: scheme.word(scope),
            provider: scheme.provider(scope).to_owned(),
            slo: objective.name.to_string(),
            kind: objective.kind.to_string(),
            unit: standing.unit.to_string(),
            window: window.to_owned(),
            from: standing.span.from.into(),
            to: standing.span.to.into(),
            elapsed_s: Number(standing.elapsed()),
            good_s: amount(charged.good),
            bad_s: amount(charged.bad),
            unknown_s: amount(charged.unknown),
            excluded_s: amount(charged.excluded),
            availability: share(standing.availability()),
            availability_low: share(standing.low),
            availability_high: share(standing.high),
            coverage: share(standing.coverage()),
            objective: Number(standing.objective()),
            budget_s: Number(standing.budget_total()),
            budget_left_s: Number(standing.budget_left()),
            budget_remaining: standing.budget_remaining().map(Number),
            burn: BurnForm::new(standing),
            alerts: standing.alerts().map(|tiers| tiers.map(fires).collect()),
            suppressed: standing.suppressed,
        }
    }
}

impl BurnForm {
    fn new(standing: &Standing) -> Self {
        let mut rates = standing.burn_rates().map(|(_, rate)| Number(rate));
        let mut next = || rates.next().expect("there is one for each of the seven windows");
        Self { m5: next(), m30: next(), h1: next(), h2: next(), h6: next(), d1: next(), d3: next() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        AlertKind, ObjectiveKind, ObjectiveWindow, PeriodPolicy, ScopeChoice, Side, UnknownPolicy,
    };
    use crate::slo::joint::SideScheme;
    use crate::slo::spans::{Timeline, What};
    use crate::slo::standing::{View, assess};
    use jiff::tz::TimeZone;
    use std::time::Duration;

    const MONTH: i64 = 2_592_000;
    const AT: i64 = 1_780_185_600;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1_000)
    }

    fn objective(days: u64) -> Objective {
        Objective {
            name: "availability-30d".into(),
            kind: ObjectiveKind::Time,
            target_parts: 999_000_000,
            window: ObjectiveWindow::Rolling(Duration::from_hours(24 * days)),
            window_text: format!("{days}d").into(),
            scope: ScopeChoice::Any,
            alert: AlertKind::Page,
            threshold: None,
            slice: None,
            min_failures: 2,
            min_coverage_parts: 900_000_000,
            tiers: None,
            unknown: UnknownPolicy::Exclude,
            maintenance: PeriodPolicy::Exclude,
        }
    }

    fn form(objective: &Objective, line: &Timeline, scope: Scope) -> StandingForm {
        let side = SideScheme { provider: "aws".into(), rule: Side::Any, endpoints: vec![vec![0]] };
        let scheme = Scheme { entry: None, sides: vec![side] };
        let view = View {
            timeline: line,
            cadences: &[],
            failures: &|_, _| 2,
            future_excluded: &|_, _| 0,
            suppressed: false,
        };
        let standing = assess(objective, &TimeZone::UTC, &view, second(AT));
        StandingForm::new("shop", &scheme, objective, scope, &objective.window_text, &standing)
    }

    /// Ten days good, `bad` seconds bad, then good.
    fn line(bad: i64) -> Timeline {
        let mut line = Timeline::new(second(AT - MONTH));
        line.append(What::Good, second(AT - 20 * 86_400));
        line.append(What::Bad(None), second(AT - 20 * 86_400 + bad));
        line.append(What::Good, second(AT));
        line
    }

    /// The example of interfaces.md, to the letter.
    #[test]
    fn the_form_is_that_of_the_interfaces() {
        let expected = concat!(
            r#"{"at":1780185600,"service":"shop","scope":"any","provider":"","slo":"availability-30d","#,
            r#""kind":"time","unit":"s","window":"30d","from":1777593600,"to":1780185600,"elapsed_s":2592000,"#,
            r#""good_s":2590704,"bad_s":1296,"unknown_s":0,"excluded_s":0,"availability":0.9995,"#,
            r#""availability_low":0.9995,"availability_high":0.9995,"coverage":1,"objective":0.999,"#,
            r#""budget_s":2592,"budget_left_s":1296,"budget_remaining":0.5,"#,
            r#""burn":{"5m":0,"30m":0,"1h":0,"2h":0,"6h":0,"1d":0,"3d":0},"#,
            r#""alerts":{"page_fast":false,"page_slow":false,"ticket_fast":false,"ticket_slow":false},"#,
            r#""suppressed":false}"#,
        );
        let form = form(&objective(30), &line(1_296), Scope::Any);
        let text = serde_json::to_string(&form).unwrap();
        assert_eq!(text, expected);
        assert_eq!(serde_json::from_str::<StandingForm>(&text).unwrap(), form);
    }

    #[test]
    fn what_does_not_exist_is_null() {
        let form = form(&objective(1), &Timeline::new(second(AT)), Scope::Side(0));
        assert_eq!((form.availability, form.alerts.as_ref()), (None, None));
        assert_eq!((form.scope.as_str(), form.provider.as_str()), ("provider:aws", "aws"));
        let text = serde_json::to_string(&form).unwrap();
        assert!(text.contains(r#""availability":null,"availability_low":0,"#), "{text}");
        assert!(text.contains(r#""coverage":0,"#) && text.contains(r#""alerts":null,"#), "{text}");
    }

    #[test]
    fn only_whole_numbers_lose_their_point() {
        let text = |number| serde_json::to_string(&Number(number)).unwrap();
        assert_eq!(
            [1.0, -0.0, 0.5, -7.25, 1e15].map(text),
            ["1", "0", "0.5", "-7.25", "1000000000000000"]
        );
    }
}
