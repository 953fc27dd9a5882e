//! One question to the running daemon, for every command that has one.
//!
//! A runtime for just that, the daemon's local socket, and what a person is told when there is no answer: what the daemon
//! refuses is wrong usage, a daemon that is not there is bad, and anything else is an error of this program's.
//!
//! It prints nothing: not every command says its words in the same place.

use super::{Arguments, BAD, USAGE, complain};
use crate::client::socket::{Place, candidates};
use crate::client::{Client, Error};
use anyhow::Context as _;

/// Why there is no answer.
pub(super) struct Unanswered {
    /// One sentence for a person.
    pub(super) said: String,
    /// The code to exit with.
    pub(super) code: u8,
}

impl Unanswered {
    /// Says it on stderr; gives the code to exit with.
    pub(super) fn complain(&self) -> u8 {
        complain(&self.said);
        self.code
    }
}

/// Has `ask` ask the daemon; its answer, or why there is none.
pub(super) fn daemon<T>(
    arguments: &Arguments,
    ask: impl AsyncFnOnce(&Client) -> Result<T, Error>,
) -> anyhow::Result<Result<T, Unanswered>> {
    let client = Client::new(candidates(&Place::of_process(arguments.socket.clone())));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    match runtime.block_on(ask(&client)) {
        Ok(answer) => Ok(Ok(answer)),
        Err(Error::Refused { said }) => Ok(Err(Unanswered { said, code: USAGE })),
        // Its sentence says where was looked and what to do; the system's words below it would add nothing.
        Err(silent @ Error::Silent { .. }) => {
            Ok(Err(Unanswered { said: silent.to_string(), code: BAD }))
        }
        Err(error) => Err(error.into()),
    }
}
