//! HTTP probes: one request through reqwest, redirects followed by hand, each judged and timed.
//!
//! A run asks one host at one address. As long as redirects stay with that host they stay at that address; another host
//! is resolved and its first address asked. The head is judged before the body is read; of an answer that is bad by its head a
//! little of the body is heard for the story. Else the body is read to its end, or to `body_limit`, so that a cut answer is
//! noticed, and kept only where a rule looks at it, and decompressed only where `decompress` says so.
//!
//! It keeps no connection, no cookie and no cache from run to run, only a token until it expires, and repeats nothing.

mod body;
mod client;
mod errand;
mod fault;
mod jar;
mod json;
mod redirect;
mod token;

use super::flight::{Flight, Landing};
use super::heard::Heard;
use super::{Engine, Error, Trace, expect};
use crate::clock::Instant;
use crate::model::{
    Cause, Host, HttpSpec, HttpVersion, Phase, ProbeKind, Proxy, Reason, Redirects, Spec,
    Timestamp, counted, human_latency, marked,
};
use crate::net::Failure;
use body::Body;
pub(super) use client::Clients;
use errand::{Along, Errand, target};
use fault::{Place, fault};
use http::{HeaderValue, StatusCode, Version, header};
use jar::Jar;
use redirect::{Ask, follow, leads_on, shown};
use reqwest::{Request, Response};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use token::Slot;
pub(super) use token::Tokens;

/// How long the body of an answer is heard that was judged by its head.
const GLIMPSE: Duration = Duration::from_millis(250);

pub(super) struct HttpProber {
    /// Of an HTTP probe; shared, because there may be tens of thousands.
    spec: Arc<Spec>,
    /// Where its token is, if it needs one.
    slot: Option<Arc<Slot>>,
}

/// What one run carries from request to request.
#[derive(Default)]
struct Bag {
    jar: Option<Box<Jar>>,
    authorization: Option<HeaderValue>,
}

impl Bag {
    fn along(&self) -> Along<'_> {
        Along { jar: self.jar.as_deref(), authorization: self.authorization.as_ref() }
    }
}

/// A proxy's name and address, where the run knows the address of the target itself.
type Through = Option<(Box<str>, SocketAddr)>;

/// How one request ended, if not in failure.
enum Ended {
    /// Judged good; the sentence for a person.
    Judged(String),
    /// Sent elsewhere.
    Redirected(Ask),
}

impl HttpProber {
    /// Makes `http`, which is the kind of `spec`, ready to run.
    pub(super) fn build(spec: Arc<Spec>, http: &HttpSpec, engine: &Engine) -> Result<Self, Error> {
        Errand::new(http, first(http), engine, Along::default())?;
        let slot = http.oauth2.as_ref().map(|oauth2| engine.tokens.slot(oauth2));
        Ok(Self { spec, slot })
    }

    fn http(&self) -> &HttpSpec {
        match &self.spec.kind {
            ProbeKind::Http(http) => http,
            _ => unreachable!("an HTTP prober is built of an HTTP probe"),
        }
    }

    /// Host and port the first request connects to (`connect_to`, else the URL's).
    pub(super) fn target(&self) -> (Host, u16) {
        target(self.http(), &self.http().url, true)
    }

    /// What the first request asks for, without credentials.
    pub(super) fn label(&self) -> String {
        shown(&first(self.http()).url)
    }

    pub(super) async fn attempt(
        &self,
        engine: &Engine,
        address: SocketAddr,
        trace: &mut Trace,
    ) -> Result<String, Failure> {
        trace.facts.redirects = Some(0);
        let mut bag = Bag::default();
        if self.http().cookies {
            bag.jar = Some(Box::default());
        }
        let Some(slot) = &self.slot else {
            return self.start(engine, address, trace, &mut bag).await;
        };
        // Boxed, because the run without a token should not carry the room for it.
        let asking = Box::pin(slot.authorization(engine, self.spec.ip, trace));
        bag.authorization = Some(asking.await?);
        trace.token.clone_from(&bag.authorization);
        let ended = self.start(engine, address, trace, &mut bag).await;
        if trace.facts.http_status == Some(StatusCode::UNAUTHORIZED.as_u16()) {
            slot.forget();
        }
        ended
    }

