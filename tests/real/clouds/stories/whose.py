"""Whose outage it is, where that is not plain: a cloud that pulls the other along, a release, a canary that fails alone.

Each blame comes with what it rests on.
"""

from clouds.map import ALPHA, BETA
from clouds.stage import Stage
from clouds.stories.outages import IN_ALPHA, IN_BETA, SERVICES
from clouds.watch import sentinels

ROOT = "alpha/alpha-1"


def alpha_breaks_beta(stage: Stage) -> None:
    """Alpha dies, its load moves over, and two seconds later search breaks on beta too: alpha is blamed for both, coupled."""
    stage.watch.start(sentinels())
    stage.all_is_well()
    lost = stage.lose(ALPHA)
    for service in SERVICES:
        stage.becomes(service, alpha="down", beta="up", any="up")
    broken = stage.break_service(BETA, "search")
    stage.becomes("search", alpha="down", beta="down", any="down")
    for scope in ("provider:alpha", "provider:beta", "any"):
        stage.blamed("search", scope, "provider_or_path", ROOT)
    stage.evident("search", "provider:beta", lost, ("canary", ROOT, "bad"), ("canary", "beta/beta-1", "good"), ("services", ROOT, "bad"),
                  ("side", "alpha", "bad"))
    marks = {f"{each['service']} {each['scope']}": each["coupled"] for each in stage.watch.outages()}
    stage.findings.equal("what alpha broke is marked, alpha's own is not", sorted(about for about, marked in marks.items() if marked),
                         ["search any", "search provider:beta"])
    incidents = stage.watch.api("outages")["incidents"]
    stage.findings.equal("it is one incident", [(each["cause"], each["services"], each["outages"]) for each in incidents],
                         [(f"provider:{ROOT}", 3, 5)])
    mended = stage.mend_service(BETA, "search")
    stage.becomes("search", alpha="down", beta="up", any="up")
    found = stage.find(ALPHA)
    stage.all_is_well()
    stage.outages_are(*(f"{service} provider:alpha" for service in SERVICES), "search provider:beta", "search any")
    for service in SERVICES:
        stage.lasted(service, "provider:alpha", lost, found)
    for scope in ("provider:beta", "any"):
        stage.lasted("search", scope, broken, mended)
    stage.exposed("search", "none", "", mended - broken)
    stage.untouched("shop/beta/web", "orders/beta/page")


def release_is_bad(stage: Stage) -> None:
    """A release breaks search on both clouds, whose canaries are well: it is the application, and nothing else is touched."""
    stage.watch.start(sentinels())
    stage.all_is_well()
    lost = stage.break_service(ALPHA, "search")
    stage.break_service(BETA, "search")
    stage.becomes("search", alpha="down", beta="down", any="down")
    for scope in ("provider:alpha", "provider:beta", "any"):
        stage.blamed("search", scope, "application")
    stage.evident("search", "any", lost, ("side", "alpha", "bad"), ("side", "beta", "bad"), ("canary", ROOT, "good"),
                  ("canary", "beta/beta-1", "good"), ("vantage", "", "unknown"))
    stage.until(lost + 5)
    found = stage.mend_service(ALPHA, "search")
    stage.mend_service(BETA, "search")
    stage.all_is_well()
    stage.outages_are("search any", "search provider:alpha", "search provider:beta")
    for scope in ("provider:alpha", "provider:beta", "any"):
        stage.lasted("search", scope, lost, found)
    for cloud in ("alpha", "beta"):
        stage.counted(f"search/{cloud}/page", "bad", found - lost)
    stage.exposed("search", "none", "", found - lost)
    stage.untouched(*(check for check in IN_ALPHA + IN_BETA if not check.startswith("search/")))


def canary_fails_alone(stage: Stage) -> None:
    """One canary of alpha fails while every service there is well: it is the canary. Search fails beside it: that is search."""
    stage.watch.start(sentinels())
    stage.all_is_well()
    first = stage.break_service(ALPHA, "canary")
    stage.findings.soon("it is called the canary's own problem", lambda: _odd(stage), lambda seen: seen == ["alpha"], within=6)
    marks = {each["region"]: (each["said"], each["fails_alone"]) for each in stage.watch.api("outages")["canaries"]}
    stage.findings.equal("which the API says too", marks, {"alpha-1": ("bad", True), "beta-1": ("good", False)})
    stage.outages_are()
    lost = stage.break_service(ALPHA, "search")
    stage.becomes("search", alpha="down", beta="up", any="up")
    stage.blamed("search", "provider:alpha", "endpoint")
    stage.evident("search", "provider:alpha", first, ("canary", ROOT, "bad"), ("services", ROOT, "bad"), ("side", "beta", "good"))
    found = stage.mend_service(ALPHA, "search")
    stage.all_is_well()
    stage.lasted("search", "provider:alpha", lost, found)
    stage.mend_service(ALPHA, "canary")
    stage.findings.soon("the canary is well again", lambda: _odd(stage), lambda seen: not seen, within=6)
    stage.outages_are("search provider:alpha")
    stage.untouched("shop/alpha/web", "orders/alpha/page", *IN_BETA)


def _odd(stage: Stage) -> list[str]:
    """Clouds whose canary fails alone."""
    found = stage.watch.metric("nephoscope_canary_problem")
    return sorted(dict(labels)["provider"] for labels, value in found.items() if value)
