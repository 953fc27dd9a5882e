//! The demo's story: which trouble comes when, in minutes that can be made shorter.
//!
//! [`STORY`] is a list of incidents with a calm before each; [`play`] goes through it over and over, changes the weather
//! and says one line when an incident begins and one when it ends. What the monitor makes of it is the monitor's business:
//! nothing here tells it.
//!
//! It does not print; whoever plays it is handed the lines.

use super::Demo;
use super::weather::{Mood, Weather};
use crate::clock::Instant;
use std::time::Duration;

/// One incident.
struct Incident {
    /// Seconds of good weather before it.
    calm: u64,
    /// Seconds it lasts.
    lasts: u64,
    /// The weather over aurora and borealis.
    weather: [Weather; 2],
    /// Said when it begins.
    begins: &'static str,
    /// Said when it ends.
    ends: &'static str,
}

const STORY: &[Incident] = &[
    Incident {
        calm: 20,
        lasts: 45,
        weather: [Weather::of(Mood::Slow), Weather::FINE],
        begins: "cloud aurora: slow, answers take 350 ms (watch it become degraded)",
        ends: "cloud aurora: quick again",
    },
    Incident {
        calm: 20,
        lasts: 45,
        weather: [Weather::FINE, Weather::of(Mood::Refusing)],
        begins: "cloud borealis: down, connections refused (each service goes on over aurora alone)",
        ends: "cloud borealis: back",
    },
    Incident {
        calm: 20,
        lasts: 40,
        weather: [Weather { old_certificate: true, ..Weather::FINE }, Weather::FINE],
        begins: "cloud aurora: its certificate ends in five days (a warning, not an outage)",
        ends: "cloud aurora: certificate renewed",
    },
    Incident {
        calm: 20,
        lasts: 45,
        weather: [Weather::FINE, Weather { wrong_names: true, ..Weather::FINE }],
        begins: "cloud borealis: its name server gives a wrong address (the servers themselves are fine)",
        ends: "cloud borealis: names are right again",
    },
    Incident {
        calm: 20,
        lasts: 45,
        weather: [Weather::of(Mood::Failing), Weather::FINE],
        begins: "cloud aurora: down, every answer is an error (503, 421, SERVFAIL)",
        ends: "cloud aurora: back",
    },
    Incident {
        calm: 20,
        lasts: 45,
        weather: [Weather::of(Mood::Silent), Weather::of(Mood::Refusing)],
        begins: "both clouds: down, aurora takes connections and says nothing, borealis refuses them",
        ends: "both clouds: back",
    },
];

/// One line of the story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Time in the story, from its start.
    pub at: Duration,
    /// What happens.
    pub what: &'static str,
}

impl std::fmt::Display for Line {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.at.as_secs();
        write!(out, "{:02}:{:02}  {}", seconds / 60, seconds % 60, self.what)
    }
}

/// Plays the story for ever, `speed` times as fast as written.
pub async fn play(demo: &Demo, speed: u32, mut say: impl FnMut(Line)) {
    let started = Instant::now();
    let mut at = Duration::ZERO;
    loop {
        for incident in STORY {
            at += Duration::from_secs(incident.calm);
            tokio::time::sleep_until(started + at / speed).await;
            demo.set(incident.weather);
            say(Line { at, what: incident.begins });
            at += Duration::from_secs(incident.lasts);
            tokio::time::sleep_until(started + at / speed).await;
            demo.set([Weather::FINE; 2]);
            say(Line { at, what: incident.ends });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Line;
    use std::time::Duration;

    #[test]
    fn lines_begin_with_minutes_and_seconds_of_the_story() {
        let line = Line { at: Duration::from_secs(85), what: "cloud aurora: back" };
        assert_eq!(line.to_string(), "01:25  cloud aurora: back");
    }
}
