//! Asking for TLS in the words of each protocol, and whether the answer is consent.
//!
//! Pure: bytes that have come in, a reading out. An answer that is not the protocol's is a refusal at once; one that is
//! not whole yet asks for more, and whoever asks holds the limit. How many bytes belong to the answer is part of the
//! reading, because whatever stands behind it was said in the clear and must not be heard after the handshake.
//!
//! It does no handshake.

use super::heard::shown;
use crate::model::StartTls;

/// The tag of our one IMAP command.
const IMAP_TAG: &[u8] = b"tls1 ";
/// How an LDAP message begins: a sequence.
const LDAP_SEQUENCE: u8 = 0x30;
/// `[APPLICATION 24]`, an extended response (RFC 4511, 4.12).
const LDAP_EXTENDED: u8 = 0x78;
/// Bytes of an answer of LDAP, far above any that consents.
const LDAP_LONGEST: usize = 8 * 1024;

/// What has come so far.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// Not yet a whole answer.
    More,
    /// The far side goes over to TLS; so many bytes said so.
    Consent(usize),
    /// It does not: what it said instead.
    Refusal(String),
}

/// What asks for TLS.
pub(super) fn request(words: StartTls) -> &'static [u8] {
    match words {
        StartTls::Smtp => b"STARTTLS\r\n",
        StartTls::Imap => b"tls1 STARTTLS\r\n",
        StartTls::Pop3 => b"STLS\r\n",
        // Length, then 1234 and 5679 where others have their version.
        StartTls::Postgres => b"\x00\x00\x00\x08\x04\xd2\x16\x2f",
        // Message 1: an extended request with the name of StartTLS.
        StartTls::Ldap => b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037",
    }
}

/// How a greeting begins that has to be heard before TLS is asked for, if no step heard it.
pub(super) fn greeting(words: StartTls) -> Option<&'static [u8]> {
    match words {
        StartTls::Imap => Some(b"* "),
        StartTls::Pop3 => Some(b"+OK"),
        StartTls::Smtp | StartTls::Postgres | StartTls::Ldap => None,
    }
}

/// Whether the protocol talks in lines.
pub(super) fn talks_in_lines(words: StartTls) -> bool {
    !matches!(words, StartTls::Postgres | StartTls::Ldap)
}

/// Reads what has come after the request.
pub(super) fn read(words: StartTls, bytes: &[u8]) -> Reading {
    match words {
        StartTls::Smtp => lines(bytes, smtp),
        StartTls::Imap => lines(bytes, imap),
        StartTls::Pop3 => lines(bytes, |line| Some(line.starts_with(b"+OK"))),
        StartTls::Postgres => match bytes.first() {
            None => Reading::More,
            Some(b'S') => Reading::Consent(1),
            Some(b'N') => Reading::Refusal("asked for TLS, and the server does without".to_owned()),
            Some(_) => Reading::Refusal(answered(bytes)),
        },
        StartTls::Ldap => ldap(bytes),
    }
}

/// The first line that `judge` has an opinion of: consent or not.
fn lines(bytes: &[u8], judge: impl Fn(&[u8]) -> Option<bool>) -> Reading {
    let mut from = 0;
    while let Some(length) = bytes[from..].iter().position(|byte| *byte == b'\n') {
        let line = &bytes[from..from + length];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        from += length + 1;
        match judge(line) {
            None => {}
            Some(true) => return Reading::Consent(from),
            Some(false) => return Reading::Refusal(answered(line)),
        }
    }
    Reading::More
}

/// What is left of the answer to EHLO is passed over, if the dialogue looked at its first lines only.
fn smtp(line: &[u8]) -> Option<bool> {
    let is_leftover = line.starts_with(b"25");
    let goes_on = line.get(3) == Some(&b'-');
    (!is_leftover && !goes_on).then(|| line.starts_with(b"220"))
}

/// News that belong to no command are passed over, but not a farewell.
fn imap(line: &[u8]) -> Option<bool> {
    if let Some(news) = line.strip_prefix(b"* ") {
        return news
            .get(..3)
            .is_some_and(|word| word.eq_ignore_ascii_case(b"BYE"))
            .then_some(false);
    }
    let answer = line.strip_prefix(IMAP_TAG).unwrap_or_default();
    Some(answer.get(..2).is_some_and(|word| word.eq_ignore_ascii_case(b"OK")))
}

fn ldap(bytes: &[u8]) -> Reading {
    if bytes.first().is_some_and(|first| *first != LDAP_SEQUENCE) {
        return Reading::Refusal(answered(bytes));
    }
    let message = match element(bytes) {
        Ok(Some(message)) => message,
        Ok(None) => return Reading::More,
        Err(TooLong) => return Reading::Refusal(answered(bytes)),
    };
    let length = bytes.len() - message.rest.len();
    match ldap_result(message.content) {
        Some((0, _)) => Reading::Consent(length),
        Some((code, text)) => {
            let more = if text.is_empty() { String::new() } else { format!(", {}", shown(text)) };
            Reading::Refusal(format!("asked for TLS, the answer was result {code}{more}"))
        }
        None => Reading::Refusal(answered(&bytes[..length])),
    }
}

