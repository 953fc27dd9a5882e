//! What a DNS probe asks, and what it wants of the answer.
//!
//! `config` makes these, `probe` carries them out; [`DnsSpec::new`] has every default, so that whoever builds one says
//! only what differs. How types and classes are spelled is in [`kind`].
//!
//! Nothing here is bytes on a wire or a judgement.

pub(super) mod kind;

use super::spec::{CONNECT, RESOLVE, TLS};
use super::words::words;
use super::{DNS_PORT, Host, Network, Pattern, Reason, TlsSpec};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{DNSClass, Name, RecordType};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// What we tell servers we can take in one datagram; the value of the DNS flag day of 2020 and of RFC 9715.
pub const EDNS_PAYLOAD: u16 = 1232;

/// Name servers of one zone that are asked at most.
pub const ZONE_SERVERS_AT_MOST: usize = 16;

/// A DNS probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsSpec {
    /// Who is asked.
    pub server: DnsServer,
    /// Name asked for.
    pub query: Name,
    /// Type asked for.
    pub record_type: RecordType,
    /// Class asked for.
    pub class: DNSClass,
    /// What else the question says.
    pub asking: Asking,
    /// How the first question is sent.
    pub transport: DnsTransport,
    /// Where over HTTPS the question goes.
    pub https: DohPlace,
    /// How TLS is done, where the transport has it.
    pub tls: Option<Arc<TlsSpec>>,
    /// Response codes that are good.
    pub rcodes: Vec<ResponseCode>,
    /// Rules on the answer section.
    pub answers: RecordRules,
    /// Rules on the authority section.
    pub authority: RecordRules,
    /// Rules on the additional section.
    pub additional: RecordRules,
    /// Rules on the flags.
    pub flags: FlagRules,
    /// What a truncated answer means.
    pub truncated: Truncated,
    /// Whether all servers of the zone `query` are compared instead of one being asked. Boxed, because most are not.
    pub serials: Option<Box<Serials>>,
}

impl DnsSpec {
    /// The address of `query` from `server`, over UDP, `NOERROR` wanted.
    pub fn new(server: DnsServer, query: Name) -> Self {
        Self {
            server,
            query,
            record_type: RecordType::A,
            class: DNSClass::IN,
            asking: Asking::default(),
            transport: DnsTransport::Udp,
            https: DohPlace::default(),
            tls: None,
            rcodes: vec![ResponseCode::NoError],
            answers: RecordRules::default(),
            authority: RecordRules::default(),
            additional: RecordRules::default(),
            flags: FlagRules::default(),
            truncated: Truncated::Fail,
            serials: None,
        }
    }

    /// What is asked, for people: `A shop.example.com.`, with the class where it is not the usual one.
    pub fn asks(&self) -> String {
        let name = &self.query;
        if self.serials.is_some() {
            return format!("serials of {name}");
        }
        let word = kind::type_word(self.record_type);
        match self.class {
            DNSClass::IN => format!("{word} {name}"),
            class => format!("{word} {} {name}", kind::class_word(class)),
        }
    }

    /// Whether a connection is made, with the first question or with one asked again.
    pub fn connects(&self) -> bool {
        self.transport != DnsTransport::Udp
            || self.truncated == Truncated::Tcp
            || self.serials.is_some()
    }

    pub(super) fn possible_reasons(&self) -> Vec<Reason> {
        let mut reasons =
            vec![Reason::ConnectRefused, Reason::ConnectUnreachable, Reason::ResponseTimeout];
        if let Some(serials) = &self.serials {
            reasons.push(Reason::Serial);
            reasons.extend(RESOLVE);
            if serials.servers.is_empty() {
                reasons.extend([Reason::Protocol, Reason::Rcode]);
            }
            return reasons;
        }
        reasons.extend([Reason::Protocol, Reason::Rcode]);
        if self.truncated != Truncated::Accept {
            reasons.push(Reason::Truncated);
        }
        if matches!(self.server, DnsServer::At(Host::Name(_), _)) {
            reasons.extend(RESOLVE);
        }
        if self.connects() {
            reasons.extend(CONNECT);
            reasons.extend([Reason::BodyTimeout, Reason::Reset]);
        }
        if self.transport.is_tls() {
            reasons.extend(TLS);
        }
        if self.transport == DnsTransport::Https {
            reasons.push(Reason::Status);
        }
        if [&self.answers, &self.authority, &self.additional].iter().any(|rules| !rules.is_empty())
        {
            reasons.push(Reason::Answer);
        }
        if !self.flags.is_empty() {
            reasons.push(Reason::Flags);
        }
        reasons
    }
}

/// Who is asked by a DNS probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DnsServer {
    /// The first name server of this host's configuration.
    System,
    /// This one.
    At(Host, u16),
}

