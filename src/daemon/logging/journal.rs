//! The log for systemd's journal: one entry a message, with fields to search by.
//!
//! Where stderr is a stream to the journal, as the service manager says in `$JOURNAL_STREAM`, each message goes to the journal's own
//! socket instead: text for people in `MESSAGE`, the level in `PRIORITY`, and each value of the message in a field of its own
//! (`check` in `NEPHOSCOPE_CHECK`). Entries take the same bounded queue as lines do, which is why this is not the layer of a
//! crate: those send from the thread that logs, and a journal that hangs would hold it up.
//!
//! It does not say what is worth a message.

use std::fmt::{Debug, Write as _};
use std::io::{self, Write};
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixDatagram;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_appender::non_blocking::NonBlocking;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Where the journal takes entries.
const SOCKET: &str = "/run/systemd/journal/socket";

/// The longest value that is sent, in bytes: a few of them fit into one datagram, whatever the system's limit.
const LONGEST: usize = 16 * 1024;

/// The longest name of a field that the journal takes.
const LONGEST_NAME: usize = 64;

/// Sends each write as one entry.
pub(super) struct Entries(UnixDatagram);

impl Write for Entries {
    fn write(&mut self, entry: &[u8]) -> io::Result<usize> {
        // Each time by its path, so that a journal that was started anew is found.
        self.0.send_to(entry, SOCKET)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The journal, if that is where stderr leads.
pub(super) fn of_stderr() -> Option<Entries> {
    #[expect(clippy::disallowed_methods, reason = "the one door to this variable")]
    let stream = std::env::var("JOURNAL_STREAM").ok()?;
    let stderr = std::fs::File::from(io::stderr().as_fd().try_clone_to_owned().ok()?);
    let seen = stderr.metadata().ok()?;
    let same = is_stream(&stream, (seen.dev(), seen.ino()));
    let there = || std::fs::symlink_metadata(SOCKET).is_ok();
    if same && there() { UnixDatagram::unbound().ok().map(Entries) } else { None }
}

/// Whether `stream`, as the manager writes it, names this device and inode.
fn is_stream(stream: &str, (device, inode): (u64, u64)) -> bool {
    let named = stream.split_once(':');
    named.is_some_and(|(dev, ino)| dev.parse() == Ok(device) && ino.parse() == Ok(inode))
}

/// Makes an entry of each message and puts it into the queue.
pub(super) struct Journal(pub(super) NonBlocking);

impl<S: Subscriber> Layer<S> for Journal {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut entry = Entry::default();
        event.record(&mut entry);
        let entry = entry.bytes(*event.metadata().level());
        // A full queue counts what is lost; it is never an error.
        let _ = self.0.clone().write_all(&entry);
    }
}

/// An entry while its values are collected.
#[derive(Default)]
struct Entry {
    message: String,
    /// The values as they stand behind the message, for people.
    behind: String,
    /// The values as fields.
    fields: Vec<u8>,
}

impl Entry {
    fn add(&mut self, name: &str, shown: &str, value: &str) {
        // The message says in words what the action is for machines.
        if name != "action" {
            let _ = write!(self.behind, " {name}={shown}");
        }
        let name = field_name(name);
        if name == "NEPHOSCOPE_SERVICE" {
            // What happens to several services is found by each.
            for one in value.split(',') {
                push(&mut self.fields, &name, one);
            }
        } else {
            push(&mut self.fields, &name, value);
        }
    }

    fn bytes(self, level: Level) -> Vec<u8> {
        let priority = match level {
            Level::ERROR => "3",
            Level::WARN => "4",
            Level::INFO => "6",
            Level::DEBUG | Level::TRACE => "7",
        };
        let mut bytes = Vec::new();
        push(&mut bytes, "MESSAGE", &(self.message + &self.behind));
        push(&mut bytes, "PRIORITY", priority);
        push(&mut bytes, "SYSLOG_IDENTIFIER", "nephoscope");
        bytes.extend(self.fields);
        bytes
    }
}

impl Visit for Entry {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.add(field.name(), &format!("{value:?}"), value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let value = format!("{value:?}");
        if field.name() == "message" {
            self.message = value;
        } else {
            self.add(field.name(), &value, &value);
        }
    }
}

/// The name of the journal's field for a value of this name.
fn field_name(name: &str) -> String {
    let upper = |letter: char| letter.to_ascii_uppercase();
    let plain = name.chars().map(|it| if it.is_ascii_alphanumeric() { upper(it) } else { '_' });
    "NEPHOSCOPE_".chars().chain(plain).take(LONGEST_NAME).collect()
}

/// Writes a field in the journal's form: with its length where the value has more than one line.
fn push(bytes: &mut Vec<u8>, name: &str, value: &str) {
    let value = &value[..value.floor_char_boundary(LONGEST)];
    bytes.extend(name.as_bytes());
    if value.contains('\n') {
        bytes.push(b'\n');
        bytes.extend((value.len() as u64).to_le_bytes());
    } else {
        bytes.push(b'=');
    }
    bytes.extend(value.as_bytes());
    bytes.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::{Entry, LONGEST, field_name, is_stream, push};
    use tracing::Level;

    #[test]
    fn an_entry_has_its_text_its_level_and_every_value() {
        let mut entry = Entry { message: "check is down".to_owned(), ..Entry::default() };
        entry.add("action", "\"check_changed\"", "check_changed");
        entry.add("check", "shop/aws/web", "shop/aws/web");
        entry.add("reason", "\"connect_refused\"", "connect_refused");
        let text = String::from_utf8(entry.bytes(Level::WARN)).unwrap();
        let expected = "MESSAGE=check is down check=shop/aws/web reason=\"connect_refused\"\n\
            PRIORITY=4\nSYSLOG_IDENTIFIER=nephoscope\n\
            NEPHOSCOPE_ACTION=check_changed\nNEPHOSCOPE_CHECK=shop/aws/web\nNEPHOSCOPE_REASON=connect_refused\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn what_happens_to_two_services_is_found_by_either() {
        let mut entry = Entry::default();
        entry.add("service", "shop,pay", "shop,pay");
        let text = String::from_utf8(entry.fields).unwrap();
        assert_eq!(text, "NEPHOSCOPE_SERVICE=shop\nNEPHOSCOPE_SERVICE=pay\n");
    }

    #[test]
    fn a_value_of_two_lines_cannot_pretend_to_be_another_field() {
        let mut bytes = Vec::new();
        push(&mut bytes, "NEPHOSCOPE_SAID", "a\nPRIORITY=0");
        assert_eq!(bytes, b"NEPHOSCOPE_SAID\n\x0c\0\0\0\0\0\0\0a\nPRIORITY=0\n");
    }

    #[test]
    fn a_long_value_is_cut_between_two_letters() {
        let mut bytes = Vec::new();
        push(&mut bytes, "A", &"ü".repeat(LONGEST));
        assert_eq!(bytes.len(), "A=\n".len() + LONGEST);
        assert!(String::from_utf8(bytes).is_ok());
    }

    #[test]
    fn names_of_fields_are_those_the_journal_takes() {
        assert_eq!(field_name("in-flight.max"), "NEPHOSCOPE_IN_FLIGHT_MAX");
        assert_eq!(field_name(&"x".repeat(99)).len(), 64);
    }

    #[test]
    fn another_stream_than_stderr_is_not_the_journal() {
        assert!(is_stream("8:4711", (8, 4711)));
        for other in ["8:4712", "9:4711", "4711", "", "8:4711:1", "x:y"] {
            assert!(!is_stream(other, (8, 4711)), "{other}");
        }
    }
}
