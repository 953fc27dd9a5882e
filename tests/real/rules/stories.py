"""A small test by hand for every other alert: it is quiet, it fires with these labels, it ends.

A story is series a minute apart and what fires at which minute. `alone` are the stories of rules for one vantage, `agreed` those of
rules that want two of three.

It covers no alert that `worked` has, but what more than one vantage makes of it.
"""

from rules.bench import Case, growing, listed, steps

MINUTE = 60
CONFIG = """
[provider.aws]
host = "192.0.2.1"
[provider.gcp]
host = "192.0.2.2"
[probe.web.http]
url = "http://{host}/"
[service.shop]
probes = ["web"]
labels = { team = "store" }
objective = 99.9
[service.loose]
probes = ["web"]
"""
LEAN = "[metrics]\ndetail = \"lean\"\n" + CONFIG
OWNER = {"service": "shop", "team": "store"}
# Seconds that the rules of this configuration allow between gauge and counter: 120, an interval, a timeout, the wait for an alibi.
SETTLED = 120 + 30 + 5 + 10


def series(metric: str, vantage: str = "here", **labels: str) -> str:
    """One of a daemon's series, as it is scraped."""
    inner = ",".join(f'{name}="{text}"' for name, text in {**labels, "vantage": vantage, "instance": f"{vantage}:1", "job": "n"}.items())
    return f"{metric}{{{inner}}}"


def check(metric: str, vantage: str = "here", provider: str = "aws", service: str = "shop") -> str:
    """One of a check's."""
    return series(metric, vantage, check=f"{service}/{provider}/web", service=service, provider=provider, region="", probe="web")


def story(name: str, alert: str, inputs: dict[str, str], *moments: tuple[int, list[dict]], interval: int = MINUTE) -> Case:
    """What fires of `alert` at which minute."""
    case = Case(name, interval, inputs)
    for minute, wanted in moments:
        case.firing(minute * MINUTE, alert, wanted)
    return case


def _gauge(name: str, alert: str, metric: str, labels: dict[str, str], severity: str, wait: int, wanted: dict[str, str] | None = None,
           trouble: float = 1, fine: float = 0) -> Case:
    """A gauge of the daemon's own is in trouble from minute 5 to 34."""
    inputs = {series(metric, **labels): steps((fine, 5), (trouble, 30), (fine, 30))}
    fires = [{**({"vantage": "here"} if wanted is None else wanted), **labels, "severity": severity}]
    moments = [(4, []), (5 + wait, fires), (34, fires), (35, [])]
    if wait:
        moments.append((4 + wait, []))
    return story(name, alert, inputs, *sorted(moments, key=lambda moment: moment[0]))


def _counter(name: str, alert: str, metric: str, labels: dict[str, str], wait: int) -> Case:
    """A counter of the daemon's own grows from minute 5 to 34; what has been asked for are 15 minutes without growth."""
    values = listed([0.0] * 5 + [float(each) for each in range(1, 31)] + [30.0] * 30)
    fires = [{"vantage": "here", "severity": "ticket"}]
    # At minute 49 the last 15 minutes have no growth in them.
    return story(name, alert, {series(metric, **labels): values}, (4, []), (4 + wait, []), (5 + wait, fires), (48, fires), (50, []))


def _outages() -> list[Case]:
    entry = series("nephoscope_outage_active", service="shop", scope="entry", provider="")
    whole = series("nephoscope_outage_active", service="shop", scope="any", provider="")
    side = series("nephoscope_outage_active", service="loose", scope="provider:gcp", provider="gcp")
    name = "NephoscopeOutage"
    everywhere = {**OWNER, "scope": "any", "severity": "page"}
    public = {**OWNER, "scope": "entry", "severity": "page"}
    one = {"service": "loose", "scope": "provider:gcp", "provider": "gcp", "severity": "ticket"}
    return [
        story("an outage fires at once and ends at once", name,
              {whole: steps((0, 3), (1, 5), (0, 5)), entry: steps((0, 4), (1, 4), (0, 5)), side: steps((1, 6), (0, 7))},
              (2, [one]), (3, [everywhere, one]), (5, [everywhere, public, one]), (7, [everywhere, public]), (8, [])),
        story("a daemon that restarts ends no outage, one that stays away does", name,
              {whole: "0 1 stale _ _ 1 1 stale _x20"}, (1, [everywhere]), (4, [everywhere]), (6, [everywhere]), (11, [everywhere]), (12, [])),
    ]


