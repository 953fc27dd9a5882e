//! `nephoscope drill start|end|list`: a failover that is meant, announced over the local socket.
//!
//! The daemon measures what follows and calls none of it silent; it switches nothing itself. Exit code 0 when it was done, 1
//! when no daemon answers, 2 when it was refused.
//!
//! It decides nothing: the daemon does, and refuses with what to do about it.

use super::{Arguments, FINE, complain};
use crate::client::{Client, Error};
use crate::model::{Timestamp, human_duration};
use crate::web::api::{DrillForm, DrilledForm, DrillsForm, StartForm};
use anyhow::Context as _;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

const PATH: &str = "/api/v1/drills";

#[derive(Debug, clap::Subcommand)]
pub(super) enum Asked {
    /// Say that the public name of a service is about to be switched, so that it is measured and not called silent.
    Start(Start),
    /// Say that it is over.
    End(End),
    /// List the drills that are on, and the last ones.
    List,
}

#[derive(Debug, clap::Args)]
pub(super) struct Start {
    /// The service.
    #[arg(value_name = "SERVICE")]
    service: String,

    /// Who drills.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,

    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct End {
    /// The service.
    #[arg(value_name = "SERVICE")]
    service: String,

    /// Who ends it.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

pub(super) fn run(arguments: &Arguments, asked: &Asked) -> anyhow::Result<u8> {
    match super::ask::daemon(arguments, async |client| ask(client, asked).await)? {
        Ok(text) => {
            let mut out = anstream::stdout().lock();
            out.write_all(text.as_bytes()).context("cannot write to stdout")?;
            Ok(FINE)
        }
        Err(unanswered) => Ok(unanswered.complain()),
    }
}

async fn ask(client: &Client, asked: &Asked) -> Result<String, Error> {
    match asked {
        Asked::Start(start) => {
            let form = StartForm {
                service: start.service.clone(),
                by: start.by.clone().unwrap_or_default(),
                reason: start.reason.clone().unwrap_or_default(),
            };
            let started: DrilledForm = client.post(PATH, &form).await?;
            let service = &started.drill.service;
            tell(
                &format!(
                    "a drill of `{service}` is on; end it with `nephoscope drill end {service}`"
                ),
                &started,
            );
            Ok(String::new())
        }
        Asked::End(end) => {
            let service: String =
                url::form_urlencoded::byte_serialize(end.service.as_bytes()).collect();
            let by = end.by.as_deref().unwrap_or_default();
            let ended: DrilledForm =
                client.delete(&format!("{PATH}/{service}"), &[("by", by)]).await?;
            let (drill, lasted) = (&ended.drill, lasted(&ended.drill, f64::NAN));
            tell(&format!("the drill of `{}` is over after {lasted}", drill.service), &ended);
            Ok(String::new())
        }
        Asked::List => {
            let form: DrillsForm = client.get(PATH, &[]).await?;
            Ok(list(&form))
        }
    }
}

/// What came of it, for a person.
fn tell(words: &str, drilled: &DrilledForm) {
    complain(words);
    if !drilled.stored {
        complain("the store has not taken it: a restart of the daemon forgets it");
    }
}

fn list(form: &DrillsForm) -> String {
    let mut text = String::new();
    for drill in &form.drills {
        let state = if drill.ended.is_none() { "on for" } else { "lasted" };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a moment of the API, within the calendar"
        )]
        let began = Timestamp::from_millis((drill.started * 1e3).round() as i64);
        let (service, lasted) = (&drill.service, lasted(drill, form.at));
        let (day, clock) = (super::render::day(began), super::render::clock(began));
        write!(text, "{service}  {day} {clock}  {state} {lasted}").expect(INFALLIBLE);
        for (what, said) in [("by", &drill.by), ("because", &drill.reason)] {
            if !said.is_empty() {
                write!(text, "  {what} {said}").expect(INFALLIBLE);
            }
        }
        text.push('\n');
    }
    if text.is_empty() { "no drill was ever started\n".to_owned() } else { text }
}

fn lasted(drill: &DrillForm, now: f64) -> String {
    let seconds = (drill.ended.unwrap_or(now) - drill.started).max(0.0);
    human_duration(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

const INFALLIBLE: &str = "writing to a string cannot fail";
