//! Heartbeats to a real server on loopback: when they come, when they do not, and what is counted.
//!
//! Pauses are short here; the server answers what a test wants.
//!
//! That the daemon's own pulse feeds them is tested with the real binary.

use super::*;
use crate::clock::SystemClock;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

/// A server that answers so, one request after the other, and hands on what it was asked.
fn server(answers: &'static [&'static str]) -> (url::Url, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/ping/secret-word", listener.local_addr().unwrap());
    let (asked, heard) = mpsc::channel();
    std::thread::spawn(move || {
        for answer in answers.iter().cycle() {
            let Ok((mut stream, _)) = listener.accept() else { return };
            let mut bytes = [0; 2048];
            let count = stream.read(&mut bytes).unwrap_or_default();
            if asked.send(String::from_utf8_lossy(&bytes[..count]).into_owned()).is_err() {
                return;
            }
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (url.parse().unwrap(), heard)
}

struct Beating {
    heart: Heart,
    own: Own,
    ready: Arc<AtomicBool>,
    alive: Arc<AtomicBool>,
}

fn heart(url: url::Url) -> Beating {
    let own = Own::new("here", "0.0.0");
    own.expect_beats();
    let flag = |flag: &Arc<AtomicBool>| -> Question {
        let flag = Arc::clone(flag);
        let no = || Err("a scheduler has not moved for 11 s".to_owned());
        Box::new(move || if flag.load(Ordering::Relaxed) { Ok(()) } else { no() })
    };
    let (ready, alive) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(true)));
    let heart = Heart {
        heartbeat: Heartbeat::new(url).unwrap(),
        ready: flag(&ready),
        alive: flag(&alive),
        own: own.clone(),
        clock: Arc::new(SystemClock),
        every: Duration::from_millis(20),
        failing: false,
    };
    Beating { heart, own, ready, alive }
}

fn counted(own: &Own, outcome: Beat) -> u64 {
    let start = format!("nephoscope_heartbeats_total{{outcome=\"{outcome}\",");
    let text = own.text();
    let line = text.lines().find(|line| line.starts_with(&start)).unwrap();
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heart_beats_while_everything_moves_and_only_then() {
    let (url, heard) = server(&["HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"]);
    let Beating { mut heart, own, ready, alive } = heart(url);
    ready.store(false, Ordering::Relaxed);
    alive.store(false, Ordering::Relaxed);
    assert_eq!(Beat::ALL.iter().map(|it| counted(&own, *it)).sum::<u64>(), 0);
    assert!(!own.text().contains("nephoscope_heartbeat_last_success_timestamp_seconds{"));
    let driver = async {
        let until = async |what: &str, is_so: &dyn Fn() -> bool| {
            let long = Instant::now() + Duration::from_secs(20);
            while !is_so() {
                assert!(Instant::now() < long, "{what}");
                tokio::task::yield_now().await;
            }
        };
        ready.store(true, Ordering::Relaxed);
        until("it is withheld", &|| counted(&own, Beat::Withheld) >= 2).await;
        assert!(heard.try_recv().is_err(), "nothing is sent while a scheduler is stuck");
        alive.store(true, Ordering::Relaxed);
        until("it is taken", &|| counted(&own, Beat::Taken) >= 3).await;
        alive.store(false, Ordering::Relaxed);
        let withheld = counted(&own, Beat::Withheld);
        until("it is withheld again", &|| counted(&own, Beat::Withheld) >= withheld + 2).await;
    };
    // What drives goes first, and ends the test.
    tokio::select! {
        biased;
        () = driver => {}
        () = heart.beat_on() => unreachable!("it beats for ever"),
    }
    let first = heard.recv().unwrap();
    assert!(first.starts_with("GET /ping/secret-word HTTP/1.1\r\n"), "{first}");
    assert_eq!(1 + heard.try_iter().count() as u64, counted(&own, Beat::Taken));
    assert_eq!(counted(&own, Beat::Failed), 0);
    assert!(own.text().contains("nephoscope_heartbeat_last_success_timestamp_seconds{"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_answer_that_takes_it_is_a_success_and_the_reason_has_no_secret() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let redirect =
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\nconnection: close\r\n\r\n";
    let refusal = "HTTP/1.1 500 Oops\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    for (url, said) in [
        (server(Box::leak(Box::new([redirect]))).0, "it answered 302 Found"),
        (server(Box::leak(Box::new([refusal]))).0, "it answered 500 Internal Server Error"),
        (format!("http://{closed}/secret-word").parse().unwrap(), ""),
    ] {
        let mut beating = heart(url);
        let why = beating.heart.heartbeat.send().await.unwrap_err();
        assert!(why.contains(said) && !why.contains("secret-word"), "{why}");
        beating.heart.beat().await;
        assert_eq!(counted(&beating.own, Beat::Failed), 1);
        assert!(beating.heart.failing);
    }
}
