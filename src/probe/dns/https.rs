//! One question as one HTTP/2 request over a TLS connection that stands (RFC 8484).
//!
//! The id is 0, as the RFC wants it, so that caches can share answers. Windows and body are bounded before anything comes.
//! The connection is driven by [`drive`], and left without a word afterwards.
//!
//! It follows no redirect, keeps no connection, and does not judge the message.

use super::garbled;
use crate::clock::Instant;
use crate::model::{DohMethod, DohPlace, HttpVersion, Phase, Reason};
use crate::net::Failure;
use crate::probe::Trace;
use crate::probe::h2::{Stop, drive};
use crate::probe::wire::{Question, Reading};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::{Bytes, BytesMut};
use h2::client::SendRequest;
use hickory_resolver::proto::op::Message;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Request, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite};

/// Bytes of a DNS message at most (RFC 8484, 6).
const MESSAGE: usize = 65_535;

/// Bytes the server may send before we take some: a whole message and a little more.
const WINDOW: u32 = 65_536 + 4_096;

/// Characters of a header's value that a sentence shows.
const SHOWN: usize = 80;

/// What messages are called (RFC 8484, 6).
const DNS_MESSAGE: &str = "application/dns-message";

/// Asks over `stream`, on which TLS has agreed on HTTP/2.
pub(super) async fn ask(
    question: &Question,
    place: &DohPlace,
    authority: &str,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    trace: &mut Trace,
) -> Result<Message, Failure> {
    trace.enter(Phase::Processing, Instant::now());
    let packet = question.packet(0);
    let (request, body) = request(place, authority, packet)?;
    let bytes = drive(stream, WINDOW, |sender| exchange(sender, request, body, trace)).await?;
    match question.read(0, &bytes) {
        Reading::Answer(message) => Ok(*message),
        Reading::Garbled(why) => Err(garbled(&why)),
        Reading::Foreign => Err(garbled("it is not about the question")),
    }
}

fn request(
    place: &DohPlace,
    authority: &str,
    packet: Vec<u8>,
) -> Result<(Request<()>, Option<Bytes>), Failure> {
    let path = &place.path;
    let request = Request::builder().version(http::Version::HTTP_2).header(ACCEPT, DNS_MESSAGE);
    let (request, body) = match place.method {
        DohMethod::Post => {
            let request = request
                .method("POST")
                .uri(format!("https://{authority}{path}"))
                .header(CONTENT_TYPE, DNS_MESSAGE)
                .header(CONTENT_LENGTH, packet.len());
            (request, Some(Bytes::from(packet)))
        }
        DohMethod::Get => {
            let joint = if path.contains('?') { '&' } else { '?' };
            let dns = URL_SAFE_NO_PAD.encode(packet);
            (request.uri(format!("https://{authority}{path}{joint}dns={dns}")), None)
        }
    };
    let request = request.body(()).map_err(|error| {
        Failure::bad(Reason::Protocol, format!("`https://{authority}{path}` is no URL: {error}"))
    })?;
    Ok((request, body))
}

/// Sends the request and reads the whole answer.
async fn exchange(
    sender: SendRequest<Bytes>,
    request: Request<()>,
    body: Option<Bytes>,
    trace: &mut Trace,
) -> Result<Bytes, Stop> {
    let mut sender = sender.ready().await?;
    let (response, mut sending) = sender.send_request(request, body.is_none())?;
    if let Some(body) = body {
        sending.send_data(body, true)?;
    }
    let response = response.await?;
    trace.enter(Phase::Transfer, Instant::now());
    let status = response.status();
    trace.hop_status = Some(status.as_u16());
    trace.facts.http_status = Some(status.as_u16());
    trace.facts.http_version = Some(HttpVersion::Http2);
    judge(status, response.headers())?;
    let mut body = response.into_body();
    let mut message = BytesMut::new();
    while let Some(data) = body.data().await {
        let data = data?;
        if message.len() + data.len() > MESSAGE {
            return Err(garbled(&format!("it has more than {MESSAGE} bytes")).into());
        }
        message.extend_from_slice(&data);
        // The window is as large as a message; only what padding took of it has to be given back.
        let _ = body.flow_control().release_capacity(data.len());
    }
    Ok(message.freeze())
}

/// Whether the answer is a DNS message at all.
fn judge(status: StatusCode, headers: &HeaderMap) -> Result<(), Failure> {
    if !status.is_success() {
        let words = status.canonical_reason().unwrap_or("(a status without a name)");
        let said = format!("answered {} {words}, expected 2xx", status.as_str());
        return Err(Failure::bad(Reason::Status, said));
    }
    let kind = headers.get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let bare = kind.as_deref().map(|kind| kind.split(';').next().unwrap_or_default().trim());
    if bare.is_some_and(|kind| kind.eq_ignore_ascii_case(DNS_MESSAGE)) {
        return Ok(());
    }
    let said = match bare {
        None => format!("the answer does not say what it is, expected `{DNS_MESSAGE}`"),
        Some(kind) => {
            let kind: String = kind.chars().take(SHOWN).collect();
            format!("the answer is `{kind}`, expected `{DNS_MESSAGE}`")
        }
    };
    Err(Failure::bad(Reason::Protocol, said))
}
