//! `GET /probe`: one run now, in the manner of `blackbox_exporter`, so that existing scrape jobs move over by changing an
//! address.
//!
//! `module` is the name of a probe, `target` takes the place of its url, address or name server, `hostname` that of the
//! name in `Host` and TLS, `var_NAME` fills placeholders. The answer has the field's metrics, whether the run was good or
//! not; with `debug=true` it is the story of the run for a person. The header in which Prometheus says how long it waits is
//! honoured. A run that this monitor could not do gives no metrics, so that the scrape fails and not the target.
//!
//! It does not probe ([`Demands`] does) and keeps nothing.

use super::gate::is_foreign;
use super::{Face, story};
use crate::config::{DEFAULT_MODULE, Unfit, Wish};
use crate::metrics::field;
use crate::model::Outcome;
use crate::monitor::demand::{Ran, Refused};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::time::Duration;

/// Where it is.
pub(super) const PATH: &str = "/probe";

/// In which Prometheus says how long it waits, in seconds.
const PATIENCE: &str = "x-prometheus-scrape-timeout-seconds";

/// In which a browser says whose page asks (Fetch Metadata).
const FROM: &str = "sec-fetch-site";

/// What it says there of our own pages, and of an address that somebody typed.
const OURS: [&str; 2] = ["same-origin", "none"];

/// When to come again after too many.
const COME_AGAIN: HeaderValue = HeaderValue::from_static("1");

/// What a request asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    wish: Wish,
    debug: bool,
}

/// `GET /probe`.
pub(super) async fn ask(
    State(face): State<Face>,
    headers: HeaderMap,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Response {
    if is_foreign(&headers)
        || headers.get_all(FROM).iter().any(|site| OURS.iter().all(|our| site != our))
    {
        let said = "a page of another site asks for this; use `/probe` without a browser, or open it yourself\n";
        return text(StatusCode::FORBIDDEN, said.to_owned());
    }
    let Ok(Query(pairs)) = query else {
        return wrong(&Unfit { said: "the query cannot be read".into(), hint: USAGE.into() });
    };
    let asked = match read(pairs) {
        Ok(asked) => asked,
        Err(unfit) => return wrong(&unfit),
    };
    let patience = match patience(&headers) {
        Ok(patience) => patience,
        Err(unfit) => return wrong(&unfit),
    };
    match face.demands.run(&asked.wish, patience).await {
        Ok(ran) if asked.debug => text(StatusCode::OK, story::page(&asked.wish.module, &ran)),
        Ok(ran) => metrics(&ran),
        Err(Refused::Unfit(unfit)) => wrong(&unfit),
        Err(Refused::Busy(at_once)) => {
            let said = format!(
                "{at_once} probes run on demand already; ask again, or raise `listener.probe.at_once`\n"
            );
            let mut response = text(StatusCode::SERVICE_UNAVAILABLE, said);
            response.headers_mut().insert(header::RETRY_AFTER, COME_AGAIN);
            response
        }
        Err(Refused::Closed) => text(
            StatusCode::FORBIDDEN,
            "nothing may be probed on demand over this listener: anybody who reaches it may ask, so \
             `listener.probe.networks` must say where it may lead (or name who may ask, in `listener`)\n"
                .to_owned(),
        ),
        Err(Refused::Beyond(ip)) => text(
            StatusCode::FORBIDDEN,
            format!(
                "`{ip}` is not in the networks that may be probed on demand; add it to `listener.probe.networks` if it is to be\n"
            ),
        ),
    }
}

/// What becomes of a request that calls us by a name, where being on this machine is all that is asked of who comes.
pub(super) fn refuse_names() -> Response {
    let said = "over this listener `/probe` is for who calls it by address, as `127.0.0.1`, or as `localhost`: a name could be \
         anybody's; name who may ask in `listener`\n";
    text(StatusCode::FORBIDDEN, said.to_owned())
}

const USAGE: &str = "`/probe?module=http_2xx&target=https://shop.example.com/`, with `hostname`, \
     `debug=true` and `var_NAME` where needed";

/// What the parameters say; each may stand there once.
fn read(pairs: Vec<(String, String)>) -> Result<Asked, Unfit> {
    let mut asked = Asked::default();
    let mut seen = std::collections::BTreeSet::new();
    for (name, value) in pairs {
        if !seen.insert(name.clone()) {
            return Err(unfit(format!("`{name}` is given twice")));
        }
        let wish = &mut asked.wish;
        match name.as_str() {
            "module" => wish.module = value,
            "target" => wish.target = value,
            "hostname" if value.is_empty() => {}
            "hostname" => wish.hostname = Some(value),
            "debug" => asked.debug = value == "true",
            _ => match name.strip_prefix("var_") {
                Some(var) if !var.is_empty() => {
                    wish.vars.insert(var.to_owned(), value);
                }
                _ => return Err(unfit(format!("there is no parameter `{name}`"))),
            },
        }
    }
    if asked.wish.module.is_empty() {
        DEFAULT_MODULE.clone_into(&mut asked.wish.module);
    }
    Ok(asked)
}

fn unfit(said: String) -> Unfit {
    Unfit { said, hint: USAGE.to_owned() }
}

/// How long whoever asks waits, if it is said.
fn patience(headers: &HeaderMap) -> Result<Option<Duration>, Unfit> {
    let Some(value) = headers.get(PATIENCE) else { return Ok(None) };
    let seconds = value.to_str().ok().and_then(|text| text.parse::<f64>().ok());
    seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).map(Some).ok_or_else(
        || Unfit {
            said: format!("`{PATIENCE}` is no number of seconds"),
            hint: "Prometheus sends the scrape's timeout there, such as `10`".to_owned(),
        },
    )
}

