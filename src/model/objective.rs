//! What was promised.
//!
//! An [`Objective`] is a share of time (or events, or slices) over a window. It is kept as exact parts per 10^9, so that
//! 99.95 % is exactly that.
//!
//! Whether a promise is kept is computed by the SLO engine.

use super::words::words;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// One promise of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objective {
    /// Unique within the service.
    pub name: Arc<str>,
    /// What is counted.
    pub kind: ObjectiveKind,
    /// Parts per 10^9 that must be good; above 0 and below 10^9.
    pub target_parts: u64,
    /// Over what time.
    pub window: ObjectiveWindow,
    /// The window as the configuration writes it (`30d`, `4w`, `month`): its text in labels, API and reports.
    pub window_text: Arc<str>,
    /// For whom.
    pub scope: ScopeChoice,
    /// Who is told.
    pub alert: AlertKind,
    /// A `latency` objective counts a run slower than this as bad.
    pub threshold: Option<Duration>,
    /// Length of a slice of a `slices` objective.
    pub slice: Option<Duration>,
    /// Failed runs that a burn-rate alert needs in its long window; at least 1.
    pub min_failures: u32,
    /// Parts per 10^9 of the window that must be known before its numbers are shown without a flag; 0 to 10^9.
    pub min_coverage_parts: u64,
    /// Burn-rate alerts of its own, at least one; `None` is the built-in table of the window (S17).
    pub tiers: Option<Arc<[Tier]>>,
    /// How unknown time counts.
    pub unknown: UnknownPolicy,
    /// How maintenance counts.
    pub maintenance: PeriodPolicy,
}

/// One multi-window burn-rate alert (SRE workbook, chapter 5; slo.md 1.6): it fires while the burn rate over `long` and
/// over `short` is above the factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    /// Which of the four.
    pub name: TierName,
    /// The window that says whether it matters; longer than `short`.
    pub long: Duration,
    /// The window that says whether it still goes on.
    pub short: Duration,
    /// Burn rate that must be exceeded, in millionths (14.4 is 14 400 000); at least one whole.
    pub factor_millionths: u64,
    /// Who is told.
    pub severity: AlertKind,
}

words! {
    /// The tiers of burn-rate alerts, the most urgent first.
    TierName {
        /// The budget is gone within hours.
        PageFast = "page_fast",
        /// The budget is gone within days.
        PageSlow = "page_slow",
        /// The budget is gone long before the window ends.
        TicketFast = "ticket_fast",
        /// The budget will not last until the window ends.
        TicketSlow = "ticket_slow",
    }
}

impl TierName {
    /// Who is told when nobody says it.
    pub const fn severity(self) -> AlertKind {
        match self {
            Self::PageFast | Self::PageSlow => AlertKind::Page,
            Self::TicketFast | Self::TicketSlow => AlertKind::Ticket,
        }
    }
}

words! {
    /// What an objective counts.
    ObjectiveKind {
        /// Time.
        Time = "time",
        /// Runs.
        Events = "events",
        /// Slices of time that were good as a whole.
        Slices = "slices",
        /// Runs faster than a threshold.
        Latency = "latency",
    }
}

/// Rolling, or a period of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectiveWindow {
    /// The last so much time.
    Rolling(Duration),
    /// A civil day.
    Day,
    /// An ISO week.
    Week,
    /// A civil month.
    Month,
    /// A quarter of a year.
    Quarter,
    /// A civil year.
    Year,
}

/// For whom a promise holds; `Default` is the entry if there is one, else any side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScopeChoice {
    /// Entry if there is one, else any.
    Default,
    /// What a fresh client of the public name got.
    Entry,
    /// Some side could have served.
    Any,
    /// Every side.
    All,
    /// One side.
    Provider(Arc<str>),
    /// At least so many sides.
    AtLeast(u32),
}

/// As the configuration writes it; `default` where it writes nothing.
impl fmt::Display for ScopeChoice {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => out.write_str("default"),
            Self::Entry => out.write_str("entry"),
            Self::Any => out.write_str("any"),
            Self::All => out.write_str("all"),
            Self::Provider(provider) => write!(out, "provider:{provider}"),
            Self::AtLeast(least) => write!(out, "{least}_of_n"),
        }
    }
}

words! {
    /// Who is told when the budget burns.
    AlertKind {
        /// A person, now.
        Page = "page",
        /// A person, tomorrow.
        Ticket = "ticket",
        /// Nobody.
        None = "none",
    }
}

words! {
    /// How unknown time counts.
    UnknownPolicy {
        /// Not at all.
        Exclude = "exclude",
        /// As bad.
        Bad = "bad",
        /// As good.
        Good = "good",
    }
}

words! {
    /// How maintenance counts.
    PeriodPolicy {
        /// Not at all.
        Exclude = "exclude",
        /// As good.
        Good = "good",
    }
}

words! {
    /// How an objective stands, in one word.
    ObjectiveStatus {
        /// Nothing of the window is known.
        NoData = "no_data",
        /// Kept so far, but less of the window is known than `min_coverage` asks for.
        Partial = "partial",
        /// Kept, and the budget lasts.
        Ok = "ok",
        /// Kept, but little of the budget is left or it burns too fast.
        AtRisk = "at_risk",
        /// The budget is used up.
        Exhausted = "exhausted",
    }
}

words! {
    /// What the amounts of an objective are counted in.
    ObjectiveUnit {
        /// Seconds.
        Seconds = "s",
        /// Results.
        Events = "events",
        /// Slices of time.
        Slices = "slices",
    }
}
