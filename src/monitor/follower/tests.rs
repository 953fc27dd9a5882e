//! How often names are looked at, on a paused clock with a scripted scout.
//!
//! The recorder is a channel that is read, or full.
//!
//! What is seen is tested elsewhere.

use super::*;
use crate::clock::SystemClock;
use crate::config::load_text;
use crate::model::State;
use std::path::Path;
use std::sync::Mutex;

const CONFIG: &str = r#"
[provider.aws]
host = "192.0.2.1"
[probe.web.http]
url = "https://{host}/"
[defaults]
interval = "30s"
recheck = "5s"
[service.shop]
probes = ["web"]
[service.shop.entry]
host = "shop.example.com"
probe = "web"
"#;

/// Notes when it was asked; each look takes so long.
struct Noting {
    began: Instant,
    looks: Mutex<Vec<u64>>,
    takes: Duration,
}

impl Scout for Arc<Noting> {
    fn look(&self, _: usize, _: Duration) -> BoxFuture<'static, Observation> {
        self.looks.lock().unwrap().push(self.began.elapsed().as_secs());
        let takes = self.takes;
        Box::pin(async move {
            tokio::time::sleep(takes).await;
            Observation::default()
        })
    }
}

/// When a name was looked at within the first minutes; `act` may change what is known of it.
async fn looks(takes: u64, until: u64, act: impl FnOnce(&Entries)) -> (Vec<u64>, usize) {
    let config = load_text(Path::new("probes.toml"), CONFIG.to_owned()).unwrap().config;
    let entries = Entries::new(&config, None);
    act(&entries);
    let (events, mut told) = mpsc::channel(64);
    let (stop, stopped) = watch::channel(false);
    let follower = Follower {
        entries,
        clock: Arc::new(SystemClock),
        events: events.downgrade(),
        stop: stopped,
        retired: watch::channel(false).1,
    };
    let looks = Mutex::default();
    let takes = Duration::from_secs(takes);
    let noting = Arc::new(Noting { began: Instant::now(), looks, takes });
    let stopping = async {
        tokio::time::sleep(Duration::from_secs(until)).await;
        stop.send(true).unwrap();
    };
    tokio::join!(follower.run(Arc::new(Arc::clone(&noting))), stopping);
    drop(events);
    let mut count = 0;
    while told.recv().await.is_some() {
        count += 1;
    }
    let seen = noting.looks.lock().unwrap().clone();
    (seen, count)
}

#[tokio::test(start_paused = true)]
async fn a_name_is_looked_at_as_often_as_its_check_runs() {
    assert_eq!(looks(0, 100, |_| {}).await, (vec![0, 30, 60, 90], 4));
}

#[tokio::test(start_paused = true)]
async fn a_name_is_looked_at_sooner_while_a_cloud_is_down() {
    let down = |entries: &Entries| {
        let since = Timestamp::default();
        entries.side(0, "aws", (State::Down, since), since);
    };
    assert_eq!(looks(0, 21, down).await, (vec![0, 5, 10, 15, 20], 5));
}

#[tokio::test(start_paused = true)]
async fn a_slow_look_is_never_overtaken_and_holds_no_stop_up() {
    let (seen, told) = looks(70, 100, |_| {}).await;
    assert_eq!((seen, told), (vec![0, 70], 1));
}
