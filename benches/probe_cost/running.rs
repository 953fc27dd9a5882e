//! Processes that a bench starts on loopback, and ports for them.
//!
//! A process ends with its handle. A server counts as started when its port takes connections; a process that ends before
//! that is an error that says so.
//!
//! It knows no server in particular.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How often a port is tried before its server counts as not started: for ten seconds.
const TRIES: u32 = 200;

/// A process that ends with its handle.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a server and waits until it takes connections at `address`.
pub(crate) fn start(mut command: Command, address: SocketAddr) -> Result<Running, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().map_err(|problem| {
        format!("cannot start `{name}`: {problem}; try `apt-get install` of its Debian package")
    })?;
    let mut running = Running(child);
    for _ in 0..TRIES {
        if TcpStream::connect(address).is_ok() {
            return Ok(running);
        }
        if let Ok(Some(status)) = running.0.try_wait() {
            return Err(format!("`{name}` ended at once: {status}"));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err(format!("`{name}` does not answer at {address}"))
}

/// A port of loopback that nobody uses now.
pub(crate) fn free_port() -> Result<SocketAddr, String> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|problem| problem.to_string())
}