    /// The first request, and those that redirects lead to.
    async fn start(
        &self,
        engine: &Engine,
        address: SocketAddr,
        trace: &mut Trace,
        bag: &mut Bag,
    ) -> Result<String, Failure> {
        let (errand, request) =
            Errand::new(self.http(), first(self.http()), engine, bag.along())
                .map_err(|error| Failure::unable(Cause::Internal, error.to_string()))?;
        let through = self.through(engine, trace).await?;
        let ask = match self.one(&errand, request, (address, through), trace, bag).await? {
            Ended::Judged(said) => return Ok(said),
            Ended::Redirected(ask) => ask,
        };
        // Boxed, because the run without redirects should not carry the room for them.
        Box::pin(self.chase(ask, engine, address, trace, bag)).await
    }

    /// Name and address of a proxy that is told the address of the target.
    async fn through(&self, engine: &Engine, trace: &mut Trace) -> Result<Through, Failure> {
        let proxy = self.http().proxy.as_deref().filter(|proxy| !proxy.kind.resolves());
        let Some(Proxy { host: Host::Name(name), port, .. }) = proxy else { return Ok(None) };
        let host = Host::Name(Arc::clone(name));
        trace.enter(Phase::Resolve, Instant::now());
        let ips = Box::pin(engine.resolve(&host, self.spec.ip, trace)).await?;
        trace.close(Instant::now());
        let ip = *ips.first().expect("a resolved host has an address");
        Ok(Some(((**name).into(), SocketAddr::new(ip, *port))))
    }

    /// Follows redirects from `ask` on.
    async fn chase(
        &self,
        mut ask: Ask,
        engine: &Engine,
        address: SocketAddr,
        trace: &mut Trace,
        bag: &mut Bag,
    ) -> Result<String, Failure> {
        let limit = match self.http().redirects {
            Redirects::Off => 0,
            Redirects::Limit(limit) => u32::from(limit),
        };
        let mut visited = vec![first(self.http())];
        let mut followed = 0;
        loop {
            let target = shown(&ask.url);
            if visited.contains(&ask) {
                let said = format!("redirected in a loop: to `{target}` for the second time");
                return Err(Failure::bad(Reason::RedirectLimit, said));
            }
            if followed == limit {
                let said = format!("redirected more than {limit} times, next to `{target}`");
                return Err(Failure::bad(Reason::RedirectLimit, said));
            }
            followed += 1;
            visited.push(ask.clone());
            trace.name_hop(|| self.label());
            trace.begin_hop(target, Instant::now());
            trace.facts.redirects = Some(followed);
            ask = match self.hop(ask, engine, address, trace, bag).await {
                Ok(Ended::Judged(said)) => return Ok(said),
                Ok(Ended::Redirected(ask)) => ask,
                Err(failure) => return Err(placed(failure, &visited)),
            };
        }
    }

    /// One request after the first: chooses the address, then asks.
    async fn hop(
        &self,
        ask: Ask,
        engine: &Engine,
        address: SocketAddr,
        trace: &mut Trace,
        bag: &mut Bag,
    ) -> Result<Ended, Failure> {
        let (errand, request) =
            Errand::new(self.http(), ask, engine, bag.along()).map_err(|error| match &error {
                // That is a limit of ours, and says nothing about the service.
                Error::Address(_) => Failure::unable(Cause::Unable, error.to_string()),
                _ => Failure::bad(Reason::RedirectRefused, error.to_string()),
            })?;
        let (host, port) = target(self.http(), &errand.ask.url, errand.home);
        let proxied = self.http().proxy.as_ref().is_some_and(|proxy| proxy.kind.resolves());
        let ip = if errand.home || proxied {
            address.ip()
        } else {
            if matches!(host, Host::Name(_)) {
                trace.enter(Phase::Resolve, Instant::now());
            }
            let addresses = engine.resolve(&host, self.spec.ip, trace).await?;
            *addresses.first().expect("a resolved host has an address")
        };
        let address = SocketAddr::new(ip, port);
        trace.address = Some(address);
        let through = self.through(engine, trace).await?;
        self.one(&errand, request, (address, through), trace, bag).await
    }

