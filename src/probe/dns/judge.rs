//! What a DNS answer must be, in the order in which it is judged: whole, response code, flags, records.
//!
//! Rules on answers see the records of the type that was asked for, as text; aliases on the way to them and signatures are not
//! counted. Rules on the other sections see all their records but signatures, and every rule may name another type. A rule that
//! needs a record fails when there is none. The first rule that fails gives the sentence, with the rule and the record in it.
//!
//! Pure: bytes are decoded elsewhere, and no clock is read.

use super::text::text_of;
use crate::model::{
    DnsSpec, DnsTransport, Facts, FlagRules, Pattern, Reason, RecordRules, Truncated, type_word,
};
use crate::net::Failure;
use hickory_resolver::proto::op::{Edns, Message, MessageType, Metadata, ResponseCode};
use hickory_resolver::proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_resolver::proto::rr::{RData, Record, RecordType};
use std::ops::RangeInclusive;

/// Records that a sentence names.
const NAMED_RECORDS: usize = 4;

/// Characters of one record that a sentence shows.
const SHOWN_RECORD: usize = 80;

/// Number of the EDNS option with an extended error.
const EXTENDED_ERROR: u16 = 15;

/// Extended errors by their numbers (RFC 8914, 4).
const EXTENDED_ERRORS: [&str; 25] = [
    "Other",
    "Unsupported DNSKEY Algorithm",
    "Unsupported DS Digest Type",
    "Stale Answer",
    "Forged Answer",
    "DNSSEC Indeterminate",
    "DNSSEC Bogus",
    "Signature Expired",
    "Signature Not Yet Valid",
    "DNSKEY Missing",
    "RRSIGs Missing",
    "No Zone Key Bit Set",
    "NSEC Missing",
    "Cached Error",
    "Not Ready",
    "Blocked",
    "Censored",
    "Filtered",
    "Prohibited",
    "Stale NXDOMAIN Answer",
    "Not Authoritative",
    "Not Supported",
    "No Reachable Authority",
    "Network Error",
    "Invalid Data",
];

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
    if answer.truncation && spec.truncated != Truncated::Accept {
        let hint = match transport {
            DnsTransport::Udp => "; with `truncated = \"tcp\"` it is asked for again over tcp",
            _ => "",
        };
        let said = format!("the answer over {transport} is truncated{hint}");
        return Err(Failure::bad(Reason::Truncated, said));
    }
    if !spec.rcodes.contains(&answer.response_code) {
        let wanted: Vec<_> = spec.rcodes.iter().copied().map(code_word).collect();
        let said = format!(
            "answered {}{}, expected {}",
            code_word(answer.response_code),
            explained(answer),
            wanted.join(" or ")
        );
        return Err(Failure::bad(Reason::Rcode, said));
    }
    judge_flags(spec.flags, &answer.metadata)?;
    let failed = |said| Failure::bad(Reason::Answer, said);
    let asked = spec.answers.record_type.unwrap_or(spec.record_type);
    let answers = Section::of("answer", &answer.answers, asked);
    answers.judge(&spec.answers).map_err(failed)?;
    let others = [
        ("authority record", &answer.authorities, &spec.authority),
        ("additional record", &answer.additionals, &spec.additional),
    ];
    for (noun, records, rules) in others {
        if !rules.is_empty() {
            let wanted = rules.record_type.unwrap_or(RecordType::ANY);
            Section::of(noun, records, wanted).judge(rules).map_err(failed)?;
        }
    }
    Ok(format!("{}, {}", code_word(answer.response_code), answers.listed()))
}

/// A record and how it is written.
struct Shown<'a> {
    record: &'a Record,
    text: String,
}

/// The records of one section that rules look at.
struct Section<'a> {
    /// What one of them is called.
    noun: &'static str,
    /// Their type; `ANY` for all.
    record_type: RecordType,
    records: Vec<Shown<'a>>,
}

fn judge_flags(wanted: FlagRules, seen: &Metadata) -> Result<(), Failure> {
    for (flag, wanted) in wanted.named() {
        let seen_set = match flag {
            "aa" => seen.authoritative,
            "ad" => seen.authentic_data,
            "ra" => seen.recursion_available,
            "tc" => seen.truncation,
            "rd" => seen.recursion_desired,
            _ => seen.checking_disabled,
        };
        if wanted.is_some_and(|wanted| wanted != seen_set) {
            let (is, should) = if seen_set { ("set", "not set") } else { ("not set", "set") };
            let said =
                format!("flag `{flag}` is {is}, expected {should}; flags: {}", flag_words(seen));
            return Err(Failure::bad(Reason::Flags, said));
        }
    }
    Ok(())
}

