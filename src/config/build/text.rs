//! Hosts, addresses and URLs as people write them.
//!
//! The readers are stricter than the libraries below them, which guess: what is not plainly a host, an address or a URL
//! is refused with one short sentence on why.
//!
//! They resolve nothing.

use crate::config::decode::Context;
use crate::config::problem::{Kind, Problem};
use crate::config::source::Place;
use crate::model::Host;
use std::net::IpAddr;

/// A host name or an address, without a port.
pub(in crate::config) fn parse_host(text: &str) -> Result<Host, String> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok(Host::Ip(ip));
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    if name.is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.contains("://") {
        return Err("it is a URL".to_owned());
    }
    if let Some(odd) =
        name.chars().find(|each| !(each.is_ascii_alphanumeric() || matches!(each, '.' | '-' | '_')))
    {
        return Err(match odd {
            ':' => "it has a port, or is not an IPv6 address".to_owned(),
            odd if !odd.is_ascii() => format!("`{odd}` must be written in Punycode (`xn--…`)"),
            ' ' => "it has a blank in it".to_owned(),
            odd => format!("it has `{}` in it", odd.escape_default()),
        });
    }
    if name.len() > 253 || name.split('.').any(|label| label.is_empty() || label.len() > 63) {
        return Err("a part of it is empty or too long".to_owned());
    }
    let last = name.rsplit('.').next().unwrap_or(name);
    if last.chars().all(|each| each.is_ascii_digit()) {
        return Err("it looks like an IPv4 address and is none".to_owned());
    }
    Ok(Host::Name(text.into()))
}

/// `host:port`, `192.0.2.7:25`, `[2001:db8::1]:25`.
pub(in crate::config) fn parse_address(text: &str) -> Result<(Host, u16), String> {
    if text.parse::<std::net::Ipv6Addr>().is_ok() {
        return Err("an IPv6 address before a port needs brackets".to_owned());
    }
    let (host, port) = text.rsplit_once(':').ok_or_else(|| "the port is missing".to_owned())?;
    let port = port
        .parse()
        .ok()
        .filter(|port| *port > 0)
        .ok_or_else(|| format!("`{port}` is not a port from 1 to 65535"))?;
    let host = match host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(inner) => {
            let ip: std::net::Ipv6Addr = inner
                .parse()
                .map_err(|_| "what is in brackets is not an IPv6 address".to_owned())?;
            Host::Ip(ip.into())
        }
        None => parse_host(host)?,
    };
    Ok((host, port))
}

/// What may be the host of an endpoint: a host, or one with a port.
pub(in crate::config) fn endpoint_host(text: &str) -> Result<(), String> {
    let alone = parse_host(text);
    if alone.is_ok() || parse_address(text).is_ok() {
        return Ok(());
    }
    alone.map(|_| ())
}

/// Why a text is no URL that can be probed.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::config) struct UrlFault {
    why: String,
    hint: Option<String>,
    /// It holds a password.
    secret: bool,
}

impl UrlFault {
    fn plain(why: impl Into<String>) -> Self {
        Self { why: why.into(), hint: None, secret: false }
    }

    /// In words for a person who typed the URL.
    pub(in crate::config) fn on_command_line(&self, text: &str) -> String {
        if self.secret {
            // The URL is not repeated: what is printed is kept in more places than what is typed.
            let why = &self.why;
            return format!(
                "the URL cannot be probed: {why}, which do not belong on a command line"
            );
        }
        format!("`{text}` cannot be probed: {}", self.why)
    }

