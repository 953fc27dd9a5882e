"""nephoscope against real peers: starts them, lets the daemon watch them, and asks Prometheus what came of it.

Every assertion is one line, `ok` or `FAIL`, with what was seen (findings.py). The closing line is `N passed, N failed`.

It does not look into the daemon: everything is read where a user would read it.
"""

import gzip
import json
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import certificates
from cases import CASES, SECOND_OPINION, Case
from findings import Findings
from peers import HERE, RESOLVER, SILENT_RESOLVER, Peers

# interval + timeout + one recheck + a scrape, in the configuration used here: how far settled time may lag.
SETTLE_S = 6.0
# The promise of the service `kept`.
OBJECTIVE, WINDOW_DAYS = 0.99, 30
HEALTHY = ["ok", "tls13", "port", "a"]


def fetch(port: int, path: str, **headers: str) -> tuple[int, dict, bytes]:
    """Status, headers and body; any status is an answer."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read()
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, {k.lower(): v for k, v in answer.headers.items()}, answer.read()


class Road:
    """The daemon, its peers, and the way of each result to Prometheus."""

    def __init__(self, binary: str, peers: Peers, findings: Findings):
        self.binary, self.peers, self.findings = binary, peers, findings
        self.config = peers.folder / "probes.toml"
        self.socket = str(peers.folder / "socket")

    def query(self, expression: str) -> list[tuple[dict, float]]:
        """What Prometheus answers now."""
        path = "/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        answer = json.loads(fetch(self.peers.port("prometheus"), path)[2])
        if answer["status"] != "success":
            raise ValueError(answer)
        return [(row["metric"], float(row["value"][1])) for row in answer["data"]["result"]]

    def values(self, expression: str) -> list[float]:
        return [value for _, value in self.query(expression)]

    def run(self, *arguments: str, within: float = 30.0) -> subprocess.CompletedProcess:
        return subprocess.run([self.binary, *arguments], cwd=self.peers.folder, capture_output=True, text=True,
                              timeout=within, check=False)

    def prepare(self) -> None:
        head = (HERE / "probes.head.toml").read_text()
        names = json.dumps([case.name for case in CASES])
        service = f'[service.real]\ntitle = "Real peers"\nprobes = {names}\n'
        kept = f'[service.kept]\ntitle = "A promise"\nprobes = ["ok"]\nobjective = {100 * OBJECTIVE}\nwindow = "{WINDOW_DAYS}d"\n'
        self.peers.write("probes.toml", head + "\n".join(case.toml() for case in CASES) + service + kept)
        done = self.run("validate", str(self.config))
        self.findings.equal("validate accepts the file", (done.returncode, done.stdout[-300:] + done.stderr[-300:])[0], 0)
        if done.returncode != 0:
            print(done.stdout, done.stderr)

    def start(self) -> None:
        self.started = time.time()
        self.peers.start("nephoscope", [self.binary, "run", "--config", self.config, "--socket", self.socket],
                         self.peers.port("nephoscope"), cwd=self.peers.folder)

    def outcomes(self) -> None:
        """Every case, as Prometheus sees it: state, reason, and no other reason."""
        self.findings.soon("Prometheus scrapes the daemon", lambda: self.values('up{job="nephoscope"}'),
                           lambda seen: seen == [1.0])
        for case in CASES:
            wanted = (float(case.state), {case.reason} if case.reason else set())
            self.findings.soon(f"{case.name} is {case.reason or case.warning or 'good'}",
                               lambda case=case: self.outcome(case), lambda seen, wanted=wanted: seen == wanted)

    def outcome(self, case: Case) -> tuple[float, set]:
        states = self.values(f'nephoscope_check_state{{check="{case.check}"}}')
        failures = self.query(f'nephoscope_probe_failures_total{{check="{case.check}"}} > 0')
        if len(states) != 1:
            raise ValueError(f"{len(states)} series of nephoscope_check_state")
        return states[0], {labels["reason"] for labels, _ in failures}

    def second_opinion(self) -> None:
        """Debian's blackbox_exporter, asked about the same servers, says the same."""
        by_name = {case.name: case for case in CASES}
        for name, module, target in SECOND_OPINION:
            query = urllib.parse.urlencode({"module": module, "target": self.peers.fill(target)})
            text = fetch(self.peers.port("blackbox"), f"/probe?{query}")[2].decode()
            theirs = re.findall(r"^probe_success (\d)$", text, re.MULTILINE)
            self.findings.equal(f"blackbox_exporter on {name}", theirs, ["0" if by_name[name].reason else "1"])
            if name == "tls13":
                theirs = [float(end) for end in re.findall(r"^probe_ssl_earliest_cert_expiry (\S+)$", text, re.MULTILINE)]
                self.findings.soon(
                    "both see the same end of the certificate",
                    lambda: self.values('nephoscope_tls_certificate_not_after_timestamp_seconds{check="real/here/tls13"}'),
                    lambda seen, theirs=theirs: len(seen) == 1 and seen == theirs)

    def facts(self) -> None:
        """Single numbers against what the peers themselves say."""
        folder = self.peers.certificates
        for name in ("expired", "future", "soon"):
            wanted = certificates.not_after(folder, name)
            self.findings.soon(
                f"end of the {name} certificate is openssl's",
                lambda name=name: self.values(
                    f'nephoscope_tls_certificate_not_after_timestamp_seconds{{check="real/here/{name}"}}'),
                lambda seen, wanted=wanted: seen == [wanted])
        numbers = {"ok": 200, "status-404": 404, "status-500": 500, "redirect": 200, "redirect-judged": 302}
        for name, code in numbers.items():
            self.findings.soon(f"status code of {name}",
                               lambda name=name: self.values(f'nephoscope_http_response_code{{check="real/here/{name}"}}'),
                               lambda seen, code=code: seen == [code])
        self.findings.soon("answers of many-tcp",
                           lambda: self.values('nephoscope_dns_answers{check="real/here/many-tcp"}'),
                           lambda seen: seen == [float(self.peers.values["many"])])
        self.findings.soon("warnings of soon are counted",
                           lambda: self.values('nephoscope_check_warnings_total{check="real/here/soon",warning="tls_expires_soon"}'),
                           lambda seen: len(seen) == 1 and seen[0] > 0)
        self.findings.soon("labels of a check",
                           lambda: self.query('nephoscope_check_state{check="real/here/ok"}')[0][0],
                           lambda seen: {**seen, "__name__": 0, "instance": 0, "job": 0}
                           == {"__name__": 0, "instance": 0, "job": 0, "check": "real/here/ok", "service": "real",
                               "provider": "here", "region": "loopback", "probe": "ok", "vantage": "real"})

    def time_is_accounted_for(self) -> None:
        """good + bad + unknown + excluded is the time since the start, up to what is not settled yet."""
        def sums() -> list[float]:
            now = self.values("vector(time())")[0]
            total = self.query('sum by (check) (nephoscope_check_state_seconds_total{service="real"})')
            self.missing = now - self.started
            return [value for _, value in total]

        def fits(seen: list[float]) -> bool:
            return (len(seen) == len(CASES) and self.missing > 3 * SETTLE_S
                    and max(seen) <= self.missing + 1 and min(seen) >= self.missing - SETTLE_S)

        self.findings.soon("state seconds of every check add up to the time since the start",
                           lambda: (s := sums()) and s, fits)
        print(f"     (started {self.missing:.1f} s ago)")
        for name, state in (("ok", "good"), ("status-404", "bad")):
            self.findings.soon(
                f"known time of {name} is {state} only",
                lambda name=name: {labels["state"]: round(value, 1) for labels, value in self.query(
                    f'nephoscope_check_state_seconds_total{{check="real/here/{name}"}} > 0')},
                lambda seen, state=state: seen.get(state, 0) > 10
                and not ({"good", "bad"} - {state}) & set(seen))

    def pace(self) -> None:
        """A healthy check runs once per interval, and nothing is skipped."""
        self.findings.soon("a healthy check runs every 2 s",
                           lambda: [round(value, 3) for value in self.values(
                               'rate(nephoscope_probes_total{check="real/here/ok",verdict="good"}[20s])')],
                           lambda seen: len(seen) == 1 and 0.45 <= seen[0] <= 0.55)
        self.findings.soon("no run is skipped", lambda: self.values("sum(nephoscope_probes_skipped_total)"),
                           lambda seen: seen == [0.0])

    def exposition(self) -> None:
        """The scraped text itself."""
        port = self.peers.port("nephoscope")
        status, headers, plain = fetch(port, "/metrics")
        self.findings.say(status == 200 and headers["content-type"].startswith("text/plain; version=0.0.4"),
                          "metrics are text of version 0.0.4", (status, headers.get("content-type")))
        status, headers, packed = fetch(port, "/metrics", **{"Accept-Encoding": "gzip"})
        opened = gzip.decompress(packed) if headers.get("content-encoding") == "gzip" else b""
        same = [line.split()[0] for line in opened.decode().splitlines() if "_check_state{" in line and 'service="real"' in line]
        self.findings.say(len(same) == len(CASES) and len(packed) < len(plain) / 4, "metrics come packed when asked",
                          f"{headers.get('content-encoding')}, {len(packed)} of {len(plain)} bytes, {len(same)} states")
        lint = subprocess.run(["promtool", "check", "metrics"], input=plain, capture_output=True, check=False)
        said = (lint.stdout + lint.stderr).decode()
        self.findings.say(lint.returncode == 0 and not said.strip(), "promtool has no complaint", said or "none")
        zeros = [line for line in plain.decode().splitlines()
                 if line.startswith("nephoscope_probe_failures_total{") and 'check="real/here/ok"' in line]
        self.findings.say(len(zeros) >= 6 and all(line.endswith(" 0") for line in zeros),
                          "every reason of a healthy check stands at 0", f"{len(zeros)} reasons")

    def faces(self) -> None:
        """Page, API, health paths, and the commands that talk to the daemon."""
        port = self.peers.port("nephoscope")
        for path in ("/livez", "/readyz", "/-/healthy", "/-/ready"):
            self.findings.soon(f"{path} answers", lambda path=path: fetch(port, path)[0], lambda seen: seen == 200)
        status, headers, body = fetch(port, "/")
        self.findings.say(status == 200 and b"Real peers" in body, "the page names the service", (status, len(body)))
        for path in ("/api/v1/services", "/api/v1/checks", "/api/v1/results?check=real/here/ok"):
            self.findings.soon(f"{path} is JSON that names the service",
                               lambda path=path: (lambda status, _, body: (status, "real" in json.dumps(json.loads(body))))(
                                   *fetch(port, path)), lambda seen: seen == (200, True))
        self.findings.equal("an unknown path is 404", fetch(port, "/nothing")[0], 404)
        status = self.run("status", "--socket", self.socket, "--format", "json")
        self.findings.say(status.returncode == 1 and "real/here/status-404" in json.dumps(json.loads(status.stdout or "0")),
                          "status gives JSON and exits 1 while something is down",
                          (status.returncode, status.stdout[:80], status.stderr[:200]))

    def probes(self) -> None:
        """`nephoscope probe`, once, without the daemon."""
        def probe(*arguments: str) -> tuple[int, list]:
            done = self.run("probe", "--config", str(self.config), "--format", "json", *arguments)
            return done.returncode, json.loads(done.stdout) if done.stdout.strip() else [done.stderr]

        for name, code in (("ok", 0), ("a", 0), ("port", 0), ("expired", 1), ("nxdomain", 1)):
            case = next(case for case in CASES if case.name == name)
            status, runs = probe(case.check)
            seen = (status, [(run["check"], run["verdict"], run["reason"]) for run in runs if isinstance(run, dict)])
            verdict = "bad" if case.reason else "good"
            self.findings.equal(f"probe {name}", seen, (code, [(case.check, verdict, case.reason)]))
        status, runs = probe("real/here/tls13")
        phases = set(runs[0]["phases"]) if isinstance(runs[0], dict) else runs
        self.findings.say(phases >= {"connect", "tls", "processing"}, "phases of an HTTPS probe", sorted(phases))
        status, runs = probe(f"http://127.0.0.1:{self.peers.port('http')}/missing")
        seen = (status, [run["facts"]["http_status"] for run in runs if isinstance(run, dict)])
        self.findings.equal("probe of an address", seen, (1, [404]))
        self.findings.equal("probe of nothing known is wrong usage", probe("no/such/check")[0], 2)

    def names(self) -> None:
        """The host's own resolver is knot, in a mount namespace where /etc/resolv.conf says so."""
        def resolved(server: str, host: str) -> object:
            resolv = self.peers.write(f"resolv-{server}", f"nameserver {server}\noptions timeout:1 attempts:1\n")
            script = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'
            address = f"tcp://{host}:{self.peers.port('http')}"
            done = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", resolv, self.binary, "probe", "--format",
                                   "json", address], cwd=self.peers.folder, capture_output=True, text=True,
                                  timeout=30, check=False)
            runs = json.loads(done.stdout) if done.stdout.strip() else []
            return [run["reason"] or run["verdict"] for run in runs] or done.stderr

        wanted = {
            "here.example.test": "good", "nobody.example.test": "dns_nxdomain", "textual.example.test": "dns_no_address",
            "www.broken.test": "dns_servfail", "www.example.org": "dns_refused",
        }
        for host, outcome in wanted.items():
            self.findings.equal(f"resolving {host}", resolved(RESOLVER, host), [outcome])
        self.findings.equal("resolving while the resolver is silent", resolved(SILENT_RESOLVER, "here.example.test"),
                            ["dns_timeout"])

    def outage(self) -> None:
        """nginx goes away and comes back; what does not depend on it never notices."""
        def states() -> dict:
            return {labels["probe"]: int(value) for labels, value in self.query('nephoscope_check_state{service="real"}')
                    if labels["probe"] in HEALTHY}

        began = time.time()
        self.peers.stop("nginx")
        self.findings.soon("checks of nginx go down with it", states,
                           lambda seen: seen == {"ok": 4, "tls13": 4, "port": 4, "a": 0})
        self.findings.soon("so does the check of the promise",
                           lambda: self.values('nephoscope_check_state{service="kept"}'), lambda seen: seen == [4.0])
        self.findings.soon("for the right reason", lambda: {
            (labels["probe"], labels["reason"]) for labels, _ in
            self.query('nephoscope_probe_failures_total{service="real",probe=~"ok|tls13|port|a"} > 0')},
            lambda seen: seen == {(name, "connect_refused") for name in ("ok", "tls13", "port")})
        self.peers.start_nginx()
        self.findings.soon("and come back with it", states,
                           lambda seen: seen == {"ok": 0, "tls13": 0, "port": 0, "a": 0})
        span = int(time.time() - began) + 5
        self.findings.equal("the DNS check was up throughout",
                            self.values(f'max_over_time(nephoscope_check_state{{probe="a"}}[{span}s])'), [0.0])
        self.findings.soon("bad time of the outage is counted once it is settled",
                           lambda: self.values('nephoscope_check_state_seconds_total{check="real/here/ok",state="bad"}'),
                           lambda seen: len(seen) == 1 and 1 <= seen[0] <= span + 1)

    def kept(self, name: str, more: str = "") -> float:
        """One number of the promise of `kept`, for its only side."""
        [value] = self.values(f'nephoscope_slo_{name}{{service="kept",scope="provider:here"{more}}}')
        return value

    def promises(self) -> None:
        """What the outage cost the promise, in Prometheus' own arithmetic."""
        self.findings.soon("a promise is computed for every scope", lambda: {
            labels["scope"]: (labels["window"], labels["alert"]) for labels, _ in
            self.query('nephoscope_slo_info{service="kept"}')},
            lambda seen: seen == {"any": ("30d", "none"), "all": ("30d", "none"), "provider:here": ("30d", "page")})
        budget = (1 - OBJECTIVE) * WINDOW_DAYS * 86_400

        def remaining() -> tuple[float, float]:
            bad = self.kept("state_seconds_total", ',state="bad"')
            return bad, self.kept("error_budget_remaining_ratio") - (1 - bad / budget)

        self.findings.soon("what is left of the budget is what the counter of bad seconds says", remaining,
                           lambda seen: seen[0] >= 1 and abs(seen[1]) < 1e-9)
        self.findings.soon("so does the availability", lambda: self.kept("availability_ratio") - (
            1 - self.kept("state_seconds_total", ',state="bad"') / sum(
                self.kept("state_seconds_total", f',state="{state}"') for state in ("good", "bad"))),
            lambda seen: abs(seen) < 1e-3)
        self.findings.soon("history is being kept", lambda: self.values("nephoscope_store_healthy"),
                           lambda seen: seen == [1.0])

    def restart(self) -> None:
        """kill -9, and a new daemon on the same store: nothing is lost and nothing counted twice."""
        def state(word: str) -> float:
            return self.kept("state_seconds_total", f',state="{word}"')

        before = {word: state(word) for word in ("good", "bad", "unknown")}
        self.peers.kill("nephoscope")
        self.findings.soon("Prometheus sees that it is gone", lambda: self.values('up{job="nephoscope"}'),
                           lambda seen: seen == [0.0])
        self.peers.start("nephoscope", [self.binary, "run", "--config", self.config, "--socket", self.socket],
                         self.peers.port("nephoscope"), cwd=self.peers.folder)
        self.findings.soon("good time goes on where it was", lambda: state("good") - before["good"],
                           lambda gone: 5 < gone < 60)
        self.findings.equal("bad time is what it was", round(state("bad") - before["bad"], 3), 0.0)
        self.findings.soon("no counter of the promise was reset",
                           lambda: self.values('max(resets(nephoscope_slo_state_seconds_total{service="kept"}[5m]))'),
                           lambda seen: seen == [0.0])
        self.findings.soon("all of the time since the first start is accounted for", lambda: round(
            sum(state(word) for word in ("good", "bad", "unknown", "excluded"))
            - (self.values("vector(time())")[0] - self.started), 1), lambda seen: -SETTLE_S <= seen <= 1)

    def end(self) -> None:
        """A second daemon, then the end of the first."""
        second = self.run("run", "--config", str(self.config), "--socket", self.socket + "-2", within=20)
        port = str(self.peers.port("nephoscope"))
        self.findings.say(second.returncode == 1 and port in second.stderr, "a second daemon on the same port exits 1",
                          (second.returncode, second.stderr[-200:]))
        with open(f"/proc/{self.peers.processes['nephoscope'].pid}/status", encoding="utf-8") as status:
            resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
        self.findings.say(resident < 60_000, "resident memory stays small", f"{resident} kB")
        since = time.monotonic()
        code = self.peers.stop("nephoscope")
        self.findings.equal("SIGTERM ends the daemon with 0", code, 0)
        self.findings.say(time.monotonic() - since < 10, "and soon", f"{time.monotonic() - since:.1f} s")
        self.findings.soon("Prometheus sees that it is gone", lambda: self.values('up{job="nephoscope"}'),
                           lambda seen: seen == [0.0])


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    findings = Findings()
    peers = Peers(pathlib.Path(tempfile.mkdtemp(prefix="nephoscope-real-")))
    peers.folder.chmod(0o755)
    road = Road(sys.argv[1], peers, findings)
    try:
        peers.make_files()
        peers.start_nginx()
        peers.start_knot()
        peers.start_unbound()
        peers.start_smtp()
        peers.start_blackbox()
        road.prepare()
        road.start()
        peers.start_prometheus()
        for chapter in (road.outcomes, road.second_opinion, road.facts, road.time_is_accounted_for, road.pace, road.exposition, road.faces,
                        road.probes, road.names, road.outage, road.promises, road.restart,
                        road.end):
            print(f"--- {chapter.__doc__.splitlines()[0]}")
            try:
                chapter()
            except Exception as problem:  # A chapter that cannot go on is a failure, not the end of the book.
                findings.say(False, chapter.__name__, repr(problem))
    except Exception as problem:
        findings.say(False, "the peers and the daemon start", repr(problem))
    finally:
        if findings.failed and "nephoscope" in peers.processes:
            print(peers.output("nephoscope"), file=sys.stderr)
        peers.stop_all()
    print(f"{findings.passed} passed, {findings.failed} failed")
    return 1 if findings.failed or not findings.passed else 0


if __name__ == "__main__":
    sys.exit(main())
