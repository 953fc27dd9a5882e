//! Tokens for client credentials (RFC 6749, 4.4): had before the request, kept until shortly before they expire.
//!
//! There is one slot per set of credentials and runtime. Whoever finds it empty asks while others wait, each under its own
//! deadline, and take what came; the time is the phase `auth`, and whatever goes wrong is the reason `auth`. A token that the target turned
//! away (401) is forgotten, so that the next run asks anew; this run stays bad.
//!
//! It shows no secret: of a refusal only the error's code is repeated.

use super::client::Way;
use super::fault::{Place, fault};
use crate::clock::Instant;
use crate::model::{ClientAuth, IpChoice, OAuth2, Outcome, Phase, Reason};
use crate::net::Failure;
use crate::probe::expect::excerpt;
use crate::probe::flight::Flight;
use crate::probe::tls::{Alpn, Offer};
use crate::probe::{Engine, Trace};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderValue};
use reqwest::{Request, Response};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use url::form_urlencoded::{Serializer, byte_serialize};

/// Bytes of the answer with the token.
const ANSWER: usize = 64 * 1024;
/// A token is not used so shortly before its end: it has to last for the request.
const MARGIN: Duration = Duration::from_secs(30);
/// Of a short life, the margin is at most this part.
const PART: u32 = 5;

/// The slots of one runtime.
#[derive(Default)]
pub(in crate::probe) struct Tokens {
    slots: Mutex<Vec<Weak<Slot>>>,
}

impl Tokens {
    /// The slot for these credentials, which is one with all who use the same.
    pub(super) fn slot(&self, whose: &OAuth2) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.retain(|slot| slot.strong_count() > 0);
        let known = slots.iter().filter_map(Weak::upgrade).find(|slot| slot.whose == *whose);
        known.unwrap_or_else(|| {
            let slot =
                Arc::new(Slot { whose: whose.clone(), token: tokio::sync::Mutex::default() });
            slots.push(Arc::downgrade(&slot));
            slot
        })
    }
}

/// A token, or room for one.
pub(super) struct Slot {
    whose: OAuth2,
    token: tokio::sync::Mutex<Option<Token>>,
}

#[derive(Clone)]
struct Token {
    /// As in `authorization`.
    value: HeaderValue,
    came: Instant,
    /// When it is no longer used: at once, except by those who were waiting, if it did not say how long it lasts.
    ends: Instant,
}

impl Slot {
    /// The value of `authorization`.
    pub(super) async fn authorization(
        &self,
        engine: &Engine,
        ip: IpChoice,
        trace: &mut Trace,
    ) -> Result<HeaderValue, Failure> {
        if let Some(value) = self.token.try_lock().ok().and_then(|kept| fresh(kept.as_ref())) {
            return Ok(value);
        }
        let since = Instant::now();
        trace.enter(Phase::Auth, since);
        let mut kept = self.token.lock().await;
        // What came while we waited is as good as what would come now, however short its life.
        let came = kept.as_ref().filter(|token| since <= token.came);
        if let Some(value) = came.map(|token| token.value.clone()).or(fresh(kept.as_ref())) {
            return Ok(value);
        }
        *kept = None;
        let (value, lasts) = self.ask(engine, ip, trace).await.map_err(|failure| {
            let url = &self.whose.token_url;
            let said = format!("no token from `{url}`: {}", failure.said);
            match failure.outcome {
                Outcome::Unknown(_) => Failure { said, ..failure },
                _ => Failure::bad(Reason::Auth, said),
            }
        })?;
        let came = Instant::now();
        let lasts = lasts.unwrap_or_default();
        let ends = came + lasts.saturating_sub(MARGIN.min(lasts / PART));
        *kept = Some(Token { value: value.clone(), came, ends });
        trace.close(came);
        Ok(value)
    }

    /// Forgets the token, so that the next run asks for another.
    pub(super) fn forget(&self) {
        if let Ok(mut kept) = self.token.try_lock() {
            *kept = None;
        }
    }

