//! What is sent, as JSON: alerts as an Alertmanager takes them (API v2), and messages as it sends them to webhooks (version 4).
//!
//! Alerts of one name about one service are a group. A message has all of its group that fires, and ends that were not taken
//! yet. Times are RFC 3339 in UTC; an alert never begins after it ends, nor in the future.
//!
//! <https://prometheus.io/docs/alerting/latest/alerts_api/>, <https://prometheus.io/docs/alerting/latest/configuration/#webhook_config>

use super::LAPSE;
use crate::model::{Alert, Fingerprint, Pairs, Receiver, Timestamp};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What alerts of a group have in common.
const GROUPED_BY: [&str; 2] = ["alertname", "service"];

/// The end of what has not ended, as Alertmanager writes it to webhooks.
const NEVER: &str = "0001-01-01T00:00:00Z";

const FIRING: &str = "firing";
const RESOLVED: &str = "resolved";

/// An object of texts.
struct Texts(Arc<Pairs>);

impl Serialize for Texts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (&**name, &**value)))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PostedForm<'a> {
    labels: Texts,
    annotations: Texts,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageForm<'a> {
    version: &'static str,
    group_key: String,
    truncated_alerts: usize,
    status: &'static str,
    receiver: &'a str,
    group_labels: Texts,
    common_labels: Texts,
    common_annotations: Texts,
    #[serde(rename = "externalURL")]
    external_url: &'a str,
    alerts: Vec<AlertForm<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AlertForm<'a> {
    status: &'static str,
    labels: Texts,
    annotations: Texts,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: &'a str,
    fingerprint: String,
}

/// Alerts of one name about one service.
pub(super) struct Group<'a> {
    labels: Pairs,
    pub(super) alerts: Vec<&'a Alert>,
}

/// The body of a request to an Alertmanager.
pub(super) fn alerts(
    receiver: &Receiver,
    page: &str,
    alerts: &[&Alert],
    now: Timestamp,
) -> Vec<u8> {
    let form = |alert: &&Alert| PostedForm {
        labels: Texts(all_labels(receiver, alert)),
        annotations: Texts(Arc::clone(&alert.annotations)),
        starts_at: moment(alert.started.min(alert.ended.unwrap_or(now))),
        ends_at: moment(alert.ended.unwrap_or(now + LAPSE)),
        generator_url: page,
    };
    json(&alerts.iter().map(form).collect::<Vec<_>>())
}

/// The groups, in the order of their names; ends are left out for a receiver that does not want them.
pub(super) fn groups<'a>(receiver: &Receiver, alerts: &'a [Alert]) -> Vec<Group<'a>> {
    let mut groups: BTreeMap<Vec<&str>, Group<'a>> = BTreeMap::new();
    for alert in alerts.iter().filter(|alert| alert.ended.is_none() || receiver.send_resolved) {
        let values = GROUPED_BY.map(|name| alert.labels.get(name).map_or("", |value| &**value));
        let group = groups.entry(values.to_vec()).or_insert_with(|| {
            let known = |name: &&str| alert.labels.get_key_value(*name);
            let labels = GROUPED_BY.iter().filter_map(known);
            let labels = labels.map(|(name, value)| (Arc::clone(name), Arc::clone(value)));
            Group { labels: labels.collect(), alerts: Vec::new() }
        });
        group.alerts.push(alert);
    }
    groups.into_values().collect()
}

/// The body of a message to a webhook about these alerts of a group.
pub(super) fn message(
    receiver: &Receiver,
    page: &str,
    group: &Group<'_>,
    about: &[&Alert],
) -> Vec<u8> {
    let labels: Vec<_> = about.iter().map(|alert| all_labels(receiver, alert)).collect();
    let notes: Vec<_> = about.iter().map(|alert| Arc::clone(&alert.annotations)).collect();
    let status = |firing: bool| if firing { FIRING } else { RESOLVED };
    let key = group.labels.iter().map(|(name, value)| format!("{name}={:?}", &**value));
    json(&MessageForm {
        version: "4",
        group_key: format!("{{}}:{{{}}}", key.collect::<Vec<_>>().join(", ")),
        truncated_alerts: 0,
        status: status(about.iter().any(|alert| alert.ended.is_none())),
        receiver: &receiver.name,
        group_labels: Texts(Arc::new(group.labels.clone())),
        common_labels: Texts(common(&labels)),
        common_annotations: Texts(common(&notes)),
        external_url: page,
        alerts: about
            .iter()
            .zip(&labels)
            .map(|(alert, labels)| AlertForm {
                status: status(alert.ended.is_none()),
                fingerprint: Fingerprint::of(labels).to_string(),
                labels: Texts(Arc::clone(labels)),
                annotations: Texts(Arc::clone(&alert.annotations)),
                starts_at: moment(alert.started.min(alert.ended.unwrap_or(alert.started))),
                ends_at: alert.ended.map_or_else(|| NEVER.to_owned(), moment),
                generator_url: page,
            })
            .collect(),
    })
}

/// Those of the alert, and those of the receiver that it does not have itself.
fn all_labels(receiver: &Receiver, alert: &Alert) -> Arc<Pairs> {
    if receiver.labels.is_empty() {
        return Arc::clone(&alert.labels);
    }
    let mut all = Pairs::clone(&receiver.labels);
    all.extend(alert.labels.iter().map(|(name, value)| (Arc::clone(name), Arc::clone(value))));
    all.retain(|_, value| !value.is_empty());
    Arc::new(all)
}

/// What all of them have.
fn common(all: &[Arc<Pairs>]) -> Arc<Pairs> {
    let Some((first, rest)) = all.split_first() else { return Arc::default() };
    let shared = |(name, value): &(&Arc<str>, &Arc<str>)| {
        rest.iter().all(|other| other.get(*name) == Some(*value))
    };
    let shared = first.iter().filter(shared);
    Arc::new(shared.map(|(name, value)| (Arc::clone(name), Arc::clone(value))).collect())
}

/// A moment beyond the calendar is the last one of it.
fn moment(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or(jiff::Timestamp::MAX).to_string()
}

fn json(form: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(form).expect("texts and numbers are JSON")
}

#[cfg(test)]
mod tests;
