"""What can be seen and what cannot: partitions of the vantage, its own network and resolver, address families, loss.

Time in which nothing could be seen is unknown, never bad; what could be seen is charged.
"""

from clouds.map import ALPHA, CLOUDS, NAMES, NEUTRAL, RELAY_PORT, RESOLVER, SEARCH, SENTINELS, VANTAGE
from clouds.pager import RECEIVERS
from clouds.stage import LATE_S, Stage
from clouds.stories.outages import IN_ALPHA, IN_BETA, SERVICES
from clouds.watch import INTERVAL_S, sentinels

BY_NAME = ("shop/alpha/web", "shop/beta/web")
BY_ADDRESS = ("search/alpha/page", "search/beta/page", "orders/alpha/page", "orders/beta/page")


def path_to_alpha_dies(stage: Stage) -> None:
    """Only the vantage does not reach alpha any more: it is charged, since beta and the sentinels still answer."""
    stage.watch.start(sentinels())
    stage.all_is_well()
    lost = stage.part(VANTAGE, ALPHA)
    for service in SERVICES:
        stage.becomes(service, alpha="down", beta="up", any="up")
        stage.blamed(service, "provider:alpha", "provider_or_path", "alpha/alpha-1")
    stage.until(lost + 5)
    found = stage.join(VANTAGE, ALPHA)
    stage.all_is_well()
    for service in SERVICES:
        stage.lasted(service, "provider:alpha", lost, found)
        stage.exposed(service, "only", "beta", found - lost)
    for check in IN_ALPHA:
        stage.counted(check, "bad", found - lost)
    stage.untouched(*IN_BETA)


def sentinel_breaks(stage: Stage) -> None:
    """One sentinel falls silent for good while checks succeed: it is called broken, nobody waits for it, and people are told of it."""
    broken = "NephoscopeSentinelBroken"
    pager = stage.pager()
    pager.start()
    stage.watch.start(sentinels('broken_after = "2s"\n'), RECEIVERS)
    stage.all_is_well()
    rulebook = stage.rulebook()
    gone = f"{NEUTRAL.at(SENTINELS[0])}:443"
    lost = stage.impose("a sentinel is silent", f"ip daddr {NEUTRAL.at(SENTINELS[0])} drop")
    # Nobody is called silent before a minute is over.
    stage.findings.soon("it is down", lambda: _sentinels(stage, gone), lambda seen: seen == [4], within=5)
    stage.findings.equal("which is no outage of anybody", stage.watch.outages(), [])
    stage.until(lost + 60)
    stage.findings.soon("it is called broken", lambda: stage.watch.log("a sentinel is silent"), lambda seen: [gone in str(line) for line in seen] == [True],
                        within=10)
    stage.findings.equal("the metrics say it of this one alone", (_sentinels(stage, gone), set(_sentinels(stage))), ([2], {0, 2}))
    names = [each["sentinel"] for each in stage.watch.api("services")["broken_sentinels"]]
    stage.findings.equal("the API names it, and so does the page", ([gone in name for name in names], f"{gone}</code> is broken" in stage.watch.get("/").decode()),
                         ([True], True))
    stage.findings.soon("the rule fires", lambda: [gone in each["sentinel"] for each in rulebook.firing(broken)], lambda seen: seen == [True], within=5)
    stage.findings.soon("Alertmanager is told", lambda: [gone in each["labels"]["sentinel"] for each in pager.lasting(broken)],
                        lambda seen: seen == [True], within=20)
    fault = stage.lose(ALPHA)
    for service in SERVICES:
        stage.becomes(service, alpha="down", beta="up", any="up")
    found = stage.find(ALPHA)
    stage.all_is_well()
    for service in SERVICES:
        stage.lasted(service, "provider:alpha", fault, found)
    stage.lift("a sentinel is silent")
    stage.findings.soon("it answers again", lambda: set(_sentinels(stage)), lambda seen: seen == {0}, within=5)
    stage.findings.equal("which the log says once", len(stage.watch.log("a broken sentinel answers again")), 1)
    stage.findings.soon("the rule is quiet", lambda: rulebook.firing(broken), lambda seen: not seen, within=5)
    stage.untouched(*IN_BETA)


