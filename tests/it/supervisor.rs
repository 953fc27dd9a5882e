//! What a service manager hears from the real binary: ready, alive, reloading, stopping.
//!
//! The manager is a datagram socket, as systemd's is. That systemd itself does with it what it should is shown in `tests/real`.
//!
//! What is said while something is stuck is tested beside the code.

use crate::support::daemon::{PATIENCE, Running, binary};
use std::os::unix::net::UnixDatagram;

/// One check, down at once.
const CONFIG: &str = r#"
[defaults]
confirm  = 1
interval = "1s"
timeout  = "500ms"
[provider.aws]
host = "127.0.0.1"
[probe.closed.tcp]
address = "{host}:1"
[service.shop]
probes = ["closed"]
"#;

/// The next datagram, as lines.
fn next(manager: &UnixDatagram) -> Vec<String> {
    let mut heard = [0; 4_096];
    let length = manager.recv(&mut heard).unwrap();
    std::str::from_utf8(&heard[..length]).unwrap().lines().map(str::to_owned).collect()
}

/// Listens until `line` is heard, for so many datagrams at most: more than the watchdog's meals of half a minute.
fn hear(manager: &UnixDatagram, line: &str) {
    let heard: Vec<_> =
        (0..400).map(|_| next(manager)).take_while(|it| !it.contains(&line.to_owned())).collect();
    assert!(heard.len() < 400, "waited in vain for {line}; last: {:?}", heard.last());
}

#[test]
fn a_service_manager_hears_of_a_whole_life() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut program = binary();
    // The watchdog is fed three times within its time.
    program.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "300000");
    let mut daemon = Running::start_by(program, CONFIG, &[]);

    let first = next(&manager);
    assert!(first.contains(&"READY=1".to_owned()), "readiness comes first: {first:?}");
    assert!(first.contains(&"WATCHDOG=1".to_owned()), "{first:?}");
    hear(&manager, "STATUS=1 check, 1 down");

    daemon.signal("HUP");
    hear(&manager, "RELOADING=1");
    assert_eq!(next(&manager), ["READY=1"], "nothing between the two: the watchdog waits too");

    hear(&manager, "WATCHDOG=1");
    daemon.signal("TERM");
    hear(&manager, "STOPPING=1");
    assert!(daemon.wait().success());
}
