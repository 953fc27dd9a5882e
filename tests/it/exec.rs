//! Exec probes with real programs: the contract of the plugins, what a program gets, and that nothing of it stays behind.
//!
//! Programs are scripts of a shell. Who holds the writing end of a named pipe is alive: its end of file shows that
//! a whole group is gone, without asking again and again.
//!
//! What exit codes and words mean one by one is in `probe::exec::verdict`.

use crate::support::spec::{AMPLE, engine, prober, run, spec};
use futures_util::future::join_all;
use nephoscope::clock::Instant;
use nephoscope::model::{
    Cause, EnvValue, ExecSpec, Outcome, Phase, ProbeKind, ProbeResult, Reason, Secret, Spec,
    Warning,
};
use nephoscope::probe::exec::PROGRAMS_AT_ONCE;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// For runs that are meant to be killed, with time to start on a busy machine.
const SHORT: Duration = Duration::from_millis(1_500);

/// For programs that never start: others have time meanwhile to start and to end.
const HANGING: Duration = Duration::from_secs(6);

/// What a run may take beyond its deadline on real processes, on a busy machine.
const TOLERANCE: Duration = Duration::from_millis(500);

/// A folder with scripts and named pipes.
struct Workshop(TempDir);

impl Workshop {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A named pipe; the handle gives what was written once nobody holds its writing end any more.
    fn pipe(&self) -> (PathBuf, tokio::task::JoinHandle<String>) {
        let path = self.path("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        let read = path.clone();
        let heard = tokio::task::spawn_blocking(move || {
            let mut words = String::new();
            File::open(read).unwrap().read_to_string(&mut words).unwrap();
            words
        });
        (path, heard)
    }
}

fn exec(program: &Path) -> ExecSpec {
    ExecSpec { program: program.to_owned(), arguments: Vec::new(), env: Vec::new() }
}

/// A program that does what `text` says to a shell. It is in no file: one that was written just now may still be open in a
/// child of another test, and could not be run then.
fn script(text: &str) -> ExecSpec {
    let arguments = ["-c", text, "check"].map(str::to_owned).to_vec();
    ExecSpec { arguments, ..exec(Path::new("/bin/sh")) }
}

fn of_exec(exec: ExecSpec) -> Spec {
    spec(ProbeKind::Exec(Box::new(exec)))
}

async fn run_script(text: &str) -> ProbeResult {
    run(of_exec(script(text)), AMPLE).await
}

/// The state of a process as the kernel says it; `None` once it is reaped.
fn state_of(pid: &str) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ").map(|(_, rest)| rest[..1].to_owned())
}

#[tokio::test]
async fn the_exit_code_judges_and_the_first_line_says_why() {
    let good = run_script("echo 'DISK OK - 4 % used | /=4%;80;90'\necho more").await;
    assert_eq!((good.outcome, &*good.said), (Outcome::Good, "DISK OK - 4 % used"));
    assert_eq!((good.facts.exit_code, good.address), (Some(0), None));
    let phases: Vec<_> = good.phases.iter().map(|(phase, _, _)| phase).collect();
    assert_eq!(phases, [Phase::Processing]);

    let warns = run_script("echo 'DISK WARNING - 85 % used'; exit 1").await;
    assert_eq!((warns.outcome, &*warns.said), (Outcome::Good, "DISK WARNING - 85 % used"));
    assert!(warns.warnings.contains(Warning::Program));

    let bad = run_script("echo 'DISK CRITICAL - full'; exit 2").await;
    assert_eq!((bad.outcome, &*bad.said), (Outcome::Bad(Reason::Program), "DISK CRITICAL - full"));

    let unknown = run_script("echo 'no such disk'; exit 3").await;
    assert_eq!(unknown.outcome, Outcome::Unknown(Cause::Program));
    assert_eq!(unknown.said, "the program could not tell (exit code 3): no such disk");
}

