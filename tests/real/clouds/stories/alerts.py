"""Who is told of an outage, when, and how often: a real Alertmanager and a webhook."""

import datetime
import time

from clouds.map import ALPHA, BETA, CLOUDS, NEUTRAL, NOBODY, SEARCH
from clouds.pager import ALERTMANAGER_PORT, BY_ALERTMANAGER, BY_DAEMON, RECEIVERS
from clouds.stage import Stage
from clouds.watch import sentinels

ALPHA_DOWN = "NephoscopeOutage search provider:alpha"
BETA_DOWN = "NephoscopeOutage search provider:beta"
ALL_DOWN = "NephoscopeOutage search any"


def people_are_told(stage: Stage) -> None:
    """Search dies on alpha, then on beta; the daemon crashes in between and Alertmanager is away: each is told, and resolved."""
    pager = stage.pager()
    stage.watch.start(sentinels(), RECEIVERS)
    stage.all_is_well()
    lost = stage.break_service(ALPHA, "search")
    stage.becomes("search", alpha="down", any="up")
    stage.findings.soon("the webhook is told at once", lambda: pager.told(BY_DAEMON), lambda seen: seen == [(ALPHA_DOWN, "firing")], within=3)
    pager.start()
    stage.findings.soon("an Alertmanager that was away is told what it missed", pager.firing, lambda seen: seen == [ALPHA_DOWN], within=35)
    [alert] = pager.alerts()
    stage.findings.say(abs(_moment(alert["startsAt"]) - lost) < 3, "since when it lasts", alert["startsAt"])
    stage.findings.say(_moment(alert["endsAt"]) > lost + 120, "it lapses later, if nothing more is heard", alert["endsAt"])
    stage.watch.kill()
    stage.watch.start_again()
    stage.break_service(BETA, "search")
    stage.becomes("search", alpha="down", beta="down", any="down")
    stage.findings.soon("nobody can search: Alertmanager knows", pager.firing, lambda seen: seen == sorted([ALPHA_DOWN, BETA_DOWN, ALL_DOWN]), within=5)
    stage.blamed("search", "any", "application")
    severity = {alert["labels"]["scope"]: alert["labels"]["severity"] for alert in pager.alerts()}
    stage.findings.equal("which is worth waking somebody", severity, {"provider:alpha": "ticket", "provider:beta": "ticket", "any": "page"})
    [again] = [each for each in pager.alerts() if each["labels"]["scope"] == "provider:alpha"]
    stage.findings.equal("the crash changed neither start nor labels", (again["startsAt"], again["fingerprint"]), (alert["startsAt"], alert["fingerprint"]))
    stage.mend_service(ALPHA, "search")
    stage.mend_service(BETA, "search")
    stage.all_is_well()
    stage.findings.soon("all of it is resolved", pager.firing, lambda seen: not seen, within=5)
    each = sorted((name, status) for name in (ALPHA_DOWN, BETA_DOWN, ALL_DOWN) for status in ("firing", "resolved"))
    stage.findings.soon("people hear of each end", lambda: sorted(set(pager.told(BY_ALERTMANAGER))), lambda seen: seen == each, within=10)
    stage.findings.equal("in the shape that Alertmanager sends", pager.shape(BY_DAEMON), pager.shape(BY_ALERTMANAGER))
    stage.findings.equal("with its fingerprints", pager.fingerprints(BY_DAEMON), pager.fingerprints(BY_ALERTMANAGER))
    # A message carries the whole group; that a group is told again when nothing has changed would be a flood.
    stage.findings.soon("so does the webhook", lambda: sorted(set(pager.told(BY_DAEMON))), lambda seen: seen == each, within=5)
    stage.findings.say(pager.messages(BY_DAEMON) <= len(each), "in a message per change at most", pager.messages(BY_DAEMON))


def one_alertmanager_is_dead(stage: Stage) -> None:
    """Of two Alertmanagers one is an address where nobody lives: the other is told in time, the log says it once, probing goes on."""
    dead = f"{NEUTRAL.at(NOBODY)}:{ALERTMANAGER_PORT}"
    pager = stage.pager()
    pager.start()
    stage.watch.start(sentinels(), f'[[alertmanager]]\nurl = "http://{dead}"\ntimeout = "1s"\n', RECEIVERS)
    stage.all_is_well()
    unknown = {check: each["unknown_s"] for check, each in stage.watch.checks().items()}
    stage.break_service(ALPHA, "search")
    stage.becomes("search", alpha="down", any="up")
    stage.findings.soon("the one that lives is told at once", pager.firing, lambda seen: seen == [ALPHA_DOWN], within=3)
    stage.findings.soon("which of them fails is seen", lambda: _healthy(stage), lambda seen: [name for name, well in seen.items() if not well] == [dead],
                        within=5)
    # The dead one is tried again meanwhile, after a second, then after longer.
    stage.until(time.time() + 6)
    stage.mend_service(ALPHA, "search")
    stage.all_is_well()
    stage.findings.soon("and of the end", pager.firing, lambda seen: not seen, within=3)
    stage.findings.equal("the log says it once", len(stage.watch.log(dead)), 1)
    more = {check: each["unknown_s"] - unknown[check] for check, each in stage.watch.checks().items() if each["unknown_s"] != unknown[check]}
    stage.findings.equal("no time of any check was lost by it", more, {})


