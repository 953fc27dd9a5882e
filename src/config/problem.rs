//! What is wrong with a configuration, said so that it can be put right.
//!
//! Every [`Problem`] has one [`Kind`] from a closed list; the kind decides whether it is an error or a warning. Problems
//! are collected, never thrown: a [`Sink`] takes them in any order, drops repetitions, and hands them over in the order
//! of the files.
//!
//! How they are drawn is in `render`.

use super::source::{Place, Sources};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

/// Whether a problem keeps the configuration from being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The configuration cannot be used.
    Error,
    /// It can, and somebody should know this.
    Warning,
}

macro_rules! kinds {
    ($($severity:ident { $($(#[$meta:meta])* $variant:ident = $code:literal,)+ })+) => {
        /// Every kind of problem, each with one code and one severity.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($($(#[$meta])* $variant,)+)+ }

        impl Kind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$($(Self::$variant,)+)+];

            /// The code in brackets, stable across versions.
            pub const fn code(self) -> &'static str {
                match self { $($(Self::$variant => $code,)+)+ }
            }

            /// Whether it is an error or a warning.
            pub const fn severity(self) -> Severity {
                match self { $($(Self::$variant => Severity::$severity,)+)+ }
            }
        }
    };
}

kinds! {
    Error {
        /// The file itself could not be read.
        UnreadableConfig = "unreadable-config",
        /// Not TOML.
        Syntax = "syntax",
        /// A key that does not exist.
        UnknownKey = "unknown-key",
        /// A value of another type.
        WrongType = "wrong-type",
        /// A key that must be there is not.
        MissingKey = "missing-key",
        /// Two keys of which only one may be there.
        Conflict = "conflict",
        /// Not one of the words that may stand here.
        BadWord = "bad-word",
        /// A number out of its range.
        OutOfRange = "out-of-range",
        /// Not a duration.
        BadDuration = "bad-duration",
        /// Not a size.
        BadSize = "bad-size",
        /// Not a range.
        BadRange = "bad-range",
        /// A name with characters that names may not have.
        BadName = "bad-name",
        /// A name that means something else.
        ReservedName = "reserved-name",
        /// A probe runs more often than once a second.
        IntervalTooShort = "interval-too-short",
        /// A run could still be going when the next is due.
        TimeoutLongerThanInterval = "timeout-longer-than-interval",
        /// A recheck would come after the next run.
        RecheckLongerThanInterval = "recheck-longer-than-interval",
        /// A result would end before the next is due.
        HoldShorterThanInterval = "hold-shorter-than-interval",
        /// The deadline strikes before the limit.
        MaxLatencyBeyondTimeout = "max-latency-beyond-timeout",
        /// A service that stands nowhere.
        NoEndpoints = "no-endpoints",
        /// A service that nobody looks at.
        NoProbes = "no-probes",
        /// A provider that is not there.
        UnknownProvider = "unknown-provider",
        /// A class that is not there.
        UnknownClass = "unknown-class",
        /// A probe that is not there.
        UnknownProbe = "unknown-probe",
        /// A service that is not there.
        UnknownService = "unknown-service",
        /// A shared dependency that is not there.
        UnknownDomain = "unknown-domain",
        /// One id for two checks.
        DuplicateCheck = "duplicate-check",
        /// One name for two services.
        DuplicateService = "duplicate-service",
        /// One name for two providers.
        DuplicateProvider = "duplicate-provider",
        /// One name for two probes.
        DuplicateProbe = "duplicate-probe",
        /// One name for two classes.
        DuplicateClass = "duplicate-class",
        /// A former name that cannot have been one.
        BadFormerly = "bad-formerly",
        /// A former id that a check has now.
        FormerlyInUse = "formerly-in-use",
        /// One former id for two checks.
        DuplicateFormerly = "duplicate-formerly",
        /// One name for two vantage points, or one address.
        DuplicatePeer = "duplicate-peer",
        /// One name for two objectives of a service.
        DuplicateObjective = "duplicate-objective",
        /// A placeholder that nothing fills.
        PlaceholderWithoutValue = "placeholder-without-value",
        /// A placeholder without an end.
        UnclosedPlaceholder = "unclosed-placeholder",
        /// A value that cannot stand where its placeholder stands.
        MisplacedValue = "misplaced-value",
        /// 0.9995 where 99.95 is meant.
        PercentAsFraction = "percent-as-fraction",
        /// A promise that the first failure breaks for ever.
        ObjectiveHundred = "objective-hundred",
        /// Not a window of a promise.
        BadWindow = "bad-window",
        /// Not an alert on a burning budget.
        BadTier = "bad-tier",
        /// A setting of another kind of promise.
        WrongKind = "wrong-kind",
        /// A promise for somebody who is not there.
        ScopeNotThere = "scope-not-there",
        /// Not a scope of a promise.
        BadScope = "bad-scope",
        /// Not a regular expression.
        BadPattern = "bad-pattern",
        /// Not a status code, class or range.
        BadStatus = "bad-status",
        /// Not a URL that can be probed.
        BadUrl = "bad-url",
        /// Not an HTTP method.
        BadMethod = "bad-method",
        /// Not an HTTP header.
        BadHeader = "bad-header",
        /// Not a path into JSON, or one that could cost too much.
        BadJsonPath = "bad-json-path",
        /// Not a host name or address.
        BadHost = "bad-host",
        /// Not an IP address.
        BadIp = "bad-ip",
        /// Not a network in CIDR form.
        BadNetwork = "bad-network",
        /// Not an address to listen on.
        BadListen = "bad-listen",
        /// Not an address with a port.
        BadAddress = "bad-address",
        /// Not a DNS name.
        BadDnsName = "bad-dns-name",
        /// Not a DNS record type.
        BadRecordType = "bad-record-type",
        /// Not a DNS response code.
        BadRcode = "bad-rcode",
        /// Not a time zone.
        BadTimezone = "bad-timezone",
        /// Not a share.
        BadShard = "bad-shard",
        /// A maintenance window that is none.
        BadMaintenance = "bad-maintenance",
        /// A step of a dialogue that says nothing, or two things.
        BadStep = "bad-step",
        /// A program that cannot be run as it stands.
        BadCommand = "bad-command",
        /// A group that no pattern before has.
        BadGroup = "bad-group",
        /// TLS is asked for when it is already there.
        StarttlsMeaningless = "starttls-meaningless",
        /// A probe that does not say how to look.
        NoProtocol = "no-protocol",
        /// A probe that says it twice.
        TwoProtocols = "two-protocols",
        /// An expectation that this version cannot check.
        NotSupported = "not-supported",
        /// An include that could not be read.
        UnreadableInclude = "unreadable-include",
        /// What may stand in the main file only.
        NotInInclude = "not-in-include",
        /// A file that could not be read.
        UnreadableFile = "unreadable-file",
        /// A file that should be PEM and is not.
        BadPem = "bad-pem",
        /// A secret that could not be had.
        SecretMissing = "secret-missing",
        /// A secret that stands in the file.
        PlainSecret = "plain-secret",
        /// Not the hash of a password.
        BadPasswordHash = "bad-password-hash",
        /// A token that is too short, or that no header can carry.
        BadToken = "bad-token",
        /// Two that may use the listener have one name.
        DuplicateCaller = "duplicate-caller",
        /// One who may write is not known to the listener.
        UnknownCaller = "unknown-caller",
        /// Whoever reaches the listener could write.
        OpenWrites = "open-writes",
    }
    Warning {
        /// A probe that nobody uses.
        UnusedProbe = "unused-probe",
        /// A class that nobody uses.
        UnusedClass = "unused-class",
        /// A maintenance window without a check.
        UnusedMaintenance = "unused-maintenance",
        /// A soft limit that can never be passed.
        SlowAfterUnreachable = "slow-after-unreachable",
        /// A step whose limit lies beyond the deadline.
        StepBeyondTimeout = "step-beyond-timeout",
        /// An alert whose condition nothing can meet.
        AlertNeverFires = "alert-never-fires",
        /// An alert for which a single lost run is enough.
        OneLostRunPages = "one-lost-run-pages",
        /// Slices in which nothing may be seen.
        SliceShorterThanInterval = "slice-shorter-than-interval",
        /// A promise of being fast that holds whenever there is an answer.
        ThresholdBeyondTimeout = "threshold-beyond-timeout",
        /// A promise that no check enters.
        NothingCounts = "nothing-counts",
        /// A program that is not there.
        ProgramMissing = "program-missing",
        /// Certificates are not checked.
        VerifyOff = "verify-off",
        /// TLS settings of something without TLS.
        TlsUnused = "tls-unused",
        /// Credentials that travel in the clear.
        PlainAuth = "plain-auth",
        /// A receiver of alerts that is told twice.
        DuplicateReceiver = "duplicate-receiver",
        /// The monitor stands on what it watches.
        VantageOnCloud = "vantage-on-cloud",
        /// Neutral ground that is none.
        SentinelOnCloud = "sentinel-on-cloud",
        /// Too little neutral ground.
        FewSentinels = "few-sentinels",
        /// An edge behind which the clouds look the same.
        EdgeWithoutMarks = "edge-without-marks",
        /// Marks that nobody can look for.
        MarksUnused = "marks-unused",
        /// A public name whose addresses mean no cloud.
        EntryUnmapped = "entry-unmapped",
        /// A failover that has to be quicker than we can look.
        FailoverUnmeasurable = "failover-unmeasurable",
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug)]
pub struct Problem {
    pub(super) kind: Kind,
    pub(super) path: String,
    pub(super) place: Option<Place>,
    pub(super) said: String,
    pub(super) label: String,
    pub(super) also: Vec<(Place, String)>,
    pub(super) expected: Option<String>,
    pub(super) hint: Option<String>,
}

impl Problem {
    /// `said` about the value at `path`, which stands at `place`.
    pub(super) fn new(
        kind: Kind,
        path: impl Into<String>,
        place: Place,
        said: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            path: path.into(),
            place: Some(place),
            said: said.into(),
            label: String::new(),
            also: Vec::new(),
            expected: None,
            hint: None,
        }
    }

    /// The words under the underlined text.
    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Another place that matters.
    pub(super) fn also(mut self, place: Place, label: impl Into<String>) -> Self {
        self.also.push((place, label.into()));
        self
    }

    /// What would have been right.
    pub(super) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// What to try.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What kind of problem it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The dotted path of the key it is about; empty when it is about the file.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What was found, without place and hint.
    pub fn said(&self) -> &str {
        &self.said
    }
}

