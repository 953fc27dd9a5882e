//! On what way an HTTP request goes: proxies and token servers, and what cannot be wanted together.
//!
//! What could never be good is refused here, where somebody reads it.
//!
//! It connects to nobody.

use crate::config::build::{Builder, Job, parse_address, parse_url};
use crate::config::problem::{Kind, Problem};
use crate::config::raw::{RawAuth, RawHttp};
use crate::config::template::Position;
use crate::model::{Auth, ClientAuth, OAuth2, Proxy, ProxyKind, Redirects, TlsSpec};
use std::sync::Arc;

const A_PROXY: &str = "`http://host:port`, `socks5://host:port` (this host resolves) or `socks5h://host:port` (the proxy does)";

impl Builder<'_> {
    /// Credentials for which a token is to be had; `Some(None)` where there are none.
    #[expect(
        clippy::option_option,
        reason = "none because nobody asked is not none because of a fault"
    )]
    pub(super) fn oauth2(
        &mut self,
        job: &mut Job<'_, '_>,
        raw: &RawHttp,
    ) -> Option<Option<Box<OAuth2>>> {
        let Some(RawAuth::OAuth2(raw)) = raw.auth.as_ref().map(|at| &at.value) else {
            return Some(None);
        };
        let key = "http.auth.oauth2.token_url";
        let text = job.fill(key, &raw.token_url, Position::Url)?;
        let token_url = match parse_url(&text) {
            Ok(url) => url,
            Err(fault) => {
                let path = job.path_of(key);
                let problem = fault.problem(self.context, path, &text, raw.token_url.place);
                self.context.sink.report(problem);
                return None;
            }
        };
        if token_url.scheme() == "http" && !super::on_this_host(&token_url) {
            let said = "credentials travel in the clear".to_owned();
            let place = raw.token_url.place;
            let problem = Problem::new(Kind::PlainAuth, job.path_of(key), place, said)
                .label("the secret is sent without TLS")
                .hint("use `https`");
            self.context.sink.report(problem);
        }
        let mut params = Vec::with_capacity(raw.params.len());
        for (name, template) in &raw.params {
            let key = format!("http.auth.oauth2.params.{}", name.value);
            params.push((name.value.clone(), job.fill(&key, template, Position::Plain)?));
        }
        let ca = job.plan.probe.tls.as_ref().and_then(|tls| tls.value.ca.as_ref());
        let scopes = raw.scopes.iter().flat_map(|list| &list.value);
        Some(Some(Box::new(OAuth2 {
            token_url,
            client_id: raw.client_id.value.clone(),
            client_secret: raw.client_secret.value.clone(),
            scopes: scopes.map(|scope| scope.value.clone()).collect(),
            params,
            client_auth: raw.client_auth.as_ref().map_or(ClientAuth::Basic, |at| at.value),
            tls: match ca {
                None => Arc::clone(&self.no_tls),
                Some(ca) => Arc::new(TlsSpec { ca: Some(ca.value.clone()), ..TlsSpec::default() }),
            },
        })))
    }
}

/// Credentials that are sent as they are.
pub(super) fn plain(raw: &RawHttp) -> Option<Box<Auth>> {
    match &raw.auth.as_ref()?.value {
        RawAuth::Plain(auth) => Some(Box::new(auth.clone())),
        RawAuth::OAuth2(_) => None,
    }
}

/// The proxy; `Some(None)` where there is none.
#[expect(
    clippy::option_option,
    reason = "none because nobody asked is not none because of a fault"
)]
pub(super) fn proxy(job: &mut Job<'_, '_>, raw: &RawHttp) -> Option<Option<Box<Proxy>>> {
    let Some(template) = &raw.way.proxy else { return Some(None) };
    let text = job.fill("http.proxy", template, Position::Url)?;
    let problem = match parse_proxy(&text) {
        Ok(proxy) if proxy.kind.resolves() && raw.connect_to.is_some() => {
            let place = raw.connect_to.as_ref().map_or(template.place, |to| to.place);
            let said = "the proxy chooses the address, and so does `connect_to`";
            Problem::new(Kind::Conflict, job.path_of("http.connect_to"), place, said)
                .label("can never be met")
                .also(template.place, "the proxy")
                .hint("with `socks5://…` this host chooses")
        }
        Ok(proxy) => return Some(Some(Box::new(proxy))),
        Err(None) => {
            job.context.sources.mask(template.place);
            let said = "a password does not belong into a URL";
            Problem::new(Kind::PlainSecret, job.path_of("http.proxy"), template.place, said)
                .label("written as text")
                .hint("proxies that ask for a password are not supported yet")
        }
        Err(Some(why)) => {
            let said = format!("`{text}` is not a proxy");
            Problem::new(Kind::BadUrl, job.path_of("http.proxy"), template.place, said)
                .label(why)
                .expected(A_PROXY)
        }
    };
    job.context.sink.report(problem);
    None
}

