//! `[probe.NAME.exec]`: a program, its arguments, and its whole environment.
//!
//! The program is a path, for there is no search path; a relative one starts at the folder of the file that says it.
//!
//! It does not look whether the program is there, and fills in no placeholders.

use crate::config::decode::{Section, read_template};
use crate::config::problem::{Kind, Problem};
use crate::config::secret::read_secret;
use crate::config::source::At;
use crate::config::template::Template;
use crate::config::tree::Value;
use crate::model::Secret;

/// `[probe.NAME.exec]`.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::config) struct RawExec {
    /// The program and its arguments; never empty.
    pub(in crate::config) command: At<Vec<Template>>,
    pub(in crate::config) env: Vec<(At<String>, RawEnv)>,
}

/// The value of a variable of the environment.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::config) enum RawEnv {
    Text(Template),
    Secret(At<Secret>),
}

const A_COMMAND: &str = "`command = [\"/usr/lib/nagios/plugins/check_ssh\", \"{host}\"]`";

pub(super) fn read_exec(table: &Section<'_>) -> Option<RawExec> {
    let command = table.templates("command");
    if !table.has("command") {
        table.missing("command", A_COMMAND);
    }
    let env = table.table("env", read_env);
    let command = command?;
    let fault = match command.value.first() {
        None => Some((command.place, "an empty command", "names no program".to_owned())),
        Some(program) if !program.text.contains('/') => {
            let why = "there is no search path".to_owned();
            Some((program.place, "the program is no path", why))
        }
        Some(_) => None,
    };
    if let Some((place, said, why)) = fault {
        let problem = Problem::new(Kind::BadCommand, table.path_of("command"), place, said);
        table.report(problem.label(why).expected(A_COMMAND));
        return None;
    }
    Some(RawExec { command, env: env.map(|found| found.value).unwrap_or_default() })
}

fn read_env(table: &Section<'_>) -> Vec<(At<String>, RawEnv)> {
    let mut env = Vec::new();
    for (key, node) in table.names() {
        let path = table.path_of(&key.value);
        if key.value.is_empty() || key.value.contains(['=', '\0']) {
            let said = format!("`{}` cannot be the name of a variable", key.value.escape_default());
            let problem = Problem::new(Kind::BadCommand, path, key.place, said);
            table.report(problem.expected("letters, digits and `_`"));
            continue;
        }
        let value = match &node.value {
            Value::Table(_) => read_secret(table.context, node, &path).map(RawEnv::Secret),
            _ => read_template(table.context, node, &path).map(RawEnv::Text),
        };
        env.extend(value.map(|value| (key.clone(), value)));
    }
    env
}
