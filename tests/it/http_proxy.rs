//! HTTP probes through proxies: which side resolves, what the proxy is told, and how it fails.
//!
//! The proxies are fixtures that note what they are asked for and lead to one target, whatever its name.
//!
//! What the target answers is judged as without a proxy.

use crate::support::certs::Authority;
use crate::support::dns::DnsServer;
use crate::support::http::{Server, header, response};
use crate::support::spec::{AMPLE, engine_asking, http, of_http, prober, run};
use hickory_resolver::proto::rr::RData;
use nephoscope::model::{Cause, Host, HttpSpec, Outcome, Phase, Proxy, ProxyKind, Reason, TlsSpec};
use nephoscope::probe::Prober;
use std::io::{Read, Result, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Asked = Arc<Mutex<Vec<String>>>;

/// Carries bytes both ways until both sides have ended.
fn join(one: &TcpStream, target: SocketAddr) -> Result<()> {
    let other = TcpStream::connect(target)?;
    let (mut from, mut to) = (one.try_clone()?, other.try_clone()?);
    let there = std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        to.shutdown(Shutdown::Write)
    });
    let (mut from, mut to) = (other, one.try_clone()?);
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
    drop(there.join());
    Ok(())
}

/// Answers CONNECT with `answer`, and leads to `target` if that is a 200.
fn tunnel(target: SocketAddr, answer: &'static str) -> (Server, Asked) {
    let asked = Asked::default();
    let noted = Arc::clone(&asked);
    let server = Server::raw(move |stream| {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let line = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned();
        noted.lock().unwrap().push(line);
        stream.write_all(format!("HTTP/1.1 {answer}\r\n\r\n").as_bytes())?;
        if answer.starts_with("200") { join(stream, target) } else { Ok(()) }
    });
    (server, asked)
}

/// A SOCKS5 server that leads to `target`, or refuses with `code`.
fn socks(target: SocketAddr, code: u8) -> (Server, Asked) {
    let asked = Asked::default();
    let noted = Arc::clone(&asked);
    let server = Server::raw(move |stream| {
        let mut hello = [0; 2];
        stream.read_exact(&mut hello)?;
        stream.read_exact(&mut vec![0; hello[1].into()])?;
        stream.write_all(&[5, 0])?;
        let mut head = [0; 4];
        stream.read_exact(&mut head)?;
        let mut ip = [0; 4];
        let said = if head[3] == 1 {
            stream.read_exact(&mut ip)?;
            format!("address {}", Ipv4Addr::from(ip))
        } else if head[3] == 4 {
            let mut ip = [0; 16];
            stream.read_exact(&mut ip)?;
            format!("address {}", Ipv6Addr::from(ip))
        } else {
            let mut length = [0];
            stream.read_exact(&mut length)?;
            let mut name = vec![0; length[0].into()];
            stream.read_exact(&mut name)?;
            format!("name {}", String::from_utf8_lossy(&name))
        };
        let mut port = [0; 2];
        stream.read_exact(&mut port)?;
        noted.lock().unwrap().push(format!("{said} port {}", u16::from_be_bytes(port)));
        stream.write_all(&[5, code, 0, 1, 0, 0, 0, 0, 0, 0])?;
        if code == 0 { join(stream, target) } else { Ok(()) }
    });
    (server, asked)
}

fn through(url: &str, kind: ProxyKind, proxy: SocketAddr) -> HttpSpec {
    let mut spec = http(url);
    spec.proxy = Some(Box::new(Proxy { kind, host: Host::Ip(proxy.ip()), port: proxy.port() }));
    spec
}

fn secure(authority: &Authority) -> Server {
    Server::tls(authority.good().server(), |_, wire| {
        wire.write_all(response("200 OK", &[], "hi").as_bytes())
    })
}

#[tokio::test]
async fn an_http_proxy_is_asked_for_the_whole_url() {
    let proxy = Server::fixed(response("200 OK", &[], "from afar"));
    let result =
        run(of_http(through("http://shop.invalid/x?y=1", ProxyKind::Http, proxy.address)), AMPLE)
            .await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    // Nobody here knows that name: the proxy resolves, and its address is the one that was used.
    assert_eq!(result.address, Some(proxy.address));
    assert!(result.phases.took(Phase::Proxy).is_some(), "{:?}", result.phases);
    assert!(result.phases.took(Phase::Connect).is_none(), "{:?}", result.phases);
    let request = &proxy.requests()[0];
    assert!(request.starts_with("GET http://shop.invalid/x?y=1 HTTP/1.1\r\n"), "{request}");
    assert_eq!(header(request, "host"), Some("shop.invalid"));
    assert_eq!((proxy.connections(), proxy.requests().len()), (1, 1));
}

