//! `nephoscope status`: what the running daemon knows, without probing.
//!
//! Asks over the local socket. Without a name every side of every service, worst first; with a service (or
//! `service/endpoint`) its checks; both with how promises stand; with a check that check and its last runs. Exit code 0 when all that was asked about is
//! up or in maintenance, 1 when something is not, 2 when there is no such thing.
//!
//! It does not know what makes a state, and starts nothing.

mod incident;
mod promise;
mod table;

use super::render::Paper;
use super::{Arguments, BAD, FINE, USAGE, complain};
use crate::client::socket::{Place, candidates};
use crate::client::{Client, Error};
use crate::model::State;
use crate::web::api::{
    CheckForm, ChecksForm, IncidentForm, OutagesForm, ResultsForm, ServicesForm, SloForm, SlosForm,
    nearest,
};
use anyhow::Context as _;
use serde::Serialize;
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
    /// The forms of the API.
    Json,
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

/// What is printed.
enum Answer {
    Services(WithPromises<ServicesForm>),
    Checks(WithPromises<ChecksForm>),
    Check(Box<Closely>),
}

pub(super) fn run(arguments: &Arguments, asked: &Asked) -> anyhow::Result<u8> {
    let client = Client::new(candidates(&Place::of_process(arguments.socket.clone())));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let answer = match runtime.block_on(ask(&client, asked.what.as_deref())) {
        Ok(Ok(answer)) => answer,
        Ok(Err(wrong)) => {
            complain(&wrong);
            return Ok(USAGE);
        }
        Err(Error::Refused { said }) => {
            complain(&said);
            return Ok(USAGE);
        }
        // Its sentence says where was looked and what to do; the system's words below it would add nothing.
        Err(silent @ Error::Silent { .. }) => {
            complain(&silent.to_string());
            return Ok(BAD);
        }
        Err(error) => return Err(error.into()),
    };
    let text = match asked.format {
        Format::Human => answer.human(Paper::of_process()),
        Format::Json => answer.json()?,
    };
    anstream::stdout().lock().write_all(text.as_bytes()).context("cannot write to stdout")?;
    Ok(if answer.all_up() { FINE } else { BAD })
}

/// The answer to what was asked, or a sentence why there is none.
async fn ask(client: &Client, what: Option<&str>) -> Result<Result<Answer, String>, Error> {
    let Some(what) = what else {
        let form = client.get("/api/v1/services", &[]).await?;
        let slos = promises(client, &[]).await?;
        let incidents = incidents(client, None).await?;
        return Ok(Ok(Answer::Services(WithPromises { form, slos, incidents })));
    };
    let mut form: ChecksForm = client.get("/api/v1/checks", &[]).await?;
    let prefix = format!("{what}/");
    if form.checks.iter().any(|each| each.check == what) {
        form.checks.retain(|each| each.check == what);
        let results = client.get("/api/v1/results", &[("check", what)]).await?;
        let check = form.checks.remove(0);
        return Ok(Ok(Answer::Check(Box::new(Closely { check, results }))));
    }
    if form.checks.iter().any(|each| each.check.starts_with(&prefix)) {
        form.checks.retain(|each| each.check.starts_with(&prefix));
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

    fn json(&self) -> anyhow::Result<String> {
        let text = match self {
            Self::Services(form) => serde_json::to_string_pretty(form),
            Self::Checks(form) => serde_json::to_string_pretty(form),
            Self::Check(closely) => serde_json::to_string_pretty(closely),
        };
        Ok(text.context("cannot write the answer as JSON")? + "\n")
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