    /// One request, sent and judged.
    async fn one(
        &self,
        errand: &Errand,
        request: Request,
        (address, through): (SocketAddr, Through),
        trace: &mut Trace,
        bag: &mut Bag,
    ) -> Result<Ended, Failure> {
        let response = send(errand, request, self.http(), (address, through), trace).await?;
        trace.enter(Phase::Transfer, Instant::now());
        trace.heard = Heard::head(&response);
        let status = response.status();
        let code = status.as_u16();
        let headers = response.headers();
        trace.hop_status = Some(code);
        let facts = &mut trace.facts;
        facts.http_status = Some(code);
        facts.http_version = version(response.version());
        facts.content_length =
            headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        facts.last_modified = headers.get(header::LAST_MODIFIED).and_then(moment);
        facts.body_bytes = None;
        facts.served_by = marked(&self.http().marks, headers).cloned();

        let location = headers
            .get(header::LOCATION)
            .filter(|_| self.http().redirects != Redirects::Off && leads_on(code));
        if let Some(location) = location {
            if let Some(jar) = &mut bag.jar {
                jar.keep(headers, &errand.ask.url);
            }
            return follow(&errand.ask, code, location.as_bytes()).map(Ended::Redirected);
        }
        if let Err(failure) = self.judge_head(&response, errand, trace) {
            trace.settled = Some(Box::new(failure));
            glimpse(response, trace).await;
            return Err(*trace.settled.take().expect("only the end of the run takes it"));
        }
        let bytes = self.read(response, errand, address, trace).await?;
        Ok(Ended::Judged(good(status, bytes, trace)))
    }

    /// Judges what is known before the body comes.
    fn judge_head(
        &self,
        response: &Response,
        errand: &Errand,
        trace: &Trace,
    ) -> Result<(), Failure> {
        expect::version(self.http(), trace.facts.http_version)?;
        expect::encryption(self.http(), errand.ask.url.scheme() == "https")?;
        expect::status(&self.http().status, response.status().as_u16())?;
        expect::headers(self.http(), response.headers())
    }

    /// Reads the body to its end and judges it; gives its length.
    async fn read(
        &self,
        mut response: Response,
        errand: &Errand,
        address: SocketAddr,
        trace: &mut Trace,
    ) -> Result<u64, Failure> {
        let limit = self.http().body_limit;
        // A length stated here is that of a body that does not come (RFC 9110, 8.6).
        let bodiless = errand.ask.method == http::Method::HEAD
            || matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if let Some(stated) =
            trace.facts.content_length.filter(|stated| !bodiless && *stated > limit)
        {
            let said =
                format!("the body has {stated} bytes, at most {limit} are read (`body_limit`)");
            return Err(Failure::bad(Reason::BodyTooLarge, said));
        }
        let mut body = Body::new(self.http(), response.headers())?;
        trace.facts.body_bytes = Some(0);
        loop {
            let chunk = match response.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                Err(error) => {
                    let place = Place {
                        body_bytes: body.count(),
                        ..place(Phase::Transfer, self.http(), errand, address)
                    };
                    return Err(fault(&error, &place));
                }
            };
            trace.heard.body(&chunk);
            let added = body.add(chunk);
            trace.facts.body_bytes = Some(body.count());
            added?;
        }
        let ended = body.end();
        trace.facts.body_bytes = Some(body.count());
        ended?;
        if expect::wants_body(self.http()) {
            expect::body(self.http(), body.kept())?;
            json::judge(self.http(), body.kept())?;
        }
        Ok(body.count())
    }
}

