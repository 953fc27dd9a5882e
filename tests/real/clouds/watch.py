"""The daemon in a vantage: its configuration, its life, and everything that a user can read from it.

The base configuration watches three services on both clouds by different ways: `shop` by name over TLS and with a public
name, `search` by address over plain HTTP, `orders` by address and with a database behind it that both clouds share. A story
adds tables of its own.

It does not judge.
"""

import http.client
import json
import pathlib
import re
import signal
import subprocess
import time
import urllib.parse

from clouds import map as world
from clouds.ground import Ground
from clouds.map import CLOUDS, NEUTRAL, VANTAGE, Place

# The shortest that the configuration accepts, or near it; the timeout bears a machine that is busy for half a second.
INTERVAL_S, TIMEOUT_S, RECHECK_S, CONFIRM, PATIENCE_S = 1.0, 0.7, 0.2, 2, 2.0
# What time of a check is booked as; each of four numbers is rounded to a millisecond.
STATES, BOOKS_S = ("good", "bad", "unknown", "excluded"), 0.005
# After this a change has been seen and confirmed: the rest of an interval, and a timeout and a recheck for each result.
CONFIRMED_S = INTERVAL_S + CONFIRM * (TIMEOUT_S + RECHECK_S)

_HEAD = """
[monitor]
vantage = "{vantage}"
listen  = "{listen}"
state   = "{folder}/state"

[defaults]
interval = "1s"
timeout  = "700ms"
recheck  = "200ms"
confirm  = 2

[probe.web.http]
url = "https://{{host}}/"

[probe.page.http]
url = "http://{{host}}/"

[probe.name.dns]
server  = "system"
query   = "{{host}}"
answers = {{ count = "1.." }}

[probe.rows.tcp]
address = "{{host}}:{database_port}"
"""

_PROVIDER = """
[provider.{name}]
region   = "{name}-1"
host     = "{{service}}.{name}.{zone}"
networks = ["{net4}", "{net6}"]
"""

_CANARY = """
[[provider.{name}.canary]]
region = "{name}-1"
plane  = "data"
url    = "http://{address}/"
"""

SENTINEL = """
[sentinel]
tls      = [{tls}]
names    = [{names}]
interval = "1s"
patience = "2s"
"""

_SERVICES = """
[service.shop]
probes    = ["web"]
objective = 99.0
window    = "1h"

[service.search]
probes = ["page"]
{search}

[service.orders]
probes     = ["page"]
depends_on = ["orders-db"]
{orders}

[domain.orders-db]
kind   = "data"
host   = "{database}"
probes = ["rows"]
"""

ENTRY = """
[service.shop.entry]
host            = "shop.example.test"
probe           = "web"
policy          = "failover"
failover_within = "{within}"
resolvers       = ["system", "{resolver}"]
"""


def sentinels(more: str = "") -> str:
    """`[sentinel]` with three servers, one of them asked over IPv6, and their names; `more` keys."""
    one, two, three = world.SENTINELS
    tls = [f"{NEUTRAL.at(one)}:443", f"{NEUTRAL.at(two)}:443", f"[{NEUTRAL.at6(three)}]:443"]
    return SENTINEL.format(tls=", ".join(f'"{each}"' for each in tls), names=", ".join(f'"{each}"' for each in world.SENTINEL_NAMES)) + more


def entry(within: str = "20s") -> str:
    """`[service.shop.entry]`: the public name, that must lead to a good side within so much time."""
    return ENTRY.format(within=within, resolver=NEUTRAL.at(world.RESOLVER))


def configuration(place: Place, folder: pathlib.Path, *more: str, canaries: bool = True, listen: str = world.LISTEN) -> str:
    """The base, and what a story adds."""
    text = _HEAD.format(vantage=place.name, listen=f"{listen}:{world.LISTEN_PORT}", folder=folder, database_port=world.DATABASE_PORT)
    for cloud in CLOUDS:
        text += _PROVIDER.format(name=cloud.name, zone=world.ZONE, net4=cloud.net4, net6=cloud.net6)
        if canaries:
            text += "".join(_CANARY.format(name=cloud.name, address=cloud.at(host)) for host in world.CANARIES.values())
    text += _SERVICES.format(search=_by_address("search"), orders=_by_address("orders"), database=NEUTRAL.at(world.DATABASE))
    return text + "".join(more)


def _by_address(service: str) -> str:
    return "".join(f'[service.{service}.endpoint.{cloud.name}]\nhost = "{cloud.at(world.SERVICES[service])}"\n'
                   for cloud in CLOUDS)


