//! Exec probes: a program of one's own that says how things are.
//!
//! The program is run as it stands here: no shell reads the arguments, and the environment is exactly what is listed.
//!
//! How its exit code is read is known to `probe::exec`.

use super::Reason;
use crate::model::Secret;
use std::path::PathBuf;

/// An exec probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecSpec {
    /// The program; never looked for in a search path.
    pub program: PathBuf,
    /// Its arguments, without its own name.
    pub arguments: Vec<String>,
    /// Its whole environment: names and values.
    pub env: Vec<(String, EnvValue)>,
}

/// The value of a variable of the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvValue {
    /// Written in the configuration.
    Text(String),
    /// Named there.
    Secret(Secret),
}

impl EnvValue {
    /// What the program gets.
    pub fn reveal(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Secret(secret) => secret.reveal(),
        }
    }
}

impl ExecSpec {
    /// The reasons that a run can give.
    pub(super) const REASONS: &[Reason] = &[Reason::Program, Reason::ProgramTimeout];
}
