"""Every panel of every dashboard in four worlds: some outages, all up, all down, no monitor.

In each world a foreign job stands in the same Prometheus, and two monitors at two vantage points watch the same checks. Headline
numbers are worked out anew from the list of runs. Every assertion is a line (findings.py).

Then the dashboards that read recorded sums, in the same world and, where there is a history `many`, at twenty thousand checks
(many.py).

usage: python3 -m boards BINARY FOLDER-OF-HISTORIES [FOLDER-FOR-PICTURES]
"""

import json
import math
import pathlib
import sys
import tempfile

from boards import draw, many, operator
from boards.ask import Answer, Prometheus, answers, boards, filled, seconds
from findings import Findings

HERE = pathlib.Path(__file__).parent
DASHBOARDS = HERE.parents[2] / "dashboards"
# Where virtual time begins in the simulation, and how long each history is, in seconds.
BEGINNING, LASTS = 1_780_000_000, {"mixed": 360 * 60, "up": 120 * 60, "down": 120 * 60, "absent": 120 * 60}
# A query that reads what the daemon exports may touch so many samples, at so many checks.
SAMPLES, CHECKS = 10_000_000, 200
# Services in the histories; a check on each of two clouds, and two instances that watch them.
SERVICES = ("shop", "mail", "search", "billing", "login", "media")
HERE_CHECKS = len(SERVICES) * 2 * 2
# Panels that list trouble: empty when all is well.
LISTS = {("overview", "Services in trouble, worst first"), ("providers", "Failed runs by reason and cloud"),
         ("providers", "Whose outage it was"), ("providers", "Steps of the last failover"), ("slo", "Who spent the budget"), ("check", "Failed runs by reason")}
# The windows of which burn rates are drawn, in seconds; those that outages leave again are played in tests/real/rules.
WINDOWS = {"5m": 300, "1h": 3600, "6h": 21_600, "3d": 259_200}


class World:
    """All answers in one world."""

    def __init__(self, name: str, prometheus: Prometheus):
        self.name, self.at = name, BEGINNING + LASTS[name]
        self.boards = boards(DASHBOARDS)
        self.answers: dict[tuple[str, str], list[Answer]] = {}
        for uid, board in self.boards.items():
            for panel in board["panels"]:
                self.answers[uid, panel["title"]] = answers(prometheus, board, panel, self.at)
            for annotation in board["annotations"]["list"][1:]:
                expression = filled(board, annotation["expr"], 300, {})
                answer = prometheus.ask("query_range", query=expression, start=self.at - 7200, end=self.at, step=300)
                self.answers[uid, annotation["name"]] = [answer]
        [burn] = [panel for panel in self.boards["slo"]["panels"] if panel["title"] == "Burn rate by window"]
        self.burns = {}
        for service in SERVICES:
            text = filled(self.boards["slo"], burn["targets"][0]["expr"], 60, {"service": service})
            rows = prometheus.ask("query", query=text, time=self.at).series
            self.burns[service] = {row["metric"]["window"]: float(row["value"][1]) for row in rows}

    def one(self, board: str, title: str, query: int = 0) -> list[float]:
        return [round(value, 9) for value in self.answers[board, title][query].values()]

    def named(self, board: str, title: str, *labels: str, query: int = 0) -> dict:
        rows = self.answers[board, title][query].series
        return {tuple(row["metric"].get(label, "") for label in labels): float(row["value"][1]) for row in rows}


def sound(findings: Findings, world: World) -> None:
    """No query fails, no number is none, shares are shares."""
    problems = [f"{place}: {answer.problem}" for place, all_of in world.answers.items() for answer in all_of if answer.problem]
    findings.say(not problems, f"{world.name}: no query fails", problems or f"{len(world.answers)} panels and annotations")
    wild = [place for place, all_of in world.answers.items() for answer in all_of
            if not all(map(math.isfinite, answer.values()))]
    findings.say(not wild, f"{world.name}: no NaN and no infinity", wild or "none")
    beyond = []
    for uid, board in world.boards.items():
        for panel in board["panels"]:
            defaults = panel["fieldConfig"]["defaults"]
            if defaults.get("unit") == "percentunit":
                low, high = defaults.get("min", -math.inf), defaults.get("max", math.inf)
                for answer in world.answers[uid, panel["title"]]:
                    beyond += [(panel["title"], value) for value in answer.values() if not low <= value <= high + 1e-9]
    findings.say(not beyond, f"{world.name}: shares are within their limits", beyond[:3] or "all")


