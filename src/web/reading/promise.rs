//! How a promise stands, in words: one of five phrases, a share that is never rounded up to kept, what is left of the budget.
//!
//! Page and `status` say the same, because both read the API's form here.
//!
//! It computes no number.

use crate::model::{ObjectiveStatus, ObjectiveUnit, State, human_duration};
use crate::web::api::SloForm;
use std::time::Duration;

/// Below this share of the window seen, it is said how much was.
const SEEN_WHOLE: f64 = 0.995;

/// Digits behind the point of a share in percent, if the objective has fewer.
const DIGITS: usize = 3;

/// The status, for people.
pub fn status(form: &SloForm) -> &'static str {
    match ObjectiveStatus::from_word(&form.status) {
        Some(ObjectiveStatus::Ok) => "kept",
        Some(ObjectiveStatus::AtRisk) => "at risk",
        Some(ObjectiveStatus::Exhausted) => "budget spent",
        Some(ObjectiveStatus::Partial) => "partly seen",
        Some(ObjectiveStatus::NoData) | None => "unknown",
    }
}

/// The state whose shape and colour say the same.
pub fn state(form: &SloForm) -> State {
    match ObjectiveStatus::from_word(&form.status) {
        Some(ObjectiveStatus::Ok) => State::Up,
        Some(ObjectiveStatus::AtRisk) => State::Degraded,
        Some(ObjectiveStatus::Exhausted) => State::Down,
        Some(ObjectiveStatus::Partial | ObjectiveStatus::NoData) | None => State::Unknown,
    }
}

/// `99.9 % over 30d`, `95 % this month on every provider`: the promise itself.
pub fn promised(form: &SloForm) -> String {
    let (window, scope) = (&form.standing.window, &form.standing.scope);
    let rolling = window.starts_with(|first: char| first.is_ascii_digit());
    let over = if rolling { "over" } else { "this" };
    let whom = match scope.as_str() {
        "any" => String::new(),
        "all" => " on every provider".to_owned(),
        "entry" => " at its public name".to_owned(),
        _ if !form.standing.provider.is_empty() => format!(" on {}", form.standing.provider),
        least => format!(" on {}", least.replace('_', " ")),
    };
    format!("{} {over} {window}{whom}", objective(form))
}

