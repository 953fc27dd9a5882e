//! An exec probe as it was built, beside where the file says it.
//!
//! The command is shown as a list of quoted words, so that nobody takes it for a line of a shell.
//!
//! It shows no secret.

use super::spec::Rows;
use crate::config::raw::{RawEnv, RawExec};
use crate::model::{EnvValue, ExecSpec};

impl Rows<'_, '_> {
    pub(super) fn exec(&mut self, is: &ExecSpec, said: &RawExec) {
        let program = is.program.display().to_string();
        let words = std::iter::once(&program).chain(&is.arguments);
        let command = words.map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", ");
        self.set("exec.command", command, Some(said.command.place));
        for ((name, value), (_, raw)) in is.env.iter().zip(&said.env) {
            let place = match raw {
                RawEnv::Text(template) => template.place,
                RawEnv::Secret(secret) => secret.place,
            };
            let shown = match value {
                EnvValue::Text(text) => text.clone(),
                EnvValue::Secret(_) => "[secret]".to_owned(),
            };
            self.set(&format!("exec.env.{name}"), shown, Some(place));
        }
    }
}
