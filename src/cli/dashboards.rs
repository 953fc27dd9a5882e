//! `nephoscope dashboards`: the Grafana dashboards of this version, listed, or written into a folder.
//!
//! One file a dashboard, named as its address in Grafana is. Files that are there are replaced; nothing else in the folder is
//! touched.
//!
//! What is in them is decided in `dashboards`.

use super::FINE;
use crate::dashboards::{self, Reading};
use anyhow::Context as _;
use std::io::Write as _;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct Asked {
    /// The folder to write to: the one that Grafana's provisioning names.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,

    /// The address of your page on what to do about alerts; every dashboard then links to it.
    #[arg(long, value_name = "URL")]
    runbook: Option<String>,

    /// For thousands of checks: read the sums that the rules of `nephoscope rules` record every five minutes, where the
    /// counters of every check would have to be added up.
    #[arg(long)]
    recorded: bool,
}

pub(super) fn run(asked: &Asked) -> anyhow::Result<u8> {
    let mut out = anstream::stdout().lock();
    if let Some(folder) = &asked.out {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("making the folder `{}`", folder.display()))?;
    }
    let reading = if asked.recorded { Reading::Recorded } else { Reading::Exported };
    for dashboard in dashboards::all(asked.runbook.as_deref(), reading) {
        let name = format!("{}.json", dashboard.uid);
        if let Some(folder) = &asked.out {
            let path = folder.join(&name);
            std::fs::write(&path, &dashboard.text)
                .with_context(|| format!("writing `{}`", path.display()))?;
            writeln!(out, "{}", path.display())?;
        } else {
            writeln!(out, "{name:27}  {}", dashboard.about)?;
        }
    }
    Ok(FINE)
}
