//! What is imported: single keys, relabelling, and that nothing that comes in breaks what comes out.
//!
//! Texts in, text out; every text that comes out has been read as a configuration by the function under test.
//!
//! Whole files are compared in `tests/it/import.rs`.

use super::import;
use proptest::prelude::*;
use std::path::{Path, PathBuf};

fn of(modules: &str) -> String {
    import(Path::new("blackbox.yml"), modules, &[]).unwrap()
}

/// The same with one list of targets.
fn with(modules: &str, targets: &str) -> String {
    let lists = [(PathBuf::from("targets.yml"), targets.to_owned())];
    import(Path::new("blackbox.yml"), modules, &lists).unwrap()
}

#[test]
fn a_key_without_an_equal_is_a_comment_and_never_lost_in_silence() {
    let out = of(
        "modules: { web: { prober: http, http: { fail_if_body_json_matches_cel: 'body.a', method: HEAD, nonsense: 7 } } }",
    );
    assert!(
        out.contains("# no equal for `fail_if_body_json_matches_cel: body.a`: write `json` rules"),
        "{out}"
    );
    assert!(out.contains("# no equal for `nonsense: 7`"), "{out}");
    assert!(out.contains("\nmethod = \"HEAD\"\n"), "{out}");
}

#[test]
fn a_pattern_that_is_none_here_is_a_comment_with_the_reason() {
    let out = of(
        r#"modules: { web: { prober: http, http: { fail_if_body_matches_regexp: ["a(?!b)"] } } }"#,
    );
    assert!(out.contains("# no equal for `body_lacks = "), "{out}");
    assert!(out.contains("[probe.web.http]\nurl = \"{url}\"\n"), "{out}");
}

#[test]
fn a_secret_is_not_repeated() {
    for http in [
        "basic_auth: { username: u, password: hunter2 }",
        "bearer_token: hunter2",
        "authorization: { credentials: hunter2 }",
        "authorization: { type: Key, credentials: hunter2 }",
        "oauth2: { client_secret: hunter2 }",
        "oauth2: { endpoint_params: { password: hunter2 }, more: { token: hunter2 } }",
        "headers: { Authorization: hunter2 }",
        "headers: { Cookie: a=hunter2, X-Api-Key: hunter2, X-Auth-Token: hunter2 }",
        "http_headers: { a: { secrets: [hunter2] } }",
        "http_headers: { a: { secrets: [b, hunter2], nonsense: [hunter2] } }",
        "proxy_url: 'http://u:hunter2@proxy.example'",
        "proxy_url: 'gopher://u:hunter2@proxy.example'",
        "proxy_connect_header: { a: [hunter2] }",
        "tls_config: { key: hunter2 }",
        "nonsense: { password: hunter2, deeper: [ { key: hunter2 } ] }",
        "nonsense: 'https://u:hunter2@a.example/'",
    ] {
        let out = of(&format!("modules: {{ web: {{ prober: http, http: {{ {http} }} }} }}"));
        assert!(!out.contains("hunter2"), "{http}:\n{out}");
        assert!(out.contains("[probe.web.http]\nurl = "), "{http}:\n{out}");
    }
    let out = with(
        "modules: { http_2xx: { prober: http } }",
        "[{ targets: ['http://u:hunter2@a.example/', 'https://u:hunter2@b.example'] }]",
    );
    assert!(!out.contains("hunter2") && out.contains("(not shown)@"), "{out}");
}

#[test]
fn what_waits_for_a_secret_is_there_but_for_the_number_sign() {
    let folder = tempfile::tempdir().unwrap();
    let modules = "modules: { a.b: { prober: http, http: { headers: { X-Api-Key: hunter2, Accept: text/html } } } }";
    let import = || import(&folder.path().join("blackbox.yml"), modules, &[]).unwrap();
    let out = import();
    let key = "x-api-key = { file = \"a.b.x-api-key.secret\" }";
    assert!(out.contains(&format!("\n# {key}\n")) && out.contains("\naccept = "), "{out}");
    assert!(out.contains("write it into `a.b.x-api-key.secret`"), "{out}");
    std::fs::write(folder.path().join("a.b.x-api-key.secret"), "hunter2").unwrap();
    let out = import();
    assert!(out.contains(&format!("\n{key}\n")), "{out}");
}

#[test]
fn what_is_too_much_is_refused() {
    let addresses = |count: usize| {
        let all: Vec<_> = (0..count).map(|number| format!("a.example:{number}")).collect();
        format!("[{{ targets: [{}] }}]", all.join(", "))
    };
    let modules = "modules: { http_2xx: { prober: http } }";
    let lists = [(PathBuf::from("t.yml"), addresses(50_001))];
    let said = import(Path::new("blackbox.yml"), modules, &lists).unwrap_err();
    assert_eq!(said, "more than 50000 targets");
    let many: Vec<_> = (0..2_001).map(|number| format!("m{number}: {{}}")).collect();
    let modules = format!("modules: {{ {} }}", many.join(", "));
    let said = import(Path::new("blackbox.yml"), &modules, &[]).unwrap_err();
    assert_eq!(said, "`blackbox.yml` has 2001 modules, of at most 2000");
}

