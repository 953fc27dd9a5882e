//! Why a run was bad, why time is unknown, what a person should know, and in which phase it happened.
//!
//! Each set is closed: a word is added here first, then used. The same word stands in the label, the store, the API,
//! the command line and the README.
//!
//! What a reason *means* for health or blame is not decided here.

use super::words::words;

words! {
    /// A step of a probe; a deadline is reported as the phase in which it struck.
    Phase {
        /// Looking up the address of a host name.
        Resolve = "resolve",
        /// Talking to a proxy until the tunnel stands.
        Proxy = "proxy",
        /// TCP handshake.
        Connect = "connect",
        /// The plain-text dialogue that asks for TLS.
        Starttls = "starttls",
        /// TLS handshake.
        Tls = "tls",
        /// Getting a token.
        Auth = "auth",
        /// From the request's first byte to the answer's first byte (a DNS query is all processing).
        Processing = "processing",
        /// From the answer's first byte to its last byte judged.
        Transfer = "transfer",
    }
}

words! {
    /// Why a result is bad.
    Reason {
        /// The host's name does not exist.
        DnsNxdomain = "dns_nxdomain",
        /// The host's name exists but has no address of the family asked for.
        DnsNoAddress = "dns_no_address",
        /// The resolver of this host could not answer.
        DnsServfail = "dns_servfail",
        /// The resolver of this host refused to answer.
        DnsRefused = "dns_refused",
        /// The resolver of this host said nothing in time.
        DnsTimeout = "dns_timeout",
        /// The far side refused the connection.
        ConnectRefused = "connect_refused",
        /// No answer to the connection attempt in time.
        ConnectTimeout = "connect_timeout",
        /// No route to the address.
        ConnectUnreachable = "connect_unreachable",
        /// The connection was reset while it was being made.
        ConnectReset = "connect_reset",
        /// The proxy could not be used.
        Proxy = "proxy",
        /// The far side did not offer, or did not carry out, the change to TLS.
        Starttls = "starttls",
        /// A certificate of the presented chain has expired.
        TlsExpired = "tls_expired",
        /// A certificate of the presented chain is not valid yet.
        TlsNotYetValid = "tls_not_yet_valid",
        /// The certificate is for another name.
        TlsHostname = "tls_hostname",
        /// The chain does not lead to a trusted root.
        TlsUntrusted = "tls_untrusted",
        /// The TLS handshake did not end in time.
        TlsTimeout = "tls_timeout",
        /// No common TLS version, or one below `min_version`.
        TlsVersion = "tls_version",
        /// Any other failure of the TLS handshake.
        TlsHandshake = "tls_handshake",
        /// A token or credential could not be had.
        Auth = "auth",
        /// The request was sent and nothing came back in time.
        ResponseTimeout = "response_timeout",
        /// The answer began and stalled.
        BodyTimeout = "body_timeout",
        /// The connection was reset or closed after it had been made.
        Reset = "reset",
        /// What came is not the protocol that was asked for.
        Protocol = "protocol",
        /// The body's coding could not be undone.
        Encoding = "encoding",
        /// The protocol could not be upgraded.
        Upgrade = "upgrade",
        /// The status code is not among those wanted.
        Status = "status",
        /// The HTTP version is not among those wanted.
        HttpVersion = "http_version",
        /// A header rule failed.
        Header = "header",
        /// A body rule failed.
        Body = "body",
        /// A JSON rule failed.
        Json = "json",
        /// The body is longer than `body_limit`.
        BodyTooLarge = "body_too_large",
        /// More redirects than allowed, or a loop.
        RedirectLimit = "redirect_limit",
        /// A redirect that must not be followed.
        RedirectRefused = "redirect_refused",
        /// A step of the TCP dialogue did not get what it expected.
        Banner = "banner",
        /// The DNS response code is not among those wanted.
        Rcode = "rcode",
        /// A rule on DNS records failed.
        Answer = "answer",
        /// A DNS flag is not as wanted.
        Flags = "flags",
        /// The DNS answer was truncated.
        Truncated = "truncated",
        /// The serials of a zone's servers disagree.
        Serial = "serial",
        /// The health service says it is not serving.
        Health = "health",
        /// The program of an exec probe says that it is bad (exit code 2).
        Program = "program",
        /// The program of an exec probe did not end in time, and was killed.
        ProgramTimeout = "program_timeout",
        /// More echoes were lost than `max_loss` allows.
        Loss = "loss",
        /// Slower than `max_latency`.
        TooSlow = "too_slow",
    }
}

