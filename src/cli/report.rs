//! `nephoscope report`: how promises stood, what was down, and how that is known.
//!
//! Asks the running daemon over its local socket, or, with `--store`, reads stores at rest and merges what their vantages saw.
//! Either way there is one [`ReportForm`], which is printed as it is (json) or rendered: a table for the terminal, csv for a
//! spreadsheet, markdown for a ticket, one html file for a customer. Exit code 0 when the report was made from all that was
//! asked for, whatever it says; 1 when it could not be, or a store is missing from it; 2 for wrong usage.
//!
//! It computes no number.

mod csv;
mod grid;
mod html;
mod markdown;
mod stores;
mod table;
mod words;

use super::render::Paper;
use super::{Arguments, BAD, FINE, USAGE, complain};
use crate::web::report::{Question, ReportForm, Wrong};
use anyhow::Context as _;
use std::io::Write as _;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Asked {
    /// Over this rolling window (`30d`), or the one of the calendar that is not over yet (`month`) [default: each slo over
    /// its own].
    #[arg(long, value_name = "WINDOW", conflicts_with = "period")]
    window: Option<String>,

    /// Over this calendar period: `2026-10`, `2026-Q4`, `2026-W43`, `2026-10-05` or `2026`.
    #[arg(long, value_name = "PERIOD")]
    period: Option<String>,

    /// Only services that this fits: `service=NAME`, `provider=NAME` (and only its side), or a label, as in
    /// `team=storefront`. May be repeated; all have to fit.
    #[arg(long = "match", value_name = "KEY=VALUE")]
    matching: Vec<String>,

    /// How the report is written.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// Which rows a csv has; one kind, so that it is one table.
    #[arg(long, value_enum, default_value_t = csv::Rows::Standings)]
    rows: csv::Rows,

    /// Read this store at rest (a folder, as in `monitor.state`) instead of asking the daemon. May be repeated, one for each
    /// vantage; --config says what was watched and promised.
    #[arg(long = "store", value_name = "FOLDER")]
    stores: Vec<PathBuf>,

    /// How many of the stores must have seen bad for time to be bad [default: more than half].
    #[arg(long, value_name = "K", requires = "stores")]
    quorum: Option<usize>,
}

const EXAMPLES: &str = "\
Examples:
  nephoscope report                                    each slo over its own window, from the running daemon
  nephoscope report --period 2026-10 --format html > october.html
  nephoscope report --window 7d --match team=storefront
  nephoscope report --store vie-1/ --store fra-1/ --store dub-1/ --quorum 2 --format markdown

Exit codes: 0 the report was made, whatever it says; 1 it was not, or a store is missing from it; 2 wrong usage.";

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// For a terminal.
    Table,
    /// The form of the API, with every number.
    Json,
    /// For a spreadsheet.
    Csv,
    /// For a ticket.
    Markdown,
    /// One file with plots that can be mailed.
    Html,
}

pub(super) fn run(arguments: &Arguments, asked: &Asked) -> anyhow::Result<u8> {
    let question =
        Question::read(asked.window.as_deref(), asked.period.as_deref(), &asked.matching);
    let question = match question {
        Ok(question) => question,
        Err(wrong) => return Ok(refuse(&wrong)),
    };
    let form = if asked.stores.is_empty() {
        match from_daemon(arguments, &question)? {
            Ok(form) => form,
            Err(code) => return Ok(code),
        }
    } else {
        match stores::report(&arguments.config, &asked.stores, asked.quorum, &question) {
            Ok(form) => form,
            Err(code) => return Ok(code),
        }
    };
    let text = match asked.format {
        Format::Table => table::render(&form, Paper::of_process()),
        Format::Json => serde_json::to_string_pretty(&form).context("cannot write JSON")? + "\n",
        Format::Csv => csv::render(&form, asked.rows),
        Format::Markdown => markdown::render(&form),
        Format::Html => html::render(&form),
    };
    anstream::stdout().lock().write_all(text.as_bytes()).context("cannot write to stdout")?;
    let missing = form.vantages.iter().filter(|vantage| vantage.problem.is_some());
    let mut code = FINE;
    for vantage in missing {
        let problem = vantage.problem.as_deref().unwrap_or_default();
        complain(&format!("the report lacks `{}`: {problem}", vantage.source));
        code = BAD;
    }
    Ok(code)
}

/// The report of the running daemon, or the exit code after saying why there is none.
fn from_daemon(
    arguments: &Arguments,
    question: &Question,
) -> anyhow::Result<Result<ReportForm, u8>> {
    let parameters = question.parameters();
    let parameters: Vec<_> =
        parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = super::ask::daemon(arguments, async |client| {
        client.get("/api/v1/report", &parameters).await
    })?;
    Ok(answer.map_err(|unanswered| {
        if unanswered.code == BAD {
            complain(&format!("{}; or read its store with `--store`", unanswered.said));
            return BAD;
        }
        unanswered.complain()
    }))
}

fn refuse(wrong: &Wrong) -> u8 {
    complain(&format!("{}; {}", wrong.said, wrong.hint));
    USAGE
}