/// `99.9 %`.
fn objective(form: &SloForm) -> String {
    let text = format!("{:.7}", form.standing.objective.0 * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// `99.953 %`, cut and not rounded, so that nothing looks kept which is not; `unknown` if nothing is known.
pub fn availability(form: &SloForm) -> String {
    /// What a float may be short of the number it stands for.
    const SHORT: f64 = 1e-6;
    let Some(share) = form.standing.availability else { return "unknown".to_owned() };
    let promised = objective(form);
    let digits = promised.split_once('.').map_or(0, |(_, digits)| digits.len().saturating_sub(2));
    let digits = digits.max(DIGITS);
    let scale = (0..digits).fold(1.0, |scale, _| scale * 10.0);
    let cut = (share.0 * 100.0 * scale + SHORT).floor() / scale;
    format!("{cut:.digits$} %")
}

/// `21m36s of 43m12s left`, `overdrawn by 3m`; `None` if everything is excluded, so that there is no budget.
pub fn left(form: &SloForm) -> Option<String> {
    let standing = &form.standing;
    standing.budget_remaining?;
    let (left, all) = (standing.budget_left_s.0, standing.budget_s.0);
    Some(if left < 0.0 {
        format!("overdrawn by {}", amount(form, -left))
    } else {
        format!("{} of {} left", amount(form, left), amount(form, all))
    })
}

/// `only 38 % seen` of the window, if that is not nearly all of it.
pub fn seen(form: &SloForm) -> Option<String> {
    let share = form.standing.coverage.filter(|share| share.0 < SEEN_WHOLE)?;
    Some(match share.0 * 100.0 {
        none if none <= 0.0 => "nothing seen yet".to_owned(),
        little if little < 1.0 => "under 1 % seen".to_owned(),
        some => format!("only {:.0} % seen", some.floor()),
    })
}

/// The tiers that fire, the most urgent first: `page_fast`.
pub fn firing(form: &SloForm) -> Vec<&str> {
    let tiers = form.standing.alerts.iter().flatten();
    tiers.filter(|(_, fires)| **fires).map(|(tier, _)| tier.as_str()).collect()
}

/// `gone in 3h at this rate`, if the budget does not last and that is no passing blow.
pub fn ends(form: &SloForm) -> Option<String> {
    if state(form) != State::Degraded && firing(form).is_empty() {
        return None;
    }
    let left = Duration::try_from_secs_f64(form.time_to_exhaustion_s?).ok()?;
    (!left.is_zero()).then(|| format!("gone in {} at this rate", human_duration(left)))
}

/// An amount in the unit of the promise.
fn amount(form: &SloForm, amount: f64) -> String {
    if form.standing.unit == ObjectiveUnit::Seconds.as_str() {
        return human_duration(Duration::try_from_secs_f64(amount).unwrap_or_default());
    }
    format!("{amount:.0} {}", form.standing.unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::form::{Number, StandingForm};

    fn form(change: impl FnOnce(&mut SloForm)) -> SloForm {
        let standing: StandingForm = serde_json::from_str(
            r#"{"at":1780185600,"service":"shop","scope":"any","provider":"","slo":"availability-30d",
            "kind":"time","unit":"s","window":"30d","from":1777593600,"to":1780185600,"elapsed_s":2592000,
            "good_s":2590704,"bad_s":1296,"unknown_s":0,"excluded_s":0,"availability":0.9995,
            "availability_low":0.9995,"availability_high":0.9995,"coverage":1,"objective":0.999,
            "budget_s":2592,"budget_left_s":1296,"budget_remaining":0.5,
            "burn":{"5m":0,"30m":0,"1h":0,"2h":0,"6h":0,"1d":0,"3d":0},
            "alerts":{"page_fast":true,"page_slow":false},"suppressed":false}"#,
        )
        .unwrap();
        let status = "ok".to_owned();
        let mut form = SloForm { standing, status, promised: true, time_to_exhaustion_s: None };
        change(&mut form);
        form
    }

    #[test]
    fn a_promise_reads_as_people_say_it() {
        let form = form(|_| {});
        assert_eq!(
            (objective(&form).as_str(), availability(&form).as_str()),
            ("99.9 %", "99.950 %")
        );
        assert_eq!(left(&form).unwrap(), "21m36s of 43m12s left");
        assert_eq!((seen(&form), ends(&form)), (None, None));
        assert_eq!(promised(&form), "99.9 % over 30d");
        assert_eq!((status(&form), firing(&form)), ("kept", vec!["page_fast"]));
    }

    #[test]
    fn nothing_is_rounded_up_to_kept() {
        let share = |share: f64| {
            availability(&form(|form| form.standing.availability = Some(Number(share))))
        };
        assert_eq!(
            [0.998_999_9, 0.999, 0.999_999_99].map(share),
            ["99.899 %", "99.900 %", "99.999 %"]
        );
        let none = form(|form| form.standing.availability = None);
        assert_eq!(availability(&none), "unknown");
    }

    #[test]
    fn an_overdrawn_budget_and_an_unseen_window_say_so() {
        let form = form(|form| {
            form.standing.budget_left_s = Number(-180.0);
            form.standing.coverage = Some(Number(0.004));
            form.time_to_exhaustion_s = Some(10_800.0);
        });
        assert_eq!(left(&form).unwrap(), "overdrawn by 3m");
        assert_eq!(seen(&form).unwrap(), "under 1 % seen");
        assert_eq!(ends(&form).unwrap(), "gone in 3h at this rate");
    }
}
