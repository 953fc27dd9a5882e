//! How much memory a far side can make a probe take: measured on the real daemon, by what the kernel says of it.
//!
//! The daemon is a process of its own and is asked for probes (`/probe`) of servers that send without end or make much of
//! little: most of the answers would take tens of mebibytes or more if they were taken whole. The peak of the process (`VmHWM`)
//! may grow by the body limit, half a mebibyte and a slack. That the measure measures is shown by a probe that may hold
//! more, and does, and holds no more than that.
//!
//! DNS over HTTPS is not among them: its answers are bounded like those over TCP.

use crate::support::daemon::Running;
use crate::support::h2::{DATA, HEADERS, OK, SETTINGS, WHOLE, frame};
use crate::support::http::{Server, Wire, hear, path};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{Read as _, Result, Write as _};
use std::net::TcpStream;

/// `body_limit` of the probe whose body is matched, in KiB.
const LIMIT: u64 = 1_024;
/// KiB that a run may hold beyond that.
const BEYOND: u64 = 512;
/// KiB that the process grows by without any run holding them: pages of the program that are read for the first time (a debug
/// build is large; 12 MiB were seen), threads, and what the allocator does not give back at once. It is less than the least
/// that would be too much: `BOMB`, and `LARGE` once more.
const SLACK: u64 = 48 * 1_024;
/// MiB of a body that a probe may hold and does, so that it must be seen; held twice it would be more than the slack allows.
const LARGE: usize = 72;
/// What a few KiB unpack to, which would be seen; MiB.
const BOMB: usize = 64;

/// The field `continuation` of HTTP/2 (RFC 9113, 6.10).
const CONTINUATION: u8 = 0x9;

fn config() -> String {
    let limit = LIMIT * 1024;
    format!(
        r#"
[listener]
probe = {{ networks = ["127.0.0.0/8"] }}
[defaults]
timeout = "600ms"
[provider.here]
host = "127.0.0.1"
[probe.port.tcp]
address = "127.0.0.1:1"
[service.shop]
probes = ["port"]
[probe.page.http]
url = "http://{{host}}/"
body_limit = {limit}
body_matches = ["^never"]
decompress = ["gzip", "deflate"]
cookies = true
[probe.tree.http]
url = "http://{{host}}/"
body_limit = {limit}
json = [{{ path = "$..never", exists = true }}]
[probe.large]
timeout = "2m"
interval = "5m"
[probe.large.http]
url = "http://{{host}}/"
body_limit = "96MiB"
body_matches = ["^never"]
[probe.talk.tcp]
address = "{{host}}:25"
dialogue = [{{ expect = "^never$" }}]
[probe.health.grpc]
address = "{{host}}:1"
[probe.name.dns]
server = "{{host}}"
query = "shop.test"
transport = "tcp"
"#
    )
}

/// A figure of a process, in KiB.
fn figure(pid: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().unwrap()
}

/// One run of a module; what is said of it.
fn probe(daemon: &Running, module: &str, target: &str) -> String {
    let target: String = url::form_urlencoded::byte_serialize(target.as_bytes()).collect();
    let said = daemon.get(&format!("/probe?module={module}&target={target}&debug=true"));
    assert!(said.contains("\nprobe_success "), "{module} of {target}: {said}");
    said
}

fn gzip(zeros: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![0; zeros]).unwrap();
    encoder.finish().unwrap()
}

fn whole(wire: &mut dyn Wire, fields: &str, body: &[u8]) -> Result<()> {
    let head = format!("HTTP/1.1 200 OK\r\n{fields}content-length: {}\r\n\r\n", body.len());
    wire.write_all(head.as_bytes())?;
    wire.write_all(body)
}

fn forever(wire: &mut dyn Wire, head: &str, piece: &[u8]) -> Result<()> {
    wire.write_all(head.as_bytes())?;
    loop {
        wire.write_all(piece)?;
    }
}

