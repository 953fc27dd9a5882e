//! `nephoscope status`: what the running daemon knows, without probing.
//!
//! Asks over the local socket. Without a name every side of every service, worst first; with a service (or
//! `service/endpoint`) its checks; both with how promises stand; with a check that check and its last runs. Above it all stands
//! what the monitor itself cannot see. Exit code 0 when all that was asked about is up or in maintenance, 1 when something is
//! not, 2 when there is no such thing; with `icinga` those of a plugin.
//!
//! It does not know what makes a state, and starts nothing.

mod icinga;
mod incident;
mod promise;
mod sight;
mod table;

use super::render::Paper;
use super::{Arguments, BAD, FINE, USAGE, complain};
use crate::client::{Client, Error};
use crate::model::State;
use crate::web::api::{
    CheckForm, ChecksForm, IncidentForm, OutagesForm, ResultsForm, ServiceForm, ServicesForm,
    SloForm, SlosForm, nearest,
};
use anyhow::Context as _;
use serde::Serialize;
use sight::Sight;
use std::io::Write as _;

#[derive(Debug, clap::Args)]
pub(super) struct Asked {
    /// A service, `service/endpoint` or `service/endpoint/probe` [default: every service].
    #[arg(value_name = "SERVICE|CHECK")]
    what: Option<String>,

    /// How the answer is written.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// For people.
    Human,
    /// The forms of the API, and under `sight` what the monitor itself cannot see.
    Json,
    /// One line with numbers, and exit codes 0 to 3, as of a plugin of Icinga or Nagios.
    Icinga,
}

/// One check with its last runs.
#[derive(Debug, Serialize)]
struct Closely {
    check: CheckForm,
    results: ResultsForm,
}

/// What was asked about, what is down of it and whose that is, and how its promises stand, in the scope they were made for.
#[derive(Debug, Serialize)]
struct WithPromises<T> {
    #[serde(flatten)]
    form: T,
    slos: Vec<SloForm>,
    incidents: Vec<IncidentForm>,
}

/// An answer below what the monitor cannot see.
#[derive(Serialize)]
struct Seen {
    sight: Sight,
    #[serde(flatten)]
    answer: Answer,
}

/// What is printed.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    Services(WithPromises<ServicesForm>),
    Checks(WithPromises<ChecksForm>),
    Check(Box<Closely>),
}

pub(super) fn run(arguments: &Arguments, asked: &Asked) -> anyhow::Result<u8> {
    let what = asked.what.as_deref();
    let (sight, answer) =
        match super::ask::daemon(arguments, async |client| ask(client, what).await)? {
            Ok(Ok(answer)) => answer,
            Ok(Err(said)) => return asked.format.refuse(&said, USAGE),
            Err(unanswered) => return asked.format.refuse(&unanswered.said, unanswered.code),
        };
    let code = if answer.all_up() { FINE } else { BAD };
    let (text, code) = match asked.format {
        Format::Human => (sight.lines() + &answer.human(Paper::of_process()), code),
        Format::Json => {
            let seen = serde_json::to_string_pretty(&Seen { sight, answer });
            (seen.context("cannot write the answer as JSON")? + "\n", code)
        }
        Format::Icinga => answer.icinga(&sight),
    };
    anstream::stdout().lock().write_all(text.as_bytes()).context("cannot write to stdout")?;
    Ok(code)
}

/// The answer to what was asked, or a sentence why there is none.
async fn ask(
    client: &Client,
    what: Option<&str>,
) -> Result<Result<(Sight, Answer), String>, Error> {
    let Some(what) = what else {
        let form: ServicesForm = client.get("/api/v1/services", &[]).await?;
        let slos = promises(client, &[]).await?;
        let incidents = incidents(client, None).await?;
        let sight = Sight::new(&form);
        return Ok(Ok((sight, Answer::Services(WithPromises { form, slos, incidents }))));
    };
    let answer = match of_checks(client, what).await? {
        Ok(answer) => answer,
        Err(wrong) => return Ok(Err(wrong)),
    };
    // One service is enough: what the monitor sees is said with whichever.
    let narrow = [("service", answer.service())];
    let sight = Sight::new(&client.get("/api/v1/services", &narrow).await?);
    Ok(Ok((sight, answer)))
}

