//! The data of a record as zone files have it (RFC 1035, 5.1): `10 mail.example.com.`, `"v=spf1 -all"`, `\# 2 ABCD`.
//!
//! Written from the bytes on the wire, by a table of forms: one letter for each part of a type's data. What has no form, or
//! does not follow it, is written as RFC 3597 has it for unknown types. Everything is printable ASCII, on one line: what
//! `dig` breaks into groups is not broken here.
//!
//! It decodes no message: the bytes of one record come in whole.

use crate::model::type_word_of;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hickory_resolver::proto::rr::{RData, RecordType};
use hickory_resolver::proto::serialize::binary::{BinEncodable, BinEncoder, NameEncoding};
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

/// What stands in a type's data, in order: `4` and `6` addresses, `n` name, `b` `h` `w` numbers of one, two and four
/// bytes, `t` type, `d` date, `s` string, `S` strings to the end, `c` word with its length before it, `q` string to
/// the end, `x` hexadecimal to the end, `B` base64 to the end, `X` hexadecimal with its length before it, `3` base32
/// with its length before it, `M` map of types, `e` pairs of digits, `p` parameters of a service.
const FORMS: [(u16, &str); 41] = [
    (1, "4"),
    (2, "n"),
    (5, "n"),
    (6, "nnwwwww"),
    (12, "n"),
    (13, "ss"),
    (15, "hn"),
    (16, "S"),
    (17, "nn"),
    (18, "hn"),
    (28, "6"),
    (33, "hhhn"),
    (35, "hhsssn"),
    (36, "hn"),
    (37, "hhbB"),
    (39, "n"),
    (43, "hbbx"),
    (44, "bbx"),
    (46, "tbbwddhnB"),
    (47, "nM"),
    (48, "hbbB"),
    (49, "B"),
    (50, "bbhX3M"),
    (51, "bbhX"),
    (52, "bbbx"),
    (53, "bbbx"),
    (59, "hbbx"),
    (60, "hbbB"),
    (61, "B"),
    (62, "whM"),
    (63, "wbbx"),
    (64, "hnp"),
    (65, "hnp"),
    (99, "S"),
    (108, "e"),
    (109, "e"),
    (256, "hhq"),
    (257, "bcq"),
    (258, "S"),
    (261, "S"),
    (65305, "n"),
];

/// Names of the parameters of SVCB and HTTPS records, by their numbers (RFC 9460, 14.3.2).
const SERVICE_KEYS: [&str; 8] =
    ["mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint", "dohpath"];

/// Types in a map that are written out; a name has at most some dozen, and a hostile map would have 65536.
const MAPPED_TYPES: usize = 512;

/// The data as a zone file has it.
pub(in crate::probe) fn text_of(data: &RData) -> String {
    let mut bytes = Vec::new();
    let mut encoder = BinEncoder::new(&mut bytes);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    if data.emit(&mut encoder).is_err() {
        // What hickory has decoded it can encode; the next line would be true all the same.
        bytes.clear();
    }
    written(data.record_type(), &bytes)
}

fn written(record_type: RecordType, bytes: &[u8]) -> String {
    let number = u16::from(record_type);
    let form = FORMS.iter().find(|(known, _)| *known == number).map(|(_, form)| *form);
    form.and_then(|form| by_form(form, bytes)).unwrap_or_else(|| unknown(bytes))
}

/// RFC 3597, section 5.
fn unknown(bytes: &[u8]) -> String {
    let mut text = format!("\\# {}", bytes.len());
    if !bytes.is_empty() {
        text.push(' ');
        push_hex(&mut text, bytes);
    }
    text
}

/// `None` if the bytes do not follow the form.
fn by_form(form: &str, bytes: &[u8]) -> Option<String> {
    let mut rest = Rest(bytes);
    let mut text = String::new();
    for part in form.chars() {
        if !text.is_empty() && !text.ends_with(' ') {
            text.push(' ');
        }
        rest.part(part, &mut text)?;
    }
    if text.ends_with(' ') {
        text.pop();
    }
    rest.0.is_empty().then_some(text)
}

/// What has not been written yet.
struct Rest<'b>(&'b [u8]);

