"""Two vantages see more than one: what needs both to be told, and what the second one shows of the first one's road.

Each is a daemon of its own with the same services; Prometheus scrapes both.
"""

from clouds.map import ALPHA, LISTEN_PORT, VANTAGE, WATCHER, WITNESS, Place
from clouds.rulebook import Rulebook
from clouds.stage import Stage
from clouds.stories.outages import IN_ALPHA, IN_BETA, SERVICES
from clouds.watch import Watch, sentinels

# Where a cloud's canaries are.
ROOT = "alpha/alpha-1"
# Others are asked every five seconds while something is down, and an answer may take one.
ASKED_S = 5 + 1 + 2
# Reached from the other one.
OPEN = "0.0.0.0"
OUTAGE, DISAGREE, MISSING = "NephoscopeOutage", "NephoscopeVantagesDisagree", "NephoscopeVantageMissing"
ALL_ON_ALPHA = [(service, "provider:alpha") for service in sorted(SERVICES)]


def two_have_to_agree(stage: Stage) -> None:
    """A quorum of two of two: one's own road is no outage, a dead cloud is; with one vantage left nothing is agreed on, and that is told."""
    both = (stage.watch, stage.witness)
    for watch in both:
        watch.start(sentinels(), listen=OPEN)
    stage.all_is_well(*both)
    rulebook = stage.rulebook("--vantages", "2", "--quorum", "2", others=(WITNESS.at(WATCHER),))
    stage.part(VANTAGE, ALPHA)
    for service in SERVICES:
        stage.becomes(service, alpha="down", beta="up", any="up")
    stage.findings.soon("the vantages disagree", lambda: sorted((each["service"], each["provider"]) for each in rulebook.firing(DISAGREE)),
                        lambda seen: seen == [(service, "alpha") for service in sorted(SERVICES)], within=6)
    stage.findings.equal("which is no outage", _outages(rulebook), [])
    stage.join(VANTAGE, ALPHA)
    stage.all_is_well(*both)
    stage.findings.soon("they agree again", lambda: rulebook.firing(DISAGREE), lambda seen: not seen, within=6)
    stage.lose(ALPHA)
    stage.findings.soon("that alpha is gone is agreed on", lambda: _outages(rulebook), lambda seen: seen == ALL_ON_ALPHA, within=10)
    stage.findings.equal("and is of no vantage", {each.get("vantage") for each in rulebook.firing(OUTAGE)}, {None})
    stage.find(ALPHA)
    stage.all_is_well(*both)
    stage.findings.soon("as is its end", lambda: _outages(rulebook), lambda seen: not seen, within=6)
    # The last word of a vantage counts for five minutes, so the end has to be heard from both.
    stage.findings.soon("which both have told", lambda: rulebook.ask('sum(nephoscope_outage_active{scope="provider:alpha"})'), lambda seen: seen == 0,
                        within=6)
    stage.witness.kill()
    stage.findings.soon("that a vantage is missing is told", lambda: len(rulebook.firing(MISSING)), lambda seen: seen == 1, within=10)
    stage.lose(ALPHA)
    for service in SERVICES:
        stage.becomes(service, alpha="down", beta="up", any="up")
    stage.findings.soon("Prometheus has seen it from the one that is left", lambda: rulebook.ask('sum(nephoscope_outage_active{scope="provider:alpha"})'),
                        lambda seen: seen == 3, within=5)
    # Two more evaluations, one of them for the wait.
    stage.findings.soon("and again", lambda: rulebook.ask('min_over_time(sum(nephoscope_outage_active{scope="provider:alpha"})[2s:1s])'),
                        lambda seen: seen == 3, within=5)
    stage.findings.equal("one alone agrees with nobody", _outages(rulebook), [])
    stage.find(ALPHA)
    stage.all_is_well()


def only_our_road_dies(stage: Stage) -> None:
    """Only the vantage does not reach alpha any more; the witness, when asked, sees it good: it is the path, for as long as it lasts."""
    both = _start_both(stage)
    lost = stage.part(VANTAGE, ALPHA)
    for service in SERVICES:
        stage.becomes(service, alpha="down", beta="up", any="up")
        stage.blamed(service, "provider:alpha", "path", ROOT, within=ASKED_S)
        stage.evident(service, "provider:alpha", lost, ("vantage", "witness", "good"), ("canary", ROOT, "bad"), ("side", "beta", "good"))
    stage.findings.equal("it is one incident", _incidents(stage.watch), [(f"path:{ROOT}", 3)])
    stage.until(lost + 5)
    found = stage.join(VANTAGE, ALPHA)
    stage.all_is_well(*both)
    for service in SERVICES:
        stage.lasted(service, "provider:alpha", lost, found)
    for check in IN_ALPHA:
        stage.counted(check, "bad", found - lost)
    stage.findings.equal("the witness has seen no outage", stage.witness.outages(), [])
    stage.untouched(*IN_BETA)


def alpha_dies_for_both(stage: Stage) -> None:
    """Alpha dies while the vantages cannot ask each other: provider or path. They can again, and each hears from the other: provider."""
    both = _start_both(stage)
    stage.part(VANTAGE, WITNESS)
    lost = stage.lose(ALPHA)
    for service in SERVICES:
        stage.becomes(service, alpha="down", beta="up", any="up")
        stage.blamed(service, "provider:alpha", "provider_or_path", ROOT)
        stage.evident(service, "provider:alpha", lost, ("vantage", "witness", "unknown"))
    stage.join(VANTAGE, WITNESS)
    for service in SERVICES:
        stage.blamed(service, "provider:alpha", "provider", ROOT, within=ASKED_S)
        stage.evident(service, "provider:alpha", lost, ("vantage", "witness", "bad"), ("vantage_canary", f"witness/{ROOT}", "bad"))
        told = [each["blame"] for each in stage.outage(service, "provider:alpha")["revisions"]]
        stage.findings.equal("the first word is kept", told[-2:], ["provider_or_path", "provider"])
    stage.findings.soon("the witness says the same", lambda: {each["blame"] for each in stage.witness.outages()}, lambda seen: seen == {"provider"},
                        within=ASKED_S)
    for watch in both:
        stage.findings.equal("it is one incident", _incidents(watch), [(f"provider:{ROOT}", 3)])
    found = stage.find(ALPHA)
    stage.all_is_well(*both)
    for service in SERVICES:
        stage.lasted(service, "provider:alpha", lost, found)
    stage.untouched(*IN_BETA)


def _start_both(stage: Stage) -> tuple[Watch, Watch]:
    """The daemon and the witness, each of which may ask the other."""
    stage.watch.start(sentinels(), _peer(WITNESS), listen=OPEN)
    stage.witness.start(sentinels(), _peer(VANTAGE), listen=OPEN)
    both = (stage.watch, stage.witness)
    stage.all_is_well(*both)
    return both


def _peer(of: Place) -> str:
    return f'[[peer]]\nvantage = "{of.name}"\nurl = "http://{of.at(WATCHER)}:{LISTEN_PORT}"\ntimeout = "1s"\n'


def _incidents(watch: Watch) -> list[tuple[str, int]]:
    """Cause and number of outages of each incident that lasts."""
    return [(each["cause"], each["outages"]) for each in watch.api("outages")["incidents"]]


def _outages(rulebook: Rulebook) -> list[tuple[str, str]]:
    """Service and scope of the outages that are told."""
    return sorted((each["service"], each["scope"]) for each in rulebook.firing(OUTAGE))
