//! Recent failures keep their story: what it has of each protocol, what it has not, where it is shown, when it goes.
//!
//! What a run heard is tried on probers; how it is kept and shown, on the real daemon.
//!
//! The story of a run on demand is in `demand`.

use crate::support::daemon::{Running, binary, wait_for};
use crate::support::dns::DnsServer;
use crate::support::http::{Server, path, response};
use crate::support::spec::{AMPLE, dns, http, of_dns, of_http, of_tcp, pattern, run, tcp};
use crate::support::tcp::{TcpServer, hear, until_closed};
use hickory_resolver::proto::rr::rdata::{MX, TXT};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use nephoscope::clock::Instant;
use nephoscope::model::{Outcome, Reason, Said, Step};
use nephoscope::web::api::ResultsForm;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;

#[tokio::test]
async fn a_run_that_was_bad_keeps_the_answer_and_a_good_one_does_not() {
    let headers = ["server: fixture", "set-cookie: session=4711"];
    let server = Server::plain(move |request, wire| {
        let status = if path(request) == "/good" { "200 OK" } else { "503 Service Unavailable" };
        wire.write_all(response(status, &headers, "down for repair").as_bytes())
    });
    let result = run(of_http(http(&server.url("/good"))), AMPLE).await;
    assert_eq!((result.outcome, result.facts.heard), (Outcome::Good, None));
    let result = run(of_http(http(&server.url("/"))), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::Status));
    let told = "HTTP/1.1 503 Service Unavailable\nserver: fixture\nset-cookie: (not shown)\n\
                content-length: 15\n\ndown for repair";
    assert_eq!(result.facts.heard.as_deref(), Some(told));

    // A body is kept as far as it was read, also when the deadline ends it.
    let stalling = Server::plain(|_, wire| {
        wire.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\nas far as this")?;
        wire.read(&mut [0; 1]).map(drop)
    });
    let result = run(of_http(http(&stalling.url("/"))), Duration::from_secs(2)).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::BodyTimeout), "{}", result.said);
    let told = "HTTP/1.1 200 OK\ncontent-length: 900\n\nas far as this";
    assert_eq!(result.facts.heard.as_deref(), Some(told));
    let endless = Server::fixed(response("200 OK", &[], &"x".repeat(60_000)));
    let mut spec = http(&endless.url("/"));
    spec.body_matches = vec![pattern("y")];
    let result = run(of_http(spec), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::Body), "{}", result.said);
    assert_eq!(result.facts.heard.unwrap().matches('x').count(), 4_096);
}

#[tokio::test]
async fn an_answer_that_is_bad_by_its_head_is_heard_for_a_moment_and_stays_what_it_is() {
    let stalling = Server::plain(|_, wire| {
        wire.write_all(
            b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 900\r\n\r\nno upstream",
        )?;
        wire.read(&mut [0; 1]).map(drop)
    });
    for timeout in [AMPLE, Duration::from_millis(200)] {
        let began = Instant::now();
        let result = run(of_http(http(&stalling.url("/"))), timeout).await;
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        assert_eq!(result.outcome, Outcome::Bad(Reason::Status), "{}", result.said);
        assert_eq!(result.said, "status 503, expected 2xx");
        let told = "HTTP/1.1 503 Service Unavailable\ncontent-length: 900\n\nno upstream";
        assert_eq!(result.facts.heard.as_deref(), Some(told));
        assert_eq!(result.facts.body_bytes, None);
    }

    let endless = Server::plain(|_, wire| {
        wire.write_all(b"HTTP/1.1 500 Internal Server Error\r\n\r\n")?;
        loop {
            wire.write_all(&[b'x'; 16_384])?;
        }
    });
    let result = run(of_http(http(&endless.url("/"))), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::Status), "{}", result.said);
    assert_eq!(result.facts.heard.unwrap().matches('x').count(), 4_096);
}

#[tokio::test]
async fn the_answer_of_a_step_before_is_not_that_of_the_last() {
    // Nobody listens there once it is dropped.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let there = format!("location: http://{gone}/");
    let server = Server::fixed(response("302 Found", &[&there], "over there"));
    let result = run(of_http(http(&server.url("/"))), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::ConnectRefused), "{}", result.said);
    assert_eq!(result.hops[0].http_status, Some(302));
    assert_eq!(result.facts.heard, None);
}

