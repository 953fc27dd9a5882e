"""The daemon under limits: started behind any other command, read over its page, its API and its metrics, and measured.

It does not judge.
"""

import http.client
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import time

from faults.far import FIRST, TLS
from faults.far import SENTINELS as NEUTRAL

_TICKS = os.sysconf("SC_CLK_TCK")
_SERIES = re.compile(r"([a-zA-Z_:]+)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'([a-zA-Z_]+)="((?:[^"\\]|\\.)*)"')
STATES = ("good", "bad", "unknown", "excluded")

HEAD = """
[monitor]
vantage = "here"
listen  = "{listen}:9464"
state   = "{folder}/state"
{monitor}
[defaults]
interval = "{interval}"
timeout  = "{timeout}"
recheck  = "{recheck}"
[metrics]
detail = "{detail}"
[provider.aws]
host = "10.0.8.1"
region = "a"
[provider.gcp]
host = "10.0.8.2"
region = "g"
"""

SENTINELS = f"""
[sentinel]
tls      = [{", ".join(f'"{each}:{TLS}"' for each in NEUTRAL)}]
interval = "1s"
patience = "2s"
"""


def head(watch: "Watch", interval: str, timeout: str, recheck: str = "500ms", detail: str = "standard", monitor: str = "") -> str:
    """How every configuration here begins."""
    return HEAD.format(listen=watch.listen, folder=watch.folder, monitor=monitor, interval=interval, timeout=timeout,
                       recheck=recheck, detail=detail)


class Watch:
    """One daemon in a folder of its own, on an address of its own; a context that ends it."""

    def __init__(self, binary: str, folder: pathlib.Path, number: int, roots: pathlib.Path) -> None:
        self._binary, self.folder, self._roots = binary, folder, roots
        self.listen = f"127.0.1.{number}"
        self.socket = folder / "socket"
        self.config = folder / "probes.toml"
        self._log = folder / "log"
        self.process: subprocess.Popen | None = None

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def start(self, *around: str, ready_within: float = 60.0, **environment: str) -> None:
        """Starts it on its file, behind the command `around`; it is there when it calls itself ready."""
        command = [*FIRST, *around, self._binary, "--log-format", "text", "run", "--config", str(self.config), "--socket", str(self.socket)]
        with open(self._log, "ab") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, "SSL_CERT_FILE": str(self._roots), **environment})
        deadline = time.monotonic() + ready_within
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the daemon did not start: {self.log()[-2000:]}")
            time.sleep(0.05)

    def stop(self, within: float = 45.0) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within)

    def is_ready(self) -> bool:
        try:
            return self.get("/readyz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def get(self, path: str, within: float = 15.0) -> tuple[int, str]:
        """Status and body of an answer of its listener."""
        connection = http.client.HTTPConnection(self.listen, 9464, timeout=within)
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def api(self, what: str) -> dict:
        """`/api/v1/<what>`."""
        return json.loads(self.get(f"/api/v1/{what}")[1])

    def checks(self) -> dict[str, dict]:
        """Every check by its id."""
        page = self.api("checks")
        checks = page["checks"]
        while page["next"]:
            page = self.api(f"checks?after={page['next']}")
            checks += page["checks"]
        return {check["check"]: check for check in checks}

    def states(self, probe: str) -> set[str]:
        """What checks of this probe are, each once."""
        return {check["state"] for check in self.checks().values() if check["probe"] == probe}

    def causes(self, *checks: str) -> set[str]:
        """Why runs of these checks that are kept were unknown."""
        runs = [run for check in checks for run in self.api(f"results?check={check}")["results"]]
        return {run["cause"] for run in runs if run["verdict"] == "unknown"}

    def metrics(self, *wanted: str) -> "Numbers":
        """The metrics of these names; `process_…` and those without labels of checks are few, the others may be many."""
        status, text = self.get("/metrics", within=60)
        if status != 200:
            raise ValueError(f"/metrics: {status} {text[:200]}")
        return Numbers(text, wanted)

    def command(self, *arguments: str, within: float = 60.0) -> subprocess.CompletedProcess:
        """A command of the same program that asks the daemon."""
        return subprocess.run([self._binary, *arguments, "--socket", str(self.socket)], cwd=self.folder, capture_output=True,
                              text=True, timeout=within, check=False)

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def resident(self, what: str = "VmRSS") -> int:
        """Bytes of its memory; `VmHWM` for the most there ever were."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith(f"{what}:"))

    def cpu(self) -> float:
        """Seconds of processor time it has used."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def descriptors(self, limit: int) -> None:
        """From now on it may have this many, until it may have others."""
        most = resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, (limit, most))

    def open_descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


class Numbers:
    """Samples of one scrape."""

    def __init__(self, text: str, wanted: tuple[str, ...]) -> None:
        self.samples: dict[tuple[str, tuple], float] = {}
        for line in text.splitlines():
            if not line.startswith(wanted):
                continue
            parts = _SERIES.match(line)
            if parts:
                labels = tuple(sorted(pair for pair in _LABEL.findall(parts[2] or "") if pair[0] != "vantage"))
                self.samples[parts[1], labels] = float(parts[3])

    def total(self, name: str, **labels: str) -> float:
        """The sum over all samples of that name with these labels; a label may name several values, with `|`."""
        def fits(own: tuple) -> bool:
            has = dict(own)
            return all(has.get(label) in value.split("|") for label, value in labels.items())
        return sum(value for (each, own), value in self.samples.items() if each == name and fits(own))

    def fell(self, later: "Numbers") -> list:
        """Samples that are less later, or gone."""
        return [key for key, value in self.samples.items() if later.samples.get(key, -1.0) < value]

    def late(self, limit: str) -> float:
        """Runs that began later than this bound of a bucket of the lag says."""
        name = "nephoscope_schedule_lag_seconds"
        return self.total(f"{name}_count") - self.total(f"{name}_bucket", le=limit)