def _sentinels(stage: Stage, which: str = "") -> list[float]:
    """The states of the sentinels whose name has this in it."""
    return [state for labels, state in stage.watch.metric("nephoscope_sentinel_state").items() if which in dict(labels)["sentinel"]]


def vantage_is_cut_off(stage: Stage) -> None:
    """The vantage's own cable is out for eight seconds: everything is unknown, nothing is charged, and it all comes back."""
    stage.watch.start(sentinels())
    stage.all_is_well()
    lost = stage.unplug()
    for service in SERVICES:
        stage.becomes(service, any="unknown", all="unknown", alpha="unknown", beta="unknown", within=6)
    stage.findings.soon("the vantage is called offline", lambda: _offline(stage)[0], lambda seen: seen == 1, within=3)
    causes = {result["cause"] for check in IN_ALPHA for result in stage.watch.results(check) if result["verdict"] == "unknown"}
    stage.findings.say(causes <= {"vantage_offline", "resolver_offline"} and "vantage_offline" in causes, "because of its own network", causes)
    stage.until(lost + 8)
    found = stage.plug()
    stage.all_is_well()
    stage.findings.soon("and not any more", lambda: _offline(stage), lambda seen: seen == (0, 0), within=3)
    stage.outages_are()
    for check in IN_ALPHA + IN_BETA:
        stage.counted(check, "unknown", found - lost)
    stage.untouched(*IN_ALPHA, *IN_BETA)


def resolver_dies(stage: Stage) -> None:
    """The host's resolver says nothing for eight seconds: what is asked by name is unknown, what is asked by address is good."""
    stage.watch.start(sentinels())
    stage.all_is_well()
    lost = stage.freeze("resolver")
    stage.becomes("shop", alpha="unknown", beta="unknown", any="unknown", within=6)
    causes = {result["cause"] for check in BY_NAME for result in stage.watch.results(check) if result["verdict"] == "unknown"}
    stage.findings.equal("because of the resolver", causes, {"resolver_offline"})
    stage.findings.soon("the resolver is called offline", lambda: _offline(stage), lambda seen: seen == (0, 1), within=3)
    stage.until(lost + 8)
    found = stage.thaw("resolver")
    stage.all_is_well()
    stage.outages_are()
    stage.findings.soon("and not any more", lambda: _offline(stage), lambda seen: seen == (0, 0), within=3)
    for check in BY_NAME:
        stage.counted(check, "unknown", found - lost)
    for check in BY_ADDRESS:
        stage.counted(check, "unknown", 0)
    stage.untouched(*BY_NAME, *BY_ADDRESS)


def _offline(stage: Stage) -> tuple[float, float]:
    """Whether nothing is seen over any network, and whether names cannot be resolved."""
    return stage.watch.value("nephoscope_vantage_offline"), stage.watch.value("nephoscope_resolver_offline")


