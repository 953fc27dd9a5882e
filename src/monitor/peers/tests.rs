//! When others are asked, on a paused clock with scripted answers.
//!
//! The recorder is a channel that is read at the end.
//!
//! What is made of an answer is tested in `heard`, real daemons in `tests/it`.

use super::*;
use crate::clock::SystemClock;
use crate::config::load_text;
use crate::model::State;
use crate::monitor::event::Change;
use crate::slo::joint::Scope;
use std::path::Path;

const CONFIG: &str = r#"
[provider.aws]
host = "192.0.2.1"
[probe.web.tcp]
address = "{host}:80"
[service.shop]
probes = ["web"]
[[peer]]
vantage = "fra-1"
url = "http://192.0.2.3:9464"
[[peer]]
vantage = "sin-1"
url = "http://192.0.2.4:9464"
"#;

/// Notes who was asked in which second; an answer takes so long, and the second one never answers.
struct Noting {
    began: Instant,
    asked: Mutex<Vec<(usize, u64)>>,
    takes: Duration,
}

impl Ask for Arc<Noting> {
    fn ask(&self, peer: usize) -> BoxFuture<'static, Result<VantageForm, Silence>> {
        self.asked.lock().unwrap().push((peer, self.began.elapsed().as_secs()));
        let takes = self.takes;
        Box::pin(async move {
            if peer == 1 {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(takes).await;
            Ok(VantageForm {
                at: 0.0,
                vantage: "fra-1".to_owned(),
                provider: None,
                shard: None,
                offline: false,
                services: Vec::new(),
                canaries: Vec::new(),
            })
        })
    }
}

fn change(outages: &Mutex<Outages>, from: State, to: State) {
    let change = Change { from, to, since: Timestamp::from_millis(1_000) };
    let name = ("shop", "any", "");
    outages.lock().unwrap().change((0, Scope::Any), name, change, None);
}

/// Who was asked when if something is down from second 10 to 32; and how many answers the recorder heard.
async fn asked(takes: u64) -> (Vec<(usize, u64)>, usize) {
    let config = load_text(Path::new("probes.toml"), CONFIG.to_owned()).unwrap().config;
    let outages: Arc<Mutex<Outages>> = Arc::default();
    let (events, mut told) = mpsc::channel(64);
    let (stop, stopped) = watch::channel(false);
    let answers = Answers::of(&config.peers);
    let peers = Peers {
        peers: Vec::new(),
        answers: Arc::clone(&answers),
        services: watch::channel(config.services.into()).1,
        outages: Arc::clone(&outages),
        clock: Arc::new(SystemClock),
        events: events.downgrade(),
        stop: stopped,
    };
    let takes = Duration::from_secs(takes);
    let noting = Arc::new(Noting { began: Instant::now(), asked: Mutex::default(), takes });
    let story = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        change(&outages, State::Up, State::Down);
        tokio::time::sleep(Duration::from_secs(22)).await;
        change(&outages, State::Down, State::Up);
        tokio::time::sleep(Duration::from_secs(30)).await;
        stop.send(true).unwrap();
    };
    tokio::join!(peers.run(Arc::new(Arc::clone(&noting))), story);
    drop(events);
    let mut count = 0;
    while told.recv().await.is_some() {
        count += 1;
    }
    assert_eq!((answers[0].last(), answers[1].last()), (Some(true), None));
    let asked = noting.asked.lock().unwrap().clone();
    (asked, count)
}

#[tokio::test(start_paused = true)]
async fn others_are_asked_only_while_something_is_down() {
    let (asked, told) = asked(0).await;
    let first: Vec<_> = asked.iter().filter(|(peer, _)| *peer == 0).map(|(_, at)| *at).collect();
    assert_eq!((first, told), (vec![10, 15, 20, 25, 30], 5));
}

#[tokio::test(start_paused = true)]
async fn one_that_is_slow_is_not_asked_twice_and_holds_up_neither_others_nor_the_end() {
    let (asked, told) = asked(12).await;
    assert_eq!((asked, told), (vec![(0, 10), (1, 10), (0, 22)], 2));
}
