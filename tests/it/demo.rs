//! The demo with the real binary: an incident of the script is seen for what it is, passes, and Ctrl-C ends it.
//!
//! The script runs faster than written; what is waited for is what the API says, never a time.
//!
//! Each kind of trouble as a probe sees it is tested with the probers.

use crate::support::daemon::{binary, wait_for};
use nephoscope::web::api::{ServicesForm, SideForm};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, Stdio};

/// The running demo; killed if the test fails.
struct Playing {
    child: Child,
    said: BufReader<ChildStderr>,
    address: String,
}

impl Drop for Playing {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn play(speed: &str) -> Playing {
    let mut child = binary()
        .args(["demo", "--listen", "127.0.0.1:0", "--speed", speed])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut address = String::new();
    while !address.contains("page     http://") {
        address.clear();
        assert!(said.read_line(&mut address).unwrap() > 0, "it ended before it said where");
    }
    let address = address.split('/').nth(2).unwrap().to_owned();
    Playing { child, said, address }
}

impl Playing {
    fn side(&self, service: &str, provider: &str) -> Option<SideForm> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET /api/v1/services?service={service} HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let mut form: ServicesForm = serde_json::from_str(body).unwrap();
        form.services.pop()?.sides.into_iter().find(|side| side.provider == provider)
    }

    /// Waits until the side is in this state for this reason.
    fn await_side(&self, service: &str, provider: &str, state: &str, why: Option<&str>) {
        wait_for(&format!("{service} on {provider} to be {state} ({why:?})"), || {
            let side = self.side(service, provider)?;
            (side.state == state && side.why.as_deref() == why).then_some(())
        });
    }
}

#[test]
fn incidents_are_seen_for_what_they_are_and_pass() {
    let mut demo = play("6");
    demo.await_side("login", "borealis", "up", None);
    demo.await_side("login", "aurora", "degraded", Some("slow"));
    demo.await_side("login", "borealis", "down", Some("connect_refused"));
    demo.await_side("login", "aurora", "up", None);
    demo.await_side("login", "borealis", "up", None);
    demo.await_side("login", "aurora", "degraded", Some("tls_expires_soon"));

    let pid = demo.child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let ended = wait_for("the end of the demo", || demo.child.try_wait().unwrap());
    let mut said = String::new();
    demo.said.read_to_string(&mut said).unwrap();
    assert_eq!(ended.code(), Some(0), "{said}");
    for line in [
        "00:20  cloud aurora: slow, answers take 350 ms (watch it become degraded)\n",
        "01:25  cloud borealis: down, connections refused",
        "02:10  cloud borealis: back\n",
        "the demo has ended\n",
    ] {
        assert!(said.contains(line), "`{line}` is not in {said}");
    }
    let folder = said_folder(&pid);
    assert!(!folder.exists(), "{} is left over", folder.display());
}

fn said_folder(pid: &str) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("nephoscope-demo-{pid}"))
}
