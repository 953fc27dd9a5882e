//! Histories for the dashboards: what a Prometheus would have scraped from monitors in a simulated world.
//!
//! The production monitor runs under the paused clock with scripted outages, and its own exposition is written down once a
//! minute as OpenMetrics with timestamps, as two instances at two vantage points and beside a foreign job. Every grid run is
//! written down too, so that availability can be worked out without us. `NEPHOSCOPE_HISTORY=FOLDER` writes the files that
//! `tests/real/boards` reads; without it a short history is made and looked at. Looks at the one public name are scripted too, and
//! a receiver and a store say that they are well.
//!
//! No name is looked up, and nothing is pushed or stored.

use crate::twin::Clock;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use nephoscope::clock::{Instant, WallClock};
use nephoscope::config::{Config, load_text};
use nephoscope::dashboards::{self, Reading};
use nephoscope::failover::{Answer, Led, Observation};
use nephoscope::metrics::{Exposition, Own, PushNumbers, StoreNumbers};
use nephoscope::model::{Cause, Check, CheckIndex, Outcome, Phase, ProbeResult, Reason, Timestamp};
use nephoscope::monitor::scheduler::Share;
use nephoscope::monitor::{self, Runner, numbers, scheduler};
use nephoscope::seed::Stream;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;

/// A scrape comes once in so long.
const SCRAPE: Duration = Duration::from_mins(1);
/// What is watched. One equal result is enough, so that there are no rechecks and every run is on the grid.
const CONFIG: &str = include_str!("history.toml");

/// Which world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weather {
    /// Known outages: `SPELLS`.
    Mixed,
    AllUp,
    AllDown,
    /// Twenty thousand checks; on one cloud a twentieth of them fails.
    Many,
}

/// Services of the world of many, each with five checks on each of two clouds.
const MANY_SERVICES: usize = 2_000;
/// In the mixed world the public name leads to the other cloud from this minute to that one.
const SWITCHED: std::ops::Range<u64> = 97..117;

/// In the mixed world: what is bad from which minute on, for how many, and why.
const SPELLS: [(&str, u64, u64, Reason); 7] = [
    ("shop/aws", 60, 30, Reason::ConnectRefused),
    ("shop/", 150, 5, Reason::Status),
    ("mail/gcp", 200, 45, Reason::TlsExpired),
    ("login/aws", 95, 20, Reason::TooSlow),
    ("media/", 240, 12, Reason::Status),
    // These still last at the end.
    ("search/aws", 330, 600, Reason::Body),
    ("mail/", 352, 600, Reason::Status),
];

/// A scripted far side for every check.
struct Script {
    weather: Weather,
    checks: Arc<[Arc<Check>]>,
    draws: Vec<Mutex<Stream>>,
    clock: Arc<Clock>,
    /// One JSON object a run: what `replay` and people read.
    runs: Mutex<String>,
}

impl Script {
    fn reason(&self, check: &Check) -> Option<Reason> {
        let minute = u64::try_from(self.clock.passed()).unwrap() / 60_000;
        let id = check.id.as_str();
        // A public name gives what the cloud gives that it leads to.
        let place = if check.provider.is_empty() {
            format!("login/{}/web", leads(self.weather, minute).0)
        } else {
            id.to_owned()
        };
        let struck = |(start, from, lasts, _): &(&str, u64, u64, Reason)| {
            place.starts_with(start) && (*from..from + lasts).contains(&minute)
        };
        match self.weather {
            _ if id.contains("example.org") => None,
            Weather::AllUp => None,
            Weather::AllDown => Some(Reason::ConnectRefused),
            Weather::Mixed => SPELLS.iter().find(|spell| struck(spell)).map(|spell| spell.3),
            Weather::Many => {
                (id.contains("00/aws/") || id.contains("50/aws/")).then_some(Reason::ConnectRefused)
            }
        }
    }
}

/// Where the public name leads at a minute, and to what address.
fn leads(weather: Weather, minute: u64) -> (&'static str, IpAddr) {
    if weather == Weather::Mixed && SWITCHED.contains(&minute) {
        ("gcp", IpAddr::from([192, 0, 2, 200]))
    } else {
        ("aws", IpAddr::from([192, 0, 2, 1]))
    }
}

/// What a look at it gives: the zone's server and the resolver agree.
fn look(address: IpAddr) -> Observation {
    let answer = |who: &str| {
        let led = Led { addresses: vec![address], chain: Vec::new(), ttl: Duration::from_mins(1) };
        Answer { who: who.into(), said: Ok(led) }
    };
    Observation {
        authoritative: vec![answer("ns.example.com")],
        resolvers: vec![answer("system")],
        ..Observation::default()
    }
}

