//! One event of the log as a line of JSON in the Elastic Common Schema, for Filebeat, Logstash and Elasticsearch.
//!
//! Keys are the schema's dotted names, as Elastic's own loggers write them. What the schema has a name for gets that name;
//! what only we know stands under `nephoscope.`; what a library says stands in `labels`. The three tables here say which is
//! which; tests compare them with the published schema, with every line that the program logs, and with the index
//! template in `deploy/elastic`.
//!
//! What is worth a line is decided where it is logged.

use crate::clock::{SystemClock, WallClock as _};
use crate::model::{Action, Timestamp};
use serde::Serialize;
use std::fmt::{Debug, Write as _};
use std::io::Write as _;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_appender::non_blocking::NonBlocking;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// The version of the schema that the names were taken from.
pub const VERSION: &str = "9.4.0";

/// What an event's value is, and so how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A word or a short text.
    Keyword,
    /// A whole number.
    Long,
    /// Milliseconds since the Unix epoch, written as a date.
    Moment,
    /// Milliseconds, written as nanoseconds, which the schema wants.
    Span,
}

impl Form {
    /// What Elasticsearch calls it.
    pub const fn mapping(self) -> &'static str {
        match self {
            Self::Keyword => "keyword",
            Self::Long | Self::Span => "long",
            Self::Moment => "date",
        }
    }
}

/// Every field that our own lines have, beside `message` and `action`: as the code calls it, as the line does, and its form.
pub const FIELDS: &[(&str, &str, Form)] = &[
    ("askers", "nephoscope.askers", Form::Keyword),
    ("available", "nephoscope.descriptors.available", Form::Long),
    ("blame", "nephoscope.blame", Form::Keyword),
    ("by", "user.name", Form::Keyword),
    ("cause", "nephoscope.failover.cause", Form::Keyword),
    ("check", "nephoscope.check", Form::Keyword),
    ("checks", "nephoscope.checks", Form::Long),
    ("entries", "nephoscope.entries", Form::Long),
    ("error", "error.message", Form::Keyword),
    ("fault", "nephoscope.store.fault", Form::Keyword),
    ("from", "nephoscope.state.from", Form::Keyword),
    ("from_provider", "nephoscope.failover.from", Form::Keyword),
    ("id", "nephoscope.maintenance.id", Form::Keyword),
    ("incident", "nephoscope.incident", Form::Keyword),
    ("matching", "nephoscope.maintenance.match", Form::Keyword),
    ("peer", "nephoscope.peer", Form::Keyword),
    ("reason", "nephoscope.reason", Form::Keyword),
    ("receiver", "nephoscope.receiver", Form::Keyword),
    ("road", "nephoscope.road", Form::Keyword),
    ("runs", "nephoscope.runs", Form::Long),
    ("said", "nephoscope.said", Form::Keyword),
    ("sentinel", "nephoscope.sentinel", Form::Keyword),
    ("service", "nephoscope.service", Form::Keyword),
    ("services", "nephoscope.services", Form::Long),
    ("signal", "nephoscope.signal", Form::Keyword),
    ("since_ms", "event.start", Form::Moment),
    ("step", "nephoscope.failover.step", Form::Keyword),
    ("step_ms", "nephoscope.clock_step_ms", Form::Long),
    ("to", "nephoscope.state.to", Form::Keyword),
    ("to_provider", "nephoscope.failover.to", Form::Keyword),
    ("took_ms", "event.duration", Form::Span),
    ("wanted", "nephoscope.descriptors.wanted", Form::Long),
    ("what", "nephoscope.what", Form::Keyword),
    ("why", "event.reason", Form::Keyword),
];

/// What stands in every line, beside what is said of its event.
pub const ALWAYS: &[(&str, &str)] = &[
    ("@timestamp", "date"),
    ("log.level", "keyword"),
    ("message", "match_only_text"),
    ("ecs.version", "keyword"),
    ("event.dataset", "keyword"),
    ("log.logger", "keyword"),
    ("nephoscope.vantage", "keyword"),
    ("process.pid", "long"),
    ("service.name", "keyword"),
    ("service.type", "keyword"),
    ("service.version", "keyword"),
];

