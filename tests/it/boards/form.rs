//! The JSON of the dashboards: what Grafana reads, what a reader sees, and that no link leads nowhere.
//!
//! The rules are those of grafana/dashboard-linter without exclusion, and what it does not look at: grids, words for
//! absence, colours, the targets of links, variables that are defined and not used.
//!
//! Types of panel options are checked against Grafana's own in `tests/real`.

use super::{Board, boards, list, text};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Panel types that all supported versions have.
const TYPES: [&str; 7] =
    ["stat", "state-timeline", "timeseries", "table", "bargauge", "heatmap", "barchart"];
/// Units on the linter's list.
const UNITS: [&str; 5] = ["short", "percentunit", "s", "dtdurations", "bytes"];
/// The palette: what means something.
const MEANING: [&str; 6] = ["light-blue", "orange", "dark-red", "dark-purple", "#808080", "text"];
/// The palette on coloured ground, under white text.
const TILES: [&str; 6] = ["blue", "dark-orange", "dark-red", "dark-purple", "#808080", "text"];
/// Further blues and purples for closed sets that mean neither good nor bad.
const NEUTRAL: [&str; 7] = [
    "purple",
    "light-purple",
    "super-light-purple",
    "blue",
    "super-light-blue",
    "dark-blue",
    "dark-orange",
];
/// Panels of one dashboard, and queries of all of them, at most.
const PANELS: usize = 15;
const QUERIES: usize = 25;

fn each_panel(judge: impl Fn(&Board, &Value, &str)) {
    for board in boards() {
        for panel in board.panels() {
            let place = format!("{} / {}", board.uid, text(&panel["title"]));
            judge(&board, panel, &place);
        }
    }
}