def empty(world: World) -> set:
    return {place for place, all_of in world.answers.items() if not any(answer.series for answer in all_of)}


def absent(findings: Findings, world: World) -> None:
    """A monitor that is not there shows nothing at all, whatever other jobs do."""
    shown = set(world.answers) - empty(world)
    findings.say(not shown, "absent: no panel shows a value", shown or "none")


def all_up(findings: Findings, world: World) -> None:
    """Only lists of trouble are empty."""
    annotations = {place for place in world.answers if place[1] == "Burn-rate alerts"}
    unsaid = empty(world) - LISTS - annotations
    findings.say(not unsaid, "up: only lists of trouble are empty", unsaid or "none")
    for title in ("Services down", "On one cloud only", "Cannot be judged", "Burn alerts firing", "Incidents now",
                  "Longest failure now"):
        findings.equal(f"up: {title}", world.one("overview", title), [0.0])
    findings.equal("up: every cloud was there", world.one("overview", "Availability by cloud, last hour"), [1.0, 1.0])
    findings.equal("up: every monitor is scraped", world.one("overview", "Monitors scraped"), [1.0])


def all_down(findings: Findings, world: World) -> None:
    """The overview says it."""
    findings.equal("down: every service, once", world.one("overview", "Services down"), [float(len(SERVICES))])
    findings.equal("down: no cloud was there", world.one("overview", "Availability by cloud, last hour"), [0.0, 0.0])
    findings.equal("down: checks by cloud", [row["values"][-1][1] for row in
                                             world.answers["overview", "Checks down, by cloud"][0].series],
                   [str(len(SERVICES))] * 2)
    findings.equal("down: the work list has every service", len(world.one("overview", "Services in trouble, worst first")),
                   len(SERVICES))
    findings.say(world.one("overview", "Lowest error budget left")[0] < 0, "down: a budget is overdrawn",
                 world.one("overview", "Lowest error budget left"))


def mixed(findings: Findings, world: World, runs: pathlib.Path) -> None:
    """Known outages: mail is down on both clouds, search on one; shop was."""
    findings.equal("mixed: services down", world.one("overview", "Services down"), [1.0])
    findings.equal("mixed: on one cloud only", world.one("overview", "On one cloud only"), [1.0])
    listed = world.named("overview", "Services in trouble, worst first", "service")
    findings.equal("mixed: users get", listed, {("mail",): 4.0, ("search",): 0.0})
    longest = world.one("overview", "Longest failure now")[0]
    findings.say(abs(longest - 30 * 60) < 60, "mixed: the longest failure lasts for half an hour", longest)
    told = recount(runs, world.at)
    for service, objective in (("shop", 0.999), ("mail", 0.995), ("search", 0.99)):
        bad = told.both(service)
        wanted = 1 - bad / ((1 - objective) * 30 * 86400)
        seen = world.named("slo", "All promises, least budget first", "service")[service,]
        findings.say(bad > 0 or service == "search", f"mixed: {service} was bad on both clouds", f"{bad:.3f} s")
        findings.say(abs(seen - wanted) < 1e-6, f"mixed: budget left of {service}, worked out from the runs", (seen, wanted))
    whole = world.named("providers", "Availability", "provider")
    for provider in ("aws", "gcp"):
        wanted = told.availability(provider)
        findings.say(abs(whole[provider,] - wanted) < 1e-3, f"mixed: availability of {provider}, from the runs",
                     (whole[provider,], wanted))
    alone = world.named("providers", "Served by one cloud alone", "provider")
    for provider, other in (("aws", "gcp"), ("gcp", "aws")):
        wanted = told.alone(provider, other)
        findings.say(abs(alone[provider,] - wanted) < 0.02 * wanted + 120, f"mixed: time on {provider} alone",
                     (round(alone[provider,]), round(wanted)))
    blamed = {row["metric"]["blame"] for row in world.answers["providers", "Whose outage it was"][0].series}
    findings.say(bool(blamed), "mixed: somebody is to blame", blamed)
    for service, objective in (("mail", 0.995), ("shop", 0.999), ("media", 0.99)):
        for window, length in WINDOWS.items():
            wanted = told.both(service, world.at - length) / length / (1 - objective)
            seen = world.burns[service][window]
            findings.say(abs(seen - wanted) <= 1e-6 * max(1.0, wanted), f"mixed: burn rate of {service} over {window}, from the runs", (seen, wanted))
    public_name(findings, world, told)
    findings.equal("mixed: empty panels", empty(world), set())


