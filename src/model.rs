//! The vocabulary: values and their invariants, shared by every room.
//!
//! Words are those of the glossary in the README: provider, service, endpoint, probe, check, result, verdict, reason.
//! Closed sets are enums made by one macro (`words`), so that label, API, log and document always agree.
//!
//! Nothing here reads a clock, a file or a socket, and nothing knows how it is exported.

mod action;
mod alert;
mod blame;
mod caller;
mod certificate;
mod check;
mod count;
mod demand;
mod detail;
mod dialogue;
mod dns;
mod failover;
mod http;
mod maintenance;
mod mark;
mod objective;
mod outward;
mod password;
mod peer;
mod private;
mod provider;
mod reason;
mod reference;
mod result;
mod road;
mod secret;
mod service;
mod serving;
mod spec;
mod storage;
mod time;
mod verdict;
mod words;

pub use action::Action;
pub use alert::{Alert, Fingerprint, Pairs, PushOutcome, Receiver, ReceiverKind};
pub use blame::{Blame, Witness};
pub use caller::{CALLERS_AT_MOST, Caller, Listener, Proof, TOKEN_AT_LEAST, TlsFiles};
pub use certificate::Certificate;
pub use check::{Check, CheckId, CheckIndex, Shape};
pub use count::counted;
pub use demand::{AT_ONCE, AT_ONCE_AT_MOST, Demand, Fence, GUARDED};
pub use detail::Detail;
pub use dialogue::{Group, Said, StartTls, Step};
pub use dns::kind::{class_of, class_word, type_of, type_word, type_word_of};
pub use dns::{
    Asking, DnsServer, DnsSpec, DnsTransport, DohMethod, DohPlace, EDNS_PAYLOAD, FlagRules,
    RecordRules, Serials, Silent, Truncated, ZONE_SERVERS_AT_MOST,
};
pub use failover::{FailoverCause, FailoverStep};
pub use http::{
    Auth, ClientAuth, Coding, Codings, HeaderRule, HttpSpec, HttpVersions, JsonPath, JsonRule,
    JsonScalar, JsonWanted, Missing, OAuth2, Proxy, ProxyKind, Redirects, StatusRules,
};
pub use maintenance::{Maintenance, MaintenancePhase, MaintenanceWhen, Matching};
pub use mark::{AskedResolver, DNS_PORT, Mark, marked};
pub use objective::{
    AlertKind, Objective, ObjectiveKind, ObjectiveStatus, ObjectiveUnit, ObjectiveWindow,
    PeriodPolicy, ScopeChoice, Tier, TierName, UnknownPolicy,
};
pub use outward::{Beat, TurnedAway};
pub use password::PasswordHash;
pub use peer::{PEERS_AT_MOST, Peer};
pub use private::{holds_secret, is_credential, may_hold_secret};
pub use provider::{Canary, Network, Plane, Provider};
pub use reason::{Cause, GivenUp, Phase, Reason, SkipCause, Warning};
pub use reference::{Reference, ReferenceRole};
pub use result::{Facts, Hop, HttpVersion, Outcome, PhaseTimes, ProbeResult, TlsVersion, Warnings};
pub use road::Road;
pub use secret::Secret;
pub use service::{Endpoint, Entry, EntryPolicy, Role, Service, Side};
pub use serving::ServingStatus;
pub use spec::{
    EnvValue, ExecSpec, GrpcSpec, Host, IcmpSpec, IpChoice, PACKET_SIZE_AT_MOST, PACKETS_AT_MOST,
    Pattern, PemFile, Pick, ProbeKind, Spec, TcpSpec, TlsSpec,
};
pub use storage::{StoreFault, StoreLoss};
pub use time::{Timestamp, human_duration, human_latency};
pub use verdict::{State, Verdict};
