//! `nephoscope healthcheck`: whether the running daemon is ready, for container images and scripts.
//!
//! Asks `/readyz` (or `/livez`) over the local socket, so that an image needs no other program and no port has to be open. One
//! word on stdout and exit code 0 if it is; one sentence on stderr and 1 if it is not, or if nobody answers.
//!
//! It does not know what makes a daemon ready.

use super::{Arguments, BAD, FINE, complain};
use crate::client::socket::{Place, candidates};
use crate::client::{Client, Error};
use anyhow::Context as _;
use std::io::Write as _;

#[derive(Debug, clap::Args)]
pub(super) struct Asked {
    /// Ask only whether the scheduler moves, not whether the first round is planned.
    #[arg(long)]
    alive: bool,
}

pub(super) fn run(arguments: &Arguments, asked: &Asked) -> anyhow::Result<u8> {
    let client = Client::new(candidates(&Place::of_process(arguments.socket.clone())));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    match runtime.block_on(client.word(if asked.alive { "/livez" } else { "/readyz" })) {
        Ok((true, said)) => {
            writeln!(anstream::stdout().lock(), "{said}").context("cannot write to stdout")?;
            Ok(FINE)
        }
        Ok((false, said)) => {
            complain(&said);
            Ok(BAD)
        }
        // Its sentence says where was looked and what to do; the system's words below it would add nothing.
        Err(silent @ Error::Silent { .. }) => {
            complain(&silent.to_string());
            Ok(BAD)
        }
        Err(error) => Err(error.into()),
    }
}
