//! What can go wrong with the store of history, and what is lost then: the words of its metrics and log lines.
//!
//! Both sets are closed, so that each is a label with known values.
//!
//! What is done about it is decided in `store`.

use super::words::words;

words! {
    /// Why the store could not be written or read.
    StoreFault {
        /// The disk, or what this file may have of it, is full.
        Full = "full",
        /// The disk or the file system failed.
        Io = "io",
        /// The file or its folder may not be written.
        ReadOnly = "read_only",
        /// Another program holds the file's write lock.
        Busy = "busy",
        /// The file does not contain what was written to it.
        Damaged = "damaged",
        /// Anything else.
        Other = "other",
    }
}

words! {
    /// What was dropped because the store could not take it.
    StoreLoss {
        /// Results of the journal.
        Entries = "entries",
        /// Whole states of a service; the next one carries the same.
        States = "states",
        /// Failed runs with their details.
        Failures = "failures",
        /// Outages, promises, maintenance, closed periods.
        Facts = "facts",
    }
}
