//! TCP probes: connect, perhaps TLS, perhaps a dialogue.
//!
//! The steps of a dialogue run in order over one connection, in the clear until a `starttls`: [`talk`] says and hears,
//! [`heard`] keeps what no step has taken, [`starttls`] knows how each protocol asks for TLS.
//!
//! It sets no deadline but a step's own `within`, and closes by leaving: what the far side still says is not heard.

mod heard;
mod starttls;
mod talk;

use super::tls::{self, Alpn, Offer};
use super::{Engine, Error, Trace};
use crate::clock::Instant;
use crate::model::{
    Host, Phase, ProbeKind, Said, Spec, StartTls, Step, TcpSpec, TlsSpec, counted, human_duration,
};
use crate::net::{self, Failure};
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use talk::{Line, Talk};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

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
        let dialogue = &self.tcp().dialogue;
        let mut talk = Talk::new(line, trace);
        for (index, step) in dialogue.iter().enumerate() {
            talk.step = index + 1;
            match step {
                Step::Expect { pattern, within } => {
                    let groups = wanted(dialogue, index);
                    talk.expect(pattern, &groups, *within).await?;
                }
                Step::ExpectBytes { bytes, within } => talk.expect_bytes(bytes, *within).await?,
                Step::Send(said) => talk.send(said).await?,
                Step::StartTls(words) => talk = self.start_tls(engine, talk, *words).await?,
            }
        }
        let now = Instant::now();
        let steps = counted(talk.step, "step");
        talk.trace.close(now);
        let took = human_duration(now - connected);
        let _ = write!(said, ", dialogue of {steps} in {took}");
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

    /// Asks for TLS in the words of a protocol and does the handshake.
    async fn start_tls<'t>(
        &self,
        engine: &Engine,
        mut talk: Talk<'t>,
        words: StartTls,
    ) -> Result<Talk<'t>, Failure> {
        talk.trace.enter(Phase::Starttls, Instant::now());
        talk.ask_for_tls(words).await?;
        let tls = self.tls.as_ref().expect("a dialogue with starttls has TLS settings");
        let Line::Plain(stream) = talk.line else {
            unreachable!("TLS is not asked for inside of it")
        };
        let line = Line::Tls(self.secure(engine, tls, stream, talk.trace).await?);
        Ok(Talk { line, ..talk })
    }
}

/// The groups of the pattern of step `index` that a later step says again, each once.
fn wanted(dialogue: &[Step], index: usize) -> Vec<usize> {
    let mut groups: Vec<usize> = Vec::new();
    for step in &dialogue[index + 1..] {
        let Step::Send(said) = step else { continue };
        for part in said {
            match part {
                Said::Group(group) if group.step == index && !groups.contains(&group.group) => {
                    groups.push(group.group);
                }
                _ => {}
            }
        }
    }
    groups
}
