"""Names that lie, and name servers that die: the public name, and the names of a service in each cloud."""

from clouds.map import NEUTRAL, SENTINELS
from clouds.stage import Stage
from clouds.watch import entry, sentinels

BY_NAME = ("shop/alpha/web", "shop/beta/web")
BY_ADDRESS = ("search/alpha/page", "search/beta/page", "orders/alpha/page", "orders/beta/page")
PUBLIC = "shop/entry/web"


def name_servers_die(stage: Stage) -> None:
    """Both clouds' name servers fall silent: what is asked by name is down, since names of others still resolve."""
    stage.watch.start(sentinels())
    stage.all_is_well()
    lost = min(stage.freeze("alpha-names"), stage.freeze("beta-names"))
    stage.becomes("shop", alpha="down", beta="down", any="down", within=8)
    reasons = {stage.watch.checks()[check]["why"] for check in BY_NAME}
    stage.findings.say(reasons <= {"dns_timeout", "dns_servfail"}, "because names do not resolve", reasons)
    for scope in ("any", "provider:alpha", "provider:beta"):
        stage.blamed("shop", scope, "dns")
        stage.evident("shop", scope, lost, ("names", "", "bad"), ("canary", "alpha/alpha-1", "good"))
    stage.until(lost + 8)
    for server in ("alpha-names", "beta-names"):
        stage.thaw(server)
    stage.all_is_well()
    stage.outages_are("shop any", "shop provider:alpha", "shop provider:beta")
    stage.untouched(*BY_ADDRESS)


name_servers_die.keep_s = 1


def public_name_lies(stage: Stage) -> None:
    """The public name leads to neither cloud, then to nothing: users do not get there, though both sides could serve."""
    stage.watch.start(sentinels(), entry())
    stage.all_is_well()
    lost = stage.publish(shop=[f"A {NEUTRAL.at(SENTINELS[0])}"])
    stage.becomes("shop", entry="down", alpha="up", beta="up", any="up", within=8)
    stage.findings.equal("somebody else answers", stage.watch.checks()[PUBLIC]["why"], "tls_hostname")
    stage.blamed("shop", "entry", "entry")
    stage.evident("shop", "entry", lost, ("side", "alpha", "good"), ("side", "beta", "good"))
    stage.until(lost + 8)
    found = stage.lead("shop", "alpha")
    stage.becomes("shop", entry="up", alpha="up", beta="up", any="up", within=8)
    stage.lasted("shop", "entry", lost, found, kept=True)
    again = stage.publish(shop=None)
    stage.becomes("shop", entry="down", alpha="up", beta="up", any="up", within=8)
    stage.findings.equal("nobody answers", stage.watch.checks()[PUBLIC]["why"], "dns_nxdomain")
    stage.blamed("shop", "entry", "entry")
    stage.until(again + 6)
    over = stage.lead("shop", "alpha")
    stage.all_is_well()
    stage.outages_are("shop entry", "shop entry")
    stage.untouched(*BY_NAME, *BY_ADDRESS)
    stage.findings.soon("what it cost is what users did not get", lambda: stage.watch.value(
        "nephoscope_service_failover_cost_seconds_total", service="shop"),
        lambda seen: abs(seen - (found - lost) - (over - again)) < 5, within=5)
