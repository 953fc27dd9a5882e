"""The public name goes from a cloud that failed to one that serves: in time, late, without a reason, by half, as announced.

Somebody, here the story, rewrites the zone; resolvers keep the old answer for its TTL; fresh clients follow.
"""

import json
import time

from clouds.lookup import kept_for
from clouds.map import ALPHA, TTL_S
from clouds.stage import EARLY_S, LATE_S, Stage
from clouds.watch import CONFIRMED_S, INTERVAL_S, entry, sentinels

# The public name is looked at so often; what a look finds is seen at the next one, and a resolver keeps what it has for its TTL.
LOOK_S = 2.0
ENTRY = "shop/entry/web"
SEEN_S, FOLLOWED_S = LOOK_S + LATE_S, TTL_S + 2 * LOOK_S + LATE_S
# Within this a switch that nobody announced has been called silent.
SILENT_S = 9.0


def failover_comes_in_time(stage: Stage) -> None:
    """Alpha dies; four seconds later the name leads to beta; alpha comes back, and the name with it: every step has its time."""
    stage.watch.start(sentinels(), entry("20s"))
    stage.all_is_well()
    lost = stage.lose(ALPHA)
    stage.becomes("shop", entry="down", alpha="down", beta="up", any="up", within=6)
    stage.until(lost + 4)
    # The worst moment: the resolver has asked just now, and keeps what it has for its whole TTL.
    stage.findings.soon("the resolver has a fresh answer", lambda: kept_for(stage.ground, "shop.example.test"), lambda seen: seen == TTL_S, within=5)
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
    _is_called(stage)
    _is_kept(stage, "outage", late=False)


def failover_comes_late(stage: Stage) -> None:
    """The name may lead to a dead cloud for four seconds; it does for ten: that is called late, once."""
    stage.watch.start(sentinels(), entry("4s"))
    stage.all_is_well()
    lost = stage.lose(ALPHA)
    stage.findings.soon("the failover is called late", lambda: _says(stage, "late"), lambda seen: seen == 1, within=9)
    stage.findings.say(time.time() >= lost + 4 - EARLY_S, "not before it is", f"{time.time() - lost:.1f} s")
    stage.until(lost + 10)
    switched = stage.lead("shop", "beta")
    stage.becomes("shop", entry="up", alpha="down", any="up", within=FOLLOWED_S + CONFIRMED_S)
    _step(stage, "fresh_client", switched - lost - INTERVAL_S - LATE_S, switched - lost + FOLLOWED_S)
    stage.findings.soon("and not any more", lambda: _says(stage, "late"), lambda seen: seen == 0, within=5)
    stage.find(ALPHA)
    stage.lead("shop", "alpha")
    stage.all_is_well()
    stage.findings.soon("it is over", lambda: _kept(stage)["ended"], lambda seen: seen is not None, within=FOLLOWED_S + 2)
    _is_called(stage, late=1)
    _is_kept(stage, "outage", late=True)
    stage.blamed("shop", "entry", "provider_or_path", "alpha/alpha-1")


def failover_comes_in_silence(stage: Stage) -> None:
    """The name goes to beta although alpha is well and nobody announced it: that is said. Users notice nothing."""
    stage.watch.start(sentinels(), entry("20s"))
    stage.all_is_well()
    switched = stage.lead("shop", "beta")
    stage.findings.soon("the name leads to beta", lambda: _shares(stage), lambda seen: seen == {"beta": 1.0}, within=FOLLOWED_S + 2)
    stage.findings.soon("nothing explains it", lambda: _says(stage, "silent"), lambda seen: seen == 1, within=SILENT_S)
    stage.lead("shop", "alpha")
    stage.findings.soon("it leads to alpha again", lambda: _shares(stage), lambda seen: seen == {"alpha": 1.0}, within=FOLLOWED_S + 2)
    stage.findings.soon("it is over", lambda: _kept(stage)["ended"], lambda seen: seen is not None, within=FOLLOWED_S + 2)
    began = _kept(stage)["began"] - switched
    stage.findings.say(-EARLY_S <= began <= SEEN_S, "it began with the first look that saw it", f"{began:+.2f} s")
    stage.all_is_well()
    stage.outages_are()
    stage.untouched(ENTRY)
    _is_called(stage, silent=1)
    _is_kept(stage, "silent", late=False)


