//! What the daemon says of its two ways to the outside: the listener, and the heartbeat.
//!
//! Whom the listener turned away is counted by why; when its certificate ends is there while it has one. A heartbeat has
//! series where one is configured.
//!
//! Nothing is decided here about who is let in or when a heartbeat is sent.

use super::{Own, VALID, children, counters_of, opts};
use crate::metrics::catalog::Metric;
use crate::model::{Beat, Timestamp, TurnedAway};
use prometheus::core::Collector;
use prometheus::{GaugeVec, IntCounter, IntCounterVec};

/// Of the listener and the heartbeat.
#[derive(Clone)]
pub(super) struct Outward {
    turned_away: Vec<IntCounter>,
    certificate: GaugeVec,
    beats: IntCounterVec,
    last_beat: GaugeVec,
}

impl Outward {
    /// The families, and their collectors to be registered.
    pub(super) fn new() -> (Self, Vec<Box<dyn Collector>>) {
        let turned_away = counters_of(Metric::ListenerTurnedAway);
        // Without labels, and yet a vector: what was never set has no series.
        let moment = |metric| GaugeVec::new(opts(metric), &[]).expect(VALID);
        let families = Self {
            turned_away: children(&turned_away, TurnedAway::ALL.iter().map(|why| why.as_str())),
            certificate: moment(Metric::ListenerCertificateNotAfter),
            beats: counters_of(Metric::Heartbeats),
            last_beat: moment(Metric::HeartbeatLastSuccess),
        };
        let collectors: Vec<Box<dyn Collector>> = vec![
            Box::new(turned_away),
            Box::new(families.certificate.clone()),
            Box::new(families.beats.clone()),
            Box::new(families.last_beat.clone()),
        ];
        (families, collectors)
    }
}

impl Own {
    /// The listener turned somebody away.
    pub fn count_turned_away(&self, why: TurnedAway) {
        self.outward.turned_away[why.index()].inc();
    }

    /// When the certificate ends that the listener presents.
    pub fn set_listener_certificate(&self, not_after: Timestamp) {
        self.outward.certificate.with_label_values::<&str>(&[]).set(not_after.as_secs_f64());
    }

    /// There is a heartbeat: its counters stand at 0.
    pub fn expect_beats(&self) {
        for outcome in Beat::ALL {
            self.outward.beats.with_label_values(&[outcome.as_str()]);
        }
    }

    /// A heartbeat was due at `now`, and this became of it.
    pub fn count_beat(&self, outcome: Beat, now: Timestamp) {
        self.outward.beats.with_label_values(&[outcome.as_str()]).inc();
        if outcome == Beat::Taken {
            self.outward.last_beat.with_label_values::<&str>(&[]).set(now.as_secs_f64());
        }
    }
}