#[test]
fn texts_with_braces_are_themselves() {
    let out = of(
        r#"modules: { web: { prober: http, http: { method: POST, body: '{"a": {b}}', fail_if_body_not_matches_regexp: ['x{2}\d{name}'] } } }"#,
    );
    assert!(out.contains(r#"body = '{"a": {{b}}}'"#), "{out}");
    assert!(out.contains(r"x{2}\d{{name}}"), "{out}");
}

#[test]
fn a_module_of_an_unknown_kind_is_all_comment() {
    let out = of("modules: { smoke: { prober: smoke, timeout: 5s } }");
    assert!(
        out.contains("# The module `smoke` has no equal: there is no prober `smoke` here."),
        "{out}"
    );
    assert!(!out.contains("\n[probe.smoke]"), "{out}");
}

#[test]
fn a_long_timeout_brings_its_interval() {
    let out = of("modules: { slow: { prober: tcp, timeout: 1m } }");
    assert!(
        out.contains(
            "timeout = \"1m\"\n# a run must end before the next is due\ninterval = \"1m\"\n"
        ),
        "{out}"
    );
}

#[test]
fn one_target_of_several_modules_is_one_service() {
    let out = with(
        "modules: { http_2xx: { prober: http }, ssl: { prober: http } }",
        "- targets: [a.example]\n- targets: [a.example]\n  labels: { module: ssl }\n- targets: [a.example]\n  labels: { team: x }\n",
    );
    assert!(out.contains("[service.\"a-example\"]\nprobes = [\"http_2xx\", \"ssl\"]\n"), "{out}");
    assert!(
        out.contains("[service.\"a-example-2\"]\nprobes = [\"http_2xx\"]\n"),
        "other labels: {out}"
    );
}

#[test]
fn a_value_that_only_a_check_can_refuse_becomes_a_comment() {
    let out = with("modules: { a: { prober: http, http: { proxy_url: 'gopher://x' } } }", "[]");
    assert!(out.contains("# no equal for `proxy = "), "{out}");
    assert!(!out.contains("\nproxy = "), "{out}");
}

#[test]
fn what_is_no_such_file_says_so() {
    let said = |text: &str| import(Path::new("x.yml"), text, &[]).unwrap_err();
    assert!(said("a: 1").contains("has no `modules`"));
    assert!(said("modules: [").contains("no YAML"));
    let lists = [(PathBuf::from("t.yml"), "a: 1".to_owned())];
    let said = import(Path::new("x.yml"), "modules: {}", &lists).unwrap_err();
    assert!(said.contains("neither Prometheus' configuration"), "{said}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    /// Whatever is between the colons: no panic, and what comes out can be used.
    #[test]
    fn whatever_comes_in_what_comes_out_can_be_used(
        prober in "http|tcp|dns|icmp|grpc|[a-z]{0,3}",
        key in "[a-z_]{1,12}|headers|body|method|valid_status_codes|query_response|query_name|tls_config|basic_auth|fail_if_body_matches_regexp|preferred_ip_protocol|proxy_url|timeout",
        value in r"[a-z0-9]{0,8}|\[[a-z0-9, ]{0,12}\]|\{[a-z]{1,4}: [a-z0-9]{0,6}\}|'[ -&(-~]{0,20}'",
        name in "[a-z._ -]{1,10}",
    ) {
        let text = format!("modules: {{ '{name}': {{ prober: '{prober}', {prober_key}: {{ {key}: {value} }} }} }}",
            prober_key = if prober.is_empty() { "x" } else { &prober });
        let lists = [(PathBuf::from("t.yml"), format!("- {{ targets: ['{name}'], labels: {{ module: '{name}', x: {value} }} }}"))];
        if let Err(why) = import(Path::new("blackbox.yml"), &text, &lists) {
            prop_assert!(!why.contains("fault of this program"), "{why}\n{text}");
        }
    }

    /// Bytes that are no configuration at all.
    #[test]
    fn nonsense_is_refused_or_used_and_never_panics(text in "[ -~\n]{0,120}|modules:\n[ -~\n]{0,120}") {
        if let Err(why) = import(Path::new("blackbox.yml"), &text, &[]) {
            prop_assert!(!why.contains("fault of this program"), "{why}\n{text}");
        }
    }
}

/// Cases of each property: many with `.ci/run --long`.
fn cases() -> u32 {
    option_env_cases().unwrap_or(48)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the number of cases is the one thing a test is told from outside"
)]
fn option_env_cases() -> Option<u32> {
    std::env::var("NEPHOSCOPE_FUZZ_CASES").ok()?.parse().ok()
}
