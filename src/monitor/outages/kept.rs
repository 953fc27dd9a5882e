//! An outage in the store: plain columns, and its revisions and checks as JSON text.
//!
//! Fields are added at the end, never renamed: outages are read back years later. Text that cannot be read is left out, the
//! outage itself stays.
//!
//! It does not know SQL.

use super::{Outage, Revision};
use crate::blame::{Evidence, Judgement};
use crate::model::{Blame, Reason, Timestamp, Verdict, Witness};
use crate::store;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A revision as it is kept.
#[derive(Serialize, Deserialize)]
struct RevisionText {
    at_ms: i64,
    blame: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    coupled: bool,
    seen: Vec<EvidenceText>,
}

/// An input of a judgement as it is kept, without the names of its fields, since there are many: witness, of what, what it
/// said, for how many milliseconds, some of how many.
#[derive(Serialize, Deserialize)]
struct EvidenceText(String, String, String, u64, usize, usize);

impl Outage {
    /// As it is stored.
    pub(in crate::monitor) fn stored(&self) -> store::Outage {
        let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let checks: Vec<&str> = self.checks.iter().map(|check| &**check).collect();
        let revisions: Vec<_> = self.revisions.iter().map(RevisionText::of).collect();
        store::Outage {
            id: self.id.to_string(),
            service: self.service.to_string(),
            scope: self.scope.to_string(),
            provider: filled(&self.provider),
            started_ms: self.started.as_millis(),
            ended_ms: self.ended.map(Timestamp::as_millis),
            reason: self.reason.map(|reason| reason.as_str().to_owned()),
            check: self.check.as_deref().map(str::to_owned),
            said: self.said.as_deref().map(str::to_owned),
            blame: self.blame.map(|blame| blame.as_str().to_owned()),
            blamed: filled(&self.blamed),
            coupled: self.coupled,
            incident: filled(&self.incident),
            revisions: (!revisions.is_empty()).then(|| json(&revisions)),
            checks: (!checks.is_empty()).then(|| json(&checks)),
            checks_count: self.checks_count as u64,
        }
    }

    /// As it was stored.
    pub fn recalled(stored: &store::Outage) -> Self {
        let text = |text: &Option<String>| text.as_deref().unwrap_or_default().into();
        let revisions = stored.revisions.as_deref().map(serde_json::from_str::<Vec<RevisionText>>);
        let revisions = revisions.and_then(Result::ok).unwrap_or_default();
        let checks = stored.checks.as_deref().map(serde_json::from_str::<Vec<String>>);
        let checks = checks.and_then(Result::ok).unwrap_or_default();
        Self {
            id: stored.id.as_str().into(),
            service: stored.service.as_str().into(),
            scope: stored.scope.as_str().into(),
            provider: text(&stored.provider),
            started: Timestamp::from_millis(stored.started_ms),
            ended: stored.ended_ms.map(Timestamp::from_millis),
            reason: stored.reason.as_deref().and_then(Reason::from_word),
            check: stored.check.as_deref().map(Into::into),
            said: stored.said.as_deref().map(Into::into),
            blame: stored.blame.as_deref().and_then(Blame::from_word),
            blamed: text(&stored.blamed),
            coupled: stored.coupled,
            incident: text(&stored.incident),
            revisions: revisions.iter().filter_map(RevisionText::read).collect(),
            checks: checks.iter().map(|check| check.as_str().into()).collect(),
            checks_count: usize::try_from(stored.checks_count).unwrap_or(usize::MAX),
        }
    }
}

/// Text of something that has a form; plain lists of plain values always have one.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

impl RevisionText {
    fn of(revision: &Revision) -> Self {
        let Revision { at, judgement, evidence } = revision;
        Self {
            at_ms: at.as_millis(),
            blame: judgement.blame.as_str().to_owned(),
            name: judgement.name.to_string(),
            coupled: judgement.coupled,
            seen: evidence.iter().map(EvidenceText::of).collect(),
        }
    }

    /// A word that this program does not know, of a later one, is left out.
    fn read(&self) -> Option<Revision> {
        let judgement = Judgement {
            blame: Blame::from_word(&self.blame)?,
            name: self.name.as_str().into(),
            coupled: self.coupled,
        };
        let evidence = self.seen.iter().filter_map(EvidenceText::read).collect();
        Some(Revision { at: Timestamp::from_millis(self.at_ms), judgement, evidence })
    }
}

impl EvidenceText {
    fn of(evidence: &Evidence) -> Self {
        let Evidence { witness, of, said, age, count: (some, all) } = evidence;
        let millis = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        let (witness, said) = (witness.as_str().to_owned(), said.as_str().to_owned());
        Self(witness, of.clone(), said, millis, *some, *all)
    }

    fn read(&self) -> Option<Evidence> {
        let Self(witness, of, said, millis, some, all) = self;
        Some(Evidence {
            witness: Witness::from_word(witness)?,
            of: of.clone(),
            said: Verdict::from_word(said)?,
            age: Duration::from_millis(*millis),
            count: (*some, *all),
        })
    }
}
