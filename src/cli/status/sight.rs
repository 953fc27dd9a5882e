//! Whether the answer can be believed at all: what the monitor itself cannot see.
//!
//! Stands above everything else, since states below it may be old or unknown for no fault of theirs.
//!
//! It asks nobody and judges nothing.

use crate::cli::render::{BOLD, tame};
use crate::model::{Cause, Road, human_duration};
use crate::web::api::{BlindForm, BrokenForm, ServicesForm};
use serde::Serialize;
use std::fmt::Write as _;
use std::time::Duration;

/// What the monitor cannot see.
#[derive(Debug, Serialize)]
pub(super) struct Sight {
    /// When the daemon said so.
    at: f64,
    /// `vantage_offline`, `resolver_offline`, or null.
    offline: Option<String>,
    /// The roads over which it sees nothing.
    blind: Vec<BlindForm>,
    /// How many failures wait for an alibi.
    unsettled: usize,
    /// Sentinels that are broken.
    broken_sentinels: Vec<BrokenForm>,
}

impl Sight {
    pub(super) fn new(form: &ServicesForm) -> Self {
        Self {
            at: form.at,
            offline: form.offline.clone(),
            blind: form.blind.clone(),
            unsettled: form.unsettled,
            broken_sentinels: form.broken_sentinels.clone(),
        }
    }

    /// Whether nothing is seen over some road.
    pub(super) fn is_blind(&self) -> bool {
        self.offline.is_some() || !self.blind.is_empty()
    }

    /// A sentence for each thing, the worst first.
    pub(super) fn sentences(&self) -> Vec<String> {
        let mut said = Vec::new();
        let lasted = |since: f64| {
            human_duration(Duration::try_from_secs_f64(self.at - since).unwrap_or_default())
        };
        let roads = self.blind.iter().map(|each| {
            let road = Road::from_word(&each.road).map_or("over some road", Road::phrase);
            format!("nothing seen {road} for {}", lasted(each.since))
        });
        let roads = roads.collect::<Vec<_>>().join(", ");
        let what = match self.offline.as_deref().and_then(Cause::from_word) {
            Some(Cause::VantageOffline) => Some("this vantage is offline"),
            Some(Cause::ResolverOffline) => Some("the resolver of this host is offline"),
            _ => (!self.blind.is_empty()).then_some("this monitor is blind"),
        };
        said.extend(what.map(|what| format!("{what}: {roads}; what fails by that is unknown")));
        match self.unsettled {
            0 => {}
            1 => {
                said.push("1 failure waits for an alibi, and may be this monitor's own".to_owned());
            }
            count => said
                .push(format!("{count} failures wait for an alibi, and may be this monitor's own")),
        }
        said.extend(self.broken_sentinels.iter().map(|each| {
            let lasted = lasted(each.since);
            format!(
                "the sentinel {} is broken for {lasted}: it is not waited for",
                tame(&each.sentinel)
            )
        }));
        said
    }

    /// The same as lines with a sign in front.
    pub(super) fn lines(&self) -> String {
        let mut out = String::new();
        for sentence in self.sentences() {
            writeln!(out, "{BOLD}! {sentence}{BOLD:#}").expect("writing to a string cannot fail");
        }
        if !out.is_empty() {
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Sight {
        /// Blind over these roads since second 10, at second 100.
        pub(in crate::cli::status) fn of(
            offline: Option<&str>,
            roads: &[&str],
            unsettled: usize,
        ) -> Self {
            let blind =
                roads.iter().map(|road| BlindForm { road: (*road).to_owned(), since: 10.0 });
            Self {
                at: 100.0,
                offline: offline.map(str::to_owned),
                blind: blind.collect(),
                unsettled,
                broken_sentinels: Vec::new(),
            }
        }
    }

    #[test]
    fn who_sees_all_says_nothing() {
        assert_eq!(Sight::of(None, &[], 0).lines(), "");
    }

    #[test]
    fn what_cannot_be_seen_is_said_worst_first() {
        let said = Sight::of(Some("vantage_offline"), &["ipv4", "resolver"], 2).sentences();
        let expected = [
            "this vantage is offline: nothing seen over IPv4 for 1m30s, nothing seen through the resolver of this host for \
             1m30s; what fails by that is unknown",
            "2 failures wait for an alibi, and may be this monitor's own",
        ];
        assert_eq!(said, expected);
        let one = Sight::of(None, &["ipv6"], 0).sentences();
        assert!(one[0].starts_with("this monitor is blind: nothing seen over IPv6"), "{one:?}");
    }
}
