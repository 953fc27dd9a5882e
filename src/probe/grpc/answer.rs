//! What a health service answers, and what it means.
//!
//! Pure functions. Status before message: a call that failed has none. Codes are named as gRPC names them.
//!
//! It reads no socket.

use crate::model::{Facts, Reason, ServingStatus};
use crate::net::Failure;
use http::{HeaderMap, header};
use prost::Message as _;

/// Letters of a server's own words that are repeated.
const WORDS_LIMIT: usize = 200;

/// Bytes before a message: whether it is compressed, and how long it is.
const FRAME: usize = 5;

/// `grpc.health.v1.HealthCheckRequest`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct HealthCheckRequest {
    #[prost(string, tag = "1")]
    pub(super) service: String,
}

/// `grpc.health.v1.HealthCheckResponse`; the enumeration as a number, so that a new word is not the old `UNKNOWN`.
#[derive(Clone, PartialEq, prost::Message)]
struct HealthCheckResponse {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// What came.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: HeaderMap,
    pub(super) body: Vec<u8>,
    /// More of it came than is taken.
    pub(super) too_long: bool,
    pub(super) trailers: HeaderMap,
}

/// Status codes of gRPC, by number.
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

impl Answer {
    /// The status of the call; a server that has nothing to say beyond it puts it into the head.
    fn code(&self) -> Option<u16> {
        self.field("grpc-status")?.parse().ok()
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.trailers.get(name).or_else(|| self.head.get(name))?.to_str().ok()
    }

    fn is_grpc(&self) -> bool {
        let kind = self.head.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        kind.is_some_and(|kind| kind.starts_with("application/grpc"))
    }

    /// The number of the serving status, if there is a message.
    fn serving(&self) -> Result<i32, String> {
        let Some((frame, message)) = self.body.split_at_checked(FRAME) else {
            return Err(format!("of its message {} bytes came", self.body.len()));
        };
        let length = u32::from_be_bytes([frame[1], frame[2], frame[3], frame[4]]);
        if frame[0] != 0 {
            return Err("its message is compressed, which was not asked for".to_owned());
        }
        if u32::try_from(message.len()).ok() != Some(length) {
            let came = message.len();
            return Err(format!("its message has {came} bytes, and says that it has {length}"));
        }
        let read = HealthCheckResponse::decode(message);
        read.map(|read| read.status).map_err(|_| "its message cannot be read".to_owned())
    }
}

/// Keeps what was seen, whatever it means.
pub(super) fn note(answer: &Answer, facts: &mut Facts) {
    facts.http_status = Some(answer.status);
    facts.grpc_status = answer.code();
    let serving = answer.serving().ok().filter(|_| answer.code() == Some(0));
    facts.grpc_health = serving.and_then(ServingStatus::numbered);
}

/// The sentence of a service that serves, or why it is not good.
pub(super) fn judge(answer: &Answer, service: &str) -> Result<String, Failure> {
    let protocol = |said: String| Err(Failure::bad(Reason::Protocol, said));
    if answer.status != 200 {
        let said = format!("the server answered with HTTP status {}, not with gRPC", answer.status);
        return Err(Failure::bad(Reason::Status, said));
    }
    if !answer.is_grpc() {
        return protocol("the server answered with something that is not gRPC".to_owned());
    }
    if answer.too_long {
        return protocol(
            "the server's answer has no end: a health service says a few bytes".to_owned(),
        );
    }
    let Some(code) = answer.code() else {
        return protocol("the server's answer ended without a `grpc-status`".to_owned());
    };
    let whose = if service.is_empty() { "the server".to_owned() } else { format!("`{service}`") };
    if code != 0 {
        let name = CODES.get(usize::from(code)).copied().unwrap_or("no known code");
        let means = match name {
            "NOT_FOUND" => format!(": its health service does not know {whose}"),
            "UNIMPLEMENTED" => ": it has no health service".to_owned(),
            _ => String::new(),
        };
        let words = answer.field("grpc-message").map(tidied).filter(|words| !words.is_empty());
        let words = words.map(|words| format!("; it says: {words}")).unwrap_or_default();
        let said = format!("gRPC status {code} ({name}){means}{words}");
        return Err(Failure::bad(Reason::Status, said));
    }
    let number = match answer.serving() {
        Ok(number) => number,
        Err(why) => return protocol(format!("the server's answer is broken: {why}")),
    };
    match ServingStatus::numbered(number) {
        Some(ServingStatus::Serving) => Ok(format!("{whose} is {}", ServingStatus::Serving)),
        Some(other) => Err(Failure::bad(Reason::Health, format!("{whose} is {other}"))),
        None => {
            let said = format!("{whose} is in the unknown state {number}");
            Err(Failure::bad(Reason::Health, said))
        }
    }
}

