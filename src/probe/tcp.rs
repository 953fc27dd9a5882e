//! TCP probes: connect, perhaps TLS, perhaps a dialogue.
//!
//! The steps of a dialogue run in order over one connection, in the clear until a `starttls`. An expected pattern is
//! tried on each line that has come since the last step and on all of it together, and a match takes what came up to
//! its end, so that a banner of several lines and two answers in one packet both work. Each step begins a stretch of
//! `processing`, which the first byte of the answer turns into `transfer`.
//!
//! It sets no deadline but a step's own `within`, and closes by leaving: what the far side still says is not heard.

mod heard;

use super::tls::{self, Alpn, Offer};
use super::{Engine, Error, Trace};
use crate::clock::Instant;
use crate::model::{
    Host, Pattern, Phase, ProbeKind, Reason, Spec, StartTls, Step, TcpSpec, TlsSpec, human_duration,
};
use crate::net::{self, Failure};
use bytes::BytesMut;
use heard::{Heard, shown};
use std::fmt::Write;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// What asks for TLS in SMTP (RFC 3207, section 4).
const SMTP_STARTTLS: &[u8] = b"STARTTLS\r\n";

pub(super) struct TcpProber {
    /// Of a TCP probe; shared, because there may be tens of thousands.
    spec: Arc<Spec>,
    /// How TLS is done, if it is.
    tls: Option<Arc<TlsSpec>>,
    /// Whether TLS comes within the dialogue.
    starttls: bool,
}

impl TcpProber {
    /// Makes `tcp`, which is the kind of `spec`, ready to run.
    pub(super) fn build(spec: Arc<Spec>, tcp: &TcpSpec, engine: &Engine) -> Result<Self, Error> {
        let starttls = tcp.dialogue.iter().any(|step| matches!(step, Step::StartTls(_)));
        let tls = tcp.tls.clone().or_else(|| starttls.then(Arc::default));
        if let Some(tls) = &tls {
            // Made now, so that settings that do not fit together are found before the first run.
            engine.tls.config(tls, Offer { alpn: Alpn::None, sni: true })?;
        }
        Ok(Self { spec, tls, starttls })
    }

    fn tcp(&self) -> &TcpSpec {
        match &self.spec.kind {
            ProbeKind::Tcp(tcp) => tcp,
            _ => unreachable!("a TCP prober is built of a TCP probe"),
        }
    }

    pub(super) fn target(&self) -> (Host, u16) {
        (self.tcp().host.clone(), self.tcp().port)
    }

    /// Connects to `address` and holds the dialogue.
    pub(super) async fn attempt(
        &self,
        engine: &Engine,
        address: SocketAddr,
        trace: &mut Trace,
    ) -> Result<String, Failure> {
        let started = Instant::now();
        trace.enter(Phase::Connect, started);
        let stream = net::connect(address).await?;
        let connected = Instant::now();
        trace.close(connected);
        let mut said = format!("connected in {}", human_duration(connected - started));
        let line = match &self.tls {
            Some(tls) if !self.starttls => {
                said.push_str(", TLS agreed");
                Line::Tls(self.secure(engine, tls, stream, trace).await?)
            }
            _ => Line::Plain(stream),
        };
        if self.tcp().dialogue.is_empty() {
            return Ok(said);
        }
        let mut talk = Talk { line, heard: Heard::default(), step: 0, trace };
        for step in &self.tcp().dialogue {
            talk.step += 1;
            match step {
                Step::Expect { pattern, within } => talk.expect(pattern, *within).await?,
                Step::Send(bytes) => talk.send(bytes).await?,
                Step::StartTls(StartTls::Smtp) => {
                    talk = self.start_tls(engine, talk).await?;
                }
            }
        }
        let now = Instant::now();
        let steps = talk.step;
        talk.trace.close(now);
        let took = human_duration(now - connected);
        let steps_word = if steps == 1 { "step" } else { "steps" };
        let _ = write!(said, ", dialogue of {steps} {steps_word} in {took}");
        Ok(said)
    }

    async fn secure(
        &self,
        engine: &Engine,
        tls: &Arc<TlsSpec>,
        stream: TcpStream,
        trace: &mut Trace,
    ) -> Result<Box<TlsStream<TcpStream>>, Failure> {
        let stream = tls::handshake(&engine.tls, tls, &self.tcp().host, stream, trace).await?;
        Ok(Box::new(stream))
    }

