//! What a probe becomes when somebody names its target: by module, placeholder, hostname, and what is refused.
//!
//! One small file of probes, read as the daemon reads it; specs and sentences are compared as values.
//!
//! Nothing here is run, and nobody is asked.

use super::{Modules, Unfit, Wish};
use crate::config::load_text;
use crate::model::{DnsServer, Host, HttpSpec, ProbeKind, TcpSpec};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

const FILE: &str = r#"
[probe.http_2xx]
timeout = "3s"
[probe.http_2xx.http]
url = "https://{host}/healthz"
[probe.virtual.http]
url = "https://{host}/"
headers = { host = "shop.example.com" }
[probe.mail]
vars = { greeting = "ESMTP" }
[probe.mail.tcp]
address = "{host}:25"
dialogue = [{ expect = "^220 {greeting}" }, { send = "EHLO {me}\r\n" }]
[probe.mail.tls]
[probe.name.dns]
server = "{nameserver}"
query = "{host}"
[probe.echo.icmp]
[probe.health.grpc]
address = "{host}:50051"
service = "shop"
[probe.plugin.exec]
command = ["/bin/sh", "{host}"]
"#;

fn modules() -> Modules {
    load_text(Path::new("probes.toml"), FILE.to_owned()).unwrap().config.modules
}

fn wish(module: &str, target: &str, vars: &[(&str, &str)]) -> Wish {
    let vars: BTreeMap<_, _> =
        vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Wish { module: module.to_owned(), target: target.to_owned(), hostname: None, vars }
}

fn http(wish: &Wish) -> HttpSpec {
    match &modules().get(wish).unwrap().spec.kind {
        ProbeKind::Http(http) => (**http).clone(),
        other => panic!("{other:?}"),
    }
}

fn tcp(wish: &Wish) -> TcpSpec {
    match &modules().get(wish).unwrap().spec.kind {
        ProbeKind::Tcp(tcp) => (**tcp).clone(),
        other => panic!("{other:?}"),
    }
}

fn refused(wish: &Wish) -> Unfit {
    modules().get(wish).unwrap_err()
}

#[test]
fn the_target_takes_the_place_of_the_whole_url_and_may_lack_a_scheme() {
    let url = |target| http(&wish("http_2xx", target, &[])).url.to_string();
    assert_eq!(url("https://a.example/x?y=1"), "https://a.example/x?y=1");
    assert_eq!(url("a.example:8080/x"), "http://a.example:8080/x");
    assert_eq!(url("[2001:db8::1]"), "http://[2001:db8::1]/");
    assert_eq!(url("http://a.example/{host}"), "http://a.example/%7Bhost%7D", "it is no template");
}

#[test]
fn two_files_are_alike_if_they_say_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    let read = |before: &str, path: &str, token: &str| {
        std::fs::write(&secret, token).unwrap();
        let file = format!(
            "{before}\n{FILE}\n[probe.ping.icmp]\npackets = 2\n[probe.token.http]\nurl = \"https://{{host}}{path}\"\n\
             auth = {{ bearer = {{ file = \"{}\" }} }}\n",
            secret.display()
        );
        load_text(Path::new("probes.toml"), file).unwrap().config.modules
    };
    let one = read("", "/", "one");
    assert_eq!(one, read("# a comment moves everything\n", "/", "one"));
    assert_ne!(one, read("", "/", "two"), "another secret");
    assert_ne!(one, read("", "/x", "one"));
    assert_ne!(one, read("", "/{{host}}", "one"));
    assert_ne!(
        read("", "/{{host}}", "one"),
        read("", "/{host}", "one"),
        "a placeholder is no text"
    );
}

#[test]
fn a_timeout_that_the_module_has_is_its_own() {
    let module = modules().get(&wish("http_2xx", "a.example", &[])).unwrap();
    assert_eq!((module.timeout, module.limited), (Duration::from_secs(3), true));
    let module = modules().get(&wish("virtual", "a.example", &[])).unwrap();
    assert!(!module.limited);
}