def public_name(findings: Findings, world: World, told) -> None:
    """Login's cloud was down from minute 95 to 114; its public name led to the other one from minute 97 to 116."""
    findings.equal("mixed: public names astray", world.one("providers", "Public names astray"), [0.0])
    lost, wanted = world.one("providers", "Lost to failing over")[0], told.lost("login")
    findings.say(0 < wanted and abs(lost - wanted) < 0.02 * wanted + 60, "mixed: lost to failing over", (lost, wanted))
    steps = world.named("providers", "Steps of the last failover", "step")
    findings.say(steps[("detect",)] < steps[("authoritative",)] <= steps[("fresh_client",)] < steps[("back",)],
                 "mixed: steps of the failover come in their order", steps)
    for title, wanted in (("Receivers of alerts", [1.0]), ("Sentinels not up", [0.0]), ("History", [1.0])):
        findings.equal(f"mixed: {title}", world.one("self", title), wanted)


def cost(findings: Findings, world: World) -> None:
    """Samples grow with checks; what is counted here is reckoned up."""
    for uid, board in world.boards.items():
        worst, title = max((answer.samples, panel["title"]) for panel in board["panels"]
                           for answer in world.answers[uid, panel["title"]])
        # A history that is shorter than the range has as much less.
        worst *= max(1.0, seconds(board["time"]["from"]) / LASTS["mixed"])
        about_one = uid in ("slo", "check")
        many = CHECKS if not about_one else HERE_CHECKS
        findings.say(worst * many / HERE_CHECKS < SAMPLES, f"{uid}: samples of its dearest query at {many} checks",
                     f"{worst * many / HERE_CHECKS:.0f} ({title})")


class Recount:
    """The time line of every check, from its runs: a verdict holds until the next."""

    def __init__(self, at: int):
        self.at, self.spans = at, {}

    def add(self, check: str, start: float, end: float, verdict: str) -> None:
        self.spans.setdefault(check, []).append((start, end, verdict))

    def _bad(self, check: str) -> list[tuple[float, float]]:
        return [(start, end) for start, end, verdict in self.spans[check] if verdict == "bad"]

    def _overlap(self, first: list, second: list) -> float:
        return sum(max(0.0, min(b, d) - max(a, c)) for a, b in first for c, d in second)

    def both(self, service: str, since: float = 0.0) -> float:
        """Seconds in which both clouds were bad, from a moment on."""
        late = [(max(start, since), end) for start, end in self._bad(f"{service}/aws/web") if end > since]
        return self._overlap(late, self._bad(f"{service}/gcp/web"))

    def lost(self, service: str) -> float:
        """Seconds in which the public name was bad and some cloud was not."""
        entry, first, second = (self._bad(f"{service}/{which}/web") for which in ("entry", "aws", "gcp"))
        return sum(end - start for start, end in entry) - sum(
            self._overlap([span], second) for span in self._both_of(entry, first))

    def _both_of(self, first: list, second: list) -> list[tuple[float, float]]:
        return [(max(a, c), min(b, d)) for a, b in first for c, d in second if min(b, d) > max(a, c)]

    def alone(self, provider: str, other: str) -> float:
        return sum(sum(end - start for start, end in self._bad(f"{service}/{other}/web")) - self.both(service)
                   for service in SERVICES)

    def availability(self, provider: str) -> float:
        spans = [span for check, spans in self.spans.items() if f"/{provider}/" in check for span in spans]
        known = sum(end - start for start, end, _ in spans)
        return sum(end - start for start, end, verdict in spans if verdict == "good") / known