/// Hears the beginning of the body of an answer that was judged by its head, for the story: what comes soon.
async fn glimpse(mut response: Response, trace: &mut Trace) {
    let words = async {
        while trace.heard.has_room()
            && let Ok(Some(chunk)) = response.chunk().await
        {
            trace.heard.body(&chunk);
        }
    };
    // However that ends, the verdict stands.
    let _ = tokio::time::timeout(GLIMPSE, words).await;
}

/// What the first request asks.
fn first(http: &HttpSpec) -> Ask {
    let mut url = http.url.clone();
    url.set_fragment(None);
    Ask { url, method: http.method.clone(), with_body: http.body.is_some() }
}

/// Sends the request and waits for the header of the response; whatever was seen is in the trace, however it ends.
async fn send(
    errand: &Errand,
    request: Request,
    spec: &HttpSpec,
    (address, through): (SocketAddr, Through),
    trace: &mut Trace,
) -> Result<Response, Failure> {
    let flight = match spec.proxy {
        None => Flight::new(address, errand.expected.clone()),
        Some(_) => Flight::through(address, errand.expected.clone(), through),
    };
    let landing = Landing { trace, flight: Arc::clone(&flight) };
    let ended = flight.carry(errand.client.execute(request)).await;
    let phase = flight.phase();
    let refusal = flight.seen().refusal.take();
    drop(landing);
    ended.map_err(|error| {
        refusal.unwrap_or_else(|| fault(&error, &place(phase, spec, errand, address)))
    })
}

/// Where a request is in `phase`, before any body has come.
fn place<'p>(
    phase: Phase,
    spec: &'p HttpSpec,
    errand: &'p Errand,
    address: SocketAddr,
) -> Place<'p> {
    Place {
        phase,
        address,
        name: name(spec, errand),
        body_bytes: 0,
        versions: spec.versions,
        proxy: spec.proxy.as_deref(),
    }
}

/// The name that the certificate should be for, as a person knows it.
fn name<'n>(spec: &'n HttpSpec, errand: &'n Errand) -> &'n str {
    let own = spec.tls.server_name.as_deref().filter(|_| errand.home);
    own.or(errand.ask.url.host_str()).unwrap_or_default()
}

/// A failure after redirects says where it happened.
fn placed(failure: Failure, visited: &[Ask]) -> Failure {
    let Some(last) = visited.last() else { return failure };
    let redirects = counted(visited.len() - 1, "redirect");
    let said = format!("{} (at `{}`, after {redirects})", failure.said, shown(&last.url));
    Failure { said, ..failure }
}

/// The sentence of a good run: `200 OK, 1.2 kB in 45 ms`.
fn good(status: StatusCode, bytes: u64, trace: &Trace) -> String {
    let took = human_latency(Instant::now().saturating_duration_since(trace.started()));
    let code = status.as_str();
    let words = status.canonical_reason().unwrap_or("(a status without a name)");
    let size = match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{}.{} kB", bytes / 1_000, bytes / 100 % 10),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
    };
    [code, " ", words, ", ", &size, " in ", &took].concat()
}

/// A date as a server states it (RFC 9110, 5.6.7), in the one form that is still sent.
fn moment(value: &HeaderValue) -> Option<Timestamp> {
    let zoned = jiff::fmt::rfc2822::parse(value.to_str().ok()?).ok()?;
    Some(Timestamp::from_millis(zoned.timestamp().as_millisecond()))
}

fn version(version: Version) -> Option<HttpVersion> {
    match version {
        Version::HTTP_10 => Some(HttpVersion::Http10),
        Version::HTTP_11 => Some(HttpVersion::Http11),
        Version::HTTP_2 => Some(HttpVersion::Http2),
        _ => None,
    }
}
