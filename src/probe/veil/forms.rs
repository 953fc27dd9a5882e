//! The forms in which a secret may come back.
//!
//! As it was sent, in base64, and as JSON, URLs, forms and pages have it: escapes differ from library to library, and those
//! of the usual ones are all here. A secret of letters and digits alone has few.
//!
//! No form is undone, and none is laid over another but where a library does so.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::fmt::Write as _;
use url::form_urlencoded::byte_serialize;

/// Writing to a string cannot fail.
const INFALLIBLE: &str = "writing to a string cannot fail";

/// What a character becomes, where it does not stay.
type Escape<'e> = &'e [(char, &'e str)];

/// How libraries name what may not stand in a page: Rust, Python, PHP (two), Go (two).
const PAGES: [Escape<'static>; 6] = [
    &[('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&quot;"), ('\'', "&#39;")],
    &[('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&quot;"), ('\'', "&#x27;")],
    &[('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&quot;"), ('\'', "&#039;")],
    &[('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&quot;")],
    &[('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&#34;"), ('\'', "&#39;")],
    &[
        ('&', "&amp;"),
        ('<', "&lt;"),
        ('>', "&gt;"),
        ('"', "&#34;"),
        ('\'', "&#39;"),
        ('+', "&#43;"),
    ],
];

/// Adds all forms of `secret`.
pub(super) fn of(secret: &str, forms: &mut Vec<String>) {
    forms.extend([
        secret.to_owned(),
        STANDARD.encode(secret),
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
    ]);
    if secret.chars().all(|each| each.is_ascii_alphanumeric()) {
        return;
    }
    json(secret, forms);
    forms.extend([
        byte_serialize(secret.as_bytes()).collect(),
        percent(secret, |out, byte| write!(out, "%{byte:02X}")),
        percent(secret, |out, byte| write!(out, "%{byte:02x}")),
        // As sentences have what comes in dialogues, and what would not stay on one line.
        secret.as_bytes().escape_ascii().to_string(),
        secret.replace(char::is_control, "\u{fffd}"),
    ]);
    forms.extend(PAGES.iter().map(|page| {
        mapped(secret, |out, each| match page.iter().find(|(from, _)| *from == each) {
            Some((_, to)) => out.write_str(to),
            None => out.write_char(each),
        })
    }));
    let is_plain = |each: char| each.is_ascii() && !"&<>\"'".contains(each);
    let numbered =
        |number: &dyn Fn(&mut String, u32) -> std::fmt::Result| {
            mapped(secret, |out, each| {
                if is_plain(each) { out.write_char(each) } else { number(out, each.into()) }
            })
        };
    forms.extend([
        numbered(&|out, code| write!(out, "&#{code};")),
        numbered(&|out, code| write!(out, "&#x{code:x};")),
        numbered(&|out, code| write!(out, "&#x{code:X};")),
    ]);
}

/// As JSON has it: with and without escaped slashes, what is dangerous in pages, and what is not ASCII.
fn json(secret: &str, forms: &mut Vec<String>) {
    let quoted = serde_json::to_string(secret).unwrap_or_default();
    let quoted =
        quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default();
    // .NET numbers even the quotation mark.
    let unquoted = quoted.replace("\\\"", "\"");
    for upper in [false, true] {
        for (text, escaped) in
            [(quoted, ""), (quoted, "&<>"), (quoted, "&<>'"), (&*unquoted, "&<>'\"+`")]
        {
            for ascii in [false, true] {
                let number = |out: &mut String, each: char| {
                    each.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| {
                        let digits =
                            if upper { format!("{unit:04X}") } else { format!("{unit:04x}") };
                        write!(out, "\\u{digits}")
                    })
                };
                let form = mapped(text, |out, each| {
                    let goes = escaped.contains(each) || (ascii && !each.is_ascii());
                    if goes { number(out, each) } else { out.write_char(each) }
                });
                forms.push(form.replace('/', "\\/"));
                forms.push(form);
            }
        }
    }
}

/// Percent-coded but for letters, digits and what RFC 3986 calls unreserved.
fn percent(text: &str, code: impl Fn(&mut String, u8) -> std::fmt::Result) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => code(&mut out, byte).expect(INFALLIBLE),
        }
    }
    out
}

/// `text` with each character written anew.
fn mapped(text: &str, write: impl Fn(&mut String, char) -> std::fmt::Result) -> String {
    let mut out = String::with_capacity(text.len());
    for each in text.chars() {
        write(&mut out, each).expect(INFALLIBLE);
    }
    out
}