impl Runner for Script {
    fn run(&self, index: CheckIndex, _: Duration) -> BoxFuture<'static, ProbeResult> {
        let check = Arc::clone(&self.checks[index.get()]);
        let reason = self.reason(&check);
        let mut draw = self.draws[index.get()].lock().unwrap();
        let far = if &*check.provider == "gcp" { 45 } else { 30 };
        let spread = draw.below(far) + if draw.chance(40) { far * 6 } else { 0 };
        let steps = [
            (Phase::Resolve, 1 + draw.below(4)),
            (Phase::Connect, far / 3),
            (Phase::Tls, far / 2),
            (Phase::Processing, far + spread),
            (Phase::Transfer, 1 + draw.below(3)),
        ];
        drop(draw);
        let verdict = if reason.is_some() { "bad" } else { "good" };
        let (at, id) = (self.clock.now().as_secs_f64(), &check.id);
        let minute = u64::try_from(self.clock.passed()).unwrap() / 60_000;
        let address = SocketAddr::from((leads(self.weather, minute).1, 443));
        writeln!(
            self.runs.lock().unwrap(),
            "{{\"t\": {at:.3}, \"check\": \"{id}\", \"verdict\": \"{verdict}\"}}"
        )
        .unwrap();
        let now = self.clock.now();
        async move {
            let mut result = ProbeResult::unknown(Cause::Internal, "scripted".to_owned());
            result.outcome = reason.map_or(Outcome::Good, Outcome::Bad);
            let mut begun = Duration::ZERO;
            for (phase, millis) in steps {
                let took = Duration::from_millis(millis);
                result.phases.add(phase, begun, took);
                begun += took;
            }
            tokio::time::sleep(begun).await;
            result.latency = begun;
            result.address = Some(address);
            result.facts.http_status = Some(if reason.is_some() { 503 } else { 200 });
            result.facts.certificate_not_after = Some(now + Duration::from_hours(24 * 40));
            result
        }
        .boxed()
    }

    fn succeed(&self, _: &Share) -> Result<Arc<dyn Runner>, monitor::Error> {
        unreachable!("this configuration is never reloaded")
    }
}

/// What one monitor leaves behind.
struct Past {
    runs: String,
    scrapes: usize,
}

/// Runs one monitor and writes what was scraped from it.
fn live(weather: Weather, vantage: &str, minutes: u64, out: &mut dyn Write) -> Past {
    let text = if weather == Weather::Many { many() } else { CONFIG.to_owned() };
    let text = text.replace("@vantage@", vantage);
    let config = load_text(Path::new("probes.toml"), text).unwrap().config;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(watch(&config, weather, vantage, minutes, out))
}

/// The configuration of the world of many: the same clouds, and services that are all alike.
fn many() -> String {
    let (head, _) = CONFIG.split_once("[probe.web.http]").unwrap();
    let mut text = head.replace("\"full\"", "\"standard\"");
    let probes = ["a", "b", "c", "d", "e"];
    for probe in probes {
        write!(text, "[probe.{probe}.http]\nurl = \"https://{{host}}/{probe}\"\n").unwrap();
    }
    for number in 0..MANY_SERVICES {
        write!(text, "[service.s{number}]\nprobes = {probes:?}\nobjective = 99.9\n").unwrap();
    }
    text
}

/// Families that dashboards over many checks ask for; in the world of many the rest is left out.
fn wanted(weather: Weather) -> impl Fn(&str) -> bool {
    let of_many = |uid: &str| uid != "nephoscope-check";
    let mut boards =
        dashboards::all(None, Reading::Exported).into_iter().filter(|b| of_many(b.uid));
    let asked: String = boards.by_ref().map(|board| board.text).collect();
    move |name: &str| weather != Weather::Many || asked.contains(&format!("{name}{{"))
}

/// What other parts of a daemon say of themselves, all well.
fn say(own: &Own, now: Timestamp) {
    own.set_reload(Some(now));
    own.set_store(&StoreNumbers { healthy: true, ..StoreNumbers::default() });
    own.set_push(&PushNumbers {
        receiver: "127.0.0.1:9093".into(),
        outcomes: Default::default(),
        last_success: Some(now),
        healthy: true,
        alerts: 0,
    });
}

async fn watch(
    config: &Config,
    weather: Weather,
    vantage: &str,
    minutes: u64,
    out: &mut dyn Write,
) -> Past {
    let clock = Arc::new(Clock::new());
    let own = Own::new(vantage, "0.1.0");
    say(&own, clock.now());
    let wall: Arc<dyn WallClock> = Arc::clone(&clock) as Arc<dyn WallClock>;
    let plan = monitor::plan(config, Vec::new(), 1, &wall, &own, None);
    let checks = config.lookouts();
    let draws = checks.iter().map(|check| Mutex::new(Stream::new(7, check.id.as_str()))).collect();
    let runs = Mutex::default();
    let script = Arc::new(Script { weather, checks, draws, clock: Arc::clone(&clock), runs });
    let mut tasks = JoinSet::new();
    tasks.spawn(plan.recorder.run(plan.events).map(drop));
    for worker in plan.workers {
        tasks.spawn(scheduler::run(worker, Arc::clone(&script) as Arc<dyn Runner>));
    }
    let begun = Instant::now();
    let login = config.services.iter().position(|service| service.entry.is_some());
    let (mut scrapes, wanted) = (0, wanted(weather));
    for minute in 1..=u32::try_from(minutes).unwrap() {
        tokio::time::sleep_until(begun + SCRAPE * minute).await;
        if let Some(service) = login {
            plan.entries.observe(service, clock.now(), &look(leads(weather, minute.into()).1));
        }
        let about = plan.board.about();
        own.set_in_flight(about.in_flight);
        let promises = numbers::promises(&plan.book, vantage, about.now);
        let mut samples = numbers::samples(&plan.references, &plan.entries, vantage);
        samples.extend(numbers::outages(&plan.book, &plan.outages.lock().unwrap(), vantage));
        let page = Exposition::new(Arc::clone(&plan.table), own.text(), promises)
            .with_exposures(numbers::exposures(&plan.book))
            .with_samples(samples);
        let page: Vec<u8> = page.flatten().collect();
        let text = String::from_utf8(page).unwrap();
        write_scrape(&text, vantage, clock.now(), &wanted, out);
        scrapes += 1;
    }
    let runs = std::mem::take(&mut *script.runs.lock().unwrap());
    Past { runs, scrapes }
}