def _checks() -> list[Case]:
    unknown = [{**OWNER, "provider": "aws", "severity": "ticket"}]
    state, offline = check("nephoscope_check_state"), series("nephoscope_vantage_offline")
    done, interval = check("nephoscope_probe_last_completed_timestamp_seconds"), check("nephoscope_check_interval_seconds")
    stale = [{**OWNER, "provider": "aws", "vantage": "here", "severity": "ticket"}]
    ends = check("nephoscope_tls_certificate_not_after_timestamp_seconds")
    certificate = {**OWNER, "provider": "aws", "check": "shop/aws/web"}
    days = 1440
    renewed = {ends: steps((15.0 * 86_400, 15 * 24), (90.0 * 86_400, 24))}
    alone = series("nephoscope_service_exposure_seconds_total", service="shop", state="only", provider="aws")
    both = series("nephoscope_service_exposure_seconds_total", service="shop", state="both", provider="")
    return [
        story("a check that is unknown for a quarter of an hour", "NephoscopeCheckUnknown",
              {state: steps((0, 5), (2, 30), (0, 10)), offline: "0x60"}, (19, []), (20, unknown), (34, unknown), (35, [])),
        story("nothing is said of checks while the vantage is blind", "NephoscopeCheckUnknown",
              {state: "2x60", offline: steps((1, 30), (0, 30))}, (29, []), (44, []), (45, unknown)),
        story("no run ends for five intervals", "NephoscopeResultsStale",
              # Five intervals and a minute after the last end are 210 s: from minute 14 on, and five minutes more.
              {done: listed([60.0 * each for each in range(11)] + [600.0] * 20 + [60.0 * each for each in range(31, 60)]), interval: "30x60"},
              (13, []), (18, []), (19, stale), (30, stale), (31, [])),
        story("a certificate ends within 14 days, then within two, then is renewed", "NephoscopeCertificateExpiring", renewed,
              (1 * days, []), (1 * days + 120, [{**certificate, "severity": "ticket"}]), (14 * days, [{**certificate, "severity": "ticket"}]),
              (15 * days + 60, []), interval=3600),
        story("two days are for the pager", "NephoscopeCertificateEnding", renewed, (13 * days, []),
              (13 * days + 120, [{**certificate, "severity": "page"}]), (14 * days, [{**certificate, "severity": "page"}]),
              (15 * days + 60, []), interval=3600),
        story("one cloud alone for an hour", "NephoscopeRedundancyLost",
              # 57 of 60 minutes is the limit, and five minutes more.
              {alone: listed([0.0] * 10 + [60.0 * each for each in range(1, 91)] + [5400.0] * 60),
               both: growing(0.0, 60.0, 160)},
              (9, []), (71, []), (72, [{**OWNER, "provider": "aws", "severity": "ticket"}]),
              (101, [{**OWNER, "provider": "aws", "severity": "ticket"}]), (110, [])),
    ]


def _failover() -> list[Case]:
    proven = series("nephoscope_failover_last_proven_timestamp_seconds", service="shop")
    day = 1440
    return [
        *_blind(),
        *_never_proven(),
        _gauge("a failover is late", "NephoscopeFailoverLate", "nephoscope_failover_late", {"service": "shop"}, "page", 0, OWNER),
        _gauge("a failover without a reason", "NephoscopeFailoverSilent", "nephoscope_failover_silent", {"service": "shop"}, "ticket", 5, OWNER),
        _gauge("resolvers disagree", "NephoscopeEntrySplit", "nephoscope_entry_split", {"service": "shop"}, "ticket", 5, OWNER),
        story("no failover was seen for 90 days", "NephoscopeFailoverUnproven",
              {proven: steps((0.0, 100 * 24), (8_640_000.0, 24))}, (90 * day, []), (90 * day + 180, [{**OWNER, "severity": "ticket"}]),
              (99 * day, [{**OWNER, "severity": "ticket"}]), (100 * day + 60, []), interval=3600),
    ]


