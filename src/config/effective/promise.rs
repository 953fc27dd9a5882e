//! Promises on the page: every setting, with the place of its key where it was written.
//!
//! Tiers are written whichever table they come from, so that nobody has to look up which alerts a window has.
//!
//! It does not say whether a promise is sensible: that is a warning.

use super::page::Page;
use crate::config::promise::{factor, table};
use crate::config::raw::{RawObjective, percent_text};
use crate::config::resolve::Planned;
use crate::model::{ScopeChoice, Service, human_duration};
use crate::slo::burn;
use std::fmt::Display;
use std::sync::Arc;

pub(super) fn write(page: &mut Page<'_>, planned: &Planned<'_>, service: &Service) {
    for promise in planned.objectives() {
        write_one(page, table(planned), promise, service);
    }
}

fn write_one(page: &mut Page<'_>, table: &str, promise: &RawObjective, service: &Service) {
    let is = &promise.value;
    let mut set = |key: &str, value: &dyn Display| {
        let said = key.split('.').next().and_then(|key| promise.given.get(key)).copied();
        page.set(&format!("slo.{}.{key}", is.name), value, table, said);
    };
    set("objective", &format!("{} %", percent_text(is.target_parts)));
    set("window", &is.window_text);
    set("kind", &is.kind);
    if let Some(threshold) = is.threshold {
        set("threshold", &human_duration(threshold));
    }
    if let Some(slice) = is.slice {
        set("slice", &human_duration(slice));
    }
    set("scope", &scope(&is.scope, service));
    set("unknown", &is.unknown);
    set("maintenance", &is.maintenance);
    set("min_coverage", &format!("{} %", percent_text(is.min_coverage_parts)));
    set("alert", &is.alert);
    set("min_failures", &is.min_failures);
    let Some(tiers) = burn::tiers(&is.window, is.tiers.as_deref()) else {
        return set("tiers", &"none: the window is too short");
    };
    for tier in tiers {
        let text = format!(
            "{} above {} over {} and {}",
            tier.severity,
            factor(tier.factor_millionths.into()),
            human_duration(tier.long),
            human_duration(tier.short)
        );
        set(&format!("tiers.{}", tier.name), &text);
    }
}

/// The scope that is meant where none is given (S14).
fn scope(said: &ScopeChoice, service: &Service) -> ScopeChoice {
    let mut sides = service.endpoints.iter().map(|endpoint| &endpoint.provider);
    match (said, sides.next()) {
        (ScopeChoice::Default, _) if service.entry.is_some() => ScopeChoice::Entry,
        (ScopeChoice::Default, Some(only)) if sides.all(|side| side == only) => {
            ScopeChoice::Provider(Arc::clone(only))
        }
        (ScopeChoice::Default, _) => ScopeChoice::Any,
        _ => said.clone(),
    }
}