fn tidied(words: &str) -> String {
    words.chars().filter(|each| !each.is_control()).take(WORDS_LIMIT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Outcome;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn answer(code: &'static str, body: &[u8]) -> Answer {
        let mut answer = Answer { status: 200, body: body.to_vec(), ..Answer::default() };
        answer
            .head
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc+proto"));
        answer.trailers.insert("grpc-status", HeaderValue::from_static(code));
        answer
    }

    fn why(answer: &Answer) -> (Outcome, String) {
        let failure = judge(answer, "orders").unwrap_err();
        (failure.outcome, failure.said)
    }

    #[test]
    fn serving_is_good_and_nothing_else() {
        assert_eq!(
            judge(&answer("0", &[0, 0, 0, 0, 2, 8, 1]), "").unwrap(),
            "the server is SERVING"
        );
        let health = Outcome::Bad(Reason::Health);
        let cases: [(&[u8], &str); 4] = [
            (&[0, 0, 0, 0, 0], "`orders` is UNKNOWN"),
            (&[0, 0, 0, 0, 2, 8, 2], "`orders` is NOT_SERVING"),
            (&[0, 0, 0, 0, 2, 8, 3], "`orders` is SERVICE_UNKNOWN"),
            (&[0, 0, 0, 0, 2, 8, 9], "`orders` is in the unknown state 9"),
        ];
        for (body, said) in cases {
            assert_eq!(why(&answer("0", body)), (health, said.to_owned()));
        }
    }

    #[test]
    fn codes_have_names() {
        let status = Outcome::Bad(Reason::Status);
        let cases = [
            ("5", "gRPC status 5 (NOT_FOUND): its health service does not know `orders`"),
            ("12", "gRPC status 12 (UNIMPLEMENTED): it has no health service"),
            ("14", "gRPC status 14 (UNAVAILABLE)"),
            ("99", "gRPC status 99 (no known code)"),
        ];
        for (code, said) in cases {
            assert_eq!(why(&answer(code, &[])), (status, said.to_owned()));
        }
        let mut wordy = answer("16", &[]);
        wordy.trailers.insert("grpc-message", HeaderValue::from_static("no token"));
        assert_eq!(why(&wordy).1, "gRPC status 16 (UNAUTHENTICATED); it says: no token");
    }

    #[test]
    fn what_is_not_an_answer_says_so() {
        let mut page = answer("0", b"<html>");
        page.head.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
        assert_eq!(why(&page).0, Outcome::Bad(Reason::Protocol));
        let cut = why(&answer("0", &[0, 0, 0, 0, 2, 8])).1;
        assert_eq!(
            cut,
            "the server's answer is broken: its message has 1 bytes, and says that it has 2"
        );
        let packed = why(&answer("0", &[1, 0, 0, 0, 2, 8, 1])).1;
        assert!(packed.ends_with("its message is compressed, which was not asked for"), "{packed}");
        let mut silent = answer("0", &[]);
        silent.trailers.clear();
        assert!(why(&silent).1.ends_with("ended without a `grpc-status`"));
    }

    proptest! {
        #[test]
        fn any_body_can_be_judged(body in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = judge(&answer("0", &body), "");
        }
    }
}
