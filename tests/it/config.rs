//! The configuration as a whole: every problem with its whole text, the shipped file, and what `--effective` says.
//!
//! Each `data/invalid-CODE*.toml` breaks the one rule of that code; its golden output stands in `snapshots/config`. Every
//! kind of problem must come from at least one of these files.
//!
//! Single readers (durations, placeholders, hosts) are tested beside their code.

use nephoscope::config::{self, Kind, Loaded, Problems, Severity};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

const DATA: &str = "tests/it/data";
const GOLDEN: &str = "tests/it/snapshots/config";

fn loaded(path: &str) -> Loaded {
    match config::load(Path::new(path)) {
        Ok(loaded) => loaded,
        Err(problems) => panic!("{}", problems.render(false)),
    }
}

/// Every `invalid-*.toml`, by name without the ending.
fn invalid_files() -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(DATA)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
        .filter(|name| name.starts_with("invalid-"))
        .collect();
    names.sort();
    names
}

fn problems_of(name: &str) -> Problems {
    match config::load(&PathBuf::from(DATA).join(format!("{name}.toml"))) {
        Ok(loaded) => loaded.warnings,
        Err(problems) => problems,
    }
}

fn golden(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots/config");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// The kind whose code a file is named after: the longest that fits.
fn kind_of_file(name: &str) -> Option<Kind> {
    let code = name.strip_prefix("invalid-")?;
    let fits = |kind: &&Kind| {
        code.strip_prefix(kind.code()).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    Kind::ALL.iter().filter(fits).max_by_key(|kind| kind.code().len()).copied()
}

#[test]
fn every_problem_reads_as_its_golden_output() {
    for name in invalid_files() {
        let problems = problems_of(&name);
        golden(&name, &format!("{}{}", problems.render(false), problems.summary()));
    }
}

#[test]
fn every_invalid_file_breaks_the_one_rule_it_is_named_after() {
    let others: Vec<(String, BTreeSet<Kind>)> = invalid_files()
        .into_iter()
        .map(|name| {
            let kinds: BTreeSet<Kind> =
                problems_of(&name).iter().map(config::Problem::kind).collect();
            (name, kinds)
        })
        .filter(|(name, kinds)| *kinds != kind_of_file(name).into_iter().collect())
        .collect();
    assert!(others.is_empty(), "{others:#?}");
}

#[test]
fn every_kind_of_problem_is_produced_by_a_file() {
    let produced: BTreeSet<Kind> = invalid_files()
        .iter()
        .flat_map(|name| problems_of(name).iter().map(config::Problem::kind).collect::<Vec<_>>())
        .collect();
    let missing: Vec<_> = Kind::ALL
        .iter()
        // Only the file itself can be missing, which is the next test.
        .filter(|kind| **kind != Kind::UnreadableConfig && !produced.contains(kind))
        .collect();
    assert!(missing.is_empty(), "no file produces {missing:?}");
}

#[test]
fn a_configuration_that_is_not_there_is_one_problem() {
    let problems = config::load(Path::new("tests/it/data/absent.toml")).unwrap_err();
    golden("unreadable-config", &problems.render(false));
}

#[test]
fn every_golden_output_belongs_to_a_file() {
    let mut expected: BTreeSet<String> =
        invalid_files().iter().map(|name| format!("{name}.snap")).collect();
    expected.extend(["unreadable-config.snap", "effective.snap"].map(str::to_owned));
    let found: BTreeSet<String> = std::fs::read_dir(GOLDEN)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn errors_refuse_the_file_and_warnings_do_not() {
    for name in invalid_files() {
        let path = PathBuf::from(DATA).join(format!("{name}.toml"));
        let severity = kind_of_file(&name).map(Kind::severity);
        assert_eq!(config::load(&path).is_ok(), severity == Some(Severity::Warning), "{name}");
    }
}

#[test]
fn no_secret_is_ever_shown() {
    for name in invalid_files() {
        let text = problems_of(&name).render(true);
        assert!(!text.contains("hunter2") && !text.contains("not-a-real-token"), "{text}");
    }
}

#[test]
fn the_whole_example_loads_without_a_warning() {
    let loaded = loaded("tests/it/data/full.toml");
    assert_eq!(loaded.warnings.iter().count(), 0, "{}", loaded.warnings.render(false));
}

#[test]
fn effective_says_what_holds_and_who_said_so() {
    let loaded = loaded("tests/it/data/full.toml");
    golden("effective", &loaded.effective(None).unwrap());
}

#[test]
fn effective_answers_for_every_check_by_its_id() {
    let loaded = loaded("tests/it/data/full.toml");
    for check in &loaded.config.checks {
        let text = loaded.effective(Some(check.id.as_str())).unwrap();
        assert!(text.starts_with(&format!("check {}\n", check.id)), "{text}");
    }
}

#[test]
fn what_the_shipped_file_shows_in_comments_is_valid_too() {
    let shipped = std::fs::read_to_string("probes.toml").unwrap();
    let (_, more) = shipped.split_once("\n# More ways to look").unwrap();
    let (_, more) = more.split_once("\n\n").unwrap();
    let (more, _) = more.split_once("\n\n").unwrap();
    let shown: Vec<_> = more.lines().map(|line| line.strip_prefix("# ").unwrap()).collect();
    let name =
        |line: &&str| Some(line.strip_prefix("[probe.")?.split(['.', ']']).next()?.to_owned());
    let names: BTreeSet<String> = shown.iter().filter_map(name).collect();
    let names: Vec<_> = names.into_iter().collect();
    assert!(names.len() > 5, "{names:?}");
    let service = format!("[service.shown]\nprobes = {names:?}\n");
    let host = "[service.shown.endpoint.aws]\nhost = \"shown.example.com\"\n";
    let text = format!("{shipped}\n{}\n{service}{host}", shown.join("\n"));
    let folder = tempfile::tempdir().unwrap();
    for secret in ["api.key", "secret"] {
        std::fs::write(folder.path().join(secret), "0123456789").unwrap();
    }
    let file = folder.path().join("probes.toml");
    std::fs::write(&file, text).unwrap();
    let loaded = loaded(file.to_str().unwrap());
    let checks = loaded.config.checks.iter().filter(|check| &*check.service == "shown");
    assert_eq!(checks.count(), names.len());
}

#[test]
fn the_shipped_file_is_valid_and_polite() {
    let loaded = loaded("probes.toml");
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings.render(false));
    let config = &loaded.config;
    let providers: Vec<_> = config.providers.iter().map(|each| &*each.name).collect();
    assert_eq!(providers, ["aws", "gcp"]);
    let hurried: Vec<_> = config
        .checks
        .iter()
        .filter(|check| check.shape.interval < Duration::from_mins(1))
        .map(|check| check.id.as_str())
        .collect();
    assert_eq!(hurried, [""; 0]);
    let alone: Vec<_> = config
        .services
        .iter()
        .filter(|service| service.endpoints.len() != providers.len())
        .map(|service| &*service.name)
        .collect();
    assert_eq!(alone, [""; 0]);
    assert!(config.services.iter().all(|service| !service.objectives.is_empty()));
}

/// What people leave in a file when they edit it badly.
fn scraps() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "\\PC{0,12}",
        "[\\[\\]{}=\"'#.,\n a-z0-9]{0,12}",
        Just("{ env = \"X\" }".to_owned()),
        Just("\"{host\"".to_owned()),
        Just("\"0s\"".to_owned()),
        Just("-1".to_owned()),
        Just("1979-05-27T07:32:00Z".to_owned()),
        Just("\u{0}\u{7f}\u{feff}ä\t\r\n".to_owned()),
    ]
}

