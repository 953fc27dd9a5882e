//! Signals as values.
//!
//! SIGINT and SIGTERM stop the daemon, SIGHUP asks for the configuration to be read again. Handlers are installed once, at
//! start, so that no signal is lost between two waits.
//!
//! What a signal does is decided by the daemon.

use std::io;
use tokio::signal::unix::{self, SignalKind};

/// What the outside asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Stop; with the signal's name.
    Stop(&'static str),
    /// Read the configuration again.
    Hangup,
}

/// The installed handlers.
pub struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    hangup: unix::Signal,
}

impl Signals {
    /// Installs the handlers; must be called inside a runtime.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: unix::signal(SignalKind::interrupt())?,
            terminate: unix::signal(SignalKind::terminate())?,
            hangup: unix::signal(SignalKind::hangup())?,
        })
    }

    /// The next signal.
    pub async fn next(&mut self) -> Signal {
        // Stopping goes before reading anew: there is no point in the latter once the former was asked for.
        tokio::select! {
            biased;
            _ = self.terminate.recv() => Signal::Stop("SIGTERM"),
            _ = self.interrupt.recv() => Signal::Stop("SIGINT"),
            _ = self.hangup.recv() => Signal::Hangup,
        }
    }
}
