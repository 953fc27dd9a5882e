//! The store on real files: restarts, kills at any byte, damage, a second daemon, and readers that change nothing.
//!
//! A kill is a copy of the files as they stand, or with the write-ahead log cut off somewhere: that is what a dead process or
//! a lost machine leaves behind. Every commit is asked for and waited for, so nothing depends on time.
//!
//! Rules of the queue and of retention are tested beside their code; `kill -9` on the whole daemon is elsewhere.

use nephoscope::clock::{SystemClock, WallClock};
use nephoscope::store::record::{
    CheckState, Confirmed, Entry, Health, Held, Outcome, Run, ScopeCount, ServiceState, Word,
};
use nephoscope::store::{
    self, Error, FILE, Fact, Image, LOCK, Name, Opened, Outage, Roster, Store, read,
};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

const NOW: i64 = 1_790_000_000_000;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn roster() -> Roster {
    Roster {
        vantage: "vienna".to_owned(),
        words: vec!["status".to_owned(), "stopped".to_owned()],
        services: vec!["shop".into()],
        checks: vec!["shop/aws/web".into(), "shop/gcp/web".into()],
    }
}

fn open(folder: &Path) -> Opened {
    store::open(folder, &roster(), Arc::new(SystemClock)).unwrap()
}

fn refusal(folder: &Path) -> Error {
    store::open(folder, &roster(), Arc::new(SystemClock)).err().expect("it is refused")
}

/// What a daemon would find.
fn found(folder: &Path) -> Image {
    let Opened { store, image } = open(folder);
    store.close();
    image
}

fn flush(store: &Store) {
    assert_eq!(store.flush().blocking_recv(), Ok(true));
}

/// Batch `seq`: a run of each check.
fn append(store: &Store, seq: u64) {
    let run = |check| Run {
        check,
        at_ms: NOW + i64::try_from(seq).unwrap() * 1_000,
        latency_us: 1_500,
        outcome: Outcome::Bad(Word(0)),
        recheck: false,
        warned: false,
    };
    store.append(seq, vec![Entry::Run(run(1)), Entry::Run(run(2))]);
}

/// A state that contains everything up to `seq`, and says so in its content.
fn state(seq: u64) -> ServiceState {
    let check = CheckState {
        settled_ms: NOW,
        begun_ms: NOW,
        held: Held::Unknown { cause: Word(1) },
        millis: [seq, 0, 0, 0],
        health: Health {
            confirmed: Confirmed::Down,
            against: 0,
            against_since_ms: NOW,
            warned: false,
            warn_against: 0,
            since_ms: NOW,
        },
        // So long that a state takes pages of its own.
        failures: vec![NOW; 800],
        lines: Vec::new(),
        cadence: Vec::new(),
    };
    let scope =
        ScopeCount { scope: "any".to_owned(), millis: [seq; 4], upto_ms: NOW, restated_ms: 0 };
    ServiceState {
        name: "shop".to_owned(),
        seq,
        scopes: vec![scope],
        checks: vec![(1, check.clone()), (2, check)],
    }
}

fn outage(id: &str) -> Fact {
    Fact::Outage(Outage { id: id.to_owned(), service: "shop".to_owned(), ..Outage::default() })
}

/// Every third batch comes with a state and every second with an outage.
fn send(store: &Store, seq: u64) {
    append(store, seq);
    if seq.is_multiple_of(3) {
        store.checkpoint(&state(seq));
    }
    if seq.is_multiple_of(2) {
        store.keep(outage(&format!("{seq:04}")));
    }
    flush(store);
}

/// Everything of the batches up to `last` is there, once, and nothing else.
fn assert_holds(image: &Image, last: u64) {
    let contained = last / 3 * 3;
    assert_eq!(image.last_seq, last);
    let rows: Vec<(u64, usize)> =
        image.journal.iter().map(|row| (row.seq, row.entries.len())).collect();
    assert_eq!(rows, (contained + 1..=last).map(|seq| (seq, 2)).collect::<Vec<_>>(), "{last}");
    for check in &image.checks {
        let state = check.state().unwrap();
        assert_eq!(check.seq, contained);
        assert_eq!(state.map_or(0, |state| state.millis[0]), contained);
    }
    let scopes: Vec<u64> = image.services[0].scopes.iter().map(|scope| scope.millis[0]).collect();
    assert_eq!(scopes.first().copied().unwrap_or(0), contained);
    assert_eq!(image.open_outages.len() as u64, last / 2);
}

/// The files of a folder, but not the lock.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let file = |entry: fs::DirEntry| {
        (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
    };
    entries.map(file).filter(|(name, _)| name != LOCK).collect()
}

