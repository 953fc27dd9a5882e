//! How far a long reading has come, for a person at a terminal.
//!
//! Nothing is drawn in the first second, nor where stderr is no terminal; what was drawn is gone at the end.
//!
//! It measures bytes and knows nothing of what they say.

use crate::clock::Instant;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// What is done sooner needs no bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// The clock is asked once in so many bytes.
const STEP: u64 = 1 << 20;

/// A bar that comes when it is needed.
pub(super) struct Progress {
    begun: Instant,
    length: Option<u64>,
    read: u64,
    shown: u64,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Of so many bytes, if that is known.
    pub(super) fn new(length: Option<u64>) -> Self {
        Self { begun: Instant::now(), length, read: 0, shown: 0, bar: None }
    }

    /// So many bytes more were read.
    pub(super) fn read(&mut self, bytes: usize) {
        self.read += bytes as u64;
        if self.read - self.shown < STEP {
            return;
        }
        self.shown = self.read;
        if self.bar.is_none() && self.begun.elapsed() > PATIENCE {
            self.bar = Some(bar(self.length));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(self.read);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Hidden by itself where stderr is no terminal.
fn bar(length: Option<u64>) -> ProgressBar {
    let form = match length {
        Some(_) => "{wide_bar} {bytes} of {total_bytes}, {eta} left",
        None => "{bytes} read, {bytes_per_sec}",
    };
    let style = ProgressStyle::with_template(form).expect("the form is a constant");
    ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr()).with_style(style)
}
