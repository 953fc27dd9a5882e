"""Two vantages see more than one: what needs both to be told, and what the second one shows of the first one's road.

Each is a daemon of its own with the same services; Prometheus scrapes both.
"""

from clouds.map import ALPHA, VANTAGE, WATCHER, WITNESS
from clouds.rulebook import Rulebook
from clouds.stage import Stage
from clouds.stories.outages import SERVICES
from clouds.watch import sentinels

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


def _outages(rulebook: Rulebook) -> list[tuple[str, str]]:
    """Service and scope of the outages that are told."""
    return sorted((each["service"], each["scope"]) for each in rulebook.firing(OUTAGE))