impl<'a> Section<'a> {
    /// Those of `records` that are of this type; for `ANY` all but signatures.
    fn of(noun: &'static str, records: &'a [Record], record_type: RecordType) -> Self {
        let wanted = |record: &&Record| match record_type {
            RecordType::ANY => record.record_type() != RecordType::RRSIG,
            wanted => record.record_type() == wanted,
        };
        let shown = records.iter().filter(wanted);
        let shown = shown.map(|record| Shown { text: text_of(&record.data), record });
        Self { noun, record_type, records: shown.collect() }
    }

    fn judge(&self, rules: &RecordRules) -> Result<(), String> {
        let records = &self.records;
        if let Some(wanted) = &rules.count
            && !wanted.contains(&count(records))
        {
            return Err(format!("{}, expected {} (count)", self.listed(), range(wanted)));
        }
        let needs_one = !rules.all.is_empty() || !rules.any.is_empty() || rules.ttl.is_some();
        if records.is_empty() && needs_one {
            return Err(format!("{}, expected at least one", self.nothing()));
        }
        for each in records {
            self.judge_one(rules, each)?;
        }
        if !rules.any.is_empty() && !records.iter().any(|each| matches_one(&rules.any, &each.text))
        {
            return Err(format!("{}, none matches {} (any)", self.listed(), quoted(&rules.any)));
        }
        match &rules.exact {
            Some(wanted) => self.judge_exact(wanted),
            None => Ok(()),
        }
    }

    fn judge_one(&self, rules: &RecordRules, each: &Shown<'_>) -> Result<(), String> {
        let record = || format!("{} {}", self.one(), shown(&each.text));
        if !rules.all.is_empty() && !matches_one(&rules.all, &each.text) {
            return Err(format!("{} matches none of {} (all)", record(), quoted(&rules.all)));
        }
        if let Some(pattern) =
            rules.none.iter().find(|pattern| pattern.is_match(each.text.as_bytes()))
        {
            return Err(format!("{} matches `{pattern}` (none)", record()));
        }
        match &rules.ttl {
            Some(wanted) if !wanted.contains(&each.record.ttl) => {
                let ttl = each.record.ttl;
                Err(format!("{} lives {ttl}s, expected {}s (ttl)", record(), range(wanted)))
            }
            _ => Ok(()),
        }
    }

    /// The same records, each as often, in any order.
    fn judge_exact(&self, wanted: &[String]) -> Result<(), String> {
        let mut missing: Vec<&str> = wanted.iter().map(String::as_str).collect();
        for each in &self.records {
            let place = missing.iter().position(|wanted| *wanted == each.text);
            let Some(place) = place else {
                let (one, text) = (self.one(), shown(&each.text));
                return Err(format!("{one} {text} is not among those of `exact`"));
            };
            missing.swap_remove(place);
        }
        match missing.first() {
            Some(record) => Err(format!("{} {} of `exact` is missing", self.one(), shown(record))),
            None => Ok(()),
        }
    }

    /// What a single one is called in a sentence.
    fn one(&self) -> &'static str {
        if self.noun == "answer" { "record" } else { self.noun }
    }

    /// `no A record in the answer`.
    fn nothing(&self) -> String {
        let word = match self.record_type {
            RecordType::ANY => String::new(),
            other => format!("{} ", type_word(other)),
        };
        match self.noun {
            "answer" => format!("no {word}record in the answer"),
            noun => format!("no {word}{noun}"),
        }
    }

    /// `2 answers (192.0.2.7, 192.0.2.8)`.
    fn listed(&self) -> String {
        let noun = self.noun;
        let mut text = match self.records.len() {
            0 => return format!("no {noun}s"),
            1 => format!("1 {noun} ("),
            more => format!("{more} {noun}s ("),
        };
        for (place, each) in self.records.iter().enumerate() {
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
}

/// What an extended error says of a response code (RFC 8914): ` (DNSSEC Bogus: signature expired)`.
fn explained(answer: &Message) -> String {
    let options = answer.edns.as_ref().map(Edns::options);
    let option = options.and_then(|options| options.get(EdnsCode::Unknown(EXTENDED_ERROR)));
    let Some(EdnsOption::Unknown(_, bytes)) = option else { return String::new() };
    let Some((code, text)) = bytes.split_first_chunk::<2>() else { return String::new() };
    let code = u16::from_be_bytes(*code);
    let name = match EXTENDED_ERRORS.get(usize::from(code)) {
        Some(name) => (*name).to_owned(),
        None => format!("extended error {code}"),
    };
    match String::from_utf8_lossy(text).trim_matches(['\0', ' ']) {
        "" => format!(" ({name})"),
        text => format!(" ({name}: {})", shortened(text)),
    }
}

fn matches_one(patterns: &[Pattern], text: &str) -> bool {
    patterns.iter().any(|pattern| pattern.is_match(text.as_bytes()))
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

/// The code as DNS spells it.
pub(super) fn code_word(code: ResponseCode) -> String {
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
