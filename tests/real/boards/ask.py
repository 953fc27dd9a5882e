"""A Prometheus on a folder of blocks, and the questions of a dashboard as Grafana would put them.

Histories come from the simulation (`NEPHOSCOPE_HISTORY`), so names and labels are those of the daemon's own exposition.
Variables get what a reader would see first; a choice of all is what the file says that all matches.

It does not judge what comes back.
"""

import dataclasses
import json
import math
import pathlib
import re
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

# Prometheus' own scrape interval in the histories, in seconds.
SCRAPE_S = 60
# Points of a panel that is as wide as half a screen.
POINTS = 400
CHOSEN = {"provider_a": "aws", "provider_b": "gcp", "slo": "availability-30d", "scope": "any",
          "check": "mail/gcp/web"}
RANGES = {"h": 3600, "d": 86400}


@dataclasses.dataclass
class Answer:
    """What came back for one query."""
    series: list
    samples: int = 0
    problem: str = ""

    def values(self) -> list[float]:
        """Every number in it."""
        found = []
        for row in self.series:
            found += [float(value) for _, value in row.get("values", [row.get("value", (0, "nan"))])]
        return found


class Prometheus:
    """One process on one folder of blocks."""

    def __init__(self, folder: pathlib.Path, openmetrics: pathlib.Path | None, settings: str = "global: {}\n"):
        self.folder = folder
        (folder / "tsdb").mkdir(parents=True)
        if openmetrics:
            subprocess.run(["promtool", "tsdb", "create-blocks-from", "openmetrics", openmetrics, folder / "tsdb"],
                           check=True, capture_output=True)
        (folder / "prometheus.yml").write_text(settings)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.start()

    def start(self) -> None:
        """Until it answers."""
        folder = self.folder
        self.log = open(folder / "log", "wb")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb",
             "--storage.tsdb.retention.time=50y", f"--web.listen-address=127.0.0.1:{self.port}"],
            stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 30
        while not self._ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((folder / "log").read_text()[-2000:])
            time.sleep(0.1)

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)
        self.log.close()

    def ask(self, path: str, **parameters) -> Answer:
        body = urllib.parse.urlencode({**parameters, "stats": "all"}).encode()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/{path}", body, timeout=120) as answer:
                data = json.load(answer)["data"]
        except urllib.error.HTTPError as refused:
            return Answer([], problem=refused.read().decode()[:400])
        return Answer(data["result"], data["stats"]["samples"]["totalQueryableSamples"])


def seconds(text: str) -> int:
    """`6h`, `now-6h`, `2m` in seconds."""
    number, unit = re.fullmatch(r"(?:now-)?(\d+)([smhd])", text).groups()
    return int(number) * {"s": 1, "m": 60, **RANGES}[unit]


def filled(board: dict, text: str, step: int, chosen: dict) -> str:
    """An expression with everything that Grafana fills in."""
    span = seconds(board["time"]["from"])
    text = text.replace("$__rate_interval", f"{max(step + SCRAPE_S, 4 * SCRAPE_S)}s")
    text = text.replace("$__range", f"{span}s")
    for variable in board["templating"]["list"]:
        name = variable["name"]
        first = variable.get("allValue", ".+" if variable.get("multi") else "shop")
        value = chosen.get(name, CHOSEN.get(name, first))
        text = re.sub(rf"\$\{{{name}\}}|\${name}\b", lambda _, value=value: value, text)
    return text


def answers(prometheus: Prometheus, board: dict, panel: dict, at: int, chosen: dict | None = None) -> list[Answer]:
    """The answers to a panel's queries, in their order."""
    found = []
    span = seconds(board["time"]["from"])
    least = seconds(panel["interval"]) if "interval" in panel else 15
    step = max(least, math.ceil(span / POINTS / 15) * 15)
    for target in panel["targets"]:
        expression = filled(board, target["expr"], step, chosen or {})
        if target["instant"]:
            found.append(prometheus.ask("query", query=expression, time=at))
        else:
            start = (at - span) // step * step
            answer = prometheus.ask("query_range", query=expression, start=start, end=at, step=step)
            steady = re.fullmatch(r"(.*) and on \([a-z, ]+\) (topk\(.*@ end\(\).*)", expression)
            if steady:
                # Prometheus works out what holds at the end once, and counts its samples again for every step.
                rest = prometheus.ask("query_range", query=steady[1], start=start, end=at, step=step)
                answer.samples = rest.samples + prometheus.ask("query", query=steady[2], time=at).samples
            found.append(answer)
    return found


def boards(folder: pathlib.Path) -> dict[str, dict]:
    """The dashboards, by the last part of their uid."""
    return {path.stem.removeprefix("nephoscope-"): json.loads(path.read_text())
            for path in sorted(folder.glob("nephoscope-*.json"))}