#[test]
fn the_target_takes_the_place_of_the_address_or_the_name_server() {
    let mail = tcp(&wish("mail", "a.example:2525", &[("me", "monitor.example")]));
    assert_eq!((mail.host, mail.port), (Host::Name("a.example".into()), 2525));
    assert!(format!("{:?}", mail.dialogue).contains("EHLO monitor.example\\r\\n"));
    assert!(format!("{:?}", mail.dialogue).contains("^220 ESMTP"), "a var of the probe holds");
    let asked = wish("name", "192.0.2.53:5353", &[("host", "shop.example.com")]);
    let module = modules().get(&asked).unwrap();
    let ProbeKind::Dns(dns) = &module.spec.kind else { panic!("{module:?}") };
    assert_eq!(dns.server, DnsServer::At(Host::Ip("192.0.2.53".parse().unwrap()), 5353));
    assert_eq!(dns.query.to_string(), "shop.example.com.");
}

#[test]
fn a_placeholder_that_the_request_does_not_fill_is_refused_with_the_parameter_to_add() {
    let unfit = refused(&wish("mail", "a.example:25", &[]));
    assert_eq!(unfit.said, "`{me}` has no value");
    assert_eq!(unfit.hint, "add `&var_me=…`");
    let unfit = refused(&wish("name", "192.0.2.53", &[]));
    assert_eq!(unfit.said, "`{host}` has no value");
}

#[test]
fn what_is_no_target_is_refused_in_a_sentence() {
    let said = |module: &str, target: &str| {
        refused(&wish(module, target, &[("me", "x"), ("host", "x")])).said
    };
    assert_eq!(said("http_2xx", ""), "no target is named");
    assert!(said("http_2xx", "ftp://a.example/").contains("the scheme is `ftp`"));
    assert!(said("http_2xx", "http://u:p@a.example/").contains("password"));
    assert!(said("mail", "a.example").contains("the port is missing"));
    assert!(said("http_2xx", &"a".repeat(5000)).contains("longer than 4096 bytes"));
    let unknown = refused(&wish("http_2x", "a.example", &[]));
    assert_eq!(unknown.said, "there is no probe `http_2x`");
    assert_eq!(unknown.hint, "did you mean `http_2xx`?");
}

#[test]
fn a_hostname_is_what_the_far_side_is_called() {
    let called = |module: &str, target: &str| Wish {
        hostname: Some("shop.example.org".to_owned()),
        ..wish(module, target, &[("me", "x")])
    };
    let by_address = http(&called("http_2xx", "https://192.0.2.7:8443/x"));
    assert_eq!(by_address.url.to_string(), "https://shop.example.org:8443/x");
    assert_eq!(by_address.connect_to, Some(("192.0.2.7".parse().unwrap(), Some(8443))));
    let by_name = http(&called("http_2xx", "https://lb.example.net/x"));
    assert_eq!(by_name.url.host_str(), Some("lb.example.net"));
    assert_eq!(by_name.tls.server_name.as_deref(), Some("shop.example.org"));
    assert!(by_name.headers.iter().any(|(_, value)| value == "shop.example.org"));
    let mail = tcp(&called("mail", "192.0.2.7:465"));
    assert_eq!(mail.tls.unwrap().server_name.as_deref(), Some("shop.example.org"));
    let conflict = refused(&called("virtual", "https://192.0.2.7/"));
    assert!(conflict.said.contains("`host` header of its own"), "{conflict:?}");
}

#[test]
fn echoes_and_health_are_asked_of_anybody_and_programs_run_for_nobody() {
    let kind = |module: &str, target: &str| {
        modules().get(&wish(module, target, &[])).unwrap().spec.kind.clone()
    };
    let ProbeKind::Icmp(echo) = kind("echo", "192.0.2.7") else { panic!("an echo") };
    assert_eq!(echo.host, Host::Ip("192.0.2.7".parse().unwrap()));
    let ProbeKind::Grpc(health) = kind("health", "a.example:443") else { panic!("a health") };
    assert_eq!((health.host, health.port), (Host::Name("a.example".into()), 443));
    assert_eq!(&*health.service, "shop");
    let unfit = refused(&wish("plugin", "; rm -rf /", &[("host", "-x")]));
    assert!(unfit.said.starts_with("this probe runs a program, "), "{unfit:?}");
}
