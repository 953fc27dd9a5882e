//! `nephoscope replay`: the promises of a configuration on results that were recorded.
//!
//! Reads the file to its end first, since its lines ascend per check only, and keeps what matters of each check; then each
//! instant sees what started before it, and nothing else. The numbers are those of the daemon's own engine, without the bounds
//! on memory that a daemon needs: nothing is coalesced. Exit code 2 for a file that cannot be read as results, 0
//! whatever the numbers say.
//!
//! What a promise is worth is `slo`'s business; how a row looks, `monitor::form`'s.

mod progress;
pub(super) mod stage;
mod table;
mod tape;

use super::render::Paper;
use super::results::Line;
use super::results::moment::moment;
use super::{Arguments, FINE, USAGE, complain, results, validate};
use crate::model::Timestamp;
use crate::monitor::form::StandingForm;
use anyhow::Context as _;
use progress::Progress;
use stage::Stage;
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// A longer line is no result.
const MOST_LINE_BYTES: u64 = 1 << 20;

/// What is read at once.
const CHUNK: usize = 1 << 18;

/// The form of a line, and one whole example.
pub(super) const AFTER_HELP: &str = r#"A line of results:
  {"t":1780185600.5,"check":"shop/aws/web","verdict":"bad","latency_ms":12.5,"reason":"status"}

  t           when the run started: Unix seconds or RFC 3339; ascending per check
  check       service/endpoint/probe, or service/entry/probe for the public name
  verdict     good, bad or unknown
  latency_ms  how long it took, for promises of kind `latency` (may be left out)
  reason      why (may be left out)
  until       holds exactly to there; without it, to the next result or for the check's `hold`

`nephoscope export` writes such a file from the store, with three keys more, so that nothing is lost:

  recheck        true: an extra look; counts as a failed run of alerts and not as time
  runs           the grid results taken, [[first, seconds between two, how many], …]; the lines themselves do not count then
  watched_since  before it the check takes no part in its service; without it, it was unknown

Example: nephoscope replay --results october.ndjson --at 2026-11-01T00:00:00Z --format table"#;

#[derive(Debug, clap::Args)]
pub(super) struct Asked {
    /// The recorded results, one JSON object a line; `-` is stdin.
    #[arg(long, value_name = "FILE")]
    results: PathBuf,

    /// An instant: Unix seconds (1780185600.5) or RFC 3339 (2026-05-31T00:00:00Z); may be given several times.
    #[arg(long, value_name = "TIME", required = true, num_args = 1.., value_parser = moment)]
    at: Vec<Timestamp>,

    /// How the rows are written.
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// An array with one object per instant, promise and scope.
    Json,
    /// For people.
    Table,
}

pub(super) fn run(arguments: &Arguments, asked: &Asked) -> anyhow::Result<u8> {
    let Some(loaded) = validate::load(&arguments.config) else {
        return Ok(USAGE);
    };
    let mut stage = Stage::new(&loaded.config, &asked.at);
    if stage.is_empty() {
        let file = arguments.config.display();
        complain(&format!("no service of `{file}` has a promise (`slo` or `objective`)"));
    }
    let name = name(&asked.results);
    let (input, length) = match open(&asked.results) {
        Ok(opened) => opened,
        Err(error) => {
            complain(&format!("cannot read {name}: {error}"));
            return Ok(USAGE);
        }
    };
    if let Some(wrong) = read(input, length, &name, &mut stage)? {
        complain(&wrong);
        return Ok(USAGE);
    }
    let rows = stage.rows(&asked.at);
    print(&rows, asked.format)?;
    Ok(FINE)
}

fn name(file: &Path) -> String {
    if file == Path::new("-") { "stdin".to_owned() } else { format!("`{}`", file.display()) }
}

/// The input, and how long it is if that is known.
fn open(file: &Path) -> std::io::Result<(Box<dyn std::io::Read>, Option<u64>)> {
    if file == Path::new("-") {
        return Ok((Box::new(std::io::stdin()), None));
    }
    let file = File::open(file)?;
    let about = file.metadata()?;
    if about.is_dir() {
        return Err(std::io::ErrorKind::IsADirectory.into());
    }
    let length = about.is_file().then_some(about.len());
    Ok((Box::new(file), length))
}

/// Plays every line to the stage; what is wrong with the first bad one, if there is one.
fn read(
    input: Box<dyn std::io::Read>,
    length: Option<u64>,
    name: &str,
    stage: &mut Stage<'_>,
) -> anyhow::Result<Option<String>> {
    let mut input = BufReader::with_capacity(CHUNK, input);
    let mut progress = Progress::new(length);
    let mut line = Vec::new();
    let mut strays = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let most = MOST_LINE_BYTES + 1;
        let bytes = input.by_ref().take(most).read_until(b'\n', &mut line);
        let bytes = bytes.with_context(|| format!("cannot read {name}"))?;
        if bytes == 0 {
            break;
        }
        if bytes as u64 == most {
            let wrong = format!("{name}, line {number}: it is longer than {MOST_LINE_BYTES} bytes");
            return Ok(Some(wrong));
        }
        progress.read(bytes);
        if line.trim_ascii().is_empty() {
            continue;
        }
        let played = Line::read(&line).and_then(|line| stage.play(line, number));
        match played {
            Ok(None) => {}
            Ok(Some(stray)) if strays.contains(&stray) => {}
            Ok(Some(stray)) => {
                let keys = results::known_keys();
                complain(&format!(
                    "{name}, line {number}: the key `{stray}` is ignored; a result has {keys}"
                ));
                strays.push(stray);
            }
            Err(wrong) => return Ok(Some(format!("{name}, line {number}: {wrong}"))),
        }
    }
    Ok(None)
}

fn print(rows: &[StandingForm], format: Format) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    let written = match format {
        Format::Json => write_json(rows, &mut out),
        Format::Table => out.write_all(table::table(rows, Paper::of_process()).as_bytes()),
    };
    written.and_then(|()| out.flush()).context("cannot write to stdout")
}

/// An array with one row a line.
fn write_json(rows: &[StandingForm], out: &mut impl std::io::Write) -> std::io::Result<()> {
    let mut text = String::from("[");
    for (position, row) in rows.iter().enumerate() {
        text.push_str(if position == 0 { "\n" } else { ",\n" });
        text.push_str(&serde_json::to_string(row)?);
    }
    text.push_str(if rows.is_empty() { "]\n" } else { "\n]\n" });
    out.write_all(text.as_bytes())
}
