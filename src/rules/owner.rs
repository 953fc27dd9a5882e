//! Whose services: those with the same labels share their rules.
//!
//! Labels of an owner are static in each rule, so that routing by team needs no join. The last owner of the list has no
//! labels and takes every service that no other one has, so that a service which is newer than the rules is told of too.
//!
//! It knows no metric.

use crate::model::Service;
use std::collections::BTreeMap;

/// Labels of ours; an owner's of the same name becomes `label_` and the name.
const OURS: [&str; 9] =
    ["alertname", "check", "provider", "scope", "service", "severity", "slo", "tier", "vantage"];

/// Who owns some of the services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// What is added to each alert about them.
    pub labels: BTreeMap<String, String>,
    /// The matcher that fits their series: `service=~"pay|shop"`.
    pub matcher: String,
}

impl Owner {
    /// Every owner, and at the end nobody.
    pub fn all(services: &[Service]) -> Vec<Self> {
        let mut sets: BTreeMap<&BTreeMap<String, String>, Vec<&str>> = BTreeMap::new();
        for service in services.iter().filter(|service| !service.labels.is_empty()) {
            sets.entry(&service.labels).or_default().push(&service.name);
        }
        let owned: Vec<&str> = sets.values().flatten().copied().collect();
        let rest = if owned.is_empty() {
            "service!=\"\"".to_owned()
        } else {
            format!("service!~\"{}\"", pattern(&owned))
        };
        let of_set = |(labels, names): (&BTreeMap<String, String>, Vec<&str>)| Self {
            labels: labels.iter().map(|(name, text)| (label_name(name), text.clone())).collect(),
            matcher: format!("service=~\"{}\"", pattern(&names)),
        };
        let mut owners: Vec<Self> = sets.iter().map(|(l, n)| of_set((l, n.clone()))).collect();
        owners.push(Self { labels: BTreeMap::new(), matcher: rest });
        owners
    }

    /// The labels of the owner of one service.
    pub fn labels_of(service: &Service) -> BTreeMap<String, String> {
        service.labels.iter().map(|(name, text)| (label_name(name), text.clone())).collect()
    }
}

fn label_name(name: &str) -> String {
    if OURS.contains(&name) { format!("label_{name}") } else { name.to_owned() }
}

/// A pattern of these names, inside a string of an expression. Names have letters, digits, `_`, `-` and `.`; only the dot means something.
pub fn pattern(names: &[&str]) -> String {
    names.iter().map(|name| name.replace('.', "\\\\.")).collect::<Vec<_>>().join("|")
}
