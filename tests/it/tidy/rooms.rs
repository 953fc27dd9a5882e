//! What may stand in which room, as far as words show it: purity of the rules, spawning, `select!`, the vocabulary.
//!
//! A rule here names a word and the rooms where it may (or may not) stand. Test code inside `src` is held to purity
//! too, but may spawn.
//!
//! Which room may use which is in `floors`; calls that are banned everywhere are in `.clippy.toml`.

use super::source::Source;
use super::{NOTHING, Problem, found, keep};
use nephoscope::daemon::logging::ecs::FIELDS;

/// Pure: they are told the time and give back values. The ledger is the pure heart of a room that is not.
const PURE: [&str; 8] = [
    "src/schedule",
    "src/health",
    "src/blame",
    "src/slo",
    "src/failover",
    "src/rules",
    "src/monitor/ledger",
    "src/monitor/alerts",
];
/// What a pure file must not contain.
const IMPURE: [&str; 14] = [
    "async",
    "await",
    "tokio",
    "tracing",
    "reqwest",
    "std::fs",
    "std::env",
    "std::io",
    "std::thread",
    "TcpStream",
    "UdpSocket",
    "SystemTime",
    "SystemClock",
    "Instant::now",
];
/// What the vocabulary must not contain: it has values and their invariants only.
const FOREIGN: [&str; 6] = ["serde", "tokio", "prometheus", "tracing", "std::fs", "reqwest"];
/// Who may start tasks and threads.
const SPAWNERS: [&str; 4] = ["monitor", "daemon", "demo", "store"];
/// The one file that starts programs, which are no tasks: whoever runs one ends it.
const STARTER: &str = "src/probe/exec.rs";

const PURITY: &str = "rules are pure: no async, no I/O, no reading the clock, no logging";
const VOCABULARY: &str = "the vocabulary knows no format, runtime, exporter or file";
const SPAWN: &str = "tasks are started, owned and joined in monitor, daemon, demo and store only";
const BIASED: &str = "`select!` without `biased;` is random, so a run cannot be repeated";
const LOGGED: &str = "a line of the log begins with `action = Action::…` and has no field that is not in `daemon::logging::ecs`";
const ORDER: &str = "a comment at `select!` says why its arms stand in that order";

fn stands(source: &Source, words: &[&str], rule: &'static str) -> Vec<Problem> {
    let mut problems: Vec<Problem> = words
        .iter()
        .flat_map(|word| source.words(word).into_iter().map(move |at| (word, at)))
        .map(|(word, at)| Problem {
            file: source.path.clone(),
            line: source.line_at(at),
            found: format!("`{word}`"),
            rule,
        })
        .collect();
    problems.sort_by_key(|problem| problem.line);
    problems
}