fn metrics(ran: &Ran) -> Response {
    if let Outcome::Unknown(cause) = ran.result.outcome {
        let said = format!("this monitor could not look ({cause}): {}\n", ran.result.said);
        return text(StatusCode::SERVICE_UNAVAILABLE, said);
    }
    let run = field::Run { labels: "", protocol: ran.spec.kind.name(), result: &ran.result };
    let mut out = String::new();
    field::write(&mut out, &[run]);
    text(StatusCode::OK, out)
}

fn wrong(unfit: &Unfit) -> Response {
    let said = match unfit.hint.as_str() {
        "" => format!("{}\n", unfit.said),
        hint => format!("{}; {hint}\n", unfit.said),
    };
    text(StatusCode::BAD_REQUEST, said)
}

/// Plain text: the exposition's own form, which is one of it, and words.
fn text(status: StatusCode, body: String) -> Response {
    const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";
    (status, [(header::CONTENT_TYPE, TEXT_FORMAT)], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::{HeaderMap, PATIENCE, patience, read};
    use std::time::Duration;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn parameters_are_those_of_the_field_and_placeholders() {
        let asked = read(pairs(&[
            ("target", "a.example"),
            ("debug", "true"),
            ("var_host", "b"),
            ("hostname", ""),
        ]))
        .unwrap();
        assert_eq!((asked.wish.module.as_str(), asked.debug), ("http_2xx", true));
        assert_eq!(asked.wish.vars["host"], "b");
        assert_eq!(asked.wish.hostname, None);
        let said = |list: &[(&str, &str)]| read(pairs(list)).unwrap_err().said;
        assert_eq!(said(&[("taget", "a")]), "there is no parameter `taget`");
        assert_eq!(said(&[("var_", "a")]), "there is no parameter `var_`");
        assert_eq!(said(&[("target", "a"), ("target", "b")]), "`target` is given twice");
    }

    #[test]
    fn patience_is_a_number_of_seconds() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(PATIENCE, text.parse().unwrap());
            patience(&headers)
        };
        assert_eq!(patience(&HeaderMap::new()), Ok(None));
        assert_eq!(of("2.5"), Ok(Some(Duration::from_millis(2_500))));
        for odd in ["", "soon", "-1", "NaN", "inf", "1e300"] {
            assert!(of(odd).unwrap_err().said.contains("no number"), "{odd}");
        }
    }
}
