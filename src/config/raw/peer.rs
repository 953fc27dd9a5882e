//! `[[peer]]`: other daemons that watch the same services from other places.
//!
//! Each is known by its own vantage name and found at the address of its page, to which the path of its API is added.
//!
//! It does not ask whether anybody is there.

use super::http::read_auth;
use super::receiver::warn;
use super::top::read_url;
use super::{Raw, check_name};
use crate::config::decode::{Section, section};
use crate::config::problem::{Kind, Problem};
use crate::config::secret::{Pem, pem_of};
use crate::config::source::At;
use crate::model::{PEERS_AT_MOST, Peer};
use std::ops::RangeInclusive;
use std::time::Duration;

/// The deadline of an answer when nobody says it.
const TIMEOUT: Duration = Duration::from_secs(3);
/// What may be said.
const TIMEOUTS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(10);

pub(super) fn read_peers(top: &Section<'_>, raw: &mut Raw) {
    let found = top.list("peer", "a list of tables (`[[peer]]`)", |context, node, path| {
        section(context, node, node.place, path.to_owned(), read).flatten()
    });
    for peer in found.into_iter().flat_map(|found| found.value) {
        if raw.peers.len() == PEERS_AT_MOST {
            let said = format!("more than {PEERS_AT_MOST} other vantage points");
            let problem = Problem::new(Kind::OutOfRange, "peer", peer.place, said);
            let expected = format!("at most {PEERS_AT_MOST}");
            top.report(problem.label("is one too many").expected(expected));
            return;
        }
        raw.peers.push(peer);
    }
}

fn read(table: &Section<'_>) -> Option<At<Peer>> {
    let vantage = table.string("vantage");
    match &vantage {
        Some(name) => check_name(table.context, name, &table.path_of("vantage"), "a vantage"),
        None if !table.has("vantage") => {
            table.missing("vantage", "the `monitor.vantage` of the other daemon");
        }
        None => {}
    }
    let url = read_url(table, "url");
    if !table.has("url") {
        table.missing("url", "`url = \"http://192.0.2.7:9464\"`");
    }
    let provider = table.string("provider");
    let auth = table.table("auth", read_auth);
    let ca = pem_of(table, "ca", Pem::Certificates);
    let timeout = table.duration("timeout").filter(|timeout| {
        let fits = TIMEOUTS.contains(&timeout.value);
        if !fits {
            let said = "out of range for an answer";
            let path = table.path_of("timeout");
            let problem = Problem::new(Kind::OutOfRange, path, timeout.place, said);
            table.report(problem.expected("from `100ms` to `10s`"));
        }
        fits
    });
    let (vantage, url) = (vantage?, url?);
    warn(table, &url, ca.as_ref().map(|ca| ca.place));
    let peer = Peer {
        vantage: vantage.value.as_str().into(),
        url: url.value,
        provider: provider.map(|name| name.value.as_str().into()),
        auth: auth.and_then(|auth| auth.value),
        ca: ca.map(|ca| ca.value),
        timeout: timeout.map_or(TIMEOUT, |timeout| timeout.value),
    };
    Some(At::new(peer, vantage.place))
}
