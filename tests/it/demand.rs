//! `/probe` of the real daemon: the run that was asked for and no other, the field's metrics, and where it does not lead.
//!
//! The daemon watches something that refuses every connection, so that whatever comes of these runs would be seen in its
//! series if it got there. The fixtures are on loopback, which each test that needs it opens by name.
//!
//! How a target becomes a spec is tested beside `config::demand`; the same questions to another program are in `tests/real`.

use crate::support::certs::Authority;
use crate::support::daemon::{Running, wait_for};
use crate::support::http::{Server, header, path, response};
use std::io::Write as _;
use tokio::time::Instant;

const LOOPBACK: &str = r#"networks = ["127.0.0.0/8", "::1/128"]"#;

/// A daemon that may be asked for probes as `demand` says.
fn start(demand: &str) -> Running {
    start_with(demand, "")
}

fn start_with(demand: &str, more: &str) -> Running {
    start_knowing(demand, more, &[])
}

/// The same with variables in its environment.
fn start_knowing(demand: &str, more: &str, env: &[(&str, &str)]) -> Running {
    let config = format!(
        r#"
        [listener]
        probe = {{ {demand} }}
        [provider.aws]
        host = "127.0.0.1"
        [probe.port.tcp]
        address = "127.0.0.1:1"
        [service.shop]
        probes = ["port"]
        [probe.http_2xx.http]
        url = "http://{{host}}/"
        [probe.quick]
        timeout = "400ms"
        [probe.quick.http]
        url = "http://{{host}}/"
        [probe.banner.tcp]
        address = "{{host}}:25"
        dialogue = [{{ expect = "^220 {{greeting}}" }}]
        [probe.tls.tcp]
        address = "{{host}}:443"
        [probe.tls.tls]
        verify = false
        {more}
        "#
    );
    Running::start_with(&config, &[], env)
}

/// Status and body of `/probe?query`.
fn ask(daemon: &Running, query: &str) -> (u16, String) {
    ask_with(daemon, query, "")
}

fn ask_with(daemon: &Running, query: &str, headers: &str) -> (u16, String) {
    let (head, body) = daemon.get_with(&format!("/probe?{query}"), headers);
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, String::from_utf8(body).unwrap())
}

/// The value of a sample of the page.
fn value(page: &str, series: &str) -> Option<f64> {
    let found = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    Some(found.parse().unwrap())
}

fn escaped(url: &str) -> String {
    url::form_urlencoded::byte_serialize(url.as_bytes()).collect()
}

#[test]
fn one_run_of_the_module_at_the_target_with_the_fields_metrics() {
    let server = Server::plain(|request, wire| {
        let host = header(request, "host").unwrap_or_default().to_owned();
        wire.write_all(response("200 OK", &[], &host).as_bytes())
    });
    let daemon = start(LOOPBACK);
    let target = escaped(&server.url("/some/path?x=1"));
    let (status, page) = ask(&daemon, &format!("module=http_2xx&target={target}"));
    assert_eq!(status, 200, "{page}");
    for (series, expected) in [
        ("probe_success", 1.0),
        ("probe_http_status_code", 200.0),
        ("probe_http_version", 1.1),
        ("probe_http_redirects", 0.0),
        ("probe_http_ssl", 0.0),
        ("probe_ip_protocol", 4.0),
        // As blackbox_exporter has it for 127.0.0.1.
        ("probe_ip_addr_hash", 3_668_918_509.0),
        ("probe_failed_due_to_regex", 0.0),
    ] {
        assert_eq!(value(&page, series), Some(expected), "{series} in\n{page}");
    }
    assert!(value(&page, "probe_duration_seconds").is_some_and(|took| took > 0.0));
    assert!(page.contains("probe_http_duration_seconds{phase=\"connect\"}"), "{page}");
    assert!(!page.contains("probe_ssl_"), "what was not seen is absent:\n{page}");
    assert!(!page.contains("nephoscope"), "nothing but the field's names:\n{page}");
    assert!(server.requests()[0].starts_with("GET /some/path?x=1 HTTP/1.1\r\n"));
    // Without a module it is the one that the field takes, and the target may lack its scheme.
    let (status, page) = ask(&daemon, &format!("target={}", escaped(&server.address.to_string())));
    assert_eq!((status, value(&page, "probe_success")), (200, Some(1.0)), "{page}");
    let host = format!("hostname=shop.example.com&target={target}");
    assert_eq!(ask(&daemon, &host).0, 200);
    let asked = server.requests();
    let port = server.address.port();
    assert_eq!(header(asked.last().unwrap(), "host"), Some(&*format!("shop.example.com:{port}")));
}

