//! The groups of one list of targets, from JSON or YAML as Prometheus' `file_sd` has them.
//!
//! The name of the file says which: `.yml` and `.yaml` are YAML, anything else is JSON. A label of YAML may be a bare number or
//! word, as Prometheus takes it: its text is what stands there. Aliases and depth are bounded by [`budget`].
//!
//! It does not know what labels mean.

use serde::Deserialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::Path;

/// Values of a YAML list at most, those that aliases repeat included; the most targets that are taken, and labels beside them.
const YAML_VALUES: usize = 1_000_000;

/// Targets that share labels.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    pub(super) targets: Vec<String>,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
}

/// The groups that `text` lists; `path` says in which language. An error is one sentence.
pub(super) fn read(path: &Path, text: &str) -> Result<Vec<Group>, String> {
    let is_yaml = path
        .extension()
        .is_some_and(|it| it.eq_ignore_ascii_case("yml") || it.eq_ignore_ascii_case("yaml"));
    if is_yaml { of_yaml(text) } else { of_json(text) }
}

fn of_yaml(text: &str) -> Result<Vec<Group>, String> {
    let options = serde_saphyr::options! { budget: budget() };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let place =
            error.location().map(|at| format!(" (line {}, column {})", at.line(), at.column()));
        let said = error.without_snippet().to_string();
        let said = said.lines().next().unwrap_or_default();
        format!("it is no list of targets in YAML: {said}{}", place.unwrap_or_default())
    })
}

/// What reading YAML may take.
fn budget() -> Option<serde_saphyr::Budget> {
    serde_saphyr::budget! {
        max_nodes: YAML_VALUES,
        max_events: 2 * YAML_VALUES,
        max_documents: 1,
        max_inclusion_depth: 0,
    }
}

fn of_json(text: &str) -> Result<Vec<Group>, String> {
    let json: Json =
        serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
    json.as_array().ok_or("it is no list")?.iter().map(group).collect()
}

fn group(json: &Json) -> Result<Group, String> {
    let targets = json.get("targets").and_then(Json::as_array);
    let targets = targets.ok_or("a group has no list `targets`")?.iter();
    let targets: Option<Vec<_>> = targets.map(|it| it.as_str().map(str::to_owned)).collect();
    let targets = targets.ok_or("a target is no text")?;
    let Some(labels) = json.get("labels") else {
        return Ok(Group { targets, labels: BTreeMap::new() });
    };
    let labels = labels.as_object().ok_or("`labels` is no table")?.iter();
    let text = |(key, value): (&String, &Json)| match value.as_str() {
        Some(value) => Ok((key.clone(), value.to_owned())),
        None => Err(format!("label `{key}` is no text")),
    };
    Ok(Group { targets, labels: labels.map(text).collect::<Result<_, _>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn yaml(text: &str) -> Result<Vec<Group>, String> {
        read(Path::new("targets/a.yml"), text)
    }

    #[test]
    fn yaml_and_json_say_the_same() {
        let json = r#"[{"targets": ["10.0.0.1:80", "[2001:db8::1]:80"], "labels": {"service": "shop", "rack": "7", "on": "yes"}},
            {"targets": []}]"#;
        let text = "# by hand\n- targets: ['10.0.0.1:80', \"[2001:db8::1]:80\"]\n  labels:\n    service: shop\n    \
            rack: 7\n    on: yes\n- targets: []\n";
        let read_json = read(Path::new("a.json"), json).unwrap();
        assert_eq!(read_json.len(), 2);
        assert_eq!(yaml(text), Ok(read_json));
        // JSON is YAML.
        assert_eq!(read(Path::new("A.YAML"), json), read(Path::new("a"), json));
        assert_eq!(yaml("[]"), Ok(vec![]));
    }

    #[test]
    fn a_list_that_is_none_says_why_in_one_line() {
        for (text, said) in [
            ("targets: [a]\n", "it is no list of targets in YAML"),
            ("- target: [a]\n", "target"),
            ("- labels: {a: b}\n", "targets"),
            ("- targets: [a\n", "line"),
            ("- targets: [[a]]\n", "(line 1, column 13)"),
            ("- targets: [a]\n  labels: {a: b, a: c}\n", "duplicate"),
            ("- targets: [*nobody]\n", "line 1"),
            ("- targets: [a]\n---\n- targets: [b]\n", "YAML"),
        ] {
            let why = yaml(text).unwrap_err();
            assert!(why.contains(said) && !why.contains('\n'), "{text} {why}");
        }
    }

    #[test]
    fn aliases_and_depth_cannot_fill_the_memory() {
        let row = |name: char, of: &str| format!("- &{name} [{}]\n", [of; 10].join(", "));
        let rows = ('b'..='j').zip('a'..).map(|(name, before)| row(name, &format!("*{before}")));
        let laughs: String = std::iter::once(row('a', "x")).chain(rows).collect();
        for text in [laughs, "[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(100_000)] {
            assert!(yaml(&text).is_err());
        }
    }
}
