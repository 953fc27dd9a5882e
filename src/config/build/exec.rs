//! Exec probes: from what the file says to an [`ExecSpec`].
//!
//! That the program is not there, or may not be run, is worth a warning: it may come later, and who validates may see other
//! folders than the daemon does.
//!
//! It runs nothing.

use super::{Builder, Job};
use crate::config::problem::{Kind, Problem};
use crate::config::raw::{RawEnv, RawExec};
use crate::config::source::Place;
use crate::config::template::Position;
use crate::model::{EnvValue, ExecSpec};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

impl Builder<'_> {
    pub(super) fn exec(&mut self, job: &mut Job<'_, '_>, raw: &RawExec) -> Option<ExecSpec> {
        job.refuse_tls("a program does its own TLS");
        let mut words = Vec::with_capacity(raw.command.value.len());
        for (index, template) in raw.command.value.iter().enumerate() {
            let key = format!("exec.command[{index}]");
            let word = job.fill(&key, template, Position::Plain)?;
            words.push(whole(job, &key, template.place, word)?);
        }
        let mut env = Vec::with_capacity(raw.env.len());
        for (name, value) in &raw.env {
            let key = format!("exec.env.{}", name.value);
            let value = match value {
                RawEnv::Text(template) => {
                    let text = job.fill(&key, template, Position::Plain)?;
                    EnvValue::Text(whole(job, &key, template.place, text)?)
                }
                RawEnv::Secret(secret) => EnvValue::Secret(secret.value.clone()),
            };
            env.push((name.value.clone(), value));
        }
        let place = raw.command.value.first()?.place;
        let arguments = words.split_off(1);
        let program = self.context.sources.get(place.file).folder().join(&words[0]);
        let program = std::path::absolute(&program).unwrap_or(program);
        warn_of_missing(job, &program, place);
        Some(ExecSpec { program, arguments, env })
    }
}

/// A text that can be handed to a program, which ends each at its first NUL.
fn whole(job: &Job<'_, '_>, key: &str, place: Place, text: String) -> Option<String> {
    if !text.contains('\0') {
        return Some(text);
    }
    let said = "a text for a program has a NUL in it".to_owned();
    job.report(Kind::BadCommand, key, place, said, "would end there");
    None
}

fn warn_of_missing(job: &Job<'_, '_>, program: &Path, place: Place) {
    let why = match std::fs::metadata(program) {
        Ok(facts) if !facts.is_file() => "is no file",
        Ok(facts) if facts.permissions().mode() & 0o111 == 0 => "may be run by nobody",
        Ok(_) => return,
        Err(_) => "is not there, or cannot be seen",
    };
    let said = format!("`{}` cannot be run", shown(program).display());
    let path = job.path_of("exec.command[0]");
    let problem = Problem::new(Kind::ProgramMissing, path, place, said)
        .label(why)
        .hint("until it can, every run is unknown (cause `unable`)");
    job.context.sink.report(problem);
}

/// The program's last name: the file has its path, and a relative one begins where it lies.
fn shown(program: &Path) -> PathBuf {
    program.file_name().map(PathBuf::from).unwrap_or_default()
}
