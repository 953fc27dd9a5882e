"""Debian's Prometheus beside the daemon, with the rules that the daemon itself makes for its configuration.

It scrapes and evaluates every second; how long a rule waits before it fires is cut to a second. Nobody is told: what fires is
asked of it.

It judges nothing.
"""

import http.client
import json
import pathlib
import re
import subprocess
import time
import urllib.parse

from clouds.ground import Ground
from clouds.map import LISTEN, LISTEN_PORT, VANTAGE

PORT = 9090

_CONFIG = """
global: {{ scrape_interval: 1s, evaluation_interval: 1s }}
rule_files: [rules.yml]
scrape_configs:
  - job_name: nephoscope
    honor_labels: true
    static_configs: [{{ targets: {targets} }}]
"""


class Rulebook:
    """Prometheus of one stage."""

    def __init__(self, ground: Ground, folder: pathlib.Path):
        self._ground, self._folder = ground, folder / "prometheus"
        self._process: subprocess.Popen | None = None

    def start(self, rules: str, *others: str) -> None:
        """With these rules, until it answers; it scrapes the daemon beside it, and those at other addresses."""
        self._folder.mkdir()
        (self._folder / "rules.yml").write_text(re.sub(r"^( +for:) .*$", r"\1 1s", rules, flags=re.MULTILINE))
        config = self._folder / "prometheus.yml"
        config.write_text(_CONFIG.format(targets=json.dumps([f"{each}:{LISTEN_PORT}" for each in (LISTEN, *others)])))
        command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={self._folder}/data",
                   f"--web.listen-address={LISTEN}:{PORT}"]
        with open(self._folder / "out", "wb") as out:
            self._process = subprocess.Popen(self._ground.command(VANTAGE.name, *command), stdin=subprocess.DEVNULL,
                                             stdout=out, stderr=out)
        deadline = time.monotonic() + 20
        while True:
            try:
                self.firing("")
                return
            except (OSError, ValueError, http.client.HTTPException):
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self._folder / "out").read_text()[-2000:]) from None
                time.sleep(0.05)

    def firing(self, name: str) -> list[dict[str, str]]:
        """The labels of each alert of that name that fires."""
        alerts = self._get("/api/v1/alerts")["alerts"]
        return [each["labels"] for each in alerts if each["state"] == "firing" and each["labels"]["alertname"] == name]

    def ask(self, expression: str) -> float:
        """The one value of an expression, now."""
        [sample] = self._get(f"/api/v1/query?{urllib.parse.urlencode({'query': expression})}")["result"]
        return float(sample["value"][1])

    def _get(self, path: str) -> dict:
        connection = http.client.HTTPConnection(LISTEN, PORT)
        connection.sock = self._ground.socket(VANTAGE.name)
        try:
            connection.sock.settimeout(5)
            connection.sock.connect((LISTEN, PORT))
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())["data"]
        finally:
            connection.close()

    def close(self) -> None:
        """Ends it."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
