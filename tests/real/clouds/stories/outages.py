"""Clouds and services that die and come back: states, outages and their times, and what is not touched by them."""

from clouds.map import ALPHA, BETA
from clouds.stage import Stage
from clouds.watch import sentinels

SERVICES = ("shop", "search", "orders")
IN_ALPHA = ("shop/alpha/web", "search/alpha/page", "orders/alpha/page")
IN_BETA = ("shop/beta/web", "search/beta/page", "orders/beta/page")


def alpha_dies(stage: Stage) -> None:
    """Alpha falls silent for ten seconds: its sides are down with one outage each, beta serves on, nothing else is charged."""
    stage.watch.start(sentinels())
    stage.all_is_well()
    lost = stage.lose(ALPHA)
    for service in SERVICES:
        stage.becomes(service, alpha="down", beta="up", any="up", all="down")
    stage.findings.soon("alpha's own endpoints are down, beta's are not", lambda: _canaries(stage),
                        lambda seen: seen == {"alpha": {4.0}, "beta": {0.0}}, within=5)
    for service in SERVICES:
        stage.blamed(service, "provider:alpha", "provider_or_path", "alpha/alpha-1")
        stage.evident(service, "provider:alpha", lost, ("side", "beta", "good"), ("canary", "alpha/alpha-1", "bad"), ("services", "alpha/alpha-1", "bad"),
                      ("canary", "beta/beta-1", "good"), ("services", "beta/beta-1", "good"), ("vantage", "", "unknown"))
    incidents = stage.watch.api("outages")["incidents"]
    stage.findings.equal("it is one incident", [(each["cause"], each["outages"]) for each in incidents], [("provider:alpha/alpha-1", 3)])
    stage.findings.equal("which the log tells once", len(stage.watch.log("down: ")), 1)
    stage.until(lost + 10)
    found = stage.find(ALPHA)
    stage.all_is_well()
    stage.findings.soon("and once that it is over", lambda: len(stage.watch.log("over: ")), lambda seen: seen == 1, within=5)
    stage.outages_are(*(f"{service} provider:alpha" for service in SERVICES))
    for service in SERVICES:
        stage.lasted(service, "provider:alpha", lost, found)
    for check in IN_ALPHA:
        stage.counted(check, "bad", found - lost)
    for service in SERVICES:
        stage.exposed(service, "only", "beta", found - lost)
        stage.exposed(service, "only", "alpha", 0, within=0)
        stage.exposed(service, "none", "", 0, within=0)
    stage.untouched(*IN_BETA)


def both_die(stage: Stage) -> None:
    """Both clouds fall silent, beta later: with the second nobody can serve; the sentinels prove that we can see."""
    stage.watch.start(sentinels())
    stage.all_is_well()
    first = stage.lose(ALPHA)
    for service in SERVICES:
        stage.becomes(service, alpha="down", beta="up", any="up")
    second = stage.lose(BETA)
    for service in SERVICES:
        stage.becomes(service, alpha="down", beta="down", any="down", all="down")
        stage.blamed(service, "provider:beta", "provider_or_path", "beta/beta-1")
        stage.blamed(service, "any", "provider_or_path", "alpha/alpha-1")
        stage.evident(service, "any", first, ("side", "alpha", "bad"), ("side", "beta", "bad"), ("canary", "alpha/alpha-1", "bad"),
                      ("canary", "beta/beta-1", "bad"))
    stage.findings.equal("neither broke the other", {outage["coupled"] for outage in stage.watch.outages()}, {False})
    causes = sorted(each["cause"] for each in stage.watch.api("outages")["incidents"])
    stage.findings.equal("each cloud is an incident", causes, ["provider:alpha/alpha-1", "provider:beta/beta-1"])
    stage.until(second + 6)
    mended = stage.find(BETA)
    for service in SERVICES:
        stage.becomes(service, alpha="down", beta="up", any="up", all="down")
    healed = stage.find(ALPHA)
    stage.all_is_well()
    scopes = ("provider:alpha", "provider:beta", "any")
    stage.outages_are(*(f"{service} {scope}" for service in SERVICES for scope in scopes))
    for service in SERVICES:
        stage.lasted(service, "provider:alpha", first, healed)
        stage.lasted(service, "provider:beta", second, mended)
        stage.lasted(service, "any", second, mended)
    for check in IN_ALPHA:
        stage.counted(check, "bad", healed - first)
    for check in IN_BETA:
        stage.counted(check, "bad", mended - second)
    for service in SERVICES:
        stage.exposed(service, "none", "", mended - second)
        stage.exposed(service, "only", "beta", second - first + healed - mended)