/// What a question says beside name, type and class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asking {
    /// RD: whether the server should ask others.
    pub recursion: bool,
    /// CD: whether a validating resolver should leave out its checks.
    pub checking_disabled: bool,
    /// EDNS with so many bytes for a datagram; `None` is DNS as of 1987.
    pub edns: Option<u16>,
    /// DO: whether signatures should come along.
    pub dnssec: bool,
    /// For whose network the answer should be (RFC 7871).
    pub client_subnet: Option<Network>,
}

impl Default for Asking {
    fn default() -> Self {
        Self {
            recursion: true,
            checking_disabled: false,
            edns: Some(EDNS_PAYLOAD),
            dnssec: false,
            client_subnet: None,
        }
    }
}

words! {
    /// How a DNS question travels.
    DnsTransport {
        /// One datagram each way.
        Udp = "udp",
        /// RFC 7766.
        Tcp = "tcp",
        /// RFC 7858.
        Tls = "tls",
        /// RFC 8484, over HTTP/2.
        Https = "https",
    }
}

impl DnsTransport {
    /// The port of a server whose port nobody gave.
    pub const fn port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => DNS_PORT,
            Self::Tls => 853,
            Self::Https => 443,
        }
    }

    /// Whether TLS is part of it.
    pub const fn is_tls(self) -> bool {
        matches!(self, Self::Tls | Self::Https)
    }
}

/// Where and how a question goes over HTTPS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DohPlace {
    /// Path and perhaps query; begins with `/`.
    pub path: Arc<str>,
    /// How the question is carried.
    pub method: DohMethod,
}

impl Default for DohPlace {
    fn default() -> Self {
        Self { path: "/dns-query".into(), method: DohMethod::Post }
    }
}

words! {
    /// How HTTPS carries a question.
    DohMethod {
        /// In the body.
        Post = "POST",
        /// In the URL.
        Get = "GET",
    }
}

words! {
    /// What a truncated answer means.
    Truncated {
        /// The run is bad.
        Fail = "fail",
        /// Ask again over TCP, in the same run.
        Tcp = "tcp",
        /// What came is judged.
        Accept = "accept",
    }
}

/// Rules on the records of a section, each written as in a zone file (`192.0.2.7`, `10 mail.example.com.`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordRules {
    /// Which records are looked at, instead of those asked for (answers) or of all (the other sections).
    pub record_type: Option<RecordType>,
    /// Every record must match one of these.
    pub all: Vec<Pattern>,
    /// At least one record must match one of these.
    pub any: Vec<Pattern>,
    /// No record may match any of these.
    pub none: Vec<Pattern>,
    /// The records are exactly these, in any order.
    pub exact: Option<Vec<String>>,
    /// How many records.
    pub count: Option<RangeInclusive<u32>>,
    /// Time to live of every record, in seconds.
    pub ttl: Option<RangeInclusive<u32>>,
}

impl RecordRules {
    /// Whether there is any rule.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
            && self.any.is_empty()
            && self.none.is_empty()
            && self.exact.is_none()
            && self.count.is_none()
            && self.ttl.is_none()
    }
}

/// Wanted values of DNS header flags; `None` means either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlagRules {
    /// Authoritative answer.
    pub aa: Option<bool>,
    /// Authentic data.
    pub ad: Option<bool>,
    /// Recursion available.
    pub ra: Option<bool>,
    /// Truncated.
    pub tc: Option<bool>,
    /// Recursion desired, as the server repeats it.
    pub rd: Option<bool>,
    /// Checking disabled, as the server repeats it.
    pub cd: Option<bool>,
}

impl FlagRules {
    /// Whether there is any rule.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Each flag's name and wanted value, in the order in which they are judged.
    pub const fn named(self) -> [(&'static str, Option<bool>); 6] {
        [
            ("aa", self.aa),
            ("ad", self.ad),
            ("ra", self.ra),
            ("tc", self.tc),
            ("rd", self.rd),
            ("cd", self.cd),
        ]
    }
}

/// That all authoritative servers of a zone have the same serial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serials {
    /// Asked instead of the servers that the zone's NS records name; at most [`ZONE_SERVERS_AT_MOST`].
    pub servers: Vec<(Host, u16)>,
    /// A server further behind the newest serial is bad; without it, lag is only a warning.
    pub max_lag: Option<u32>,
    /// What it means that a server gives no serial.
    pub silent: Silent,
    /// Where the servers that NS records name listen; another one in tests only.
    pub port: u16,
}

impl Default for Serials {
    fn default() -> Self {
        Self { servers: Vec::new(), max_lag: None, silent: Silent::Fail, port: DNS_PORT }
    }
}

words! {
    /// What it means that one of a zone's servers gives no serial.
    Silent {
        /// The run is bad.
        Fail = "fail",
        /// A warning, as long as another one answers.
        Warn = "warn",
    }
}
