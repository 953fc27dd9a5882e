//! A program that runs: what it says is heard, its end is seen before it is reaped, and its whole group ends with it.
//!
//! The end is seen through a pidfd, which leaves the program's number taken: until [`Child::try_wait`] the group can be
//! killed without ever meeting a stranger. Whoever drops a [`Running`] kills the group.
//!
//! It judges nothing.

use super::{OUTPUT_LIMIT, Placed, Programs, REAPING};
use crate::clock::Instant;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::process::ExitStatus;
use tokio::io::unix::AsyncFd;
use tokio::net::unix::pipe::Receiver;
use tokio::time::timeout_at;

/// Bytes that one read may bring.
const READ: usize = 4096;

pub(super) struct Running {
    /// `None` once it is reaped or handed over.
    placed: Option<Placed>,
    programs: Programs,
    group: Pid,
    /// Readable when the program has ended.
    end: AsyncFd<OwnedFd>,
    out: Stream,
    err: Stream,
}

impl Running {
    /// Takes charge of a program that was started just now, as the first of its group.
    pub(super) fn new(mut placed: Placed, programs: Programs) -> io::Result<Self> {
        let group = Pid::from_child(&placed.child);
        let streams = (placed.child.stdout.take(), placed.child.stderr.take());
        let made = || {
            let (Some(out), Some(err)) = streams else { return Err(io::ErrorKind::Other.into()) };
            let end = pollable(pidfd_open(group, PidfdFlags::empty())?)?;
            Ok((end, Stream::new(out.into())?, Stream::new(err.into())?))
        };
        match made() {
            Ok((end, out, err)) => {
                Ok(Self { placed: Some(placed), programs, group, end, out, err })
            }
            Err(error) => {
                let _ = kill_process_group(group, Signal::KILL);
                programs.keep(placed);
                Err(error)
            }
        }
    }

    /// Hears the program until it ends, then ends what it left behind.
    pub(super) async fn listen(&mut self) -> io::Result<ExitStatus> {
        loop {
            // The end first: one that never stops talking, or leaves somebody behind who does, ends all the same.
            tokio::select! {
                biased;
                ended = self.end.readable() => {
                    drop(ended?);
                    break;
                }
                () = self.out.more() => {}
                () = self.err.more() => {}
            }
        }
        let _ = kill_process_group(self.group, Signal::KILL);
        self.out.rest();
        self.err.rest();
        self.reap()?.ok_or_else(|| io::Error::other("it has ended and cannot be reaped"))
    }

    /// Kills the program and all its group, and waits a little until it is gone.
    pub(super) async fn kill(&mut self) {
        let _ = kill_process_group(self.group, Signal::KILL);
        // Given up after a while: a process that hangs in the kernel is kept by `drop`.
        let _ = timeout_at(Instant::now() + REAPING, self.end.readable()).await;
        let _ = self.reap();
        self.out.rest();
        self.err.rest();
    }

    /// What it said on stdout and on stderr.
    pub(super) fn heard(&self) -> (&[u8], &[u8]) {
        (&self.out.kept, &self.err.kept)
    }

    fn reap(&mut self) -> io::Result<Option<ExitStatus>> {
        let Some(placed) = &mut self.placed else { return Ok(None) };
        let status = placed.child.try_wait()?;
        if status.is_some() {
            self.placed = None;
        }
        Ok(status)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(placed) = self.placed.take() {
            let _ = kill_process_group(self.group, Signal::KILL);
            self.programs.keep(placed);
        }
    }
}

#[expect(
    deprecated,
    reason = "unsound for descriptors that come and go, which an `OwnedFd` does not; the way instead of it is not safe code"
)]
fn pollable(pidfd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(pidfd)
}

/// One way on which a program speaks.
struct Stream {
    /// `None` once it was closed.
    pipe: Option<Receiver>,
    /// Its first bytes, at most [`OUTPUT_LIMIT`].
    kept: Vec<u8>,
}

impl Stream {
    fn new(pipe: OwnedFd) -> io::Result<Self> {
        Ok(Self { pipe: Some(Receiver::from_owned_fd(pipe)?), kept: Vec::new() })
    }

    /// Hears a little more; for ever nothing once the way is closed.
    async fn more(&mut self) {
        let Some(pipe) = &self.pipe else { return std::future::pending().await };
        let readable = pipe.readable().await;
        let mut buffer = [0; READ];
        match readable.and_then(|()| pipe.try_read(&mut buffer)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(0) | Err(_) => self.pipe = None,
            Ok(length) => self.keep(&buffer[..length]),
        }
    }

    /// Hears what is there already, as far as it is kept, without waiting.
    fn rest(&mut self) {
        let Some(Ok(pipe)) = self.pipe.take().map(Receiver::into_nonblocking_fd) else { return };
        let mut pipe = File::from(pipe);
        let mut buffer = [0; READ];
        while self.kept.len() < OUTPUT_LIMIT
            && let Ok(length @ 1..) = pipe.read(&mut buffer)
        {
            self.keep(&buffer[..length]);
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = OUTPUT_LIMIT.saturating_sub(self.kept.len());
        self.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}
