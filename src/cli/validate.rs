//! `nephoscope validate`: everything that is wrong with a configuration, and how to mend it.
//!
//! What was asked for goes to stdout: the problems, or with `--effective` every resolved value and where it came from. The
//! exit code is 2 if the file cannot be used; warnings alone are fine.
//!
//! How problems are found and worded is `config`'s business.

use super::{Arguments, FINE, USAGE, complain};
use crate::config::files::{Files, Reading};
use crate::config::{self, Loaded, Problems};
use crate::model::counted;
use std::io::Write as _;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Asked {
    /// The file to look at [default: what --config says].
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// Print every resolved value and where it came from: of all checks, or of one (`service`, `service/endpoint` or
    /// `service/endpoint/probe`).
    #[arg(long, value_name = "CHECK", num_args = 0..=1, default_missing_value = "")]
    effective: Option<String>,
}

pub(super) fn run(arguments: &Arguments, asked: &Asked) -> anyhow::Result<u8> {
    let file = asked.file.as_deref().unwrap_or(&arguments.config);
    let loaded = match config::load(file) {
        Ok(loaded) => loaded,
        Err(problems) => {
            print_problems(&problems)?;
            let (name, summary) = (file.display(), problems.summary());
            writeln!(anstream::stdout().lock(), "`{name}` cannot be used: {summary}")?;
            return Ok(USAGE);
        }
    };
    let Some(what) = &asked.effective else {
        print_problems(&loaded.warnings)?;
        print_summary(file, &loaded)?;
        return Ok(FINE);
    };
    match loaded.effective((!what.is_empty()).then_some(what)) {
        Ok(text) => {
            write!(anstream::stdout().lock(), "{text}")?;
            Ok(FINE)
        }
        Err(why) => {
            complain(&why);
            Ok(USAGE)
        }
    }
}

/// The configuration for a command that needs one; if it cannot be used, its problems are on stderr.
pub(super) fn load(file: &Path) -> Option<Loaded> {
    let loaded = config::load(file);
    let problems = match &loaded {
        Ok(loaded) => &loaded.warnings,
        Err(problems) => problems,
    };
    show(problems);
    loaded.ok()
}

/// As [`load`], of a daemon, for which files may be isolated.
pub(super) fn read(files: &mut Files) -> Option<Reading> {
    let reading = files.read();
    let problems = match &reading {
        Ok(reading) => &reading.loaded.warnings,
        Err(problems) => problems,
    };
    show(problems);
    reading.ok()
}

fn show(problems: &Problems) {
    let colour = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    if !problems.is_empty() {
        // Nobody is left to tell if stderr is closed.
        let _ = write!(anstream::stderr().lock(), "{}", problems.render(colour));
    }
}

fn print_problems(problems: &Problems) -> std::io::Result<()> {
    let colour = anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never;
    if problems.is_empty() {
        return Ok(());
    }
    write!(anstream::stdout().lock(), "{}", problems.render(colour))
}

fn print_summary(file: &Path, loaded: &Loaded) -> std::io::Result<()> {
    let config = &loaded.config;
    let services = counted(config.services.len(), "service");
    let providers = counted(config.providers.len(), "provider");
    let checks = counted(config.checks.len(), "check");
    let share = config.monitor.shard.map_or_else(String::new, |(which, of)| {
        let (services, checks) = config.share();
        format!("; shard {which}/{of} has {services} of the services, {}", counted(checks, "check"))
    });
    writeln!(
        anstream::stdout().lock(),
        "`{}` is valid: {services} on {providers}, {checks}{share}",
        file.display()
    )?;
    for spot in config.blind_spots().into_iter().chain(config.short_places()) {
        writeln!(anstream::stdout().lock(), "note: {spot}")?;
    }
    Ok(())
}