/// Whether `path` is the file or the folder of the module at `module`.
fn is_in(path: &str, module: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

fn purity(source: &Source) -> Vec<Problem> {
    if PURE.iter().any(|module| is_in(&source.path, module)) {
        stands(source, &IMPURE, PURITY)
    } else {
        Vec::new()
    }
}

fn vocabulary(source: &Source) -> Vec<Problem> {
    if is_in(&source.path, "src/model") { stands(source, &FOREIGN, VOCABULARY) } else { Vec::new() }
}

fn spawning(source: &Source) -> Vec<Problem> {
    let owns = source.room().is_some_and(|room| SPAWNERS.contains(&room));
    if owns || source.path == STARTER {
        return Vec::new();
    }
    let program = source.lines_of_program();
    let words = ["spawn", "spawn_blocking", "spawn_local", "spawn_on", "spawn_local_on"];
    let mut problems = stands(source, &words, SPAWN);
    problems.retain(|problem| problem.line <= program);
    problems
}

/// The fields of one line of the log, as far as they stand before its message; `tracing::warn!(` has been read already.
fn logged_fields(inside: &str) -> Vec<&str> {
    let (mut depth, mut from, mut fields) = (0_usize, 0, Vec::new());
    for (at, byte) in inside.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' if depth == 0 => break,
            b')' | b']' | b'}' => depth -= 1,
            // The message: strings are blanked out.
            b',' if depth == 0 && inside[from..at].trim().is_empty() => break,
            b',' if depth == 0 => {
                fields.push(inside[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    fields
}

fn logging(source: &Source) -> Vec<Problem> {
    let mut problems = Vec::new();
    for at in source.words("tracing") {
        let rest = &source.code[at + "tracing".len()..];
        let Some((level, inside)) = rest.strip_prefix("::").and_then(|rest| rest.split_once("!("))
        else {
            continue;
        };
        if !["error", "warn", "info", "debug", "trace"].contains(&level) {
            continue;
        }
        let line = source.line_at(at);
        if line > source.lines_of_program() {
            break;
        }
        let mut problem = |found| {
            problems.push(Problem { file: source.path.clone(), line, found, rule: LOGGED });
        };
        let fields = logged_fields(inside);
        match fields.first() {
            Some(first) if *first == "action" || first.starts_with("action = Action::") => {}
            _ => problem("no `action` first".to_owned()),
        }
        for field in fields.iter().skip(1) {
            let name =
                field.split('=').next().unwrap_or(field).trim().trim_start_matches(['%', '?']);
            if !FIELDS.iter().any(|(ours, ..)| *ours == name) {
                problem(format!("a field `{name}`"));
            }
        }
    }
    problems
}

fn selects(source: &Source) -> Vec<Problem> {
    let lines: Vec<&str> = source.text.lines().collect();
    let mut problems = Vec::new();
    for at in source.words("select") {
        let Some(inside) = source.code[at + "select".len()..].strip_prefix('!') else { continue };
        let line = source.line_at(at);
        let mut problem = |rule| {
            let found = "`select!`".to_owned();
            problems.push(Problem { file: source.path.clone(), line, found, rule });
        };
        let inside = inside.trim_start().trim_start_matches(['{', '(']).trim_start();
        if !inside.starts_with("biased;") {
            problem(BIASED);
            continue;
        }
        // Above the statement, or between its first line and its first arm.
        let around = line.saturating_sub(3)..(line + 3).min(lines.len());
        if !lines[around].iter().any(|line| line.trim_start().starts_with("//")) {
            problem(ORDER);
        }
    }
    problems
}

#[test]
fn rules_are_pure() {
    keep(&["src/"], purity);
}

#[test]
fn impure_rules_are_found() {
    let text = "use tokio::time::sleep;\nfn a(now: Instant) {\n    Instant::now();\n}\n";
    assert_eq!(found("src/slo/burn.rs", text, purity), ["1: `tokio`", "3: `Instant::now`"]);
    assert_eq!(found("src/monitor/ledger.rs", text, purity).len(), 2);
    assert_eq!(found("src/monitor/scheduler.rs", text, purity), NOTHING);
    assert_eq!(found("src/healthy.rs", text, purity), NOTHING);
}

#[test]
fn the_vocabulary_is_only_words() {
    keep(&["src/"], vocabulary);
}

#[test]
fn foreign_words_in_the_vocabulary_are_found() {
    let text = "#[derive(serde::Serialize)]\nstruct A;\n";
    assert_eq!(found("src/model/check.rs", text, vocabulary), ["1: `serde`"]);
    assert_eq!(found("src/web/api.rs", text, vocabulary), NOTHING);
}

#[test]
fn tasks_are_started_where_they_are_owned() {
    keep(&["src/"], spawning);
}

#[test]
fn a_stray_task_is_found() {
    let text = "fn a() {\n    tasks.spawn(b());\n}\n#[cfg(test)]\nmod tests {\n    x.spawn();\n}\n";
    assert_eq!(found("src/web.rs", text, spawning), ["2: `spawn`"]);
    assert_eq!(found("src/monitor/scheduler.rs", text, spawning), NOTHING);
}

#[test]
fn every_select_is_biased_and_says_why() {
    keep(&["src/", "tests/", "benches/"], selects);
}

#[test]
fn an_unbiased_select_is_found() {
    let random = "tokio::select! {\n    a = b => c,\n}\n";
    let silent = "tokio::select! {\n    biased;\n    a = b => c,\n}\n";
    let good = "// Stop first.\ntokio::select! {\n    biased;\n    a = b => c,\n}\n";
    let problems = |text| {
        selects(&Source::new("src/a.rs", text))
            .into_iter()
            .map(|problem| problem.rule)
            .collect::<Vec<_>>()
    };
    assert_eq!(problems(random), [BIASED]);
    assert_eq!(problems(silent), [ORDER]);
    assert_eq!(problems(good), NOTHING);
}

#[test]
fn every_line_of_the_log_says_what_kind_of_event_it_is() {
    keep(&["src/"], logging);
}

#[test]
fn a_line_of_the_log_that_nobody_could_look_for_is_found() {
    let wrong = "fn a() {\n    tracing::info!(\"hello\");\n    tracing::warn!(action = Action::Shard.as_str(), %colour, \"x\");\n}\n";
    assert_eq!(found("src/a.rs", wrong, logging), ["2: no `action` first", "3: a field `colour`"]);
    let right = "tracing::info!(action = Action::Shard.as_str(), by = f(1, 2), %error, checks, \"x {a}\");\n";
    assert_eq!(found("src/a.rs", right, logging), NOTHING);
}
