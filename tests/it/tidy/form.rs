//! How every file looks: its header, its length, its name, and words that may not stand anywhere.
//!
//! The words are put together from halves, so that this file does not contain what it looks for.
//!
//! Formatting proper is rustfmt's, and what a program may call is clippy's.

use super::source::Source;
use super::{NOTHING, Problem, found, keep};

/// Lines of non-test code in one file; above that nobody holds it in the head.
const LINES_AT_MOST: usize = 600;
/// For what, how, what not.
const HEADER_PARTS: usize = 3;

const HEADER: &str = "a file opens with `//!` paragraphs: what it is for; how it works or what must hold; \
                      what it does not do";
const LENGTH: &str = "a file has at most 600 lines of non-test code";
const NAME: &str = "say what a thing is, not that it helps";
const MODULE: &str = "`foo.rs` stands beside `foo/`";
const UNFINISHED: &str = "unfinished words do not enter the house; a to-do names its issue";
const ART: &str = "no divider art: order the file instead";
const CLIMB: &str = "a path that climbs twice belongs to another room: start it at the root";
const HONEST: &str = "a test runs, and fails by an assertion";

fn problem(source: &Source, line: usize, found: String, rule: &'static str) -> Problem {
    Problem { file: source.path.clone(), line, found, rule }
}

fn header(source: &Source) -> Vec<Problem> {
    let mut parts = 0;
    let mut inside = false;
    for line in source.text.lines().map_while(|line| line.strip_prefix("//!")) {
        let text = !line.trim().is_empty();
        parts += usize::from(text && !inside);
        inside = text;
    }
    let found = format!("header of {parts} paragraph(s)");
    (parts < HEADER_PARTS).then(|| problem(source, 1, found, HEADER)).into_iter().collect()
}

fn length(source: &Source) -> Vec<Problem> {
    let lines = source.lines_of_program();
    let found = format!("{lines} lines");
    (lines > LINES_AT_MOST)
        .then(|| problem(source, LINES_AT_MOST + 1, found, LENGTH))
        .into_iter()
        .collect()
}

fn names(source: &Source) -> Vec<Problem> {
    const EMPTY: [&str; 3] = ["Manager", "Helper", "Util"];
    let stem = source.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
    let mut problems = Vec::new();
    if stem == "mod" {
        problems.push(problem(source, 1, "a file called mod.rs".to_owned(), MODULE));
    }
    if EMPTY.iter().any(|empty| stem.contains(&empty.to_lowercase())) {
        problems.push(problem(source, 1, format!("a file called {stem}.rs"), NAME));
    }
    for (at, line) in source.code.lines().enumerate() {
        let mut words = line.split_whitespace();
        let declares = words.any(|word| ["struct", "enum", "trait", "type", "mod"].contains(&word));
        let name = words.next().filter(|_| declares).unwrap_or_default();
        let name = name.split(|end: char| !end.is_ascii_alphanumeric()).next().unwrap_or_default();
        if EMPTY.iter().any(|empty| name.contains(empty)) {
            problems.push(problem(source, at + 1, format!("a type called `{name}`"), NAME));
        }
    }
    problems
}

fn unfinished(source: &Source) -> Vec<Problem> {
    let banned = [concat!("FIX", "ME"), concat!("X", "XX"), concat!("?", "??")];
    let later = concat!("TO", "DO");
    let mut problems = Vec::new();
    for (at, line) in source.text.lines().enumerate() {
        for word in banned.into_iter().filter(|word| line.contains(word)) {
            problems.push(problem(source, at + 1, format!("`{word}`"), UNFINISHED));
        }
        for (_, rest) in line.match_indices(later).map(|(start, _)| line.split_at(start)) {
            let rest = rest[later.len()..].trim_start_matches([' ', '(']);
            let numbered = rest.strip_prefix('#').and_then(|rest| rest.chars().next());
            if !numbered.is_some_and(|first| first.is_ascii_digit()) {
                problems.push(problem(source, at + 1, format!("`{later}`"), UNFINISHED));
            }
        }
    }
    problems
}

