//! One request made ready: what is written on the wire so that the right server gets it under the right name.
//!
//! It is made anew for each run: that costs no more than copying one made before, and tens of thousands of checks need not
//! keep theirs in between.
//!
//! Three things can differ from the URL: the address (`connect_to`, or the one that was resolved), the name in SNI and
//! certificate (`tls.server_name`), and the `Host` header. The client takes SNI from the URL it is given and an address
//! from our resolver only for names, so the URL on the wire is bent and the `Host` header put right. Where the two
//! differ, HTTP/2 is not offered, because there the URL's authority goes out in place of `Host`.
//!
//! It sends nothing.

use super::client::Way;
use super::jar::Jar;
use super::redirect::{Ask, same_host};
use crate::model::{Auth, Host, HttpSpec, HttpVersion, may_hold_secret};
use crate::probe::tls::{Alpn, Offer};
use crate::probe::{Engine, Error};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Request};
use rustls::pki_types::ServerName;
use std::net::IpAddr;
use url::{Position, Url};

/// Headers that describe a body, and go when the body goes.
const OF_BODY: [HeaderName; 4] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::TRANSFER_ENCODING,
];
/// Headers that we add: `user-agent`, `accept`, `host` and `authorization`.
const OWN_HEADERS: usize = 4;
/// What we call ourselves, unless the probe sets a `user-agent`.
pub(super) const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("nephoscope/", env!("CARGO_PKG_VERSION")));

/// What goes along with a request and is not in its spec.
#[derive(Clone, Copy, Default)]
pub(super) struct Along<'a> {
    /// Cookies of this run.
    pub(super) jar: Option<&'a Jar>,
    /// A token, for the host that the probe names.
    pub(super) authorization: Option<&'a HeaderValue>,
}

/// One request made ready, apart from the request itself.
pub(super) struct Errand {
    /// What is asked, as a person would write it.
    pub(super) ask: Ask,
    /// What sends it.
    pub(super) client: Client,
    /// The name the certificate must be for, where it is not the host that the client sees.
    pub(super) expected: Option<ServerName<'static>>,
    /// Whether it goes to the host that the probe names.
    pub(super) home: bool,
}

impl Errand {
    /// Makes ready what `spec` wants to be asked at `ask`; with it, what goes out.
    pub(super) fn new(
        spec: &HttpSpec,
        ask: Ask,
        engine: &Engine,
        along: Along<'_>,
    ) -> Result<(Self, Request), Error> {
        let home = same_host(&spec.url, &ask.url);
        let secure = ask.url.scheme() == "https";
        let bent = Bent::new(spec, &ask.url, home && secure, home)?;
        let mut headers = headers(spec, &ask, home, &bent.url);
        let own_host = headers.contains_key(header::HOST);
        let alpn = if secure && own_host { Alpn::Http1 } else { offered(spec) };
        let config = engine.tls.config(&spec.tls, Offer { alpn, sni: bent.sni })?;
        let prior_knowledge = !secure && alpn == Alpn::Http2Only;
        let way = Way { prior_knowledge, proxy: spec.proxy.as_deref() };
        let client = engine.http.client(&config, way)?;
        complete(&mut headers, &ask.url, secure);
        if !spec.decompress.is_empty() {
            let codings = HeaderValue::from_str(&spec.decompress.to_string());
            headers.extend(codings.ok().map(|codings| (header::ACCEPT_ENCODING, codings)));
        }
        if let Some(jar) = along.jar {
            jar.add(&mut headers, &ask.url);
        }
        if let (true, Some(token)) = (home, along.authorization) {
            headers.insert(header::AUTHORIZATION, token.clone());
        }
        let mut building = client.request(ask.method.clone(), bent.url);
        if home {
            building = match spec.auth.as_deref() {
                Some(Auth::Basic { user, password }) => {
                    building.basic_auth(user, Some(password.reveal()))
                }
                Some(Auth::Bearer(token)) => building.bearer_auth(token.reveal()),
                None => building,
            };
        }
        if let (true, Some(body)) = (ask.with_body, &spec.body) {
            building = building.body(body.clone());
        }
        let mut request = building.build().map_err(Error::Http)?;
        headers.extend(request.headers_mut().drain());
        *request.headers_mut() = headers;
        Ok((Self { ask, client, expected: bent.expected, home }, request))
    }
}

/// The versions to offer where TLS lets both sides agree on one.
fn offered(spec: &HttpSpec) -> Alpn {
    let Some(versions) = spec.versions else { return Alpn::Http2 };
    match (versions.only_two(), versions.contains(HttpVersion::Http2)) {
        (true, _) => Alpn::Http2Only,
        (false, true) => Alpn::Http2,
        (false, false) => Alpn::Http1,
    }
}

