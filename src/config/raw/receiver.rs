//! `[[alertmanager]]` and `[[webhook]]`: who is told of alerts.
//!
//! An Alertmanager is named by its address, to which the path of its API is added; a webhook by its whole URL, which may be
//! a secret. Credentials are taken by reference only, as everywhere. A receiver is called by host and port wherever it is
//! shown.
//!
//! It does not ask whether anybody is there.

use super::http::read_auth;
use super::service::read_labels;
use super::top::read_url;
use super::{Raw, Texts};
use crate::config::decode::{Section, section};
use crate::config::problem::{Kind, Problem};
use crate::config::secret::{Pem, pem_of, read_secret};
use crate::config::source::{At, Place};
use crate::config::tree::Value;
use crate::model::{Pairs, Receiver, ReceiverKind};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

/// The deadline of a delivery when nobody says it.
const TIMEOUT: Duration = Duration::from_secs(10);
/// What may be said.
const TIMEOUTS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_mins(1);
/// The path that is added to the address of an Alertmanager begins so.
const API: &str = "/api/";

pub(super) fn read_receivers(top: &Section<'_>, raw: &mut Raw) {
    for (key, kind, expected) in [
        ("alertmanager", ReceiverKind::Alertmanager, "a list of tables (`[[alertmanager]]`)"),
        ("webhook", ReceiverKind::Webhook, "a list of tables (`[[webhook]]`)"),
    ] {
        let found = top.list(key, expected, |context, node, path| {
            section(context, node, node.place, path.to_owned(), |table| read(table, kind)).flatten()
        });
        for receiver in found.into_iter().flat_map(|found| found.value) {
            add(top, key, receiver, &mut raw.receivers);
        }
    }
}

fn read(table: &Section<'_>, kind: ReceiverKind) -> Option<At<Receiver>> {
    let webhook = kind == ReceiverKind::Webhook;
    let url = if webhook { read_secret_url(table, "url") } else { read_url(table, "url") };
    if !table.has("url") {
        table.missing("url", if webhook { A_WEBHOOK } else { AN_ALERTMANAGER });
    }
    let auth = table.table("auth", read_auth);
    let ca = pem_of(table, "ca", Pem::Certificates);
    let timeout = read_timeout(table);
    let labels = read_labels(table);
    let send_resolved = if webhook { table.flag("send_resolved") } else { None };
    let url = url?;
    if !webhook && url.value.path().contains(API) {
        let said = "the address of an Alertmanager goes without the path of its API";
        let problem = Problem::new(Kind::BadUrl, table.path_of("url"), url.place, said);
        table.report(problem.label("is added by itself").expected(AN_ALERTMANAGER));
        return None;
    }
    warn(table, &url, ca.as_ref().map(|ca| ca.place));
    let receiver = Receiver {
        name: name_of(&url.value).into(),
        kind,
        url: url.value,
        auth: auth.and_then(|auth| auth.value),
        ca: ca.map(|ca| ca.value),
        timeout: timeout.unwrap_or(TIMEOUT),
        labels: Arc::new(pairs(labels)),
        send_resolved: send_resolved.is_none_or(|flag| flag.value),
    };
    Some(At::new(receiver, table.place))
}

const AN_ALERTMANAGER: &str = "`url = \"http://127.0.0.1:9093\"`";
const A_WEBHOOK: &str = "`url = \"https://hooks.example.com/…\"` or `url = { file = \"…\" }`";

/// A URL that may be as good as a password: a text, or a secret that holds it.
pub(super) fn read_secret_url(table: &Section<'_>, key: &'static str) -> Option<At<url::Url>> {
    let node = table.get(key)?;
    if matches!(node.value, Value::Text(_)) {
        return read_url(table, key);
    }
    let path = table.path_of(key);
    let secret = read_secret(table.context, node, &path)?;
    let url = crate::config::build::parse_url(secret.value.reveal()).ok();
    if url.is_none() {
        // What it holds is not repeated.
        let said = "the secret is not a URL that can be used";
        let problem = Problem::new(Kind::BadUrl, path, node.place, said);
        table
            .report(problem.expected("`http://` or `https://`, a host, perhaps a port and a path"));
    }
    url.map(|url| At::new(url, node.place))
}

fn read_timeout(table: &Section<'_>) -> Option<Duration> {
    let timeout = table.duration("timeout")?;
    if !TIMEOUTS.contains(&timeout.value) {
        let said = "out of range for a delivery";
        let problem = Problem::new(Kind::OutOfRange, table.path_of("timeout"), timeout.place, said);
        table.report(problem.expected("from `100ms` to `1m`"));
        return None;
    }
    Some(timeout.value)
}

/// Warns of credentials in the clear, and of roots that nothing is verified with.
pub(super) fn warn(table: &Section<'_>, url: &At<url::Url>, ca: Option<Place>) {
    if url.value.scheme() == "https" {
        return;
    }
    let on_this_host = match url.value.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    if table.has("auth") && !on_this_host {
        let said = "credentials travel in the clear";
        let place = table.key_place("auth");
        let problem = Problem::new(Kind::PlainAuth, table.path_of("auth"), place, said)
            .label("sent without TLS")
            .also(url.place, "the URL is `http`");
        table.report(problem.hint("use `https`"));
    }
    if let Some(place) = ca {
        let said = "there is no TLS to set up";
        let problem = Problem::new(Kind::TlsUnused, table.path_of("ca"), place, said);
        table.report(problem.label("has no effect").also(url.place, "the URL is `http`"));
    }
}

fn name_of(url: &url::Url) -> String {
    let host = url.host_str().unwrap_or_default();
    format!("{host}:{}", url.port_or_known_default().unwrap_or_default())
}

fn pairs(texts: Texts) -> Pairs {
    texts.into_iter().map(|(name, text)| (name.into(), text.value.into())).collect()
}

/// Takes one more, under a name that no other has; one that is told already is warned of.
fn add(
    top: &Section<'_>,
    key: &'static str,
    mut receiver: At<Receiver>,
    known: &mut Vec<At<Receiver>>,
) {
    let same = |other: &&At<Receiver>| {
        other.value.kind == receiver.value.kind && other.value.url == receiver.value.url
    };
    if let Some(first) = known.iter().find(same) {
        let said = format!("`{}` is told twice", receiver.value.name);
        let problem = Problem::new(Kind::DuplicateReceiver, key, receiver.place, said)
            .label("also given here")
            .also(first.place, "first given here");
        top.report(problem.hint("keep one of them"));
    }
    let plain = receiver.value.name.to_string();
    let mut number = 1;
    while known.iter().any(|other| other.value.name == receiver.value.name) {
        number += 1;
        receiver.value.name = format!("{plain}/{number}").into();
    }
    known.push(receiver);
}
