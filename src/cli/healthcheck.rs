//! `nephoscope healthcheck`: whether the running daemon is ready, for container images and scripts.
//!
//! Asks `/readyz` (or `/livez`) over the local socket, so that an image needs no other program and no port has to be open. One
//! word on stdout and exit code 0 if it is; one sentence on stderr and 1 if it is not, or if nobody answers.
//!
//! It does not know what makes a daemon ready.

use super::{Arguments, BAD, FINE, complain};
use anyhow::Context as _;
use std::io::Write as _;

#[derive(Debug, clap::Args)]
pub(super) struct Asked {
    /// Ask only whether the scheduler moves, not whether the first round is planned.
    #[arg(long)]
    alive: bool,
}

pub(super) fn run(arguments: &Arguments, asked: &Asked) -> anyhow::Result<u8> {
    let path = if asked.alive { "/livez" } else { "/readyz" };
    match super::ask::daemon(arguments, async |client| client.word(path).await)? {
        Ok((true, said)) => {
            writeln!(anstream::stdout().lock(), "{said}").context("cannot write to stdout")?;
            Ok(FINE)
        }
        Ok((false, said)) => {
            complain(&said);
            Ok(BAD)
        }
        Err(unanswered) => Ok(unanswered.complain()),
    }
}