def _blind() -> list[Case]:
    """What a public name does is not believed of a vantage that sees nothing."""
    offline = {series("nephoscope_vantage_offline"): steps((1, 30), (0, 30))}
    return [story(f"{metric} is not told while the vantage is blind", alert, {series(metric, service="shop"): "1x60", **offline}, (29, []),
                  (29 + wait, []), (30 + wait, [{**OWNER, "severity": severity}]))
            for alert, metric, severity, wait in (
                ("NephoscopeFailoverLate", "nephoscope_failover_late", "page", 0),
                ("NephoscopeFailoverSilent", "nephoscope_failover_silent", "ticket", 5),
                ("NephoscopeEntrySplit", "nephoscope_entry_split", "ticket", 5))]


def _never_proven() -> list[Case]:
    """A name that fails over, and never did: told after a week, ended by the first failover. One that was proven is another matter."""
    hours, fires = 24, [{**OWNER, "severity": "ticket"}]
    late, proven = (series(f"nephoscope_failover_{what}", service="shop") for what in ("late", "last_proven_timestamp_seconds"))
    name, week = "NephoscopeFailoverUnproven", 7 * hours * 60
    gone = listed([None] * (9 * hours) + [9.0 * 86_400] * hours)
    return [
        story("no failover was ever seen", name, {late: f"0x{10 * hours}", proven: gone}, (week - 60, []), (week, fires), (9 * hours * 60 - 60, fires),
              (9 * hours * 60 + 60, []), interval=3600),
        story("one was seen a day ago", name, {late: f"0x{10 * hours}", proven: f"1x{10 * hours}"}, (week, []), (9 * hours * 60, []), interval=3600),
    ]


def _drift() -> list[Case]:
    """Five minutes apart; a day has to have passed before two counts of it are compared."""
    who = {"service": "shop", "slo": "availability-30d", "scope": "any", "provider": ""}
    fires = [{"service": "shop", "slo": "availability-30d", "scope": "any", "severity": "ticket"}]
    hours = 12

    def inputs(counted: list[float], gauge: list[float], restated: list[float]) -> dict[str, str]:
        rates = [bad / 86.4 for bad in gauge]
        return {series("nephoscope_slo_info", **who, window="30d", kind="time", unit="s", alert="page"): f"1x{60 * hours}",
                series("nephoscope_slo_objective_ratio", **who): f"0.999x{60 * hours}",
                series("nephoscope_slo_state_seconds_total", **who, state="bad"): listed(counted),
                series("nephoscope_slo_burn_rate", **who, window="1d"): listed(rates),
                series("nephoscope_slo_restated_seconds", **who): listed(restated)}

    length, begun = 60 * hours, 26 * hours
    quiet = [0.0] * length
    lost = [0.0] * begun + [float(SETTLED + 60)] * (24 * hours) + [0.0] * (length - begun - 24 * hours)
    little = [min(each, float(SETTLED - 5)) for each in lost]
    # An hour of the past is taken out of the promise: two hours after it was counted, and a month after.
    counted = [0.0] * begun + [3600.0] * (length - begun)
    gauge = [0.0] * begun + [3600.0] * (2 * hours) + [0.0] * (length - begun - 2 * hours)
    edited = [0.0] * (begun + 2 * hours) + [-3600.0] * (length - begun - 2 * hours)
    name = "NephoscopeBudgetDrift"
    every = 5 * MINUTE
    return [
        story("the gauge has bad time that was never counted", name, inputs(quiet, lost, quiet), (25 * 60, []), (26 * 60 + 55, []),
              (27 * 60, fires), (49 * 60, fires), (51 * 60, []), interval=every),
        story("what is settling is no drift", name, inputs(quiet, little, quiet), (28 * 60, []), (40 * 60, []), interval=every),
        story("an edit of what was counted is no drift", name, inputs(counted, gauge, edited), (28 * 60, []), (30 * 60, []), (49 * 60, []),
              (55 * 60, []), interval=every),
        story("an edit of older time is no drift", name, inputs(quiet, quiet, edited), (30 * 60, []), (50 * 60, []), (55 * 60, []), interval=every),
    ]


