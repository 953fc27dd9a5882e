//! What a presented chain says of itself: the dates of all of it, and what its first certificate is about.
//!
//! Read before anything is judged, by a parser that takes what verification would not. Texts and lists are cut at named
//! bounds, because a server may put anything into them.
//!
//! It trusts nothing of it.

use crate::model::{Certificate, Timestamp};
use rustls::crypto::hash::Hash;
use rustls::pki_types::CertificateDer;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::oid_registry;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{SubjectPublicKeyInfo, X509Name};

/// Names and addresses of a certificate that are kept; a certificate of a crowded edge has a hundred.
const MAX_NAMES: usize = 100;
/// Bytes of a subject, an issuer, or one name that are kept; a host name has at most 253.
const MAX_TEXT: usize = 256;
/// Bytes of a serial number that are kept; RFC 5280 allows 20.
const MAX_SERIAL: usize = 32;

/// What a presented chain says of itself.
#[derive(Clone, Debug)]
pub(super) struct Presented {
    /// The stretch in which every certificate of it is valid; `None` if none can be read.
    pub(super) dates: Option<Dates>,
    /// Its first certificate, if that can be read.
    pub(super) certificate: Option<Arc<Certificate>>,
}

/// The stretch in which every certificate of a chain is valid; seconds since the Unix epoch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dates {
    pub(super) not_before: i64,
    pub(super) not_after: i64,
    /// Whether every certificate could be read.
    pub(super) complete: bool,
}