def failover_is_drilled(stage: Stage) -> None:
    """A drill is announced, two seconds later the name goes to beta, and back: planned, timed from the announcement, and proven."""
    stage.watch.start(sentinels(), entry("4s"))
    stage.all_is_well()
    drilled = stage.drill("start", "shop", "--by", "ann", "--reason", "quarterly")
    stage.until(drilled + 2)
    switched = stage.lead("shop", "beta")
    for step, follows in (("authoritative", SEEN_S), ("resolvers", FOLLOWED_S), ("fresh_client", FOLLOWED_S)):
        _step(stage, step, switched - drilled - EARLY_S, switched - drilled + follows, within=FOLLOWED_S + INTERVAL_S)
    stage.findings.soon("the name leads to beta", lambda: _shares(stage), lambda seen: seen == {"beta": 1.0}, within=5)
    # As long as one that nobody announced waits for an outage that would explain it, and longer than it may take.
    stage.until(switched + SILENT_S)
    back = stage.lead("shop", "alpha")
    _step(stage, "back", back - drilled - EARLY_S, back - drilled + FOLLOWED_S + INTERVAL_S, within=FOLLOWED_S + INTERVAL_S)
    ended = stage.drill("end", "shop", "--by", "bob")
    [drill] = stage.watch.api("drills")["drills"]
    stage.findings.equal("who drilled what, and why", [drill[key] for key in ("service", "by", "reason", "ended_by")],
                         ["shop", "ann", "quarterly", "bob"])
    off = {"started": drill["started"] - drilled, "ended": drill["ended"] - ended}
    stage.findings.say(all(abs(each) < 1 for each in off.values()), "from when to when", off)
    stage.findings.soon("it is proven", lambda: stage.watch.value("nephoscope_failover_last_proven_timestamp_seconds", service="shop"),
                        lambda seen: switched - EARLY_S <= seen <= switched + FOLLOWED_S)
    _is_called(stage)
    _is_kept(stage, "planned", late=False)
    stage.findings.equal("timed from the announcement", _kept(stage)["began"], drill["started"])
    stage.findings.equal("nothing was detected, for nothing failed", sorted(_kept(stage)["steps_s"]),
                         ["authoritative", "back", "fresh_client", "resolvers"])
    shop = next(each for each in json.loads(stage.watch.command("report", "--window", "1h", "--format", "json").stdout)["services"]
                if each["service"] == "shop")
    stage.findings.equal("the report has the drill", [[each["by"], each["reason"], each["ended_by"]] for each in shop["drills"]],
                         [["ann", "quarterly", "bob"]])
    stage.findings.equal("and its failover with the same steps", [(each["cause"], each["planned"], each["marks"], _rounded(each["steps_s"]))
                         for each in shop["failovers"]], [("planned", True, [], _rounded(_kept(stage)["steps_s"]))])
    stage.all_is_well()
    stage.outages_are()
    stage.untouched(ENTRY, "shop/alpha/web", "shop/beta/web")


def public_name_is_split(stage: Stage) -> None:
    """Alpha's name servers say beta, beta's say alpha: for as long as answers may be kept that is a switch under way, then it is split."""
    stage.watch.start(sentinels(), entry("20s"))
    stage.all_is_well()
    split = stage.lead("shop", "beta", ALPHA)
    stage.findings.soon("the name is called split", lambda: _split(stage), lambda seen: seen == 1, within=TTL_S + 3 * LOOK_S + LATE_S)
    stage.findings.say(time.time() >= split + TTL_S + INTERVAL_S - EARLY_S, "not before the answers ran out", f"{time.time() - split:.1f} s")
    stage.findings.equal("it leads to both", sorted(_shares(stage)), ["alpha", "beta"])
    joined = stage.lead("shop", "alpha")
    stage.findings.soon("it leads to one again", lambda: _split(stage), lambda seen: seen == 0, within=FOLLOWED_S + 1)
    stage.findings.say(time.time() <= joined + FOLLOWED_S + 2, "soon after it was put right", f"{time.time() - joined:.1f} s")
    stage.all_is_well()
    stage.outages_are()
    stage.untouched(ENTRY)
    stage.findings.equal("users who came to either were served", stage.watch.service("shop")["entry"], "up")
    _is_called(stage, split=1)
    stage.findings.equal("and once that it is over", len(stage.watch.log("no longer split")), 1)


def _is_called(stage: Stage, **times: int) -> None:
    """What the log calls it, so many times, and nothing else."""
    words = {"late": "failover is late", "silent": "silent failover", "split": "the public name is split"}
    seen = {what: len(stage.watch.log(said)) for what, said in words.items()}
    stage.findings.equal("the log calls it that, and nothing else", seen, {what: times.get(what, 0) for what in words})


def _is_kept(stage: Stage, cause: str, late: bool) -> None:
    """How the failover is remembered."""
    kept = _kept(stage)
    stage.findings.equal("it is kept", (kept["cause"], kept["from"], kept["to"], kept["late"]), (cause, "alpha", "beta", late))
    stage.findings.say(kept["ended"] is not None, "as over", kept["ended"])


def _kept(stage: Stage) -> dict:
    """The newest failover."""
    [service] = stage.watch.api("services", service="shop")["services"]
    return service["entry"]["leads"]["failovers"][0]


def _rounded(steps: dict[str, float]) -> dict[str, float]:
    """To the millisecond."""
    return {step: round(seconds, 3) for step, seconds in steps.items()}


def _split(stage: Stage) -> float:
    return stage.watch.value("nephoscope_entry_split", service="shop")


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
