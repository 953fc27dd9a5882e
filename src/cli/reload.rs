//! `nephoscope reload`: the running daemon reads its configuration again.
//!
//! Over the local socket. Exit code 0 when the file is in force, 2 when it or a part of it was refused, 1 when no daemon answers.
//!
//! It decides nothing: the daemon does, and says why.

use super::{Arguments, FINE, USAGE, complain};
use crate::web::reload::ReloadForm;

const PATH: &str = "/-/reload";

#[derive(Debug, clap::Args)]
pub(super) struct Asked {
    /// Even if that drops more than 40 % of all checks.
    #[arg(long)]
    force: bool,
}

pub(super) fn run(arguments: &Arguments, asked: &Asked) -> anyhow::Result<u8> {
    let force = if asked.force { "true" } else { "false" };
    let answer = super::ask::daemon(arguments, async |client| {
        client.ask::<ReloadForm>(PATH, &[("force", force)]).await
    })?;
    match answer {
        Ok(form) => {
            complain(&form.said);
            form.notes.iter().for_each(|note| complain(note));
            Ok(if form.complete { FINE } else { USAGE })
        }
        Err(unanswered) => Ok(unanswered.complain()),
    }
}
