//! Tests against real sockets, the real clock and the real binary, linked into one program so that they build once.
//!
//! This file is a list: one `mod` a line in reading order, each with a comment on what it proves. Fixture servers bind
//! port 0 on loopback and live in `support/`; inputs and golden files live in `data/`.
//!
//! Nothing here needs a network, a fixed port, an order of tests or a sleep. The paused clock is `tests/sim`; peers that
//! are not ours (nginx, knot, Prometheus), and whole clouds that fail, are `tests/real`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

/// The API and the health paths: forms, filters, refusals.
mod api;
/// Whose outage it is: evidence, one incident, kept over a kill.
mod blame;
/// The dashboards: equal to what the code makes, in order, asking for what there is.
mod boards;
/// What the commands say, as a whole.
mod cli;
/// The configuration: every problem's whole text, the example, the shipped file.
mod config;
/// Kills in a loop on the real binary with a real file.
mod crash;
/// The whole road with the real binary.
mod daemon;
/// Every kind of prober ends at its deadline, to 10 ms on a paused clock.
mod deadlines;
/// `/probe`: the run that was asked for, the field's metrics, where it does not lead.
mod demand;
/// The demo: incidents seen for what they are, and a clean end.
mod demo;
/// What is deployed beside the daemon: rules, runbook, and what they say of each other.
mod deploy;
/// What a dialogue says again, bytes, and far sides that mean ill.
mod dialogue;
/// DNS probes: each reason an answer, or its absence, can give.
mod dns;
/// What a DNS question says, and rules on all that comes back.
mod dns_rules;
/// DNS over TLS and over HTTPS.
mod dns_secure;
/// Drills: over the socket, shown, ended, refused.
mod drill;
/// Exec probes: the contract, the clean room a program gets, and that nothing of it stays behind.
mod exec;
/// `export`: a store beside its daemon and at rest, replayed to what the daemon says.
mod export;
/// Following a public name: its zone's servers, resolvers, aliases, and who says nothing.
mod follow;
/// Random answers of every protocol to the real probers: in time, in bounds, without a panic.
mod fuzz;
/// What is written down against what the code says.
mod golden;
/// gRPC probes: what a health service says, by name; TLS; and what is no gRPC.
mod grpc;
/// The heartbeat.
mod heart;
/// The real daemon among hostile servers.
mod hostile_daemon;
/// DNS servers that lie or send nonsense: the probe keeps its question, its deadline and its memory.
mod hostile_dns;
/// HTTP probes against servers that misbehave on purpose: each ends in time, for the right reason.
mod hostile_http;
/// HTTP probes: statuses, bodies, redirects, addresses, names, and what each failure is called.
mod http;
/// HTTP probes: codings undone, bombs given up, cookies within one run.
mod http_coding;
/// HTTP probes through proxies: who resolves, what they are told, how they fail.
mod http_proxy;
/// HTTP probes: rules on header fields, JSON and encryption, met and broken.
mod http_rules;
/// HTTP probes: tokens kept until they expire, and every way in which none is had.
mod http_token;
/// HTTP probes: which version is spoken, and that exactly one request is sent however the server breaks off.
mod http_versions;
/// ICMP probes: real echoes on the loopback, late answers, and a host that allows none.
mod icmp;
/// `import`: whole files of blackbox_exporter and Prometheus, and that `validate` takes what comes out.
mod import;
/// The network's listener: who may read, who may write, and what is never shown.
mod listener;
/// The JSON log: names of the schema, what every line has, no secret in it.
mod log;
/// Maintenance at run time: announced, listed, ended, remembered; the past edited.
mod maintenance;
/// Resolving and connecting: each way to fail has its reason.
mod net;
/// The status page: order, words, bounds, escaping, headers.
mod page;
/// The SLO engine against time painted second by second.
mod painter;
/// Several vantage points: the road from here told from the cloud, and peers that are gone, silent or lie.
mod peers;
/// Telling others of alerts: receivers that hang, refuse and come back; kills in between.
mod push;
/// The configuration is read again while the daemon runs.
mod reload;
/// `status` and `probe`: what they say, exit codes.
mod render;
/// `replay`: the worked cases to the second, what is wrong with a file of results, forms of the answer.
mod replay;
/// `report`: every format, several vantages, wrong questions.
mod report;
/// `rules`: whom they are for, agreement, and that every series they ask for exists.
mod rules;
/// All servers of a zone and their serials: agreement, lag, silence.
mod serials;
/// STARTTLS of each protocol, and who puts words between.
mod starttls;
/// The store on real files: restarts, kills at any byte, damage, a second daemon, readers.
mod store;
/// Recent failures keep their story.
mod stories;
/// What a service manager hears, from ready to stopping.
mod supervisor;
/// Fixtures: servers on port 0, certificates made at run time, specs.
mod support;
/// TCP probes: each reason a connection or a dialogue can give.
mod tcp;
/// The house itself: floors, headers, banned words, file length.
mod tidy;
/// TLS: each way a certificate can be wrong, facts in spite of it, and never a resumed session.
mod tls;
/// Files that a TLS table names while they change, and certificates while time passes.
mod tls_files;
