//! A picture that does not move, and a server that shows it: hand-made views of a few services, or of very many.
//!
//! Every moment is counted back from [`NOW`], so that what is rendered from it is the same each time.
//!
//! It knows nothing of how a monitor would come to such views.

use jiff::tz::TimeZone;
use nephoscope::clock::WallClock;
use nephoscope::config::{Config, load_text};
use nephoscope::model::{
    Cause, CheckId, Listener, Phase, PhaseTimes, Reason, Road, State, Timestamp, Verdict, Warning,
    Warnings,
};
use nephoscope::monitor::book::Book;
use nephoscope::monitor::demand::Demands;
use nephoscope::monitor::desk::Desk;
use nephoscope::monitor::drills::Drills;
use nephoscope::monitor::entries::Entries;
use nephoscope::monitor::references::References;
use nephoscope::monitor::snapshot::{
    About, CheckView, EndpointView, ResultView, ServiceView, SideView, SightView, Standing,
    StateSeconds, Step,
};
use nephoscope::net::Net;
use nephoscope::peer::VantageForm;
use nephoscope::probe::tls::Roots;
use nephoscope::web::reload::Reload;
use nephoscope::web::serve::{self, Welcome};
use nephoscope::web::{Door, Face, Gate, Past, Picture, router};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

/// 2026-11-22 13:05:09.123 UTC.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_795_352_709_123);

/// Views that are handed out as they are.
#[derive(Clone)]
pub(crate) struct Still {
    pub(crate) about: About,
    pub(crate) services: Vec<ServiceView>,
    pub(crate) results: BTreeMap<String, Vec<ResultView>>,
}

impl Picture for Still {
    fn about(&self) -> About {
        self.about.clone()
    }

    fn services(&self) -> Vec<ServiceView> {
        self.services.clone()
    }

    fn checks(&self) -> Vec<CheckView> {
        let endpoints =
            self.services.iter().flat_map(|each| &each.sides).flat_map(|side| &side.endpoints);
        endpoints.flat_map(|endpoint| endpoint.checks.clone()).collect()
    }

    fn results(&self, check: &str) -> Option<Vec<ResultView>> {
        self.results.get(check).cloned()
    }

    fn trail(&self, check: &str) -> Vec<Step> {
        let results = self.results.get(check).into_iter().flatten();
        results
            .map(|each| Step::new(each.verdict, !each.warnings.is_empty(), each.latency))
            .collect()
    }

    fn story(&self, check: &str) -> Option<Arc<str>> {
        self.results.get(check)?.iter().find_map(|each| each.story.clone())
    }
}

/// Probes on demand that lead nowhere: nobody has said where they may.
fn demands(config: &Config, clock: &Arc<dyn WallClock>) -> Demands {
    let ways = (Net::with_servers(&[]), Roots::default());
    Demands::new(config.modules.clone(), (&Listener::default(), false), ways, Arc::clone(clock))
}

impl Still {
    /// A face that shows this picture, is alive and ready, and has one metric.
    pub(crate) fn face(self) -> Face {
        let book = Book::new(&Arc::from([]), &[], &TimeZone::UTC, NOW);
        let none = || Vec::new();
        let config = load_text(Path::new("probes.toml"), DESK.to_owned()).unwrap().config;
        let entries = Entries::new(&config, None);
        let clock: Arc<dyn WallClock> = Arc::new(StillClock);
        let past = Past {
            book,
            outages: Arc::new(none),
            failovers: Arc::new(Vec::new),
            drills: Arc::new(Vec::new),
            incidents: Arc::new(Vec::new),
            canaries: Arc::new(Vec::new),
            recent: Arc::new(none),
            frozen: Arc::new(Vec::new),
        };
        Face {
            picture: Arc::new(self),
            past,
            desk: desk(),
            references: References::new(&[], 0, NOW),
            entries: entries.clone(),
            drills: Drills::new(
                &Arc::from([]),
                &entries,
                None,
                &clock,
                mpsc::channel(1).0.downgrade(),
            ),
            vouch: Arc::new(vouch),
            demands: demands(&config, &clock),
            reload: Reload::new().0,
            keeping: Arc::new(|| Ok(())),
            alive: Arc::new(|| Ok(())),
            ready: Arc::new(|| Ok(())),
            metrics: Arc::new(|| Some(axum::body::Body::from("nephoscope_build_info 1\n"))),
        }
    }

