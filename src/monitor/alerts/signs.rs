//! What should be told: a sign for each outage that lasts, for each tier that fires, and for what is wrong with the monitor.
//!
//! Labels are what never changes while it lasts: what it is about, how urgent that kind of thing is, where this daemon stands,
//! and the owner's labels. Values, sentences and verdicts that may be revised are annotations. An outage of `any` or `entry` is
//! for the pager, because users have nothing; one of a side is a ticket, because another side serves. With one side only, that
//! side and `any` are the same, and it is told once.
//!
//! It is pure, and it does not know what was told before.

use super::{Sign, Source};
use crate::model::{
    AlertKind, Objective, ObjectiveWindow, Pairs, Service, Timestamp, human_duration,
};
use crate::monitor::outages::Outage;
use crate::monitor::snapshot::SightView;
use crate::slo::burn::{self, TierState};
use crate::slo::standing::Standing;
use std::collections::BTreeSet;
use std::sync::Arc;

/// An outage.
pub const OUTAGE: &str = "NephoscopeOutage";
/// A budget that burns too fast.
pub const BURN: &str = "NephoscopeErrorBudgetBurn";

/// Every name that can be told.
pub const NAMES: [&str; 5] = [OUTAGE, BURN, VANTAGE_OFFLINE, RESOLVER_OFFLINE, SENTINEL_BROKEN];

/// This daemon cannot see over any network.
pub const VANTAGE_OFFLINE: &str = "NephoscopeVantageOffline";
/// The resolver of its host is dead.
pub const RESOLVER_OFFLINE: &str = "NephoscopeResolverOffline";
/// A sentinel is silent while checks succeed (S9).
pub const SENTINEL_BROKEN: &str = "NephoscopeSentinelBroken";

/// Labels of ours that an owner may use too; the owner's is then `label_` and its name, as in `nephoscope_check_info`.
const OURS: [&str; 5] = ["alertname", "severity", "scope", "slo", "tier"];

/// What is in every alert of this daemon.
#[derive(Clone, Debug)]
pub struct Stand {
    /// Where it stands.
    pub vantage: Arc<str>,
    /// Its page.
    pub page: Arc<str>,
}

/// What a promise is made for, and how it stands there.
#[derive(Clone, Copy, Debug)]
pub struct Promised<'a> {
    /// The promise.
    pub objective: &'a Objective,
    /// The word of its scope.
    pub scope: &'a str,
    /// The provider, if the scope is one side.
    pub provider: &'a str,
    /// Its numbers.
    pub standing: &'a Standing,
}

/// Labels or annotations that are being put together.
#[derive(Default)]
struct Words(Pairs);

impl Words {
    /// An empty value is none: receivers drop it, and the identity would differ.
    fn set(&mut self, name: &str, value: impl AsRef<str>) {
        if !value.as_ref().is_empty() {
            self.0.insert(name.into(), value.as_ref().into());
        }
    }
}

/// The sign of an outage that lasts; `None` if the one of `any` says the same.
pub fn outage(stand: &Stand, service: &Service, outage: &Outage) -> Option<Sign> {
    let providers: BTreeSet<&str> = service.endpoints.iter().map(|each| &*each.provider).collect();
    let only = providers.first().filter(|_| providers.len() == 1);
    let of_side = !outage.provider.is_empty();
    if of_side && only.is_some() {
        return None;
    }
    let severity = if of_side { AlertKind::Ticket } else { AlertKind::Page };
    // A public name may lead elsewhere, even if there is one cloud.
    let provider = match only {
        Some(only) if &*outage.scope == "any" => only,
        _ => &*outage.provider,
    };
    let mut labels = labels(stand, service, OUTAGE, severity);
    labels.set("scope", &outage.scope);
    labels.set("provider", provider);

    let title = &service.title;
    let mut words = annotations(stand, service);
    let summary = match (&*outage.scope, provider) {
        ("entry", _) => format!("{title} is down at its public name"),
        (_, "") => format!("{title} is down on every provider"),
        (_, provider) => format!("{title} is down on {provider}"),
    };
    words.set("summary", summary);
    words.set("outage", &outage.id);
    if let (Some(check), Some(reason), Some(said)) = (&outage.check, outage.reason, &outage.said) {
        words.set("description", format!("{check}: {said} ({reason})"));
    }
    if let Some(judgement) = outage.judgement() {
        words.set("blame", judgement.blame.as_str());
        words.set("whose", judgement.whose());
        words.set("evidence", judgement.because(outage.evidence()));
        words.set("incident", &outage.incident);
    }
    Some(Sign {
        labels: labels.0,
        annotations: words.0,
        source: Source::Outage(Arc::clone(&outage.id)),
        started: outage.started,
    })
}

/// Whether anybody is to be told of a promise at all.
pub fn is_told(objective: &Objective) -> bool {
    objective.alert != AlertKind::None
        && burn::tiers(&objective.window, objective.tiers.as_deref()).is_some()
}

