//! What a DNS answer must be, in the order in which it is judged: whole, response code, flags, records.
//!
//! Rules on records see those of the type that was asked for, as text; aliases on the way to them and signatures are not
//! counted. A rule that needs a record fails when there is none. The first rule that fails gives the sentence, with the
//! rule and the record in it.
//!
//! Pure: bytes are decoded elsewhere, and no clock is read.

use crate::model::{AnswerRules, DnsSpec, DnsTransport, Facts, FlagRules, Pattern, Reason};
use crate::net::Failure;
use hickory_resolver::proto::op::{Message, MessageType, Metadata, ResponseCode};
use hickory_resolver::proto::rr::{RData, Record, RecordType};
use std::fmt::Write;
use std::ops::RangeInclusive;

/// Records that a sentence names.
const NAMED_RECORDS: usize = 4;

/// Characters of one record that a sentence shows.
const SHOWN_RECORD: usize = 80;

/// Writes what the answer says into the facts.
pub(super) fn note(answer: &Message, facts: &mut Facts) {
    facts.dns_rcode = Some(code_word(answer.response_code));
    facts.dns_answers = Some(count(&answer.answers));
    facts.dns_authority = Some(count(&answer.authorities));
    facts.dns_additional = Some(count(&answer.additionals));
    facts.dns_flags = Some(flag_words(&answer.metadata));
    facts.dns_serial =
        answer.answers.iter().chain(&answer.authorities).find_map(|record| match &record.data {
            RData::SOA(soa) => Some(soa.serial),
            _ => None,
        });
}

/// The sentence for an answer that is as wanted, or the first thing that is not.
pub(super) fn judge(
    spec: &DnsSpec,
    transport: DnsTransport,
    answer: &Message,
) -> Result<String, Failure> {
    if answer.truncation {
        let hint = match transport {
            DnsTransport::Udp => "; with `truncated = \"tcp\"` it is asked for again over tcp",
            DnsTransport::Tcp => "",
        };
        let said = format!("the answer over {transport} is truncated{hint}");
        return Err(Failure::bad(Reason::Truncated, said));
    }
    if !spec.rcodes.contains(&answer.response_code) {
        let wanted: Vec<_> = spec.rcodes.iter().copied().map(code_word).collect();
        let said = format!(
            "answered {}, expected {}",
            code_word(answer.response_code),
            wanted.join(" or ")
        );
        return Err(Failure::bad(Reason::Rcode, said));
    }
    judge_flags(spec.flags, &answer.metadata)?;
    let records: Vec<Shown<'_>> = answer
        .answers
        .iter()
        .filter(|record| {
            spec.record_type == RecordType::ANY || record.record_type() == spec.record_type
        })
        .map(|record| Shown { text: text_of(&record.data), record })
        .collect();
    judge_records(&spec.answers, spec.record_type, &records)
        .map_err(|said| Failure::bad(Reason::Answer, said))?;
    Ok(format!("{}, {}", code_word(answer.response_code), listed(&records)))
}

/// A record and how it is written.
struct Shown<'a> {
    record: &'a Record,
    text: String,
}

fn judge_flags(wanted: FlagRules, seen: &Metadata) -> Result<(), Failure> {
    let rules = [
        ("aa", wanted.aa, seen.authoritative),
        ("ad", wanted.ad, seen.authentic_data),
        ("ra", wanted.ra, seen.recursion_available),
    ];
    for (flag, wanted, seen_set) in rules {
        if wanted.is_some_and(|wanted| wanted != seen_set) {
            let (is, should) = if seen_set { ("set", "not set") } else { ("not set", "set") };
            let said =
                format!("flag `{flag}` is {is}, expected {should}; flags: {}", flag_words(seen));
            return Err(Failure::bad(Reason::Flags, said));
        }
    }
    Ok(())
}

