//! What an HTTP probe asks and what it expects of the answer.
//!
//! Everything is resolved and valid: patterns are compiled, credentials are at hand, files have been read.
//!
//! How it is sent and judged is in `probe`.

mod rules;
mod way;

pub use rules::{HeaderRule, HttpVersions, JsonPath, JsonRule, JsonScalar, JsonWanted, Missing};
pub use way::{ClientAuth, Coding, Codings, OAuth2, Proxy, ProxyKind};

use super::spec::{CONNECT, RESOLVE, TLS};
use super::{Host, Mark, Pattern, Reason, Secret, TlsSpec};
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// An HTTP probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSpec {
    /// Where the first request goes; `http` or `https`.
    pub url: url::Url,
    /// Method of the request.
    pub method: ::http::Method,
    /// Further headers; a `host` here replaces the URL's.
    pub headers: Vec<(::http::HeaderName, ::http::HeaderValue)>,
    /// Body of the request.
    pub body: Option<bytes::Bytes>,
    /// Status codes that are good.
    pub status: StatusRules,
    /// All of these must match the body.
    pub body_matches: Vec<Pattern>,
    /// None of these may match the body.
    pub body_lacks: Vec<Pattern>,
    /// Fields of the answer's header that must be as they say.
    pub headers_match: Box<[HeaderRule]>,
    /// Fields of the answer's header that must not be as they say.
    pub headers_lack: Box<[HeaderRule]>,
    /// What must stand in the JSON of the body.
    pub json: Box<[JsonRule]>,
    /// Versions of which the answer must be one, and which are offered; `None`: HTTP/2 where TLS agrees on it, else 1.1.
    pub versions: Option<HttpVersions>,
    /// Whether the answer must have come over TLS (`true`), or must not have.
    pub encrypted: Option<bool>,
    /// Codings asked for and undone.
    pub decompress: Codings,
    /// Whether cookies of one answer are sent with the next request of the same run.
    pub cookies: bool,
    /// Where requests go instead of straight to their target.
    pub proxy: Option<Box<Proxy>>,
    /// Whether and how far redirects are followed.
    pub redirects: Redirects,
    /// Credentials; sent to the first host only. Boxed, because most probes have none.
    pub auth: Option<Box<Auth>>,
    /// For what credentials a token is to be had and sent; never beside `auth`.
    pub oauth2: Option<Box<OAuth2>>,
    /// Bytes of body that are read before the run is bad (`body_too_large`).
    pub body_limit: u64,
    /// Connect here instead of what the URL's host resolves to; the port is the URL's unless given.
    pub connect_to: Option<(IpAddr, Option<u16>)>,
    /// How TLS is done, for `https` URLs.
    pub tls: Arc<TlsSpec>,
    /// What tells the cloud that served; empty but for the check of a public name.
    pub marks: Arc<[Mark]>,
}

impl HttpSpec {
    /// A GET of `url` with the defaults of the configuration: 2xx, ten redirects, 1 MiB of body.
    pub fn get(url: url::Url) -> Self {
        Self {
            url,
            method: ::http::Method::GET,
            headers: Vec::new(),
            body: None,
            status: StatusRules(vec![200..=299]),
            body_matches: Vec::new(),
            body_lacks: Vec::new(),
            headers_match: Box::default(),
            headers_lack: Box::default(),
            json: Box::default(),
            versions: None,
            encrypted: None,
            decompress: Codings::default(),
            cookies: false,
            proxy: None,
            redirects: Redirects::DEFAULT,
            auth: None,
            oauth2: None,
            body_limit: Self::DEFAULT_BODY_LIMIT,
            connect_to: None,
            tls: Arc::default(),
            marks: Arc::default(),
        }
    }

    /// Bytes of body when nobody says how many.
    pub const DEFAULT_BODY_LIMIT: u64 = 1 << 20;
}

/// Status codes that are good: inclusive ranges, `2xx` is `200..=299`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusRules(pub Vec<RangeInclusive<u16>>);

impl StatusRules {
    /// Whether `code` is good.
    pub fn contains(&self, code: u16) -> bool {
        self.0.iter().any(|range| range.contains(&code))
    }
}

/// How far redirects are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redirects {
    /// Not at all: the 3xx itself is judged.
    Off,
    /// At most so many (1 to 20).
    Limit(u8),
}

impl Redirects {
    /// When nobody says how many.
    pub const DEFAULT: Self = Self::Limit(10);
}

/// Credentials of an HTTP request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// RFC 7617.
    Basic {
        /// User name.
        user: String,
        /// Password.
        password: Secret,
    },
    /// RFC 6750.
    Bearer(Secret),
}

impl HttpSpec {
    pub(super) fn possible_reasons(&self) -> Vec<Reason> {
        let mut reasons = CONNECT.to_vec();
        let follows = self.redirects != Redirects::Off;
        let by_name = matches!(self.url.host(), Some(url::Host::Domain(_)));
        let proxy_by_name =
            self.proxy.as_ref().is_some_and(|proxy| matches!(proxy.host, Host::Name(_)));
        if (by_name && self.connect_to.is_none()) || proxy_by_name || follows {
            reasons.extend(RESOLVE);
        }
        if self.url.scheme() == "https" || follows {
            reasons.extend(TLS);
        }
        reasons.extend([
            Reason::ResponseTimeout,
            Reason::BodyTimeout,
            Reason::Reset,
            Reason::Protocol,
            Reason::Status,
            Reason::BodyTooLarge,
        ]);
        if !self.body_matches.is_empty() || !self.body_lacks.is_empty() {
            reasons.push(Reason::Body);
        }
        if !self.headers_match.is_empty() || !self.headers_lack.is_empty() {
            reasons.push(Reason::Header);
        }
        if !self.json.is_empty() {
            reasons.push(Reason::Json);
        }
        if self.versions.is_some() {
            reasons.push(Reason::HttpVersion);
        }
        if !self.decompress.is_empty() {
            reasons.push(Reason::Encoding);
        }
        if self.proxy.is_some() {
            reasons.push(Reason::Proxy);
        }
        if self.oauth2.is_some() {
            reasons.push(Reason::Auth);
        }
        if follows {
            reasons.extend([Reason::RedirectLimit, Reason::RedirectRefused]);
        }
        reasons
    }
}
