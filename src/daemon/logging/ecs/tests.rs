//! A line for one event: what it contains, and that whatever is said stays one line and one JSON object.
//!
//! Names are compared with the schema in `tests/it/log.rs`, where a real daemon writes them.
//!
//! Nothing here is installed for the process.

use super::*;
use std::sync::{Arc, Mutex};
use tracing_subscriber::layer::SubscriberExt as _;

/// What a daemon in `attic` writes for what happens in `say`.
fn lines(say: impl FnOnce()) -> Vec<serde_json::Value> {
    struct Kept(Ecs, Arc<Mutex<Vec<String>>>);
    impl<S: Subscriber> Layer<S> for Kept {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let line = self.0.line(event, Timestamp::from_millis(1_780_185_600_120));
            self.1.lock().unwrap().push(line);
        }
    }
    let (queue, _guard) = tracing_appender::non_blocking(std::io::sink());
    let kept = Arc::new(Mutex::new(Vec::new()));
    let layer = Kept(Ecs::new(queue, "at\"tic"), Arc::clone(&kept));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), say);
    let lines = std::mem::take(&mut *kept.lock().unwrap());
    for line in &lines {
        assert_eq!(line.find('\n'), Some(line.len() - 1), "{line}");
    }
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_line_has_what_the_schema_wants_first_and_our_own_under_our_name() {
    let lines = lines(|| {
        tracing::warn!(
            action = Action::OutageEnded.as_str(),
            since_ms = 1_780_185_600_000_i64,
            took_ms = 1_500_u128,
            services = 2_usize,
            reason = Some("status"),
            "over: {}",
            "shop"
        );
    });
    let expected = serde_json::json!({
        "@timestamp": "2026-05-31T00:00:00.120Z", "log.level": "warn", "message": "over: shop", "ecs.version": VERSION,
        "event.dataset": "nephoscope.log", "nephoscope.vantage": "at\"tic", "process.pid": std::process::id(),
        "service.name": "nephoscope", "service.type": "nephoscope", "service.version": env!("CARGO_PKG_VERSION"),
        "log.logger": module_path!(), "event.action": "outage_ended", "event.kind": "alert", "event.category": ["network"],
        "event.type": ["end"], "event.start": "2026-05-31T00:00:00.000Z", "event.duration": 1_500_000_000_u64,
        "nephoscope.services": 2, "nephoscope.reason": "status",
    });
    assert_eq!(lines, [expected]);
}

#[test]
fn a_field_that_was_not_seen_is_absent() {
    let lines = lines(|| tracing::info!(reason = None::<&str>, "nothing"));
    assert_eq!(lines[0].get("nephoscope.reason"), None);
}

#[test]
fn whatever_a_far_side_says_stays_in_its_value() {
    let evil = "\"}\n{\"log.level\":\"error\"\u{1b}[2J\u{2028}\\";
    let lines = lines(|| tracing::info!(said = evil, "{evil}"));
    assert_eq!(lines[0]["nephoscope.said"], evil);
    assert_eq!(lines[0]["message"], evil);
    assert_eq!(lines[0]["log.level"], "info");
}

#[test]
fn what_a_library_says_is_a_label() {
    let lines =
        lines(|| tracing::debug!(target: "h2", ok = true, http.status = 200, id = 7, "answered"));
    assert_eq!(lines[0]["labels.http_status"], "200");
    assert_eq!(lines[0]["labels.ok"], "true");
    assert_eq!(
        (&lines[0]["labels.id"], lines[0].get("nephoscope.maintenance.id")),
        (&"7".into(), None)
    );
}
