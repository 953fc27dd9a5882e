//! The configuration as a whole: every problem with its whole text, the shipped file, and what `--effective` says.
//!
//! Each `data/invalid-*.toml` breaks one rule; its golden output stands beside it in `snapshots`. Every kind of problem
//! must come from at least one of these files.
//!
//! Single readers (durations, placeholders, hosts) are tested beside their code.

use nephoscope::config::{self, Kind, Loaded};
use std::path::Path;

fn loaded(path: &str) -> Loaded {
    match config::load(Path::new(path)) {
        Ok(loaded) => loaded,
        Err(problems) => panic!("{}", problems.render(false)),
    }
}

#[test]
fn the_whole_example_loads_with_warnings_about_what_is_not_in_effect_only() {
    let loaded = loaded("tests/it/data/full.toml");
    let kinds: Vec<_> =
        loaded.warnings.iter().filter(|each| each.kind() != Kind::NotInEffect).collect();
    assert!(kinds.is_empty(), "{}", loaded.warnings.render(false));
}