/// More errors, and more warnings, are counted but not kept: nobody reads them, and one slip in a class of thousands
/// would make them.
const MAX_EACH: usize = 500;

/// Where problems go while the configuration is read.
#[derive(Debug, Default)]
pub(super) struct Sink {
    list: RefCell<Vec<Problem>>,
    seen: RefCell<BTreeSet<(Kind, Option<Place>, String)>>,
    errors: Cell<usize>,
    warnings: Cell<usize>,
}

impl Sink {
    /// Takes one problem; the same one about the same place is taken once.
    pub(super) fn report(&self, problem: Problem) {
        let identity = (problem.kind, problem.place, problem.said.clone());
        if !self.seen.borrow_mut().insert(identity) {
            return;
        }
        let counter = match problem.kind.severity() {
            Severity::Error => &self.errors,
            Severity::Warning => &self.warnings,
        };
        counter.set(counter.get() + 1);
        if counter.get() <= MAX_EACH {
            self.list.borrow_mut().push(problem);
        }
    }

    /// Whether there is an error among them.
    pub(super) fn has_errors(&self) -> bool {
        self.errors.get() > 0
    }

    /// Shows every problem taken so far.
    pub(super) fn each(&self, see: impl FnMut(&Problem)) {
        self.list.borrow().iter().for_each(see);
    }