/// The signs of the tiers of a promise that fire at `now`; none under maintenance (S17).
pub fn tiers(
    stand: &Stand,
    service: &Service,
    promised: Promised<'_>,
    now: Timestamp,
) -> Vec<Sign> {
    if promised.standing.suppressed {
        return Vec::new();
    }
    let active = promised.standing.alerts().into_iter().flatten().filter(|tier| tier.active);
    active.filter_map(|tier| sign_of(stand, service, promised, tier, now)).collect()
}

fn sign_of(
    stand: &Stand,
    service: &Service,
    promised: Promised<'_>,
    tier: &TierState,
    now: Timestamp,
) -> Option<Sign> {
    let Promised { objective, scope, provider, standing } = promised;
    // The words are in the order of urgency: the less urgent of what the promise wants and what the tier is.
    let severity = objective.alert.max(tier.severity);
    if severity == AlertKind::None {
        return None;
    }
    let mut labels = labels(stand, service, BURN, severity);
    labels.set("slo", &objective.name);
    labels.set("scope", scope);
    labels.set("provider", provider);
    labels.set("tier", tier.name.as_str());

    let (title, slo) = (&service.title, &objective.name);
    let mut words = annotations(stand, service);
    words.set("summary", format!("{title} burns its error budget ({slo}, {})", tier.name));
    let windows = burn::tiers(&objective.window, objective.tiers.as_deref());
    let windows = windows.and_then(|all| all.iter().find(|each| each.name == tier.name))?;
    let rate = |burn: burn::Burn| burn.rate(objective.target_parts);
    words.set(
        "description",
        format!(
            "over {} the budget burns {:.1} times as fast as it may, over {} {:.1} times; the alert is above {}{}",
            human_duration(windows.long),
            rate(tier.long),
            human_duration(windows.short),
            rate(tier.short),
            factor(tier.factor_millionths),
            left(standing, objective.window),
        ),
    );
    Some(Sign { labels: labels.0, annotations: words.0, source: Source::Condition, started: now })
}

/// The signs of what is wrong with this monitor: whether it can see, and the broken sentinels with the time since then.
pub fn monitor(stand: &Stand, sight: &SightView, broken: &[(&str, Timestamp)]) -> Vec<Sign> {
    let since = sight.dark.iter().map(|(_, since)| *since).min().unwrap_or_default();
    let own = |name: &str, sentinel: &str, started: Timestamp, summary: String| {
        // Whoever is blind sees no outage; all else can wait for the morning.
        let severity = if name == VANTAGE_OFFLINE { AlertKind::Page } else { AlertKind::Ticket };
        let (mut labels, mut words) = (Words::default(), Words::default());
        labels.set("alertname", name);
        labels.set("severity", severity.as_str());
        labels.set("sentinel", sentinel);
        labels.set("vantage", &stand.vantage);
        words.set("summary", summary);
        words.set("dashboard_url", &stand.page);
        let (labels, annotations) = (labels.0, words.0);
        Sign { labels, annotations, source: Source::Condition, started }
    };
    let vantage = &stand.vantage;
    let mut signs = Vec::new();
    if sight.vantage_offline {
        let summary = format!("the monitor at {vantage} sees nothing over any network");
        signs.push(own(VANTAGE_OFFLINE, "", since, summary));
    }
    if sight.resolver_offline {
        let summary = format!("the resolver of the monitor at {vantage} is dead");
        signs.push(own(RESOLVER_OFFLINE, "", since, summary));
    }
    signs.extend(broken.iter().map(|(sentinel, since)| {
        let summary = format!("{sentinel} is silent while checks succeed; it vouches for nothing");
        own(SENTINEL_BROKEN, sentinel, *since, summary)
    }));
    signs
}

fn labels(stand: &Stand, service: &Service, name: &str, severity: AlertKind) -> Words {
    let mut labels = Words::default();
    for (key, value) in &*service.labels {
        if OURS.contains(&key.as_str()) {
            labels.set(&format!("label_{key}"), value);
        } else {
            labels.set(key, value);
        }
    }
    labels.set("alertname", name);
    labels.set("service", &service.name);
    labels.set("severity", severity.as_str());
    labels.set("vantage", &stand.vantage);
    labels
}

fn annotations(stand: &Stand, service: &Service) -> Words {
    let mut words = Words::default();
    words.set("service_runbook_url", service.runbook.as_deref().unwrap_or_default());
    words.set("dashboard_url", &stand.page);
    words
}

/// A factor as people write it: `14.4`, `6`.
#[expect(clippy::cast_precision_loss, reason = "a factor has a few digits")]
fn factor(millionths: u64) -> f64 {
    millionths as f64 / 1e6
}

/// `; 63.1 % of the budget of 30d is left`.
fn left(standing: &Standing, window: ObjectiveWindow) -> String {
    let Some(share) = standing.budget_remaining() else { return String::new() };
    let of = match window {
        ObjectiveWindow::Rolling(length) => human_duration(length),
        ObjectiveWindow::Day => "this day".to_owned(),
        ObjectiveWindow::Week => "this week".to_owned(),
        ObjectiveWindow::Month => "this month".to_owned(),
        ObjectiveWindow::Quarter => "this quarter".to_owned(),
        ObjectiveWindow::Year => "this year".to_owned(),
    };
    format!("; {:.1} % of the budget of {of} is left", share * 100.0)
}
