//! What is sent, compared as text with what Alertmanager's documents show.
//!
//! Times are seconds after a round moment.
//!
//! That a real Alertmanager takes it is `tests/real`.

use super::*;
use crate::model::ReceiverKind;
use std::time::Duration;

fn pairs(all: &[(&str, &str)]) -> Arc<Pairs> {
    Arc::new(all.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(1_780_185_600_000 + second * 1_000)
}

fn alert(scope: &str, ended: Option<i64>) -> Alert {
    let labels = pairs(&[("alertname", "Down"), ("scope", scope), ("service", "shop")]);
    Alert {
        fingerprint: Fingerprint::of(&labels),
        labels,
        annotations: pairs(&[("summary", "Shop is down"), ("outage", scope)]),
        started: at(0),
        ended: ended.map(at),
    }
}

fn receiver(kind: ReceiverKind, labels: &[(&str, &str)]) -> Receiver {
    Receiver {
        name: "hooks.example.com:443".into(),
        kind,
        url: "https://hooks.example.com/secret".parse().unwrap(),
        auth: None,
        ca: None,
        timeout: Duration::from_secs(10),
        labels: pairs(labels),
        send_resolved: true,
    }
}

fn read(body: &[u8]) -> serde_json::Value {
    serde_json::from_slice(body).unwrap()
}

#[test]
fn an_alertmanager_is_told_an_end_in_the_future_while_an_alert_fires() {
    let receiver = receiver(ReceiverKind::Alertmanager, &[("cluster", "mon"), ("service", "x")]);
    let (fires, over) = (alert("any", None), alert("provider:aws", Some(90)));
    let body = read(&alerts(&receiver, "http://mon:9464/", &[&fires, &over], at(100)));
    let wanted = serde_json::json!([
        {
            "labels": {"alertname": "Down", "cluster": "mon", "scope": "any", "service": "shop"},
            "annotations": {"summary": "Shop is down", "outage": "any"},
            "startsAt": "2026-05-31T00:00:00Z",
            "endsAt": "2026-05-31T00:05:40Z",
            "generatorURL": "http://mon:9464/",
        },
        {
            "labels": {"alertname": "Down", "cluster": "mon", "scope": "provider:aws", "service": "shop"},
            "annotations": {"summary": "Shop is down", "outage": "provider:aws"},
            "startsAt": "2026-05-31T00:00:00Z",
            "endsAt": "2026-05-31T00:01:30Z",
            "generatorURL": "http://mon:9464/",
        },
    ]);
    assert_eq!(body, wanted);
}

#[test]
fn an_alert_from_before_the_clock_was_set_back_never_begins_in_the_future() {
    let receiver = receiver(ReceiverKind::Alertmanager, &[]);
    let body = read(&alerts(&receiver, "", &[&alert("any", None)], at(-3_600)));
    assert_eq!(body[0]["startsAt"], "2026-05-30T23:00:00Z");
    assert_eq!(body[0]["endsAt"], "2026-05-30T23:04:00Z");
}

#[test]
fn a_webhook_gets_what_alertmanager_would_send_it() {
    let receiver = receiver(ReceiverKind::Webhook, &[]);
    let all = [alert("any", None), alert("provider:aws", Some(90))];
    let groups = groups(&receiver, &all);
    assert_eq!(groups.len(), 1);
    let body = read(&message(&receiver, "http://mon:9464/", &groups[0], &groups[0].alerts));
    let wanted = serde_json::json!({
        "version": "4",
        "groupKey": "{}:{alertname=\"Down\", service=\"shop\"}",
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "hooks.example.com:443",
        "groupLabels": {"alertname": "Down", "service": "shop"},
        "commonLabels": {"alertname": "Down", "service": "shop"},
        "commonAnnotations": {"summary": "Shop is down"},
        "externalURL": "http://mon:9464/",
        "alerts": [
            {
                "status": "firing",
                "labels": {"alertname": "Down", "scope": "any", "service": "shop"},
                "annotations": {"summary": "Shop is down", "outage": "any"},
                "startsAt": "2026-05-31T00:00:00Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "http://mon:9464/",
                "fingerprint": all[0].fingerprint.to_string(),
            },
            {
                "status": "resolved",
                "labels": {"alertname": "Down", "scope": "provider:aws", "service": "shop"},
                "annotations": {"summary": "Shop is down", "outage": "provider:aws"},
                "startsAt": "2026-05-31T00:00:00Z",
                "endsAt": "2026-05-31T00:01:30Z",
                "generatorURL": "http://mon:9464/",
                "fingerprint": all[1].fingerprint.to_string(),
            },
        ],
    });
    assert_eq!(body, wanted);
}

#[test]
fn a_group_in_which_nothing_fires_any_more_is_resolved() {
    let receiver = receiver(ReceiverKind::Webhook, &[]);
    let all = [alert("any", Some(90))];
    let groups = groups(&receiver, &all);
    let body = read(&message(&receiver, "", &groups[0], &groups[0].alerts));
    assert_eq!(body["status"], "resolved");
}

#[test]
fn a_webhook_that_wants_no_ends_gets_none() {
    let mut receiver = receiver(ReceiverKind::Webhook, &[]);
    receiver.send_resolved = false;
    assert_eq!(groups(&receiver, &[alert("any", Some(90))]).len(), 0);
    assert_eq!(groups(&receiver, &[alert("any", None)]).len(), 1);
}
