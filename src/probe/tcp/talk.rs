//! A dialogue going on: what is said, and what is waited for.
//!
//! An expected pattern is tried on each line that has come since the last step and on all of it together, without waiting for
//! the end of a line, and a match takes what came up to its end, so that a banner of several lines and two answers in one
//! packet both work. Only a group that will be said again, and that may still grow, is waited for, a moment. Each step
//! begins a stretch of `processing`, which the first byte of the answer turns into `transfer`.
//!
//! It decides neither which step is next nor how TLS is done.

use super::heard::{self, Heard, Matched, shown};
use super::starttls::{self, Reading};
use crate::clock::Instant;
use crate::model::{Group, Pattern, Phase, Reason, Said, StartTls, human_duration};
use crate::net::{self, Failure};
use crate::probe::Trace;
use bytes::{Bytes, BytesMut};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// So long nothing more comes of a text that ends where a group does, and it is taken for whole.
const QUIET: Duration = Duration::from_millis(100);

/// The connection, in the clear or not.
pub(super) enum Line {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A dialogue going on.
pub(super) struct Talk<'t> {
    pub(super) line: Line,
    pub(super) heard: Heard,
    /// Number of the step, from 1.
    pub(super) step: usize,
    /// What groups of earlier steps caught that will be said again: step (from 0), group, text.
    pub(super) caught: Vec<(usize, usize, Bytes)>,
    /// Whether a step has expected something.
    pub(super) has_heard: bool,
    pub(super) trace: &'t mut Trace,
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

impl<'t> Talk<'t> {
    pub(super) fn new(line: Line, trace: &'t mut Trace) -> Self {
        let (heard, caught) = (Heard::default(), Vec::new());
        Self { line, heard, step: 0, caught, has_heard: false, trace }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.trace.heard.sent(bytes.len());
        match &mut self.line {
            Line::Plain(stream) => stream.write_all(bytes).await,
            Line::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
        }
    }

    pub(super) async fn send(&mut self, said: &[Said]) -> Result<(), Failure> {
        self.trace.enter(Phase::Processing, Instant::now());
        let written = match said {
            [Said::Bytes(bytes)] => self.write(bytes).await,
            parts => {
                let mut whole = Vec::new();
                for part in parts {
                    whole.extend_from_slice(match part {
                        Said::Bytes(bytes) => bytes,
                        Said::Group(group) => self.caught_by(group),
                    });
                }
                self.write(&whole).await
            }
        };
        written.map_err(|error| self.broke(&error))
    }

    fn caught_by(&self, wanted: &Group) -> &[u8] {
        let known = self
            .caught
            .iter()
            .find(|(step, group, _)| (*step, *group) == (wanted.step, wanted.group));
        known.map_or(&[], |(_, _, text)| text)
    }

    /// Hears until the pattern matches, and keeps what these groups of it caught.
    pub(super) async fn expect(
        &mut self,
        pattern: &Pattern,
        groups: &[usize],
        within: Option<Duration>,
    ) -> Result<(), Failure> {
        let wanted = format!("`{pattern}`");
        self.trace.enter(Phase::Processing, Instant::now());
        self.has_heard = true;
        let found = match within {
            None => self.find(pattern, groups, &wanted).await?,
            Some(within) => {
                match tokio::time::timeout(within, self.find(pattern, groups, &wanted)).await {
                    Ok(found) => found?,
                    Err(_) => match self.heard.take_match(pattern, groups, true) {
                        Matched::Yes(caught) => caught,
                        _ => return Err(self.late(&wanted, within)),
                    },
                }
            }
        };
        let step = self.step - 1;
        let found = groups.iter().zip(found).map(|(group, text)| (step, *group, text));
        self.caught.extend(found);
        Ok(())
    }

    /// Hears until so many bytes have come, which must be these.
    pub(super) async fn expect_bytes(
        &mut self,
        bytes: &[u8],
        within: Option<Duration>,
    ) -> Result<(), Failure> {
        let wanted = format!("the bytes {}", shown(bytes));
        self.trace.enter(Phase::Processing, Instant::now());
        self.has_heard = true;
        let Some(within) = within else { return self.find_bytes(bytes, &wanted).await };
        match tokio::time::timeout(within, self.find_bytes(bytes, &wanted)).await {
            Ok(ended) => ended,
            Err(_) => Err(self.late(&wanted, within)),
        }
    }

    /// Hears until the pattern matches.
    async fn find(
        &mut self,
        pattern: &Pattern,
        groups: &[usize],
        wanted: &str,
    ) -> Result<Vec<Bytes>, Failure> {
        loop {
            match self.heard.take_match(pattern, groups, false) {
                Matched::Yes(caught) => return Ok(caught),
                Matched::No => {
                    self.hear_more().await.map_err(|end| self.ended(end, wanted))?;
                }
                Matched::Growing => {
                    let more = tokio::time::timeout(QUIET, self.hear_more()).await;
                    if matches!(more, Ok(Ok(()))) {
                        continue;
                    }
                    if let Matched::Yes(caught) = self.heard.take_match(pattern, groups, true) {
                        return Ok(caught);
                    }
                }
            }
        }
    }

