//! The way from one configuration to another: everything has exactly one fate, and applying it gives the other one.
//!
//! Configurations are drawn: services come and go, change their pace, and get other names.
//!
//! What a reload does with the difference is tested in the simulation.

use super::*;
use crate::config::load_text;
use proptest::prelude::*;
use std::fmt::Write as _;
use std::path::Path;

const HEAD: &str = r#"
    [provider.aws]
    host = "192.0.2.1"
    [provider.gcp]
    host = "192.0.2.2"
    [probe.port.tcp]
    address = "{host}:25"
    [probe.mail.tcp]
    address = "{host}:587"
"#;

fn read(services: &str) -> Config {
    match load_text(Path::new("probes.toml"), format!("{HEAD}{services}")) {
        Ok(loaded) => loaded.config,
        Err(problems) => panic!("{}", problems.render(false)),
    }
}

/// Services by number: whether it is there, its pace in minutes, whether the mail is looked at, whether it has a new name.
type Drawn = Vec<(u8, u8, bool, bool)>;

fn drawn() -> impl Strategy<Value = Drawn> {
    prop::collection::vec((0..12_u8, 1..3_u8, any::<bool>(), any::<bool>()), 1..9).prop_map(
        |mut list| {
            let mut seen = BTreeSet::new();
            list.retain(|(number, ..)| seen.insert(*number));
            list
        },
    )
}

fn config(drawn: &Drawn) -> Config {
    let mut text = String::new();
    for (number, minutes, mail, renamed) in drawn {
        let probes = if *mail { "\"port\", \"mail\"" } else { "\"port\"" };
        let (name, former) = if *renamed {
            (format!("new{number}"), format!("formerly = [\"s{number}\"]\n"))
        } else {
            (format!("s{number}"), String::new())
        };
        write!(text, "[service.{name}]\n{former}probes = [{probes}]\ninterval = \"{minutes}m\"\n")
            .unwrap();
    }
    read(&text)
}

proptest! {
    #[test]
    fn diff_then_apply_equals_new(old in drawn(), new in drawn()) {
        let (old, new) = (config(&old), config(&new));
        let diff = Diff::of(&old, &new);
        let (before, after) = (old.lookouts(), new.lookouts());
        prop_assert_eq!(diff.moves.len(), before.len());
        // What is moved lands on its own name, or on one that it was known by; everything else there is new.
        let mut applied: Vec<Option<Arc<str>>> = vec![None; after.len()];
        for (check, fate) in before.iter().zip(&diff.moves) {
            match fate {
                Move::Kept(to) => prop_assert_eq!(&after[to.get()].id, &check.id),
                Move::Renamed(to) => {
                    let known = after[to.get()].formerly.iter().any(|name| *name == *check.id.as_str());
                    prop_assert!(known);
                }
                Move::Gone => prop_assert!(diff.removed.contains(&check.id.shared())),
            }
            if let Some(to) = fate.to() {
                let place = &mut applied[to.get()];
                prop_assert!(place.is_none(), "two checks became one");
                *place = Some(after[to.get()].id.shared());
            }
        }
        let mut added = diff.added.iter();
        for place in &mut applied {
            if place.is_none() {
                *place = added.next().cloned();
            }
        }
        prop_assert!(added.next().is_none());
        let applied: Vec<_> = applied.into_iter().flatten().collect();
        let wanted: Vec<_> = after.iter().map(|check| check.id.shared()).collect();
        prop_assert_eq!(applied, wanted);
        prop_assert_eq!(diff.dropped(), diff.removed.len());
        // A service goes to one place at most, and nothing but what is said has changed.
        let mut places: Vec<_> = diff.services.iter().flatten().collect();
        places.sort_unstable();
        let count = places.len();
        places.dedup();
        prop_assert_eq!(places.len(), count);
        prop_assert_eq!(diff.is_empty(), old == new || in_another_order(&old, &new));
    }

    #[test]
    fn nothing_changes_from_a_configuration_to_itself(one in drawn()) {
        let config = config(&one);
        let diff = Diff::of(&config, &config);
        prop_assert!(diff.is_empty() && diff.touched.is_empty() && !diff.drops_too_many());
        prop_assert_eq!(diff.to_string(), "nothing changed");
    }
}

