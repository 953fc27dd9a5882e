//! gRPC probes: one `Check` of the standard health service (`grpc.health.v1`) over one connection.
//!
//! HTTP/2 from the first byte, in the clear or behind TLS. The connection is ours from the socket up, so the request goes to
//! the one address that was resolved, is sent exactly once, and ends with the run; nothing is kept, retried or resolved
//! anew, as gRPC's own clients do. Windows, headers and the answer are bounded.
//!
//! What an answer means is in [`answer`], how the connection is driven in [`super::h2`].

mod answer;

use super::h2::{Stop, drive};
use super::tls::{self, Alpn, Offer};
use super::{Engine, Error, Trace};
use crate::clock::Instant;
use crate::model::{GrpcSpec, Host, Phase, human_duration};
use crate::net::{self, Failure};
use answer::{Answer, HealthCheckRequest};
use bytes::{BufMut as _, Bytes, BytesMut};
use h2::client::SendRequest;
use http::{HeaderValue, Method, Request, Uri, header};
use prost::Message as _;
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncWrite};

/// Bytes of body that are taken; the answer has two behind a frame of five.
const BODY_LIMIT: usize = 4 * 1024;

/// Bytes that the far side may send before we have read: the least that HTTP/2 knows.
const WINDOW: u32 = 65_535;

const PATH: &str = "/grpc.health.v1.Health/Check";

const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/grpc");
const TRAILERS: HeaderValue = HeaderValue::from_static("trailers");
/// What we call ourselves.
const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("nephoscope/", env!("CARGO_PKG_VERSION")));

const OFFER: Offer = Offer { alpn: Alpn::Http2Only, sni: true };

pub(super) struct GrpcProber {
    spec: GrpcSpec,
    uri: Uri,
    body: Bytes,
}

impl GrpcProber {
    /// Makes the request ready, and the TLS configuration, so that settings that do not fit together are found now.
    pub(super) fn build(spec: &GrpcSpec, engine: &Engine) -> Result<Self, Error> {
        if let Some(tls) = &spec.tls {
            engine.tls.config(tls, OFFER)?;
        }
        let authority = match &spec.host {
            Host::Ip(ip) => SocketAddr::new(*ip, spec.port).to_string(),
            Host::Name(name) => format!("{name}:{}", spec.port),
        };
        let scheme = if spec.tls.is_some() { "https" } else { "http" };
        let uri = Uri::builder().scheme(scheme).authority(authority).path_and_query(PATH).build();
        let uri = uri.map_err(|error| Error::Address(error.to_string()))?;
        let message = HealthCheckRequest { service: spec.service.to_string() };
        let length = u32::try_from(message.encoded_len()).unwrap_or(u32::MAX);
        let mut body = BytesMut::new();
        // Not compressed, and how long.
        body.put_u8(0);
        body.put_u32(length);
        body.extend(message.encode_to_vec());
        Ok(Self { spec: spec.clone(), uri, body: body.freeze() })
    }

    pub(super) fn target(&self) -> (Host, u16) {
        (self.spec.host.clone(), self.spec.port)
    }

    /// Connects to `address`, asks once and judges the answer.
    pub(super) async fn attempt(
        &self,
        engine: &Engine,
        address: SocketAddr,
        trace: &mut Trace,
    ) -> Result<String, Failure> {
        let started = Instant::now();
        trace.enter(Phase::Connect, started);
        let stream = net::connect(address).await?;
        trace.close(Instant::now());
        let answer = match &self.spec.tls {
            None => self.ask(stream, trace).await?,
            Some(tls) => {
                let host = &self.spec.host;
                let stream =
                    tls::handshake_offering(OFFER, &engine.tls, tls, host, stream, trace).await?;
                self.ask(stream, trace).await?
            }
        };
        let now = Instant::now();
        trace.close(now);
        answer::note(&answer, &mut trace.facts);
        let said = answer::judge(&answer, &self.spec.service)?;
        Ok(format!("{said} in {}", human_duration(now - started)))
    }

    /// One request over a fresh connection, which ends here.
    async fn ask<S>(&self, stream: S, trace: &mut Trace) -> Result<Answer, Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        trace.enter(Phase::Processing, Instant::now());
        drive(stream, WINDOW, |ask| self.exchange(ask, trace)).await
    }

    async fn exchange(&self, ask: SendRequest<Bytes>, trace: &mut Trace) -> Result<Answer, Stop> {
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, CONTENT_TYPE);
        headers.insert(header::TE, TRAILERS);
        headers.insert(header::USER_AGENT, USER_AGENT);
        let (response, mut body) = ask.ready().await?.send_request(request, false)?;
        body.send_data(self.body.clone(), true)?;
        let (head, mut stream) = response.await?.into_parts();
        trace.enter(Phase::Transfer, Instant::now());
        let mut answer =
            Answer { status: head.status.as_u16(), head: head.headers, ..Answer::default() };
        while let Some(chunk) = stream.data().await {
            let chunk = chunk?;
            stream.flow_control().release_capacity(chunk.len())?;
            if answer.body.len() + chunk.len() > BODY_LIMIT {
                answer.too_long = true;
                return Ok(answer);
            }
            answer.body.extend_from_slice(&chunk);
        }
        answer.trailers = stream.trailers().await?.unwrap_or_default();
        Ok(answer)
    }
}
