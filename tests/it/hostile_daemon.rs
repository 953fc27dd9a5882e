//! The real daemon among hostile servers: its memory stays bounded and the other checks notice nothing.
//!
//! Every server does one evil thing for as long as it is listened to; beside them stands an honest one.
//!
//! Which reason each evil has is tested beside the probers.

use crate::support::daemon::Running;
use crate::support::http::{Server, response};
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

/// The daemon may grow by so much among these servers: for each a body of 1 MiB and a header of half of that, twice over.
const GROWTH: u64 = 20 * 1024 * 1024;

/// Writes `start`, then `again` for as long as somebody listens.
fn endless(start: &'static str, again: Vec<u8>, pause: Duration) -> Server {
    Server::raw(move |stream: &mut TcpStream| {
        stream.write_all(start.as_bytes())?;
        loop {
            stream.write_all(&again)?;
            std::thread::park_timeout(pause);
        }
    })
}

/// Resident memory of a process at its highest, in bytes.
fn peak_memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024
}

#[test]
fn hostile_servers_neither_grow_the_daemon_nor_disturb_the_others() {
    let page = "HTTP/1.1 200 OK\r\n\r\n";
    let bomb = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n";
    let now = Duration::ZERO;
    let evils = [
        ("body", endless(page, vec![b'x'; 65_536], now)),
        ("bomb", endless(bomb, vec![0x1f; 65_536], now)),
        ("header", endless("HTTP/1.1 200 OK\r\nx-y: ", vec![b'x'; 65_536], now)),
        ("headers", endless("HTTP/1.1 200 OK\r\n", b"x-y: z\r\n".repeat(8_192), now)),
        ("garbage", endless("", vec![0xff; 65_536], now)),
        ("drip", endless(page, vec![b'x'], Duration::from_millis(20))),
    ];
    let honest = Server::fixed(response("200 OK", &[], "hello"));
    let mut config = String::from(
        "[defaults]\ninterval = \"2s\"\ntimeout = \"1500ms\"\nrecheck = \"300ms\"\n[provider.a]\nhost = \"127.0.0.1\"\n\
         [probe.web.http]\nurl = \"{url}\"\n",
    );
    let all = evils.iter().map(|(name, server)| (*name, server)).chain([("honest", &honest)]);
    for (name, server) in all {
        let url = server.url("/");
        writeln!(config, "[service.{name}]\nprobes = [\"web\"]\nvars = {{ url = \"{url}\" }}")
            .unwrap();
    }
    let daemon = Running::start(&config, &[]);
    let before = peak_memory(daemon.pid());
    for (name, _) in &evils {
        let bad = [&format!("check=\"{name}/a/web\""), r#"verdict="bad""#];
        daemon.await_metric("nephoscope_probes_total{", &bad, |runs| runs >= 4.0);
    }
    let runs = |verdict: &str| {
        let verdict = format!("verdict=\"{verdict}\"");
        daemon.metric("nephoscope_probes_total{", &["check=\"honest/a/web\"", &verdict]).unwrap()
    };
    assert!(runs("good") >= 2.0);
    assert!(runs("bad") + runs("unknown") < 1.0, "the honest server was disturbed");
    let grown = peak_memory(daemon.pid()).saturating_sub(before);
    assert!(grown < GROWTH, "the daemon grew by {grown} bytes");
}