/// Whether only the order of services in the file differs.
fn in_another_order(one: &Config, other: &Config) -> bool {
    let sorted = |config: &Config| {
        let mut services: Vec<_> = config.services.iter().map(bare).collect();
        services.sort_by(|one, other| one.name.cmp(&other.name));
        let mut checks = config.checks.clone();
        checks.sort_by(|one, other| one.id.cmp(&other.id));
        (services, checks)
    };
    sorted(one) == sorted(other)
}

#[test]
fn a_change_is_said_in_one_sentence() {
    let old = read("[service.a]\nprobes = [\"port\"]\n[service.b]\nprobes = [\"port\"]\n");
    let new = read(
        "[service.a]\nprobes = [\"port\", \"mail\"]\ninterval = \"2m\"\n\
         [service.c]\nformerly = [\"b/aws/port\"]\nendpoints = [\"aws\"]\nprobes = [\"port\"]\n",
    );
    assert_eq!(
        Diff::of(&old, &new).to_string(),
        "2 checks added (a/aws/mail, a/gcp/mail), 1 removed (b/gcp/port), \
         2 changed (a/aws/port, a/gcp/port), 1 renamed (c/aws/port)"
    );
}

#[test]
fn a_promise_is_a_change_of_its_service_alone() {
    let service = "[service.a]\nprobes = [\"port\"]\n";
    let diff =
        Diff::of(&read(service), &read(&format!("{service}objective = 99.9\nwindow = \"30d\"\n")));
    assert_eq!(diff.to_string(), "1 service changed (a)");
    assert_eq!((diff.touched, diff.changed.len()), (vec![0], 0));
}

#[test]
fn dropping_more_than_two_in_five_is_a_mistake() {
    let services = |count: u8| -> Config {
        let all = (0..count).map(|n| format!("[service.s{n}]\nprobes = [\"port\"]\n"));
        read(&all.collect::<Vec<_>>().concat())
    };
    let drops = |left: u8| Diff::of(&services(10), &services(left)).drops_too_many();
    assert_eq!([10, 7, 6, 5, 1].map(drops), [false, false, false, true, true]);
}

/// Of some password.
const HASH: &str =
    "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$iWh06vD8Fy27wf9npn6FXWiCX4K6pW6Ue1Bnzz07Z8A";

#[test]
fn what_holds_until_a_restart_is_named_and_kept() {
    let service = "[service.a]\nprobes = [\"port\"]\n";
    let old = read(service);
    let new = read(&format!(
        "[monitor]\nlisten = \"127.0.0.1:1\"\nmax_in_flight = 7\ntimezone = \"Europe/Vienna\"\n\
         heartbeat_url = \"https://beat.example/\"\n\
         [listener]\nusers = [{{ name = \"ann\", password_hash = \"{HASH}\" }}]\n{service}"
    ));
    let fixed = ["monitor.listen", "monitor.max_in_flight", "monitor.heartbeat_url"];
    assert_eq!(Diff::of(&old, &new).fixed, fixed);
    let kept = new.with_fixed_of(&old);
    let diff = Diff::of(&old, &kept);
    assert!(diff.changes_listener() && !diff.is_empty());
    assert_eq!((diff.fixed.len(), diff.elsewhere), (0, vec!["listener", "monitor"]));
    // Who is named may change; that nobody is would open it to everybody.
    let diff = Diff::of(&kept, &old);
    assert_eq!(diff.fixed, ["listener"]);
    assert!(!Diff::of(&kept, &old.clone().with_fixed_of(&kept)).changes_listener());
    let mut presents = old.clone();
    let [cert, key] = ["cert", "key"].map(Into::into);
    presents.listener.tls = Some(crate::model::TlsFiles { cert, key });
    let diff = Diff::of(&old, &presents);
    assert_eq!((diff.changes_listener(), diff.fixed), (false, vec!["listener.tls"]));
}