    /// A picture of these services.
    pub(crate) fn of(services: Vec<ServiceView>) -> Self {
        let checks: Vec<_> = services
            .iter()
            .flat_map(|each| &each.sides)
            .flat_map(|side| &side.endpoints)
            .flat_map(|endpoint| &endpoint.checks)
            .collect();
        let results = checks.iter().map(|each| (each.id.to_string(), history(each))).collect();
        let about = About {
            vantage: "vie-1".into(),
            now: NOW,
            started: NOW.shifted(-7_200_000),
            checks: checks.len(),
            in_flight: 2,
            skipped: 0,
            notices: vec!["one sentinel is too few".into()],
            sight: SightView::default(),
        };
        Self { about, services, results }
    }

    /// Five services on two clouds, one in each state.
    pub(crate) fn usual() -> Self {
        Self::of(vec![
            service("docs", "Documentation", [State::Up, State::Up]),
            service("shop", "Web shop", [State::Up, State::Down]),
            service("mail", "Mail relay", [State::Degraded, State::Up]),
            service("search", "Search", [State::Down, State::Down]),
            service("ledger", "Ledger", [State::Unknown, State::Unknown]),
        ])
    }

    /// The same, seen by a monitor that sees nothing over IPv6, has a broken sentinel and does not know of two failures whose they are.
    pub(crate) fn blind() -> Self {
        let mut still = Self::usual();
        still.about.sight.dark = vec![(Road::Ipv6, NOW.shifted(-90_000))];
        still.about.sight.unsettled = 2;
        still.about.sight.broken =
            vec![("@sentinel/tls/one.example:443".into(), NOW.shifted(-5_000))];
        still
    }

    /// `count` services that are up, each with two checks.
    pub(crate) fn crowd(count: usize) -> Self {
        let names = (0..count).map(|number| format!("service-{number:05}"));
        Self::of(names.map(|name| service(&name, &name, [State::Up, State::Up])).collect())
    }
}

/// A desk behind which no recorder runs: it lists, and takes nothing in.
fn desk() -> Desk {
    let config = load_text(Path::new("probes.toml"), DESK.to_owned()).unwrap().config;
    let parts = (&config.checks.clone().into(), &config.services.clone().into());
    let clock: Arc<dyn WallClock> = Arc::new(StillClock);
    Desk::new(&config, parts, None, &clock, mpsc::channel(1).0.downgrade())
}

/// What the desk knows of.
const DESK: &str = r#"
[provider.aurora]
host = "{service}.aurora.example.com"
[probe.web.http]
url = "https://{host}/"
[service.docs]
probes = ["web"]
[[maintenance]]
match = { service = "docs" }
every = "Sun 23:00-24:00"
reason = "weekly patches"
[[maintenance]]
match = { provider = "aurora" }
start = 2026-11-22T13:00:00Z
end = 2026-11-22T14:00:00Z
by = "ann"
"#;

/// A clock that stands at [`NOW`].
struct StillClock;

impl WallClock for StillClock {
    fn now(&self) -> Timestamp {
        NOW
    }
}

/// A service with one side on each of two clouds, one check on each.
pub(crate) fn service(name: &str, title: &str, states: [State; 2]) -> ServiceView {
    let clouds = [("aurora", "Aurora Cloud", "north-1"), ("borealis", "Borealis Cloud", "west-4")];
    let sides: Vec<_> = clouds
        .into_iter()
        .zip(states)
        .map(|((provider, title, region), state)| side(name, provider, title, region, state))
        .collect();
    let standing = |state| Standing { state, since: NOW.shifted(-200_000) };
    ServiceView {
        name: name.into(),
        title: title.into(),
        runbook: Some("https://wiki.example.com/runbook".into()),
        labels: Arc::new([("team".to_owned(), "storefront".to_owned())].into()),
        any: standing(states[0].min(states[1])),
        all: standing(states[0].max(states[1])),
        entry: None,
        sides,
    }
}

fn side(service: &str, provider: &str, title: &str, region: &str, state: State) -> SideView {
    let standing = Standing { state, since: NOW.shifted(-200_000) };
    let host = format!("{service}.{region}.example.com");
    let check = check(service, provider, region, &host, standing);
    SideView {
        provider: provider.into(),
        title: title.into(),
        standing,
        endpoints: vec![EndpointView {
            name: provider.into(),
            region: region.into(),
            host: host.as_str().into(),
            standing,
            checks: vec![check],
        }],
    }
}