def _healthy(stage: Stage) -> dict[str, bool]:
    """By receiver, whether it takes what it is sent."""
    return {dict(labels)["receiver"]: value == 1 for labels, value in stage.watch.metric("nephoscope_push_healthy").items()}


# A tenth of a minute burns: six seconds of the last 60, and a fraction of one of the last two.
BURNING = """
[service.cart]
probes = ["page"]
slo    = [{ objective = 90, window = "1h", tiers = [{ name = "page_fast", long = "1m", short = "2s", burn = 1.0 }] }]
""" + "".join(f'[service.cart.endpoint.{cloud.name}]\nhost = "{cloud.at(SEARCH)}"\n' for cloud in CLOUDS)
BURN = "NephoscopeErrorBudgetBurn"
# How often promises are looked at, and how long a tier must be quiet before its alert ends.
LOOK_S, CALM_S = 15, 300


def budget_burns(stage: Stage) -> None:
    """A promise is broken for a quarter of a minute: Alertmanager is told, the daemon killed; the alert is the same one, and ends."""
    pager = stage.pager()
    pager.start()
    lost = min(stage.break_service(cloud, "search") for cloud in CLOUDS)
    stage.watch.start(sentinels(), RECEIVERS, BURNING)
    stage.findings.soon("the budget burns", lambda: pager.lasting(BURN), lambda seen: len(seen) == 1, within=2 * LOOK_S)
    fired = time.time()
    for cloud in CLOUDS:
        mended = stage.mend_service(cloud, "search")
    [alert] = pager.lasting(BURN)
    labels = {key: alert["labels"].get(key) for key in ("service", "slo", "scope", "tier", "severity", "vantage")}
    stage.findings.equal("which promise, which tier", labels, {"service": "cart", "slo": "availability-1h", "scope": "any", "tier": "page_fast",
                                                               "severity": "page", "vantage": "vantage"})
    stage.findings.say(lost <= _moment(alert["startsAt"]) <= fired, "since it was seen to burn", f"{_moment(alert['startsAt']) - lost:+.1f} s")
    stage.findings.say(_moment(alert["endsAt"]) > fired + 120, "it lapses later, if nothing more is heard", alert["endsAt"])
    # What a webhook took in the second before a crash it may be told again.
    stage.until(fired + 2)
    stage.watch.kill()
    # By then the short window is quiet, and the first look finds it so.
    stage.until(fired + 6)
    stage.watch.start_again()
    stage.all_is_well()
    stage.findings.soon("it does not burn any more", lambda: _tier(stage), lambda seen: seen == 0, within=5)
    stage.findings.equal("the alert goes on, with its start and labels", [(each["startsAt"], each["fingerprint"]) for each in pager.lasting(BURN)],
                         [(alert["startsAt"], alert["fingerprint"])])
    stage.findings.say(_moment(pager.lasting(BURN)[0]["endsAt"]) > time.time() + 120, "and is kept alive", pager.lasting(BURN)[0]["endsAt"])
    stage.until(mended + CALM_S)
    stage.findings.equal("as long as it may begin again", len(pager.lasting(BURN)), 1)
    stage.findings.soon("it is resolved", lambda: pager.lasting(BURN), lambda seen: not seen, within=10 + 2 * LOOK_S)
    stage.findings.soon("people hear of it twice", lambda: [each["status"] for each in pager.heard(BY_ALERTMANAGER, BURN)],
                        lambda seen: seen == ["firing", "resolved"], within=5)
    ended = _moment(pager.heard(BY_ALERTMANAGER, BURN)[-1]["endsAt"]) - mended
    stage.findings.say(0 <= ended <= 10 + LOOK_S, "it ended when the tier fell quiet", f"{ended:+.1f} s")
    stage.findings.equal("as the webhook does", [(each["status"], each["fingerprint"]) for each in pager.heard(BY_DAEMON, BURN)],
                         [(status, alert["fingerprint"]) for status in ("firing", "resolved")])


def _tier(stage: Stage) -> float:
    """Whether the tier fires at this moment."""
    return stage.watch.value("nephoscope_slo_alert_active", service="cart", scope="any", tier="page_fast", severity="page")


def _moment(text: str) -> float:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