fn put(files: &BTreeMap<String, Vec<u8>>) -> TempDir {
    let folder = folder();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

/// A store that stopped in peace after three batches.
fn at_rest() -> TempDir {
    let folder = folder();
    let Opened { store, .. } = open(folder.path());
    for seq in 1..=3 {
        send(&store, seq);
    }
    store.close();
    folder
}

#[test]
fn a_store_goes_on_where_it_stopped() {
    let folder = at_rest();
    let Opened { store, image } = open(folder.path());
    assert_holds(&image, 3);
    assert!(image.stopped_cleanly);
    assert!(image.heartbeat_ms.unwrap() >= image.created_ms);
    assert_eq!((image.vantage.as_str(), image.numbers.as_slice()), ("vienna", &[1, 2][..]));
    send(&store, 4);
    drop(store);
    // The writer's thread holds the lock until it is told to stop.
    assert!(matches!(refusal(folder.path()), Error::InUse { .. }));
}

#[test]
fn a_second_daemon_is_refused_and_a_later_one_is_not() {
    let folder = folder();
    let Opened { store, .. } = open(folder.path());
    let error = refusal(folder.path());
    assert!(!error.is_harmless());
    let place = folder.path().display();
    let said = format!(
        "another daemon uses the store in `{place}`; stop it, or give this one another `monitor.state`"
    );
    assert_eq!(error.to_string(), said);
    store.close();
    open(folder.path()).store.close();
}

#[test]
fn a_kill_after_any_commit_leaves_exactly_what_was_acknowledged() {
    let folder = folder();
    let Opened { store, .. } = open(folder.path());
    let first = files(folder.path())[FILE].len();
    let mut last = first;
    for seq in 1..=300 {
        send(&store, seq);
        if seq % 6 == 0 || seq > 290 {
            let files = files(folder.path());
            last = files[FILE].len();
            let image = found(put(&files).path());
            assert_holds(&image, seq);
            assert!(!image.stopped_cleanly);
        }
    }
    store.close();
    // The log was written into the file and begun anew on the way, which has to be among what is tried.
    assert!(last > first, "{first}");
}

#[test]
fn a_kill_inside_a_commit_leaves_what_was_acknowledged_before_it() {
    let folder = folder();
    let Opened { store, .. } = open(folder.path());
    let log = |files: &BTreeMap<String, Vec<u8>>| files["nephoscope.db-wal"].len();
    let mut files = files(folder.path());
    let mut lengths = vec![log(&files)];
    for seq in 1..=7 {
        send(&store, seq);
        files = self::files(folder.path());
        lengths.push(log(&files));
    }
    assert!(lengths.is_sorted_by(|a, b| a < b), "{lengths:?}");
    let whole = files["nephoscope.db-wal"].clone();
    files.remove("nephoscope.db-shm");
    for cut in (lengths[0]..=whole.len()).step_by(1_373).chain(lengths.iter().copied()) {
        files.insert("nephoscope.db-wal".to_owned(), whole[..cut].to_vec());
        let committed = lengths.iter().rposition(|length| *length <= cut).unwrap();
        assert_holds(&found(put(&files).path()), committed as u64);
    }
    store.close();
}

#[test]
fn a_rename_keeps_the_history_on_disk() {
    let folder = at_rest();
    let formerly = vec!["shop/aws/web".to_owned()];
    let front = Name { name: "shop/aws/front".to_owned(), formerly };
    let renamed = Roster { checks: vec![front, "shop/gcp/web".into()], ..roster() };
    for _ in 0..2 {
        let clock = Arc::new(SystemClock);
        let Opened { store, image } = store::open(folder.path(), &renamed, clock).unwrap();
        assert_eq!(image.numbers, [1, 2]);
        assert_holds(&image, 3);
        store.close();
    }
}

#[test]
fn a_store_at_rest_is_read_without_a_trace() {
    let folder = at_rest();
    fs::remove_file(folder.path().join(LOCK)).unwrap();
    let before = files(folder.path());
    let reader = read(folder.path()).unwrap();
    assert_holds(&reader.image().unwrap(), 3);
    assert_eq!(reader.outages(0, NOW).unwrap().len(), 1);
    let mut rows = Vec::new();
    reader.journal(|row| rows.push(row.seq)).unwrap();
    assert_eq!(rows, [1, 2, 3]);
    drop(reader);
    assert!(files(folder.path()) == before);
    assert!(!folder.path().join(LOCK).exists());
}

#[test]
fn a_running_store_can_be_read_and_goes_on() {
    let folder = folder();
    let Opened { store, .. } = open(folder.path());
    send(&store, 1);
    let reader = read(folder.path()).unwrap();
    assert_holds(&reader.image().unwrap(), 1);
    send(&store, 2);
    assert_holds(&reader.image().unwrap(), 2);
    store.close();
}

#[test]
fn a_killed_store_is_read_without_a_trace() {
    let folder = folder();
    let Opened { store, .. } = open(folder.path());
    send(&store, 1);
    send(&store, 2);
    let mut left = files(folder.path());
    let copy = put(&left);
    assert_holds(&read(copy.path()).unwrap().image().unwrap(), 2);
    assert!(files(copy.path()) == left);
    left.remove("nephoscope.db-shm");
    let error = read(put(&left).path()).err().unwrap();
    let why = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(why, "the write-ahead log was copied without its index (`nephoscope.db-shm`)");
    store.close();
}

#[test]
fn no_store_is_told_from_an_empty_one() {
    let folder = folder();
    assert!(matches!(read(folder.path()).err(), Some(Error::Absent { .. })));
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none());
    open(folder.path()).store.close();
    assert_holds(&read(folder.path()).unwrap().image().unwrap(), 0);
}