    /// As a problem of the value at `path`.
    pub(in crate::config) fn problem(
        self,
        context: Context<'_>,
        path: String,
        text: &str,
        place: Place,
    ) -> Problem {
        if self.secret {
            context.sources.mask(place);
            let said = "a password does not belong into a URL";
            return Problem::new(Kind::PlainSecret, path, place, said)
                .label("written as text")
                .hint(
                    "`auth = { basic = { user = \"…\", password = { file = \"…\" } } }` sends one",
                );
        }
        let said = format!("`{text}` is not a URL that can be probed");
        let problem = Problem::new(Kind::BadUrl, path, place, said)
            .label(self.why)
            .expected("`http://` or `https://`, a host, perhaps a port and a path");
        match self.hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}

/// An `http` or `https` URL with a host and without credentials.
pub(in crate::config) fn parse_url(text: &str) -> Result<url::Url, UrlFault> {
    if let Some(odd) = text.chars().find(|each| each.is_whitespace() || each.is_control()) {
        return Err(UrlFault::plain(match odd {
            ' ' => "it has a blank in it".to_owned(),
            odd => format!("it has `{}` in it", odd.escape_default()),
        }));
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        let hint = parse_host(text.split(['/', ':']).next().unwrap_or(text)).is_ok();
        return Err(UrlFault {
            why: "the scheme is missing".to_owned(),
            hint: hint.then(|| format!("did you mean `https://{text}`?")),
            secret: false,
        });
    };
    if !matches!(scheme, "http" | "https") {
        let hint = match scheme {
            "tcp" | "tls" => Some("a `tcp` probe connects without HTTP".to_owned()),
            "dns" => Some("a `dns` probe asks a name server".to_owned()),
            _ => None,
        };
        return Err(UrlFault { why: format!("the scheme is `{scheme}`"), hint, secret: false });
    }
    if rest.is_empty() || rest.starts_with(['/', '?', '#']) {
        return Err(UrlFault::plain("the host is missing"));
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    if authority.contains('@') {
        return Err(UrlFault { why: "it holds credentials".to_owned(), hint: None, secret: true });
    }
    let url = url::Url::parse(text).map_err(|error| UrlFault::plain(error.to_string()))?;
    if url.port() == Some(0) {
        return Err(UrlFault::plain("its port is 0"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_or_addresses() {
        assert_eq!(parse_host("shop.example.com"), Ok(Host::Name("shop.example.com".into())));
        assert_eq!(parse_host("192.0.2.7"), Ok(Host::Ip("192.0.2.7".parse().unwrap())));
        assert_eq!(parse_host("2001:db8::1"), Ok(Host::Ip("2001:db8::1".parse().unwrap())));
        assert_eq!(
            parse_host("300.1.1.1").unwrap_err(),
            "it looks like an IPv4 address and is none"
        );
        assert_eq!(parse_host("a b").unwrap_err(), "it has a blank in it");
        assert_eq!(parse_host("a..b").unwrap_err(), "a part of it is empty or too long");
        assert_eq!(parse_host("https://a").unwrap_err(), "it is a URL");
    }

    #[test]
    fn addresses_have_a_port() {
        assert_eq!(parse_address("a.example:25"), Ok((Host::Name("a.example".into()), 25)));
        assert_eq!(parse_address("[::1]:25"), Ok((Host::Ip("::1".parse().unwrap()), 25)));
        assert_eq!(parse_address("a.example").unwrap_err(), "the port is missing");
        assert_eq!(parse_address("a.example:0").unwrap_err(), "`0` is not a port from 1 to 65535");
        assert_eq!(
            parse_address("2001:db8::1").unwrap_err(),
            "an IPv6 address before a port needs brackets"
        );
    }

    #[test]
    fn urls_are_plainly_http() {
        let why = |text| parse_url(text).unwrap_err().why;
        assert_eq!(
            parse_url("https://a.example/x?y#z").unwrap().as_str(),
            "https://a.example/x?y#z"
        );
        assert_eq!(why("a.example/x"), "the scheme is missing");
        assert_eq!(why("ftp://a.example"), "the scheme is `ftp`");
        assert_eq!(why("https:///x"), "the host is missing");
        assert_eq!(why("https://u:p@a.example/"), "it holds credentials");
        assert_eq!(why("https://a b/"), "it has a blank in it");
    }
}