/// The checks that are meant, or a sentence why there are none.
async fn of_checks(client: &Client, what: &str) -> Result<Result<Answer, String>, Error> {
    let prefix = format!("{what}/");
    let is_meant = |each: &CheckForm| each.check == what || each.check.starts_with(&prefix);
    let service = what.split('/').next().unwrap_or(what);
    let mut form = match checks(client, &[("service", service)]).await {
        Ok(form) if form.checks.iter().any(is_meant) => form,
        // All of them only where it is not there: one of them may be meant.
        Ok(_) | Err(Error::Refused { .. }) => checks(client, &[]).await?,
        Err(error) => return Err(error),
    };
    if form.checks.iter().any(|each| each.check == what) {
        form.checks.retain(|each| each.check == what);
        let results = client.get("/api/v1/results", &[("check", what)]).await?;
        let check = form.checks.remove(0);
        return Ok(Ok(Answer::Check(Box::new(Closely { check, results }))));
    }
    if form.checks.iter().any(|each| each.check.starts_with(&prefix)) {
        form.checks.retain(|each| each.check.starts_with(&prefix));
        form.total = form.checks.len();
        // An endpoint has no promises of its own.
        let is_service = form.checks.iter().any(|each| each.service == what);
        let slos =
            if is_service { promises(client, &[("service", what)]).await? } else { Vec::new() };
        let service = form.checks[0].service.clone();
        let incidents = incidents(client, Some(&service)).await?;
        return Ok(Ok(Answer::Checks(WithPromises { form, slos, incidents })));
    }
    let names = form.checks.iter().flat_map(|each| [each.service.as_str(), each.check.as_str()]);
    let hint = nearest(what, names).map_or_else(
        || "`nephoscope status` lists every service".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    Ok(Err(format!("the daemon has no service or check `{what}`: {hint}")))
}

/// All that `narrow` leaves, page by page.
async fn checks(client: &Client, narrow: &[(&str, &str)]) -> Result<ChecksForm, Error> {
    let mut form: ChecksForm = client.get("/api/v1/checks", narrow).await?;
    while let Some(after) = form.next.take() {
        let behind = [narrow, &[("after", &after)]].concat();
        let more: ChecksForm = client.get("/api/v1/checks", &behind).await?;
        form.checks.extend(more.checks);
        form.next = more.next;
    }
    Ok(form)
}

async fn promises(client: &Client, parameters: &[(&str, &str)]) -> Result<Vec<SloForm>, Error> {
    let mut form: SlosForm = client.get("/api/v1/slos", parameters).await?;
    form.slos.retain(|slo| slo.promised);
    Ok(form.slos)
}

/// The incidents that last and affect a service, or any.
async fn incidents(client: &Client, service: Option<&str>) -> Result<Vec<IncidentForm>, Error> {
    let mut parameters = vec![("active", "true")];
    parameters.extend(service.map(|service| ("service", service)));
    let mut form: OutagesForm = client.get("/api/v1/outages", &parameters).await?;
    if service.is_some() {
        form.incidents.retain(|each| form.outages.iter().any(|of| of.incident == each.id));
    }
    Ok(form.incidents)
}

fn of_service(service: &ServiceForm) -> icinga::Row {
    let sides = service.sides.iter().filter_map(|side| {
        let why = side.why.as_deref()?;
        Some(format!("{}: {why}", side.provider))
    });
    icinga::Row {
        name: service.service.clone(),
        state: service.state.clone(),
        why: sides.collect::<Vec<_>>().join(", "),
    }
}

impl Format {
    /// Says why there is no answer; gives back the exit code, which is `code` unless a plugin is asked for.
    fn refuse(self, said: &str, code: u8) -> anyhow::Result<u8> {
        match self {
            Self::Human | Self::Json => {
                complain(said);
                Ok(code)
            }
            Self::Icinga => {
                let line = icinga::cannot_tell(said);
                anstream::stdout()
                    .lock()
                    .write_all(line.as_bytes())
                    .context("cannot write to stdout")?;
                Ok(icinga::UNKNOWN)
            }
        }
    }
}

impl Answer {
    fn human(&self, paper: Paper) -> String {
        match self {
            Self::Services(each) => {
                table::services(&each.form, paper)
                    + &incident::lines(&each.incidents)
                    + &promise::table(&each.slos, paper)
            }
            Self::Checks(each) => {
                table::checks(&each.form, paper)
                    + &incident::lines(&each.incidents)
                    + &promise::table(&each.slos, paper)
            }
            Self::Check(closely) => table::check(&closely.check, &closely.results, paper),
        }
    }

    /// The name of a service that the answer is about.
    fn service(&self) -> &str {
        let first = match self {
            Self::Services(each) => each.form.services.first().map(|each| &each.service),
            Self::Checks(each) => each.form.checks.first().map(|each| &each.service),
            Self::Check(closely) => Some(&closely.check.service),
        };
        first.map_or("", String::as_str)
    }

    fn icinga(&self, sight: &Sight) -> (String, u8) {
        let of_check = |check: &'_ CheckForm| icinga::Row {
            name: check.check.clone(),
            state: check.state.clone(),
            why: check.why.clone().unwrap_or_default(),
        };
        let (what, rows): (_, Vec<_>) = match self {
            Self::Services(each) => {
                ("service", each.form.services.iter().map(of_service).collect())
            }
            Self::Checks(each) => ("check", each.form.checks.iter().map(of_check).collect()),
            Self::Check(closely) => ("check", vec![of_check(&closely.check)]),
        };
        icinga::render(&rows, what, sight)
    }

    /// Whether everything in the answer is up or in maintenance.
    fn all_up(&self) -> bool {
        let fine =
            |state: &str| State::from_word(state).is_some_and(|state| state <= State::Maintenance);
        match self {
            Self::Services(each) => each.form.services.iter().all(|each| fine(&each.state)),
            Self::Checks(each) => each.form.checks.iter().all(|each| fine(&each.state)),
            Self::Check(closely) => fine(&closely.check.state),
        }
    }
}