#[tokio::test]
async fn the_words_of_a_dialogue_are_told_but_not_what_was_sent() {
    let server = TcpServer::start(|mut stream| async move {
        let _ = stream.write_all(b"220 mail.example\r\n").await;
        hear(&mut stream).await;
        let _ = stream.write_all(b"535 no\x1b such user\r\n").await;
        until_closed(&mut stream).await;
    })
    .await;
    let mut spec = tcp(server.address);
    spec.dialogue = vec![
        Step::Expect { pattern: pattern("^220 "), within: None },
        Step::Send(vec![Said::Bytes(bytes::Bytes::from_static(b"AUTH s3cret\r\n"))]),
        Step::Expect { pattern: pattern("^235 "), within: Some(Duration::from_secs(2)) },
    ];
    let result = run(of_tcp(spec), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::Banner), "{}", result.said);
    let words = "220 mail.example\r\n(13 bytes sent)\n535 no\x1b such user\r\n";
    assert_eq!(result.facts.heard.as_deref(), Some(words));
}

#[tokio::test]
async fn a_password_that_a_dialogue_repeats_is_in_neither_sentence_nor_story() {
    let server = TcpServer::start(|mut stream| async move {
        hear(&mut stream).await;
        let error = "-ERR unknown command 'AUTH', with args beginning with: `hunter2`\r\n";
        let _ = stream.write_all(error.as_bytes()).await;
        until_closed(&mut stream).await;
    })
    .await;
    let mut spec = tcp(server.address);
    spec.dialogue = vec![
        Step::Send(vec![Said::Bytes(bytes::Bytes::from_static(b"AUTH hunter2\r\n"))]),
        Step::Expect { pattern: pattern("^\\+OK"), within: Some(Duration::from_millis(200)) },
    ];
    let result = run(of_tcp(spec), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::Banner), "{}", result.said);
    let heard = result.facts.heard.unwrap();
    for told in [&*heard, &result.said] {
        assert!(told.contains("beginning with: `(not shown)`"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[tokio::test]
async fn the_records_of_an_answer_are_told() {
    let server = DnsServer::start(|question| {
        let mx = MX::new(10, Name::from_ascii("mail.test.").unwrap());
        let records = [RData::MX(mx), RData::TXT(TXT::new(vec!["two words".to_owned()]))];
        question.records(60, records).into()
    })
    .await;
    let mut spec = dns(server.address, "shop.test.", RecordType::MX);
    spec.answers.any = vec![pattern("other")];
    let result = run(of_dns(spec), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::Answer), "{}", result.said);
    let told = "answer: shop.test. 60 IN MX 10 mail.test.\n\
                answer: shop.test. 60 IN TXT \"two words\"\n";
    assert_eq!(result.facts.heard.as_deref(), Some(told));
}

#[test]
fn the_daemon_keeps_the_stories_of_failures_and_shows_them_without_secrets() {
    let server = Server::plain(|request, wire| {
        let key = request.lines().find_map(|line| line.strip_prefix("x-key: ")).unwrap_or("none");
        let echo = format!("x-echo: {key}");
        match path(request) {
            "/good" => wire.write_all(response("200 OK", &[&echo], "fine").as_bytes()),
            _ => wire.write_all(response("200 OK", &[&echo], &format!("<b>key {key}")).as_bytes()),
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("key");
    std::fs::write(&secret, "s3cret-of-the-shop\n").unwrap();
    let text = |name: &str, path: &str| {
        format!(
            "[probe.{name}.http]\nurl = \"{}\"\nheaders = {{ x-key = {{ file = '{}' }} }}\n\
             body_matches = [\"^fine\"]\n",
            server.url(path),
            secret.display()
        )
    };
    let config = format!(
        "[defaults]\ninterval = \"2s\"\ntimeout = \"2s\"\n[provider.aws]\nhost = \"127.0.0.1\"\n{}{}\
         [service.shop]\nprobes = [\"good\", \"bad\"]\n",
        text("good", "/good"),
        text("bad", "/bad")
    );
    let daemon = Running::start(&config, &[]);
    let results = |check: &str| -> ResultsForm {
        let text = daemon.get(&format!("/api/v1/results?check=shop/aws/{check}"));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    };
    let told = |form: &ResultsForm| form.results.iter().filter(|run| run.story.is_some()).count();
    let form =
        wait_for("five failures", || Some(results("bad")).filter(|form| form.results.len() >= 5));
    assert_eq!(told(&form), 3, "the last ones keep theirs: {form:#?}");
    let story = form.results[0].story.as_deref().unwrap();
    for part in [
        &format!("address {}, IPv4\n", server.address),
        "it ended in the phase `transfer`\n",
        "\nsteps\n  connect    from ",
        "\n  bytes of body      ",
        "\nthe answer\n  HTTP/1.1 200 OK\n  x-echo: (not shown)\n",
        "\n  <b>key (not shown)\n",
    ] {
        assert!(story.contains(part), "no {part:?} in:\n{story}");
    }
    let good = results("good");
    assert!(!good.results.is_empty() && told(&good) == 0, "{good:#?}");

    let page = daemon.get("/?service=shop");
    let fold = "<details class=\"story\" id=\"story-shop_2faws_2fbad\">";
    assert!(page.contains(fold), "{page}");
    assert_eq!(page.matches("the whole story").count(), 1, "only that of the one that failed");
    assert!(page.contains("&lt;b&gt;key (not shown)"), "{page}");
    assert!(!daemon.get("/").contains("the whole story"), "not on the page of all services");
    // A name could be that of anybody's page.
    for (host, shown) in [("a.example", false), ("localhost:1", true), ("[::1]:1", true)] {
        assert_eq!(sees(&daemon, &format!("Host: {host}\r\n")), shown, "{host}");
    }
    let socket = daemon.socket();
    let output = binary()
        .args(["status", "shop/aws/bad", "--socket", socket.to_str().unwrap()])
        .output()
        .unwrap();
    let status = String::from_utf8(output.stdout).unwrap();
    assert!(status.contains("x-echo: (not shown)"), "{status}");
    for text in [page, daemon.get("/api/v1/results?check=shop/aws/bad"), daemon.log(), status] {
        assert!(!text.contains("s3cret"), "{text}");
    }
}

/// Whether who asks with these headers is shown stories, by the API and on the page alike.
fn sees(daemon: &Running, headers: &str) -> bool {
    let text = |path| String::from_utf8(daemon.get_with(path, headers).1).unwrap();
    let form = text("/api/v1/results?check=shop/aws/bad");
    let form: ResultsForm = serde_json::from_str(&form).unwrap();
    assert!(form.results.iter().any(|run| run.reason.is_some()), "{form:#?}");
    let told = form.results.iter().any(|run| run.story.is_some());
    let page = text("/?service=shop");
    assert_eq!(page.contains("the whole story"), told, "{page}");
    assert_eq!(page.contains("The stories of failures are for whom"), !told, "{page}");
    told
}

#[test]
fn stories_are_not_for_whoever_reaches_the_listener() {
    let server = Server::fixed(response("503 Service Unavailable", &[], "insides"));
    let watched = format!(
        "listen = \"0.0.0.0:0\"\n[defaults]\ninterval = \"1s\"\ntimeout = \"500ms\"\n\
         [provider.aws]\nhost = \"127.0.0.1\"\n[probe.bad.http]\nurl = \"{}\"\n\
         [service.shop]\nprobes = [\"bad\"]\n",
        server.url("/")
    );
    let daemon = Running::start_exposed(&watched);
    let status = || {
        let mut command = binary();
        command.args(["status", "shop/aws/bad", "--socket"]).arg(daemon.socket());
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    wait_for("a story over the local socket", || status().contains("insides").then_some(()));
    assert!(!sees(&daemon, "Host: 127.0.0.1\r\n"), "anybody could ask so");

    let token = daemon.folder.path().join("token");
    std::fs::write(&token, "token-of-somebody-4711\n").unwrap();
    let named = format!(
        "[listener]\ntokens = [{{ name = \"ann\", token = {{ file = '{}' }} }}]\n",
        token.display()
    );
    let daemon = Running::start_exposed(&format!("{watched}{named}"));
    let bearer = "Authorization: Bearer token-of-somebody-4711\r\nHost: a.example\r\n";
    let form =
        || String::from_utf8(daemon.get_with("/api/v1/results?check=shop/aws/bad", bearer).1);
    wait_for("a failure", || form().unwrap().contains("insides").then_some(()));
    assert!(sees(&daemon, bearer));
}
