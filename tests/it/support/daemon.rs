//! The real binary, started on a configuration of its own, and what it serves.
//!
//! It binds port 0 and is found by the address it logs. Everything it writes to stderr is kept. Dropping the handle kills it.
//!
//! Nothing here waits longer than a stated time.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::Instant;

/// Longer than this nothing that a test waits for takes, however busy the machine is.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A running daemon.
pub(crate) struct Running {
    child: Child,
    log: Arc<Mutex<String>>,
    /// Where page, API and metrics are.
    pub(crate) address: SocketAddr,
    /// Its folder, with `probes.toml` and `socket`; that of the next one too, if it is started again.
    pub(crate) folder: Arc<TempDir>,
}

/// The binary that was built for these tests.
pub(crate) fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nephoscope"));
    command.env_clear().env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

impl Running {
    /// Starts the daemon on `config` (without `listen`) and waits until it serves.
    pub(crate) fn start(config: &str, arguments: &[&str]) -> Self {
        Self::start_by(binary(), config, arguments)
    }

    /// As [`Self::start`], with these variables in its environment.
    pub(crate) fn start_with(
        config: &str,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let mut program = binary();
        program.envs(environment.iter().copied());
        Self::start_by(program, config, arguments)
    }

    /// As [`Self::start`], on a configuration that begins with the rest of `[monitor]`, the vantage's name among it.
    pub(crate) fn start_as(config: &str, arguments: &[&str]) -> Self {
        Self::start_text(binary(), config, arguments)
    }

    /// As [`Self::start`], with at most so many descriptors.
    pub(crate) fn start_with_descriptors(config: &str, most: u32) -> Self {
        let mut shell = Command::new("/bin/sh");
        let script = format!("ulimit -n {most} && exec \"$@\"");
        shell.arg("-c").arg(script).arg("sh").arg(binary().get_program()).stdin(Stdio::null());
        Self::start_by(shell, config, &[])
    }

    /// Kills it without warning and starts another one in its folder.
    pub(crate) fn kill_and_start_again(self) -> Self {
        let folder = Arc::clone(&self.folder);
        drop(self);
        Self::start_in(folder, binary(), &[])
    }

    /// As [`Self::start`], by this program, which is the binary or runs it.
    pub(crate) fn start_by(program: Command, config: &str, arguments: &[&str]) -> Self {
        Self::start_text(program, &format!("vantage = \"test\"\n{config}"), arguments)
    }

    /// As [`Self::start`], on a configuration that says itself where the listener is (`listen` comes first).
    pub(crate) fn start_exposed(config: &str) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let text = format!("[monitor]\nvantage = \"test\"\n{config}");
        std::fs::write(folder.path().join("probes.toml"), text).unwrap();
        Self::start_in(folder, binary(), &[])
    }

    fn start_text(program: Command, config: &str, arguments: &[&str]) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let text = format!("[monitor]\nlisten = \"127.0.0.1:0\"\n{config}");
        std::fs::write(folder.path().join("probes.toml"), text).unwrap();
        Self::start_in(folder, program, arguments)
    }

    fn start_in(folder: Arc<TempDir>, mut program: Command, arguments: &[&str]) -> Self {
        let socket = ["--socket", "socket"];
        let own = if arguments.contains(&"--socket") { &[] } else { &socket[..] };
        let mut child = program
            .current_dir(folder.path())
            .args(own)
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                kept.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        let find = || {
            let log = log.lock().unwrap();
            let (_, rest) = log.split_once("the page is at http")?;
            let (_, rest) = rest.split_once("://")?;
            rest.split('/').next()?.parse().ok()
        };
        let address = wait_for("the daemon's address in its log", find);
        Self { child, log, address, folder }
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// The local socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Head and body of the answer to one GET with these further header lines.
    pub(crate) fn get_with(&self, path: &str, headers: &str) -> (String, Vec<u8>) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\n{headers}\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
        let body = answer.split_off(end + 4);
        (String::from_utf8(answer).unwrap(), body)
    }

    /// The body of the answer to one GET.
    pub(crate) fn get(&self, path: &str) -> String {
        String::from_utf8(self.get_with(path, "").1).unwrap()
    }

    /// The value of the series of `/metrics` that starts with `start` and has all of `parts` in it.
    pub(crate) fn metric(&self, start: &str, parts: &[&str]) -> Option<f64> {
        let text = self.get("/metrics");
        let line = text
            .lines()
            .find(|line| line.starts_with(start) && parts.iter().all(|part| line.contains(part)))?;
        line.rsplit_once(' ')?.1.parse().ok()
    }

    /// Waits until a series satisfies `want`.
    pub(crate) fn await_metric(
        &self,
        start: &str,
        parts: &[&str],
        want: impl Fn(f64) -> bool,
    ) -> f64 {
        wait_for(&format!("{start} {parts:?}"), || {
            self.metric(start, parts).filter(|value| want(*value))
        })
    }

    /// Sends a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let sent =
            Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status();
        assert!(sent.unwrap().success());
    }

    /// Waits until it has ended.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        wait_for("the daemon's end", || self.child.try_wait().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again and again until there is an answer.
pub(crate) fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}