class Watch:
    """The daemon of one stage, or the second one of it; it stands in a place."""

    def __init__(self, binary: str, ground: Ground, folder: pathlib.Path, roots: pathlib.Path, place: Place = VANTAGE):
        self._binary, self._ground, self._folder, self._roots = binary, ground, folder, roots
        self._place = place
        self._process: subprocess.Popen | None = None
        self._booked: dict[str, tuple[float, float]] = {}
        self._log = folder / "nephoscope.log"
        self.started = 0.0

    def start(self, *more: str, **options: bool | str) -> None:
        """Writes the configuration and starts the daemon; it is there when it calls itself ready."""
        config = self._folder / "probes.toml"
        config.write_text(configuration(self._place, self._folder, *more, **options))
        self._ground.resolve_by(self._place, NEUTRAL.at(world.RESOLVER))
        self.started = time.time()
        self._launch(config)

    def _launch(self, config: pathlib.Path) -> None:
        command = ["env", f"SSL_CERT_FILE={self._roots}", self._binary, "--log-format", "json", "run", "--config", config,
                   "--socket", self._folder / "socket"]
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(self._ground.command(self._place.name, *command), cwd=self._folder,
                                             stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the daemon did not start: {self.tail()}")
            time.sleep(0.05)
        self._booked = self._books()

    def miscounted(self) -> dict[str, float]:
        """Checks whose seconds are not those that passed since the start, by how many (S5)."""
        off = {}
        for check, (seconds, watermark) in self._books().items():
            before, since = self._booked[check]
            wrong = (seconds - before) - (watermark - since)
            if abs(wrong) > BOOKS_S:
                off[check] = wrong
        return off

    def _books(self) -> dict[str, tuple[float, float]]:
        """All seconds of each check, and up to where it is settled."""
        return {check: (sum(each[f"{state}_s"] for state in STATES), each["watermark"]) for check, each in self.checks().items()}

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        if self._process is None:
            return 0
        process, self._process = self._process, None
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def start_again(self) -> None:
        """On the same configuration and the same state."""
        self._launch(self._folder / "probes.toml")

    def pause(self) -> float:
        """The daemon stands still, as on a machine that has no time for it."""
        self._process.send_signal(signal.SIGSTOP)
        return time.time()

    def go_on(self) -> float:
        self._process.send_signal(signal.SIGCONT)
        return time.time()

    def kill(self) -> None:
        """Ends it at once, if it runs."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def command(self, *arguments: str, within: float = 30.0) -> subprocess.CompletedProcess:
        """A command of the same program, in the same place."""
        command = self._ground.command(self._place.name, self._binary, *arguments)
        return subprocess.run([*command, "--socket", self._folder / "socket"], cwd=self._folder, capture_output=True, text=True,
                              timeout=within, check=False)

    def get(self, path: str) -> bytes:
        """What the daemon's listener answers, asked from inside its place."""
        connection = http.client.HTTPConnection(world.LISTEN, world.LISTEN_PORT)
        connection.sock = self._ground.socket(self._place.name)
        try:
            connection.sock.settimeout(5)
            connection.sock.connect((world.LISTEN, world.LISTEN_PORT))
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise ValueError(f"{path}: {answer.status} {body[:200]!r}")
        return body

    def api(self, what: str, **narrow: str) -> dict:
        """`/api/v1/<what>`."""
        query = "?" + urllib.parse.urlencode(narrow) if narrow else ""
        return json.loads(self.get(f"/api/v1/{what}{query}"))

    def checks(self) -> dict[str, dict]:
        """Every check by its id."""
        return {check["check"]: check for check in self.api("checks")["checks"]}

    def states(self, *which: str) -> dict[str, str]:
        """The state of these checks, or of all."""
        checks = self.checks()
        return {check: checks[check]["state"] for check in (which or checks)}

    def service(self, name: str) -> dict[str, str]:
        """The state of a service in every scope: `entry` if it has one, `any`, `all` and each side by the name of its cloud."""
        [service] = self.api("services", service=name)["services"]
        entry = {"entry": service["entry"]["state"]} if service.get("entry") else {}
        return {**entry, "any": service["any"]["state"], "all": service["all"]["state"],
                **{side["provider"]: side["state"] for side in service["sides"]}}

    def outages(self, service: str | None = None) -> list[dict]:
        """Outages, those that last first, then the newest."""
        return self.api("outages", **({"service": service} if service else {}))["outages"]

    def results(self, check: str) -> list[dict]:
        """The last results of a check, rechecks among them."""
        return self.api("results", check=check)["results"]

    def metric(self, name: str, **labels: str) -> dict[tuple, float]:
        """Samples of a metric that carry these labels, by their other labels (without `vantage`)."""
        found = {}
        for line in self.get("/metrics").decode().splitlines():
            parts = re.fullmatch(r"([a-zA-Z_:]+)(?:\{(.*)\})? (\S+)", line)
            if not parts or parts[1] != name:
                continue
            own = dict(re.findall(r'([a-zA-Z_]+)="((?:[^"\\]|\\.)*)"', parts[2] or ""))
            own.pop("vantage", None)
            if all(own.pop(label, None) == value for label, value in labels.items()):
                found[tuple(sorted(own.items()))] = float(parts[3])
        return found

    def value(self, name: str, **labels: str) -> float:
        """The one sample with these labels."""
        found = self.metric(name, **labels)
        if len(found) != 1:
            raise ValueError(f"{len(found)} samples of {name} {labels}: {list(found)[:5]}")
        return next(iter(found.values()))

    def log(self, part: str = "") -> list[dict]:
        """Lines of the log that contain `part`."""
        lines = self._log.read_text(errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and part in line]

    def _ready(self) -> bool:
        try:
            return bool(self.get("/readyz"))
        except (OSError, ValueError, http.client.HTTPException):
            return False

    def tail(self) -> str:
        return self._log.read_text(errors="replace")[-3000:] if self._log.exists() else "nothing"
