//! `nephoscope reload`: the running daemon reads its configuration again.
//!
//! Over the local socket. Exit code 0 when the file is in force, 2 when it or a part of it was refused, 1 when no daemon answers.
//!
//! It decides nothing: the daemon does, and says why.

use super::{Arguments, BAD, FINE, USAGE, complain};
use crate::client::socket::{Place, candidates};
use crate::client::{Client, Error};
use crate::web::reload::ReloadForm;
use anyhow::Context as _;

const PATH: &str = "/-/reload";

#[derive(Debug, clap::Args)]
pub(super) struct Asked {
    /// Even if that drops more than 40 % of all checks.
    #[arg(long)]
    force: bool,
}

pub(super) fn run(arguments: &Arguments, asked: &Asked) -> anyhow::Result<u8> {
    let client = Client::new(candidates(&Place::of_process(arguments.socket.clone())));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let force = if asked.force { "true" } else { "false" };
    match runtime.block_on(client.ask::<ReloadForm>(PATH, &[("force", force)])) {
        Ok(form) => {
            complain(&form.said);
            form.notes.iter().for_each(|note| complain(note));
            Ok(if form.complete { FINE } else { USAGE })
        }
        Err(Error::Refused { said }) => {
            complain(&said);
            Ok(USAGE)
        }
        Err(silent @ Error::Silent { .. }) => {
            complain(&silent.to_string());
            Ok(BAD)
        }
        Err(error) => Err(error.into()),
    }
}