/// Code and words of the answer to message 1.
fn ldap_result(message: &[u8]) -> Option<(u8, &[u8])> {
    let id = element(message).ok()??;
    let response = element(id.rest).ok()??;
    let code = element(response.content).ok()??;
    let matched = element(code.rest).ok()??;
    let text = element(matched.rest).ok()??;
    let right = id.content == [1] && response.tag == LDAP_EXTENDED && code.content.len() == 1;
    right.then(|| (code.content[0], text.content))
}

/// One element of BER, and what stands behind it.
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
    rest: &'a [u8],
}

/// A length beyond every bound, or of a form that LDAP does not allow.
#[derive(Debug)]
struct TooLong;

/// The first element; `None` if it is not whole yet.
fn element(bytes: &[u8]) -> Result<Option<Element<'_>>, TooLong> {
    let [tag, first, rest @ ..] = bytes else { return Ok(None) };
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let digits = usize::from(first & 0x7f);
            let Some((digits, rest)) = rest.split_at_checked(digits) else { return Ok(None) };
            (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
        }
        _ => return Err(TooLong),
    };
    if length > LDAP_LONGEST {
        return Err(TooLong);
    }
    let whole = rest.split_at_checked(length);
    Ok(whole.map(|(content, rest)| Element { tag: *tag, content, rest }))
}

fn answered(bytes: &[u8]) -> String {
    format!("asked for TLS, the answer was {}", shown(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refusal(words: StartTls, bytes: &[u8]) -> String {
        match read(words, bytes) {
            Reading::Refusal(said) => said,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn consent_ends_where_the_answer_does() {
        let cases: [(StartTls, &[u8], usize); 7] = [
            (StartTls::Smtp, b"250-A\r\n250 B\r\n220 go\r\nx", 22),
            (StartTls::Imap, b"* CAPABILITY\r\nTLS1 NO\r\n", 0),
            (StartTls::Imap, b"* 1 EXISTS\r\ntls1 ok Begin\r\nx", 27),
            (StartTls::Pop3, b"+OK Begin\r\nx", 11),
            (StartTls::Postgres, b"SS", 1),
            (StartTls::Ldap, b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00!", 14),
            (StartTls::Ldap, b"\x30\x81\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00!", 15),
        ];
        for (words, bytes, length) in cases {
            let expected = match length {
                0 => Reading::Refusal("asked for TLS, the answer was `TLS1 NO`".to_owned()),
                length => Reading::Consent(length),
            };
            assert_eq!(read(words, bytes), expected, "{words}");
        }
    }

    #[test]
    fn a_refusal_repeats_what_was_said() {
        assert!(refusal(StartTls::Imap, b"tls1 BAD no\r\n").ends_with("was `tls1 BAD no`"));
        assert!(refusal(StartTls::Imap, b"* BYE away\r\n").ends_with("was `* BYE away`"));
        assert!(refusal(StartTls::Pop3, b"-ERR no\r\n").ends_with("was `-ERR no`"));
        assert!(refusal(StartTls::Postgres, b"N").ends_with("the server does without"));
        assert!(refusal(StartTls::Postgres, b"E\0\0").ends_with(r"was `E\x00\x00`"));
        let busy = b"\x30\x10\x02\x01\x01\x78\x0b\x0a\x01\x33\x04\x00\x04\x04busy";
        assert!(refusal(StartTls::Ldap, busy).ends_with("was result 51, `busy`"));
        assert!(refusal(StartTls::Ldap, b"HTTP/1.1 400").ends_with("was `HTTP/1.1 400`"));
        // A notice of disconnection answers message 0.
        let notice = b"\x30\x0c\x02\x01\x00\x78\x07\x0a\x01\x00\x04\x00\x04\x00";
        assert!(refusal(StartTls::Ldap, notice).starts_with("asked for TLS, the answer was `0"));
        assert!(refusal(StartTls::Ldap, b"\x30\x84\xff\xff\xff\xff").contains("the answer was"));
        assert!(refusal(StartTls::Ldap, b"\x30\x80\x02").contains("the answer was"));
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read(bytes in proptest::collection::vec(any::<u8>(), 0..64), ldap in any::<bool>()) {
            let bytes = if ldap { [&[LDAP_SEQUENCE][..], &bytes].concat() } else { bytes };
            for words in StartTls::ALL {
                if let Reading::Consent(length) = read(*words, &bytes) {
                    prop_assert!(length <= bytes.len());
                }
            }
        }

        #[test]
        fn an_answer_in_pieces_asks_for_more(cut in 0_usize..14) {
            let whole = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00";
            prop_assert_eq!(read(StartTls::Ldap, &whole[..cut]), Reading::More);
        }
    }
}