    async fn find_bytes(&mut self, bytes: &[u8], wanted: &str) -> Result<(), Failure> {
        loop {
            let come = self.heard.rest();
            if !bytes.starts_with(&come[..come.len().min(bytes.len())]) {
                return Err(self.unlike(wanted, "next"));
            }
            if come.len() >= bytes.len() {
                self.heard.take(bytes.len());
                return Ok(());
            }
            self.hear_more().await.map_err(|end| self.ended(end, wanted))?;
        }
    }

    /// What it means that no more can be heard while something is expected.
    fn ended(&self, end: End, wanted: &str) -> Failure {
        match end {
            End::TooMuch => {
                let limit = heard::LIMIT / 1024;
                self.unlike(wanted, &format!("in the first {limit} KiB"))
            }
            End::Closed if self.heard.rest().is_empty() => {
                let said =
                    format!("step {} expected {wanted}, and the connection was closed", self.step);
                Failure::bad(Reason::Reset, said)
            }
            End::Closed => self.unlike(wanted, "before the connection was closed"),
            End::Broken(error) => self.broke(&error),
        }
    }

    /// What it means that the limit of a step has passed.
    fn late(&self, wanted: &str, within: Duration) -> Failure {
        let limit = human_duration(within);
        if self.heard.rest().is_empty() {
            let said = format!("step {} got no answer within {limit}", self.step);
            return Failure::bad(Reason::ResponseTimeout, said);
        }
        self.unlike(wanted, &format!("within {limit}"))
    }

    /// Asks for TLS and hears the consent; when it is given, nothing else has been heard.
    pub(super) async fn ask_for_tls(&mut self, words: StartTls) -> Result<(), Failure> {
        let refused = |said: String| Failure::bad(Reason::Starttls, said);
        if matches!(self.line, Line::Tls(_)) {
            return Err(refused("asked for TLS inside of TLS".to_owned()));
        }
        if let Some(start) = starttls::greeting(words).filter(|_| !self.has_heard) {
            self.hear_greeting(start).await?;
        }
        self.write(starttls::request(words))
            .await
            .map_err(|error| refused(broken("STARTTLS", &error)))?;
        let length = loop {
            let begins_anew = !starttls::talks_in_lines(words) || self.heard.end_line();
            let reading =
                if begins_anew { starttls::read(words, self.heard.rest()) } else { Reading::More };
            match reading {
                Reading::Consent(length) => break length,
                Reading::Refusal(said) => return Err(refused(said)),
                Reading::More => {
                    self.hear_more().await.map_err(|end| refused(end.to_starttls()))?;
                }
            }
        };
        self.heard.take(length);
        if !self.heard.rest().is_empty() {
            // RFC 3207, section 6: whatever came before the handshake may be somebody else's words.
            let injected = shown(self.heard.rest());
            return Err(refused(format!("after its consent to TLS came plain text: {injected}")));
        }
        Ok(())
    }

    /// Hears the line with which the far side begins, where no step did.
    async fn hear_greeting(&mut self, start: &[u8]) -> Result<(), Failure> {
        let line = loop {
            if let Some(line) = self.heard.take_line() {
                break line;
            }
            self.hear_more()
                .await
                .map_err(|end| Failure::bad(Reason::Starttls, end.to_starttls()))?;
        };
        if line.starts_with(start) {
            return Ok(());
        }
        let said = format!(
            "expected a greeting that begins with {}, and {} came",
            shown(start),
            shown(&line)
        );
        Err(Failure::bad(Reason::Starttls, said))
    }

    /// Waits for more; the first byte begins `transfer`.
    async fn hear_more(&mut self) -> Result<(), End> {
        let buffer: &mut BytesMut = self.heard.room().ok_or(End::TooMuch)?;
        let before = buffer.len();
        let came = match &mut self.line {
            Line::Plain(stream) => stream.read_buf(buffer).await,
            Line::Tls(stream) => stream.read_buf(buffer).await,
        };
        match came {
            Ok(0) => Err(End::Closed),
            Ok(_) => {
                self.trace.heard.came(&buffer[before..]);
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

    fn unlike(&self, wanted: &str, limit: &str) -> Failure {
        let came = shown(self.heard.rest());
        let said = format!("step {} expected {wanted} {limit}, and {came} came", self.step);
        Failure::bad(Reason::Banner, said)
    }
}

fn broken(what: &str, error: &io::Error) -> String {
    format!("the connection broke at {what}: {}", net::lower_case(error))
}
