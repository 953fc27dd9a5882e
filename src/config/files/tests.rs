//! One team's slip, contradictions between files, lists of targets, and what counts as a change.
//!
//! Real files in a folder that vanishes with the test.
//!
//! When a daemon reads them is tested with the real binary.

use super::*;
use std::fs;
use tempfile::TempDir;

const MAIN: &str = r#"
    include = ["conf.d/*.toml"]
    include_errors = "isolate"
    [provider.aws]
    host = "192.0.2.1"
    [probe.port.tcp]
    address = "{host}:25"
    [class.web]
    probes = ["port"]
"#;

/// Ids of checks; names of isolated files, and whether their last good version is in force.
type Said = (Vec<String>, Vec<(String, bool)>);

struct Place {
    folder: TempDir,
    files: Files,
}

impl Place {
    fn new(main: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("conf.d")).unwrap();
        fs::create_dir(folder.path().join("targets")).unwrap();
        let files = Files::new(&folder.path().join("probes.toml"));
        let place = Self { folder, files };
        place.write("probes.toml", main);
        place
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// Ids of the checks, and what was isolated: file name and whether its last good version is in force.
    fn read(&mut self) -> Result<Said, String> {
        let reading = self.files.read().map_err(|problems| problems.lines().join("\n"))?;
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        let isolated = reading.isolated.iter().map(|file| (name(&file.path), file.kept)).collect();
        let (good, loaded) = reading.into_parts();
        self.files.accept(good);
        let ids = loaded.config.checks.iter().map(|check| check.id.to_string()).collect();
        Ok((ids, isolated))
    }
}

fn service(name: &str) -> String {
    format!("[service.{name}]\nclass = \"web\"\n")
}

#[test]
fn a_bad_include_keeps_its_last_good_version() {
    let mut place = Place::new(MAIN);
    place.write("conf.d/a.toml", &service("a"));
    place.write("conf.d/b.toml", &service("b"));
    let both = vec!["a/aws/port".to_owned(), "b/aws/port".to_owned()];
    assert_eq!(place.read(), Ok((both.clone(), vec![])));
    for broken in ["[service.b", "[service.b]\nclass = \"wep\"\n", "[service.b]\nclasss = 1\n"] {
        place.write("conf.d/b.toml", broken);
        assert_eq!(place.read(), Ok((both.clone(), vec![("b.toml".to_owned(), true)])), "{broken}");
    }
    place.write("conf.d/b.toml", &format!("{}{}", service("b"), service("c")));
    let (ids, isolated) = place.read().unwrap();
    assert_eq!((ids.len(), isolated.len()), (3, 0));
}

#[test]
fn a_bad_include_that_was_never_good_is_left_out() {
    let mut place = Place::new(MAIN);
    place.write("conf.d/a.toml", &service("a"));
    place.write("conf.d/b.toml", "[service.b");
    let (ids, isolated) = place.read().unwrap();
    assert_eq!(
        (ids, isolated),
        (vec!["a/aws/port".to_owned()], vec![("b.toml".to_owned(), false)])
    );
}

#[test]
fn of_two_files_that_contradict_each_other_the_new_one_is_to_blame() {
    let mut place = Place::new(MAIN);
    place.write("conf.d/b.toml", &service("b"));
    place.read().unwrap();
    // It comes first by name, so the problem stands in the other file.
    place.write("conf.d/a.toml", &service("b"));
    let (ids, isolated) = place.read().unwrap();
    assert_eq!(
        (ids, isolated),
        (vec!["b/aws/port".to_owned()], vec![("a.toml".to_owned(), false)])
    );
}

#[test]
fn what_is_wrong_with_the_main_file_is_isolated_nowhere() {
    let mut place = Place::new(&MAIN.replace("[class.web]", "[class.wep]"));
    place.write("conf.d/a.toml", "[service.a");
    place.write("probes.toml", &format!("{MAIN}\nintervall = 1\n"));
    assert!(place.read().unwrap_err().contains("intervall"));
    let strict = MAIN.replace("isolate", "fail");
    place.write("probes.toml", &strict);
    assert!(place.read().unwrap_err().contains("a.toml"));
}

