"""The public name goes from a cloud that failed to one that serves: in time, late, without a reason, by half.

Somebody, here the story, rewrites the zone; resolvers keep the old answer for its TTL; fresh clients follow.
"""

from clouds.map import ALPHA, TTL_S
from clouds.stage import LATE_S, Stage
from clouds.watch import CONFIRMED_S, INTERVAL_S, entry, sentinels

# The public name is looked at so often; what a look finds is seen at the next one, and a resolver keeps what it has for its TTL.
LOOK_S = 2.0
SEEN_S, FOLLOWED_S = LOOK_S + LATE_S, TTL_S + 2 * LOOK_S + LATE_S


def failover_comes_in_time(stage: Stage) -> None:
    """Alpha dies; four seconds later the name leads to beta; alpha comes back, and the name with it: every step has its time."""
    stage.watch.start(sentinels(), entry("20s"))
    stage.all_is_well()
    lost = stage.lose(ALPHA)
    stage.becomes("shop", entry="down", alpha="down", beta="up", any="up", within=6)
    stage.until(lost + 4)
    switched = stage.lead("shop", "beta")
    stage.becomes("shop", entry="up", alpha="down", any="up", within=FOLLOWED_S + CONFIRMED_S)
    _step(stage, "detect", 0, CONFIRMED_S + LATE_S)
    _step(stage, "authoritative", switched - lost - INTERVAL_S - LATE_S, switched - lost + SEEN_S)
    _step(stage, "resolvers", switched - lost - INTERVAL_S - LATE_S, switched - lost + FOLLOWED_S)
    _step(stage, "fresh_client", switched - lost - INTERVAL_S - LATE_S, switched - lost + FOLLOWED_S)
    stage.findings.soon("the name leads to beta", lambda: _shares(stage), lambda seen: seen == {"beta": 1.0}, within=5)
    found = stage.find(ALPHA)
    stage.becomes("shop", entry="up", alpha="up", beta="up")
    stage.blamed("shop", "entry", "provider_or_path", "alpha/alpha-1")
    back = stage.lead("shop", "alpha")
    _step(stage, "back", back - lost - 2 * INTERVAL_S - LATE_S, back - lost + FOLLOWED_S, within=FOLLOWED_S + CONFIRMED_S)
    stage.all_is_well()
    stage.lasted("shop", "provider:alpha", lost, found)
    stage.findings.soon("it is proven", lambda: stage.watch.value("nephoscope_failover_last_proven_timestamp_seconds", service="shop"),
                        lambda seen: switched - 1 <= seen <= switched + FOLLOWED_S)
    stage.findings.soon("the cost is what users did not get", lambda: stage.watch.value(
        "nephoscope_service_failover_cost_seconds_total", service="shop"),
        lambda seen: abs(seen - (switched - lost)) <= FOLLOWED_S, within=5)
    stage.findings.equal("nobody calls it late", stage.watch.log("failover is late"), [])


def failover_comes_late(stage: Stage) -> None:
    """The name may lead to a dead cloud for four seconds; it does for ten: that is called late, once."""
    stage.watch.start(sentinels(), entry("4s"))
    stage.all_is_well()
    lost = stage.lose(ALPHA)
    stage.findings.soon("the failover is called late", lambda: _says(stage, "late"), lambda seen: seen == 1, within=9)
    stage.until(lost + 10)
    switched = stage.lead("shop", "beta")
    stage.becomes("shop", entry="up", alpha="down", any="up", within=FOLLOWED_S + CONFIRMED_S)
    _step(stage, "fresh_client", switched - lost - INTERVAL_S - LATE_S, switched - lost + FOLLOWED_S)
    stage.findings.soon("and not any more", lambda: _says(stage, "late"), lambda seen: seen == 0, within=5)
    stage.find(ALPHA)
    stage.lead("shop", "alpha")
    stage.all_is_well()
    stage.findings.equal("the log says it once", len(stage.watch.log("failover is late")), 1)


def failover_comes_in_silence(stage: Stage) -> None:
    """The name goes to beta although alpha is well and nobody announced it: that is said. Users notice nothing."""
    stage.watch.start(sentinels(), entry("20s"))
    stage.all_is_well()
    stage.lead("shop", "beta")
    stage.findings.soon("the name leads to beta", lambda: _shares(stage), lambda seen: seen == {"beta": 1.0}, within=FOLLOWED_S + 2)
    stage.findings.soon("nothing explains it", lambda: _says(stage, "silent"), lambda seen: seen == 1, within=15)
    stage.lead("shop", "alpha")
    stage.findings.soon("it leads to alpha again", lambda: _shares(stage), lambda seen: seen == {"alpha": 1.0}, within=FOLLOWED_S + 2)
    stage.all_is_well()
    stage.outages_are()


def _step(stage: Stage, step: str, at_least: float, at_most: float, within: float = 5.0) -> None:
    stage.findings.soon(f"{step} after {max(0.0, at_least):.1f} to {at_most:.1f} s", lambda: stage.watch.value(
        "nephoscope_failover_seconds", service="shop", step=step), lambda seen: at_least <= seen <= at_most, within)


def _says(stage: Stage, what: str) -> float:
    """Whether the failover is called that."""
    return stage.watch.value(f"nephoscope_failover_{what}", service="shop")


def _shares(stage: Stage) -> dict[str, float]:
    """Where the name leads, as far as it leads anywhere."""
    found = stage.watch.metric("nephoscope_entry_share_ratio", service="shop")
    return {dict(labels)["provider"]: share for labels, share in found.items() if share > 0}
