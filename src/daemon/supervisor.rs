//! Words to the service manager: ready, alive, reloading, stopping, and a line for `systemctl status`.
//!
//! The daemon is ready when every scheduler has planned its first round. After that it looks every few seconds whether
//! schedulers and recorder have moved, by the answer that `/livez` gives, and only then feeds the watchdog: a scheduler that is
//! stuck starves it, and the manager starts the daemon anew. Whoever looks does so in the daemon's own loop, not on a timer of
//! its own, so that a loop that is stuck feeds nobody either. Without a manager nothing is looked at.
//!
//! It decides nothing: not what being alive means (`monitor` does), nor what happens to a daemon that is not.

use crate::clock::Instant;
use crate::model::Action;
use sd_notify::NotifyState as Word;
use std::time::Duration;

/// How often the watchdog is fed and the line told anew.
const EVERY: Duration = Duration::from_secs(5);

/// How often it is looked whether the daemon is ready yet.
const READY_EVERY: Duration = Duration::from_millis(20);

/// The watchdog is fed at least so many times within its time.
const MEALS: u32 = 3;

/// A question whose answer is nothing, or a sentence why not.
type Question = Box<dyn Fn() -> Result<(), String> + Send + Sync>;

/// What a service manager is told, and when it is told next.
pub(super) struct Supervisor {
    ready: Question,
    alive: Question,
    status: Box<dyn Fn() -> String + Send + Sync>,
    stage: Stage,
    every: Duration,
    /// When to look next; `None` without a service manager.
    next: Option<Instant>,
}

/// How far the manager has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It waits for the daemon to be ready.
    Starting,
    /// It knows that the daemon is ready.
    Ready,
    /// As before, and its watchdog is not fed because something is stuck.
    Starving,
}

impl Supervisor {
    /// For this process, with the watchdog that its manager asks for; silent if there is no manager.
    pub(super) fn new(
        ready: Question,
        alive: Question,
        status: Box<dyn Fn() -> String + Send + Sync>,
    ) -> Self {
        #[expect(clippy::disallowed_methods, reason = "the one door to this variable")]
        let managed = std::env::var_os("NOTIFY_SOCKET").is_some();
        let every = sd_notify::watchdog_enabled().map_or(EVERY, |within| EVERY.min(within / MEALS));
        let next = managed.then(Instant::now);
        Self { ready, alive, status, stage: Stage::Starting, every, next }
    }

    /// Resolves when there is something to tell; waiting may be given up at any time.
    pub(super) async fn due(&self) {
        match self.next {
            Some(next) => tokio::time::sleep_until(next).await,
            None => std::future::pending().await,
        }
    }

    /// Looks, and tells what is so.
    pub(super) fn tell(&mut self) {
        let said = (self.status)();
        let words = self.words(&said);
        if !words.is_empty() {
            tell(&words);
        }
        let pause = if self.stage == Stage::Starting { READY_EVERY } else { self.every };
        self.next = Some(Instant::now() + pause);
    }

    /// What there is to tell now; goes on to the next stage.
    fn words<'a>(&mut self, said: &'a str) -> Vec<Word<'a>> {
        let was = self.stage;
        if was == Stage::Starting && (self.ready)().is_err() {
            return Vec::new();
        }
        let mut words = vec![Word::Status(said)];
        if was == Stage::Starting {
            words.push(Word::Ready);
        }
        match (self.alive)() {
            Ok(()) => {
                words.push(Word::Watchdog);
                self.stage = Stage::Ready;
            }
            Err(why) => {
                if was != Stage::Starving {
                    tracing::error!(
                        action = Action::Stuck.as_str(),
                        why,
                        "stuck: the watchdog is not fed until that moves"
                    );
                }
                self.stage = Stage::Starving;
            }
        }
        words
    }
}

/// Tells the manager that `reload` is under way, and that it is over when it is.
///
/// The watchdog is not fed meanwhile: a reload that never ends is a daemon that is stuck.
pub(super) async fn reloading<T>(reload: impl Future<Output = T>) -> T {
    let mut words = vec![Word::Reloading];
    // What managers from 253 on want to know of when a reload began.
    words.extend(Word::monotonic_usec_now());
    tell(&words);
    let done = reload.await;
    tell(&[Word::Ready]);
    done
}

/// Tells the manager that the daemon ends because it wants to.
pub(super) fn stopping() {
    tell(&[Word::Stopping, Word::Status("stopping: runs in flight may end")]);
}

fn tell(words: &[Word<'_>]) {
    if let Err(error) = sd_notify::notify(words) {
        tracing::warn!(
            action = Action::ManagerLost.as_str(),
            error = error.to_string(),
            "cannot reach the service manager at `$NOTIFY_SOCKET`"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{Supervisor, Word};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// Which words are told, in their order.
    fn told(supervisor: &mut Supervisor) -> Vec<String> {
        supervisor.words("2 checks, 1 down").iter().map(Word::to_string).collect()
    }

    /// A flag, and the question whether it is set.
    fn flag(set: bool) -> (Arc<AtomicBool>, super::Question) {
        let flag = Arc::new(AtomicBool::new(set));
        let asked = Arc::clone(&flag);
        let no = || Err("a scheduler has not moved for 11 s".to_owned());
        (flag, Box::new(move || if asked.load(Ordering::Relaxed) { Ok(()) } else { no() }))
    }

    #[test]
    fn the_watchdog_starves_while_something_is_stuck_and_only_then() {
        let ((ready, is_ready), (alive, is_alive)) = (flag(false), flag(true));
        let mut supervisor = Supervisor::new(is_ready, is_alive, Box::new(String::new));
        let status = "STATUS=2 checks, 1 down";
        assert!(told(&mut supervisor).is_empty(), "not ready yet");
        ready.store(true, Ordering::Relaxed);
        assert_eq!(told(&mut supervisor), [status, "READY=1", "WATCHDOG=1"]);
        assert_eq!(told(&mut supervisor), [status, "WATCHDOG=1"]);
        alive.store(false, Ordering::Relaxed);
        assert_eq!(told(&mut supervisor), [status]);
        assert_eq!(told(&mut supervisor), [status]);
        alive.store(true, Ordering::Relaxed);
        assert_eq!(told(&mut supervisor), [status, "WATCHDOG=1"]);
    }
}
