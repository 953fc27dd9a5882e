//! What the weather is over one cloud: how its servers behave.
//!
//! A plain value; servers are told of each change and act at once, also on connections that are open.
//!
//! When it changes is in `script`.

/// How a cloud behaves at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Weather {
    /// What happens to requests.
    pub(super) mood: Mood,
    /// Whether servers present a certificate that ends in a few days.
    pub(super) old_certificate: bool,
    /// Whether the name server gives an address that is not the cloud's.
    pub(super) wrong_names: bool,
}

/// What happens to requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// They are answered.
    Fine,
    /// They are answered late.
    Slow,
    /// Nothing listens.
    Refusing,
    /// They are answered with an error.
    Failing,
    /// They are taken and never answered.
    Silent,
}

impl Weather {
    pub(super) const FINE: Self = Self::of(Mood::Fine);

    pub(super) const fn of(mood: Mood) -> Self {
        Self { mood, old_certificate: false, wrong_names: false }
    }
}
