//! Types and classes of DNS records as people write them: `AAAA`, `URI`, `TYPE65280`; `IN`, `CH`, `CLASS3`.
//!
//! hickory's names, a few of IANA's that it does not have, and the numbers of RFC 3597 for everything.
//!
//! It does not know how the data of a type is written.

use hickory_resolver::proto::rr::{DNSClass, RecordType};
use std::borrow::Cow;

/// Registered types that hickory has no name for (IANA, "Resource Record (RR) TYPEs").
const FURTHER: [(&str, u16); 18] = [
    ("RP", 17),
    ("AFSDB", 18),
    ("LOC", 29),
    ("KX", 36),
    ("APL", 42),
    ("DHCID", 49),
    ("HIP", 55),
    ("ZONEMD", 63),
    ("SPF", 99),
    ("NID", 104),
    ("L32", 105),
    ("L64", 106),
    ("LP", 107),
    ("EUI48", 108),
    ("EUI64", 109),
    ("URI", 256),
    ("AVC", 258),
    ("RESINFO", 261),
];

/// What the type is called.
pub fn type_word(record_type: RecordType) -> Cow<'static, str> {
    match record_type {
        RecordType::Unknown(number) => number_word(number),
        known => Cow::Borrowed(known.into()),
    }
}

fn number_word(number: u16) -> Cow<'static, str> {
    match FURTHER.iter().find(|(_, known)| *known == number) {
        Some((name, _)) => Cow::Borrowed(name),
        None => Cow::Owned(format!("TYPE{number}")),
    }
}

/// What the type with this number is called.
pub fn type_word_of(number: u16) -> Cow<'static, str> {
    type_word(RecordType::from(number))
}

/// The type that `text` names, in either case; `None` if it is no type that a record can have and a probe ask for.
pub fn type_of(text: &str) -> Option<RecordType> {
    let upper = text.to_ascii_uppercase();
    let further = FURTHER.iter().find(|(name, _)| *name == upper).map(|(_, number)| *number);
    let number = upper.strip_prefix("TYPE").and_then(number_of);
    let found = match number.or(further) {
        Some(number) => RecordType::from(number),
        None => upper.parse().ok()?,
    };
    can_be_asked(found).then_some(found)
}

/// Meta types belong to other operations (RFC 6895, 3.1); of those only `ANY` is a question with one answer.
fn can_be_asked(record_type: RecordType) -> bool {
    match u16::from(record_type) {
        0 | 41 => false,
        number @ 128..=255 => number == 255,
        _ => true,
    }
}

/// What the class is called.
pub fn class_word(class: DNSClass) -> Cow<'static, str> {
    match class {
        DNSClass::Unknown(number) | DNSClass::OPT(number) => Cow::Owned(format!("CLASS{number}")),
        known => Cow::Borrowed(known.into()),
    }
}

/// The class that `text` names, in either case.
pub fn class_of(text: &str) -> Option<DNSClass> {
    let upper = text.to_ascii_uppercase();
    let found = match upper.strip_prefix("CLASS").and_then(number_of) {
        Some(number) => DNSClass::from(number),
        None => upper.parse().ok()?,
    };
    let number = u16::from(found);
    // 0 and 65535 are reserved, `NONE` is for updates (RFC 6895, 3.2).
    (number != 0 && number != u16::MAX && found != DNSClass::NONE).then_some(found)
}

/// A number as RFC 3597 writes it: digits only.
fn number_of(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|each| each.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_found_by_name_and_by_number() {
        assert_eq!(type_of("aaaa"), Some(RecordType::AAAA));
        assert_eq!(type_of("TYPE257"), Some(RecordType::CAA));
        assert_eq!(type_of("type65280"), Some(RecordType::Unknown(65280)));
        assert_eq!(type_of("uri"), Some(RecordType::Unknown(256)));
        assert_eq!(type_of("ANY"), Some(RecordType::ANY));
        for wrong in
            ["", "TYPE", "TYPE+1", "TYPE65536", "TYPE0", "TYPE41", "TYPE252", "AXFR", "OPT", "X"]
        {
            assert_eq!(type_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_type_is_found_again_by_its_word() {
        for number in (1..=300).chain([32768, 32769, 65280, 65534]) {
            let record_type = RecordType::from(number);
            if can_be_asked(record_type) {
                let word = type_word(record_type);
                assert_eq!(type_of(&word).map(u16::from), Some(number), "{word}");
            }
        }
    }

    #[test]
    fn classes_are_found_by_name_and_by_number() {
        assert_eq!(class_of("ch"), Some(DNSClass::CH));
        assert_eq!(class_of("CLASS4"), Some(DNSClass::HS));
        assert_eq!(
            class_of("CLASS77").map(|class| class_word(class).into_owned()),
            Some("CLASS77".into())
        );
        for wrong in ["", "CLASS", "CLASS0", "CLASS65535", "NONE", "XX"] {
            assert_eq!(class_of(wrong), None, "{wrong}");
        }
    }
}