/// `event.kind`, `event.category` and `event.type` of an action, all of them words of the schema.
pub const fn sort(action: Action) -> (&'static str, &'static str, &'static str) {
    use Action as A;
    match action {
        A::OutageOpened => ("alert", "network", "start"),
        A::OutageRevised | A::OutagesMore => ("alert", "network", "info"),
        A::OutageEnded => ("alert", "network", "end"),
        A::DrillStarted | A::SightRegained => ("event", "network", "start"),
        A::DrillEnded | A::SightLost => ("event", "network", "end"),
        A::CheckChanged
        | A::JoinedChanged
        | A::FailoverReached
        | A::FailoverLate
        | A::FailoverSilent
        | A::EntrySplit
        | A::EntryAgreed
        | A::SentinelBroken
        | A::SentinelMended
        | A::DeliveryFailing
        | A::DeliveryMended
        | A::HeartbeatFailing
        | A::HeartbeatMended
        | A::PeerSilent
        | A::PeerAnswers => ("event", "network", "info"),
        A::MaintenanceAnnounced => ("event", "configuration", "creation"),
        A::MaintenanceEnded | A::CertificateChanged | A::TlsFilesChanged => {
            ("event", "configuration", "change")
        }
        A::CredentialsRefused => ("event", "authentication", "info"),
        A::Shard
        | A::Reloaded
        | A::RestartNeeded
        | A::ReloadRefused
        | A::ListenerWrite
        | A::CertificateRefused
        | A::TlsFilesRefused => ("event", "configuration", "info"),
        A::Started => ("event", "process", "start"),
        A::Stopping | A::RunsGivenUp | A::Stuck | A::ManagerLost => ("event", "process", "info"),
        A::Stopped => ("event", "process", "end"),
        A::StoreMended => ("event", "database", "info"),
        A::StoreUnusable
        | A::StoreFailing
        | A::StoreLost
        | A::StoreWriterFailed
        | A::StateUnreadable
        | A::MaintenanceUnreadable
        | A::ReportIncomplete => ("event", "database", "error"),
        A::ClockSet => ("event", "host", "change"),
        A::DescriptorsShort | A::ResolverMissing | A::IcmpForbidden => ("event", "host", "info"),
    }
}

/// Writes each event as one line into the log's queue.
pub(super) struct Ecs {
    queue: NonBlocking,
    /// What is the same in every line, from its comma to its last value.
    same: String,
}

impl Ecs {
    pub(super) fn new(queue: NonBlocking, vantage: &str) -> Self {
        let mut same = Line::default();
        same.put("ecs.version", VERSION);
        same.put("event.dataset", "nephoscope.log");
        same.put("nephoscope.vantage", vantage);
        same.put("process.pid", std::process::id());
        same.put("service.name", "nephoscope");
        same.put("service.type", "nephoscope");
        same.put("service.version", env!("CARGO_PKG_VERSION"));
        Self { queue, same: same.0 }
    }

    fn line(&self, event: &Event<'_>, now: Timestamp) -> String {
        // A library's field may be called like one of ours and be another thing.
        let ours = event.metadata().target().starts_with(env!("CARGO_CRATE_NAME"));
        let mut said = Said { ours, ..Said::default() };
        event.record(&mut said);
        let level = match *event.metadata().level() {
            Level::ERROR => "error",
            Level::WARN => "warn",
            Level::INFO => "info",
            Level::DEBUG => "debug",
            Level::TRACE => "trace",
        };
        let mut line = Line::default();
        line.put("@timestamp", date(now.as_millis()));
        line.put("log.level", level);
        line.put("message", &said.message);
        line.0.push_str(&self.same);
        line.put("log.logger", event.metadata().target());
        line.0.push_str(&said.rest.0);
        line.0.replace_range(..1, "{");
        line.0.push_str("}\n");
        line.0
    }
}

impl<S: Subscriber> Layer<S> for Ecs {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let line = self.line(event, SystemClock.now());
        // Never blocks; what the queue has no room for is counted by the queue.
        let _ = self.queue.clone().write_all(line.as_bytes());
    }
}

fn date(millis: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    format!("{at:.3}")
}

/// Members of a JSON object, each with a comma before it.
#[derive(Default)]
struct Line(String);

impl Line {
    fn put(&mut self, key: &str, value: impl Serialize) {
        // Keys are ours or identifiers; what cannot be written (it is not known to happen) is null.
        let value = serde_json::to_string(&value).unwrap_or_else(|_| "null".to_owned());
        let _ = write!(self.0, ",\"{key}\":{value}");
    }
}

/// What an event says.
#[derive(Default)]
struct Said {
    ours: bool,
    message: String,
    rest: Line,
}

impl Said {
    fn text(&mut self, field: &Field, value: &str) {
        match (field.name(), self.named(field)) {
            ("message", _) => value.clone_into(&mut self.message),
            ("action", _) => self.action(value),
            // What happens to several services is found by each.
            ("service", Some((name, _))) if value.contains(',') => {
                self.rest.put(name, value.split(',').collect::<Vec<_>>());
            }
            (_, Some((name, _))) => self.rest.put(name, value),
            (other, None) => self.rest.put(&format!("labels.{}", other.replace('.', "_")), value),
        }
    }

    fn number(&mut self, field: &Field, value: i64) {
        match self.named(field) {
            Some((name, Form::Moment)) => self.rest.put(name, date(value)),
            Some((name, Form::Span)) => self.rest.put(name, value.saturating_mul(1_000_000)),
            Some((name, Form::Long)) => self.rest.put(name, value),
            Some((_, Form::Keyword)) | None => self.text(field, &value.to_string()),
        }
    }

    fn action(&mut self, word: &str) {
        self.rest.put("event.action", word);
        if let Some(action) = Action::from_word(word) {
            let (kind, category, sort) = sort(action);
            self.rest.put("event.kind", kind);
            self.rest.put("event.category", [category]);
            self.rest.put("event.type", [sort]);
        }
    }

    fn named(&self, field: &Field) -> Option<(&'static str, Form)> {
        let row = FIELDS.iter().find(|(ours, ..)| *ours == field.name())?;
        self.ours.then_some((row.1, row.2))
    }
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.text(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field, i64::try_from(value).unwrap_or(i64::MAX));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.number(field, i64::try_from(value).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests;