def _exhausted() -> list[Case]:
    """A budget that is used up, and recovers; its alert is kept for an hour."""
    who = {"service": "shop", "slo": "availability-30d", "scope": "any", "provider": ""}
    fires = [{**OWNER, "slo": "availability-30d", "scope": "any", "severity": "ticket"}]
    side = {**who, "scope": "provider:aws", "provider": "aws"}
    inputs = {series("nephoscope_slo_error_budget_remaining_ratio", **who): steps((0.1, 5), (0.0, 5), (-0.5, 20), (0.01, 90)),
              series("nephoscope_slo_info", **who, alert="page"): "1x120",
              series("nephoscope_slo_error_budget_remaining_ratio", **side): "-1x120",
              series("nephoscope_slo_info", **side, alert="none"): "1x120"}
    return [story("a budget that is used up, of the scope that was promised", "NephoscopeErrorBudgetExhausted", inputs,
                  (4, []), (9, []), (10, fires), (29, fires), (89, fires), (91, []))]


def _monitor() -> list[Case]:
    build = series("nephoscope_build_info", version="1")
    buckets = {series("nephoscope_schedule_lag_seconds_bucket", le=le): growing(0.0, each, 40) + " " + growing(each * 40, rest, 40)
               for le, each, rest in (("0.1", 60.0, 60.0), ("1", 60.0, 60.0), ("2.5", 60.0, 90.0), ("+Inf", 60.0, 90.0))}
    return [
        story("the dead man's alert always fires", "NephoscopeDeadMan", {"other": "1x60"}, (0, [{"severity": "none"}]), (60, [{"severity": "none"}])),
        story("no nephoscope is scraped", "NephoscopeAbsent", {build: "1x9 stale _x19 1x20"}, (14, []), (15, [{"severity": "page"}]),
              (29, [{"severity": "page"}]), (32, [])),
        _gauge("blind", "NephoscopeVantageOffline", "nephoscope_vantage_offline", {}, "page", 5),
        _gauge("no resolver", "NephoscopeResolverOffline", "nephoscope_resolver_offline", {}, "ticket", 5),
        _gauge("a refused configuration", "NephoscopeConfigRejected", "nephoscope_config_last_reload_successful", {}, "ticket", 5, trouble=0, fine=1),
        _gauge("no history", "NephoscopeStoreUnhealthy", "nephoscope_store_healthy", {}, "ticket", 5, trouble=0, fine=1),
        _gauge("a receiver that refuses", "NephoscopePushFailing", "nephoscope_push_healthy", {"receiver": "127.0.0.1:9093"}, "ticket", 5,
               {"vantage": "here"}, trouble=0, fine=1),
        story("a sentinel that is silent", "NephoscopeSentinelBroken",
              {series("nephoscope_sentinel_state", sentinel="a:443", kind="tls"): steps((0, 5), (4, 10), (2, 20), (0, 30)),
               series("nephoscope_sentinel_state", sentinel="b:443", kind="tls"): "0x60", series("nephoscope_vantage_offline"): "0x60"},
              (19, []), (20, [{"vantage": "here", "sentinel": "a:443", "severity": "ticket"}]),
              (34, [{"vantage": "here", "sentinel": "a:443", "severity": "ticket"}]), (35, [])),
        _counter("runs are skipped", "NephoscopeProbesSkipped", "nephoscope_probes_skipped_total", {"cause": "late"}, 15),
        story("those of a shutdown are no trouble", "NephoscopeProbesSkipped",
              {series("nephoscope_probes_skipped_total", cause="shutdown"): growing(0.0, 1.0, 60)}, (40, [])),
        _counter("history is lost", "NephoscopeStoreLoses", "nephoscope_store_lost_total", {"what": "results"}, 1),
        _counter("lines of the log are lost", "NephoscopeLogLinesLost", "nephoscope_log_lines_lost_total", {}, 1),
        story("the listener's own certificate", "NephoscopeListenerCertificateExpires",
              {series("nephoscope_listener_certificate_not_after_timestamp_seconds"): steps((14.0 * 86_400 + 600, 120), (90.0 * 86_400, 60))},
              (10, []), (70, []), (71, [{"vantage": "here", "severity": "ticket"}]), (119, [{"vantage": "here", "severity": "ticket"}]), (121, [])),
        story("one run of three starts late", "NephoscopeScheduleLate", {**buckets}, (40, []), (54, []),
              (60, [{"vantage": "here", "severity": "ticket"}]), (79, [{"vantage": "here", "severity": "ticket"}]), (95, [])),
    ]