#[tokio::test]
async fn tls_goes_through_a_tunnel_and_the_certificate_is_the_targets() {
    let authority = Authority::new();
    let target = secure(&authority);
    let (proxy, asked) = tunnel(target.address, "200 Connection established");
    let mut spec = through("https://localhost:7443/", ProxyKind::Http, proxy.address);
    spec.tls = Arc::new(TlsSpec { ca: Some(authority.file()), ..TlsSpec::default() });
    let result = run(of_http(spec), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    assert_eq!(*asked.lock().unwrap(), ["CONNECT localhost:7443 HTTP/1.1"]);
    for phase in [Phase::Proxy, Phase::Tls, Phase::Processing] {
        assert!(result.phases.took(phase).is_some(), "{phase}: {:?}", result.phases);
    }
    assert!(result.facts.certificate_not_after.is_some());

    // The proxy may lead where it likes; the name is held against it.
    let mut spec = through("https://other.invalid/", ProxyKind::Http, proxy.address);
    spec.tls = Arc::new(TlsSpec { ca: Some(authority.file()), ..TlsSpec::default() });
    let result = run(of_http(spec), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::TlsHostname), "{}", result.said);
}

#[tokio::test]
async fn a_literal_address_of_ipv6_is_asked_for_in_the_clear_and_refused_over_tls() {
    const V6: &str = "2001:db8::7";
    let target = Server::fixed(response("200 OK", &[], "hi"));
    let (proxy, asked) = socks(target.address, 0);
    let said = format!("address {V6} port 7080");
    for (kind, used) in [
        (ProxyKind::Socks5, format!("[{V6}]:7080").parse().unwrap()),
        (ProxyKind::Socks5h, proxy.address),
    ] {
        let spec = through(&format!("http://[{V6}]:7080/"), kind, proxy.address);
        let result = run(of_http(spec), AMPLE).await;
        assert_eq!(result.outcome, Outcome::Good, "{kind}: {}", result.said);
        assert_eq!(asked.lock().unwrap().pop().as_ref(), Some(&said), "{kind}");
        assert_eq!(result.address, Some(used), "{kind}");
        let request = target.requests().pop().unwrap();
        assert_eq!(header(&request, "host"), Some("[2001:db8::7]:7080"), "{kind}");
    }
    let away = format!("location: https://[{V6}]/");
    let proxy = Server::fixed(response("302 Found", &[&away], ""));
    let spec = through(&format!("http://[{V6}]/"), ProxyKind::Http, proxy.address);
    let result = run(of_http(spec), AMPLE).await;
    let request = &proxy.requests()[0];
    assert!(request.starts_with("GET http://[2001:db8::7]/ HTTP/1.1\r\n"), "{request}");
    assert_eq!(result.outcome, Outcome::Unknown(Cause::Unable), "{}", result.said);
    let why = "`2001:db8::7` over TLS through a proxy is not supported yet";
    assert!(result.said.contains(why), "{}", result.said);

    for kind in [ProxyKind::Http, ProxyKind::Socks5, ProxyKind::Socks5h] {
        let spec = through(&format!("https://[{V6}]/"), kind, proxy.address);
        let refused = Prober::build(&Arc::new(of_http(spec)), &engine_asking(&[])).err().unwrap();
        assert!(refused.to_string().contains(why), "{refused}");
    }
    assert_eq!(proxy.connections(), 1);

    // By a name it goes, and that is what the proxy is asked for.
    let authority = Authority::new();
    let target = secure(&authority);
    let (proxy, asked) = tunnel(target.address, "200 Connection established");
    let mut spec = through(&format!("https://[{V6}]:7443/"), ProxyKind::Http, proxy.address);
    spec.tls = authority.trusted();
    let result = run(of_http(spec), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    assert_eq!(*asked.lock().unwrap(), ["CONNECT localhost:7443 HTTP/1.1"]);
}

#[tokio::test]
async fn over_socks5_this_host_resolves_and_over_socks5h_the_proxy() {
    let authority = Authority::new();
    let target = secure(&authority);
    let plain = Server::fixed(response("200 OK", &[], "hi"));
    let names = DnsServer::start(|question| {
        question.records(60, [RData::A(Ipv4Addr::new(192, 0, 2, 7).into())]).into()
    })
    .await;
    for (kind, said) in
        [(ProxyKind::Socks5, "address 192.0.2.7"), (ProxyKind::Socks5h, "name shop.example")]
    {
        let (proxy, asked) = socks(plain.address, 0);
        let spec = through("http://shop.example:81/", kind, proxy.address);
        let result = prober(of_http(spec), &engine_asking(&[names.address])).probe(AMPLE).await;
        assert_eq!(result.outcome, Outcome::Good, "{kind}: {}", result.said);
        assert_eq!(*asked.lock().unwrap(), [format!("{said} port 81")]);
        let used = match kind {
            ProxyKind::Socks5 => "192.0.2.7:81".parse().unwrap(),
            _ => proxy.address,
        };
        assert_eq!(result.address, Some(used), "{kind}");
        assert!(result.phases.took(Phase::Proxy).is_some(), "{:?}", result.phases);

        let (proxy, _) = socks(target.address, 0);
        let mut spec = through("https://localhost:7443/", kind, proxy.address);
        spec.tls = Arc::new(TlsSpec { ca: Some(authority.file()), ..TlsSpec::default() });
        let result = run(of_http(spec), AMPLE).await;
        assert_eq!(result.outcome, Outcome::Good, "{kind}: {}", result.said);
        assert!(result.facts.certificate_not_after.is_some());
    }
}

#[tokio::test]
async fn the_name_of_a_proxy_is_resolved_here() {
    let target = Server::fixed(response("200 OK", &[], "hi"));
    let (proxy, asked) = socks(target.address, 0);
    let names = DnsServer::start(|question| {
        let name = question.message.queries[0].name().to_string();
        let ip = if name == "proxy.example." { [127, 0, 0, 1] } else { [192, 0, 2, 7] };
        question.records(60, [RData::A(Ipv4Addr::from(ip).into())]).into()
    })
    .await;
    for (kind, said) in [
        (ProxyKind::Socks5, "address 192.0.2.7 port 80"),
        (ProxyKind::Socks5h, "name shop.example port 80"),
    ] {
        let mut spec = through("http://shop.example/", kind, proxy.address);
        spec.proxy.as_mut().unwrap().host = Host::Name("proxy.example".into());
        let result = prober(of_http(spec), &engine_asking(&[names.address])).probe(AMPLE).await;
        assert_eq!(result.outcome, Outcome::Good, "{kind}: {}", result.said);
        assert_eq!(asked.lock().unwrap().pop().as_deref(), Some(said));
    }
}

#[tokio::test]
async fn a_proxy_that_gives_no_way_is_the_reason() {
    let target = Server::fixed(response("200 OK", &[], ""));
    let dead = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let (denying, _) = tunnel(target.address, "403 Forbidden");
    let (asking, _) = tunnel(target.address, "407 Proxy Authentication Required");
    let (refusing, _) = socks(target.address, 5);
    for (url, kind, proxy) in [
        ("http://192.0.2.7/", ProxyKind::Http, dead),
        ("https://192.0.2.7/", ProxyKind::Http, dead),
        ("http://192.0.2.7/", ProxyKind::Socks5, dead),
        ("https://shop.invalid/", ProxyKind::Http, denying.address),
        ("https://shop.invalid/", ProxyKind::Http, asking.address),
        ("http://192.0.2.7/", ProxyKind::Socks5, refusing.address),
        ("https://192.0.2.7/", ProxyKind::Socks5, refusing.address),
    ] {
        let result = run(of_http(through(url, kind, proxy)), AMPLE).await;
        assert_eq!(result.outcome, Outcome::Bad(Reason::Proxy), "{kind}: {}", result.said);
        assert_eq!(result.phase, Phase::Proxy);
        let expected = format!("no way through the proxy `{kind}://{proxy}`: ");
        assert!(result.said.starts_with(&expected), "{}", result.said);
    }
    assert!(target.requests().is_empty());
}

#[tokio::test]
async fn a_silent_proxy_ends_at_the_deadline() {
    let silent = Server::raw(|stream| {
        stream
            .read(&mut [0; 1])
            .and_then(|_| stream.read(&mut [0; 4096]))
            .and_then(|_| stream.read(&mut [0; 1]))
            .map(drop)
    });
    for (url, kind) in
        [("https://192.0.2.7/", ProxyKind::Http), ("http://192.0.2.7/", ProxyKind::Socks5)]
    {
        let spec = through(url, kind, silent.address);
        let result = run(of_http(spec), Duration::from_millis(400)).await;
        assert_eq!(result.outcome, Outcome::Bad(Reason::Proxy), "{}", result.said);
        assert!(result.said.starts_with("no tunnel through the proxy within "), "{}", result.said);
    }
}
