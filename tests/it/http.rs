//! HTTP probes against servers that answer properly, rightly or wrongly.
//!
//! Every reason that a status, a body, a redirect or a connection can give comes from a real socket here. What a server
//! may do to us in malice is in `hostile_http`, what a certificate may do in `tls`.
//!
//! Latencies are compared with each other, never with the clock of a busy machine.

use crate::support::dns::DnsServer;
use crate::support::http::{Server, header, path, response};
use crate::support::spec::{AMPLE, engine, engine_asking, http, of_http, pattern, prober, run};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RData;
use nephoscope::model::{
    Auth, HttpVersion, IpChoice, Mark, Outcome, Phase, Pick, Reason, Redirects, Secret, Spec,
    StatusRules, Verdict, Warning,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::time::Duration;
use tokio::net::TcpSocket;

/// Time for a run that is meant to end by its deadline.
const SHORT: Duration = Duration::from_millis(400);

fn bad(reason: Reason) -> Outcome {
    Outcome::Bad(reason)
}

#[tokio::test]
async fn a_good_answer_is_good_and_every_phase_is_timed() {
    let server = Server::fixed(response("200 OK", &[], "hello"));
    let result = run(of_http(http(&server.url("/healthz"))), AMPLE).await;

    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    assert!(result.said.starts_with("200 OK, 5 B in "), "{}", result.said);
    assert_eq!(result.address, Some(server.address));
    let facts = &result.facts;
    assert_eq!(facts.http_status, Some(200));
    assert_eq!(facts.http_version, Some(HttpVersion::Http11));
    assert_eq!(facts.content_length, Some(5));
    assert_eq!(facts.body_bytes, Some(5));
    assert_eq!(facts.redirects, Some(0));
    let reached: Vec<Phase> = result.phases.iter().map(|(phase, ..)| phase).collect();
    assert_eq!(reached, [Phase::Connect, Phase::Processing, Phase::Transfer]);
    assert!(result.hops.is_empty());
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_mark_names_the_cloud_that_served_whatever_the_status() {
    let served_by = async |status: &'static str, headers: &'static [&str]| {
        let server = Server::fixed(response(status, headers, ""));
        let mark = |matches: &str, provider: &str| Mark {
            header: ::http::HeaderName::from_static("x-served-by"),
            matches: pattern(matches),
            provider: provider.into(),
        };
        let mut spec = http(&server.url("/"));
        spec.marks = [mark("^aws-", "aws"), mark("^gcp-", "gcp")].into();
        run(of_http(spec), AMPLE).await.facts.served_by
    };
    assert_eq!(served_by("200 OK", &["X-Served-By: gcp-7"]).await.as_deref(), Some("gcp"));
    assert_eq!(served_by("503 Down", &["X-Served-By: aws-1"]).await.as_deref(), Some("aws"));
    assert_eq!(served_by("200 OK", &["X-Served-By: edge"]).await, None);
    assert_eq!(served_by("200 OK", &[]).await, None);
}

#[tokio::test]
async fn the_request_goes_out_as_configured() {
    let server = Server::fixed(response("200 OK", &[], ""));
    let mut spec = http(&server.url("/form?a=1#part"));
    spec.method = ::http::Method::POST;
    spec.body = Some("ping".into());
    spec.headers = vec![(::http::header::ACCEPT, "text/x-test".parse().unwrap())];
    let password = Secret::new("secret");
    spec.auth = Some(Box::new(Auth::Basic { user: "mon".into(), password }));
    let result = run(of_http(spec), AMPLE).await;

    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    let request = &server.requests()[0];
    assert!(request.starts_with("POST /form?a=1 HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\nping"), "{request}");
    assert_eq!(header(request, "accept"), Some("text/x-test"));
    assert_eq!(header(request, "authorization"), Some("Basic bW9uOnNlY3JldA=="));
    assert_eq!(header(request, "host"), Some(server.address.to_string().as_str()));
    assert_eq!(header(request, "accept-encoding"), None);
    assert!(header(request, "user-agent").unwrap().starts_with("nephoscope/"));
}

#[tokio::test]
async fn a_bearer_token_and_an_own_host_header_are_sent() {
    let server = Server::fixed(response("200 OK", &[], ""));
    let mut spec = http(&server.url("/"));
    spec.auth = Some(Box::new(Auth::Bearer(Secret::new("t0ken"))));
    spec.headers = vec![(::http::header::HOST, "shop.example".parse().unwrap())];
    run(of_http(spec), AMPLE).await;

    let request = &server.requests()[0];
    assert_eq!(header(request, "authorization"), Some("Bearer t0ken"));
    assert_eq!(header(request, "host"), Some("shop.example"));
}

#[tokio::test]
async fn an_unwanted_status_names_the_rule() {
    let server = Server::fixed(response("503 Service Unavailable", &[], "down"));
    let result = run(of_http(http(&server.url("/"))), AMPLE).await;

    assert_eq!(result.outcome, bad(Reason::Status));
    assert_eq!(result.said, "status 503, expected 2xx");
    assert_eq!(result.facts.http_status, Some(503));
}

#[tokio::test]
async fn body_rules_are_judged_on_the_whole_body() {
    let server = Server::plain(|_, wire| {
        wire.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nstatu\r\n")?;
        wire.flush()?;
        wire.write_all(b"5\r\ns: ok\r\n0\r\n\r\n")
    });
    let ask = |matches: &[&str], lacks: &[&str]| {
        let mut spec = http(&server.url("/"));
        spec.body_matches = matches.iter().map(|text| pattern(text)).collect();
        spec.body_lacks = lacks.iter().map(|text| pattern(text)).collect();
        run(of_http(spec), AMPLE)
    };

    assert_eq!(ask(&["status: ok$", "^s"], &["error"]).await.outcome, Outcome::Good);
    let missing = ask(&["^s", "ready"], &[]).await;
    assert_eq!(missing.outcome, bad(Reason::Body));
    assert_eq!(missing.said, "the body (10 bytes) does not match `ready`");
    let present = ask(&[], &["nothing", "s: o"]).await;
    assert_eq!(present.outcome, bad(Reason::Body));
    assert_eq!(present.said, "the body matches `s: o`, which it must not (`body_lacks`)");
}

#[tokio::test]
async fn a_body_over_the_limit_is_too_large_stated_or_not() {
    let body = "x".repeat(2_000);
    let stated = Server::fixed(response("200 OK", &[], &body));
    let unstated = Server::fixed(format!("HTTP/1.1 200 OK\r\n\r\n{body}"));
    for server in [&stated, &unstated] {
        let mut spec = http(&server.url("/"));
        spec.body_limit = 1_999;
        let result = run(of_http(spec), AMPLE).await;
        assert_eq!(result.outcome, bad(Reason::BodyTooLarge), "{}", result.said);

        let mut spec = http(&server.url("/"));
        spec.body_limit = 2_000;
        let result = run(of_http(spec), AMPLE).await;
        assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    }
}

#[tokio::test]
async fn head_has_no_body_to_be_too_large() {
    let server = Server::fixed("HTTP/1.1 200 OK\r\ncontent-length: 9000000\r\n\r\n");
    let mut spec = http(&server.url("/"));
    spec.method = ::http::Method::HEAD;
    let result = run(of_http(spec), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
}

#[tokio::test]
async fn an_answer_that_never_has_a_body_is_not_too_large_either() {
    for status in ["204 No Content", "304 Not Modified"] {
        let server = Server::fixed(format!("HTTP/1.1 {status}\r\ncontent-length: 9000000\r\n\r\n"));
        let mut spec = http(&server.url("/"));
        spec.status = StatusRules(vec![200..=304]);
        let result = run(of_http(spec), AMPLE).await;
        assert_eq!(result.outcome, Outcome::Good, "{status}: {}", result.said);
        assert_eq!(result.facts.body_bytes, Some(0), "{status}");
    }
}

#[tokio::test]
async fn nobody_listening_is_refused() {
    let address = {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.local_addr().unwrap()
    };
    let result = run(of_http(http(&format!("http://{address}/"))), AMPLE).await;
    assert_eq!(result.outcome, bad(Reason::ConnectRefused), "{}", result.said);
    assert_eq!(result.phase, Phase::Connect);
}

#[tokio::test]
async fn too_slow_is_bad_and_slower_than_soft_is_a_warning() {
    let server = Server::fixed(response("200 OK", &[], ""));
    let limited = |slow_after, max_latency| {
        let spec = of_http(http(&server.url("/")));
        run(Spec { slow_after, max_latency, ..spec }, AMPLE)
    };
    let soft = limited(Some(Duration::ZERO), None).await;
    assert_eq!(soft.outcome, Outcome::Good);
    assert!(soft.warnings.contains(Warning::Slow));
    let hard = limited(None, Some(Duration::ZERO)).await;
    assert_eq!(hard.outcome, bad(Reason::TooSlow));
}

#[tokio::test]
async fn redirects_are_followed_judged_and_timed_one_by_one() {
    let server = Server::plain(|request, wire| {
        let answer = match path(request) {
            "/a" => response("302 Found", &["location: /b"], "elsewhere"),
            "/b" => response("307 Temporary Redirect", &["location: c?x=1"], ""),
            _ => response("200 OK", &[], "here"),
        };
        wire.write_all(answer.as_bytes())
    });
    let result = run(of_http(http(&server.url("/a"))), AMPLE).await;

    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    assert_eq!(result.facts.redirects, Some(2));
    assert_eq!(result.facts.http_status, Some(200));
    let hops: Vec<_> =
        result.hops.iter().map(|hop| (hop.target.clone(), hop.http_status, hop.address)).collect();
    let here = Some(server.address);
    assert_eq!(
        hops,
        [
            (server.url("/a"), Some(302), here),
            (server.url("/b"), Some(307), here),
            (server.url("/c?x=1"), Some(200), here),
        ]
    );
    for phase in [Phase::Connect, Phase::Processing] {
        let sum: Duration = result.hops.iter().filter_map(|hop| hop.phases.took(phase)).sum();
        assert_eq!(result.phases.took(phase), Some(sum), "{phase}");
    }
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn a_failure_after_a_redirect_says_where() {
    let server = Server::plain(|request, wire| {
        let answer = match path(request) {
            "/a" => response("301 Moved Permanently", &["location: /gone"], ""),
            _ => response("404 Not Found", &[], ""),
        };
        wire.write_all(answer.as_bytes())
    });
    let result = run(of_http(http(&server.url("/a"))), AMPLE).await;
    let at = server.url("/gone");
    assert_eq!(result.outcome, bad(Reason::Status));
    assert_eq!(result.said, format!("status 404, expected 2xx (at `{at}`, after 1 redirect)"));
}

#[tokio::test]
async fn redirects_off_judges_the_redirect_itself() {
    let server = Server::fixed(response("302 Found", &["location: /login"], ""));
    let ask = |status| {
        let mut spec = http(&server.url("/"));
        spec.redirects = Redirects::Off;
        spec.status = StatusRules(vec![status]);
        run(of_http(spec), AMPLE)
    };
    assert_eq!(ask(300..=399).await.outcome, Outcome::Good);
    assert_eq!(ask(200..=299).await.outcome, bad(Reason::Status));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn more_redirects_than_allowed_are_bad() {
    let server = Server::plain(|request, wire| {
        let next: u32 = path(request)[1..].parse::<u32>().unwrap() + 1;
        let location = format!("location: /{next}");
        wire.write_all(response("302 Found", &[&location], "").as_bytes())
    });
    let mut spec = http(&server.url("/0"));
    spec.redirects = Redirects::Limit(3);
    let result = run(of_http(spec), AMPLE).await;
    assert_eq!(result.outcome, bad(Reason::RedirectLimit), "{}", result.said);
    assert_eq!(result.facts.redirects, Some(3));
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn a_redirect_to_another_scheme_is_refused() {
    for location in ["ftp://files.example/", "https://["] {
        let server = Server::fixed(response("302 Found", &[&format!("location: {location}")], ""));
        let result = run(of_http(http(&server.url("/"))), AMPLE).await;
        assert_eq!(result.outcome, bad(Reason::RedirectRefused), "{}", result.said);
        assert_eq!(result.facts.http_status, Some(302));
    }
}

#[tokio::test]
async fn a_post_becomes_a_get_where_browsers_make_it_one() {
    let server = Server::plain(|request, wire| {
        let answer = match path(request) {
            "/302" => response("302 Found", &["location: /done"], ""),
            "/307" => response("307 Temporary Redirect", &["location: /done"], ""),
            _ => response("200 OK", &[], ""),
        };
        wire.write_all(answer.as_bytes())
    });
    for path in ["/302", "/307"] {
        let mut spec = http(&server.url(path));
        spec.method = ::http::Method::POST;
        spec.body = Some("ping".into());
        spec.headers = vec![(::http::header::CONTENT_TYPE, "text/plain".parse().unwrap())];
        let result = run(of_http(spec), AMPLE).await;
        assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    }
    let requests = server.requests();
    assert!(requests[1].starts_with("GET /done "), "{}", requests[1]);
    assert_eq!(header(&requests[1], "content-type"), None);
    assert!(requests[1].ends_with("\r\n\r\n"));
    assert!(requests[3].starts_with("POST /done "), "{}", requests[3]);
    assert!(requests[3].ends_with("ping"));
}

#[tokio::test]
async fn credentials_stay_with_the_first_host() {
    let other = Server::fixed(response("200 OK", &[], ""));
    let location = format!("location: {}", other.url("/there"));
    let first = Server::plain(move |request, wire| {
        let answer = match path(request) {
            "/" => response("302 Found", &["location: /again"], ""),
            _ => response("302 Found", &[&location], ""),
        };
        wire.write_all(answer.as_bytes())
    });
    let mut spec = http(&first.url("/"));
    spec.auth = Some(Box::new(Auth::Bearer(Secret::new("t0ken"))));
    spec.headers = vec![
        (::http::header::COOKIE, "session=1".parse().unwrap()),
        ("x-probe".parse().unwrap(), "1".parse().unwrap()),
    ];
    let result = run(of_http(spec), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);

    for request in first.requests() {
        assert_eq!(header(&request, "authorization"), Some("Bearer t0ken"));
        assert_eq!(header(&request, "cookie"), Some("session=1"));
    }
    let request = &other.requests()[0];
    assert_eq!(header(request, "authorization"), None);
    assert_eq!(header(request, "cookie"), None);
    assert_eq!(header(request, "x-probe"), Some("1"));
}

#[tokio::test]
async fn credentials_in_the_url_are_sent_but_never_shown() {
    let server = Server::plain(|request, wire| {
        let answer = match path(request) {
            "/" => response("302 Found", &["location: /in"], ""),
            _ => response("404 Not Found", &[], ""),
        };
        wire.write_all(answer.as_bytes())
    });
    let result = run(of_http(http(&format!("http://mon:s%40fe@{}/", server.address))), AMPLE).await;
    assert_eq!(result.outcome, bad(Reason::Status), "{}", result.said);
    for request in server.requests() {
        assert_eq!(header(&request, "authorization"), Some("Basic bW9uOnNAZmU="));
    }
    assert_eq!(server.requests().len(), 2);
    assert!(!format!("{result:?}").contains("fe@"), "{result:?}");
}

#[tokio::test]
async fn a_redirect_to_a_dead_host_says_so() {
    let dead = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let server = Server::fixed(response("302 Found", &[&format!("location: http://{dead}/")], ""));
    let result = run(of_http(http(&server.url("/"))), AMPLE).await;
    assert_eq!(result.outcome, bad(Reason::ConnectRefused), "{}", result.said);
    assert_eq!(result.address, Some(dead));
    assert_eq!(result.hops.len(), 2);
    assert_eq!(result.hops[1].http_status, None);
}

#[tokio::test]
async fn connect_to_goes_elsewhere_and_keeps_the_name() {
    let server = Server::fixed(response("200 OK", &[], ""));
    for url in ["http://shop.invalid/x", "http://shop.invalid:8080/x", "http://192.0.2.1:81/x"] {
        let mut spec = http(url);
        spec.connect_to = Some((server.address.ip(), Some(server.address.port())));
        let result = run(of_http(spec), AMPLE).await;
        assert_eq!(result.outcome, Outcome::Good, "{url}: {}", result.said);
        assert_eq!(result.address, Some(server.address));
    }
    let hosts: Vec<_> = server
        .requests()
        .iter()
        .map(|request| header(request, "host").unwrap().to_owned())
        .collect();
    assert_eq!(hosts, ["shop.invalid", "shop.invalid:8080", "192.0.2.1:81"]);
}

#[tokio::test]
async fn connect_to_keeps_the_port_of_the_url_unless_told() {
    let server = Server::fixed(response("200 OK", &[], ""));
    let port = server.address.port();
    let mut spec = http(&format!("http://shop.invalid:{port}/"));
    spec.connect_to = Some((server.address.ip(), None));
    let result = run(of_http(spec), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
}

#[tokio::test]
async fn a_name_is_resolved_once_and_the_address_reported() {
    let server = Server::fixed(response("200 OK", &[], ""));
    let spec = of_http(http(&format!("http://localhost:{}/", server.address.port())));
    let result = run(Spec { ip: IpChoice::V4, ..spec }, AMPLE).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    assert_eq!(result.address, Some(server.address));
    assert!(result.phases.took(Phase::Resolve).is_some());
}

#[tokio::test]
async fn a_literal_address_of_the_other_family_has_no_address() {
    let spec = of_http(http("http://127.0.0.1:9/"));
    let result = run(Spec { ip: IpChoice::V6, ..spec }, AMPLE).await;
    assert_eq!(result.outcome, bad(Reason::DnsNoAddress), "{}", result.said);
}

/// Two servers on one port, and a name server that knows both under every name.
async fn twins() -> (Vec<Server>, DnsServer) {
    let ips = [Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 0, 0, 2)];
    let servers = Server::everywhere(&ips.map(IpAddr::from), &response("200 OK", &[], "twin"));
    let names = DnsServer::start(move |question| {
        question.records(60, ips.map(|ip| RData::A(ip.into()))).into()
    })
    .await;
    (servers, names)
}

#[tokio::test]
async fn first_stays_and_rotate_takes_the_next_address_each_run() {
    let (servers, names) = twins().await;
    let port = servers[0].address.port();
    let engine = engine_asking(&[names.address]);
    for (pick, expected) in [(Pick::First, [0, 0, 0]), (Pick::Rotate, [0, 1, 0])] {
        let spec = of_http(http(&format!("http://shop.example:{port}/")));
        let prober = prober(Spec { pick, ..spec }, &engine);
        for index in expected {
            let result = prober.probe(AMPLE).await;
            assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
            assert_eq!(result.address, Some(servers[index].address), "{pick}");
        }
    }
}

#[tokio::test]
async fn every_address_is_asked_where_each_is_picked() {
    let (mut servers, names) = twins().await;
    let addresses: Vec<_> = servers.iter().map(|server| Some(server.address)).collect();
    let engine = engine_asking(&[names.address]);
    let url = format!("http://shop.example:{}/", servers[0].address.port());
    let prober = prober(Spec { pick: Pick::Each, ..of_http(http(&url)) }, &engine);

    let both = prober.probe(AMPLE).await;
    assert_eq!(both.outcome, Outcome::Good, "{}", both.said);
    let asked: Vec<_> = both.hops.iter().map(|hop| hop.address).collect();
    assert_eq!(asked, addresses);
    assert!(both.hops.iter().all(|hop| hop.target == url && hop.http_status == Some(200)));

    drop(servers.pop());
    let one = prober.probe(AMPLE).await;
    assert_eq!(one.outcome, bad(Reason::ConnectRefused), "{}", one.said);
    assert_eq!(one.address, addresses[1]);
    assert_eq!(one.hops.len(), 2);
}

#[tokio::test]
async fn a_redirect_on_the_same_host_stays_at_the_address_of_the_run() {
    let ips = [Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 0, 0, 2)].map(IpAddr::from);
    let answer = response("302 Found", &["location: /again"], "");
    let servers = Server::everywhere(&ips, &answer);
    let names = DnsServer::start(|question| {
        let ips = [Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::LOCALHOST];
        question.records(60, ips.map(|ip| RData::A(ip.into()))).into()
    })
    .await;
    let url = format!("http://shop.example:{}/", servers[0].address.port());
    let result = prober(of_http(http(&url)), &engine_asking(&[names.address])).probe(AMPLE).await;
    assert_eq!(result.outcome, bad(Reason::RedirectLimit), "{}", result.said);
    let asked: Vec<_> = result.hops.iter().map(|hop| hop.address).collect();
    assert_eq!(asked, [Some(servers[1].address); 2]);
    assert_eq!(names.asked().len(), 1);
}

#[tokio::test]
async fn a_redirect_to_another_name_resolves_it() {
    let server = Server::plain(|request, wire| {
        let host = header(request, "host").unwrap();
        let answer = if host.starts_with("shop.") {
            let port = host.rsplit(':').next().unwrap();
            let location = format!("location: http://login.example:{port}/");
            response("302 Found", &[&location], "")
        } else {
            response("302 Found", &["location: http://gone.example/"], "")
        };
        wire.write_all(answer.as_bytes())
    });
    let names = DnsServer::start(|question| {
        let name = question.message.queries[0].name().to_string();
        if name == "gone.example." {
            return question.code(ResponseCode::NXDomain).into();
        }
        question.records(60, [RData::A(Ipv4Addr::LOCALHOST.into())]).into()
    })
    .await;
    let url = format!("http://shop.example:{}/", server.address.port());
    let result = prober(of_http(http(&url)), &engine_asking(&[names.address])).probe(AMPLE).await;
    assert_eq!(result.outcome, bad(Reason::DnsNxdomain), "{}", result.said);
    assert_eq!(result.phase, Phase::Resolve);
    let asked: Vec<_> = result.hops.iter().map(|hop| (hop.http_status, hop.address)).collect();
    let here = Some(server.address);
    assert_eq!(asked, [(Some(302), here), (Some(302), here), (None, None)]);
}

#[tokio::test]
async fn a_literal_ipv6_address_is_asked_over_ipv6() {
    let servers = Server::everywhere(&[Ipv6Addr::LOCALHOST.into()], &response("200 OK", &[], ""));
    let url = servers[0].url("/");
    let result = run(of_http(http(&url)), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    let host = servers[0].address.to_string();
    assert_eq!(header(&servers[0].requests()[0], "host"), Some(host.as_str()));
}

#[tokio::test]
async fn a_host_that_does_not_answer_at_all_is_a_connect_timeout() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    // A full queue of connections nobody accepts: the kernel drops what comes after.
    let wait = Duration::from_millis(50);
    let waiting: Vec<_> =
        std::iter::from_fn(|| TcpStream::connect_timeout(&address, wait).ok()).take(64).collect();
    assert!(waiting.len() < 64, "the queue never filled");

    let result = run(of_http(http(&format!("http://{address}/"))), SHORT).await;
    assert_eq!(result.outcome, bad(Reason::ConnectTimeout), "{}", result.said);
    assert_eq!(result.phase, Phase::Connect);
    assert!(result.said.starts_with("no connection within "), "{}", result.said);
}

#[tokio::test]
async fn silence_is_a_response_timeout_and_the_sentence_tells_how_far_it_got() {
    let server = Server::plain(|_, wire| wire.read(&mut [0; 1]).map(drop));
    let result = run(of_http(http(&server.url("/"))), SHORT).await;
    assert_eq!(result.outcome, bad(Reason::ResponseTimeout));
    assert_eq!(result.phase, Phase::Processing);
    assert!(result.said.contains("then no response within "), "{}", result.said);
    assert!(result.phases.took(Phase::Connect).is_some());
}

#[tokio::test]
async fn one_engine_serves_many_probes_at_once() {
    let engine = engine();
    let server = Server::fixed(response("200 OK", &[], ""));
    let probers: Vec<_> =
        (0..20).map(|_| prober(of_http(http(&server.url("/"))), &engine)).collect();
    let runs = probers.iter().map(|prober| prober.probe(AMPLE));
    let results = futures_util::future::join_all(runs).await;
    assert!(results.iter().all(|result| result.outcome.verdict() == Verdict::Good));
    assert_eq!(server.connections(), 20);
}