def ipv6_dies(stage: Stage) -> None:
    """IPv6 to alpha dies: charged, a sentinel answers over IPv6. Then all of IPv6 dies: unknown. IPv4 is good all the time."""
    six = '[service.six]\nprobes = ["page"]\n' + "".join(
        f'[service.six.endpoint.{cloud.name}]\nhost = "{cloud.at6(SEARCH)}"\n' for cloud in CLOUDS)
    stage.watch.start(sentinels(), six)
    stage.all_is_well()
    lost = stage.impose("alpha has no IPv6", f"ip6 saddr {ALPHA.net6} drop", f"ip6 daddr {ALPHA.net6} drop")
    stage.becomes("six", alpha="down", beta="up", any="up")
    stage.blamed("six", "provider:alpha", "endpoint")
    stage.until(lost + 4)
    found = stage.lift("alpha has no IPv6")
    stage.all_is_well()
    stage.lasted("six", "provider:alpha", lost, found)
    stage.counted("six/alpha/page", "bad", found - lost)
    stage.outages_are("six provider:alpha")
    charged = stage.watch.checks()["six/alpha/page"]["bad_s"]
    dark = stage.impose("there is no IPv6", "meta nfproto ipv6 drop")
    stage.becomes("six", alpha="unknown", beta="unknown", any="unknown", within=6)
    stage.until(dark + 6)
    light = stage.lift("there is no IPv6")
    stage.all_is_well()
    stage.findings.soon("what could not be seen is unknown", lambda: stage.watch.checks()["six/beta/page"]["unknown_s"],
                        lambda seen: seen >= light - dark - INTERVAL_S - LATE_S, within=5)
    stage.outages_are("six provider:alpha")
    stage.findings.soon("nothing more was charged", lambda: stage.watch.checks()["six/alpha/page"]["bad_s"] - charged,
                        lambda seen: seen < 2, within=0)
    stage.untouched("six/beta/page", *IN_ALPHA, *IN_BETA)


def egress_is_denied(stage: Stage) -> None:
    """The vantage may reach the clouds and its resolver, nothing else: no sentinel answers, alpha's outage is charged all the same."""
    allowed = [f"{family} daddr {net} accept" for cloud in CLOUDS for family, net in (("ip", cloud.net4), ("ip6", cloud.net6))]
    stage.impose("default deny", *allowed, f"ip daddr {NEUTRAL.at(RESOLVER)} accept", "ip daddr 127.0.0.0/8 accept",
                 "ip saddr != 127.0.0.0/8 ct state established accept", "oifname road drop", at="vantage")
    stage.watch.start(sentinels())
    stage.all_is_well()
    lost = stage.lose(ALPHA)
    for service in SERVICES:
        stage.becomes(service, alpha="down", beta="up", any="up")
    stage.until(lost + 6)
    found = stage.find(ALPHA)
    stage.all_is_well()
    for service in SERVICES:
        stage.lasted(service, "provider:alpha", lost, found)
    for check in IN_ALPHA:
        stage.counted(check, "bad", found - lost)
    stage.untouched(*IN_BETA)


def packets_are_lost(stage: Stage) -> None:
    """30 of 100 packets from the vantage to alpha are lost: a datagram a run shows just that, and beta is not touched.

    Four name-server checks of 30 runs each: 0.7 of them good, with a standard deviation of 0.042; the bounds are four of these.
    """
    lookups = "".join(f'[probe.ask-{n}.dns]\nserver = "{{host}}"\nquery = "shop.example.test"\n' for n in range(4))
    lookups += '[service.lookup]\nprobes = ["ask-0", "ask-1", "ask-2", "ask-3"]\n' + "".join(
        f'[service.lookup.endpoint.{cloud.name}]\nhost = "{cloud.at(NAMES)}"\n' for cloud in CLOUDS)
    stage.watch.start(sentinels(), lookups)
    stage.all_is_well()
    before = _known(stage)
    lost = stage.shed(30, VANTAGE, ALPHA)
    stage.until(lost + 30)
    good, bad = (now - then for now, then in zip(_known(stage), before))
    stage.findings.say(0.53 <= good / (good + bad) <= 0.87, "the availability is what the loss says", f"{good:.1f} s good, {bad:.1f} s bad")
    stage.findings.say(good + bad > 4 * 25, "no time of it is unknown", f"{good + bad:.1f} s of {4 * 30} s known")
    stage.ground.lift("loss")
    stage.all_is_well()
    about_beta = [outage["id"] for outage in stage.watch.outages() if outage["scope"] != "provider:alpha"]
    stage.findings.equal("no outage of beta, and none of both", about_beta, [])
    stage.untouched(*(f"lookup/beta/ask-{n}" for n in range(4)), *IN_BETA)