fn art(source: &Source) -> Vec<Problem> {
    const RULE: [&str; 5] = ["----", "====", "****", "####", "~~~~"];
    let mut problems = Vec::new();
    for (at, line) in source.text.lines().enumerate() {
        let comment = line.trim_start().strip_prefix("//");
        if comment.is_some_and(|text| RULE.iter().any(|rule| text.contains(rule))) {
            problems.push(problem(source, at + 1, "a line of punctuation".to_owned(), ART));
        }
    }
    problems
}

fn climbs(source: &Source) -> Vec<Problem> {
    let twice = concat!("super::", "super");
    source
        .words(twice)
        .into_iter()
        .map(|at| problem(source, source.line_at(at), format!("`{twice}`"), CLIMB))
        .collect()
}

fn honest(source: &Source) -> Vec<Problem> {
    ["ignore", "should_panic"]
        .into_iter()
        .flat_map(|word| source.words(word).into_iter().map(move |at| (word, at)))
        .filter(|(_, at)| source.code[..*at].ends_with("#["))
        .map(|(word, at)| problem(source, source.line_at(at), format!("`#[{word}]`"), HONEST))
        .collect()
}

#[test]
fn every_file_opens_with_three_parts() {
    keep(&["src/", "tests/", "benches/"], header);
}

#[test]
fn a_short_header_is_found() {
    assert_eq!(found("src/a.rs", "//! A.\n//!\n//! B.\n", header), ["1: header of 2 paragraph(s)"]);
    assert_eq!(found("src/a.rs", "fn a() {}\n", header), ["1: header of 0 paragraph(s)"]);
    assert_eq!(found("src/a.rs", "//! A.\n//!\n//! B\n//! b.\n//!\n//! C.\n", header), NOTHING);
}

#[test]
fn no_file_is_longer_than_a_head_can_hold() {
    keep(&["src/"], length);
}

#[test]
fn a_long_file_is_found() {
    let long = "\n".repeat(601);
    assert_eq!(found("src/a.rs", &long, length), ["601: 601 lines"]);
    assert_eq!(found("src/a/tests.rs", &long, length), NOTHING);
    assert_eq!(found("src/a.rs", &long[1..], length), NOTHING);
}

#[test]
fn names_say_what_a_thing_is() {
    keep(&["src/", "tests/", "benches/"], names);
}

#[test]
fn empty_names_are_found() {
    let text =
        "pub struct CheckManager<T> {}\n// a struct Helper is only spoken of\nenum Fine {}\n";
    assert_eq!(found("src/a.rs", text, names), ["1: a type called `CheckManager`"]);
    assert_eq!(found("src/util.rs", "", names), ["1: a file called util.rs"]);
    assert_eq!(found("src/a/mod.rs", "", names), ["1: a file called mod.rs"]);
}

#[test]
fn nothing_is_left_unfinished() {
    keep(&["src/", "tests/", "benches/"], unfinished);
}

#[test]
fn unfinished_words_are_found() {
    let text = concat!("// FIX", "ME\n// TO", "DO later\n// TO", "DO(#12) later\n// why ?", "??\n");
    let expected = [concat!("1: `FIX", "ME`"), concat!("2: `TO", "DO`"), concat!("4: `?", "??`")];
    assert_eq!(found("src/a.rs", text, unfinished), expected);
}

#[test]
fn files_are_ordered_not_decorated() {
    keep(&["src/", "tests/", "benches/"], art);
}

#[test]
fn divider_art_is_found() {
    let text = "// ---- tests ----\nlet a = \"----\";\n";
    assert_eq!(found("src/a.rs", text, art), ["1: a line of punctuation"]);
}

#[test]
fn no_path_climbs_twice() {
    keep(&["src/", "tests/", "benches/"], climbs);
}

#[test]
fn a_climbing_path_is_found() {
    let text = concat!("use super::", "super::a;\nuse super::a;\n");
    let expected = [concat!("1: `super::", "super`")];
    assert_eq!(found("src/a/b.rs", text, climbs), expected);
}

#[test]
fn every_test_can_fail() {
    keep(&["src/", "tests/", "benches/"], honest);
}

#[test]
fn tests_that_do_not_run_are_found() {
    let text = "#[test]\n#[ignore]\nfn a() {}\n#[should_panic(expected = \"b\")]\nfn c() {}\n";
    assert_eq!(found("tests/it/a.rs", text, honest), ["2: `#[ignore]`", "4: `#[should_panic]`"]);
}