    /// Drops what does not satisfy `keep`.
    pub(super) fn retain(&self, keep: impl FnMut(&Problem) -> bool) {
        let mut list = self.list.borrow_mut();
        list.retain(keep);
        let errors = list.iter().filter(|each| each.kind.severity() == Severity::Error).count();
        self.errors.set(errors);
        self.warnings.set(list.len() - errors);
    }

    /// Everything taken, in the order of the files.
    pub(super) fn into_problems(self, sources: Sources) -> Problems {
        let unseen = |count: usize| count.saturating_sub(MAX_EACH);
        let left_out = unseen(self.errors.get()) + unseen(self.warnings.get());
        let mut list = self.list.into_inner();
        list.sort_by_key(|each| each.place);
        Problems { list, left_out, sources }
    }
}

/// Everything that is wrong with a configuration, with the files it is about.
#[derive(Debug, Default)]
pub struct Problems {
    pub(super) list: Vec<Problem>,
    /// How many more there were.
    pub(super) left_out: usize,
    pub(super) sources: Sources,
}

impl Problems {
    /// The main file could not be read, so there is no place to point at.
    pub(super) fn unreadable(why: &str) -> Self {
        let problem = Problem {
            kind: Kind::UnreadableConfig,
            path: String::new(),
            place: None,
            said: format!("reading the configuration: {why}"),
            label: String::new(),
            also: Vec::new(),
            expected: None,
            hint: Some("`--config FILE` names another file".to_owned()),
        };
        Self { list: vec![problem], left_out: 0, sources: Sources::default() }
    }

