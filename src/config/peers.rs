//! Other vantage points, and where all of them stand.
//!
//! Each has a name and an address of its own. A vantage that stands on a cloud it watches fails together with it, so that
//! its word on that cloud is not believed alone; where every vantage does, nobody is left to vouch for it.
//!
//! One that does not say where it stands is taken to stand on neutral ground, as for `monitor.provider`.

use super::decode::Context;
use super::problem::{Kind, Problem};
use super::raw::Raw;
use super::source::At;
use crate::model::Peer;

/// Reports what is wrong with them, as seen from the vantage called `own`.
pub(super) fn check(context: Context<'_>, raw: &Raw, own: &str) {
    for (number, peer) in raw.peers.iter().enumerate() {
        let name = &peer.value.vantage;
        if **name == *own {
            let said = format!("`{name}` is this vantage itself");
            let problem = Problem::new(Kind::DuplicatePeer, "peer", peer.place, said);
            let hint = "leave this one out; `monitor.vantage` names this daemon, and every daemon has a name of its own";
            context.sink.report(problem.label("is not asked by itself").hint(hint));
        }
        let same =
            |other: &&At<Peer>| other.value.vantage == *name || other.value.url == peer.value.url;
        if let Some(first) = raw.peers[..number].iter().find(same) {
            let said = format!("the vantage `{name}` is named twice, or its address is");
            let problem = Problem::new(Kind::DuplicatePeer, "peer", peer.place, said)
                .label("also given here")
                .also(first.place, "first given here");
            context.sink.report(problem.hint("keep one of them"));
        }
    }
    on_clouds(context, raw);
}

/// Warns of a monitor that fails together with what it watches, unless a vantage on neutral ground is asked.
fn on_clouds(context: Context<'_>, raw: &Raw) {
    let Some(name) = &raw.monitor.provider else { return };
    let is_watched = |name: &str| raw.providers.iter().any(|each| *each.name.value == *name);
    if !is_watched(&name.value) {
        return;
    }
    let stands = |peer: &At<Peer>| {
        let provider = peer.value.provider.as_ref()?;
        is_watched(provider).then(|| format!("`{}` on `{provider}`", peer.value.vantage))
    };
    let peers: Vec<_> = raw.peers.iter().filter_map(stands).collect();
    if peers.len() < raw.peers.len() {
        return;
    }
    let cloud = &name.value;
    let (said, hint) = if peers.is_empty() {
        (
            format!("this vantage stands on `{cloud}`, which it watches"),
            "a second vantage, on another cloud or on neutral ground, can vouch for it (`[[peer]]`)",
        )
    } else {
        (
            format!(
                "every vantage stands on a cloud that is watched: this one on `{cloud}`, {}",
                peers.join(", ")
            ),
            "one more vantage, on neutral ground, can vouch for all of them",
        )
    };
    let problem = Problem::new(Kind::VantageOnCloud, "monitor.provider", name.place, said)
        .label(format!("its word on an outage of `{cloud}` is not believed alone"));
    context.sink.report(problem.hint(hint));
}
