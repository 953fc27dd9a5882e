//! `[probe.NAME.tcp]`: a connection and the dialogue on it.
//!
//! A step says one thing: expect, send, or ask for TLS. TLS is asked for once.
//!
//! It does not fill in placeholders.

use super::probe::read_pattern;
use super::{RawStep, RawTcp};
use crate::config::decode::{Section, bad_word, section};
use crate::config::problem::{Kind, Problem};
use crate::config::source::At;
use crate::model::StartTls;

pub(super) fn read_tcp(table: &Section<'_>) -> Option<RawTcp> {
    let address = table.template("address");
    if !table.has("address") {
        table.missing("address", "`address = \"{host}:443\"`");
    }
    let dialogue = table.list("dialogue", "a list of steps", |context, node, path| {
        section(context, node, node.place, path.to_owned(), read_step).flatten()
    });
    if let Some(dialogue) = &dialogue {
        second_starttls(table, &dialogue.value);
    }
    Some(RawTcp { address: address?, dialogue })
}

fn second_starttls(table: &Section<'_>, steps: &[RawStep]) {
    let mut places = steps.iter().filter_map(|step| match step {
        RawStep::StartTls(words) => Some(words.place),
        _ => None,
    });
    let Some(first) = places.next() else { return };
    for again in places {
        let said = "TLS is already there";
        let problem =
            Problem::new(Kind::StarttlsMeaningless, table.path_of("dialogue"), again, said)
                .label("asked for again here")
                .also(first, "TLS starts here")
                .hint("leave out the second `starttls`");
        table.report(problem);
    }
}

/// Protocols whose words for TLS are not built yet.
const LATER_STARTTLS: [&str; 3] = ["ftp", "mysql", "xmpp"];

/// What a step can say; one of them.
const WAYS: [&str; 5] = ["expect", "expect_hex", "send", "send_hex", "starttls"];

/// Bytes that a step may send or expect in hexadecimal: a quarter of what may wait for a match.
const MAX_HEX: usize = 4 * 1024;

fn read_step(step: &Section<'_>) -> Option<RawStep> {
    step.exclusive(&WAYS);
    let expect = step
        .get("expect")
        .and_then(|node| read_pattern(step.context, node, &step.path_of("expect")));
    let expect_hex = read_hex(step, "expect_hex");
    let send = step.template("send");
    let send_hex = read_hex(step, "send_hex");
    let within = step.duration("within");
    let starttls = step.string("starttls");
    let given = WAYS.iter().filter(|way| step.has(way)).count();
    let expects = step.has("expect") || step.has("expect_hex");
    if given == 0 || (step.has("within") && !expects) {
        let said = if given == 0 {
            "a step that neither says nor expects anything"
        } else {
            "`within` without `expect`"
        };
        let problem = Problem::new(Kind::BadStep, step.path.clone(), step.place, said).expected(
            "`{ expect = …, within = … }`, `{ send = … }`, `{ expect_hex = … }`, `{ send_hex = … }` or `{ starttls = … }`",
        );
        step.report(problem);
    }
    if given != 1 {
        return None;
    }
    if let Some(words) = starttls {
        return read_starttls(step, &words).map(RawStep::StartTls);
    }
    let expected = expect.map(|pattern| RawStep::Expect { pattern, within: within.clone() });
    let expected = expected.or(expect_hex.map(|bytes| RawStep::ExpectBytes { bytes, within }));
    expected.or(send.map(RawStep::Send)).or(send_hex.map(RawStep::SendBytes))
}

/// Bytes written as pairs of hexadecimal digits, perhaps with blanks between them.
fn read_hex(step: &Section<'_>, key: &'static str) -> Option<At<Vec<u8>>> {
    let text = step.string(key)?;
    match bytes_of(&text.value) {
        Ok(bytes) => Some(At::new(bytes, text.place)),
        Err(why) => {
            let said = format!("`{}` is no list of bytes", text.value);
            let problem = Problem::new(Kind::BadStep, step.path_of(key), text.place, said)
                .label(why)
                .expected("pairs of hexadecimal digits: `\"00 1f FF\"`");
            step.report(problem);
            None
        }
    }
}

fn bytes_of(text: &str) -> Result<Vec<u8>, String> {
    let digits = text.chars().filter(|each| !each.is_ascii_whitespace());
    let digits: Vec<u8> = digits
        .map(|each| {
            let digit = each.to_digit(16).ok_or_else(|| format!("`{each}` is no digit of them"))?;
            Ok(u8::try_from(digit).expect("a hexadecimal digit is below 16"))
        })
        .collect::<Result<_, String>>()?;
    let (pairs, odd) = digits.as_chunks::<2>();
    if !odd.is_empty() {
        return Err("the last digit is alone".to_owned());
    }
    match pairs.len() {
        0 => Err("it is empty".to_owned()),
        1..=MAX_HEX => Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect()),
        many => Err(format!("{many} bytes, at most {MAX_HEX} can be said in one step")),
    }
}

fn read_starttls(step: &Section<'_>, words: &At<String>) -> Option<At<StartTls>> {
    let path = step.path_of("starttls");
    if let Some(known) = StartTls::from_word(&words.value) {
        return Some(At::new(known, words.place));
    }
    let built: Vec<&str> = StartTls::ALL.iter().map(|each| each.as_str()).collect();
    if LATER_STARTTLS.contains(&&*words.value) {
        let said = format!("`starttls = \"{}\"` is not supported yet", words.value);
        let problem = Problem::new(Kind::NotSupported, path, words.place, said);
        step.report(problem.hint(format!("{} are built so far", listed(&built))));
    } else {
        bad_word(step.context, words, &path, &built);
    }
    None
}

fn listed(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{MAX_HEX, bytes_of};

    #[test]
    fn bytes_are_pairs_of_digits() {
        assert_eq!(bytes_of("00 1f FF\n0a"), Ok(vec![0, 0x1f, 0xff, 0x0a]));
        assert_eq!(bytes_of("001fff"), Ok(vec![0, 0x1f, 0xff]));
        let why = |text: &str| bytes_of(text).unwrap_err();
        assert_eq!(why("  "), "it is empty");
        assert_eq!(why("00 1"), "the last digit is alone");
        assert_eq!(why("0x00"), "`x` is no digit of them");
        assert_eq!(bytes_of(&"00".repeat(MAX_HEX)).unwrap().len(), MAX_HEX);
        assert_eq!(why(&"00".repeat(4_097)), "4097 bytes, at most 4096 can be said in one step");
    }
}