    /// Asks for TLS in SMTP's words and does the handshake.
    async fn start_tls<'t>(
        &self,
        engine: &Engine,
        mut talk: Talk<'t>,
    ) -> Result<Talk<'t>, Failure> {
        let refused = |said: String| Failure::bad(Reason::Starttls, said);
        talk.trace.enter(Phase::Starttls, Instant::now());
        talk.write(SMTP_STARTTLS).await.map_err(|error| refused(broken("STARTTLS", &error)))?;
        let reply = loop {
            let Some(line) = talk.heard.take_line() else {
                talk.hear_more().await.map_err(|end| refused(end.to_starttls()))?;
                continue;
            };
            // What is left of the answer to EHLO, if the dialogue looked at its first lines only.
            let is_leftover = line.starts_with(b"25");
            let goes_on = line.get(3) == Some(&b'-');
            if !is_leftover && !goes_on {
                break line;
            }
        };
        if !reply.starts_with(b"220") {
            return Err(refused(format!("asked for TLS, the answer was {}", shown(&reply))));
        }
        if !talk.heard.rest().is_empty() {
            // RFC 3207, section 6: whatever came before the handshake may be somebody else's words.
            let injected = shown(talk.heard.rest());
            let said = format!("after its consent to TLS came plain text: {injected}");
            return Err(refused(said));
        }
        let Line::Plain(stream) = talk.line else {
            return Err(refused("asked for TLS inside of TLS".to_owned()));
        };
        let tls = self.tls.as_ref().expect("a dialogue with starttls has TLS settings");
        let line = Line::Tls(self.secure(engine, tls, stream, talk.trace).await?);
        Ok(Talk { line, ..talk })
    }
}

/// The connection, in the clear or not.
enum Line {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A dialogue going on.
struct Talk<'t> {
    line: Line,
    heard: Heard,
    /// Number of the step, from 1, for sentences.
    step: usize,
    trace: &'t mut Trace,
}

/// Why no more can be heard.
enum End {
    /// More has come than is looked at.
    TooMuch,
    /// The far side closed the connection.
    Closed,
    /// The connection broke.
    Broken(io::Error),
}

impl End {
    fn to_starttls(&self) -> String {
        match self {
            Self::TooMuch => "asked for TLS, and no end of the answer came".to_owned(),
            Self::Closed => "asked for TLS, and the connection was closed".to_owned(),
            Self::Broken(error) => broken("STARTTLS", error),
        }
    }
}

impl Talk<'_> {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.line {
            Line::Plain(stream) => stream.write_all(bytes).await,
            Line::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.trace.enter(Phase::Processing, Instant::now());
        self.write(bytes).await.map_err(|error| self.broke(&error))
    }

    async fn expect(&mut self, pattern: &Pattern, within: Option<Duration>) -> Result<(), Failure> {
        self.trace.enter(Phase::Processing, Instant::now());
        let Some(within) = within else { return self.find(pattern).await };
        if let Ok(ended) = tokio::time::timeout(within, self.find(pattern)).await {
            return ended;
        }
        let waited = human_duration(within);
        if self.heard.rest().is_empty() {
            let said = format!("step {} got no answer within {waited}", self.step);
            return Err(Failure::bad(Reason::ResponseTimeout, said));
        }
        Err(self.unlike(pattern, &format!("within {waited}")))
    }

    /// Hears until the pattern matches.
    async fn find(&mut self, pattern: &Pattern) -> Result<(), Failure> {
        while !self.heard.take_match(pattern) {
            match self.hear_more().await {
                Ok(()) => {}
                Err(End::TooMuch) => {
                    let limit = heard::LIMIT / 1024;
                    return Err(self.unlike(pattern, &format!("in the first {limit} KiB")));
                }
                Err(End::Closed) if self.heard.rest().is_empty() => {
                    let said = format!(
                        "step {} expected `{pattern}`, and the connection was closed",
                        self.step
                    );
                    return Err(Failure::bad(Reason::Reset, said));
                }
                Err(End::Closed) => {
                    return Err(self.unlike(pattern, "before the connection was closed"));
                }
                Err(End::Broken(error)) => {
                    let said = broken(&format!("step {}", self.step), &error);
                    return Err(
                        net::own_fault(&error).unwrap_or_else(|| Failure::bad(Reason::Reset, said))
                    );
                }
            }
        }
        Ok(())
    }

    /// Waits for more; the first byte begins `transfer`.
    async fn hear_more(&mut self) -> Result<(), End> {
        let buffer: &mut BytesMut = self.heard.room().ok_or(End::TooMuch)?;
        let came = match &mut self.line {
            Line::Plain(stream) => stream.read_buf(buffer).await,
            Line::Tls(stream) => stream.read_buf(buffer).await,
        };
        match came {
            Ok(0) => Err(End::Closed),
            Ok(_) => {
                if self.trace.phase() == Phase::Processing {
                    self.trace.enter(Phase::Transfer, Instant::now());
                }
                Ok(())
            }
            // TLS without its closing message: closed all the same.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(End::Closed),
            Err(error) => Err(End::Broken(error)),
        }
    }

    fn broke(&self, error: &io::Error) -> Failure {
        // With TLS 1.3 a server objects to our certificate, or to having none, after our side of the handshake.
        let is_tls = matches!(error.get_ref(), Some(inner) if inner.is::<rustls::Error>());
        let reason = if is_tls { Reason::TlsHandshake } else { Reason::Reset };
        net::own_fault(error)
            .unwrap_or_else(|| Failure::bad(reason, broken(&format!("step {}", self.step), error)))
    }

    fn unlike(&self, pattern: &Pattern, limit: &str) -> Failure {
        let came = shown(self.heard.rest());
        let said = format!("step {} expected `{pattern}` {limit}, and {came} came", self.step);
        Failure::bad(Reason::Banner, said)
    }
}

fn broken(what: &str, error: &io::Error) -> String {
    format!("the connection broke at {what}: {}", net::lower_case(error))
}