fn check(service: &str, provider: &str, region: &str, host: &str, standing: Standing) -> CheckView {
    let last = match standing.state {
        State::Up | State::Maintenance => good(NOW.shifted(-4_000), 42),
        State::Degraded => slow(NOW.shifted(-4_000)),
        State::Down => refused(NOW.shifted(-4_000)),
        State::Unknown => blind(NOW.shifted(-4_000)),
    };
    CheckView {
        id: CheckId::new(service, provider, "web"),
        service: service.into(),
        endpoint: provider.into(),
        provider: provider.into(),
        region: region.into(),
        host: host.into(),
        probe: "web".into(),
        protocol: "http",
        interval: Duration::from_secs(30),
        timeout: Duration::from_secs(5),
        counts: true,
        standing,
        cause: last.cause,
        seconds: StateSeconds {
            good: Duration::from_secs(7_000),
            bad: Duration::from_secs(140),
            unknown: Duration::ZERO,
            excluded: Duration::ZERO,
        },
        watermark: NOW.shifted(-5_000),
        runs: [230, 5, 0],
        last_failure: (last.verdict == Verdict::Bad).then(|| last.clone()),
        last: Some(last),
    }
}

/// A vantage that watches nothing.
fn vouch() -> VantageForm {
    VantageForm {
        at: NOW.as_secs_f64(),
        vantage: "vie-1".to_owned(),
        provider: None,
        shard: None,
        offline: false,
        services: Vec::new(),
        canaries: Vec::new(),
    }
}

/// The last run of a check, and thirty good ones before it.
fn history(check: &CheckView) -> Vec<ResultView> {
    let before = (1..31).map(|back| good(NOW.shifted(-4_000 - back * 30_000), 30 + back * 7 % 23));
    check.last.clone().into_iter().chain(before).collect()
}

fn run(at: Timestamp, verdict: Verdict, phase: Phase, said: &str) -> ResultView {
    ResultView {
        at,
        recheck: false,
        verdict,
        reason: None,
        cause: None,
        warnings: Warnings::default(),
        phase,
        latency: Duration::ZERO,
        phases: PhaseTimes::default(),
        address: Some("192.0.2.7:443".parse().unwrap()),
        http_status: None,
        certificate_not_after: None,
        said: said.into(),
        story: None,
    }
}

/// A good run in `millis` milliseconds.
pub(crate) fn good(at: Timestamp, millis: i64) -> ResultView {
    let whole = Duration::from_millis(millis.unsigned_abs());
    let mut phases = PhaseTimes::default();
    let mut start = Duration::ZERO;
    let shares =
        [(Phase::Resolve, 5), (Phase::Connect, 20), (Phase::Tls, 30), (Phase::Processing, 40)];
    for (phase, percent) in shares {
        phases.add(phase, start, whole * percent / 100);
        start += whole * percent / 100;
    }
    phases.add(Phase::Transfer, start, whole.checked_sub(start).unwrap());
    ResultView {
        latency: whole,
        phases,
        http_status: Some(200),
        certificate_not_after: Some(NOW.shifted(60 * 86_400_000)),
        ..run(at, Verdict::Good, Phase::Transfer, "status 200, 1.2 KiB")
    }
}

fn slow(at: Timestamp) -> ResultView {
    let mut warnings = Warnings::default();
    warnings.insert(Warning::Slow);
    ResultView { warnings, ..good(at, 1_340) }
}

fn refused(at: Timestamp) -> ResultView {
    ResultView {
        reason: Some(Reason::ConnectRefused),
        latency: Duration::from_millis(11),
        ..run(at, Verdict::Bad, Phase::Connect, "192.0.2.7:443 refused the connection after 11ms")
    }
}

fn blind(at: Timestamp) -> ResultView {
    ResultView {
        cause: Some(Cause::VantageOffline),
        address: None,
        ..run(
            at,
            Verdict::Unknown,
            Phase::Connect,
            "no sentinel answers either: this vantage is offline",
        )
    }
}

/// An answer as it came: the head and the body.
pub(crate) struct Answer {
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Serves `face` on a port of its own and sends it `request` up to the empty line.
#[expect(clippy::disallowed_methods, reason = "a test is a client like any other")]
pub(crate) async fn ask(face: Face, request: &str) -> Answer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (done, stop) = oneshot::channel::<()>();
    let router = router(face, Door::Network(Arc::new(Gate::open())));
    let welcome = Welcome { router, tls: None, count: Arc::new(|_| {}) };
    let served = serve::serve(listener, welcome, async {
        let _ = stop.await;
    });
    let asked = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(format!("{request}\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        done.send(()).unwrap();
        String::from_utf8(answer).unwrap()
    };
    let ((), answer) = tokio::join!(served, asked);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Answer { head: head.to_lowercase(), body: body.to_owned() }
}

/// One GET.
pub(crate) async fn get(face: Face, path: &str) -> Answer {
    ask(face, &format!("GET {path} HTTP/1.0")).await
}
