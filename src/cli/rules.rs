//! `nephoscope rules`: Prometheus rules for the configured services and promises, to stdout.
//!
//! The file says how it was made, so that whoever finds it on a Prometheus knows how to make it again.
//!
//! What the rules are is decided in `rules`.

use super::{Arguments, FINE, USAGE, complain, validate};
use crate::config::Config;
use crate::rules::{Wanted, rules};
use anyhow::Context as _;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

pub(super) const AFTER_HELP: &str = "\
Examples:
  nephoscope rules > /etc/prometheus/rules/nephoscope.yml
  nephoscope rules --vantages 3 --quorum 2 --grafana https://grafana.example.com
  nephoscope rules --vantages 5 --quorum 1              # five shards

Make the file again whenever the configuration changes: a service that is newer than the rules is alerted without the
labels of its owner. Needs Prometheus 2.42 or later (`keep_firing_for`).";

/// More vantages than anybody has are a typing error.
const MOST_VANTAGES: u32 = 100;

#[derive(Debug, clap::Args)]
pub(super) struct Asked {
    /// How many daemons watch these services from different places, all scraped by the Prometheus that gets the rules.
    /// Shards count too, with `--quorum 1`.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_VANTAGES)))]
    vantages: u32,

    /// How many of them have to agree [default: more than half].
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_VANTAGES)))]
    quorum: Option<u32>,

    /// The Grafana that has the dashboards; without it links are relative, as Grafana's own alert list takes them.
    #[arg(long, value_name = "URL", default_value = "")]
    grafana: String,

    /// Where the runbook is; each alert adds its anchor.
    #[arg(long, value_name = "URL", default_value = "runbook.md")]
    runbook: String,
}

pub(super) fn run(arguments: &Arguments, asked: &Asked) -> anyhow::Result<u8> {
    let vantages = asked.vantages;
    let quorum = asked.quorum.unwrap_or(vantages / 2 + 1);
    if quorum > vantages {
        complain(&format!(
            "{quorum} of {vantages} vantages can never agree: `--quorum` is at most `--vantages`"
        ));
        return Ok(USAGE);
    }
    let Some(loaded) = validate::load(&arguments.config) else { return Ok(USAGE) };
    let file = rules(&Wanted {
        services: &loaded.config.services,
        vantages,
        quorum,
        grafana: asked.grafana.trim_end_matches('/'),
        runbook: &asked.runbook,
        detail: loaded.config.metrics.detail,
        longest: longest(&loaded.config),
        settles: settles(&loaded.config),
    });
    let mut text = head(arguments, asked, quorum);
    // A line of text stays a line.
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    let yaml = serde_saphyr::to_string_with_options(&file, options);
    text.push_str(&yaml.context("cannot write the rules as YAML")?);
    std::io::stdout().lock().write_all(text.as_bytes()).context("cannot write to stdout")?;
    Ok(FINE)
}

/// The longest interval.
fn longest(config: &Config) -> Duration {
    config.checks.iter().map(|check| check.shape.interval).max().unwrap_or_default()
}

/// The longest that a result may be out before it is counted.
fn settles(config: &Config) -> Duration {
    let longest = config.checks.iter().map(|check| check.shape.interval + check.shape.timeout);
    longest.max().unwrap_or_default() + config.patience
}

fn head(arguments: &Arguments, asked: &Asked, quorum: u32) -> String {
    let mut command = format!("nephoscope rules --config {}", arguments.config.display());
    if asked.vantages > 1 {
        write!(command, " --vantages {} --quorum {quorum}", asked.vantages).expect(INFALLIBLE);
    }
    for (flag, value, default) in
        [("grafana", &asked.grafana, ""), ("runbook", &asked.runbook, "runbook.md")]
    {
        if value != default {
            write!(command, " --{flag} {value}").expect(INFALLIBLE);
        }
    }
    format!(
        "# Rules for Prometheus 2.42 or later, made by `{command}`; make them again when the configuration changes.\n"
    )
}

const INFALLIBLE: &str = "writing to a string cannot fail";
