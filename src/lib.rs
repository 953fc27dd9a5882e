//! nephoscope: watches the same services on two clouds, and says what it could not see.
//!
//! # The road of one result
//!
//! ```text
//!  probes.toml ─ config ─► Config ─ daemon ─► Monitor
//!                                               │ one heap of due checks per runtime
//!   schedule: next due ─► scheduler: sleep until due, take a permit, spawn
//!                               │ net            │
//!                               ▼                ▼
//!                            Prober ──► ProbeResult      (never an Err)
//!                               │ bounded channel, closed Event enum
//!                               ▼
//!                           recorder ── ledger.apply(event) ─► Effects
//!                               │
//!      journal → metrics.record → board.keep → book.tell → outages → recheck → log transition
//!         │             │            │            │          │
//!       store      GET /metrics  page, /api   promises (slo)  herald: alerts ─► push
//! ```
//!
//! A check is due on a grid of the wall clock ([`schedule`]). Its worker starts it under one hard deadline ([`probe`]), and
//! whatever happens is a [`model::ProbeResult`]. The one recorder feeds events to the pure [`monitor::ledger`], where a failure that
//! may be our own waits for an alibi; it settles time up to a watermark, keeps health, and says what has to be done. Outages are
//! given a [`blame`], for which other vantage points are asked ([`peer`]), public names are followed ([`failover`]), and what
//! people must know is pushed to receivers ([`push`]). What is known of past time goes to the book, where promises are worked out for whoever asks ([`slo`]), and to the [`store`], from which a start recalls it. Faces ([`web`],
//! [`cli`]) see copies only.
//!
//! Two things leave this road alone. Who asks `GET /probe` (`web/probe.rs`) gets one run of the same probers behind a fence, of which
//! no series, no health and no store hears ([`monitor::demand`]). And a heartbeat (`daemon/heart.rs`) tells somebody outside that
//! schedulers and recorder move.
//!
//! When the file changes, a new configuration is read as at a start and compared with the one in force ([`config::diff`]). Workers
//! stand still for a moment, the recorder moves what goes on living to its new place between two events, and faces are
//! shown the new tables ([`monitor::helm`]); runs in flight do not notice.
//!
//! # Floors
//!
//! A file uses its own floor's listed neighbours and anything below, never above; `tests/it/tidy.rs` keeps this.
//!
//! | floor | rooms | |
//! |---|---|---|
//! | F5 frame | `main` → [`cli`] → [`daemon`] · [`demo`] | words to and from a person; wiring and life cycle; two simulated clouds |
//! | F4 face | [`web`] ← [`client`] · [`dashboards`] | presenting what the monitor shows; reading it back over the local socket; Grafana's files |
//! | F3 heart | [`monitor`] | the order of effects |
//! | F2 hands | [`config`] · [`net`] ← ([`probe`] · [`peer`] · [`push`]) · [`store`] · [`metrics`] | text to `Config`; sockets; one attempt; asking another vantage; telling others; durable records; exposition |
//! | F1 rules | [`schedule`] · [`health`] · [`blame`] · [`slo`] · [`failover`] · [`rules`] | pure: no async, no I/O, no clock, no logging |
//! | F0 words | [`model`] · [`clock`] · [`file`](mod@file) · [`seed`] | values and their invariants; the doors to time, and to small files |
//!
//! # Invariants, as absences
//!
//! - Nothing downstream of [`config`] checks a setting again.
//! - No code branches on *which* provider a check is on.
//! - No rule reads a clock; no prober knows a metric, a schedule or another prober.
//! - No reader can hold the recorder up; nothing but the recorder writes.
//! - No run on demand leaves a trace, and none leads where its fence does not.
//! - No credential of a probe is in what its run says, in the forms that `probe::veil` knows.
//! - No second is counted twice or taken back: counters move only behind the watermark.
//! - Nothing waits for the disk: what the [`store`] cannot take is counted, and the present goes on.
//!
//! Modules in reading order:

pub mod model;

pub mod clock;
pub mod file;
pub mod seed;

pub mod blame;
pub mod failover;
pub mod health;
pub mod rules;
pub mod schedule;
pub mod slo;

pub mod config;
pub mod metrics;
pub mod net;
pub mod peer;
pub mod probe;
pub mod push;
pub mod store;

pub mod monitor;

pub mod dashboards;
pub mod web;

pub mod client;

pub mod daemon;
pub mod demo;

pub mod cli;

/// Here and not in `main`, so that tests and benches run on what the daemon runs on.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
