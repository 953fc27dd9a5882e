//! The log: events to stderr, as text for people or as JSON for machines.
//!
//! One subscriber for the process, installed once. Each message that is written is counted by level. Colour is used on a terminal only, and `NO_COLOR` is honoured.
//!
//! What is worth a message is decided where it happens.

use crate::metrics::Own;
use std::io;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, SubscriberExt};

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Installs the subscriber; messages of `level` and above are written to stderr and counted in `own`.
///
/// Installing a second one (a test in the same process) leaves the first in place.
pub fn install(format: Format, level: LevelFilter, own: Own) {
    let colour = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
    let written = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(colour);
    let written = match format {
        Format::Text => written.with_target(false).boxed(),
        Format::Json => written.json().flatten_event(true).with_target(true).boxed(),
    };
    let subscriber = tracing_subscriber::registry().with(level).with(Counting(own)).with(written);
    // An error means that a subscriber is there already.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Counts messages by level.
struct Counting(Own);

impl<S: Subscriber> Layer<S> for Counting {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let position = match *event.metadata().level() {
            Level::ERROR => 0,
            Level::WARN => 1,
            Level::INFO => 2,
            Level::DEBUG => 3,
            Level::TRACE => 4,
        };
        self.0.count_log_message(position);
    }
}