fn judge_records(
    rules: &AnswerRules,
    record_type: RecordType,
    records: &[Shown<'_>],
) -> Result<(), String> {
    if let Some(wanted) = &rules.count
        && !wanted.contains(&count(records))
    {
        return Err(format!("{}, expected {} (count)", listed(records), range(wanted)));
    }
    let needs_one = !rules.all.is_empty() || !rules.any.is_empty() || rules.ttl.is_some();
    if records.is_empty() && needs_one {
        return Err(format!("no {record_type} record in the answer, expected at least one"));
    }
    for each in records {
        if !rules.all.is_empty() && !matches_one(&rules.all, &each.text) {
            let patterns = quoted(&rules.all);
            return Err(format!("record {} matches none of {patterns} (all)", shown(&each.text)));
        }
        if let Some(pattern) =
            rules.none.iter().find(|pattern| pattern.is_match(each.text.as_bytes()))
        {
            return Err(format!("record {} matches `{pattern}` (none)", shown(&each.text)));
        }
        if let Some(wanted) = &rules.ttl
            && !wanted.contains(&each.record.ttl)
        {
            let (text, ttl) = (shown(&each.text), each.record.ttl);
            return Err(format!("record {text} lives {ttl}s, expected {}s (ttl)", range(wanted)));
        }
    }
    if !rules.any.is_empty() && !records.iter().any(|each| matches_one(&rules.any, &each.text)) {
        return Err(format!("{}, none matches {} (any)", listed(records), quoted(&rules.any)));
    }
    match &rules.exact {
        Some(wanted) => judge_exact(wanted, records),
        None => Ok(()),
    }
}

/// The same records, each as often, in any order.
fn judge_exact(wanted: &[String], records: &[Shown<'_>]) -> Result<(), String> {
    let mut missing: Vec<&str> = wanted.iter().map(String::as_str).collect();
    for each in records {
        match missing.iter().position(|wanted| *wanted == each.text) {
            Some(place) => drop(missing.swap_remove(place)),
            None => {
                return Err(format!("record {} is not among those of `exact`", shown(&each.text)));
            }
        }
    }
    match missing.first() {
        Some(record) => Err(format!("record {} of `exact` is missing", shown(record))),
        None => Ok(()),
    }
}

fn matches_one(patterns: &[Pattern], text: &str) -> bool {
    patterns.iter().any(|pattern| pattern.is_match(text.as_bytes()))
}

/// `2 answers (192.0.2.7, 192.0.2.8)`.
fn listed(records: &[Shown<'_>]) -> String {
    let mut text = match records.len() {
        0 => return "no answers".to_owned(),
        1 => "1 answer (".to_owned(),
        more => format!("{more} answers ("),
    };
    for (place, each) in records.iter().enumerate() {
        if place == NAMED_RECORDS {
            text.push_str(", …");
            break;
        }
        if place > 0 {
            text.push_str(", ");
        }
        text.push_str(&shortened(&each.text));
    }
    text.push(')');
    text
}

fn quoted(patterns: &[Pattern]) -> String {
    let quoted: Vec<_> = patterns.iter().map(|pattern| format!("`{pattern}`")).collect();
    quoted.join(" or ")
}

fn shown(text: &str) -> String {
    format!("`{}`", shortened(text))
}

fn shortened(text: &str) -> String {
    let clean = text.chars().map(|each| if each.is_control() { '\u{fffd}' } else { each });
    let mut short: String = clean.take(SHOWN_RECORD).collect();
    if text.chars().nth(SHOWN_RECORD).is_some() {
        short.push('…');
    }
    short
}

fn range(range: &RangeInclusive<u32>) -> String {
    if range.start() == range.end() {
        range.start().to_string()
    } else if *range.end() == u32::MAX {
        format!("at least {}", range.start())
    } else {
        format!("{} to {}", range.start(), range.end())
    }
}

fn count<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).unwrap_or(u32::MAX)
}

/// A record's data the way zone files write it; what hickory cannot write is left out rather than a panic.
fn text_of(data: &RData) -> String {
    let mut text = String::new();
    let _ = write!(text, "{data}");
    text
}

/// The code as DNS spells it.
fn code_word(code: ResponseCode) -> String {
    let word = match code {
        ResponseCode::NoError => "NOERROR",
        ResponseCode::FormErr => "FORMERR",
        ResponseCode::ServFail => "SERVFAIL",
        ResponseCode::NXDomain => "NXDOMAIN",
        ResponseCode::NotImp => "NOTIMP",
        ResponseCode::Refused => "REFUSED",
        ResponseCode::YXDomain => "YXDOMAIN",
        ResponseCode::YXRRSet => "YXRRSET",
        ResponseCode::NXRRSet => "NXRRSET",
        ResponseCode::NotAuth => "NOTAUTH",
        ResponseCode::NotZone => "NOTZONE",
        // In an answer to a plain query, 16 is BADVERS (RFC 6891, 6.1.3); BADSIG needs a TSIG, which we never send.
        ResponseCode::BADVERS | ResponseCode::BADSIG => "BADVERS",
        ResponseCode::BADCOOKIE => "BADCOOKIE",
        other => return format!("RCODE{}", u16::from(other)),
    };
    word.to_owned()
}

/// The flags that are set, in dig's order.
fn flag_words(seen: &Metadata) -> String {
    let flags = [
        ("qr", seen.message_type == MessageType::Response),
        ("aa", seen.authoritative),
        ("tc", seen.truncation),
        ("rd", seen.recursion_desired),
        ("ra", seen.recursion_available),
        ("ad", seen.authentic_data),
        ("cd", seen.checking_disabled),
    ];
    let mut words = String::new();
    for (word, _) in flags.iter().filter(|(_, set)| *set) {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
    }
    words
}