#[tokio::test]
async fn a_program_gets_its_arguments_and_environment_and_nothing_else() {
    let shop = Workshop::new();
    let program = script(
        "/usr/bin/env > \"$FOUND\"; echo \"$#:$1:$2\" >> \"$FOUND\"; pwd >> \"$FOUND\"; \
         cat >> \"$FOUND\"; ls -l /proc/self/fd >> \"$FOUND\"; cut -d' ' -f5 /proc/$$/stat >> \"$FOUND\"; \
         echo $$ >> \"$FOUND\"",
    );
    // Held open by this process, and by its name visible to whoever inherits it.
    let ours = File::create(shop.path("descriptor-of-ours")).unwrap();
    let found = shop.path("found");
    let spec = ExecSpec {
        arguments: [program.arguments.clone(), vec!["$(touch /nowhere) *".into(), String::new()]]
            .concat(),
        env: vec![
            ("FOUND".to_owned(), EnvValue::Text(found.display().to_string())),
            ("TOKEN".to_owned(), EnvValue::Secret(Secret::new("hunter2"))),
        ],
        ..program
    };
    assert!(!format!("{spec:?}").contains("hunter2"));
    let result = run(of_exec(spec), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    drop(ours);
    let found = std::fs::read_to_string(found).unwrap();
    let lines: Vec<&str> = found.lines().collect();
    // `sh` adds PWD, OLDPWD and `_` itself.
    let own =
        |line: &&&str| ["PWD=", "OLDPWD=", "_=", "SHLVL="].iter().any(|it| line.starts_with(it));
    let env: Vec<_> = lines
        .iter()
        .take_while(|line| line.contains('='))
        .filter(|line| !own(line))
        .map(|line| line.split('=').next().unwrap())
        .collect();
    assert_eq!(env.len(), 2, "{found}");
    assert!(lines.contains(&"TOKEN=hunter2"), "{found}");
    assert!(lines.contains(&"2:$(touch /nowhere) *:"), "{found}");
    assert!(lines.contains(&"/"), "{found}");
    assert!(!found.contains("descriptor-of-ours"), "{found}");
    let descriptors = lines.iter().filter(|line| line.contains(" -> ")).count();
    // Input, output, errors, and the folder that `ls` reads.
    assert_eq!(descriptors, 4, "{found}");
    assert!(found.contains("0 -> /dev/null"), "{found}");
    let [.., group, pid] = lines.as_slice() else { panic!("{found}") };
    assert_eq!(group, pid, "a group of its own");
}

#[tokio::test]
async fn a_program_that_does_not_end_is_killed_with_all_it_started() {
    let shop = Workshop::new();
    let (pipe, heard) = shop.pipe();
    let program = script(&format!(
        "exec 3>{0}\necho $$ >&3\necho started\n(trap '' TERM HUP INT; sleep 600) &\nsleep 600",
        pipe.display()
    ));
    let began = Instant::now();
    let result = run(of_exec(program.clone()), SHORT).await;
    let took = began.elapsed();
    assert_eq!(result.outcome, Outcome::Bad(Reason::ProgramTimeout), "{}", result.said);
    assert_eq!(result.phase, Phase::Processing);
    let said = &result.said;
    assert!(said.starts_with("the program had not ended after "), "{said}");
    assert!(said.ends_with(", and was killed; so far it said: started"), "{said}");
    assert!((SHORT..SHORT + TOLERANCE).contains(&took), "{took:?}");
    let pid = tokio::time::timeout(AMPLE, heard).await.expect("all of its group are gone").unwrap();
    assert_eq!(state_of(pid.trim()), None, "it is reaped when the run is over");
}

#[tokio::test]
async fn a_program_that_left_its_group_is_killed_too() {
    let shop = Workshop::new();
    let (pipe, heard) = shop.pipe();
    // Into the group of the one who started it: ours.
    let text = format!(
        "open(F, '>', '{}') or die; setpgrp(0, getpgrp(getppid())) or die; \
         syswrite(F, getpgrp(0) == $$ ? 'stayed' : 'left'); print qq(started\\n); close(STDOUT); sleep 600",
        pipe.display()
    );
    let arguments = ["-e".to_owned(), text].to_vec();
    let program = ExecSpec { arguments, ..exec(Path::new("/usr/bin/perl")) };
    let result = run(of_exec(program), SHORT).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::ProgramTimeout), "{}", result.said);
    assert!(result.said.ends_with("so far it said: started"), "{}", result.said);
    let words = tokio::time::timeout(AMPLE, heard).await.expect("it is killed").unwrap();
    assert_eq!(words, "left");
}

/// Another process that holds a file so that the kernel starts nobody from it until it is let go: as a disk that hangs.
struct Held(std::process::Child);

