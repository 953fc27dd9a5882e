//! The configuration is read again while the daemon runs.
//!
//! Asked for by SIGHUP or over HTTP, one at a time: read and validate as a start does, compare with what is in force, and go
//! over. A file that cannot be used changes nothing; neither does one that would drop very many checks, unless that is forced.
//! Files can be watched too: what is in them is looked at every few seconds. Whoever asked is told, and so are log, page and metrics. Settings that hold until a restart are named and left as they are.
//!
//! How a monitor goes over is its own matter ([`crate::monitor::helm`]).

use super::apart::apart;
use super::face::Mirror;
use crate::clock::{Instant, WallClock};
use crate::config::diff::{Diff, MOST_DROPPED};
use crate::config::files::{Files, Isolated};
use crate::config::{self, Config, Problems};
use crate::model::{Action, counted};
use crate::monitor::helm::{Change, Turned};
use crate::monitor::{self, Monitor, View};
use crate::web::reload::{Answer, Asked, Refused, ReloadForm};
use crate::web::{Faces, Gate};
use std::error::Error as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

/// Problems of a file that are told one by one, in the log and to whoever asked.
const TOLD: usize = 50;

/// How often it is looked whether a watched file has changed; it is read when it is the same twice.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// That the configuration is to be read again.
pub(super) struct Wanted {
    /// What asks for it, for the log.
    by: &'static str,
    force: bool,
    answer: Option<oneshot::Sender<Answer>>,
}

impl Wanted {
    /// SIGHUP came.
    pub(super) fn by_signal() -> Self {
        Self { by: "SIGHUP", force: false, answer: None }
    }
}

/// What a reload needs.
pub(super) struct Reloader {
    files: Arc<Mutex<Files>>,
    /// Whether a changed file is read without being asked.
    watches: bool,
    /// When it is looked next whether a file has changed, and what was seen the last time.
    next_look: Instant,
    seen: Option<u64>,
    asked: mpsc::Receiver<Asked>,
    mirror: Mirror,
    faces: Faces,
    views: watch::Sender<View>,
    gate: Arc<Gate>,
    clock: Arc<dyn WallClock>,
}

impl Reloader {
    /// Reads `files` again, and shows what came of it; with `watches` also when they change.
    pub(super) fn new(
        (files, watches): (Files, bool),
        asked: mpsc::Receiver<Asked>,
        (mirror, faces, views, gate): (Mirror, Faces, watch::Sender<View>, Arc<Gate>),
        clock: Arc<dyn WallClock>,
    ) -> Self {
        let files = Arc::new(Mutex::new(files));
        let (next_look, seen) = (Instant::now() + LOOK_EVERY, None);
        Self { files, watches, next_look, seen, asked, mirror, faces, views, gate, clock }
    }

    /// Resolves when somebody asks for a reload, or when a watched file has changed.
    pub(super) async fn wanted(&mut self) -> Wanted {
        loop {
            // Somebody who waits for an answer goes before a look that nobody waits for.
            tokio::select! {
                biased;
                Some(Asked { force, answer }) = self.asked.recv() => {
                    return Wanted { by: "POST", force, answer: Some(answer) };
                }
                () = tokio::time::sleep_until(self.next_look), if self.watches => {}
            }
            if self.has_changed().await {
                return Wanted { by: "watch", force: false, answer: None };
            }
        }
    }

    /// Whether the files have changed, and have not since the last look: who writes them may not be done.
    async fn has_changed(&mut self) -> bool {
        self.next_look = Instant::now() + LOOK_EVERY;
        let files = Arc::clone(&self.files);
        let now = apart(move || lock(&files).changed()).await;
        let same = now.is_some() && now == self.seen;
        self.seen = now;
        same
    }

