//! HTTP probes: from what the file says to an [`HttpSpec`].
//!
//! Defaults are applied here: `GET`, 2xx, ten redirects, 1 MiB of body.
//!
//! It sends nothing.

mod rules;
mod way;

use super::{Builder, Job, parse_url};
use crate::config::problem::{Kind, Problem};
use crate::config::raw::{RawBody, RawHeader, RawHttp};
use crate::config::template::{Position, Template};
use crate::model::{HttpSpec, Redirects, StatusRules};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use way::{plain, possible, proxy};

impl Builder<'_> {
    pub(super) fn http(&mut self, job: &mut Job<'_, '_>, raw: &RawHttp) -> Option<HttpSpec> {
        let text = job.fill("http.url", &raw.url, Position::Url)?;
        let url = match parse_url(&text) {
            Ok(url) => url,
            Err(fault) => {
                let path = job.path_of("http.url");
                let problem = fault.problem(self.context, path, &text, raw.url.place);
                self.context.sink.report(problem);
                return None;
            }
        };
        let redirects = raw.redirects.as_ref().map_or(Redirects::DEFAULT, |at| at.value);
        warn_of_clear_text(job, raw, &url, redirects);
        if !possible(job, raw, &url) {
            return None;
        }
        let probe_tls = job.plan.probe.tls.as_ref();
        Some(HttpSpec {
            url,
            method: raw.method.as_ref().map_or(http::Method::GET, |at| at.value.clone()),
            headers: self.headers(job, raw)?,
            body: match &raw.body {
                None => None,
                Some(RawBody::File(bytes)) => Some(bytes.value.clone()),
                Some(RawBody::Text(template)) => Some(self.payload(job, "http.body", template)?),
            },
            status: raw
                .status
                .as_ref()
                .map_or_else(|| StatusRules(vec![200..=299]), |at| at.value.clone()),
            body_matches: self.patterns(job, "http.body_matches", raw.body_matches.as_ref())?,
            body_lacks: self.patterns(job, "http.body_lacks", raw.body_lacks.as_ref())?,
            headers_match: self.header_rules(job, true, &raw.rules)?,
            headers_lack: self.header_rules(job, false, &raw.rules)?,
            json: self.json_rules(job, &raw.rules)?,
            redirects,
            versions: raw.way.versions.as_ref().map(|at| at.value),
            encrypted: raw.way.encrypted.as_ref().map(|at| at.value),
            decompress: raw.way.decompress.as_ref().map(|at| at.value.clone()).unwrap_or_default(),
            cookies: raw.way.cookies.as_ref().is_some_and(|at| at.value),
            proxy: proxy(job, raw)?,
            auth: plain(raw),
            oauth2: self.oauth2(job, raw)?,
            body_limit: raw.body_limit.as_ref().map_or(HttpSpec::DEFAULT_BODY_LIMIT, |at| at.value),
            connect_to: match &raw.connect_to {
                None => None,
                Some(template) => Some(connect_to(job, template)?),
            },
            tls: self.tls(job, probe_tls.map(|at| &at.value))?,
            marks: Arc::default(),
        })
    }

    fn headers(
        &mut self,
        job: &mut Job<'_, '_>,
        raw: &RawHttp,
    ) -> Option<Vec<(http::HeaderName, http::HeaderValue)>> {
        let mut headers = Vec::with_capacity(raw.headers.len());
        for (name, value) in &raw.headers {
            let key = format!("http.headers.{}", name.value);
            let (bytes, hidden, place) = match value {
                RawHeader::Text(template) => {
                    (self.payload(job, &key, template)?, false, template.place)
                }
                RawHeader::Secret(secret) => {
                    let bytes = bytes::Bytes::copy_from_slice(secret.value.reveal().as_bytes());
                    (bytes, true, secret.place)
                }
            };
            // Bytes beyond ASCII are allowed on the wire and understood by nobody (RFC 9110, 5.5).
            let parsed = Some(bytes)
                .filter(|bytes| bytes.is_ascii())
                .and_then(|bytes| http::HeaderValue::from_maybe_shared(bytes).ok());
            let Some(mut parsed) = parsed else {
                let said = format!("the value of `{}` cannot be sent", name.value);
                let why = "it has a line break, a control character or a letter beyond ASCII";
                job.report(Kind::BadHeader, &key, place, said, why);
                return None;
            };
            parsed.set_sensitive(hidden);
            headers.push((name.value.clone(), parsed));
        }
        Some(headers)
    }
}

fn connect_to(job: &mut Job<'_, '_>, template: &Template) -> Option<(IpAddr, Option<u16>)> {
    let text = job.fill("http.connect_to", template, Position::Address)?;
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some((ip, None));
    }
    if let Ok(address) = text
        .parse::<SocketAddr>()
        .map_err(|_| ())
        .and_then(|address| if address.port() == 0 { Err(()) } else { Ok(address) })
    {
        return Some((address.ip(), Some(address.port())));
    }
    let said = format!("`{text}` is not an IP address");
    let problem = Problem::new(Kind::BadIp, job.path_of("http.connect_to"), template.place, said)
        .expected("an IP address, perhaps with a port: `192.0.2.7`, `[2001:db8::1]:8443`");
    job.context.sink.report(problem);
    None
}

/// Whether `url` leads to nobody else.
fn on_this_host(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn warn_of_clear_text(job: &Job<'_, '_>, raw: &RawHttp, url: &url::Url, redirects: Redirects) {
    if url.scheme() != "http" {
        return;
    }
    if let Some(auth) = raw.auth.as_ref().filter(|_| !on_this_host(url)) {
        let said = "credentials travel in the clear".to_owned();
        let path = job.path_of("http.auth");
        let problem = Problem::new(Kind::PlainAuth, path, auth.place, said)
            .label("sent without TLS")
            .also(raw.url.place, "the URL is `http`")
            .hint("use `https`");
        job.context.sink.report(problem);
    }
    if let Some(tls) = job.plan.probe.tls.as_ref().filter(|_| redirects == Redirects::Off) {
        let said = "there is no TLS to set up".to_owned();
        let problem = Problem::new(Kind::TlsUnused, job.path_of("tls"), tls.place, said)
            .label("has no effect")
            .also(raw.url.place, "the URL is `http`, and redirects are not followed");
        job.context.sink.report(problem);
    }
}