def recount(path: pathlib.Path, at: int) -> Recount:
    told, open_runs = Recount(at), {}
    for line in path.read_text().splitlines():
        run = json.loads(line)
        check = run["check"]
        if not check.endswith("/web"):
            continue
        if check in open_runs:
            start, verdict = open_runs[check]
            told.add(check, start, run["t"], verdict)
        open_runs[check] = run["t"], run["verdict"]
    for check, (start, verdict) in open_runs.items():
        told.add(check, start, at, verdict)
    return told


def operated(findings: Findings, folder: pathlib.Path, history: pathlib.Path) -> None:
    """Labels that the scrape adds do not stand in the way of ours, if ours are honoured."""
    seen = operator.values(folder / "honoured", DASHBOARDS, history, honor=True)
    single = {title: [value for _, value in rows] for title, rows in seen.items()}
    for title, wanted in (("Services down", [1.0]), ("On one cloud only", [1.0]), ("Cannot be judged", [0.0]),
                          ("Monitors scraped", [1.0]), ("Incidents now", [2.0])):
        findings.equal(f"operator: {title}", single[title], wanted)
    table = {labels["service"] for labels, _ in seen["All promises, least budget first"]}
    findings.equal("operator: promises are those of our services", table, set(SERVICES))
    findings.equal("operator: the alert names our service", [labels["service"] for labels, _ in seen["alerts"]], ["mail"])
    findings.equal("operator: fields of other exporters have the check in `instance`", [labels["instance"] for labels, _ in seen["fields"]],
                   ["shop/aws/web"])
    lost = operator.values(folder / "lost", DASHBOARDS, history, honor=False)
    findings.say(lost["Services down"] != seen["Services down"] or
                 {labels["service"] for labels, _ in lost["All promises, least budget first"]} != table,
                 "operator: without honor_labels it is seen that ours are gone", lost["All promises, least budget first"][:1])


def main() -> int:
    binary, histories, findings = sys.argv[1], pathlib.Path(sys.argv[2]), Findings()
    pictures = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else None
    with tempfile.TemporaryDirectory(prefix="nephoscope-boards-") as folder:
        recorded = many.made(binary, pathlib.Path(folder, "recorded"))
        decoy = pathlib.Path(folder, "decoy.om")
        foreign = 'up{job="decoy",instance="elsewhere:9100"} 0'
        times = range(BEGINNING, BEGINNING + LASTS["absent"] + 1, 60)
        decoy.write_text("".join(f"{foreign} {at}\n" for at in times) + "# EOF\n")
        for name in LASTS:
            source = decoy if name == "absent" else histories / f"{name}.om"
            prometheus = Prometheus(pathlib.Path(folder, name), source)
            print(f"--- {name}")
            try:
                world = World(name, prometheus)
                if name == "mixed":
                    told = recount(histories / "mixed.runs", world.at)
                    many.same(findings, prometheus, recorded, told, BEGINNING, world.at)
            finally:
                prometheus.stop()
            sound(findings, world)
            if name == "mixed":
                mixed(findings, world, histories / "mixed.runs")
                cost(findings, world)
            else:
                {"up": all_up, "down": all_down, "absent": absent}[name](findings, world)
            if pictures:
                draw.sheets(world, pictures)
        if (histories / "many.om").exists():
            print("--- many")
            prometheus = many.record(Prometheus(pathlib.Path(folder, "many"), histories / "many.om"), BEGINNING, BEGINNING + many.MANY_S)
            try:
                many.cost(findings, prometheus, recorded, BEGINNING)
            finally:
                prometheus.stop()
        else:
            print("twenty thousand checks were not asked about: `tests/real/run many` does that")
        print("--- operator")
        operated(findings, pathlib.Path(folder), histories / "mixed.om")
    print(f"{findings.passed} passed, {findings.failed} failed")
    return 1 if findings.failed or not findings.passed else 0


if __name__ == "__main__":
    sys.exit(main())