/// The proxy, or why it is none; no words where it holds credentials.
fn parse_proxy(text: &str) -> Result<Proxy, Option<String>> {
    let (scheme, rest) =
        text.split_once("://").ok_or_else(|| Some("the scheme is missing".to_owned()))?;
    let kind = ProxyKind::from_word(scheme)
        .ok_or_else(|| Some(format!("the scheme is `{}`", scheme.escape_default())))?;
    let address = rest.strip_suffix('/').unwrap_or(rest);
    if address.contains('@') {
        return Err(None);
    }
    let (host, port) = parse_address(address).map_err(Some)?;
    Ok(Proxy { kind, host, port })
}

/// Reports what could never be good, whatever the server answers; whether there is nothing of the kind.
pub(super) fn possible(job: &Job<'_, '_>, raw: &RawHttp, url: &url::Url) -> bool {
    let mut sound = true;
    let mut conflict = |key: &str, place, said: &str, also, what: &str| {
        let problem = Problem::new(Kind::Conflict, job.path_of(key), place, said)
            .label("can never be met")
            .also(also, what);
        job.context.sink.report(problem);
        sound = false;
    };
    let secure = url.scheme() == "https";
    let stays = raw.redirects.as_ref().is_some_and(|at| at.value == Redirects::Off);
    if let Some(encrypted) = raw.way.encrypted.as_ref() {
        if encrypted.value && !secure && stays {
            let said = "an answer over TLS is wanted, and none is asked for";
            let what = "the URL is `http`, and redirects are not followed";
            conflict("http.encrypted", encrypted.place, said, raw.url.place, what);
        }
        if !encrypted.value && secure {
            let said = "an answer without TLS is wanted, and one over TLS is asked for";
            let what = "the URL is `https`, and no redirect leads away from TLS";
            conflict("http.encrypted", encrypted.place, said, raw.url.place, what);
        }
    }
    let host = raw.headers.iter().find(|(name, _)| name.value == http::header::HOST);
    let is_v6 = matches!(url.host(), Some(url::Host::Ipv6(_)));
    let server_name = job.plan.probe.tls.as_ref().and_then(|tls| tls.value.server_name.as_ref());
    if let (Some(proxy), true, None) = (&raw.way.proxy, secure && is_v6, server_name) {
        let said = "an IPv6 address over TLS through a proxy is not supported yet";
        conflict("http.proxy", proxy.place, said, raw.url.place, "the address is in this URL");
    }
    let own_name = host
        .map(|(name, _)| name.place)
        .or(server_name.filter(|_| secure).map(|template| template.place));
    let only_two = raw.way.versions.as_ref().filter(|versions| versions.value.only_two());
    if let (Some(versions), Some(name)) = (only_two, own_name) {
        let said = "HTTP/2 alone is not offered under a name that is not the URL's";
        conflict("http.versions", versions.place, said, name, "another name is given here");
    }
    let accepted = raw.headers.iter().find(|(name, _)| name.value == http::header::ACCEPT_ENCODING);
    let codings = raw.way.decompress.as_ref().filter(|codings| !codings.value.is_empty());
    if let (Some(codings), Some((name, _))) = (codings, accepted) {
        let said = "`decompress` asks for codings, and so does a header";
        conflict("http.decompress", codings.place, said, name.place, "asked for here");
    }
    sound
}

#[cfg(test)]
mod tests {
    use super::parse_proxy;

    #[test]
    fn proxies_are_a_scheme_a_host_and_a_port() {
        for fine in ["http://proxy.example:3128", "socks5://[::1]:1080/", "socks5h://192.0.2.9:1"] {
            let shown = parse_proxy(fine).unwrap().to_string();
            assert_eq!(shown, fine.trim_end_matches('/'));
        }
        let why = |text: &str| parse_proxy(text).unwrap_err();
        assert_eq!(why("https://a:1").as_deref(), Some("the scheme is `https`"));
        assert_eq!(why("http://a").as_deref(), Some("the port is missing"));
        assert_eq!(why("http://u:p@a:1"), None);
        assert!(why("http://a:1/path").is_some());
    }
}
