//! What tells a cloud from what it serves: a header that names it, for edges whose addresses never change.
//!
//! The first mark that matches wins. A mark is looked for in every response, good or bad.
//!
//! Where a name leads by its addresses is decided in `failover`.

use super::Pattern;
use std::net::SocketAddr;
use std::sync::Arc;

/// A header of the served page that names the provider behind an edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Name of the header.
    pub header: http::HeaderName,
    /// What its value has to match.
    pub matches: Pattern,
    /// The provider that it means.
    pub provider: Arc<str>,
}

/// The provider that the first matching mark names.
pub fn marked<'m>(marks: &'m [Mark], headers: &http::HeaderMap) -> Option<&'m Arc<str>> {
    let named = |mark: &&Mark| {
        let mut values = headers.get_all(&mark.header).iter();
        values.any(|value| mark.matches.is_match(value.as_bytes()))
    };
    marks.iter().find(named).map(|mark| &mark.provider)
}

/// Who is asked where a public name leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedResolver {
    /// The resolver of this host.
    System,
    /// This one.
    At(SocketAddr),
}

impl AskedResolver {
    /// The resolver that `text` names: `system`, or an address with or without a port.
    pub fn from_text(text: &str) -> Option<Self> {
        if text == "system" {
            return Some(Self::System);
        }
        let alone = text.parse().ok().map(|ip| SocketAddr::new(ip, DNS_PORT));
        text.parse().ok().or(alone).map(Self::At)
    }
}

impl std::fmt::Display for AskedResolver {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::System => out.pad("system"),
            Self::At(address) if address.port() == DNS_PORT => out.pad(&address.ip().to_string()),
            Self::At(address) => out.pad(&address.to_string()),
        }
    }
}

/// Where name servers listen.
pub const DNS_PORT: u16 = 53;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolver_is_the_hosts_own_or_an_address_with_or_without_a_port() {
        let said = |text: &str| AskedResolver::from_text(text).map(|who| who.to_string());
        assert_eq!(said("system").as_deref(), Some("system"));
        assert_eq!(said("9.9.9.9").as_deref(), Some("9.9.9.9"));
        assert_eq!(said("9.9.9.9:53").as_deref(), Some("9.9.9.9"));
        assert_eq!(said("[2001:db8::1]:5353").as_deref(), Some("[2001:db8::1]:5353"));
        assert_eq!(said("2001:db8::1").as_deref(), Some("2001:db8::1"));
        assert_eq!(said("dns.example"), None);
    }

    #[test]
    fn the_first_mark_that_matches_names_the_provider() {
        let mark = |matches: &str, provider: &str| Mark {
            header: http::HeaderName::from_static("x-served-by"),
            matches: Pattern::new(regex::bytes::Regex::new(matches).unwrap()),
            provider: provider.into(),
        };
        let marks = [mark("^aws-", "aws"), mark("^gcp-", "gcp"), mark("-1$", "late")];
        let named = |value: &'static str| {
            let mut headers = http::HeaderMap::new();
            headers.append("x-served-by", http::HeaderValue::from_static("edge"));
            headers.append("x-served-by", http::HeaderValue::from_static(value));
            marked(&marks, &headers).map(ToString::to_string)
        };
        assert_eq!(named("gcp-1").as_deref(), Some("gcp"));
        assert_eq!(named("blue-1").as_deref(), Some("late"));
        assert_eq!(named("blue-2"), None);
        assert_eq!(marked(&marks, &http::HeaderMap::new()), None);
    }
}