#[test]
fn a_bad_target_is_an_answer_and_touches_nothing_of_the_daemon() {
    let daemon = start(LOOPBACK);
    let failures = |reason: &str| {
        daemon.metric("nephoscope_probe_failures_total", &[&format!("reason=\"{reason}\"")])
    };
    daemon
        .await_metric("nephoscope_probe_failures_total", &["connect_refused"], |count| count > 0.0);
    let checks = daemon.get("/api/v1/checks");
    let (status, page) = ask(&daemon, "target=127.0.0.1:1");
    assert_eq!((status, value(&page, "probe_success")), (200, Some(0.0)), "{page}");
    assert_eq!(value(&page, "probe_http_status_code"), None, "absent, never 0:\n{page}");
    let server = Server::fixed(response("503 Service Unavailable", &[], ""));
    let (_, page) = ask(&daemon, &format!("target={}", escaped(&server.url("/"))));
    assert_eq!(value(&page, "probe_http_status_code"), Some(503.0), "{page}");
    assert_eq!(value(&page, "probe_success"), Some(0.0));
    assert_eq!(failures("status"), None, "no check can fail so");
    let names = |text: &str| -> Vec<String> {
        let list: serde_json::Value = serde_json::from_str(text).unwrap();
        let list = list.get("checks").unwrap_or(&list).as_array().unwrap().clone();
        list.iter().map(|check| check["check"].to_string()).collect()
    };
    assert_eq!(names(&checks), names(&daemon.get("/api/v1/checks")));
    assert!(!daemon.get("/metrics").contains("http_2xx"));
}

#[test]
fn placeholders_come_from_the_request_or_it_is_refused() {
    let server = Server::raw(|stream| stream.write_all(b"220 mail.example ESMTP\r\n"));
    let daemon = start(LOOPBACK);
    let target = server.address;
    let (status, said) = ask(&daemon, &format!("module=banner&target={target}"));
    assert_eq!(
        (status, said.as_str()),
        (400, "`{greeting}` has no value; add `&var_greeting=…`\n")
    );
    let (status, page) = ask(&daemon, &format!("module=banner&target={target}&var_greeting=mail"));
    assert_eq!((status, value(&page, "probe_success")), (200, Some(1.0)), "{page}");
    assert_eq!(value(&page, "probe_failed_due_to_regex"), Some(0.0), "{page}");
    let (_, page) = ask(&daemon, &format!("module=banner&target={target}&var_greeting=news"));
    assert_eq!(value(&page, "probe_success"), Some(0.0), "{page}");
    assert_eq!(value(&page, "probe_failed_due_to_regex"), Some(1.0), "{page}");
}

#[test]
fn what_is_no_question_is_refused_with_what_to_write() {
    let daemon = start(LOOPBACK);
    for (query, words) in [
        ("module=nobody&target=127.0.0.1", "there is no probe `nobody`"),
        ("module=http_2x&target=127.0.0.1", "did you mean `http_2xx`?"),
        ("module=http_2xx", "no target is named"),
        ("target=127.0.0.1&taget=x", "there is no parameter `taget`"),
        ("target=ftp://127.0.0.1/", "the scheme is `ftp`"),
        ("module=banner&target=127.0.0.1&var_greeting=x", "the port is missing"),
    ] {
        let (status, said) = ask(&daemon, query);
        assert_eq!(status, 400, "{query}: {said}");
        assert!(said.contains(words), "{query}: {said}");
    }
    let (status, said) =
        ask_with(&daemon, "target=127.0.0.1:1", "X-Prometheus-Scrape-Timeout-Seconds: soon\r\n");
    assert_eq!(status, 400, "{said}");
}

#[test]
fn a_certificate_is_seen_and_a_debug_page_tells_the_story() {
    let identity = Authority::new().good();
    let server = Server::tls(identity.server(), |_, wire| wire.write_all(b"hi"));
    let daemon = start(LOOPBACK);
    let query = format!("module=tls&target={}", server.address);
    let (status, page) = ask(&daemon, &query);
    assert_eq!((status, value(&page, "probe_success")), (200, Some(1.0)), "{page}");
    assert!(
        value(&page, "probe_ssl_earliest_cert_expiry").is_some_and(|end| end > 1.7e9),
        "{page}"
    );
    assert_eq!(value(&page, "probe_tls_version_info{version=\"TLS 1.3\"}"), Some(1.0), "{page}");
    let (status, story) = ask(&daemon, &format!("{query}&debug=true"));
    assert_eq!(status, 200);
    for words in [
        "probe tls (tcp)",
        "good",
        "connect",
        "tls",
        "IPv4",
        "valid until",
        "localhost",
        "probe_success 1",
    ] {
        assert!(story.contains(words), "`{words}` is missing in\n{story}");
    }
}

