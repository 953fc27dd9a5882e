//! Whether there are places enough for the runs of far sides that are all silent at once.
//!
//! A silent far side holds a place for the whole timeout, and is looked at about twice as often while it is confirmed as down.
//!
//! It asks nobody: what this host allows is looked at by the daemon.

use super::Config;

/// Runs of a silent check to those of its interval, while it is confirmed.
const CONFIRMING: f64 = 2.0;

impl Config {
    /// That outages would be confirmed late if every far side fell silent at once, in a sentence; `None` if there are places enough.
    pub fn short_places(&self) -> Option<String> {
        let references = self.references.iter().map(|reference| &reference.check);
        let share = self.checks.iter().chain(references).map(|check| {
            let shape = &check.shape;
            shape.timeout.as_secs_f64() / shape.interval.as_secs_f64()
        });
        let needed = (CONFIRMING * share.sum::<f64>()).ceil();
        let places = self.monitor.max_in_flight;
        (needed > f64::from(places)).then(|| {
            format!(
                "if everything fell silent at once, its runs would need {needed} places until it is confirmed as down, and there are \
                 {places} (`monitor.max_in_flight`): an outage of so much would be told late, and runs skipped"
            )
        })
    }
}
