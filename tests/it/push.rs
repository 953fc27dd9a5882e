//! Telling others: receivers that hang, fail, refuse and come back, and a daemon that is killed in between.
//!
//! Receivers are small servers that behave as a test says at that moment and keep what they were sent. First the way alone, on
//! lists of alerts that a test makes; then the real binary with the real road from a failing check to a message.
//!
//! That a real Alertmanager understands it is `tests/real`; which alerts there are is tested beside the rule.

use crate::support::certs::Authority;
use crate::support::daemon::{PATIENCE, Running, wait_for};
use crate::support::http::{Server, Wire, header, path, response};
use nephoscope::clock::{SystemClock, WallClock};
use nephoscope::model::{
    Alert, Auth, Fingerprint, Pairs, Receiver, ReceiverKind, Secret, Timestamp,
};
use nephoscope::push::{Acknowledged, Lines, Push, Tally, Took};
use serde_json::Value;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

const FINE: u8 = 0;
const HANG: u8 = 1;
const FAIL: u8 = 2;
const REFUSE: u8 = 3;

/// A receiver that behaves as it is told.
struct Ear {
    server: Server,
    mood: Arc<AtomicU8>,
    /// What it took.
    taken: Arc<Mutex<Vec<Value>>>,
}

/// Answers as the mood is, and keeps what it took.
fn answer(
    mood: &AtomicU8,
    taken: &Mutex<Vec<Value>>,
    request: &str,
    wire: &mut dyn Wire,
) -> std::io::Result<()> {
    let mood = mood.load(Ordering::SeqCst);
    if mood == HANG {
        // Until the other side has had enough.
        return wire.read(&mut [0]).map(drop);
    }
    let body = request.split_once("\r\n\r\n").unwrap().1;
    let refused = mood == REFUSE && body.contains("\"bad\"");
    let status = match mood {
        FAIL => "500 Broken",
        _ if refused => "400 Not that",
        _ => "200 OK",
    };
    if status.starts_with("200") {
        taken.lock().unwrap().push(serde_json::from_str(body).unwrap());
    }
    wire.write_all(response(status, &[], "these are the words").as_bytes())
}

impl Ear {
    fn new() -> Self {
        let (mood, taken) = (Arc::new(AtomicU8::new(FINE)), Arc::new(Mutex::new(Vec::new())));
        let (now, kept) = (Arc::clone(&mood), Arc::clone(&taken));
        let server = Server::plain(move |request, wire| answer(&now, &kept, request, wire));
        Self { server, mood, taken }
    }

    fn be(&self, mood: u8) {
        self.mood.store(mood, Ordering::SeqCst);
    }

    fn taken(&self) -> Vec<Value> {
        self.taken.lock().unwrap().clone()
    }

    fn asked(&self) -> usize {
        self.server.requests().len()
    }
}

/// The way to a receiver, on lists that the test makes.
struct Way {
    lists: watch::Sender<Arc<[Alert]>>,
    stop: watch::Sender<bool>,
    acknowledged: mpsc::Receiver<Acknowledged>,
    tally: Arc<Tally>,
    task: JoinSet<()>,
}

impl Way {
    fn start(receiver: Receiver, took: Took) -> Self {
        let clock: Arc<dyn WallClock> = Arc::new(SystemClock);
        let push = Push::new(receiver, "http://mon:9464/".into(), took, clock, 7).unwrap();
        let (lists, alerts) = watch::channel(Arc::from([]));
        let (stop, stopped) = watch::channel(false);
        let (to_test, acknowledged) = mpsc::channel(64);
        let (tally, mut task) = (push.tally(), JoinSet::new());
        task.spawn(push.run(Lines { alerts, acknowledged: to_test, stop: stopped }));
        Self { lists, stop, acknowledged, tally, task }
    }

    fn tell(&self, alerts: &[&Alert]) {
        self.lists.send_replace(alerts.iter().copied().cloned().collect());
    }

    async fn end(mut self) {
        self.stop.send(true).unwrap();
        tokio::time::timeout(PATIENCE, self.task.join_next()).await.unwrap().unwrap().unwrap();
    }
}

async fn soon<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask() {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, asking).await;
    waited.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

