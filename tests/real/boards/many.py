"""Dashboards that read recorded sums: the same numbers as from every counter, and affordable at twenty thousand checks.

The sums are written into the history by promtool with the rules that are shipped. The world of many is a few minutes of 2 000 services
with five checks on each of two clouds, out of the daemon's own exposition; what a query touches in it is reckoned up to the range of
its dashboard, because samples grow with time and nothing else does.

Durations are printed and not judged: they are the machine's.
"""

import pathlib
import re
import subprocess
import time

from boards.ask import Prometheus, answers, boards, filled, seconds
from findings import Findings

RULES = pathlib.Path(__file__).resolve().parents[3] / "deploy/prometheus/nephoscope.rules.yml"
GROUP = "nephoscope-sums-for-dashboards"
# A query may touch so many samples.
SAMPLES = 10_000_000
# Minutes of the world of many, of which the recorded sums have one tile.
TILE_S, MANY_S = 300, 360
# What a dashboard about one thing is about there.
ONE = {"slo": {"service": "s0"}, "check": {"service": "s0", "check": "s0/aws/a"}}


def made(binary: str, folder: pathlib.Path) -> dict[str, dict]:
    """The dashboards that read sums."""
    folder.mkdir()
    subprocess.run([binary, "dashboards", "--recorded", "--out", folder], check=True, capture_output=True)
    return boards(folder)


def record(prometheus: Prometheus, start: int, end: int) -> Prometheus:
    """The same Prometheus with the sums of its past."""
    text = RULES.read_text()
    group = re.search(rf"^- name: {GROUP}\n(?:(?!- name:).*\n)*", text, re.MULTILINE)[0]
    rules = prometheus.folder / "sums.yml"
    rules.write_text("groups:\n" + group)
    subprocess.run(["promtool", "tsdb", "create-blocks-from", "rules", f"--start={start}", f"--end={end}", "--eval-interval=5m",
                    f"--output-dir={prometheus.folder / 'tsdb'}", f"--url=http://127.0.0.1:{prometheus.port}", rules],
                   check=True, capture_output=True)
    prometheus.stop()
    prometheus.start()
    return prometheus


def same(findings: Findings, prometheus: Prometheus, recorded: dict[str, dict], told, start: int, at: int) -> None:
    """What the sums say of known outages; a tile is five minutes long, so the ends of a range are that blunt."""
    record(prometheus, start, at)
    empty, whole = [], {}
    for uid in ("overview", "providers"):
        for panel in recorded[uid]["panels"]:
            found = answers(prometheus, recorded[uid], panel, at)
            problems = [answer.problem for answer in found if answer.problem]
            findings.say(not problems, f"recorded: {uid}, {panel['title']}", problems or "answers")
            empty += [] if any(answer.series for answer in found) else [panel["title"]]
            whole[panel["title"]] = found
    findings.equal("recorded: no panel is empty", empty, [])
    availability = {row["metric"]["provider"]: float(row["value"][1]) for row in whole["Availability"][0].series}
    alone = {row["metric"]["provider"]: float(row["value"][1]) for row in whole["Served by one cloud alone"][0].series}
    for provider, other in (("aws", "gcp"), ("gcp", "aws")):
        wanted = told.availability(provider)
        findings.say(abs(availability[provider] - wanted) < 5e-3, f"recorded: availability of {provider}, from the runs",
                     (availability[provider], wanted))
        wanted = told.alone(provider, other)
        findings.say(abs(alone[provider] - wanted) < 0.02 * wanted + TILE_S, f"recorded: time on {provider} alone",
                     (round(alone[provider]), round(wanted)))


def factor(board: dict, target: dict, expression: str) -> float:
    """How much more a query touches over the range of its dashboard than in the world of many."""
    if not target["instant"]:
        return seconds(board["time"]["from"]) / TILE_S
    ranges = [int(number) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[unit] for number, unit in re.findall(r"\[(\d+)([smhd])[\]:]", expression)]
    return max([1.0] + [length / TILE_S for length in ranges if "build_info" not in expression])


def cost(findings: Findings, prometheus: Prometheus, recorded: dict[str, dict], start: int) -> None:
    """Every query of every dashboard at twenty thousand checks."""
    at = start + MANY_S
    count = prometheus.ask("query", query="count(nephoscope_check_state)", time=at)
    findings.equal("many: checks", count.values(), [20_000.0])
    for uid, board in recorded.items():
        dearest, slowest = (0, ""), (0.0, "")
        for panel in board["panels"]:
            begun = time.monotonic()
            found = answers(prometheus, board, panel, at, ONE.get(uid))
            slowest = max(slowest, (time.monotonic() - begun, panel["title"]))
            for answer, target in zip(found, panel["targets"], strict=True):
                if answer.problem:
                    findings.say(False, f"many: {uid}, {panel['title']}", answer.problem)
                expression = filled(board, target["expr"], 300, {})
                dearest = max(dearest, (answer.samples * factor(board, target, expression), panel["title"]))
        findings.say(0 < dearest[0] < SAMPLES, f"many: {uid}, samples of its dearest query at 20000 checks",
                     f"{dearest[0]:.0f} ({dearest[1]}); slowest panel here {slowest[0]:.2f} s ({slowest[1]})")