/// A page as Prometheus would keep it: with job, instance and time, and what Prometheus itself adds.
fn write_scrape(
    text: &str,
    vantage: &str,
    now: Timestamp,
    wanted: &dyn Fn(&str) -> bool,
    out: &mut dyn Write,
) {
    let target = format!("job=\"nephoscope\",instance=\"{vantage}:9464\"");
    let at = now.as_millis() / 1_000;
    let (mut count, mut family) = (0, (String::new(), true));
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        count += 1;
        if family.0 != name {
            family = (name.to_owned(), wanted(name));
        }
        if !family.1 {
            continue;
        }
        let comma = if labels == "}" { "" } else { "," };
        writeln!(out, "{name}{{{target}{comma}{labels} {value} {at}").unwrap();
    }
    writeln!(out, "up{{{target}}} 1 {at}").unwrap();
    writeln!(out, "scrape_duration_seconds{{{target}}} 0.004 {at}").unwrap();
    writeln!(out, "scrape_samples_scraped{{{target}}} {count} {at}").unwrap();
    // A foreign job with the same labels and worse values: nothing of ours may change by it.
    for job in ["decoy", "node"] {
        let foreign = format!("job=\"{job}\",instance=\"elsewhere:9100\"");
        writeln!(out, "up{{{foreign},vantage=\"{vantage}\"}} 0 {at}").unwrap();
        writeln!(out, "process_resident_memory_bytes{{{foreign},vantage=\"{vantage}\"}} 9e12 {at}")
            .unwrap();
    }
}

#[test]
fn a_history_has_what_a_prometheus_would_have_scraped() {
    let mut text = Vec::new();
    let past = live(Weather::Mixed, "north", 62, &mut text);
    assert_eq!(past.scrapes, 62);
    let text = String::from_utf8(text).unwrap();
    let mut last: BTreeMap<&str, f64> = BTreeMap::new();
    for line in text.lines() {
        let mut parts = line.rsplitn(3, ' ');
        let (_, value) = (parts.next().unwrap(), parts.next().unwrap().parse().unwrap());
        last.insert(parts.next().unwrap(), value);
    }
    let down = "nephoscope_check_state{job=\"nephoscope\",instance=\"north:9464\",check=\"shop/aws/web\",service=\"shop\",provider=\"aws\",region=\"eu\",probe=\"web\",vantage=\"north\"}";
    assert_eq!(
        last.get(down),
        Some(&4.0),
        "{:?}",
        last.keys().find(|key| key.contains("check_state{"))
    );
    assert!(past.runs.contains("\"check\": \"shop/aws/web\", \"verdict\": \"bad\""));
    for metric in
        ["nephoscope_slo_burn_rate{", "nephoscope_outage_blame{", "nephoscope_canary_health{"]
    {
        assert!(last.keys().any(|key| key.starts_with(metric)), "{metric}");
    }
    #[expect(clippy::disallowed_methods, reason = "where to write is asked for this way")]
    if let Some(folder) = std::env::var_os("NEPHOSCOPE_HISTORY") {
        write_all(Path::new(&folder));
    }
}

fn write_all(folder: &Path) {
    #[expect(clippy::disallowed_methods, reason = "how many is asked for this way")]
    if std::env::var_os("NEPHOSCOPE_MANY").is_some() {
        return write_many(folder);
    }
    let worlds = [
        (Weather::Mixed, "mixed", 360),
        (Weather::AllUp, "up", 120),
        (Weather::AllDown, "down", 120),
    ];
    for (weather, name, minutes) in worlds {
        let file = std::fs::File::create(folder.join(format!("{name}.om"))).unwrap();
        let mut out = std::io::BufWriter::new(file);
        let north = live(weather, "north", minutes, &mut out);
        live(weather, "south", minutes, &mut out);
        out.write_all(b"# EOF\n").unwrap();
        std::fs::write(folder.join(format!("{name}.runs")), north.runs).unwrap();
    }
}

/// A few minutes of one monitor with very many checks.
fn write_many(folder: &Path) {
    let file = std::fs::File::create(folder.join("many.om")).unwrap();
    let mut out = std::io::BufWriter::new(file);
    live(Weather::Many, "north", 6, &mut out);
    out.write_all(b"# EOF\n").unwrap();
}