/// Answers that are large, endless, or much larger than they look, by their path.
fn pages() -> Server {
    let bomb = gzip(BOMB << 20);
    let fill = |element: &str| format!("[{}0]", element.repeat(1_000_000 / element.len()));
    let trees = [
        ("/lists", fill("[],")),
        ("/objects", fill("{},")),
        ("/numbers", fill("0,")),
        ("/texts", fill("\"\",")),
        ("/nested", "[".repeat(1_000_000)),
        ("/escapes", format!("[\"{}", "\\n".repeat(500_000))),
    ];
    let piece = vec![b'x'; 65_536];
    Server::plain(move |request, wire| match path(request) {
        "/line" => forever(wire, "HTTP/1.1 200 OK\r\nx-endless: ", &piece),
        "/fields" => forever(wire, "HTTP/1.1 200 OK\r\n", b"x-one-more: 1\r\n"),
        "/stated" => {
            forever(wire, "HTTP/1.1 200 OK\r\ncontent-length: 1099511627776\r\n\r\n", &piece)
        }
        "/unstated" => forever(wire, "HTTP/1.1 200 OK\r\n\r\n", &piece),
        "/chunks" => {
            let chunk = [b"10000\r\n", &piece[..], b"\r\n"].concat();
            forever(wire, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", &chunk)
        }
        "/bomb" => whole(wire, "content-encoding: gzip\r\n", &bomb),
        "/cookies" => {
            let cookie = |at: u32| format!("set-cookie: c{at}={}\r\n", "x".repeat(4_000));
            let cookies = (0..60).map(cookie).collect::<Vec<_>>().concat();
            wire.write_all(
                format!("HTTP/1.1 302 Found\r\nlocation: /unstated\r\n{cookies}\r\n").as_bytes(),
            )
        }
        "/large" => whole(wire, "", &vec![b'x'; LARGE << 20]),
        "/large/chunks" => {
            wire.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
            (0..LARGE << 4).try_for_each(|_| wire.write_all(&piece))
        }
        path => match trees.iter().find(|(name, _)| *name == path) {
            Some((_, tree)) => whole(wire, "", tree.as_bytes()),
            None => whole(wire, "", b"small"),
        },
    })
}

/// Repeats `piece` to whoever has said something.
fn repeating(head: Vec<u8>, piece: Vec<u8>, first: bool) -> Server {
    Server::raw(move |stream| {
        if !first {
            hear(stream)?;
        }
        stream.write_all(&head)?;
        loop {
            stream.write_all(&piece)?;
        }
    })
}

/// Answers over TCP with as many records as are read, each of whose names is as long as names get and takes two bytes.
fn names() -> Server {
    Server::raw(|stream: &mut TcpStream| {
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut question = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut question)?;
        let asked = question[12..].iter().position(|byte| *byte == 0).unwrap() + 12 + 5;
        let mut message = [&question[..2], &[0x84, 0, 0, 1, 1, 0xff, 0, 0, 0, 0]].concat();
        message.extend_from_slice(&question[12..asked]);
        let record = [0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7];
        let long = u8::try_from(message.len()).unwrap();
        for _ in 0..127 {
            message.extend_from_slice(b"\x01x");
        }
        message.push(0);
        message.extend_from_slice(&record);
        for _ in 1..0x1ff {
            message.extend_from_slice(&[0xc0, long]);
            message.extend_from_slice(&record);
        }
        stream.write_all(&u16::try_from(message.len()).unwrap().to_be_bytes())?;
        stream.write_all(&message)
    })
}

#[test]
fn no_far_side_makes_a_probe_take_more_than_its_bound() {
    let daemon = Running::start(&config(), &[]);
    let pages = pages();
    let hello = frame(SETTINGS, 0, 0, &[]);
    let head = frame(HEADERS, WHOLE, 1, &[OK, b"\0\x0ccontent-type\x10application/grpc"].concat());
    let field = [b"\0\x01x\x7f\x81\x7c".as_slice(), &[b'y'; 16_000]].concat();
    let floods = [
        ("talk", repeating(Vec::new(), vec![b'x'; 65_536], true)),
        ("talk", repeating(Vec::new(), b"220 again\r\n".repeat(4_096), true)),
        ("health", repeating([&*hello, &head].concat(), frame(DATA, 0, 1, &[0; 16_384]), false)),
        (
            "health",
            repeating(
                [hello, frame(HEADERS, 0, 1, OK)].concat(),
                frame(CONTINUATION, 0, 1, &field),
                false,
            ),
        ),
        ("name", names()),
    ];
    let hostile = || {
        for path in ["/line", "/fields", "/stated", "/unstated", "/chunks", "/bomb", "/cookies"] {
            probe(&daemon, "page", &pages.url(path));
        }
        for path in ["/lists", "/objects", "/numbers", "/texts", "/nested", "/escapes"] {
            probe(&daemon, "tree", &pages.url(path));
        }
        for (module, server) in &floods {
            probe(&daemon, module, &server.address.to_string());
        }
    };
    for module in ["page", "tree", "talk"] {
        probe(&daemon, module, &pages.address.to_string());
    }
    let before = figure(daemon.pid(), "VmRSS");
    let grown = || figure(daemon.pid(), "VmHWM").saturating_sub(before);
    for turn in 0..4 {
        hostile();
        let (grown, most) = (grown(), LIMIT + BEYOND + SLACK);
        assert!(grown <= most, "in turn {turn} it has grown by {grown} KiB, at most {most}");
    }
}

#[test]
fn what_a_probe_may_hold_is_seen_and_is_held_once() {
    let pages = pages();
    let came = (LARGE as u64) << 10;
    for path in ["/large", "/large/chunks"] {
        // A process each: what one run gave back the allocator may not have given back when the next one begins.
        let daemon = Running::start(&config(), &[]);
        probe(&daemon, "large", &pages.address.to_string());
        let before = figure(daemon.pid(), "VmRSS");
        probe(&daemon, "large", &pages.url(path));
        let grown = figure(daemon.pid(), "VmHWM").saturating_sub(before);
        let most = came + BEYOND + SLACK;
        // What was there before may have been given back meanwhile.
        let least = came / 8 * 7;
        assert!((least..=most).contains(&grown), "{path}: {grown} KiB, from {least} to {most}");
    }
}
