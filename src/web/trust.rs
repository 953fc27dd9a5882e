//! Whether whoever asks may be shown what is not for everybody: what servers said in the stories of failures.
//!
//! That is who is named in the configuration, who opened the local socket, and, where only this machine reaches the listener,
//! who calls it by an address or as `localhost`: a page of anybody's may give its own name our address, and be our own page for
//! the browser that shows it. The gate says it with the request; where it was not said, nobody is trusted.
//!
//! It does not decide who may come in.

use axum::extract::{FromRequestParts, Request};
use axum::http::header;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use std::convert::Infallible;
use std::net::IpAddr;

/// Whether whoever asks is trusted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trust(pub(super) bool);

impl<S: Sync> FromRequestParts<S> for Trust {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().copied().unwrap_or_default())
    }
}

/// Whether a request calls us by an address, or as `localhost`, and by no name that could be anybody's.
pub(super) fn calls_by_address(request: &Request) -> bool {
    let named = request.headers().get_all(header::HOST).iter().map(|host| host.to_str().ok());
    let mut named = named.chain(request.uri().authority().map(|host| Some(host.as_str())));
    named.all(|host| host.is_some_and(is_this_machine))
}

/// Whether it is an address or `localhost`, perhaps with a port.
fn is_this_machine(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let host = authority.host();
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || literal.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::is_this_machine;

    #[test]
    fn a_name_that_could_be_anybodys_is_told_from_an_address() {
        for own in ["127.0.0.1", "127.0.0.1:9464", "[::1]:9464", "localhost", "LOCALHOST:1"] {
            assert!(is_this_machine(own), "{own}");
        }
        for odd in ["a.example", "127.0.0.1.a.example:80", "localhost.a.example", "", "[", "::1x"] {
            assert!(!is_this_machine(odd), "{odd}");
        }
    }
}