#[test]
fn the_story_has_the_answer_and_no_secret() {
    let headers = ["Set-Cookie: session=hunter2", "X-Served-By: aws-7"];
    let server = Server::fixed(response("200 OK", &headers, "hello\u{1b}[31m"));
    let daemon = start(LOOPBACK);
    let query = format!("target={}&debug=true", escaped(&server.url("/x?y=1")));
    let (_, story) = ask(&daemon, &query);
    for words in ["HTTP/1.1 200 OK", "x-served-by: aws-7", "set-cookie: (not shown)", "hello"] {
        assert!(story.contains(words), "`{words}` is missing in\n{story}");
    }
    assert!(!story.contains("hunter2") && !story.contains('\u{1b}'), "{story}");
    let (_, page) = ask(&daemon, &query.replace("&debug=true", ""));
    assert!(!page.contains("hello"), "metrics alone:\n{page}");
}

#[test]
fn what_a_server_repeats_of_our_credentials_is_masked() {
    let echo = Server::plain(|request, wire| {
        let answer = if path(request) == "/moved" {
            let token = header(request, "authorization").unwrap().trim_start_matches("Bearer ");
            response("302 Found", &[&format!("Location: /{token}")], "")
        } else {
            response("500 Oh", &["X-Key-Was: key-of-the-shop"], request)
        };
        wire.write_all(answer.as_bytes())
    });
    let more = r#"
        [probe.secret.http]
        url = "http://{host}/"
        auth = { bearer = { env = "TOKEN" } }
        headers = { x-key = { env = "KEY" }, user-agent = "prober" }
        status = ["5xx"]
        body_lacks = ["x-key"]
        [probe.header.http]
        url = "http://{host}/"
        headers = { x-key = { env = "KEY" } }
        headers_lack = [{ name = "x-key-was", matches = "." }]
        status = ["5xx"]
    "#;
    let env = [("TOKEN", "token-of-the-shop"), ("KEY", "key-of-the-shop")];
    let daemon = start_knowing(LOOPBACK, more, &env);
    for path in ["/", "/moved"] {
        let target = escaped(&echo.url(path));
        let (status, story) = ask(&daemon, &format!("module=secret&target={target}&debug=true"));
        assert_eq!(status, 200, "{story}");
        for words in [
            "x-key-was: (not shown)",
            "uthorization: Bearer (not shown)",
            "x-key: (not shown)",
            "user-agent: prober",
        ] {
            assert!(story.contains(words), "`{words}` is missing in\n{story}");
        }
        assert!(!story.contains("-of-the-shop"), "{story}");
    }
    assert!(echo.requests()[0].contains("token-of-the-shop"), "it was sent all the same");
    let target = escaped(&echo.url("/"));
    let (_, story) = ask(&daemon, &format!("module=header&target={target}&debug=true"));
    assert!(story.contains("header `x-key-was` is `(not shown)`"), "{story}");
}

#[test]
fn nobody_waits_longer_than_they_said() {
    let silent = Server::raw(|stream| {
        let mut heard = [0; 4096];
        while matches!(std::io::Read::read(stream, &mut heard), Ok(1..)) {}
        Ok(())
    });
    let daemon = start(LOOPBACK);
    let target = escaped(&silent.url("/"));
    let timed = |query: &str, headers: &str| {
        let begun = Instant::now();
        let (status, page) = ask_with(&daemon, query, headers);
        assert_eq!((status, value(&page, "probe_success")), (200, Some(0.0)), "{page}");
        (begun.elapsed(), value(&page, "probe_duration_seconds").unwrap())
    };
    let waits = "X-Prometheus-Scrape-Timeout-Seconds: 1.2\r\n";
    let (_, run) = timed(&format!("module=http_2xx&target={target}"), waits);
    assert!((0.7..1.2).contains(&run), "0.5 s are kept back of 1.2 s: {run}");
    let (_, run) = timed(&format!("module=quick&target={target}"), waits);
    assert!((0.4..0.9).contains(&run), "the module's 400 ms are less: {run}");
}

