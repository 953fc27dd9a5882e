//! What an error of an HTTP request means: its stable reason and the sentence for a person.
//!
//! reqwest wraps hyper, which wraps I/O errors, which wrap rustls errors: the whole chain is walked, through
//! `io::Error::get_ref` too. The phase that the flight had reached decides first, then what is found in the chain.
//!
//! Deadlines never arrive here: they drop the request.

use crate::model::{HttpVersions, Phase, Proxy, Reason};
use crate::net::{Failure, connect_failure, own_fault};
use crate::probe::tls;
use rustls::AlertDescription;
use std::error::Error as StdError;
use std::io;
use std::net::SocketAddr;

/// Where a request was when it failed.
pub(super) struct Place<'p> {
    pub(super) phase: Phase,
    pub(super) address: SocketAddr,
    /// The name the certificate should be for.
    pub(super) name: &'p str,
    /// Bytes of body that had come.
    pub(super) body_bytes: u64,
    /// The versions that were offered, where the probe says which.
    pub(super) versions: Option<HttpVersions>,
    /// The proxy on the way.
    pub(super) proxy: Option<&'p Proxy>,
}

/// What is inside an error.
#[derive(Default)]
struct Inside<'e> {
    rustls: Option<&'e rustls::Error>,
    hyper: Option<&'e hyper::Error>,
    io: Option<&'e io::Error>,
    /// The innermost error of all: the most precise words.
    last: Option<&'e (dyn StdError + 'static)>,
}

impl<'e> Inside<'e> {
    fn of(error: &'e (dyn StdError + 'static)) -> Self {
        let mut inside = Self::default();
        let mut next = Some(error);
        while let Some(each) = next {
            inside.last = Some(each);
            inside.rustls = inside.rustls.or(each.downcast_ref());
            inside.hyper = each.downcast_ref().or(inside.hyper);
            let io = each.downcast_ref::<io::Error>();
            inside.io = io.or(inside.io);
            next = match io.and_then(io::Error::get_ref) {
                Some(inner) => Some(inner as &(dyn StdError + 'static)),
                None => each.source(),
            };
        }
        inside
    }
}

/// What `error` means for a request that was at `place`.
pub(super) fn fault(error: &reqwest::Error, place: &Place<'_>) -> Failure {
    let inside = Inside::of(error);
    if let Some(own) = inside.io.and_then(own_fault) {
        return own;
    }
    if let (Some(versions), Some(rustls::Error::AlertReceived(alert))) =
        (place.versions, inside.rustls)
        && *alert == AlertDescription::NoApplicationProtocol
    {
        let said =
            format!("the server speaks none of the versions offered: {versions} (`versions`)");
        return Failure::bad(Reason::HttpVersion, said);
    }
    if let (Phase::Proxy, Some(proxy)) = (place.phase, place.proxy) {
        let words = match inside.io {
            Some(io) => connect_failure(place.address, io).said,
            None => inside.last.map(ToString::to_string).unwrap_or_default(),
        };
        return Failure::bad(Reason::Proxy, format!("no way through the proxy `{proxy}`: {words}"));
    }
    match (place.phase, inside.rustls, inside.io) {
        (Phase::Connect | Phase::Resolve, None, Some(io)) => connect_failure(place.address, io),
        (_, Some(rustls), _) => tls::of_rustls(rustls, place.name),
        (Phase::Tls, None, Some(io)) => tls::of_io(io),
        _ => of_answer(&inside, place),
    }
}

/// The connection stood; the answer did not come, or did not come whole.
fn of_answer(inside: &Inside<'_>, place: &Place<'_>) -> Failure {
    let words = inside.last.map(ToString::to_string).unwrap_or_default();
    // HTTP/2 passes an error of its connection on by kind and words only.
    if inside.io.is_some_and(|io| io.kind() == io::ErrorKind::InvalidData)
        && let Some(objection) = tls::of_words(&words)
    {
        return objection;
    }
    let cut = inside.io.is_some_and(|io| is_cut(io.kind()))
        || inside.hyper.is_some_and(|hyper| hyper.is_incomplete_message() || hyper.is_closed());
    if place.phase == Phase::Transfer {
        let got = place.body_bytes;
        return if cut {
            Failure::bad(
                Reason::Reset,
                format!("the connection ended after {got} bytes of the body, before its end"),
            )
        } else {
            Failure::bad(
                Reason::Protocol,
                format!("after {got} bytes the body breaks the rules of HTTP: {words}"),
            )
        };
    }
    if inside.hyper.is_some_and(hyper::Error::is_parse_too_large) {
        return Failure::bad(Reason::Protocol, "the header of the answer has no end in sight");
    }
    if cut {
        return Failure::bad(
            Reason::Reset,
            format!("the connection ended before a whole response header had come: {words}"),
        );
    }
    let verdict = if inside.hyper.is_some_and(hyper::Error::is_parse) {
        "the answer is not HTTP"
    } else {
        "the answer breaks the rules of HTTP"
    };
    Failure::bad(Reason::Protocol, format!("{verdict}: {words}"))
}

fn is_cut(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::NotConnected
    )
}