    async fn reload(&mut self, monitor: &mut Monitor, force: bool) -> Answer {
        let old = monitor.config();
        let mut reading = lock(&self.files).read().map_err(|problems| unusable(&problems))?;
        let isolated = std::mem::take(&mut reading.isolated);
        let (good, config::Loaded { config, warnings, .. }) = reading.into_parts();
        let fixed = Diff::of(&old, &config.clone().of_this_shard()).fixed;
        let config = config.with_fixed_of(&old).of_this_shard();
        let diff = Arc::new(Diff::of(&old, &config));
        drop(old);
        if diff.drops_too_many() && !force {
            return Err(too_many(&diff));
        }
        let mut notes: Vec<String> = fixed.iter().map(|name| needs_restart(name)).collect();
        for note in &notes {
            tracing::warn!(action = Action::RestartNeeded.as_str(), "{note}");
        }
        tell_isolated(&isolated);
        notes.extend(isolated.iter().map(ToString::to_string));
        let watches = config.monitor.watch;
        let (modules, listener) = (config.modules.clone(), config.listener.clone());
        let callers = diff.changes_listener().then(|| listener.clone());
        let said = diff.to_string();
        let notices = notices(&config, &warnings).into_iter().chain(notes.clone()).collect();
        let turned = monitor
            .turn(Change { config, notices, diff })
            .await
            .map_err(|error| impossible(&error))?;
        let Turned { view, given_up } = turned;
        self.watches = watches;
        if let Some(callers) = callers {
            self.gate.know(&callers);
        }
        lock(&self.files).accept(good);
        self.mirror.demands = self.mirror.demands.with(modules, &listener);
        self.faces.show(self.mirror.face(&view));
        // Without receivers of alerts nobody listens.
        let _ = self.views.send(view);
        if given_up > 0 {
            let action = Action::RunsGivenUp.as_str();
            tracing::info!(
                action,
                runs = given_up,
                "runs in flight of removed checks are given up"
            );
        }
        Ok(ReloadForm { said, notes, complete: isolated.is_empty() })
    }

    /// Says what came of a reload wherever it is looked for.
    fn tell(&self, monitor: &Monitor, by: &'static str, answer: &Answer) {
        let own = &self.mirror.own;
        match answer {
            Ok(form) => {
                own.set_reload(form.complete.then(|| self.clock.now()));
                let action = Action::Reloaded.as_str();
                tracing::info!(action, by, "the configuration was read again: {}", form.said);
            }
            Err(Refused { said, hint, .. }) => {
                own.set_reload(None);
                let mut lines = said.lines();
                let first = lines.next().unwrap_or_default();
                let action = Action::ReloadRefused.as_str();
                tracing::error!(action, by, "the configuration stays as it was: {first}; {hint}");
                for line in lines {
                    tracing::error!(action, by, "{}", line.trim_start());
                }
                let now = jiff::Timestamp::from_millisecond(self.clock.now().as_millis());
                let now = now.unwrap_or_default().strftime("%F %T UTC");
                let shown = format!(
                    "the last reload, at {now}, was refused, and what was read before is in force: {first}"
                );
                monitor.view().board.set_refused(Some(shown));
            }
        }
    }
}

/// Reads the configuration again, as wanted. It is done on a thread that ends soon after, because it leaves much room free.
pub(super) async fn reload(
    mut monitor: Monitor,
    mut reloader: Reloader,
    wanted: Wanted,
) -> (Monitor, Reloader) {
    apart(move || {
        let Wanted { by, force, answer } = wanted;
        let done = Handle::current().block_on(reloader.reload(&mut monitor, force));
        reloader.tell(&monitor, by, &done);
        if let Some(answer) = answer {
            // Whoever asked may have gone.
            let _ = answer.send(done);
        }
        (monitor, reloader)
    })
    .await
}

/// What the page says of a configuration: its warnings, and what this monitor could not tell or not in time.
pub fn notices(config: &Config, warnings: &Problems) -> Vec<String> {
    let warned = warnings.iter().map(|warning| warning.said().to_owned());
    warned.chain(config.blind_spots()).chain(config.short_places()).collect()
}

/// Files that are not in force as they are, in the log.
pub fn tell_isolated(isolated: &[Isolated]) {
    let action = Action::ReloadRefused.as_str();
    for file in isolated {
        tracing::error!(action, "{file}");
        for line in file.lines.iter().skip(1).take(TOLD) {
            tracing::error!(action, "{line}");
        }
    }
}

fn lock(files: &Mutex<Files>) -> MutexGuard<'_, Files> {
    files.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unusable(problems: &Problems) -> Refused {
    let mut said = format!("the file cannot be used: {}", counted(problems.errors(), "error"));
    for line in problems.lines().into_iter().take(TOLD) {
        said.push_str("\n  ");
        said.push_str(&line);
    }
    let hint = "`nephoscope validate` shows the places; mend them and reload".to_owned();
    Refused { said, hint, forceable: false }
}

fn too_many(diff: &Diff) -> Refused {
    let (dropped, before) = (diff.dropped(), diff.before);
    let said = format!(
        "{dropped} of {before} checks would be dropped, more than {MOST_DROPPED} % ({diff})"
    );
    let hint = "if that is meant, force it: `nephoscope reload --force`".to_owned();
    Refused { said, hint, forceable: true }
}

fn impossible(error: &monitor::Error) -> Refused {
    let why = error.source().map(|source| format!(": {source}")).unwrap_or_default();
    let hint = "what was in force still is; reload when that is mended".to_owned();
    Refused { said: format!("{error}{why}"), hint, forceable: false }
}

fn needs_restart(name: &str) -> String {
    format!("`{name}` has changed in the file, and needs a restart: until then the old value holds")
}