#[test]
fn it_is_no_open_door() {
    let server = Server::fixed(response("200 OK", &[], "inside"));
    let by_default = start("");
    let (status, said) = ask(&by_default, &format!("target={}", server.address));
    assert_eq!(status, 403, "{said}");
    assert!(
        said.contains("`127.0.0.1` is not in the networks")
            && said.contains("listener.probe.networks")
    );
    // By whatever name, number or spelling.
    let port = server.address.port();
    for target in [
        format!("http://localhost:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://0x7f.1:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("http://0.0.0.0:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://[fe80::1]/".to_owned(),
    ] {
        let (status, said) = ask(&by_default, &format!("target={}", escaped(&target)));
        assert_eq!(status, 403, "{target}: {said}");
    }
    assert_eq!(server.connections(), 0, "nothing was connected to");
    let closed = start("networks = []");
    let (status, said) = ask(&closed, "target=192.0.2.1");
    assert_eq!(status, 403, "{said}");
}

#[test]
fn a_redirect_leads_no_further_than_the_target_may() {
    let inside = Server::fixed(response("200 OK", &[], "inside"));
    let port = inside.address.port();
    let away = format!("Location: http://127.0.0.2:{port}/");
    let server = Server::fixed(response("302 Found", &[&away], ""));
    let daemon = start(r#"networks = ["127.0.0.1/32"]"#);
    let target = escaped(&server.url("/"));
    let (status, page) = ask(&daemon, &format!("target={target}"));
    assert_eq!((status, value(&page, "probe_success")), (200, Some(0.0)), "{page}");
    assert_eq!(value(&page, "probe_http_redirects"), Some(1.0), "{page}");
    assert_eq!(inside.connections(), 0);
    let (_, story) = ask(&daemon, &format!("target={target}&debug=true"));
    assert!(story.contains("`127.0.0.2` is not in the networks"), "{story}");
}

#[test]
fn nobody_is_led_through_a_proxy() {
    let proxy = Server::fixed(response("200 OK", &[], "wherever"));
    let more = format!(
        "[probe.behind.http]\nurl = \"http://{{host}}/\"\nproxy = \"http://{}\"",
        proxy.address
    );
    let daemon = start_with(LOOPBACK, &more);
    let (status, said) = ask(&daemon, "module=behind&target=http://127.0.0.1/");
    assert_eq!(status, 400, "{said}");
    assert!(said.contains("goes through a proxy, which could lead anywhere"), "{said}");
    assert_eq!(proxy.connections(), 0);
}

#[test]
fn strangers_get_nothing_unless_somebody_says_where_it_may_lead() {
    let server = Server::fixed(response("200 OK", &[], "inside"));
    let config = |listener: &str| {
        format!(
            "listen = \"0.0.0.0:0\"\n[listener]\n{listener}\n[probe.http_2xx.http]\nurl = \"http://{{host}}/\"\n{}",
            "[provider.aws]\nhost = \"127.0.0.1\"\n[probe.port.tcp]\naddress = \"127.0.0.1:1\"\n[service.shop]\nprobes = [\"port\"]\n"
        )
    };
    let open = Running::start_exposed(&config(""));
    let (status, said) = ask(&open, &format!("target={}", server.address));
    assert_eq!(status, 403, "{said}");
    assert!(said.contains("anybody who reaches it may ask"), "{said}");
    let said_where = Running::start_exposed(&config(&format!("probe = {{ {LOOPBACK} }}")));
    let (status, page) = ask(&said_where, &format!("target={}", server.address));
    assert_eq!((status, value(&page, "probe_success")), (200, Some(1.0)), "{page}");
}

#[test]
fn only_so_many_run_at_once() {
    let silent = Server::raw(|stream| {
        let mut heard = [0; 4096];
        while matches!(std::io::Read::read(stream, &mut heard), Ok(1..)) {}
        Ok(())
    });
    let daemon = start(&format!("{LOOPBACK}, at_once = 1"));
    let target = escaped(&silent.url("/"));
    std::thread::scope(|scope| {
        let first = scope.spawn(|| ask(&daemon, &format!("target={target}")));
        wait_for("the first run's connection", || (silent.connections() > 0).then_some(()));
        let (head, said) = daemon.get_with(&format!("/probe?target={target}"), "");
        assert!(head.starts_with("HTTP/1.0 503"), "{head}");
        assert!(head.to_lowercase().contains("retry-after: 1"), "{head}");
        assert!(String::from_utf8(said).unwrap().contains("at_once"));
        assert_eq!(first.join().unwrap().0, 200, "the one that runs is not disturbed");
    });
    let (status, _) = ask(&daemon, "module=quick&target=127.0.0.1:1");
    assert_eq!(status, 200, "its place is free again");
}

#[test]
fn who_may_not_read_may_not_probe_and_no_page_of_another_site_may() {
    let server = Server::fixed(response("200 OK", &[], "inside"));
    let token = "token-of-prometheus-4711";
    let config = format!(
        r#"
        [listener]
        tokens = [{{ name = "prometheus", token = {{ env = "SCRAPES" }} }}]
        probe = {{ {LOOPBACK} }}
        [provider.aws]
        host = "127.0.0.1"
        [probe.http_2xx.http]
        url = "http://{{host}}:1/"
        [service.shop]
        probes = ["http_2xx"]
        "#
    );
    let daemon = Running::start_with(&config, &[], &[("SCRAPES", token)]);
    let query = format!("target={}", server.address);
    assert_eq!(ask(&daemon, &query).0, 401);
    let bearer = format!("Authorization: Bearer {token}\r\n");
    assert_eq!(ask_with(&daemon, &query, &bearer).0, 200);
    for site in ["cross-site", "same-site", "whatever-comes-next"] {
        let foreign = format!("{bearer}Sec-Fetch-Site: {site}\r\n");
        assert_eq!(ask_with(&daemon, &query, &foreign).0, 403, "{site}");
    }
    let foreign = format!("{bearer}Host: monitor.example\r\nOrigin: https://a.example\r\n");
    assert_eq!(ask_with(&daemon, &query, &foreign).0, 403);
    assert_eq!(server.connections(), 1);
    for own in ["Sec-Fetch-Site: none", "Sec-Fetch-Site: same-origin", "Host: monitor.example"] {
        assert_eq!(ask_with(&daemon, &query, &format!("{bearer}{own}\r\n")).0, 200, "{own}");
    }
}

#[test]
fn no_page_of_anybody_may_who_gives_its_name_our_address() {
    let server = Server::fixed(response("200 OK", &[], "inside"));
    let daemon = start(LOOPBACK);
    let query = format!("target={}", server.address);
    let rebound = "Host: a.example:9464\r\nSec-Fetch-Site: same-origin\r\n";
    let (status, said) = ask_with(&daemon, &query, rebound);
    assert_eq!(status, 403, "{said}");
    assert!(said.contains("a name could be anybody's"), "{said}");
    assert_eq!(server.connections(), 0);
    for own in ["Host: 127.0.0.1:9464", "Host: localhost", "Host: [::1]:9464"] {
        assert_eq!(ask_with(&daemon, &query, &format!("{own}\r\n")).0, 200, "{own}");
    }
    let (head, _) = daemon.get_with("/metrics", "Host: a.example\r\n");
    assert!(head.starts_with("HTTP/1.0 200"), "all else is told by any name: {head}");
}

#[test]
fn where_it_may_lead_follows_a_reload() {
    let server = Server::fixed(response("200 OK", &[], ""));
    let daemon = start(LOOPBACK);
    let file = daemon.folder.path().join("probes.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let query = format!("target={}", server.address);
    assert_eq!(ask(&daemon, &query).0, 200);
    for (probe, answer, words) in [
        ("networks = [\"192.0.2.0/24\"]", 403, "`127.0.0.1` is not in the networks"),
        ("networks = []", 403, "nothing may be probed"),
        (LOOPBACK, 200, "probe_success 1"),
    ] {
        std::fs::write(&file, text.replace(LOOPBACK, probe)).unwrap();
        daemon.signal("HUP");
        wait_for(words, || {
            let (status, said) = ask(&daemon, &query);
            (status == answer && said.contains(words)).then_some(())
        });
    }
    let log = daemon.log();
    assert!(log.contains("changes in listener") && !log.contains("restart_needed"), "{log}");
}

#[test]
fn a_probe_that_a_reload_brings_can_be_asked_for() {
    let server = Server::fixed(response("200 OK", &[], ""));
    let daemon = start(LOOPBACK);
    let query = format!("module=fresh&target={}", server.address);
    assert_eq!(ask(&daemon, &query).0, 400);
    let file = daemon.folder.path().join("probes.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let more = "\n[probe.fresh.http]\nurl = \"http://{host}/\"\n";
    std::fs::write(&file, text + more).unwrap();
    daemon.signal("HUP");
    let page = wait_for("the probe of the new file", || {
        let (status, page) = ask(&daemon, &query);
        (status == 200).then_some(page)
    });
    assert_eq!(value(&page, "probe_success"), Some(1.0));
}