/// Calls `see` on every value under every key.
fn walk(json: &Value, see: &mut dyn FnMut(&str, &Value)) {
    match json {
        Value::Object(map) => {
            for (key, value) in map {
                see(key, value);
                walk(value, see);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| walk(value, see)),
        _ => {}
    }
}

#[test]
fn heads_are_those_of_files_for_provisioning() {
    let mut titles = BTreeSet::new();
    for board in boards() {
        let (uid, json) = (board.uid, &board.json);
        assert_eq!(text(&json["uid"]), uid);
        assert!(uid.len() <= 40 && titles.insert(text(&json["title"]).to_owned()), "{uid}");
        assert!(text(&json["title"]).starts_with("Nephoscope / "), "{uid}");
        assert!(text(&json["description"]).len() > 20, "{uid}");
        assert_eq!(json["schemaVersion"], 39, "{uid}");
        assert_eq!((&json["id"], &json["version"]), (&Value::Null, &Value::from(1)), "{uid}");
        assert_eq!(
            (&json["editable"], &json["tags"][0]),
            (&false.into(), &"nephoscope".into()),
            "{uid}"
        );
        for gone in ["__inputs", "__requires", "__elements", "gnetId", "iteration"] {
            assert!(json.get(gone).is_none(), "{uid}: {gone}");
        }
        assert!(!json.to_string().contains("${DS_"), "{uid}");
    }
}

#[test]
fn nothing_has_a_data_source_but_the_chosen_one() {
    let chosen = serde_json::json!({"type": "prometheus", "uid": "${datasource}"});
    for board in boards() {
        let mut sources = 0;
        let (panels, choices) = (&board.json["panels"], &board.json["templating"]);
        for part in [panels, choices] {
            walk(part, &mut |key, value| {
                if key == "datasource" {
                    sources += 1;
                    assert_eq!(*value, chosen, "{}", board.uid);
                }
            });
        }
        let queries: usize = board.panels().iter().map(|panel| list(&panel["targets"]).len()).sum();
        assert_eq!(sources, board.panels().len() + queries + board.variables().len() - 1);
        assert!(board.annotations().all(|each| each["datasource"] == chosen));
    }
}

#[test]
fn variables_are_those_the_linter_wants_and_are_used() {
    for board in boards() {
        let names: Vec<_> = board.variables().iter().map(|each| text(&each["name"])).collect();
        assert_eq!(names.first(), Some(&"datasource"));
        assert_eq!(names[names.len() - 2..], ["job", "instance"], "{}", board.uid);
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        let all = board.json.to_string();
        for variable in board.variables() {
            let name = text(&variable["name"]);
            let (own, uses) = (
                variable.to_string(),
                [
                    format!("${name}\\\""),
                    format!("${name}|"),
                    format!("|${name}\\"),
                    format!("${{{name}}}"),
                ],
            );
            let count: usize =
                uses.iter().map(|each| all.matches(each).count() - own.matches(each).count()).sum();
            assert!(count > 0, "{}: ${name} is not used", board.uid);
            if variable["type"] == "query" {
                assert_eq!(variable["refresh"], 2, "{name}");
                assert_eq!(variable["query"]["query"], variable["definition"], "{name}");
            }
        }
        let by_name =
            |name: &str| board.variables().iter().find(|each| each["name"] == name).unwrap();
        assert_eq!(
            (text(&by_name("datasource")["label"]), text(&by_name("datasource")["query"])),
            ("Data source", "prometheus")
        );
        for (name, label) in [("job", "Job"), ("instance", "Instance")] {
            let each = by_name(name);
            assert_eq!(
                (text(&each["label"]), &each["multi"], text(&each["allValue"])),
                (label, &true.into(), ".+")
            );
        }
    }
}

#[test]
fn every_variable_in_use_is_defined() {
    const BUILT_IN: [&str; 4] = ["__rate_interval", "__range", "__interval", "__url_time_range"];
    for board in boards() {
        let names: BTreeSet<_> = board.variables().iter().map(|each| text(&each["name"])).collect();
        let all = board.json.to_string();
        for (at, _) in all.match_indices('$') {
            let rest = all[at + 1..].trim_start_matches('{');
            let name: String = rest
                .chars()
                .take_while(|each| each.is_ascii_alphanumeric() || *each == '_')
                .collect();
            let known = names.contains(&*name) || BUILT_IN.contains(&&*name);
            let of_data = ["__data", "__field", "__value", "__all"].contains(&&*name);
            assert!(known || of_data, "{}: ${name}", board.uid);
        }
    }
}

#[test]
fn the_choice_of_a_team_counts_while_all_services_are_chosen() {
    let boards = boards();
    let service = boards[0].variables().iter().find(|each| each["name"] == "service").unwrap();
    assert!(text(&service["definition"]).contains("label_team=~\"$team\""));
    assert_eq!((&service["includeAll"], service.get("allValue")), (&true.into(), None));
}

#[test]
fn the_second_provider_is_never_the_first() {
    let boards = boards();
    let board = boards.iter().find(|board| board.uid == "nephoscope-providers").unwrap();
    let second = board.variables().iter().find(|each| each["name"] == "provider_b").unwrap();
    assert!(text(&second["definition"]).contains("provider!=\"$provider_a\""));
}

#[test]
fn every_panel_says_what_it_answers_in_what_unit_and_what_absence_means() {
    const GOOD_NEWS: [&str; 4] = ["No failures", "Not burning", "All ", "Nothing"];
    each_panel(|_, panel, place| {
        assert!(TYPES.contains(&text(&panel["type"])), "{place}");
        assert!(!text(&panel["title"]).is_empty(), "{place}");
        let about = text(&panel["description"]);
        assert!(
            about.len() >= 20 && about.contains('?') && about.contains(' '),
            "{place}: {about}"
        );
        let defaults = &panel["fieldConfig"]["defaults"];
        let unit = text(&defaults["unit"]);
        assert!(UNITS.contains(&unit) || defaults["mappings"].is_array(), "{place}: unit `{unit}`");
        let absent = text(&defaults["noValue"]);
        assert!(!absent.is_empty() && absent != "No data", "{place}: `{absent}`");
        let both = absent.to_lowercase().contains("no monitor data");
        let alarm = absent == "MONITOR NOT SCRAPED";
        assert!(both || alarm, "{place}: `{absent}` does not name the dead monitor");
        let good = GOOD_NEWS.iter().any(|news| absent.starts_with(news));
        assert!(!good || both, "{place}: `{absent}` is good news");
        assert!(!list(&panel["targets"]).is_empty(), "{place}");
    });
}

#[test]
fn titles_are_unique_and_dashboards_small() {
    for board in boards() {
        let titles: BTreeSet<_> =
            board.panels().iter().map(|panel| text(&panel["title"])).collect();
        assert_eq!(titles.len(), board.panels().len(), "{}", board.uid);
        assert!(
            titles.iter().all(|title| !title.contains("Panel") && !title.contains("nephoscope_"))
        );
        let queries: usize = board.panels().iter().map(|panel| list(&panel["targets"]).len()).sum();
        assert!(board.panels().len() <= PANELS, "{}: {} panels", board.uid, board.panels().len());
        assert!(queries <= QUERIES, "{}: {queries} queries", board.uid);
    }
}

#[test]
fn panels_fill_the_grid_without_overlap_and_the_overview_fits_a_wall() {
    for board in boards() {
        let mut covered: BTreeMap<(u64, u64), usize> = BTreeMap::new();
        let mut height = 0;
        for panel in board.panels() {
            let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
            height = height.max(at("y") + at("h"));
            for row in at("y")..at("y") + at("h") {
                for column in at("x")..at("x") + at("w") {
                    *covered.entry((row, column)).or_default() += 1;
                }
            }
        }
        let whole = (0..height).flat_map(|row| (0..24).map(move |column| (row, column)));
        assert!(covered.values().all(|times| *times == 1), "{}: overlap", board.uid);
        assert!(covered.into_keys().eq(whole), "{}: holes, or beyond 24 columns", board.uid);
        assert!(
            board.uid != "nephoscope-overview" || height <= 24,
            "the overview is {height} high"
        );
    }
}

#[test]
fn base_steps_are_grey_and_colours_are_those_of_the_palette() {
    each_panel(|_, panel, place| {
        let tile = panel["type"] == "stat";
        walk(panel, &mut |key, value| match key {
            "steps" if value.is_array() => {
                let base = &value[0];
                assert_eq!(
                    (&base["value"], text(&base["color"])),
                    (&Value::Null, "#808080"),
                    "{place}"
                );
            }
            "color" | "fixedColor" if value.is_string() => {
                let colour = text(value);
                let known = if tile { &TILES } else { &MEANING };
                // A column of states is a column of tiles.
                let cell = panel["type"] == "table" && TILES.contains(&colour);
                let neutral = !tile && NEUTRAL.contains(&colour);
                assert!(known.contains(&colour) || cell || neutral, "{place}: {colour}");
            }
            _ => {}
        });
    });
}

#[test]
fn states_have_words_and_nothing_is_shown_by_colour_alone() {
    each_panel(|_, panel, place| {
        let defaults = &panel["fieldConfig"]["defaults"];
        if panel["type"] == "state-timeline" {
            assert_ne!(defaults["color"]["mode"], "thresholds", "{place}: would drop the words");
            assert!(defaults["mappings"].is_array(), "{place}");
        }
        walk(panel, &mut |key, value| {
            if key == "mappings" {
                walk(value, &mut |key, result| {
                    let named = result.get("color").is_some();
                    assert!(!named || !text(&result["text"]).is_empty(), "{place}: {key}");
                });
            }
        });
    });
}

#[test]
fn links_lead_to_dashboards_and_variables_that_exist_and_keep_the_time() {
    let boards = boards();
    let mut seen = 0;
    for board in &boards {
        walk(&board.json["panels"], &mut |key, value| {
            let url = text(value);
            if key != "url" || !url.starts_with("/d/") {
                return;
            }
            seen += 1;
            let (path, query) = url.split_once('?').unwrap();
            let uid = path.split('/').nth(2).unwrap();
            let target =
                boards.iter().find(|each| each.uid == uid).unwrap_or_else(|| panic!("{url}"));
            let names: Vec<_> = target.variables().iter().map(|each| text(&each["name"])).collect();
            assert!(query.starts_with("${__url_time_range}&${datasource:queryparam}"), "{url}");
            for part in query.split('&').skip(1) {
                let name = part
                    .strip_prefix("var-")
                    .and_then(|rest| rest.split_once('='))
                    .map(|(name, _)| name)
                    .or_else(|| {
                        part.strip_prefix("${").and_then(|rest| rest.strip_suffix(":queryparam}"))
                    });
                assert!(
                    name.is_some_and(|name| names.contains(&name)),
                    "{}: {url}: {part}",
                    board.uid
                );
            }
        });
    }
    assert!(seen > 10, "{seen} links");
}

#[test]
fn alerts_lead_to_dashboards_and_variables_that_exist() {
    let boards = boards();
    let mut seen = 0;
    let file = crate::rules::file(3, 2);
    for rule in file.groups.iter().flat_map(|group| &group.rules) {
        let Some(url) = rule.annotations.get("dashboard_url") else { continue };
        seen += 1;
        let (_, place) = url.split_once("/d/").unwrap();
        let (uid, query) = place.split_once('?').unwrap_or((place, ""));
        let board = boards.iter().find(|each| each.uid == uid).unwrap_or_else(|| panic!("{url}"));
        let names: Vec<_> = board.variables().iter().map(|each| text(&each["name"])).collect();
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let name = part.strip_prefix("var-").and_then(|rest| rest.split_once('='));
            assert!(name.is_some_and(|(name, _)| names.contains(&name)), "{url}: {part}");
        }
    }
    assert!(seen > 10, "{seen} alerts");
}

#[test]
fn every_panel_of_the_overview_that_can_be_red_leads_somewhere() {
    let boards = boards();
    for panel in boards[0].panels() {
        let all = panel["fieldConfig"].to_string();
        if panel["type"] == "stat" || all.contains("\"DOWN\"") {
            assert!(all.contains("\"url\":\"/d/"), "{}", text(&panel["title"]));
        }
    }
}

#[test]
fn columns_that_are_judged_are_columns_that_are_there() {
    each_panel(|_, panel, place| {
        if panel["type"] != "table" {
            return;
        }
        let organize = list(&panel["transformations"]).last().unwrap();
        assert_eq!(organize["id"], "organize", "{place}");
        let shown = organize["options"]["renameByName"].as_object().unwrap();
        let shown: BTreeSet<_> = shown.values().map(text).collect();
        for each in list(&panel["fieldConfig"]["overrides"]) {
            let column = text(&each["matcher"]["options"]);
            assert!(shown.contains(column), "{place}: no column `{column}`");
        }
        for sort in list(&panel["options"]["sortBy"]) {
            assert!(shown.contains(text(&sort["displayName"])), "{place}");
        }
    });
}