const DISCOVER: &str = r#"
    [provider.aws]
    [provider.gcp]
    [probe.port.tcp]
    address = "{host}"
    [class.web]
    probes = ["port"]
    [[discover]]
    file_sd = "targets/aws*.json"
    class = "web"
    provider = "aws"
    [[discover]]
    file_sd = "targets/gcp*.json"
    class = "web"
    provider = "gcp"
"#;

#[test]
fn lists_of_targets_fill_a_class_with_endpoints() {
    let mut place = Place::new(DISCOVER);
    let list = |host: &str| {
        format!(
            r#"[{{"targets": ["{host}:8080"], "labels": {{"service": "shop", "region": "r1", "team": "x", "__meta": "y"}}}}]"#
        )
    };
    place.write("targets/aws.json", &list("10.0.0.1"));
    place.write("targets/gcp.json", &list("10.1.0.1"));
    place.write("targets/aws-more.json", r#"[{"targets": ["db.example.com:5432"]}]"#);
    let ids = vec![
        "db.example.com/db.example.com-5432/port".to_owned(),
        "shop/10.0.0.1-8080/port".to_owned(),
        "shop/10.1.0.1-8080/port".to_owned(),
    ];
    assert_eq!(place.read(), Ok((ids.clone(), vec![])));
    let config = place.files.read().unwrap().loaded.config;
    let shop = config.services.iter().find(|service| &*service.name == "shop").unwrap();
    let sides: Vec<_> = shop.endpoints.iter().map(|it| (&*it.provider, &*it.region)).collect();
    assert_eq!(sides, [("aws", "r1"), ("gcp", "r1")]);
    assert_eq!(shop.labels.get("team").map(String::as_str), Some("x"));

    // A list that cannot be used stays as it was, whatever is wrong with it.
    for broken in ["[{", "{}", r#"[{"targets": [7]}]"#, r#"[{"targets": ["a b"]}]"#] {
        place.write("targets/gcp.json", broken);
        assert_eq!(
            place.read(),
            Ok((ids.clone(), vec![("gcp.json".to_owned(), true)])),
            "{broken}"
        );
    }
    place.write("targets/gcp.json", "[]");
    assert_eq!(place.read().unwrap().0.len(), 2);
    // To whoever just validates it is an error.
    place.write("targets/gcp.json", "[{");
    let main = place.folder.path().join("probes.toml");
    assert!(
        crate::config::load(&main).unwrap_err().lines()[0].contains("gives no list of targets")
    );
}

#[test]
fn a_change_is_seen_however_files_are_replaced() {
    let mut place = Place::new(&format!(
        "{MAIN}{}",
        DISCOVER.split_once("[[discover]]").map_or("", |_| {
            "[[discover]]\nfile_sd = \"targets/*.json\"\nclass = \"web\"\nprovider = \"aws\"\n"
        })
    ));
    place.write("conf.d/a.toml", &service("a"));
    place.read().unwrap();
    assert_eq!(place.files.changed(), None);
    let change = |place: &mut Place, what: &str| {
        let changed = place.files.changed();
        assert!(changed.is_some() && changed == place.files.changed(), "{what}");
        place.read().unwrap();
        assert_eq!(place.files.changed(), None, "{what}");
    };
    place.write("conf.d/a.toml", &service("b"));
    change(&mut place, "an include with as many bytes");
    place.write("conf.d/b.toml", &service("c"));
    change(&mut place, "a new include");
    fs::remove_file(place.folder.path().join("conf.d/b.toml")).unwrap();
    change(&mut place, "an include that is gone");
    place.write("targets/x.json", r#"[{"targets": ["10.0.0.1"]}]"#);
    change(&mut place, "a list of targets");
    // The same content is no change.
    place.write("conf.d/a.toml", &service("b"));
    assert_eq!(place.files.changed(), None);
}

const SECRETS: &str = r#"
    [monitor]
    watch = true
    [provider.aws]
    host = "192.0.2.1"
    networks_file = "aws.txt"
    [probe.web.http]
    url = "http://{host}/"
    body_file = "body"
    method = "POST"
    auth = { bearer = { file = "token" } }
    [service.a]
    probes = ["web"]
    [listener]
    tokens = [{ name = "scraper", token = { file = "scraper" } }]
"#;

#[test]
fn what_is_named_by_file_counts_as_changed_too() {
    let mut place = Place::new("");
    for (name, text) in [
        ("aws.txt", "192.0.2.0/24"),
        ("body", "ask"),
        ("token", "one"),
        ("scraper", "token-of-prometheus-4711"),
    ] {
        place.write(name, text);
    }
    place.write("probes.toml", SECRETS);
    place.read().unwrap();
    assert_eq!(place.files.changed(), None);
    for (name, text) in [
        ("aws.txt", "192.0.2.0/25"),
        ("body", "ask more"),
        ("token", "two"),
        ("scraper", "token-of-prometheus-4712"),
    ] {
        place.write(name, text);
        let seen = place.files.changed();
        assert!(seen.is_some(), "{name}");
        assert_eq!(place.files.changed(), seen, "looking changes nothing");
        place.read().unwrap();
        assert_eq!(place.files.changed(), None, "{name}");
    }
    // Without the file nothing can be read; once it is back there is something new to read.
    fs::remove_file(place.folder.path().join("token")).unwrap();
    assert!(place.files.changed().is_some());
    assert!(place.read().unwrap_err().contains("token"));
    assert_eq!(place.files.changed(), None);
    place.write("token", "two");
    assert!(place.files.changed().is_some());
    place.read().unwrap();
    assert_eq!(place.files.changed(), None);
    // What is named no more is not looked at.
    place.write("probes.toml", &SECRETS.replace("auth", "# auth"));
    place.read().unwrap();
    place.write("token", "three");
    assert_eq!(place.files.changed(), None);
}

#[test]
fn a_pair_is_followed_by_whoever_uses_it_and_looked_at_while_it_cannot_be_used() {
    let mut place = Place::new(SECRETS);
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    place.write("cert", &made.cert.pem());
    place.write("key", &made.signing_key.serialize_pem());
    place.write("probes.toml", "[listener]\ntls = { cert = \"cert\", key = \"key\" }\n");
    place.read().unwrap();
    place.write("cert", "half written");
    assert_eq!(place.files.changed(), None);
    // Somebody reloads in this moment: from then on it matters when it is mended.
    assert!(place.read().unwrap_err().contains("cert"));
    assert_eq!(place.files.changed(), None);
    place.write("cert", &made.cert.pem());
    assert!(place.files.changed().is_some());
    place.read().unwrap();
    assert_eq!(place.files.changed(), None);
}

#[test]
fn lists_of_targets_may_be_yaml() {
    let main = DISCOVER.replace("aws*.json", "aws*.yml").replace("gcp*.json", "gcp.yaml");
    let mut place = Place::new(&main);
    place.write("targets/aws.yml", "- targets: ['10.0.0.1:8080']\n  labels: {service: shop}\n");
    place
        .write("targets/gcp.yaml", "- targets:\n  - 10.1.0.1:8080\n  labels:\n    service: shop\n");
    let ids = vec!["shop/10.0.0.1-8080/port".to_owned(), "shop/10.1.0.1-8080/port".to_owned()];
    assert_eq!(place.read(), Ok((ids.clone(), vec![])));
    place.write("targets/aws.yml", "- targets: ['10.0.0.1:8080'\n");
    assert_eq!(place.read(), Ok((ids, vec![("aws.yml".to_owned(), true)])));
}
