//! `nephoscope maintenance add|list|end`: windows at run time, over the local socket.
//!
//! `add` prints the id of the new window on stdout and what it is about on stderr, so that a deploy job can keep the one and a
//! person read the other. Exit code 0 when it was done, 1 when no daemon answers, 2 when it was refused.
//!
//! It decides nothing: the daemon does, and refuses with what to do about it.

mod table;

use super::render::Paper;
use super::{Arguments, FINE, complain};
use crate::client::{Client, Error};
use crate::config::parse_duration;
use crate::web::api::{AnnounceForm, AnnouncedForm, MaintenanceForm};
use anyhow::Context as _;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

const PATH: &str = "/api/v1/maintenance";

#[derive(Debug, clap::Subcommand)]
pub(super) enum Asked {
    /// Announce a window, from now or from `--start`; prints its id.
    ///
    /// Every --match must fit, one of its values is enough: `--match service=shop,pay --match provider=aws`. Keys are
    /// service, provider, region, endpoint, probe, and the labels of services. A window that starts in the past needs --by and
    /// --reason: it changes numbers that were shown, and closed calendar periods get a second revision that says so.
    Add(Add),
    /// Say what holds now, what is to come and what has ended.
    List(List),
    /// End a window now, before its time; one that has not begun is called off.
    End(End),
}

#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// What it is about; repeatable.
    #[arg(long = "match", value_name = "KEY=VALUE[,VALUE]", required = true, value_parser = one_match)]
    matching: Vec<(String, Vec<String>)>,

    /// How long it lasts: 15m, 1h30m.
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration, required_unless_present = "end", conflicts_with = "end")]
    lasts: Option<Duration>,

    /// When it begins, in RFC 3339 [default: now].
    #[arg(long, value_name = "TIME", value_parser = moment)]
    start: Option<f64>,

    /// When it ends, in RFC 3339: 2026-10-04T02:00:00+02:00.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    end: Option<f64>,

    /// Who announces it.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,

    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,

    /// Mean a window longer than 31 days.
    #[arg(long)]
    force: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// How the list is written.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, clap::Args)]
pub(super) struct End {
    /// The id that `add` printed.
    #[arg(value_name = "ID")]
    id: String,

    /// Who ends it.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// For people; the last 20 that ended.
    Table,
    /// The form of the API.
    Json,
}

pub(super) fn run(arguments: &Arguments, asked: &Asked) -> anyhow::Result<u8> {
    let done = super::ask::daemon(arguments, async |client| match asked {
        Asked::Add(add) => announce(client, add).await,
        Asked::List(list) => show(client, list).await,
        Asked::End(end) => finish(client, end).await,
    })?;
    match done {
        Ok(text) => {
            let mut out = anstream::stdout().lock();
            out.write_all(text.as_bytes()).context("cannot write to stdout")?;
            Ok(FINE)
        }
        Err(unanswered) => Ok(unanswered.complain()),
    }
}

async fn announce(client: &Client, add: &Add) -> Result<String, Error> {
    let mut matching = BTreeMap::<_, Vec<_>>::new();
    for (key, values) in &add.matching {
        matching.entry(key.clone()).or_default().extend(values.iter().cloned());
    }
    let form = AnnounceForm {
        matching,
        start: add.start,
        end: add.end,
        for_s: add.lasts.map(|lasts| lasts.as_secs_f64()),
        by: add.by.clone().unwrap_or_default(),
        reason: add.reason.clone().unwrap_or_default(),
        force: add.force,
    };
    let announced: AnnouncedForm = client.post(PATH, &form).await?;
    tell(&table::announced(&announced), &announced);
    Ok(format!("{}\n", announced.window.id))
}

async fn show(client: &Client, list: &List) -> Result<String, Error> {
    let form: MaintenanceForm = client.get(PATH, &[]).await?;
    Ok(match list.format {
        Format::Table => table::list(&form, Paper::of_process()),
        Format::Json => {
            serde_json::to_string_pretty(&form).expect("a form of the API can be written") + "\n"
        }
    })
}

async fn finish(client: &Client, end: &End) -> Result<String, Error> {
    let id: String = url::form_urlencoded::byte_serialize(end.id.as_bytes()).collect();
    let ended: AnnouncedForm = client
        .delete(&format!("{PATH}/{id}"), &[("by", end.by.as_deref().unwrap_or_default())])
        .await?;
    tell(&table::ended(&ended), &ended);
    Ok(String::new())
}

/// What came of it, for a person.
fn tell(words: &str, announced: &AnnouncedForm) {
    complain(words);
    if !announced.stored {
        complain("the store has not taken it: a restart of the daemon forgets it");
    }
}

/// `service=shop,pay`.
fn one_match(text: &str) -> Result<(String, Vec<String>), String> {
    let (key, values) = text.split_once('=').ok_or_else(|| {
        format!("`{text}` has no `=`; expected a key and its values, as in `service=shop`")
    })?;
    let values: Vec<_> = values.split(',').map(str::trim).map(str::to_owned).collect();
    if key.is_empty() || values.iter().any(String::is_empty) {
        return Err(format!(
            "`{text}` lacks a key or a value; expected one such as `service=shop,pay`"
        ));
    }
    Ok((key.trim().to_owned(), values))
}

/// Unix seconds of an RFC 3339 moment.
fn moment(text: &str) -> Result<f64, String> {
    let moment: jiff::Timestamp = text.parse().map_err(|_| {
        format!("`{text}` is not a moment; expected one with an offset, such as `2026-10-04T02:00:00+02:00`")
    })?;
    Ok(crate::model::Timestamp::from_millis(moment.as_millisecond()).as_secs_f64())
}