fn receiver(kind: ReceiverKind, url: &str) -> Receiver {
    Receiver {
        name: "ear".into(),
        kind,
        url: url.parse().unwrap(),
        auth: None,
        ca: None,
        timeout: Duration::from_millis(200),
        labels: Arc::default(),
        send_resolved: true,
    }
}

fn alert(service: &str, ended: bool) -> Alert {
    let labels: Pairs = [("alertname", "Down"), ("service", service)]
        .map(|(name, value)| (name.into(), value.into()))
        .into();
    let started = Timestamp::from_millis(1_780_185_600_000);
    Alert {
        fingerprint: Fingerprint::of(&labels),
        labels: Arc::new(labels),
        annotations: Arc::default(),
        started,
        ended: ended.then(|| started + Duration::from_mins(1)),
    }
}

/// The services in a list as an Alertmanager got it.
fn services(body: &Value) -> Vec<&str> {
    body.as_array()
        .unwrap()
        .iter()
        .map(|each| each["labels"]["service"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn an_alertmanager_that_was_away_learns_the_newest_state() {
    let ear = Ear::new();
    ear.be(HANG);
    let way =
        Way::start(receiver(ReceiverKind::Alertmanager, &ear.server.url("/am/")), Took::new());
    way.tell(&[&alert("first", false)]);
    soon("a delivery that hangs", || (way.tally.read().outcomes[2] >= 1).then_some(())).await;
    assert!(!way.tally.read().healthy);
    ear.be(FAIL);
    way.tell(&[&alert("second", false), &alert("third", false)]);
    soon("a delivery that fails", || (way.tally.read().outcomes[1] >= 1).then_some(())).await;
    assert_eq!(ear.taken(), [Value::Null; 0]);
    ear.be(FINE);
    soon("a delivery", || (!ear.taken().is_empty()).then_some(())).await;
    assert_eq!(services(&ear.taken()[0]), ["second", "third"]);
    assert!(ear.server.requests().iter().all(|each| path(each) == "/am/api/v2/alerts"));

    // News is told at once, and so is that there is none.
    way.tell(&[]);
    soon("an empty list", || {
        ear.taken().get(1).cloned().map(|list| assert_eq!(list, Value::from(Vec::<Value>::new())))
    })
    .await;
    // It is counted when the answer has come back.
    soon("both to be counted", || (way.tally.read().outcomes[0] == 2).then_some(())).await;
    let numbers = way.tally.read();
    assert_eq!((numbers.healthy, numbers.alerts), (true, 0));
    assert!(numbers.last_success.is_some());
    way.end().await;
}

#[tokio::test]
async fn nobody_there_is_no_answer_and_stopping_waits_for_nothing() {
    let gone = Server::fixed("").url("/");
    let way = Way::start(receiver(ReceiverKind::Alertmanager, &gone), Took::new());
    way.tell(&[]);
    soon("an attempt", || (way.tally.read().outcomes[2] >= 1).then_some(())).await;
    way.end().await;

    let ear = Ear::new();
    ear.be(HANG);
    let patient = Receiver {
        timeout: PATIENCE * 10,
        ..receiver(ReceiverKind::Webhook, &ear.server.url("/"))
    };
    let way = Way::start(patient, Took::new());
    way.tell(&[&alert("shop", false)]);
    soon("a request", || (ear.asked() == 1).then_some(())).await;
    way.end().await;
}

#[tokio::test]
async fn a_webhook_is_told_each_change_once() {
    let ear = Ear::new();
    let mut way =
        Way::start(receiver(ReceiverKind::Webhook, &ear.server.url("/hook")), Took::new());
    let (shop, pay) = (alert("shop", false), alert("pay", false));
    way.tell(&[&shop]);
    let took = way.acknowledged.recv().await.unwrap().took;
    assert_eq!(took, [(shop.fingerprint, (shop.started, false))].into());
    // Said again it is no change; the other one is.
    way.tell(&[&shop]);
    way.tell(&[&shop, &pay]);
    way.acknowledged.recv().await.unwrap();
    way.tell(&[&alert("shop", true), &pay]);
    way.acknowledged.recv().await.unwrap();
    let said: Vec<_> = ear
        .taken()
        .iter()
        .map(|each| (each["groupLabels"]["service"].to_string(), each["status"].to_string()))
        .collect();
    let quoted = |text: &str| format!("\"{text}\"");
    let wanted = [("shop", "firing"), ("pay", "firing"), ("shop", "resolved")];
    assert_eq!(said, wanted.map(|(service, status)| (quoted(service), quoted(status))));
    way.end().await;

    // Another life, which knows what was taken.
    let again = Way::start(receiver(ReceiverKind::Webhook, &ear.server.url("/hook")), took);
    again.tell(&[&shop, &pay]);
    soon("another message", || (ear.taken().len() == 4).then_some(())).await;
    assert_eq!(ear.taken()[3]["groupLabels"]["service"], "pay");
    again.end().await;
}

#[tokio::test]
async fn a_message_that_is_refused_keeps_no_other_from_its_way() {
    let ear = Ear::new();
    ear.be(REFUSE);
    let way = Way::start(receiver(ReceiverKind::Webhook, &ear.server.url("/")), Took::new());
    way.tell(&[&alert("bad", false), &alert("good", false)]);
    soon("the other message", || (ear.taken().len() == 1).then_some(())).await;
    assert_eq!(ear.taken()[0]["groupLabels"]["service"], "good");
    ear.be(FINE);
    soon("the one that was refused", || (ear.taken().len() == 2).then_some(())).await;
    assert_eq!(ear.taken()[1]["groupLabels"]["service"], "bad");
    way.end().await;
}

#[tokio::test]
async fn credentials_and_roots_are_those_of_the_receiver() {
    let authority = Authority::new();
    let identity = authority.leaf("localhost", -1..90);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    let server = Server::tls(identity.server(), move |request, wire| {
        kept.lock().unwrap().push(header(request, "authorization").map(str::to_owned));
        wire.write_all(response("200 OK", &[], "").as_bytes())
    });
    let url = server.https("localhost", "/");
    let trusting = Receiver {
        auth: Some(Auth::Bearer(Secret::new("abc"))),
        ca: Some(authority.file()),
        timeout: PATIENCE,
        ..receiver(ReceiverKind::Alertmanager, &url)
    };
    let way = Way::start(trusting, Took::new());
    way.tell(&[]);
    soon("a delivery", || (way.tally.read().outcomes[0] == 1).then_some(())).await;
    assert_eq!(*seen.lock().unwrap(), [Some("Bearer abc".to_owned())]);
    way.end().await;

    let doubting = Receiver { timeout: PATIENCE, ..receiver(ReceiverKind::Alertmanager, &url) };
    let way = Way::start(doubting, Took::new());
    way.tell(&[]);
    soon("a failure", || (way.tally.read().outcomes[2] == 1).then_some(())).await;
    way.end().await;
}

/// What the daemon watches, and what it tells.
struct Scene {
    far: Server,
    bad: Arc<AtomicU8>,
    alertmanager: Ear,
    webhook: Ear,
    stuck: Ear,
}

impl Scene {
    fn new() -> Self {
        let bad = Arc::new(AtomicU8::new(0));
        let is_bad = Arc::clone(&bad);
        let far = Server::plain(move |_, wire| {
            let fine = is_bad.load(Ordering::SeqCst) == 0;
            let status = if fine { "200 OK" } else { "503 Sorry" };
            wire.write_all(response(status, &[], "hello").as_bytes())
        });
        let stuck = Ear::new();
        stuck.be(HANG);
        Self { far, bad, alertmanager: Ear::new(), webhook: Ear::new(), stuck }
    }

    fn config(&self) -> String {
        let Self { far, alertmanager, webhook, stuck, .. } = self;
        let [far, am] = [far.url("/"), alertmanager.server.url("")];
        let [webhook, stuck] = [webhook.server.url("/path-that-is-a-secret"), stuck.server.url("")];
        format!(
            r#"
            [defaults]
            interval = "1s"
            timeout  = "500ms"
            recheck  = "100ms"
            [provider.aws]
            host = "127.0.0.1"
            [probe.web.http]
            url = "{far}"
            [service.shop]
            probes = ["web"]
            [[alertmanager]]
            url = "{am}"
            labels = {{ cluster = "mon" }}
            [[alertmanager]]
            url = "{stuck}"
            timeout = "1s"
            [[webhook]]
            url = "{webhook}"
            timeout = "2s"
            "#
        )
    }

    /// The newest alert that Alertmanager has of these, once it is as wanted.
    fn await_alert(&self, what: &str, want: impl Fn(&Value) -> bool) -> Value {
        wait_for(what, || {
            let lists = self.alertmanager.taken();
            lists.iter().rev().find_map(|list| list.get(0).cloned()).filter(&want)
        })
    }

    fn statuses(&self) -> Vec<String> {
        let taken = self.webhook.taken();
        taken.iter().map(|each| each["status"].as_str().unwrap().to_owned()).collect()
    }
}

fn millis(text: &Value) -> i64 {
    text.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

fn now() -> i64 {
    SystemClock.now().as_millis()
}

/// Waits until what is known now is on disk: the second commit from now has begun after it.
fn await_stored(daemon: &Running) {
    let commits = "nephoscope_store_commits_total{";
    let so_far = daemon.metric(commits, &[]).unwrap();
    daemon.await_metric(commits, &[], |now| now >= so_far + 2.0);
}

#[test]
fn killed_in_the_middle_of_an_outage_it_announces_nothing_anew_and_tells_the_end() {
    let scene = Scene::new();
    let receiver = |ear: &Ear| format!("receiver=\"{}\"", ear.server.address);
    let daemon = Running::start(&scene.config(), &[]);
    daemon.await_metric("nephoscope_probes_total{", &[r#"verdict="good""#], |runs| runs >= 1.0);
    scene.bad.store(1, Ordering::SeqCst);
    let first = scene.await_alert("an alert", |alert| millis(&alert["endsAt"]) > now());
    assert_eq!(first["labels"]["alertname"], "NephoscopeOutage");
    assert_eq!(first["labels"]["cluster"], "mon");
    assert_eq!(first["labels"]["severity"], "page");
    wait_for("a message", || (scene.statuses() == ["firing"]).then_some(()));

    await_stored(&daemon);
    let told = scene.alertmanager.asked();
    let daemon = daemon.kill_and_start_again();
    let again = wait_for("an alert of the second life", || {
        scene.alertmanager.taken().get(told..)?.iter().find_map(|list| list.get(0).cloned())
    });
    assert_eq!(again["startsAt"], first["startsAt"]);
    assert_eq!(again["labels"], first["labels"]);
    daemon.await_metric("nephoscope_probes_total{", &[r#"verdict="bad""#], |runs| runs >= 2.0);

    // It ends while the webhook is away, and the webhook comes back in a third life.
    scene.webhook.be(FAIL);
    let asked = scene.webhook.asked();
    scene.bad.store(0, Ordering::SeqCst);
    let ended = scene.await_alert("an end", |alert| millis(&alert["endsAt"]) <= now());
    assert_eq!(ended["startsAt"], first["startsAt"]);
    wait_for("an attempt", || (scene.webhook.asked() > asked).then_some(()));
    await_stored(&daemon);
    assert_eq!(scene.statuses(), ["firing"]);
    let said = format!("receiver=\"{}\" error=\"it answered 500", scene.webhook.server.address);
    let log = wait_for("a line about the webhook", || {
        Some(daemon.log()).filter(|log| log.contains(&said))
    });
    assert!(log.contains("these are the words"), "{log}");
    assert!(!log.contains("path-that-is-a-secret"), "{log}");

    // The one that hangs was no hindrance to anybody.
    let stuck = receiver(&scene.stuck);
    let unanswered = ["outcome=\"unanswered\"", &stuck];
    daemon.await_metric("nephoscope_push_total{", &unanswered, |count| count >= 1.0);
    assert_eq!(daemon.metric("nephoscope_push_healthy{", &[&stuck]), Some(0.0));
    assert_eq!(
        daemon.metric("nephoscope_push_healthy{", &[&receiver(&scene.alertmanager)]),
        Some(1.0)
    );
    let skipped = ["concurrency", "late", "still_running"]
        .map(|cause| daemon.metric("nephoscope_probes_skipped_total{", &[cause]).unwrap());
    assert!(skipped.iter().sum::<f64>() < 2.0, "{skipped:?}");

    scene.webhook.be(FINE);
    let daemon = daemon.kill_and_start_again();
    wait_for("the end", || (scene.statuses().len() > 1).then_some(()));
    let last = scene.webhook.taken().pop().unwrap();
    assert_eq!(scene.statuses(), ["firing", "resolved"]);
    assert_eq!(last["alerts"][0]["endsAt"], ended["endsAt"]);
    assert_eq!(last["alerts"][0]["startsAt"], first["startsAt"]);
    drop(daemon);
}
