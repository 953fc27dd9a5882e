//! What stands around the services, from the text of a file to checks with ids, places and times.
//!
//! Each test reads a small whole file.
//!
//! Nothing is looked at here.

use crate::config::{Config, load_text};
use crate::model::{CheckIndex, Plane, ProbeKind, ReferenceRole, Role};
use std::path::Path;
use std::time::Duration;

const CLOUDS: &str = r#"
[provider.aws]
host = "192.0.2.1"
region = "eu"
[provider.gcp]
host = "192.0.2.2"
[probe.web.http]
url = "http://{host}/"
[probe.ready.tcp]
address = "{host}:81"
[probe.port.tcp]
address = "{host}:5432"
"#;

fn read(text: &str) -> Config {
    let whole = format!("{CLOUDS}{text}");
    match load_text(Path::new("probes.toml"), whole) {
        Ok(loaded) => loaded.config,
        Err(problems) => panic!("{}", problems.render(false)),
    }
}

fn ids(config: &Config) -> Vec<&str> {
    config.references.iter().map(|reference| reference.check.id.as_str()).collect()
}

#[test]
fn sentinels_canaries_and_domains_are_looked_at_after_all_services() {
    let config = read(
        r#"
        [sentinel]
        tls = ["one.example:443", "192.0.2.77:443", "three.example:443"]
        names = ["example.com"]
        [[provider.aws.canary]]
        url = "https://canary.example/"
        [[provider.aws.canary]]
        url = "https://canary2.example/"
        [[provider.gcp.canary]]
        region = "west"
        plane = "control"
        url = "https://control.example/"
        interval = "60s"
        [domain.db]
        kind = "data"
        host = "db.example"
        probes = ["port"]
        [service.shop]
        probes = ["web"]
        depends_on = ["db"]
        "#,
    );
    let expected = [
        "@sentinel/tls/one.example:443",
        "@sentinel/tls/192.0.2.77:443",
        "@sentinel/tls/three.example:443",
        "@sentinel/name/example.com",
        "@canary/aws/eu",
        "@canary/aws/eu-2",
        "@canary/gcp/west-control",
        "@domain/db/port",
    ];
    assert_eq!(ids(&config), expected);
    assert_eq!(config.lookouts().len(), config.checks.len() + expected.len());
    let control = &config.references[6];
    let role = ReferenceRole::Canary { provider: 1, canary: 0, plane: Plane::Control };
    assert_eq!((control.role, &*control.check.region), (role, "west"));
    assert_eq!(control.check.shape.interval, Duration::from_mins(1));
    let ProbeKind::Tcp(port) = &config.references[7].check.spec.kind else { panic!("a port") };
    assert_eq!((port.host.to_string().as_str(), port.port), ("db.example", 5432));
}

#[test]
fn a_sentinel_inherits_nothing_and_answers_at_once() {
    let config = read(
        r#"
        [defaults]
        interval = "5m"
        timeout = "20s"
        [sentinel]
        tls = ["one.example:443", "two.example:443", "three.example:443"]
        [service.shop]
        probes = ["web"]
        "#,
    );
    let shape = config.references[0].check.shape;
    assert_eq!((shape.interval, shape.timeout), (Duration::from_secs(10), Duration::from_secs(5)));
    assert_eq!((shape.confirm, config.patience), (1, Duration::from_secs(10)));
    assert_eq!(config.broken_after, Duration::from_mins(10));
}

#[test]
fn how_long_a_sentinel_may_be_silent_can_be_said() {
    let config = read(
        r#"
        [sentinel]
        tls = ["one.example:443", "two.example:443", "three.example:443"]
        broken_after = "90s"
        [service.shop]
        probes = ["web"]
        "#,
    );
    assert_eq!(config.broken_after, Duration::from_secs(90));
}

#[test]
fn named_sentinels_are_asked_over_ipv6_where_a_service_is() {
    let sentinel = r#"
        [sentinel]
        tls = ["one.example:443", "192.0.2.77:443", "[2001:db8::7]:443"]
        [service.shop]
        probes = ["web"]
        "#;
    assert_eq!(ids(&read(sentinel)).len(), 3);
    let config = read(&format!(
        "{sentinel}ip = \"6\"\nendpoints = [\"six\"]\n[service.shop.endpoint.six]\nprovider = \"aws\"\nhost = \"shop.example\"\n"
    ));
    assert_eq!(
        ids(&config),
        [
            "@sentinel/tls/one.example:443",
            "@sentinel/tls/one.example:443 over IPv6",
            "@sentinel/tls/192.0.2.77:443",
            "@sentinel/tls/[2001:db8::7]:443",
        ]
    );
}

#[test]
fn what_a_monitor_could_not_tell_is_said() {
    let spots = |text: &str| read(text).blind_spots().join("; ");
    let service = "[service.shop]\nprobes = [\"web\"]\n";
    assert!(spots(service).starts_with("no sentinel: whether this monitor can see"));
    let one = format!("{service}endpoints = [\"aws\"]\n");
    assert!(spots(&one).starts_with("no sentinel and one cloud"), "{}", spots(&one));
    let sentinel = "[sentinel]\ntls = [\"192.0.2.7:443\", \"192.0.2.8:443\", \"192.0.2.9:443\"]\n";
    assert_eq!(spots(&format!("{sentinel}{service}")), "");
    let six = format!(
        "{sentinel}{service}ip = \"6\"\nendpoints = [\"six\"]\n[service.shop.endpoint.six]\nprovider = \"aws\"\nhost = \"shop.example\"\n"
    );
    assert!(spots(&six).starts_with("no sentinel answers over IPv6"), "{}", spots(&six));
}

#[test]
fn the_public_name_has_a_check_of_its_own_on_no_cloud() {
    let config = read(
        r#"
        [service.shop]
        probes = ["web"]
        entry = { host = "shop.example", probe = "web" }
        [service.pay]
        probes = ["web"]
        "#,
    );
    let checks: Vec<_> = config.checks.iter().map(|check| check.id.as_str()).collect();
    assert_eq!(
        checks,
        ["shop/aws/web", "shop/gcp/web", "shop/entry/web", "pay/aws/web", "pay/gcp/web"]
    );
    let entry = &config.checks[2];
    assert_eq!((&*entry.provider, &*entry.region, &*entry.host), ("", "", "shop.example"));
    let ProbeKind::Http(http) = &entry.spec.kind else { panic!("a URL") };
    assert_eq!(http.url.as_str(), "http://shop.example/");
    let of_shop: Vec<_> = config.services[0].checks().collect();
    assert_eq!(of_shop, [0, 1, 2].map(CheckIndex));
    assert_eq!(config.services[0].entry.as_ref().unwrap().check, CheckIndex(2));
}

#[test]
fn a_standby_is_judged_by_its_ready_probe_alone() {
    let config = read(
        r#"
        [service.shop]
        probes = ["web"]
        [service.shop.endpoint.gcp]
        role = "standby"
        ready_probe = "ready"
        "#,
    );
    let [active, standby] = &config.services[0].endpoints[..] else { panic!("two endpoints") };
    assert_eq!((active.role, standby.role), (Role::Active, Role::Standby));
    let judged = |endpoint: &crate::model::Endpoint| {
        let checks = endpoint.checks.iter().map(|check| &config.checks[check.get()]);
        let judging = checks.filter(|check| endpoint.is_judged_by(check));
        judging.map(|check| check.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(judged(active), ["shop/aws/web"]);
    assert_eq!(judged(standby), ["shop/gcp/ready"]);
    assert_eq!(standby.checks.len(), 2, "its other probes still look");
}