def _sums() -> list[Case]:
    """What is recorded for dashboards: the growth of all checks of a service on a cloud, once in five minutes."""
    checks = {check("nephoscope_check_state_seconds_total", provider=provider).replace("}", f',state="{state}"}}'): growing(0.0, each, 21)
              for provider, state, each in (("aws", "good", 60.0), ("aws", "bad", 0.0), ("gcp", "good", 45.0), ("gcp", "bad", 15.0))}
    second = {key.replace('/web"', '/port"').replace('probe="web"', 'probe="port"'): values for key, values in checks.items()}
    failed = {check("nephoscope_probe_failures_total", provider=provider).replace("}", ',reason="status"}'): growing(0.0, each, 21)
              for provider, each in (("aws", 0.0), ("gcp", 2.0))}
    runs = {check("nephoscope_probe_duration_seconds_bucket").replace("}", f',outcome="{outcome}",le="{le}"}}'): growing(0.0, each, 21)
            for outcome, le, each in (("success", "0.1", 1.0), ("success", "+Inf", 2.0), ("failure", "+Inf", 5.0))}
    exposed = {series("nephoscope_service_exposure_seconds_total", service="shop", state=state, provider=provider): growing(0.0, each, 21)
               for state, provider, each in (("both", "", 45.0), ("only", "aws", 15.0))}
    lost = {series("nephoscope_service_failover_cost_seconds_total", service="shop"): growing(0.0, 6.0, 21)}
    case = Case("sums for dashboards", MINUTE, {**checks, **second, **failed, **runs, **exposed, **lost})
    state, failures = "nephoscope:check_state_seconds:increase5m", "nephoscope:probe_failures:increase5m"
    buckets, exposure = "nephoscope:probe_duration_seconds_bucket:increase5m", "nephoscope:service_exposure_seconds:increase5m"
    for at in (10 * MINUTE, 17 * MINUTE):
        case.value(at, f'{state}{{service="shop",provider="gcp",state="good",vantage="here",job="n"}}', 450.0)
        case.value(at, f'{state}{{provider="gcp",state="bad"}}', 150.0)
        case.value(at, f'{state}{{provider="aws",state="good"}}', 600.0)
        case.value(at, f"{failures}", 10.0)
        case.value(at, f"count({failures})", 1.0)
        case.value(at, f'{buckets}{{le="0.1"}}', 5.0)
        case.value(at, f"count({buckets})", 2.0)
        case.value(at, f'{exposure}{{state="only",provider="aws"}}', 75.0)
        case.value(at, "nephoscope:service_failover_cost_seconds:increase5m", 30.0)
    return [case]


def lean() -> dict[int, list[Case]]:
    """For a configuration that exports little of each check."""
    runs, interval = check("nephoscope_probes_total").replace("}", ',verdict="good"}'), 30
    stale = [{**OWNER, "provider": "aws", "vantage": "here", "severity": "ticket"}]
    # Five intervals and a minute without a run, and five minutes more.
    stands = listed([2.0 * each for each in range(10)] + [18.0] * 20 + [18.0 + 2 * each for each in range(1, 31)])
    return {MINUTE: [story(f"no run for five intervals of {interval} s, by the counter", "NephoscopeResultsStale", {runs: stands},
                           (12, []), (16, []), (18, stale), (29, stale), (31, []))]}


