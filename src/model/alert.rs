//! What people are told, and who tells them on.
//!
//! An [`Alert`] is known by its labels alone: they are made of what never changes while it lasts, so that a receiver knows a
//! repetition for what it is. What may change (blame, numbers, words) is annotations. A [`Receiver`] is told of all of them.
//!
//! Which alerts there are is decided by the monitor; how they travel is `push`'s matter.

use super::words::words;
use super::{Auth, PemFile, Timestamp};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Names with values: labels, or annotations.
pub type Pairs = BTreeMap<Arc<str>, Arc<str>>;

/// Something that a person is told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Its identity; no value is empty.
    pub labels: Arc<Pairs>,
    /// Of these labels.
    pub fingerprint: Fingerprint,
    /// What is said of it now.
    pub annotations: Arc<Pairs>,
    /// When what it is about began.
    pub started: Timestamp,
    /// When that ended; `None` while it fires.
    pub ended: Option<Timestamp>,
}

/// A number made of labels; the same as Alertmanager makes of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub u64);

impl Fingerprint {
    /// FNV-1a over names and values in the order of names, each closed by the byte 255 (`LabelSet.Fingerprint` of
    /// prometheus/common).
    pub fn of(labels: &Pairs) -> Self {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut add = |byte: u8| {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        };
        for text in labels.iter().flat_map(|(name, value)| [name, value]) {
            text.bytes().for_each(&mut add);
            add(255);
        }
        Self(hash)
    }

    /// The number that is written as `text`.
    pub fn read(text: &str) -> Option<Self> {
        u64::from_str_radix(text, 16).ok().map(Self)
    }
}

/// Sixteen hexadecimal digits.
impl fmt::Display for Fingerprint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:016x}", self.0)
    }
}

words! {
    /// What kind of program a receiver is.
    ReceiverKind {
        /// An Alertmanager, told the whole state again and again.
        Alertmanager = "alertmanager",
        /// Anything that takes Alertmanager's webhook, told of each change.
        Webhook = "webhook",
    }
}

/// Who is told of alerts: `[[alertmanager]]` or `[[webhook]]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Receiver {
    /// `host:port`, and a number after it if that is not unique; in labels and the log instead of the URL.
    pub name: Arc<str>,
    /// How it wants to be told.
    pub kind: ReceiverKind,
    /// Where it is; the path of a webhook may be as good as a password.
    pub url: url::Url,
    /// Credentials that it wants.
    pub auth: Option<Auth>,
    /// Roots to trust instead of the system's.
    pub ca: Option<PemFile>,
    /// One hard deadline for a delivery.
    pub timeout: Duration,
    /// Added to the labels of every alert.
    pub labels: Arc<Pairs>,
    /// Whether a webhook is told of ends.
    pub send_resolved: bool,
}

/// Without the URL, which may be secret.
impl fmt::Debug for Receiver {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Receiver({} {})", self.kind, self.name)
    }
}

words! {
    /// What became of a delivery.
    PushOutcome {
        /// The receiver took it.
        Delivered = "delivered",
        /// The receiver answered, and not with success.
        Refused = "refused",
        /// There was no answer in time.
        Unanswered = "unanswered",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_is_that_of_alertmanager() {
        // As Alertmanager 0.25 gives it in its API for these labels.
        let labels: Pairs = [("alertname", "Probe"), ("service", "shop")]
            .map(|(name, value)| (name.into(), value.into()))
            .into();
        let fingerprint = Fingerprint::of(&labels);
        assert_eq!(fingerprint.to_string(), "31f030a7819bf3e1");
        assert_eq!(Fingerprint::read(&fingerprint.to_string()), Some(fingerprint));
    }
}
