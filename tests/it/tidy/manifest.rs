//! Every dependency says why it is there: the rule on `Cargo.toml`.
//!
//! The reason is a comment directly above the line, or above the unbroken group of lines it belongs to.
//!
//! Whether a dependency may be there at all (licence, source, duplicates) is `.deny.toml`'s.

use super::source::Source;
use super::{NOTHING, Problem, found};

const REASON: &str = "a comment above each dependency says why it is there";

fn reasons(source: &Source) -> Vec<Problem> {
    let (mut inside, mut explained) = (false, false);
    let mut problems = Vec::new();
    for (at, line) in source.text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            inside = line.trim_matches(['[', ']']).ends_with("dependencies");
            explained = false;
        } else if line.is_empty() {
            explained = false;
        } else if let Some(comment) = line.strip_prefix('#') {
            // A heading (`--- the road ---`) names a group, it gives no reason.
            explained = !comment.trim_start().starts_with("---");
        } else if inside && !explained {
            let name = line.split(['=', '.']).next().unwrap_or(line).trim();
            problems.push(Problem {
                file: source.path.clone(),
                line: at + 1,
                found: format!("`{name}` without a reason"),
                rule: REASON,
            });
        }
    }
    problems
}

#[test]
fn every_dependency_says_why_it_is_there() {
    let text = include_str!("../../../Cargo.toml");
    let problems: Vec<String> =
        reasons(&Source::new("Cargo.toml", text)).iter().map(ToString::to_string).collect();
    assert_eq!(problems, NOTHING);
}

#[test]
fn a_dependency_without_a_reason_is_found() {
    let text = "[package]\nname = \"a\"\n[dependencies]\n# For b.\nb = \"1\"\nbb = \"1\"\n\nc = \"1\"\n\
                # --- d ---\nd = \"1\"\n[dev-dependencies]\ne.workspace = true\n";
    let expected =
        ["8: `c` without a reason", "10: `d` without a reason", "12: `e` without a reason"];
    assert_eq!(found("Cargo.toml", text, reasons), expected);
}
