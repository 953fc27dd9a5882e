//! How well this monitor can tell its own outage from others', as far as the configuration decides it (S8, S9).
//!
//! What is missing is said in one sentence each, by `validate` and on the page; it is no mistake in the file.
//!
//! It asks nobody.

use super::Config;
use super::references::uses_v6;
use crate::model::{Check, ReferenceRole};
use std::collections::BTreeSet;
use std::sync::Arc;

impl Config {
    /// What this monitor could not tell, in sentences; none if its sentinels cover every road that is used.
    pub fn blind_spots(&self) -> Vec<String> {
        let sentinels: Vec<&Arc<Check>> = self
            .references
            .iter()
            .filter(|reference| reference.role == ReferenceRole::SentinelTls)
            .map(|reference| &reference.check)
            .collect();
        let clouds: BTreeSet<&str> = self
            .checks
            .iter()
            .map(|check| &*check.provider)
            .filter(|provider| !provider.is_empty())
            .collect();
        if sentinels.is_empty() {
            return match clouds.len() {
                0 => Vec::new(),
                1 => vec!["no sentinel and one cloud: an outage of this monitor's own network counts as the cloud's; add `[sentinel]`".to_owned()],
                _ => vec!["no sentinel: whether this monitor can see is decided by the other cloud alone, which is weaker; add `[sentinel]`".to_owned()],
            };
        }
        let uses = |v6: bool| self.checks.iter().any(|check| uses_v6(check) == v6);
        let covers = |v6: bool| sentinels.iter().any(|check| uses_v6(check) == v6);
        [("IPv4", false), ("IPv6", true)]
            .into_iter()
            .filter(|(_, v6)| uses(*v6) && !covers(*v6))
            .map(|(family, _)| format!("no sentinel answers over {family}, which checks use: there the other cloud decides alone"))
            .collect()
    }
}
