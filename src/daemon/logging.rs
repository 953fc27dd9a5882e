//! The log: events to stderr, as text for people or as JSON for machines ([`ecs`]), or to systemd's journal with fields.
//!
//! One subscriber for the process, installed once. Messages go through a bounded queue to a thread that writes them: a stderr
//! that nobody reads holds nobody up, and what does not fit is lost and counted. Each message is counted by level. Colour is
//! used on a terminal only, and `NO_COLOR` is honoured.
//!
//! What is worth a message is decided where it happens.

pub mod ecs;
mod journal;

use crate::metrics::Own;
use std::io;
use tracing::{Event, Level, Subscriber};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, SubscriberExt};

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people; where stderr is the journal's, with fields of its own to search by.
    Auto,
    /// For people.
    Text,
    /// One JSON object a line, in the Elastic Common Schema.
    Json,
}

/// Lines that wait for a slow reader of stderr at most; then new ones are lost and counted.
const QUEUE_LINES: usize = 10_000;

/// Writes what is left of the log when it is dropped, for about a second at most.
#[must_use = "the log ends with it"]
pub struct Log {
    _writer: WorkerGuard,
}

/// Installs the subscriber; messages of `level` and above are written to stderr and counted in `own`. `vantage` stands in lines
/// for machines.
///
/// Installing a second one (a test in the same process) leaves the first in place.
pub fn install(format: Format, level: LevelFilter, own: Own, vantage: &str) -> Log {
    let journal = if format == Format::Auto { journal::of_stderr() } else { None };
    let colour = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
    let queue = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(QUEUE_LINES)
        .thread_name("log");
    let to_journal = journal.is_some();
    let (queue, guard) = match journal {
        Some(journal) => queue.finish(journal),
        None => queue.finish(io::stderr()),
    };
    let lost = queue.error_counter();
    own.count_lost_log_lines(move || lost.dropped_lines() as u64);
    let text = tracing_subscriber::fmt::layer().with_ansi(colour).with_target(false);
    let written = match format {
        Format::Auto if to_journal => journal::Journal(queue).boxed(),
        Format::Auto | Format::Text => text.with_writer(queue).boxed(),
        Format::Json => ecs::Ecs::new(queue, vantage).boxed(),
    };
    let subscriber = tracing_subscriber::registry().with(level).with(Counting(own)).with(written);
    // An error means that a subscriber is there already.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Log { _writer: guard }
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