def _known(stage: Stage) -> tuple[float, float]:
    """Good and bad seconds of the name servers of alpha."""
    checks = [check for id, check in stage.watch.checks().items() if id.startswith("lookup/alpha/")]
    return sum(check["good_s"] for check in checks), sum(check["bad_s"] for check in checks)


def road_is_slow(stage: Stage) -> None:
    """What comes from alpha takes 300 ms: a warning, no failure. Then it takes longer than anybody waits: down."""
    slow = '[probe.prompt]\nslow_after = "150ms"\n[probe.prompt.http]\nurl = "http://{host}:%d/"\n' % RELAY_PORT
    slow += '[service.far]\nprobes = ["prompt"]\n' + "".join(
        f'[service.far.endpoint.{cloud.name}]\nhost = "{cloud.at(SEARCH)}"\n' for cloud in CLOUDS)
    relays = {cloud.name: stage.relay(cloud, (cloud.at(SEARCH), RELAY_PORT), (cloud.at(SEARCH), 80)) for cloud in CLOUDS}
    stage.watch.start(sentinels(), slow)
    stage.all_is_well()
    relays["alpha"].delay_s = 0.3
    stage.becomes("far", alpha="degraded", beta="up", any="up")
    stage.findings.soon("because it is slow", lambda: stage.watch.results("far/alpha/prompt"), lambda seen: any(
        result["verdict"] == "good" and result["warnings"] == ["slow"] and result["latency_ms"] >= 300 for result in seen))
    stage.findings.equal("which is no failure", stage.watch.checks()["far/alpha/prompt"]["runs"]["bad"], 0)
    relays["alpha"].delay_s = 2.0
    stage.becomes("far", alpha="down", beta="up", any="up")
    stage.findings.equal("because nothing came in time", stage.watch.checks()["far/alpha/prompt"]["why"], "response_timeout")
    stage.blamed("far", "provider:alpha", "endpoint")
    relays["alpha"].delay_s = 0.0
    stage.all_is_well()
    stage.outages_are("far provider:alpha")
    stage.untouched("far/beta/prompt", *IN_ALPHA, *IN_BETA)


def monitor_is_paused(stage: Stage) -> None:
    """The daemon itself is stopped for 1.5 s, six times, with runs on the way: time is unknown, runs are late, nothing is bad."""
    slow = '[probe.slow.http]\nurl = "http://{host}:%d/"\n[service.far]\nprobes = ["slow"]\n' % RELAY_PORT + "".join(
        f'[service.far.endpoint.{cloud.name}]\nhost = "{cloud.at(SEARCH)}"\n' for cloud in CLOUDS)
    for cloud in CLOUDS:
        stage.relay(cloud, (cloud.at(SEARCH), RELAY_PORT), (cloud.at(SEARCH), 80)).delay_s = 0.4
    stage.watch.start(sentinels(), slow)
    stage.all_is_well()
    for _ in range(6):
        began = stage.watch.pause()
        stage.until(began + 1.5)
        stage.until(stage.watch.go_on() + 1.4)
    stage.all_is_well()
    stage.outages_are()
    stage.untouched(*IN_ALPHA, *IN_BETA, "far/alpha/slow", "far/beta/slow")
    stage.findings.soon("what could not run in time is counted", lambda: stage.watch.value(
        "nephoscope_probes_skipped_total", cause="late"), lambda seen: seen > 0, within=3)


def vantage_blinks(stage: Stage) -> None:
    """The vantage's cable is out for 1.2 s, five times, shorter than anybody's patience: nothing is charged."""
    stage.watch.start(sentinels())
    stage.all_is_well()
    for _ in range(5):
        stage.until(stage.unplug() + 1.2)
        stage.until(stage.plug() + 2.3)
    stage.all_is_well()
    stage.outages_are()
    stage.untouched(*IN_ALPHA, *IN_BETA)