/// Host and port to connect to for `url`: those of a proxy that resolves by itself, else of the target.
pub(super) fn target(spec: &HttpSpec, url: &Url, home: bool) -> (Host, u16) {
    if let Some(proxy) = spec.proxy.as_ref().filter(|proxy| proxy.kind.resolves()) {
        return (proxy.host.clone(), proxy.port);
    }
    let port = url.port_or_known_default().expect("http and https have a default port");
    if let (true, Some((ip, own_port))) = (home, spec.connect_to) {
        return (Host::Ip(ip), own_port.unwrap_or(port));
    }
    (url.host().expect("http and https URLs have a host").into(), port)
}

/// The URL as the client must see it.
struct Bent {
    url: Url,
    expected: Option<ServerName<'static>>,
    sni: bool,
}

impl Bent {
    fn new(spec: &HttpSpec, asked: &Url, secure_home: bool, home: bool) -> Result<Self, Error> {
        let mut url = asked.clone();
        // Credentials in the probe's URL are what `auth` would be; `auth` wins, and the client would send both.
        let own = home && spec.auth.is_none();
        let _ = url.set_username(if own { spec.url.username() } else { "" });
        let _ = url.set_password(spec.url.password().filter(|_| own));
        let mut bent = Self { url, expected: None, sni: true };
        let literal = matches!(asked.host(), Some(url::Host::Ipv4(_) | url::Host::Ipv6(_)));
        if let (true, Some((ip, port))) = (home, spec.connect_to) {
            if literal {
                bent.expected = Some(certificate_name(asked)?);
                bent.url.set_ip_host(ip).map_err(|()| unfit(&ip.to_string()))?;
            }
            if let Some(port) = port {
                bent.url.set_port(Some(port)).map_err(|()| unfit(&port.to_string()))?;
            }
        }
        if let (true, Some(name)) = (secure_home, &spec.tls.server_name) {
            if let Ok(ip) = name.parse::<IpAddr>() {
                bent.expected = Some(ServerName::from(ip));
                bent.sni = false;
            } else {
                bent.expected = None;
                bent.url.set_host(Some(name)).map_err(|_| unfit(name))?;
            }
        }
        if bent.url.scheme() == "https" {
            certificate_name(&bent.url)?;
            // The client takes the brackets for part of a name (reqwest 0.13.5, its issue 3094).
            if let (Some(url::Host::Ipv6(ip)), true) = (bent.url.host(), spec.proxy.is_some()) {
                let said = format!("`{ip}` over TLS through a proxy is not supported yet");
                return Err(Error::Address(said));
            }
        }
        Ok(bent)
    }
}

fn certificate_name(url: &Url) -> Result<ServerName<'static>, Error> {
    match url.host() {
        Some(url::Host::Domain(name)) => {
            ServerName::try_from(name.to_owned()).map_err(|_| unfit(name))
        }
        Some(url::Host::Ipv4(ip)) => Ok(ServerName::from(IpAddr::V4(ip))),
        Some(url::Host::Ipv6(ip)) => Ok(ServerName::from(IpAddr::V6(ip))),
        None => Err(unfit("")),
    }
}

fn unfit(name: &str) -> Error {
    Error::Tls(format!("`{name}` cannot be the name of a server"))
}

/// The headers to send, with a `Host` only where the client would send another one by itself.
fn headers(spec: &HttpSpec, ask: &Ask, home: bool, wire: &Url) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(spec.headers.len() + OWN_HEADERS);
    for (name, value) in &spec.headers {
        // What was given by reference is as secret as what is one by its name; a `Host` is of one host.
        let is_secret = may_hold_secret(name) || value.is_sensitive();
        let is_private = is_secret || *name == header::HOST;
        let stays = (home || !is_private) && (ask.with_body || !drops(spec, ask, name));
        if stays {
            headers.append(name, value.clone());
        }
    }
    let differs = wire.host() != ask.url.host() || wire.port() != ask.url.port();
    if differs && !headers.contains_key(header::HOST) {
        headers.extend(authority(&ask.url).map(|value| (header::HOST, value)));
    }
    headers
}

/// Adds what the client would add to each request anew. With TLS the `Host` is left to it: HTTP/2 has none.
fn complete(headers: &mut HeaderMap, url: &Url, secure: bool) {
    headers.entry(header::USER_AGENT).or_insert(USER_AGENT);
    headers.entry(header::ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    if let (false, Some(host)) = (secure, authority(url)) {
        headers.entry(header::HOST).or_insert(host);
    }
}

/// The value of `Host` for this URL.
fn authority(url: &Url) -> Option<HeaderValue> {
    HeaderValue::from_str(&url[Position::BeforeHost..Position::AfterPort]).ok()
}

/// Whether this header describes a body that a redirect took away.
fn drops(spec: &HttpSpec, ask: &Ask, name: &HeaderName) -> bool {
    spec.body.is_some() && !ask.with_body && OF_BODY.contains(name)
}
