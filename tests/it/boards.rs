//! The dashboards as files: equal to what the code makes, in a form that Grafana reads, asking for what there is.
//!
//! `form` looks at the JSON: heads, grids, units, words for absence, colours, links, variables. `queries` parses every
//! expression and compares each metric and label in it with the catalogue. Rules and numbers are those of
//! grafana/dashboard-linter and of the design's 25 points; each test says in its name what holds.
//!
//! Whether an answer is right is asked of a real Prometheus in `tests/real`.

mod form;
mod queries;

use nephoscope::dashboards::{self, Reading};
use serde_json::Value;
use std::path::Path;

/// A dashboard as Grafana reads it.
struct Board {
    uid: &'static str,
    json: Value,
}

fn boards() -> Vec<Board> {
    boards_of(Reading::Exported)
}

fn boards_of(reading: Reading) -> Vec<Board> {
    let read = |board: dashboards::Dashboard| Board {
        uid: board.uid,
        json: serde_json::from_str(&board.text).unwrap(),
    };
    dashboards::all(None, reading).map(read).into()
}

impl Board {
    fn panels(&self) -> &[Value] {
        self.json["panels"].as_array().unwrap()
    }

    fn variables(&self) -> &[Value] {
        self.json["templating"]["list"].as_array().unwrap()
    }

    fn annotations(&self) -> impl Iterator<Item = &Value> {
        let all = self.json["annotations"]["list"].as_array().unwrap();
        all.iter().filter(|each| each["builtIn"].is_null())
    }
}

/// A text of the JSON; what is missing reads as empty.
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn the_committed_files_are_what_the_code_makes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards");
    #[expect(clippy::disallowed_methods, reason = "writing the files is asked for this way")]
    let bless = std::env::var("NEPHOSCOPE_BLESS").is_ok();
    for board in dashboards::all(None, Reading::Exported) {
        let path = folder.join(format!("{}.json", board.uid));
        if bless {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &board.text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == board.text,
            "NEPHOSCOPE_BLESS=1 cargo test --test it boards writes `{}` anew",
            path.display()
        );
    }
    let files = std::fs::read_dir(folder).unwrap().count();
    assert_eq!(files, dashboards::all(None, Reading::Exported).len(), "files in dashboards/");
}

#[test]
fn a_runbook_that_is_named_is_linked_from_every_dashboard() {
    for board in dashboards::all(Some("https://wiki.example/alerts"), Reading::Exported) {
        let json: Value = serde_json::from_str(&board.text).unwrap();
        assert_eq!(json["links"][1]["url"], "https://wiki.example/alerts");
    }
    assert!(boards().iter().all(|board| list(&board.json["links"]).len() == 1));
}

#[test]
fn dashboards_that_read_recorded_sums_differ_in_queries_and_steps_alone() {
    let bare = |reading| -> Vec<Value> {
        let blank = |mut board: Board| {
            for panel in board.json["panels"].as_array_mut().unwrap() {
                panel.as_object_mut().unwrap().remove("interval");
                for target in panel["targets"].as_array_mut().unwrap() {
                    target.as_object_mut().unwrap().remove("interval");
                    target["expr"] = Value::Null;
                }
            }
            board.json
        };
        boards_of(reading).into_iter().map(blank).collect()
    };
    assert_eq!(bare(Reading::Exported), bare(Reading::Recorded));
}