/// What a daemon and a reader say when the file is changed like this; nothing in it may be changed by that.
fn damaged_by(change: impl FnOnce(&mut Vec<u8>)) -> Error {
    let folder = at_rest();
    let file = folder.path().join(FILE);
    let mut bytes = fs::read(&file).unwrap();
    change(&mut bytes);
    fs::write(&file, &bytes).unwrap();
    let error = refusal(folder.path());
    assert!(!error.is_harmless(), "{error}");
    assert!(fs::read(&file).unwrap() == bytes, "{error}");
    let read = read(folder.path()).and_then(|reader| reader.image());
    assert!(read.is_err());
    error
}

#[test]
fn a_damaged_file_is_refused_and_left_alone() {
    let garbage = damaged_by(|bytes| *bytes = b"no database at all, just text ".repeat(400));
    let cut = damaged_by(|bytes| bytes.truncate(bytes.len() / 2));
    for error in [garbage, cut] {
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
        let said = "is damaged; put a copy of the folder in its place, or move the folder aside and start with an \
                    empty history";
        assert!(error.to_string().ends_with(said), "{error}");
    }
}

#[test]
fn a_byte_that_was_flipped_is_refused() {
    let page = 4_096;
    // The head of each page of the tree, and the middle of a record, which only its checksum protects.
    let error = damaged_by(|bytes| {
        for head in (page..bytes.len()).step_by(page) {
            bytes[head] ^= 0x55;
        }
    });
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    let error = damaged_by(|bytes| {
        let at = bytes.len() - page / 2;
        bytes[at] ^= 1;
    });
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
}

#[test]
fn a_file_of_a_newer_version_is_refused() {
    // The form is the big-endian number at byte 60 of the file, the application's at byte 68.
    let error = damaged_by(|bytes| bytes[63] += 1);
    assert!(matches!(error, Error::Newer { found, known, .. } if found == known + 1), "{error}");
    let error = damaged_by(|bytes| bytes[71] += 1);
    assert!(matches!(error, Error::Foreign { .. }), "{error}");
}

#[test]
fn an_empty_file_is_a_new_store() {
    let folder = folder();
    fs::write(folder.path().join(FILE), "").unwrap();
    assert_holds(&found(folder.path()), 0);
}

#[test]
fn where_nothing_can_be_written_nothing_is_damaged() {
    let folder = folder();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for place in [&file, &file.join("below")] {
        let error = refusal(place);
        assert!(matches!(error, Error::NotAFolder { .. }) && error.is_harmless(), "{error}");
    }
    // Nobody may make a folder there, not even root.
    let error = refusal(Path::new("/sys/nephoscope"));
    assert!(matches!(error, Error::Unwritable { .. }) && error.is_harmless(), "{error}");
    fs::create_dir(folder.path().join(FILE)).unwrap();
    let error = refusal(folder.path());
    assert!(matches!(error, Error::Failed { .. }) && error.is_harmless(), "{error}");
}

#[test]
fn the_numbers_of_the_store_are_told() {
    let folder = folder();
    let began = SystemClock.now().as_millis();
    let Opened { store, .. } = open(folder.path());
    append(&store, 1);
    flush(&store);
    let reading = store.stats().read();
    assert!(reading.commits >= 1 && reading.healthy && reading.last_commit_ms >= began);
    assert_eq!((reading.entries, reading.pending, reading.lost), (2, 0, [0; 4]));
    let on_disk: usize =
        ["", "-wal"].iter().map(|end| files(folder.path())[&format!("{FILE}{end}")].len()).sum();
    assert_eq!(reading.bytes, on_disk as u64);
    store.close();
}
