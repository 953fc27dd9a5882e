//! What a run heard, kept for its story: the head of the last HTTP answer and the beginning of its body, the records of the
//! last DNS answer, the words of a dialogue.
//!
//! While a run lasts this costs next to nothing: fields, records and the first piece of a body are held as they came, and
//! a few KiB of more pieces or of a dialogue are copied. A text is made of it at the end, of a run that was bad or if every
//! story is wanted ([`super::Engine::telling`]). Header fields that hold secrets by their nature are there by name only,
//! `location` without its query, and of what a dialogue sends only the length. Everything kept is bounded.
//!
//! It judges nothing; what a far side repeats of the probe's own secrets is masked by the veil.

use super::dns::text_of;
use crate::model::{counted, may_hold_secret, type_word};
use bytes::Bytes;
use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::Record;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode, Version};
use reqwest::Response;
use std::borrow::Cow;
use std::fmt::Write as _;

/// Bytes that are kept of a head, of a body, of records and of a dialogue, each.
const KEPT_AT_MOST: usize = 4096;

/// Writing to a string cannot fail.
const INFALLIBLE: &str = "writing to a string cannot fail";

/// What the last far side of a run said.
#[derive(Debug, Default)]
pub(super) enum Heard {
    /// Not a word.
    #[default]
    Nothing,
    /// HTTP.
    Http(Box<Answer>),
    /// DNS.
    Dns(Box<Message>),
    /// Both sides of a dialogue over TCP, so far.
    Dialogue(String),
}

/// An HTTP answer.
#[derive(Debug)]
pub(super) struct Answer {
    version: Version,
    status: StatusCode,
    fields: HeaderMap,
    /// Its beginning; as it came, if that was in one piece.
    body: Bytes,
}

impl Heard {
    /// The head of `response`.
    pub(super) fn head(response: &Response) -> Self {
        Self::Http(Box::new(Answer {
            version: response.version(),
            status: response.status(),
            fields: response.headers().clone(),
            body: Bytes::new(),
        }))
    }

    /// More of the body of that answer.
    pub(super) fn body(&mut self, chunk: &Bytes) {
        if let Self::Http(answer) = self {
            let more = chunk.slice(..chunk.len().min(KEPT_AT_MOST - answer.body.len()));
            if answer.body.is_empty() {
                answer.body = more;
            } else if !more.is_empty() {
                answer.body = [answer.body.as_ref(), &more].concat().into();
            }
        }
    }

    /// Whether more of the body of that answer would be kept.
    pub(super) fn has_room(&self) -> bool {
        matches!(self, Self::Http(answer) if answer.body.len() < KEPT_AT_MOST)
    }

    /// More of what is said in a dialogue.
    pub(super) fn came(&mut self, bytes: &[u8]) {
        let text = self.dialogue();
        let room = KEPT_AT_MOST.saturating_sub(text.len());
        text.push_str(&String::from_utf8_lossy(&bytes[..bytes.len().min(room)]));
    }

    /// So many bytes were said in it by us.
    pub(super) fn sent(&mut self, length: usize) {
        let text = self.dialogue();
        if text.len() < KEPT_AT_MOST {
            let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
            writeln!(text, "{gap}({} sent)", counted(length, "byte")).expect(INFALLIBLE);
        }
    }

    fn dialogue(&mut self) -> &mut String {
        if !matches!(self, Self::Dialogue(_)) {
            *self = Self::Dialogue(String::new());
        }
        match self {
            Self::Dialogue(text) => text,
            _ => unreachable!("it was made one"),
        }
    }

    /// As text, if there is anything.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Http(answer) => Some(answer.text()),
            Self::Dns(message) => Some(records(message)),
            Self::Dialogue(text) => Some(text.clone()),
        }
        .filter(|text| !text.is_empty())
    }
}

impl Answer {
    fn text(&self) -> String {
        let mut text = format!("{:?} {}", self.version, self.status);
        for (name, value) in &self.fields {
            let shown = shown(name, value);
            if text.len() + name.as_str().len() + shown.len() > KEPT_AT_MOST {
                text.push_str("\n(more)");
                break;
            }
            write!(text, "\n{name}: {shown}").expect(INFALLIBLE);
        }
        text.push('\n');
        if !self.body.is_empty() {
            text.push('\n');
            text.push_str(&String::from_utf8_lossy(&self.body));
        }
        text
    }
}

/// The value of a field as a story may have it.
fn shown<'v>(name: &HeaderName, value: &'v HeaderValue) -> Cow<'v, str> {
    if may_hold_secret(name) {
        return "(not shown)".into();
    }
    let text = String::from_utf8_lossy(value.as_bytes());
    // What opens a door stands behind the path: tokens of a session, codes of a login.
    match text.find(['?', '#']) {
        Some(at) if *name == header::LOCATION => format!("{}(not shown)", &text[..=at]).into(),
        _ => text,
    }
}

/// The records of an answer, a line each, as zone files have them.
fn records(message: &Message) -> String {
    let mut text = String::new();
    for (section, records) in [
        ("answer", &message.answers),
        ("authority", &message.authorities),
        ("additional", &message.additionals),
    ] {
        for Record { name, dns_class, ttl, data, .. } in records {
            let kind = type_word(data.record_type());
            let data = text_of(data);
            if text.len() + data.len() > KEPT_AT_MOST {
                text.push_str("(more)\n");
                return text;
            }
            writeln!(text, "{section}: {name} {ttl} {dns_class} {kind} {data}").expect(INFALLIBLE);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{HeaderName, HeaderValue, Heard, KEPT_AT_MOST, shown};

    #[test]
    fn fields_that_may_hold_secrets_are_told_by_name_only() {
        let told = |name: &str, value: &'static str| {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            shown(&name, &HeaderValue::from_static(value)).into_owned()
        };
        for name in [
            "Set-Cookie",
            "cookie",
            "Authorization",
            "x-api-key",
            "X-Auth-Token",
            "x-amz-security-token",
            "x-client-secret",
            "x-session-id",
            "X-CSRF",
            "ocp-api-key",
        ] {
            assert_eq!(told(name, "4711"), "(not shown)", "{name}");
        }
        assert_eq!(told("server", "a?b#c"), "a?b#c");
        assert_eq!(told("location", "https://a.example/x"), "https://a.example/x");
        assert_eq!(told("location", "/cb?code=4711"), "/cb?(not shown)");
        assert_eq!(told("Location", "/cb#access_token=4711"), "/cb#(not shown)");
    }

    #[test]
    fn a_dialogue_is_told_without_what_was_sent() {
        let mut heard = Heard::default();
        assert_eq!(heard.text(), None);
        heard.came(b"220 mail");
        heard.came(b".example\r\n");
        heard.sent(14);
        heard.came(b"250 ok");
        heard.sent(1);
        let told = "220 mail.example\r\n(14 bytes sent)\n250 ok\n(1 byte sent)\n";
        assert_eq!(heard.text().as_deref(), Some(told));
        for _ in 0..100 {
            heard.came(&[b'x'; 1_000]);
            heard.sent(7);
        }
        assert!(heard.text().unwrap().len() <= KEPT_AT_MOST + 32);
    }
}
