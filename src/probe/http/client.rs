//! The reqwest clients, and the hooks through which one request is pinned to one address and timed.
//!
//! There is one client per TLS configuration, way of speaking and runtime. It keeps no connection, follows nothing, retries nothing, reads
//! no proxy from the environment and resolves nothing: its resolver hands over the address pinned for the request. What
//! its connector does is stamped into the request's flight.
//!
//! It knows neither probes nor expectations.

use crate::model::{Phase, Proxy};
use crate::probe::{Error, flight};
use futures_util::FutureExt;
use futures_util::future::Map;
use reqwest::dns::{Name, Resolve, Resolving};
use reqwest::{Client, redirect, retry};
use rustls::ClientConfig;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

/// Window of an HTTP/2 stream and of its connection, and with it what may lie unread in memory (RFC 9113, 5.2): small
/// enough for a bound of half a mebibyte over `body_limit`, large enough not to slow a page on a long way.
const H2_WINDOW: u32 = 256 * 1024;
/// Bytes of one HTTP/2 frame: the smallest limit that the protocol allows (RFC 9113, 4.2).
const H2_FRAME: u32 = 16 * 1024;
/// Bytes of all header fields of one HTTP/2 response.
const H2_HEADERS: u32 = 64 * 1024;

/// The clients of one runtime, one per TLS configuration and way.
#[derive(Default)]
pub(in crate::probe) struct Clients {
    made: Mutex<Vec<Made>>,
}

struct Made {
    config: Arc<ClientConfig>,
    prior_knowledge: bool,
    proxy: Option<Proxy>,
    client: Client,
}

/// What a client does differently, beside TLS.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Way<'p> {
    /// HTTP/2 without asking first.
    pub(super) prior_knowledge: bool,
    /// Through this proxy.
    pub(super) proxy: Option<&'p Proxy>,
}

impl Clients {
    /// The client for this configuration and way.
    pub(super) fn client(&self, config: &Arc<ClientConfig>, way: Way<'_>) -> Result<Client, Error> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let known = made.iter().find(|each| {
            Arc::ptr_eq(&each.config, config)
                && each.prior_knowledge == way.prior_knowledge
                && each.proxy.as_ref() == way.proxy
        });
        if let Some(known) = known {
            return Ok(known.client.clone());
        }
        let mut builder = Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .redirect(redirect::Policy::none())
            .referer(false)
            // Never, and zero of them, or each request would be copied in case it were to be sent again.
            .retry(retry::never().max_retries_per_request(0))
            // A probe ends at its deadline; probing a silent peer is not the kernel's work, and each option is a system call.
            .tcp_keepalive(None)
            .tcp_keepalive_interval(None)
            .tcp_keepalive_retries(None)
            .tcp_user_timeout(None)
            .http2_initial_stream_window_size(H2_WINDOW)
            .http2_initial_connection_window_size(H2_WINDOW)
            .http2_max_frame_size(H2_FRAME)
            .http2_max_header_list_size(H2_HEADERS)
            .dns_resolver(Pinned)
            .connector_layer(Stamping)
            .tls_backend_preconfigured((**config).clone());
        if way.prior_knowledge {
            builder = builder.http2_prior_knowledge();
        }
        if let Some(proxy) = way.proxy {
            builder = builder.proxy(reqwest::Proxy::all(proxy.to_string()).map_err(Error::Http)?);
        }
        let client = builder.build().map_err(Error::Http)?;
        made.push(Made {
            config: Arc::clone(config),
            prior_knowledge: way.prior_knowledge,
            proxy: way.proxy.cloned(),
            client: client.clone(),
        });
        Ok(client)
    }

    /// Lets go of the clients whose TLS configuration nobody has any more, or whose proxy is none of these.
    pub(in crate::probe) fn keep_only(&self, proxies: &[&Proxy]) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.retain(|each| {
            let is_on_its_way = each.proxy.as_ref().is_none_or(|proxy| proxies.contains(&proxy));
            is_on_its_way && Arc::strong_count(&each.config) > 1
        });
    }
}

/// Hands over the address pinned for the request; it never asks a name server.
struct Pinned;

impl Resolve for Pinned {
    fn resolve(&self, name: Name) -> Resolving {
        let pinned = flight::pinned(name.as_str());
        Box::pin(std::future::ready(match pinned {
            Some(address) => Ok(Box::new(std::iter::once(address)) as reqwest::dns::Addrs),
            None => Err("no address is pinned for this request".into()),
        }))
    }
}

/// Stamps the beginning and the end of connecting.
#[derive(Clone, Copy)]
struct Stamping;

impl<S> tower::Layer<S> for Stamping {
    type Service = Stamped<S>;

    fn layer(&self, inner: S) -> Stamped<S> {
        Stamped(inner)
    }
}

#[derive(Clone)]
struct Stamped<S>(S);

impl<S, R> tower::Service<R> for Stamped<S>
where
    S: tower::Service<R>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future =
        Map<S::Future, fn(Result<S::Response, S::Error>) -> Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        flight::stamp(Phase::Connect);
        self.0.call(request).map(|ended| {
            if ended.is_ok() {
                flight::stamp(Phase::Processing);
            }
            ended
        })
    }
}
