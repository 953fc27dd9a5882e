//! The numbers and sentences of a report as people read them.
//!
//! Shares are cut, never rounded up, so that 99.9999 % is not shown as 100 % nor a missed objective as met. Durations are
//! exact to the millisecond. Moments are in the time zone of the report.
//!
//! It lays nothing out.

use crate::config::parse_window;
use crate::model::{ObjectiveKind, ObjectiveWindow};
use crate::monitor::form::{Number, StandingForm};
use crate::web::exposure::{ExposureForm, Left};
use crate::web::report::{
    ReportForm, ScopeReport, ServiceReport, SloReport, StretchForm, VantageForm,
};
use jiff::Zoned;
use jiff::tz::TimeZone;
use std::fmt::Write as _;
use std::time::Duration;

/// What stands where there is no number.
pub(super) const NOTHING: &str = "-";

/// What floats lose on the way must not change a digit that is cut.
const DUST: f64 = 1e-7;

/// `99.9500 %`: cut to so many decimals; a whole is `100 %`.
pub(super) fn percent(share: f64, decimals: u32) -> String {
    if (share - 1.0).abs() < f64::EPSILON {
        return "100 %".to_owned();
    }
    let scale = 10_f64.powi(i32::try_from(decimals).expect("a few decimals"));
    let cut = (share * 100.0 * scale + DUST).floor() / scale;
    format!("{cut:.*} %", decimals as usize)
}

/// The same of a number that may not exist.
pub(super) fn maybe(share: Option<Number>, decimals: u32) -> String {
    share.map_or_else(|| NOTHING.to_owned(), |share| percent(share.0, decimals))
}