def alone() -> dict[int, list[Case]]:
    """For one vantage, by how often rules are evaluated."""
    slow = ("NephoscopeCertificateExpiring", "NephoscopeCertificateEnding", "NephoscopeFailoverUnproven")
    cases = [*_outages(), *_checks(), *_failover(), *_exhausted(), *_monitor(), *_sums()]
    by_pace: dict[int, list[Case]] = {MINUTE: [], 5 * MINUTE: _drift(), 3600: []}
    for case in cases:
        by_pace[3600 if any(name in str(case.asked) for name in slow) else MINUTE].append(case)
    return by_pace


def agreed() -> dict[int, list[Case]]:
    """For two of three vantages."""
    def outage(vantage: str) -> str:
        return series("nephoscope_outage_active", vantage, service="shop", scope="any", provider="")

    def side(vantage: str) -> str:
        return series("nephoscope_service_side_state", vantage, service="shop", provider="aws")

    everywhere = [{**OWNER, "scope": "any", "severity": "page"}]
    gone = " stale _x40"
    builds = {series("nephoscope_build_info", vantage, version="1"): "1x60" for vantage in "ab"}
    stale = [{**OWNER, "provider": "aws", "vantage": "c", "severity": "ticket"}]
    return {MINUTE: [
        story("one vantage of three is no outage, two are", "NephoscopeOutage",
              {outage("a"): steps((0, 2), (1, 20)), outage("b"): steps((0, 5), (1, 5), (0, 12)), outage("c"): "0x22"},
              (4, []), (5, everywhere), (9, everywhere), (10, [])),
        story("with one vantage lost it still takes two", "NephoscopeOutage",
              {outage("a"): "1x40", outage("b"): steps((0, 20), (1, 20)), outage("c"): "0x3" + gone},
              (12, []), (19, []), (20, everywhere)),
        story("two daemons of one vantage are one vantage", "NephoscopeOutage",
              {outage("a"): "1x20", outage("a").replace("a:1", "a:2"): "1x20", outage("b"): "0x20"}, (10, [])),
        story("a vantage is missing", "NephoscopeVantageMissing",
              {**builds, series("nephoscope_build_info", "c", version="1"): "1x9" + " stale _x19 1x20"}, (9, []), (14, []),
              (15, [{"severity": "page"}]), (29, [{"severity": "page"}]), (32, [])),
        story("all are missing", "NephoscopeVantageMissing", {"other": "1x20"}, (4, []), (5, [{"severity": "page"}])),
        story("two vantages disagree", "NephoscopeVantagesDisagree",
              {side("a"): steps((0, 5), (4, 30), (0, 20)), side("b"): "0x55", side("c"): "0x55"}, (19, []),
              (20, [{"service": "shop", "provider": "aws", "severity": "ticket"}]), (34, [{"service": "shop", "provider": "aws", "severity": "ticket"}]), (35, [])),
        story("down for all is agreement", "NephoscopeVantagesDisagree", {side("a"): "4x40", side("b"): "4x40", side("c"): "2x40"}, (30, [])),
        story("one that is blind can wait, the others see", "NephoscopeVantageOffline",
              {series("nephoscope_vantage_offline", "a"): "1x20", series("nephoscope_vantage_offline", "b"): "0x20"}, (4, []),
              (5, [{"vantage": "a", "severity": "ticket"}])),
        story("one daemon that stands still is told without agreement", "NephoscopeResultsStale",
              {check("nephoscope_probe_last_completed_timestamp_seconds", "c"): "0x30", check("nephoscope_check_interval_seconds", "c"): "30x30",
               check("nephoscope_probe_last_completed_timestamp_seconds", "a"): "0+60x30", check("nephoscope_check_interval_seconds", "a"): "30x30"},
              (8, []), (9, stale)),
        story("redundancy is lost for those who agree", "NephoscopeRedundancyLost",
              {series("nephoscope_service_exposure_seconds_total", vantage, service="shop", state="only", provider="aws"): growing(0.0, each, 120)
               for vantage, each in (("a", 60.0), ("b", 60.0), ("c", 0.0))}, (50, []), (80, [{**OWNER, "provider": "aws", "severity": "ticket"}])),
    ]}