impl<'b> Rest<'b> {
    fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn all(&mut self) -> &'b [u8] {
        std::mem::take(&mut self.0)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|taken| taken[0])
    }

    fn number(&mut self) -> Option<u16> {
        self.take(2).map(|taken| u16::from_be_bytes([taken[0], taken[1]]))
    }

    fn long(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    /// What has its length in one byte before it.
    fn counted(&mut self) -> Option<&'b [u8]> {
        let length = self.byte()?;
        self.take(length.into())
    }

    fn part(&mut self, part: char, text: &mut String) -> Option<()> {
        // Writing to a string cannot fail.
        let _ = match part {
            '4' => write!(text, "{}", Ipv4Addr::from_bits(self.long()?)),
            '6' => write!(text, "{}", Ipv6Addr::from(<[u8; 16]>::try_from(self.take(16)?).ok()?)),
            'b' => write!(text, "{}", self.byte()?),
            'h' => write!(text, "{}", self.number()?),
            'w' => write!(text, "{}", self.long()?),
            't' => write!(text, "{}", type_word_of(self.number()?)),
            'd' => write!(text, "{}", date(self.long()?)?),
            _ => {
                self.text_part(part, text)?;
                Ok(())
            }
        };
        Some(())
    }

    fn text_part(&mut self, part: char, text: &mut String) -> Option<()> {
        match part {
            'n' => self.name(text)?,
            's' => push_quoted(text, self.counted()?),
            'S' => {
                push_quoted(text, self.counted()?);
                while !self.0.is_empty() {
                    text.push(' ');
                    push_quoted(text, self.counted()?);
                }
            }
            'c' => push_label(text, self.counted()?),
            'q' => push_quoted(text, self.all()),
            'x' => push_hex(text, self.all()),
            'X' => match self.counted()? {
                [] => text.push('-'),
                salt => push_hex(text, salt),
            },
            'B' => BASE64.encode_string(self.all(), text),
            '3' => push_base32(text, self.counted()?),
            'e' => {
                let pairs: Vec<_> = self.all().iter().map(|byte| format!("{byte:02x}")).collect();
                text.push_str(&pairs.join("-"));
            }
            'M' => self.type_map(text)?,
            'p' => self.service(text)?,
            _ => return None,
        }
        Some(())
    }

    fn name(&mut self, text: &mut String) -> Option<()> {
        let mut first = true;
        loop {
            match self.counted()? {
                [] => break,
                // Above are pointers, which have no meaning outside their message.
                label if label.len() > 63 => return None,
                label => {
                    push_label(text, label);
                    text.push('.');
                    first = false;
                }
            }
        }
        if first {
            text.push('.');
        }
        Some(())
    }

    /// RFC 4034, 4.1.2.
    fn type_map(&mut self, text: &mut String) -> Option<()> {
        let mut words = Vec::new();
        let mut before = None;
        while !self.0.is_empty() {
            let window = self.byte()?;
            let map = self.counted()?;
            if before.replace(window).is_some_and(|before| before >= window) || map.len() > 32 {
                return None;
            }
            for (place, byte) in (0_u8..).zip(map) {
                let set = (0..8_u8).filter(|bit| byte & (0x80 >> bit) != 0);
                words.extend(
                    set.map(|bit| type_word_of(u16::from_be_bytes([window, place * 8 + bit]))),
                );
            }
            if words.len() > MAPPED_TYPES {
                return None;
            }
        }
        text.push_str(&words.join(" "));
        Some(())
    }

    /// RFC 9460, 2.1, the way `dig` writes it.
    fn service(&mut self, text: &mut String) -> Option<()> {
        let mut first = true;
        while !self.0.is_empty() {
            let key = self.number()?;
            let length = self.number()?;
            let mut value = Rest(self.take(length.into())?);
            if !std::mem::take(&mut first) {
                text.push(' ');
            }
            text.push_str(&service_key(key));
            value.service_value(key, text)?;
        }
        Some(())
    }

    fn service_value(&mut self, key: u16, text: &mut String) -> Option<()> {
        let listed = match key {
            2 => return self.0.is_empty().then_some(()),
            0 => self.each(|value| value.number().map(|key| service_key(key).into_owned()))?,
            3 => vec![self.number()?.to_string()],
            4 => self.each(|value| value.long().map(|ip| Ipv4Addr::from_bits(ip).to_string()))?,
            5 => vec![BASE64.encode(self.all())],
            6 => self.each(|value| {
                let octets = <[u8; 16]>::try_from(value.take(16)?).ok()?;
                Some(Ipv6Addr::from(octets).to_string())
            })?,
            1 => {
                let protocols = self.each(|value| {
                    let mut word = String::new();
                    push_label(&mut word, value.counted()?);
                    Some(word)
                })?;
                vec![format!("\"{}\"", protocols.join(","))]
            }
            _ if self.0.is_empty() => return Some(()),
            _ => {
                let mut quoted = String::new();
                push_quoted(&mut quoted, self.all());
                vec![quoted]
            }
        };
        text.push('=');
        text.push_str(&listed.join(","));
        self.0.is_empty().then_some(())
    }

    fn each(&mut self, read: impl Fn(&mut Self) -> Option<String>) -> Option<Vec<String>> {
        let mut list = Vec::new();
        while !self.0.is_empty() {
            list.push(read(self)?);
        }
        Some(list)
    }
}

fn service_key(key: u16) -> std::borrow::Cow<'static, str> {
    match SERVICE_KEYS.get(usize::from(key)) {
        Some(name) => (*name).into(),
        None => format!("key{key}").into(),
    }
}

/// `20261123021500`, in UTC (RFC 4034, 3.2).
fn date(seconds: u32) -> Option<String> {
    let moment = jiff::Timestamp::from_second(seconds.into()).ok()?;
    Some(moment.strftime("%Y%m%d%H%M%S").to_string())
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(text, "{byte:02X}");
    }
}

/// RFC 4648, section 7, without padding.
fn push_base32(text: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHIJKLMNOPQRSTUV";
    for chunk in bytes.chunks(5) {
        let mut bits = [0; 8];
        bits[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(bits);
        let digits = (chunk.len() * 8).div_ceil(5);
        for place in 0..digits {
            let digit = usize::try_from((bits >> (35 - 5 * place)) & 31).unwrap_or(0);
            text.push(char::from(DIGITS[digit]));
        }
    }
}

fn push_quoted(text: &mut String, bytes: &[u8]) {
    text.push('"');
    for byte in bytes {
        push_escaped(text, *byte, b"\"\\");
    }
    text.push('"');
}

/// A label, or a word that is written without quotes.
fn push_label(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        if *byte == b' ' {
            text.push_str("\\032");
        } else {
            push_escaped(text, *byte, b"\"\\.;()@$,");
        }
    }
}

fn push_escaped(text: &mut String, byte: u8, special: &[u8]) {
    match byte {
        _ if special.contains(&byte) => text.extend(['\\', char::from(byte)]),
        b' '..=b'~' => text.push(char::from(byte)),
        _ => {
            let _ = write!(text, "\\{byte:03}");
        }
    }
}

#[cfg(test)]
mod tests;
