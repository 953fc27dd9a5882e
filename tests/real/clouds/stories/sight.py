"""What can be seen and what cannot: partitions of the vantage, its own network and resolver, address families, loss.

Time in which nothing could be seen is unknown, never bad; what could be seen is charged.
"""

from clouds.map import ALPHA, CLOUDS, NAMES, NEUTRAL, RELAY_PORT, RESOLVER, SEARCH, VANTAGE
from clouds.stage import Stage
from clouds.stories.outages import IN_ALPHA, IN_BETA, SERVICES
from clouds.watch import sentinels

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
    stage.untouched(*IN_BETA)


def vantage_is_cut_off(stage: Stage) -> None:
    """The vantage's own cable is out for eight seconds: everything is unknown, nothing is charged, and it all comes back."""
    stage.watch.start(sentinels())
    stage.all_is_well()
    lost = stage.unplug()
    for service in SERVICES:
        stage.becomes(service, any="unknown", all="unknown", alpha="unknown", beta="unknown", within=6)
    stage.findings.soon("the vantage is called offline", lambda: stage.watch.value("nephoscope_vantage_offline"),
                        lambda seen: seen == 1, within=3)
    stage.until(lost + 8)
    found = stage.plug()
    stage.all_is_well()
    stage.findings.soon("and not any more", lambda: stage.watch.value("nephoscope_vantage_offline"), lambda seen: seen == 0, within=3)
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
    stage.until(lost + 8)
    found = stage.thaw("resolver")
    stage.all_is_well()
    stage.outages_are()
    for check in BY_NAME:
        stage.counted(check, "unknown", found - lost)
    stage.untouched(*BY_NAME, *BY_ADDRESS)


def ipv6_dies(stage: Stage) -> None:
    """IPv6 to alpha dies: charged, a sentinel answers over IPv6. Then all of IPv6 dies: unknown. IPv4 is good all the time."""
    six = '[service.six]\nprobes = ["page"]\n' + "".join(
        f'[service.six.endpoint.{cloud.name}]\nhost = "{cloud.at6(SEARCH)}"\n' for cloud in CLOUDS)
    stage.watch.start(sentinels(), six)
    stage.all_is_well()
    stage.impose("alpha has no IPv6", f"ip6 saddr {ALPHA.net6} drop", f"ip6 daddr {ALPHA.net6} drop")
    stage.becomes("six", alpha="down", beta="up", any="up")
    stage.lift("alpha has no IPv6")
    stage.all_is_well()
    stage.outages_are("six provider:alpha")
    charged = stage.watch.checks()["six/alpha/page"]["bad_s"]
    stage.impose("there is no IPv6", "meta nfproto ipv6 drop")
    stage.becomes("six", alpha="unknown", beta="unknown", any="unknown", within=6)
    stage.lift("there is no IPv6")
    stage.all_is_well()
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