/// `99.95 %`: as it was promised.
pub(super) fn objective(share: f64) -> String {
    let text = format!("{:.7}", share * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// `21m36s`, `1d2h3m4s`, `4.25s`: every unit that is not zero, to the millisecond.
pub(super) fn duration(seconds: f64) -> String {
    let millis = (seconds.abs() * 1e3).round();
    let whole = Duration::try_from_secs_f64(millis / 1e3).unwrap_or_default();
    let mut text = String::from(if seconds < 0.0 && millis > 0.0 { "-" } else { "" });
    let mut left = whole.as_secs();
    for (unit, length) in [("d", 86_400), ("h", 3_600), ("m", 60)] {
        if left >= length {
            write!(text, "{}{unit}", left / length).expect("writing to a string cannot fail");
            left %= length;
        }
    }
    let thousandths = whole.subsec_millis();
    if thousandths > 0 {
        let part = format!("{thousandths:03}");
        write!(text, "{left}.{}s", part.trim_end_matches('0')).expect("as above");
    } else if left > 0 || text.is_empty() || text == "-" {
        write!(text, "{left}s").expect("as above");
    }
    text
}

/// An amount in the unit of the slo.
pub(super) fn amount(number: Number, unit: &str) -> String {
    if unit == "s" {
        return duration(number.0);
    }
    let text = format!("{:.2}", number.0);
    format!("{} {unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

/// Civil time in the zone of a report.
#[derive(Clone, Debug)]
pub(super) struct Clock(TimeZone);

impl Clock {
    pub(super) fn new(zone: &TimeZone) -> Self {
        Self(zone.clone())
    }

    pub(super) fn of(form: &ReportForm) -> Self {
        Self(TimeZone::get(&form.timezone).unwrap_or(TimeZone::UTC))
    }

    /// `2026-10-05 13:05:09`; on a day on which the clocks change, with the offset: an hour comes twice then.
    pub(super) fn moment(&self, at: Number) -> String {
        let changes = self.zoned(at).is_some_and(|at| {
            let ends = (at.start_of_day(), at.end_of_day());
            matches!(ends, (Ok(start), Ok(end)) if start.offset() != end.offset())
        });
        self.written(at, if changes { "%Y-%m-%d %H:%M:%S %:z" } else { "%Y-%m-%d %H:%M:%S" })
    }

    /// `2026-10-05`.
    pub(super) fn day(&self, at: Number) -> String {
        self.written(at, "%Y-%m-%d")
    }

    fn written(&self, at: Number, form: &str) -> String {
        let zoned = self.zoned(at);
        zoned.map_or_else(|| "beyond the calendar".to_owned(), |at| at.strftime(form).to_string())
    }

    #[expect(clippy::cast_possible_truncation, reason = "moments fit 63 bits of milliseconds")]
    fn zoned(&self, at: Number) -> Option<Zoned> {
        let at = jiff::Timestamp::from_millisecond((at.0 * 1e3).round() as i64).ok()?;
        Some(at.to_zoned(self.0.clone()))
    }
}

/// `2026-10-05T11:05:09Z`, for machines.
#[expect(clippy::cast_possible_truncation, reason = "moments fit 63 bits of milliseconds")]
pub(super) fn rfc3339(at: Number) -> String {
    jiff::Timestamp::from_millisecond((at.0 * 1e3).round() as i64)
        .map_or_else(|_| String::new(), |at| at.to_string())
}

/// What is reported over which time.
pub(super) fn title(form: &ReportForm) -> String {
    match (&form.period, &form.window) {
        (Some(period), _) => format!("Service levels, {period}"),
        (None, Some(window)) => format!("Service levels {}", over(window)),
        (None, None) => "Service levels".to_owned(),
    }
}

/// As of when, in which time, and of what.
pub(super) fn heading(form: &ReportForm) -> String {
    let clock = Clock::of(form);
    let mut text = format!("As of {} ({})", clock.moment(form.at), form.timezone);
    if form.period.is_none() && form.window.is_none() {
        text.push_str(", each slo over its own window");
    }
    if !form.matching.is_empty() {
        write!(text, ", of what fits {}", form.matching.join(" and ")).expect("as above");
    }
    text + "."
}

/// Who looked, and what that covers.
pub(super) fn vantage(vantage: &VantageForm, clock: &Clock) -> String {
    let name =
        if vantage.vantage.is_empty() { "a vantage without a name" } else { &vantage.vantage };
    if let Some(problem) = &vantage.problem {
        return format!("Missing: {} could not be read ({problem}).", vantage.source);
    }
    let source = match (vantage.source.as_str(), vantage.to) {
        ("daemon", _) | (_, None) => vantage.source.clone(),
        (folder, Some(to)) => format!("the store {folder}, last heartbeat {}", clock.moment(to)),
    };
    match (vantage.coverage, vantage.from) {
        (None, Some(from)) => {
            format!(
                "Seen from {name} ({source}), which knows of time since {}.",
                clock.moment(from)
            )
        }
        (Some(coverage), Some(from)) => format!(
            "Seen from {name} ({source}), which knows of time since {} and observed {} of what is reported.",
            clock.moment(from),
            percent(coverage.0, 2),
        ),
        (_, None) => format!("Seen from {name} ({source}), which knows of nothing yet."),
    }
}

/// How several vantages make one.
pub(super) fn quorum(form: &ReportForm) -> Option<String> {
    let (quorum, count) = (form.quorum?, form.vantages.len() as u64);
    Some(format!(
        "Merged instant by instant for each check: bad where at least {quorum} of {count} vantages saw bad, good where at \
         least {} saw good, otherwise unknown.",
        count + 1 - quorum,
    ))
}

/// `99.9 % of time over 30d, promised for any`; of a period, `in 2026-10`.
pub(super) fn promise(slo: &SloReport, standing: &StandingForm) -> String {
    let of = match ObjectiveKind::from_word(&slo.kind) {
        Some(ObjectiveKind::Events) => "of runs".to_owned(),
        Some(ObjectiveKind::Slices) => match slo.slice_s {
            Some(length) => format!("of slices of {}", duration(length.0)),
            None => "of slices".to_owned(),
        },
        Some(ObjectiveKind::Latency) => match slo.threshold_ms {
            Some(limit) => format!("of time with answers within {} ms", limit.0),
            None => "of time with fast answers".to_owned(),
        },
        Some(ObjectiveKind::Time) | None => "of time".to_owned(),
    };
    // A frozen period was judged by what was promised then.
    let share = objective(standing.objective.0);
    format!("{share} {of} {}, promised for {}", over(&standing.window), slo.scope)
}

/// `over 30d`, `over the month`, `in 2026-10`.
fn over(window: &str) -> String {
    match parse_window(window) {
        Ok(ObjectiveWindow::Rolling(_)) => format!("over {window}"),
        Ok(_) => format!("over the {window}"),
        Err(_) => format!("in {window}"),
    }
}

/// What is counted, and how what cannot be judged counts.
pub(super) fn policies(slo: &SloReport) -> String {
    let unit = slo.scopes.first().map_or("s", |scope| scope.standing.unit.as_str());
    format!(
        "Kind {}, unit {unit}. Unknown time: {}. Maintenance: {}.",
        slo.kind, slo.unknown, slo.maintenance
    )
}

/// How finely was looked, and what one look weighs.
pub(super) fn resolution(scope: &ScopeReport) -> String {
    let step = scope.resolution_s.0;
    let mut text = format!(
        "Each check looks at least every {}, so each end of an outage is known to within that",
        duration(step)
    );
    let standing = &scope.standing;
    if standing.unit == "s" && standing.budget_s.0 > 0.0 {
        write!(
            text,
            "; one failed run weighs {:.2} % of the budget",
            step / standing.budget_s.0 * 100.0
        )
        .expect("as above");
    }
    if scope.max_error_s.0 > 0.0 {
        let error = duration(scope.max_error_s.0);
        write!(text, "; old flapping was coalesced, so bad time may be off by {error}")
            .expect("as above");
    }
    text + "."
}

/// Seconds of a stretch that are charged to the budget.
pub(super) fn charged(slo: &SloReport, stretch: &StretchForm) -> f64 {
    stretch.bad_s.0 + if slo.charges_unknown() { stretch.unknown_s.0 } else { 0.0 }
}

/// Which revision of a closed period is shown; nothing if the numbers are as measured now.
pub(super) fn frozen(slo: &SloReport, scope: &ScopeReport, clock: &Clock) -> Option<String> {
    let revision = scope.revision?;
    let made = slo.frozen.iter().find(|frozen| frozen.revision == revision)?;
    Some(format!(
        "The numbers are those of revision {revision}, frozen on {} ({}). Days and stretches are as measured now.",
        clock.moment(made.made),
        made.why,
    ))
}

/// What the bad time of a scope is made of.
pub(super) fn bad_time(slo: &SloReport, scope: &ScopeReport) -> String {
    let counts = |each: &&StretchForm| charged(slo, each) > 0.0;
    let count = scope.stretches.iter().filter(counts).count();
    let whose = &scope.standing.scope;
    let all = match scope.revision {
        Some(_) => duration(scope.stretches.iter().filter(counts).map(|it| charged(slo, it)).sum()),
        None => amount(scope.standing.bad_s, &scope.standing.unit),
    };
    let unknown = if slo.charges_unknown() { " (unknown time is charged as bad)" } else { "" };
    let mut text = match count {
        0 => return format!("No bad time of {whose}."),
        1 => format!("Bad time of {whose}: {all} in one stretch{unknown}."),
        _ => format!("Bad time of {whose}: {all} in {count} stretches{unknown}."),
    };
    if let Some(left_out) = &scope.left_out {
        let bad = duration(left_out.bad_s.0);
        write!(text, " {} older stretches with {bad} of it are not listed.", left_out.count)
            .expect("as above");
    }
    text
}

/// What stands above the clouds of a service.
pub(super) const CLOUDS: &str = "What several clouds brought";

/// How many clouds could have served for how long.
pub(super) fn clouds(form: &ExposureForm) -> String {
    let known = form.parts().into_iter().filter(|part| match part.left {
        Left::Both => true,
        Left::Only | Left::None => part.seconds > 0.0,
        Left::Unknown => false,
    });
    let known: Vec<String> =
        known.map(|part| format!("{} for {}", part.said, duration(part.seconds))).collect();
    let mut text = format!("Of {}, could serve: {}", duration(form.elapsed_s.0), known.join(", "));
    if form.unknown_s.0 > 0.0 {
        write!(text, "; for {} that is not known", duration(form.unknown_s.0)).expect("as above");
        if form.unknown_but_one_s.0 > 0.0 {
            let one = duration(form.unknown_but_one_s.0);
            write!(text, " ({one} of it with one that could)").expect("as above");
        }
    }
    if form.max_error_s.0 > 0.0 {
        let error = duration(form.max_error_s.0);
        write!(text, "; old flapping was coalesced, so any of this may be off by {error}")
            .expect("as above");
    }
    text + ". Maintenance of a cloud is time in which it could not."
}

/// What failing over has cost; nothing without a public name.
pub(super) fn failover_cost(form: &ExposureForm) -> Option<String> {
    let cost = form.failover_cost_s?;
    let cost = if cost.0 > 0.0 { duration(cost.0) } else { "no time".to_owned() };
    Some(format!("Failover cost: the public name was bad for {cost} while a cloud could serve."))
}

/// What stands above the failovers and drills of a service.
pub(super) const SWITCHED: &str = "Failovers and drills of the public name";

/// What the steps are counted from, and what is said if there are none.
pub(super) fn switched(service: &ServiceReport) -> &'static str {
    if service.failovers.is_empty() {
        return "No failover in the reported time.";
    }
    "Steps are counted from where the failover began: the first bad result of the first cloud, or the start of a drill."
}

/// Whether there is anything to say of a public name.
pub(super) fn has_switched(service: &ServiceReport) -> bool {
    service.has_name || !service.failovers.is_empty() || !service.drills.is_empty()
}

/// Whether the promise was kept, in words; a window that is not over may still change its mind.
pub(super) fn met(scope: &ScopeReport) -> &'static str {
    let is_over = scope.ends <= scope.standing.to;
    match (scope.met, is_over) {
        (Some(true), true) => "yes",
        (Some(false), true) => "no",
        (Some(true), false) => "so far",
        (Some(false), false) => "not so far",
        (None, _) => NOTHING,
    }
}

#[cfg(test)]
mod tests {
    use super::{duration, objective, percent};

    #[test]
    fn a_share_is_never_rounded_up() {
        let shown = [1.0, 0.9995, 0.999_999_9, 0.999_499_99, 0.0, 1.0 / 3.0];
        let expected = ["100 %", "99.9500 %", "99.9999 %", "99.9499 %", "0.0000 %", "33.3333 %"];
        assert_eq!(shown.map(|share| percent(share, 4)), expected);
        assert_eq!(percent(-0.5, 0), "-50 %");
    }

    #[test]
    fn an_objective_is_shown_as_it_was_promised() {
        let shown = [0.9, 0.999, 0.9995, 0.999_99].map(objective);
        assert_eq!(shown, ["90 %", "99.9 %", "99.95 %", "99.999 %"]);
    }

    #[test]
    fn durations_are_exact() {
        let shown = [0.0, 0.25, 1_296.0, 86_400.0, 93_784.5, -90.0].map(duration);
        assert_eq!(shown, ["0s", "0.25s", "21m36s", "1d", "1d2h3m4.5s", "-1m30s"]);
    }
}