/// Reads `text` as a main file and draws what is wrong with it; neither may panic, whatever it says.
fn read_and_draw(text: String) {
    match config::load_text(Path::new("tests/it/data/mutant.toml"), text) {
        Ok(loaded) => {
            loaded.warnings.render(true);
            loaded.effective(None).unwrap();
        }
        Err(problems) => {
            assert!(problems.errors() > 0);
            problems.render(true);
        }
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_configuration_panic(text in "\\PC{0,200}|[\\[\\]{}=\"'#.,\n a-z0-9]{0,200}") {
        read_and_draw(text);
    }

    #[test]
    fn no_edit_of_a_valid_file_makes_the_configuration_panic(
        (at, length, scrap) in (0.0..1.0_f64, 0_usize..60, scraps())
    ) {
        let text = std::fs::read_to_string("tests/it/data/full.toml").unwrap();
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "a place somewhere in the file")]
        let start = (text.len() as f64 * at) as usize;
        let boundary = |from: usize| (from..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
        let (start, end) = (boundary(start), boundary((start + length).min(text.len())));
        read_and_draw(format!("{}{scrap}{}", &text[..start], &text[end.max(start)..]));
    }

    #[test]
    fn no_value_of_any_key_makes_the_configuration_panic(line in 0_usize..150, scrap in scraps()) {
        let text = std::fs::read_to_string("tests/it/data/full.toml").unwrap();
        let edited: Vec<String> = text.lines().enumerate().map(|(number, each)| match each.split_once('=') {
            Some((key, _)) if number == line => format!("{key}= {scrap}"),
            _ => each.to_owned(),
        }).collect();
        read_and_draw(edited.join("\n"));
    }
}
