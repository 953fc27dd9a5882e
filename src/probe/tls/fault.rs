//! What an error of a TLS handshake means: its stable reason and the sentence for a person.
//!
//! rustls errors arrive wrapped in I/O errors; what is found inside decides. Anything without a reason of its own is
//! `tls_handshake`.
//!
//! It sees errors only: the facts of the handshake are noted by the witness.

use crate::model::{Host, Reason, TlsSpec, human_duration};
use crate::net::Failure;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, InvalidMessage, PeerIncompatible};
use std::io;
use std::time::Duration;

/// Presented names that are listed in a sentence.
const LISTED: usize = 5;

/// What an error of a handshake with `host` means.
pub(in crate::probe) fn fault(error: &io::Error, spec: &TlsSpec, host: &Host) -> Failure {
    match rustls_error(error) {
        Some(inner) => {
            let name = spec.server_name.as_deref().map_or_else(|| host.to_string(), str::to_owned);
            of_rustls(inner, &name)
        }
        None => of_io(error),
    }
}

/// The rustls error inside an I/O error, however deep.
pub(in crate::probe) fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    let inner = error.get_ref()?;
    match inner.downcast_ref::<rustls::Error>() {
        Some(found) => Some(found),
        None => rustls_error(inner.downcast_ref::<io::Error>()?),
    }
}

/// A handshake that ended with the connection.
pub(in crate::probe) fn of_io(error: &io::Error) -> Failure {
    let said = match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            "the server closed the connection during the TLS handshake".to_owned()
        }
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            "the server reset the connection during the TLS handshake".to_owned()
        }
        _ => format!("the TLS handshake failed: {error}"),
    };
    Failure::bad(Reason::TlsHandshake, said)
}

/// What an error of rustls means, for a certificate that should have been for `name`.
pub(in crate::probe) fn of_rustls(error: &rustls::Error, name: &str) -> Failure {
    use rustls::Error;
    match error {
        Error::InvalidCertificate(error) => of_certificate(error, name),
        Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled,
        )
        | Error::AlertReceived(AlertDescription::ProtocolVersion)
        | Error::InvalidMessage(InvalidMessage::UnknownProtocolVersion) => {
            Failure::bad(Reason::TlsVersion, "the server speaks neither TLS 1.2 nor TLS 1.3")
        }
        Error::AlertReceived(AlertDescription::CertificateRequired) => Failure::bad(
            Reason::TlsHandshake,
            "the server wants a client certificate and got none (`tls.cert`, `tls.key`)",
        ),
        Error::AlertReceived(alert) => Failure::bad(
            Reason::TlsHandshake,
            format!("the server broke the TLS handshake off with the alert `{alert:?}`"),
        ),
        Error::InvalidMessage(_) => {
            Failure::bad(Reason::TlsHandshake, format!("what the server sent is not TLS ({error})"))
        }
        _ => Failure::bad(Reason::TlsHandshake, format!("the TLS handshake failed: {error}")),
    }
}

/// What the server objects to by an alert of which only rustls' words are left.
pub(in crate::probe) fn of_words(words: &str) -> Option<Failure> {
    let missed = AlertDescription::CertificateRequired;
    let error = rustls::Error::AlertReceived(missed);
    let (told, name) = (error.to_string(), format!("{missed:?}"));
    let alert = words.strip_prefix(told.strip_suffix(&name)?)?;
    if alert == name {
        return Some(of_rustls(&error, "the server"));
    }
    let said = format!("the server broke the TLS handshake off with the alert `{alert}`");
    Some(Failure::bad(Reason::TlsHandshake, said))
}

fn of_certificate(error: &CertificateError, name: &str) -> Failure {
    match error {
        CertificateError::Expired => {
            Failure::bad(Reason::TlsExpired, format!("the certificate of `{name}` has expired"))
        }
        CertificateError::ExpiredContext { time, not_after } => Failure::bad(
            Reason::TlsExpired,
            format!("the certificate of `{name}` expired {} ago", between(*not_after, *time)),
        ),
        CertificateError::NotValidYet => Failure::bad(
            Reason::TlsNotYetValid,
            format!("the certificate of `{name}` is not valid yet"),
        ),
        CertificateError::NotValidYetContext { time, not_before } => Failure::bad(
            Reason::TlsNotYetValid,
            format!("the certificate of `{name}` becomes valid in {}", between(*time, *not_before)),
        ),
        CertificateError::NotValidForName => {
            Failure::bad(Reason::TlsHostname, format!("the certificate is not for `{name}`"))
        }
        CertificateError::NotValidForNameContext { presented, .. } => Failure::bad(
            Reason::TlsHostname,
            format!("the certificate is for {}, not for `{name}`", listed(presented)),
        ),
        CertificateError::UnknownIssuer => Failure::bad(
            Reason::TlsUntrusted,
            format!("the certificate chain of `{name}` does not lead to a trusted root"),
        ),
        CertificateError::BadSignature => Failure::bad(
            Reason::TlsUntrusted,
            format!("the certificate of `{name}` is not signed by the issuer that it names"),
        ),
        _ => Failure::bad(
            Reason::TlsUntrusted,
            format!("the certificate of `{name}` cannot be trusted: {error}"),
        ),
    }
}

fn between(earlier: UnixTime, later: UnixTime) -> String {
    human_duration(Duration::from_secs(later.as_secs().saturating_sub(earlier.as_secs())))
}

/// Names as webpki prints them (`DnsName("a.example")`), without the wrapping.
fn listed(presented: &[String]) -> String {
    if presented.is_empty() {
        return "no name at all".into();
    }
    let names: Vec<String> = presented
        .iter()
        .take(LISTED)
        .map(|name| format!("`{}`", name.split('"').nth(1).unwrap_or(name)))
        .collect();
    let more = presented.len() - names.len();
    let names = names.join(", ");
    if more == 0 { names } else { format!("{names} and {more} more") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presented_names_read_as_names() {
        assert_eq!(listed(&["DnsName(\"a.example\")".into()]), "`a.example`");
        assert_eq!(listed(&[]), "no name at all");
        let many: Vec<String> = (0..7).map(|n| format!("DnsName(\"{n}.example\")")).collect();
        assert!(listed(&many).ends_with("`4.example` and 2 more"));
    }

    #[test]
    fn an_alert_is_known_by_its_words() {
        let alerts = [AlertDescription::CertificateRequired, AlertDescription::BadCertificate];
        for alert in alerts {
            let error = rustls::Error::AlertReceived(alert);
            let read = of_words(&error.to_string());
            assert_eq!(read, Some(of_rustls(&error, "the server")));
        }
        assert_eq!(of_words("invalid chunk size line"), None);
    }

    #[test]
    fn an_old_server_is_a_matter_of_version_not_of_the_handshake() {
        let alert = rustls::Error::AlertReceived(AlertDescription::ProtocolVersion);
        let failure = of_rustls(&alert, "a.example");
        assert_eq!(failure.outcome.reason(), Some(Reason::TlsVersion));
    }
}
