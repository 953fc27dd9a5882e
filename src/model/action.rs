//! What a line of the log tells of: one word for each kind of event.
//!
//! The words stand in `event.action` of the JSON log, so dashboards and alerts of a log system may be built on them: a word is
//! never given another meaning.
//!
//! What else belongs to a line is decided where it is logged; how it is written, in `daemon::logging`.

use super::words::words;

words! {
    /// A kind of event in the log.
    Action {
        /// This daemon watches only its shard of the services.
        Shard = "shard",
        /// The daemon watches, and its page is served.
        Started = "started",
        /// It was asked to stop; runs in flight may end.
        Stopping = "stopping",
        /// Schedulers or the recorder do not move, and the service manager is not told that they do.
        Stuck = "stuck",
        /// The service manager cannot be told anything.
        ManagerLost = "manager_lost",
        /// It has stopped.
        Stopped = "stopped",
        /// It has read its configuration again, and that is in force.
        Reloaded = "reloaded",
        /// A setting that was changed in the file needs a restart.
        RestartNeeded = "restart_needed",
        /// It was asked to read its configuration again, and what was in force still is: why, and a line for each problem.
        ReloadRefused = "reload_refused",
        /// A check has another state.
        CheckChanged = "check_changed",
        /// A side, a service or a public name has another state (level debug).
        JoinedChanged = "joined_changed",
        /// Something is down: an incident, with whose it is.
        OutageOpened = "outage_opened",
        /// An incident is judged otherwise than before.
        OutageRevised = "outage_revised",
        /// An incident is over.
        OutageEnded = "outage_ended",
        /// Incidents that are too many to be told singly.
        OutagesMore = "outages_more",
        /// A failover has reached a step.
        FailoverReached = "failover_reached",
        /// The public name still leads to a cloud that is down.
        FailoverLate = "failover_late",
        /// The public name leads elsewhere although its first cloud is healthy.
        FailoverSilent = "failover_silent",
        /// Answers for the public name differ for longer than they may be kept.
        EntrySplit = "entry_split",
        /// Answers for the public name agree again.
        EntryAgreed = "entry_agreed",
        /// A drill was started.
        DrillStarted = "drill_started",
        /// A drill was ended.
        DrillEnded = "drill_ended",
        /// Maintenance was announced.
        MaintenanceAnnounced = "maintenance_announced",
        /// Maintenance was ended before its time.
        MaintenanceEnded = "maintenance_ended",
        /// Stored maintenance cannot be read.
        MaintenanceUnreadable = "maintenance_unreadable",
        /// This monitor sees nothing over a road any more.
        SightLost = "sight_lost",
        /// It sees again.
        SightRegained = "sight_regained",
        /// A sentinel is silent while checks succeed.
        SentinelBroken = "sentinel_broken",
        /// A broken sentinel answers again.
        SentinelMended = "sentinel_mended",
        /// A receiver of alerts does not take them.
        DeliveryFailing = "delivery_failing",
        /// It takes them again.
        DeliveryMended = "delivery_mended",
        /// The heartbeat is not sent because something is stuck, or its receiver does not take it.
        HeartbeatFailing = "heartbeat_failing",
        /// The heartbeat is taken again.
        HeartbeatMended = "heartbeat_mended",
        /// Another vantage point gives no answer that can be used.
        PeerSilent = "peer_silent",
        /// It answers again.
        PeerAnswers = "peer_answers",
        /// The store cannot be used; history is not kept.
        StoreUnusable = "store_unusable",
        /// The store cannot be written at the moment.
        StoreFailing = "store_failing",
        /// The store can be written again.
        StoreMended = "store_mended",
        /// Results were lost, for they could not be stored before the stop.
        StoreLost = "store_lost",
        /// The writer of the store has failed; history is not kept any more.
        StoreWriterFailed = "store_writer_failed",
        /// The stored state of a check cannot be read.
        StateUnreadable = "state_unreadable",
        /// A report lacks what the store has kept.
        ReportIncomplete = "report_incomplete",
        /// The wall clock was set.
        ClockSet = "clock_set",
        /// Runs in flight were given up: their check was removed, or they did not end in time at the stop.
        RunsGivenUp = "runs_given_up",
        /// Somebody gave the listener credentials that are not right.
        CredentialsRefused = "credentials_refused",
        /// Somebody known to the listener changed something over it.
        ListenerWrite = "listener_write",
        /// The listener presents another certificate.
        CertificateChanged = "certificate_changed",
        /// The listener's changed certificate cannot be used; the one before stays.
        CertificateRefused = "certificate_refused",
        /// A file that a probe's TLS table names has changed and is used.
        TlsFilesChanged = "tls_files_changed",
        /// A file that a probe's TLS table names has changed and cannot be used; what was in it before is.
        TlsFilesRefused = "tls_files_refused",
        /// There may be too few file descriptors.
        DescriptorsShort = "descriptors_short",
        /// This host has no resolver configured.
        ResolverMissing = "resolver_missing",
        /// This host allows no ICMP to the daemon, and there are ICMP probes.
        IcmpForbidden = "icmp_forbidden",
    }
}