    async fn ask(
        &self,
        engine: &Engine,
        ip: IpChoice,
        trace: &mut Trace,
    ) -> Result<(HeaderValue, Option<Duration>), Failure> {
        let url = &self.whose.token_url;
        let host = url.host().expect("http and https URLs have a host").into();
        let port = url.port_or_known_default().expect("http and https have a default port");
        let ips = engine.resolve(&host, ip, trace).await?;
        let address = SocketAddr::new(*ips.first().expect("a resolved host has an address"), port);

        let unfit = |error: &dyn std::fmt::Display| Failure::bad(Reason::Auth, error.to_string());
        let offer = Offer { alpn: Alpn::Http2, sni: true };
        let config = engine.tls.config(&self.whose.tls, offer).map_err(|error| unfit(&error))?;
        let client = engine.http.client(&config, Way::default()).map_err(|error| unfit(&error))?;
        let flight = Flight::new(address, None);
        let at = |phase, body_bytes| Place {
            phase,
            address,
            name: url.host_str().unwrap_or_default(),
            body_bytes,
            versions: None,
            proxy: None,
        };
        let ended = flight.carry(client.execute(self.request())).await;
        let refusal = flight.seen().refusal.take();
        let mut answer = ended
            .map_err(|error| refusal.unwrap_or_else(|| fault(&error, &at(flight.phase(), 0))))?;
        let mut body = Vec::new();
        while let Some(chunk) = answer
            .chunk()
            .await
            .map_err(|error| fault(&error, &at(Phase::Transfer, body.len() as u64)))?
        {
            if body.len() + chunk.len() > ANSWER {
                return Err(unfit(&format!("the answer has more than {ANSWER} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        read(&answer, &body).map_err(|why| unfit(&why))
    }

    fn request(&self) -> Request {
        let whose = &self.whose;
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        if !whose.scopes.is_empty() {
            form.append_pair("scope", &whose.scopes.join(" "));
        }
        if whose.client_auth == ClientAuth::Body {
            form.append_pair("client_id", &whose.client_id);
            form.append_pair("client_secret", whose.client_secret.reveal());
        }
        form.extend_pairs(&whose.params);
        let mut request = Request::new(http::Method::POST, whose.token_url.clone());
        let headers = request.headers_mut();
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, form_type);
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::USER_AGENT, super::errand::USER_AGENT);
        if whose.client_auth == ClientAuth::Basic {
            // Both are coded as in a form before they are joined (RFC 6749, 2.3.1).
            let coded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
            let id = coded(&whose.client_id);
            let pair = format!("{id}:{}", coded(whose.client_secret.reveal()));
            let text = format!("Basic {}", STANDARD.encode(pair));
            let mut value = HeaderValue::from_str(&text).expect("base64 is plain text");
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        *request.body_mut() = Some(form.finish().into());
        request
    }
}

fn fresh(kept: Option<&Token>) -> Option<HeaderValue> {
    kept.filter(|token| Instant::now() < token.ends).map(|token| token.value.clone())
}

/// The value of `authorization` and how long the token lasts, or one sentence on why there is none.
fn read(answer: &Response, body: &[u8]) -> Result<(HeaderValue, Option<Duration>), String> {
    let status = answer.status().as_u16();
    let text = |value: &Value, name: &str| value.get(name)?.as_str().map(str::to_owned);
    let parsed: Result<Value, _> = serde_json::from_slice(body);
    if !answer.status().is_success() {
        let code = parsed.ok().and_then(|value| text(&value, "error"));
        let code = code.map(|code| format!(", `{}`", excerpt(code.as_bytes())));
        return Err(format!("status {status}{}", code.unwrap_or_default()));
    }
    let value = parsed.map_err(|_| format!("status {status}, and the answer is not JSON"))?;
    let kind = text(&value, "token_type");
    if let Some(kind) = kind.filter(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        let kind = excerpt(kind.as_bytes());
        return Err(format!("the token is of the type `{kind}`, expected `Bearer`"));
    }
    let token = text(&value, "access_token").filter(|token| !token.is_empty());
    let token = token.ok_or("the answer has no `access_token`")?;
    let mut header = HeaderValue::from_str(&format!("Bearer {token}"))
        .map_err(|_| "the token has characters that no header can carry")?;
    header.set_sensitive(true);
    // Some servers write the number as a text, or with a fraction.
    let lasts = value.get("expires_in").and_then(|lasts| match lasts {
        Value::String(text) => text.parse().ok(),
        number => number.as_f64(),
    });
    let lasts = lasts.and_then(|lasts| Duration::try_from_secs_f64(lasts.min(LONGEST)).ok());
    Ok((header, lasts))
}

/// No token is kept longer; seconds.
const LONGEST: f64 = 24.0 * 60.0 * 60.0;