words! {
    /// Why time is unknown.
    Cause {
        /// No result yet since this daemon began to watch.
        Starting = "starting",
        /// This daemon was not running.
        Stopped = "stopped",
        /// No alibi: this vantage point could not see at all.
        VantageOffline = "vantage_offline",
        /// No alibi for resolving: the resolver of this host was dead.
        ResolverOffline = "resolver_offline",
        /// The monitor could not do the run properly (late, out of descriptors, too many in flight).
        Overloaded = "overloaded",
        /// A fault of the monitor itself.
        Internal = "internal",
        /// This host cannot look this way (a program that cannot be started, a socket that is not allowed).
        Unable = "unable",
        /// The program of an exec probe could not tell (exit code 3).
        Program = "program",
    }
}

words! {
    /// Something a person should know about a good result; never part of the SLI.
    Warning {
        /// A presented certificate ends within `expires_within`.
        TlsExpiresSoon = "tls_expires_soon",
        /// Slower than `slow_after`.
        Slow = "slow",
        /// A name server is behind its peers.
        SerialLag = "serial_lag",
        /// The program of an exec probe warns (exit code 1).
        Program = "program",
        /// Echoes were lost, but no more than `max_loss` allows.
        Loss = "loss",
    }
}

words! {
    /// Why a due run did not happen.
    SkipCause {
        /// The previous run of the check was still in flight when the next one fell due.
        StillRunning = "still_running",
        /// `max_in_flight` was reached until the next one fell due.
        Concurrency = "concurrency",
        /// The scheduler woke after the next one had fallen due.
        Late = "late",
        /// The daemon was stopping.
        Shutdown = "shutdown",
    }
}

words! {
    /// Why a run that had started gave no result.
    GivenUp {
        /// Its check was removed from the configuration.
        Removed = "removed",
        /// It did not end in time when the daemon stopped.
        Shutdown = "shutdown",
    }
}

impl Reason {
    /// The phase in which this reason arises; judgement is part of `transfer`.
    pub const fn phase(self) -> Phase {
        match self {
            Self::DnsNxdomain
            | Self::DnsNoAddress
            | Self::DnsServfail
            | Self::DnsRefused
            | Self::DnsTimeout => Phase::Resolve,
            Self::Proxy => Phase::Proxy,
            Self::ConnectRefused
            | Self::ConnectTimeout
            | Self::ConnectUnreachable
            | Self::ConnectReset => Phase::Connect,
            Self::Starttls => Phase::Starttls,
            Self::TlsExpired
            | Self::TlsNotYetValid
            | Self::TlsHostname
            | Self::TlsUntrusted
            | Self::TlsTimeout
            | Self::TlsVersion
            | Self::TlsHandshake => Phase::Tls,
            Self::Auth => Phase::Auth,
            Self::ResponseTimeout
            | Self::Reset
            | Self::Protocol
            | Self::Upgrade
            | Self::Program
            | Self::ProgramTimeout
            | Self::Loss => Phase::Processing,
            _ => Phase::Transfer,
        }
    }

    /// Whether our own network may be the one that failed (S8): nothing came back, or nobody can tell whether it did, as
    /// with a program, or with the token, proxy or server that was needed beside the target.
    pub const fn is_network(self) -> bool {
        matches!(
            self,
            Self::ConnectTimeout
                | Self::ConnectUnreachable
                | Self::TlsTimeout
                | Self::ResponseTimeout
                | Self::Loss
                | Self::Auth
                | Self::Proxy
                | Self::Serial
                | Self::Program
                | Self::ProgramTimeout
        )
    }

    /// Whether it says that this host's own resolver gave no answer (S8).
    pub const fn is_resolver(self) -> bool {
        matches!(self, Self::DnsTimeout | Self::DnsServfail)
    }

    /// The reason for a deadline that struck in `phase`.
    pub const fn of_deadline(phase: Phase) -> Self {
        match phase {
            Phase::Resolve => Self::DnsTimeout,
            Phase::Proxy => Self::Proxy,
            Phase::Connect => Self::ConnectTimeout,
            Phase::Starttls => Self::Starttls,
            Phase::Tls => Self::TlsTimeout,
            Phase::Auth => Self::Auth,
            Phase::Processing => Self::ResponseTimeout,
            Phase::Transfer => Self::BodyTimeout,
        }
    }
}