impl Presented {
    pub(super) fn read(leaf: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> Self {
        let certificate = x509_parser::parse_x509_certificate(leaf)
            .ok()
            .map(|(_, parsed)| Arc::new(read(leaf, &parsed)));
        Self { dates: Dates::read(leaf, intermediates), certificate }
    }
}

impl Dates {
    /// The dates of those certificates that can be read; `None` if none can.
    fn read(leaf: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> Option<Self> {
        let mut dates: Option<Self> = None;
        let mut complete = true;
        for der in std::iter::once(leaf).chain(intermediates) {
            let Some((from, to)) = validity(der) else {
                complete = false;
                continue;
            };
            let before = dates.unwrap_or(Self { not_before: from, not_after: to, complete });
            dates = Some(Self {
                not_before: before.not_before.max(from),
                not_after: before.not_after.min(to),
                complete,
            });
        }
        dates.map(|dates| Self { complete, ..dates })
    }
}

/// From and until when a certificate is valid; seconds since the Unix epoch.
pub(super) fn validity(der: &[u8]) -> Option<(i64, i64)> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    let validity = certificate.validity();
    Some((validity.not_before.timestamp(), validity.not_after.timestamp()))
}

/// A moment of a certificate.
pub(super) fn moment(second: i64) -> Timestamp {
    Timestamp::from_millis(second.saturating_mul(1_000))
}

fn read(der: &[u8], parsed: &X509Certificate<'_>) -> Certificate {
    let mut names = Vec::new();
    let mut addresses = Vec::new();
    let mut more_names = 0;
    let alternative = parsed.subject_alternative_name().ok().flatten();
    for name in alternative.iter().flat_map(|list| &list.value.general_names) {
        let full = names.len() + addresses.len() >= MAX_NAMES;
        match name {
            GeneralName::DNSName(_) | GeneralName::IPAddress(_) if full => more_names += 1,
            GeneralName::DNSName(name) => names.push(cut((*name).to_owned())),
            GeneralName::IPAddress(bytes) => addresses.extend(address(bytes)),
            _ => {}
        }
    }
    let serial = parsed.raw_serial();
    let serial =
        if serial.len() > 1 { serial.strip_prefix(&[0]).unwrap_or(serial) } else { serial };
    let validity = parsed.validity();
    Certificate {
        subject: distinguished(parsed.subject()),
        issuer: distinguished(parsed.issuer()),
        names,
        addresses,
        more_names,
        serial: hex(&serial[..serial.len().min(MAX_SERIAL)]),
        fingerprint: hex(sha256().hash(der).as_ref()),
        key: key(parsed.public_key()),
        not_before: moment(validity.not_before.timestamp()),
        not_after: moment(validity.not_after.timestamp()),
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// A name in the order and with the escapes of RFC 4514.
fn distinguished(name: &X509Name<'_>) -> String {
    let parts: Vec<_> = name.iter().collect();
    let mut text = String::new();
    for part in parts.iter().rev() {
        for (index, attribute) in part.iter().enumerate() {
            if text.len() > MAX_TEXT {
                return cut(text);
            }
            let separator = if index > 0 { "+" } else { "," };
            text.push_str(if text.is_empty() { "" } else { separator });
            let oid = attribute.attr_type();
            match x509_parser::objects::oid2abbrev(oid, oid_registry()) {
                Ok(short) => text.push_str(short),
                Err(_) => text.push_str(&cut(oid.to_id_string())),
            }
            text.push('=');
            match attribute.as_str() {
                Ok(value) => escape(&mut text, value),
                Err(_) => text.push_str(&hex(
                    &attribute.as_slice()[..attribute.as_slice().len().min(MAX_SERIAL)]
                )),
            }
        }
    }
    cut(text)
}

fn escape(text: &mut String, value: &str) {
    let last = value.chars().count().saturating_sub(1);
    for (index, each) in value.chars().take(MAX_TEXT).enumerate() {
        let special = matches!(each, ',' | '+' | '"' | '\\' | '<' | '>' | ';')
            || (index == 0 && matches!(each, ' ' | '#'))
            || (index == last && each == ' ');
        if special {
            text.push('\\');
        }
        text.push(each);
    }
}

/// Kind and size of a key, as people say it.
fn key(info: &SubjectPublicKeyInfo<'_>) -> String {
    let curve = info.algorithm.parameters.as_ref().and_then(|curve| curve.as_oid().ok());
    match (info.algorithm.algorithm.to_id_string().as_str(), info.parsed()) {
        (_, Ok(PublicKey::RSA(key))) => format!("RSA {}", key.key_size()),
        (_, Ok(PublicKey::EC(point))) => match curve.map(|curve| curve.to_id_string()).as_deref() {
            Some("1.2.840.10045.3.1.7") => "EC P-256".to_owned(),
            Some("1.3.132.0.34") => "EC P-384".to_owned(),
            Some("1.3.132.0.35") => "EC P-521".to_owned(),
            _ => format!("EC {}", point.key_size()),
        },
        ("1.3.101.112", _) => "Ed25519".to_owned(),
        ("1.3.101.113", _) => "Ed448".to_owned(),
        (other, _) => cut(other.to_owned()),
    }
}

/// At most [`MAX_TEXT`] bytes of a text, with a sign that it was longer.
fn cut(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        text.push('…');
    }
    text
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(super) fn sha256() -> &'static dyn Hash {
    rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256
        .tls13()
        .expect("a TLS 1.3 suite by its name")
        .common
        .hash_provider
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    fn made(change: impl FnOnce(&mut CertificateParams)) -> Certificate {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        change(&mut params);
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let presented = Presented::read(certificate.der(), &[]);
        Arc::unwrap_or_clone(presented.certificate.unwrap())
    }

    #[test]
    fn names_are_written_the_most_special_part_first() {
        let certificate = made(|params| {
            params.distinguished_name = rcgen::DistinguishedName::new();
            params.distinguished_name.push(DnType::CountryName, "AT");
            params.distinguished_name.push(DnType::OrganizationName, " Example, Inc. ");
            params.distinguished_name.push(DnType::CommonName, "#a+b");
        });
        let wanted = "CN=\\#a\\+b,O=\\ Example\\, Inc.\\ ,C=AT";
        assert_eq!(certificate.subject, wanted);
        assert_eq!(certificate.issuer, wanted);
    }

    #[test]
    fn what_a_server_says_of_itself_is_bounded() {
        let certificate = made(|params| {
            params.distinguished_name.push(DnType::CommonName, "ü".repeat(20_000));
            params.subject_alt_names = (0..500)
                .map(|n| SanType::DnsName(format!("{n}.example").try_into().unwrap()))
                .collect();
            params.subject_alt_names[0] = SanType::DnsName("a".repeat(9_000).try_into().unwrap());
            params.serial_number = Some(vec![7; 64].into());
        });
        assert!(certificate.subject.len() <= MAX_TEXT + '…'.len_utf8(), "{}", certificate.subject);
        assert!(certificate.subject.ends_with('…'));
        assert_eq!((certificate.names.len(), certificate.more_names), (MAX_NAMES, 400));
        assert!(certificate.names[0].len() <= MAX_TEXT + '…'.len_utf8());
        assert_eq!(certificate.serial, "07".repeat(MAX_SERIAL));
    }

    #[test]
    fn what_is_no_certificate_has_nothing_to_say() {
        let noise = [&[][..], b"\x30", b"hello", &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]];
        for der in noise {
            let presented = Presented::read(&CertificateDer::from(der), &[]);
            assert!(presented.certificate.is_none() && presented.dates.is_none(), "{der:?}");
        }
    }

    #[test]
    fn any_byte_of_a_certificate_may_be_another() {
        let params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let der = certificate.der().to_vec();
        for at in 0..der.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut der = der.clone();
                der[at] ^= flip;
                Presented::read(&CertificateDer::from(&der[..at]), &[]);
                Presented::read(&CertificateDer::from(der), &[]);
            }
        }
    }
}