def one_service_flaps(stage: Stage) -> None:
    """Search of alpha fails for four seconds and answers for four, four times: four outages in a row, and no other."""
    stage.watch.start(sentinels())
    stage.all_is_well()
    bad = 0.0
    for _ in range(4):
        lost = stage.break_service(ALPHA, "search")
        stage.becomes("search", alpha="down", beta="up", any="up")
        stage.blamed("search", "provider:alpha", "endpoint")
        stage.until(lost + 4)
        found = stage.mend_service(ALPHA, "search")
        stage.becomes("search", alpha="up", beta="up", any="up")
        stage.lasted("search", "provider:alpha", lost, found)
        bad += found - lost
        stage.until(found + 4)
    stage.outages_are(*["search provider:alpha"] * 4)
    outages = sorted(stage.watch.outages("search"), key=lambda outage: outage["started"])
    ordered = all(one["ended"] < two["started"] for one, two in zip(outages, outages[1:]))
    stage.findings.say(ordered and len({outage["id"] for outage in outages}) == 4, "each ended before the next began", [
        (outage["id"], outage["duration_s"]) for outage in outages])
    stage.findings.equal("each says why", {outage["reason"] for outage in outages}, {"status"})
    stage.counted("search/alpha/page", "bad", bad, within=4)
    stage.untouched("shop/alpha/web", "orders/alpha/page", *IN_BETA)


def web_server_stops(stage: Stage) -> None:
    """Alpha's web server is stopped and started: connections are refused, which needs no alibi."""
    stage.watch.start(sentinels())
    stage.all_is_well()
    lost = stage.stop("alpha-web")
    for service in SERVICES:
        stage.becomes(service, alpha="down", beta="up", any="up")
    reasons = {check: stage.watch.checks()[check]["why"] for check in IN_ALPHA}
    stage.findings.equal("because connections are refused", set(reasons.values()), {"connect_refused"})
    for service in SERVICES:
        # The canaries are on the same server.
        stage.blamed(service, "provider:alpha", "provider_or_path", "alpha/alpha-1")
    found = stage.start("alpha-web")
    stage.all_is_well()
    for service in SERVICES:
        stage.lasted(service, "provider:alpha", lost, found)
    stage.untouched(*IN_BETA)


def database_dies(stage: Stage) -> None:
    """The database behind orders in both clouds stops: orders is down everywhere, the other services are not touched."""
    stage.watch.start(sentinels())
    stage.all_is_well()
    lost = stage.stop("database")
    stage.becomes("orders", alpha="down", beta="down", any="down")
    stage.findings.soon("the database itself is down", lambda: stage.watch.value("nephoscope_domain_state", domain="orders-db"),
                        lambda seen: seen == 4, within=5)
    for scope in ("any", "provider:alpha", "provider:beta"):
        stage.blamed("orders", scope, "shared", "orders-db")
        stage.evident("orders", scope, lost, ("dependency", "orders-db", "bad"))
    incidents = stage.watch.api("outages")["incidents"]
    stage.findings.equal("it is one incident", [(each["cause"], each["outages"]) for each in incidents], [("shared:orders-db", 3)])
    stage.until(lost + 5)
    found = stage.start("database")
    stage.all_is_well()
    stage.outages_are("orders any", "orders provider:alpha", "orders provider:beta")
    for scope in ("any", "provider:alpha", "provider:beta"):
        stage.lasted("orders", scope, lost, found)
    for cloud in ("alpha", "beta"):
        stage.counted(f"orders/{cloud}/page", "bad", found - lost)
    stage.exposed("orders", "none", "", found - lost)
    stage.untouched(*(check for check in IN_ALPHA + IN_BETA if not check.startswith("orders/")))


def _canaries(stage: Stage) -> dict[str, set[float]]:
    """The states of each cloud's own endpoints."""
    found: dict[str, set[float]] = {}
    for labels, state in stage.watch.metric("nephoscope_canary_health", plane="data").items():
        found.setdefault(dict(labels)["provider"], set()).add(state)
    return found
