//! Exec probes: a program of one's own, by the contract of the monitoring plugins.
//!
//! Exit code 0 is good, 1 a warning, 2 bad, 3 unknown; the first line of its output, up to a `|`, is the sentence. It is
//! run without a shell, with nothing of our environment, descriptors or input, in a process group of its own. At the
//! deadline, and when the run is given up, the program is killed, wherever it went, and whoever is in that group then; when
//! it ends, whoever it left there. What cannot be started, or breaks the contract, is our own fault: unknown, not bad.
//! Starting waits for the disk that the program is on, so it has a thread of its own, which nobody waits for. While a start
//! outlives its run no other one of that program is begun, so that a disk that hangs does not take one place after the other.
//!
//! It does not know what the program does, takes no more of its words than [`OUTPUT_LIMIT`], and does not look for what the
//! program put out of its group (`setsid`): that lives on.

mod running;
mod verdict;

use super::Trace;
use crate::clock::Instant;
use crate::model::{Cause, ExecSpec, Phase, Reason, human_duration};
use crate::net::{Failure, lower_case};
use running::{Running, Started};
use rustix::io::Errno;
use rustix::thread::clear_ambient_capability_set;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout_at;

/// Programs that run at once in one process of the monitor: each is a process of its own, with memory of its own.
pub const PROGRAMS_AT_ONCE: usize = 16;

/// Bytes that are kept of what a program says, on each of its two ways; the rest is read and thrown away.
pub const OUTPUT_LIMIT: usize = 8 * 1024;

/// After the deadline: how long a program that was killed may take to be gone.
pub(super) const REAPING: Duration = Duration::from_millis(250);

/// The first descriptor behind input, output and errors.
const FIRST_OF_OURS: i32 = 3;

/// Who waited longer than this for a place did not have the time that the probe was given.
const WAITED: Duration = Duration::from_millis(50);

/// The programs of a whole monitor: who may run now, and who was killed and is not gone yet.
#[derive(Clone)]
pub struct Programs {
    places: Arc<Semaphore>,
    /// They keep their place until they are gone, as only a process that hangs in the kernel does not at once.
    dying: Arc<Mutex<Vec<Placed>>>,
    /// Each lives as long as its start goes on.
    starts: Arc<Mutex<Vec<Weak<Start>>>>,
}

/// A start that goes on.
struct Start {
    program: PathBuf,
    /// The deadline of its run: what goes on behind it hangs.
    until: Instant,
}

/// A program, and the place that it takes.
struct Placed {
    child: Child,
    _place: OwnedSemaphorePermit,
}

impl Default for Programs {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(PROGRAMS_AT_ONCE)),
            dying: Arc::default(),
            starts: Arc::default(),
        }
    }
}

impl Programs {
    /// Waits for a place, at most until `deadline`.
    async fn place(&self, deadline: Instant) -> Option<OwnedSemaphorePermit> {
        self.bury();
        let place = Arc::clone(&self.places).acquire_owned();
        timeout_at(deadline, place).await.ok()?.ok()
    }

    /// Notes that a start begins; it goes on until what is given back is dropped.
    fn begin(&self, program: &Path, until: Instant) -> Arc<Start> {
        let start = Arc::new(Start { program: program.to_owned(), until });
        self.starts.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&start));
        start
    }

    /// The programs whose starts have outlived their runs, each as often as it is so.
    fn hanging(&self, now: Instant) -> Vec<PathBuf> {
        let mut starts = self.starts.lock().unwrap_or_else(PoisonError::into_inner);
        starts.retain(|start| start.strong_count() > 0);
        let hanging = starts.iter().filter_map(Weak::upgrade).filter(|start| start.until <= now);
        hanging.map(|start| start.program.clone()).collect()
    }

    /// Lets go of those that are gone by now.
    fn bury(&self) {
        let mut dying = self.dying.lock().unwrap_or_else(PoisonError::into_inner);
        dying.retain_mut(|each| matches!(each.child.try_wait(), Ok(None)));
    }

    /// Keeps a program that was killed until it is gone, so that it neither stays as a zombie nor frees its place early.
    fn keep(&self, placed: Placed) {
        self.dying.lock().unwrap_or_else(PoisonError::into_inner).push(placed);
        self.bury();
    }
}

/// Runs the program of `spec` once and reads what it says.
pub(super) async fn attempt(
    spec: &ExecSpec,
    programs: &Programs,
    deadline: Instant,
    trace: &mut Trace,
) -> Result<String, Failure> {
    let asked = Instant::now();
    if programs.hanging(asked).contains(&spec.program) {
        let program = spec.program.display();
        let said = format!(
            "cannot start `{program}`: its former start still hangs; does the disk that it is on answer?"
        );
        return Err(Failure::unable(Cause::Unable, said));
    }
    let Some(place) = programs.place(deadline).await else {
        return Err(placeless(&programs.hanging(Instant::now())));
    };
    let started = Instant::now();
    let waited = started.saturating_duration_since(asked);
    // Waiting for a place is our time, not the program's.
    trace.restart(started);
    trace.enter(Phase::Processing, started);
    let had = deadline.saturating_duration_since(started);
    let mut running = match timeout_at(deadline, start(spec, programs, place, deadline)).await {
        Ok(started) => started.map_err(|error| cannot_start(spec, &error))?,
        Err(_) => return Err(unstarted(spec, waited, had)),
    };
    let Ok(ended) = timeout_at(deadline, running.listen()).await else {
        trace.close(Instant::now());
        running.kill().await;
        return Err(late(waited, had, &running));
    };
    trace.close(Instant::now());
    let code = ended.map_err(|error| {
        let why = lower_case(&error);
        Failure::unable(Cause::Unable, format!("cannot follow the program that was started: {why}"))
    })?;
    trace.facts.exit_code = code.code();
    let (out, err) = running.heard();
    verdict::read(code, out, err, &mut trace.warnings)
}

