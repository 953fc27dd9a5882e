//! What other vantage points see, and how much that is worth.
//!
//! One that stands on a cloud that fails here sees that cloud from the inside, and is not believed alone: its word is kept as
//! evidence and decides nothing. Of the rest those decide that agree; where they do not, more of them have to see it
//! good than bad, this vantage point counted among the latter, or the other way round. A tie says nothing.
//!
//! It does not know how they are asked, nor what is too old to count: such a word comes here as unknown.

use super::{Case, Seen};
use crate::model::Verdict;
use std::cmp::Ordering;
use std::sync::Arc;

/// Another vantage point, and what it sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// Its name.
    pub vantage: Arc<str>,
    /// The cloud it stands on; `None` on neutral ground.
    pub provider: Option<Arc<str>>,
    /// What it sees; unknown also if it cannot be asked or does not know.
    pub seen: Seen,
}

/// What another vantage point sees of the canaries in a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// `aws/eu-central-1`.
    pub place: Arc<str>,
    /// Who sees what.
    pub other: Other,
}

impl Case<'_> {
    /// What those other vantage points that are believed see of it together.
    pub(super) fn others(&self) -> Verdict {
        agreed(self.others.iter().filter(|other| !self.is_inside(other)))
    }

    /// Whether other vantage points see both this and the canaries at `place` bad.
    pub(super) fn is_vouched(&self, place: &str) -> bool {
        let there = self.elsewhere.iter().filter(|each| *each.place == *place);
        let believed = there.map(|each| &each.other).filter(|other| !self.is_inside(other));
        self.others() == Verdict::Bad && agreed(believed) == Verdict::Bad
    }

    /// Whether one stands on a cloud on which this is bad: it may fail, or be cut off, together with it.
    pub(super) fn is_inside(&self, other: &Other) -> bool {
        let stands = |provider: &Arc<str>| other.provider.as_ref() == Some(provider);
        self.sides.iter().any(|side| side.is_bad() && stands(&side.provider))
    }
}

/// What vantage points say together about something that is bad from here.
fn agreed<'a>(others: impl Iterator<Item = &'a Other>) -> Verdict {
    let (mut good, mut bad) = (0_usize, 0_usize);
    for other in others {
        match other.seen.verdict {
            Verdict::Good => good += 1,
            Verdict::Bad => bad += 1,
            Verdict::Unknown => {}
        }
    }
    match (good, bad) {
        (0, 0) => Verdict::Unknown,
        (_, 0) => Verdict::Good,
        (good, bad) => match (bad + 1).cmp(&good) {
            Ordering::Greater => Verdict::Bad,
            Ordering::Less => Verdict::Good,
            Ordering::Equal => Verdict::Unknown,
        },
    }
}
