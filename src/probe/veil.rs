//! What a probe sends and nobody else may read, taken out of what its run says.
//!
//! A far side may repeat what it was sent: an echo in a body, a header, a sentence of an error. So the texts of a result go
//! through the [`Veil`] of their spec before anybody gets them. Where a secret stands, in one of the forms that `forms` knows,
//! is looked for in the text as it came; then each such stretch becomes one [`MASK`]. The beginning of a secret counts too, but
//! only where the text was cut off. What a secret is, `found` says.
//!
//! What is shorter than a few characters, and what the far side makes of a secret (a digest, another coding), is not known here.

mod forms;
mod found;
#[cfg(test)]
mod tests;

use crate::model::{EnvValue, ProbeKind, ProbeResult, Spec};
use bytes::Bytes;
use found::{Found, LEAST};
use http::HeaderValue;
use std::ops::Range;

/// What stands in the place of a secret.
const MASK: &str = "(not shown)";

/// Characters of a secret's beginning that may be seen when the rest was cut off.
const BEGINNING: usize = 8;

/// How a text goes on where something was cut off, perhaps behind a quotation mark.
const CUTS: [&str; 4] = ["…", "...", "\u{fffd}", "\n(more)"];

/// The secrets of one probe; most have none.
#[derive(Default)]
pub(super) struct Veil {
    /// In all the forms in which they may come back, each once.
    secrets: Box<[Box<str>]>,
    /// What is sent with a request. Its forms are made when they are needed: they may be long.
    body: Option<Bytes>,
}

impl Veil {
    /// The secrets of `spec`.
    pub(super) fn of(spec: &Spec) -> Self {
        let (mut found, mut body) = (Found::default(), None);
        match &spec.kind {
            ProbeKind::Http(http) => {
                found.http(http);
                body.clone_from(&http.body);
            }
            ProbeKind::Exec(exec) => {
                for (_, value) in &exec.env {
                    if let EnvValue::Secret(secret) = value {
                        found.add(secret.reveal(), LEAST);
                    }
                }
            }
            ProbeKind::Tcp(tcp) => found.dialogue(&tcp.dialogue),
            ProbeKind::Dns(_) | ProbeKind::Icmp(_) | ProbeKind::Grpc(_) => {}
        }
        Self { secrets: found.forms(), body }
    }

    /// Masks what is in `result`; `token` is the value of a header that this run was given for its credentials.
    pub(super) fn cover(&self, result: &mut ProbeResult, token: Option<&HeaderValue>) {
        if result.said.is_empty() && result.facts.heard.is_none() && result.hops.is_empty() {
            return;
        }
        let of_run = self.of_run(token);
        if self.secrets.is_empty() && of_run.is_empty() {
            return;
        }
        if let Some(masked) = self.masked(&result.said, &of_run) {
            result.said = masked;
        }
        if let Some(heard) = &mut result.facts.heard
            && let Some(masked) = self.masked(heard, &of_run)
        {
            *heard = masked.into();
        }
        for hop in &mut result.hops {
            if let Some(masked) = self.masked(&hop.target, &of_run) {
                hop.target = masked;
            }
        }
    }

    /// The secrets that are known only now.
    fn of_run(&self, token: Option<&HeaderValue>) -> Box<[Box<str>]> {
        let mut found = Found::default();
        if let Some(token) = token {
            found.value(token, LEAST);
        }
        if let Some(body) = &self.body {
            found.body(body);
        }
        found.forms()
    }

    /// `text` without these secrets and those of the probe, if there was one in it.
    fn masked(&self, text: &str, of_run: &[Box<str>]) -> Option<String> {
        let mut spans = Vec::new();
        for secret in self.secrets.iter().chain(of_run) {
            find(text, secret, &mut spans);
        }
        if spans.is_empty() {
            return None;
        }
        spans.sort_unstable_by_key(|span| span.start);
        let mut masked = String::with_capacity(text.len() + MASK.len());
        let mut end = None;
        for span in spans {
            // What touches the last one belongs to it.
            if end.is_none_or(|end| span.start > end) {
                masked.push_str(&text[end.unwrap_or(0)..span.start]);
                masked.push_str(MASK);
            }
            end = end.max(Some(span.end));
        }
        masked.push_str(&text[end.unwrap_or(0)..]);
        Some(masked)
    }
}

/// Where `secret` stands in `text`, whole, or cut off together with the text.
fn find(text: &str, secret: &str, spans: &mut Vec<Range<usize>>) {
    let telling = secret.char_indices().nth(BEGINNING).map_or(secret, |(end, _)| &secret[..end]);
    let step = telling.chars().next().map_or(1, char::len_utf8);
    let mut from = 0;
    while let Some(at) = text[from..].find(telling) {
        let start = from + at;
        let same = text[start..].chars().zip(secret.chars());
        let same = same.take_while(|(one, other)| one == other);
        let end = start + same.map(|(one, _)| one.len_utf8()).sum::<usize>();
        if end - start == secret.len() || is_cut(&text[end..]) {
            match spans.last_mut() {
                Some(last) if last.start <= start && start <= last.end => {
                    last.end = last.end.max(end);
                }
                _ => spans.push(start..end),
            }
        }
        // One may begin within another.
        from = start + step;
    }
}

/// Whether something was cut off before `rest`.
fn is_cut(rest: &str) -> bool {
    let quoted = rest.strip_prefix(['`', '"', '\'']).unwrap_or(rest);
    rest.is_empty() || CUTS.iter().any(|mark| rest.starts_with(mark) || quoted.starts_with(mark))
}
