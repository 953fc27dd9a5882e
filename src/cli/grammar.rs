//! `nephoscope man` and `nephoscope completions`: the argument grammar in other forms.
//!
//! Both are made of the grammar itself, so that they cannot say anything else than `--help`. Packages call them when they are
//! built.
//!
//! What the commands are is said in `cli`.

use super::{Arguments, FINE};
use anyhow::Context as _;
use clap::CommandFactory as _;
use std::io::Write as _;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct Pages {
    /// The folder to write to, which is made if there is none; files that are there are replaced.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(super) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

pub(super) fn pages(asked: &Pages) -> anyhow::Result<u8> {
    let folder = &asked.out;
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Arguments::command(), folder))
        .with_context(|| format!("writing man pages into `{}`", folder.display()))?;
    Ok(FINE)
}

pub(super) fn completions(asked: &Completions) -> anyhow::Result<u8> {
    // Through memory: what writes them panics where nobody reads.
    let mut made = Vec::new();
    clap_complete::generate(asked.shell, &mut Arguments::command(), "nephoscope", &mut made);
    anstream::stdout().lock().write_all(&made)?;
    Ok(FINE)
}
