//! The certificate that a server presented for itself, as far as people and other programs ask about it.
//!
//! Names are texts in the form that certificates are usually written in (RFC 4514: the most special part first). All of it
//! came from the far side and is bounded where it was read.
//!
//! Whether it was good is in the outcome; the rest of its chain counts in the dates beside it ([`super::Facts`]).

use super::Timestamp;

/// The certificate that a server presented for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Whom it is about: `CN=shop.example.com,O=Example`.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// The host names it is for.
    pub names: Vec<String>,
    /// The addresses it is for.
    pub addresses: Vec<std::net::IpAddr>,
    /// How many names and addresses more there are than are kept.
    pub more_names: usize,
    /// Its number among those of its issuer, in hexadecimal.
    pub serial: String,
    /// SHA-256 of the whole certificate, in hexadecimal.
    pub fingerprint: String,
    /// Kind and size of its key: `EC P-256`, `RSA 2048`, `Ed25519`.
    pub key: String,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// Until when it is valid.
    pub not_after: Timestamp,
}

impl Certificate {
    /// Names first, then addresses, as texts.
    pub fn all_names(&self) -> impl Iterator<Item = String> {
        let addresses = self.addresses.iter().map(ToString::to_string);
        self.names.iter().cloned().chain(addresses)
    }
}
