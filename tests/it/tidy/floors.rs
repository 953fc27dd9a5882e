//! Which room may use which: the table of floors, written once as data, and the test that every path keeps to it.
//!
//! A room may use what stands below it, itself, and the neighbours listed for it; never anything above, so there is no
//! cycle at any grain. `ABSENT` lists what floors alone would allow and the house still forbids. A top-level module
//! that is not in the table is an error, so that a new room has to be given a floor first.
//!
//! It does not judge what a room does with what it may use (`rooms` does, for what can be read from words).

use super::source::Source;
use super::{NOTHING, Problem, found, keep};

/// A top-level module: its floor, and whom it may use on its own floor.
struct Room {
    name: &'static str,
    floor: u8,
    neighbours: &'static [&'static str],
}

const fn room(name: &'static str, floor: u8, neighbours: &'static [&'static str]) -> Room {
    Room { name, floor, neighbours }
}

/// The house, from the ground up.
const ROOMS: &[Room] = &[
    // Words.
    room("model", 0, &[]),
    room("clock", 0, &["model"]),
    room("seed", 0, &[]),
    room("file", 0, &[]),
    // Rules.
    room("schedule", 1, &[]),
    room("health", 1, &[]),
    room("blame", 1, &[]),
    room("slo", 1, &[]),
    room("failover", 1, &[]),
    room("rules", 1, &["slo"]),
    // Hands: they do not know each other, except that what talks to others needs the network.
    room("config", 2, &[]),
    room("net", 2, &[]),
    room("probe", 2, &["net"]),
    room("peer", 2, &["net"]),
    room("push", 2, &["net"]),
    room("store", 2, &[]),
    room("metrics", 2, &[]),
    // Heart.
    room("monitor", 3, &[]),
    // Face: the client speaks the API's forms.
    room("web", 4, &[]),
    room("client", 4, &["web"]),
    room("dashboards", 4, &[]),
    // The demo's simulated clouds: servers, not part of the daemon.
    room("demo", 4, &[]),
    // Frame.
    room("daemon", 5, &[]),
    room("cli", 5, &["daemon"]),
    room("main", 5, &["cli"]),
];

/// Edges that the floors would allow and the house forbids: (from, to, why).
const ABSENT: &[(&str, &str, &str)] = &[
    ("web", "probe", "web presents a snapshot; a probe on request goes through monitor"),
    ("web", "net", "web presents a snapshot; a probe on request goes through monitor"),
    ("web", "store", "web does not write"),
    ("client", "probe", "the client asks the daemon, it does not look itself"),
    ("client", "monitor", "the client knows the daemon by its API only"),
    (
        "dashboards",
        "monitor",
        "dashboards ask Prometheus for what metrics are called, and nobody else",
    ),
    ("daemon", "demo", "the daemon does not know that it is being shown"),
    ("main", "daemon", "main hands over to cli"),
    ("main", "demo", "main hands over to cli"),
    ("cli", "net", "cli turns words into calls; it has no sockets of its own"),
];

const UP: &str = "a room uses what is below it and its listed neighbours, never what is above";
const UNKNOWN: &str = "every top-level module has a place in the table of floors";

/// Every edge of the file that the table does not have.
fn floors(source: &Source) -> Vec<Problem> {
    let Some(name) = source.room() else { return Vec::new() };
    if name == "lib" {
        return Vec::new();
    }
    let problem = |line, found, rule| Problem { file: source.path.clone(), line, found, rule };
    let Some(from) = ROOMS.iter().find(|room| room.name == name) else {
        return vec![problem(1, format!("module `{name}`"), UNKNOWN)];
    };
    edges(source)
        .into_iter()
        .filter_map(|(line, target)| {
            let edge = format!("{name} → {target}");
            let Some(to) = ROOMS.iter().find(|room| room.name == target) else {
                return Some(problem(line, edge, UNKNOWN));
            };
            if let Some((_, _, why)) = ABSENT.iter().find(|(a, b, _)| (*a, *b) == (name, to.name)) {
                return Some(problem(line, edge, why));
            }
            let below = to.floor < from.floor;
            let may = below || to.name == from.name || from.neighbours.contains(&to.name);
            (!may).then(|| problem(line, edge, UP))
        })
        .collect()
}

/// Every top-level module that the file names, with the line: `crate::a`, `crate::{a, b::{c}}`, `super::a` in a file
/// at the top, and `nephoscope::a` in `main.rs`.
fn edges(source: &Source) -> Vec<(usize, String)> {
    let mut edges = Vec::new();
    let at_top = source.path.matches('/').count() == 1;
    let roots = [("crate", true), ("super", at_top), ("nephoscope", source.path == "src/main.rs")];
    for (root, _) in roots.into_iter().filter(|(_, counts)| *counts) {
        for at in source.words(root) {
            let rest = &source.code[at + root.len()..];
            let Some(path) = rest.trim_start().strip_prefix("::") else { continue };
            let start = source.code.len() - path.len();
            for (offset, target) in heads(path) {
                // A type, function or constant of the root is no module; `super::x` at the top may be the file's own.
                let own = root == "super" && ROOMS.iter().all(|room| room.name != target);
                if target.starts_with(|first: char| first.is_ascii_lowercase())
                    && target != "self"
                    && !own
                {
                    edges.push((source.line_at(start + offset), target));
                }
            }
        }
    }
    edges
}

/// The first word of a path, or of each path in a group, with its offset.
fn heads(path: &str) -> Vec<(usize, String)> {
    let lead = path.len() - path.trim_start().len();
    if !path[lead..].starts_with('{') {
        return vec![(lead, word(&path[lead..]))];
    }
    let mut heads = Vec::new();
    let (mut depth, mut fresh) = (0_u32, false);
    for (at, character) in path.char_indices().skip(lead) {
        match character {
            '{' => (depth, fresh) = (depth + 1, depth == 0),
            '}' if depth == 1 => break,
            '}' => depth -= 1,
            ',' => fresh = fresh || depth == 1,
            _ if fresh && !character.is_whitespace() => {
                heads.push((at, word(&path[at..])));
                fresh = false;
            }
            _ => {}
        }
    }
    heads
}

fn word(text: &str) -> String {
    text.chars().take_while(|each| each.is_ascii_alphanumeric() || *each == '_').collect()
}

#[test]
fn every_path_keeps_to_the_floors() {
    keep(&["src/"], floors);
}

#[test]
fn a_path_up_the_floors_is_found() {
    let text = "use crate::model::Reason;\nuse crate::web::Page;\n";
    assert_eq!(found("src/health.rs", text, floors), ["2: health → web"]);
}

#[test]
fn a_path_inside_a_function_is_found() {
    let text = "fn a() {\n    crate::monitor::go();\n}\n";
    assert_eq!(found("src/probe/dns.rs", text, floors), ["2: probe → monitor"]);
}

#[test]
fn groups_are_read_to_their_depth() {
    let text =
        "use crate::{\n    model::{Check, web},\n    clock::Instant,\n    store::Store,\n};\n";
    assert_eq!(found("src/probe/http.rs", text, floors), ["4: probe → store"]);
}

#[test]
fn neighbours_may_be_used_in_the_listed_direction_only() {
    assert_eq!(found("src/probe/tcp.rs", "use crate::net::Net;\n", floors), NOTHING);
    assert_eq!(found("src/net.rs", "use crate::probe::P;\n", floors), ["1: net → probe"]);
}

#[test]
fn what_the_house_forbids_beyond_floors_is_found() {
    assert_eq!(found("src/web/page.rs", "use crate::probe::P;\n", floors), ["1: web → probe"]);
    assert_eq!(found("src/main.rs", "use nephoscope::daemon;\n", floors), ["1: main → daemon"]);
    assert_eq!(found("src/net.rs", "use super::web::P;\n", floors), ["1: net → web"]);
}

#[test]
fn modules_without_a_floor_are_found() {
    assert_eq!(found("src/magic.rs", "", floors), ["1: module `magic`"]);
    assert_eq!(found("src/cli.rs", "use crate::magic::A;\n", floors), ["1: cli → magic"]);
}

#[test]
fn comments_strings_and_own_items_are_no_edges() {
    let text = "//! [`crate::web`]\nconst A: &str = \"crate::web\";\nuse crate::monitor::B;\n";
    assert_eq!(found("src/monitor/ledger.rs", text, floors), NOTHING);
}