/// What a program is for which there was no place until the deadline, while the starts of these hang.
fn placeless(hanging: &[PathBuf]) -> Failure {
    let said = match hanging {
        [] => {
            format!("{PROGRAMS_AT_ONCE} programs ran at once until the deadline; probe less often")
        }
        [one, ..] => format!(
            "no place for the program until the deadline: of {PROGRAMS_AT_ONCE} that run at once {} hang in their start, \
             such as `{}`; does the disk that it is on answer?",
            hanging.len(),
            one.display()
        ),
    };
    Failure::unable(Cause::Overloaded, said)
}

/// What a program is that was killed at the deadline.
fn late(waited: Duration, had: Duration, running: &Running) -> Failure {
    let had = human_duration(had);
    if waited > WAITED {
        let waited = human_duration(waited);
        let said = format!(
            "the program waited {waited} for a place ({PROGRAMS_AT_ONCE} run at once) and was killed {had} after its start"
        );
        return Failure::unable(Cause::Overloaded, said);
    }
    let (out, _) = running.heard();
    let so_far = verdict::sentence(out).map(|line| format!("; so far it said: {line}"));
    let said = format!(
        "the program had not ended after {had}, and was killed{}",
        so_far.unwrap_or_default()
    );
    Failure::bad(Reason::ProgramTimeout, said)
}

/// What a program is whose start the system did not bring about in time.
fn unstarted(spec: &ExecSpec, waited: Duration, had: Duration) -> Failure {
    let (program, had) = (spec.program.display(), human_duration(had));
    if waited > WAITED {
        let waited = human_duration(waited);
        let said = format!(
            "the program waited {waited} for a place ({PROGRAMS_AT_ONCE} run at once), and was not started within the {had} left"
        );
        return Failure::unable(Cause::Overloaded, said);
    }
    let said = format!(
        "cannot start `{program}`: the system had not done so after {had}; does the disk that it is on answer?"
    );
    Failure::unable(Cause::Unable, said)
}

/// Starts the program on a thread of its own. Whoever drops this while it goes on has the program killed as soon as it is
/// started; it keeps its place until then.
async fn start(
    spec: &ExecSpec,
    programs: &Programs,
    place: OwnedSemaphorePermit,
    deadline: Instant,
) -> io::Result<Running> {
    let mut command = command(spec);
    let start = programs.begin(&spec.program, deadline);
    let programs = programs.clone();
    let (tell, told) = oneshot::channel();
    thread::Builder::new().name("start".to_owned()).spawn(move || {
        // Nothing but these three may reach it, whoever opened it or left it open for us.
        close_fds::set_fds_cloexec_threadsafe(FIRST_OF_OURS, &[]);
        // Nor a capability that this process was given; the set is this thread's, and so is nobody else's loss.
        let _ = clear_ambient_capability_set();
        let spawned = command.spawn();
        drop(start);
        let started = spawned.map(|child| Started::new(Placed { child, _place: place }, programs));
        if let Err(Ok(unwanted)) = tell.send(started) {
            unwanted.end();
        }
    })?;
    let started = told.await.map_err(|_| io::Error::other("its thread was lost"))?;
    Running::new(started?)
}

fn command(spec: &ExecSpec) -> Command {
    let mut command = Command::new(&spec.program);
    command
        .args(&spec.arguments)
        .env_clear()
        .envs(spec.env.iter().map(|(name, value)| (name, value.reveal())))
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn cannot_start(spec: &ExecSpec, error: &io::Error) -> Failure {
    let program = spec.program.display();
    let (cause, why) = match Errno::from_io_error(error) {
        Some(Errno::MFILE | Errno::NFILE) => {
            (Cause::Overloaded, "no file descriptor is left".to_owned())
        }
        Some(Errno::AGAIN | Errno::NOMEM) => {
            (Cause::Overloaded, "no further process or memory is to be had".to_owned())
        }
        Some(Errno::NOENT) => {
            (Cause::Unable, "it, or the interpreter in its first line, is not there".to_owned())
        }
        Some(Errno::ACCESS | Errno::PERM) => (Cause::Unable, "this user may not run it".to_owned()),
        Some(Errno::NOEXEC) => (
            Cause::Unable,
            "it is no program, and no script with `#!` in its first line".to_owned(),
        ),
        _ => (Cause::Unable, lower_case(error)),
    };
    Failure::unable(cause, format!("cannot start `{program}`: {why}"))
}
