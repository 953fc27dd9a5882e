"""Who is told of an outage, when, and how often: a real Alertmanager and a webhook."""

import datetime

from clouds.map import ALPHA, BETA
from clouds.pager import BY_ALERTMANAGER, BY_DAEMON, RECEIVERS
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


def _moment(text: str) -> float:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
