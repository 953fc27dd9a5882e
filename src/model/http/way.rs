//! On what way an HTTP request goes: codings it asks for, a proxy, a token to be had first.
//!
//! All of it is an explicit choice; nothing here comes from the environment.
//!
//! It opens no connection.

use crate::model::words::words;
use crate::model::{Host, Secret, TlsSpec};
use std::fmt;
use std::sync::Arc;

words! {
    /// A coding of a body that can be undone.
    Coding {
        /// RFC 1952.
        Gzip = "gzip",
        /// RFC 1950; without its frame, as some servers send it, too.
        Deflate = "deflate",
    }
}

/// Codings that are asked for, in this order, and undone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Codings(pub Box<[Coding]>);

impl Codings {
    /// Whether nothing is asked for and nothing undone.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// As in `accept-encoding`.
impl fmt::Display for Codings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, coding) in self.0.iter().enumerate() {
            write!(out, "{}{coding}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

words! {
    /// How a proxy is spoken to, and with it which side resolves the name of the target.
    ProxyKind {
        /// CONNECT for `https`, the whole URL in the request for `http`; the proxy resolves.
        Http = "http",
        /// RFC 1928; this host resolves, and the proxy is told the address.
        Socks5 = "socks5",
        /// RFC 1928; the proxy is told the name and resolves.
        Socks5h = "socks5h",
    }
}

impl ProxyKind {
    /// Whether the proxy resolves the name of the target.
    pub const fn resolves(self) -> bool {
        !matches!(self, Self::Socks5)
    }
}

/// Where a request goes instead of straight to its target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// How it is spoken to.
    pub kind: ProxyKind,
    /// Its host.
    pub host: Host,
    /// Its port.
    pub port: u16,
}

/// As a URL.
impl fmt::Display for Proxy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Ip(std::net::IpAddr::V6(ip)) => {
                write!(out, "{}://[{ip}]:{}", self.kind, self.port)
            }
            host => write!(out, "{}://{host}:{}", self.kind, self.port),
        }
    }
}

words! {
    /// How a client says who it is when it asks for a token (RFC 6749, 2.3.1).
    ClientAuth {
        /// In the header, as RFC 7617.
        Basic = "basic",
        /// In the body, as `client_id` and `client_secret`.
        Body = "body",
    }
}

/// Client credentials, for which a token is to be had (RFC 6749, 4.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuth2 {
    /// Who gives tokens.
    pub token_url: url::Url,
    /// Who asks.
    pub client_id: String,
    /// What proves it.
    pub client_secret: Secret,
    /// What is asked for; none is what the server thinks right.
    pub scopes: Vec<String>,
    /// Further fields of the form, such as `audience`.
    pub params: Vec<(String, String)>,
    /// How the client says who it is.
    pub client_auth: ClientAuth,
    /// How TLS is done with the one who gives tokens: the roots of the probe, nothing else of its settings.
    pub tls: Arc<TlsSpec>,
}