    /// In the order of the files.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.list.iter()
    }

    /// How many keep the configuration from being used.
    pub fn errors(&self) -> usize {
        self.iter().filter(|each| each.kind.severity() == Severity::Error).count()
    }

    /// How many do not.
    pub fn warnings(&self) -> usize {
        self.list.len() - self.errors()
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// One line each, errors first: where, what, and what to do about it.
    pub fn lines(&self) -> Vec<String> {
        let mut list: Vec<&Problem> = self.list.iter().collect();
        list.sort_by_key(|problem| problem.kind.severity());
        list.into_iter().map(|problem| self.line(problem)).collect()
    }

    /// Where it is, what it is, and what to do about it.
    pub(super) fn line(&self, problem: &Problem) -> String {
        let place = problem.place.map(|place| self.sources.file_and_line(place));
        let place = place.map(|place| format!("{place}: ")).unwrap_or_default();
        let path =
            if problem.path.is_empty() { String::new() } else { format!("`{}`: ", problem.path) };
        let hint = problem.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("{place}{path}{}{hint}", problem.said)
    }

    /// Line and column of a problem, both from 1.
    pub fn line_and_column(&self, problem: &Problem) -> Option<(usize, usize)> {
        problem.place.map(|place| self.sources.line_and_column(place))
    }
}

/// The word among `known` that `word` probably was meant to be.
pub(super) fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Jaro-Winkler favours a common start, as slips of the pen have one; below 0.8 its guesses are mostly noise. In
    // words of three or four letters one slip is much, so there the edits are counted.
    known
        .into_iter()
        .map(|each| (strsim::jaro_winkler(word, each), each))
        .filter(|(likeness, each)| *likeness >= 0.8 || strsim::osa_distance(word, each) <= 1)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, each)| each)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_understood_and_nonsense_is_not() {
        let known = ["interval", "timeout", "recheck", "confirm"];
        assert_eq!(closest("timout", known), Some("timeout"));
        assert_eq!(closest("intervall", known), Some("interval"));
        assert_eq!(closest("xyz", known), None);
        assert_eq!(closest("gpc", ["aws", "gcp"]), Some("gcp"));
    }
}
