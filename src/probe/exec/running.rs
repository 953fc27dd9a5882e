//! A program that runs: what it says is heard, its end is seen before it is reaped, and who is in its group ends with it.
//!
//! The end is seen through a pidfd, which leaves the program's number taken: until [`Child::try_wait`] the program and its
//! group can be killed without ever meeting a stranger. The program is killed by its own number too, because it may have
//! gone into another group, ours for example. Whoever drops a [`Started`] or a [`Running`] kills both.
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

/// A program that was started, as the first of a group of its own.
pub(super) struct Started {
    /// `None` once it is reaped or handed over.
    placed: Option<Placed>,
    programs: Programs,
    group: Pid,
}

impl Started {
    /// Takes charge of a program that was started just now.
    pub(super) fn new(placed: Placed, programs: Programs) -> Self {
        let group = Pid::from_child(&placed.child);
        Self { placed: Some(placed), programs, group }
    }

    /// Kills it and waits until it is gone, however long the kernel takes for that.
    pub(super) fn end(mut self) {
        self.kill();
        if let Some(mut placed) = self.placed.take() {
            let _ = placed.child.wait();
        }
    }

    /// Kills the program, and its group. Once it is reaped, its number may be another's.
    fn kill(&mut self) {
        if let Some(placed) = &mut self.placed {
            let _ = kill_process_group(self.group, Signal::KILL);
            let _ = placed.child.kill();
        }
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

impl Drop for Started {
    fn drop(&mut self) {
        self.kill();
        if let Some(placed) = self.placed.take() {
            self.programs.keep(placed);
        }
    }
}

/// A program that is being heard.
pub(super) struct Running {
    started: Started,
    /// Readable when the program has ended.
    end: AsyncFd<OwnedFd>,
    out: Stream,
    err: Stream,
}

impl Running {
    /// Begins to hear a program. Must be called inside the runtime that will go on with it.
    pub(super) fn new(mut started: Started) -> io::Result<Self> {
        let child = started.placed.as_mut().map(|placed| &mut placed.child);
        let streams = child.and_then(|child| child.stdout.take().zip(child.stderr.take()));
        let Some((out, err)) = streams else { return Err(io::ErrorKind::Other.into()) };
        let end = pollable(pidfd_open(started.group, PidfdFlags::empty())?)?;
        let (out, err) = (Stream::new(out.into())?, Stream::new(err.into())?);
        Ok(Self { started, end, out, err })
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
        self.started.kill();
        self.out.rest();
        self.err.rest();
        self.started.reap()?.ok_or_else(|| io::Error::other("it has ended and cannot be reaped"))
    }

    /// Kills the program and its group, and waits a little until it is gone.
    pub(super) async fn kill(&mut self) {
        self.started.kill();
        // Given up after a while: a process that hangs in the kernel is kept by `drop`.
        let _ = timeout_at(Instant::now() + REAPING, self.end.readable()).await;
        let _ = self.started.reap();
        self.out.rest();
        self.err.rest();
    }

    /// What it said on stdout and on stderr.
    pub(super) fn heard(&self) -> (&[u8], &[u8]) {
        (&self.out.kept, &self.err.kept)
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