impl Held {
    /// Takes a lease for writing (`F_SETLEASE`) on the file at `path`; whoever opens it waits for up to 45 s.
    fn new(path: &Path) -> Self {
        let text = "$SIG{IO} = 'IGNORE'; open(F, '<', $ARGV[0]) or die; fcntl(F, 1024, 1) or die; \
                    $| = 1; print qq(held\\n); <STDIN>";
        let mut held = std::process::Command::new("/usr/bin/perl")
            .args(["-e", text])
            .arg(path)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut word = [0; 5];
        held.stdout.take().unwrap().read_exact(&mut word).unwrap();
        assert_eq!(&word, b"held\n");
        Self(held)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_start_that_hangs_ends_at_the_deadline_and_holds_nobody_up() {
    let shop = Workshop::new();
    let slow = shop.path("slow");
    // Copied by somebody else, so that this process never had it open.
    let copied = std::process::Command::new("cp").arg("/bin/sleep").arg(&slow).status().unwrap();
    assert!(copied.success());
    let held = Held::new(&slow);
    let engine = engine();
    let program = ExecSpec { arguments: vec!["600".to_owned()], ..exec(&slow) };
    let fine = prober(of_exec(script("echo fine")), &engine);
    let hanging: Vec<_> =
        (1..PROGRAMS_AT_ONCE).map(|_| prober(of_exec(program.clone()), &engine)).collect();
    let began = Instant::now();
    let hanging = join_all(hanging.iter().map(|each| each.probe(HANGING)));
    let (hanging, answered) =
        tokio::join!(biased; hanging, async { (fine.probe(AMPLE).await, began.elapsed()) });
    let took = began.elapsed();
    assert!((HANGING..HANGING + TOLERANCE).contains(&took), "{took:?}");
    for each in hanging {
        assert_eq!(each.outcome, Outcome::Unknown(Cause::Unable), "{}", each.said);
        let said = format!("cannot start `{}`: the system had not done so after ", slow.display());
        assert!(each.said.starts_with(&said), "{}", each.said);
    }
    let (answered, at) = answered;
    assert_eq!((answered.outcome, &*answered.said), (Outcome::Good, "fine"));
    assert!(at < HANGING, "{at:?}");

    // What hangs keeps its place, and takes no other when it is due again.
    let again = prober(of_exec(program), &engine);
    for _ in 0..PROGRAMS_AT_ONCE {
        let again = again.probe(AMPLE).await;
        assert_eq!(again.outcome, Outcome::Unknown(Cause::Unable), "{}", again.said);
        let said = format!("cannot start `{}`: its former start still hangs", slow.display());
        assert!(again.said.starts_with(&said), "{}", again.said);
        assert!(again.latency < SHORT, "{:?}", again.latency);
    }
    let next = fine.probe(AMPLE).await;
    assert_eq!((next.outcome, &*next.said), (Outcome::Good, "fine"));

    // Another one runs, and then there is no place.
    let last = prober(of_exec(script("exec sleep 600")), &engine);
    let (last, none) = tokio::join!(biased; last.probe(SHORT * 2), fine.probe(SHORT));
    assert_eq!(last.outcome, Outcome::Bad(Reason::ProgramTimeout), "{}", last.said);
    assert_eq!(none.outcome, Outcome::Unknown(Cause::Overloaded), "{}", none.said);
    let said = format!(
        "no place for the program until the deadline: of 16 that run at once 15 hang in their start, such as `{}`; does \
         the disk that it is on answer?",
        slow.display()
    );
    assert_eq!(none.said, said);

    // Those that are started after all are not wanted any more.
    drop(held);
    let next = fine.probe(AMPLE).await;
    assert_eq!((next.outcome, &*next.said), (Outcome::Good, "fine"));
    while again.probe(Duration::from_millis(100)).await.outcome
        != Outcome::Bad(Reason::ProgramTimeout)
    {
        assert!(began.elapsed() < AMPLE * 3, "it may be started again");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_a_program_leaves_behind_ends_with_it() {
    let shop = Workshop::new();
    let (pipe, heard) = shop.pipe();
    let program =
        script(&format!("exec 3>{}\necho left >&3\nsleep 600 &\necho fine", pipe.display()));
    let result = run(of_exec(program.clone()), AMPLE).await;
    assert_eq!((result.outcome, &*result.said), (Outcome::Good, "fine"));
    assert!(result.latency < AMPLE / 2, "{:?}", result.latency);
    let words = tokio::time::timeout(AMPLE, heard).await.expect("nobody is left").unwrap();
    assert_eq!(words, "left\n");
}

#[tokio::test]
async fn who_leaves_the_group_holds_nobody_up() {
    let shop = Workshop::new();
    let kept = shop.path("pid");
    let program = script(&format!(
        "setsid sh -c 'echo $$ > {0}.new; mv {0}.new {0}; exec sleep 30' &\n\
         while [ ! -e {0} ]; do :; done\necho fine",
        kept.display()
    ));
    let result = run(of_exec(program.clone()), AMPLE).await;
    // It has our pipes still, and is not ours to kill: the program said that it is to live on.
    let pid = std::fs::read_to_string(&kept).unwrap();
    let ended = std::process::Command::new("kill").arg(pid.trim()).status().unwrap();
    assert!(ended.success());
    assert_eq!((result.outcome, &*result.said), (Outcome::Good, "fine"));
}

#[tokio::test]
async fn a_run_that_is_given_up_kills_its_program() {
    let shop = Workshop::new();
    let (pipe, heard) = shop.pipe();
    let telling = shop.path("telling");
    std::process::Command::new("mkfifo").arg(&telling).status().unwrap();
    let program = script(&format!(
        "exec 3>{}\necho here >&3\necho > {}\nsleep 600",
        pipe.display(),
        telling.display()
    ));
    let prober = prober(of_exec(program.clone()), &engine());
    let running = tokio::task::spawn_blocking(move || std::fs::read(telling).unwrap());
    // The run first, as it has to be polled for anything to happen.
    tokio::select! {
        biased;
        result = prober.probe(AMPLE) => panic!("it was to be given up: {}", result.said),
        read = running => assert_eq!(read.unwrap(), b"\n"),
    }
    let words = tokio::time::timeout(AMPLE, heard).await.expect("it is gone").unwrap();
    assert_eq!(words, "here\n");
}

#[tokio::test]
async fn words_without_end_are_bounded_and_hold_nobody_up() {
    let loud = run_script(
        "echo CRITICAL\nhead -c 20000000 /dev/zero\nhead -c 9000000 /dev/zero >&2\nexit 2",
    )
    .await;
    assert_eq!((loud.outcome, &*loud.said), (Outcome::Bad(Reason::Program), "CRITICAL"));
    let began = Instant::now();
    let endless = run(of_exec(script("exec cat /dev/zero")), SHORT).await;
    assert_eq!(endless.outcome, Outcome::Bad(Reason::ProgramTimeout), "{}", endless.said);
    assert!(endless.said.len() < 1000, "{}", endless.said.len());
    assert!(began.elapsed() < SHORT + TOLERANCE, "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_cannot_be_started_is_our_fault() {
    let shop = Workshop::new();
    let plain = shop.path("plain");
    // Copied by somebody else, so that this process never had it open to write.
    let copied = std::process::Command::new("cp").arg("/etc/passwd").arg(&plain).status().unwrap();
    assert!(copied.success());
    let cases = [
        (shop.path("nobody"), "it, or the interpreter in its first line, is not there"),
        (plain.clone(), "this user may not run it"),
    ];
    for (program, why) in cases {
        let result = run(of_exec(exec(&program)), AMPLE).await;
        assert_eq!(result.outcome, Outcome::Unknown(Cause::Unable), "{}", result.said);
        assert_eq!(result.said, format!("cannot start `{}`: {why}", program.display()));
    }
    // Executable, and nothing the kernel knows: no shell is asked to try.
    std::fs::set_permissions(&plain, std::fs::Permissions::from_mode(0o755)).unwrap();
    let result = run(of_exec(exec(&plain)), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Unknown(Cause::Unable), "{}", result.said);
    assert!(result.said.ends_with("no script with `#!` in its first line"), "{}", result.said);
}

#[tokio::test]
async fn so_many_run_at_once_and_the_next_is_not_the_far_sides_fault() {
    let program = script("exec sleep 600");
    let engine = engine();
    let slow: Vec<_> =
        (0..PROGRAMS_AT_ONCE).map(|_| prober(of_exec(program.clone()), &engine)).collect();
    let late = prober(of_exec(program.clone()), &engine);
    let ample = SHORT * 3;
    let first = join_all(slow.iter().map(|each| each.probe(ample)));
    let (first, late) = tokio::join!(biased; first, late.probe(SHORT));
    for each in first {
        assert_eq!(each.outcome, Outcome::Bad(Reason::ProgramTimeout), "{}", each.said);
    }
    assert_eq!(late.outcome, Outcome::Unknown(Cause::Overloaded), "{}", late.said);
    assert_eq!(late.said, "16 programs ran at once until the deadline; probe less often");
    // Their places are free again.
    let next = prober(of_exec(script("echo fine")), &engine).probe(AMPLE).await;
    assert_eq!((next.outcome, &*next.said), (Outcome::Good, "fine"));
}
