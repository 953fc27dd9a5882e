"""What is in deploy/, loaded by the real programs, and the whole chain: daemon, Prometheus, Alertmanager, receivers.

The files are used as they are, but for ports, and for waits that would make a test long. A service that is down on both clouds, and one that
is down on one, show who is told, what is inhibited, what the texts say, and that it ends.

Grafana is not in Debian: of its files only the form is looked at (`grafana`).
"""

import contextlib
import http.server
import json
import pathlib
import re
import socket
import subprocess
import threading
import time
import urllib.request

from findings import Findings

ROOT = pathlib.Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "deploy"
PROMETHEUS, ALERTMANAGER = DEPLOY / "prometheus/prometheus.yml", DEPLOY / "alertmanager/alertmanager.yml"
# Alert, its labels, and who is told.
ROUTES = [
    ("demo-pager", {"alertname": "NephoscopeOutage", "team": "demo", "severity": "page"}),
    ("demo-tickets", {"alertname": "NephoscopeOutage", "team": "demo", "severity": "ticket"}),
    ("platform-pager", {"alertname": "NephoscopeOutage", "severity": "page"}),
    ("platform-pager", {"alertname": "NephoscopeAbsent", "severity": "page"}),
    ("platform-tickets", {"alertname": "NephoscopeStoreUnhealthy", "severity": "ticket", "vantage": "vie-1"}),
    ("platform-tickets", {"alertname": "NephoscopeOutage", "team": "unknown", "severity": "ticket"}),
    ("dead-man", {"alertname": "NephoscopeDeadMan", "severity": "none"}),
]
CONFIG = """
[monitor]
listen = "127.0.0.1:{daemon}"
vantage = "here"
[defaults]
interval = "1s"
timeout = "500ms"
recheck = "200ms"
[provider.aws]
host = "127.0.0.1"
[provider.gcp]
host = "127.0.0.1"
[probe.port.tcp]
address = "{{host}}:{{port}}"
[class.demo]
probes = ["port"]
labels = {{ team = "demo" }}
objective = 99.9
[service.shop]
class = "demo"
runbook = "https://wiki.example.com/shop?from=alert&x=1"
endpoint.aws.vars = {{ port = "{first}" }}
endpoint.gcp.vars = {{ port = "{first}" }}
[service.half]
class = "demo"
endpoint.aws.vars = {{ port = "{open}" }}
endpoint.gcp.vars = {{ port = "{second}" }}
"""


def files(findings: Findings) -> None:
    """promtool and amtool on what is shipped."""
    for command in (["promtool", "check", "config", PROMETHEUS], ["promtool", "check", "rules", DEPLOY / "prometheus/nephoscope.rules.yml"],
                    ["amtool", "check-config", ALERTMANAGER]):
        done = subprocess.run([str(each) for each in command], capture_output=True, text=True, check=False)
        findings.equal(" ".join(str(each) for each in command[:3]), (done.returncode, done.stderr if done.returncode else ""), (0, ""))
    for receiver, labels in ROUTES:
        done = subprocess.run(["amtool", "config", "routes", "test", f"--config.file={ALERTMANAGER}",
                               *(f"{name}={value}" for name, value in labels.items())], capture_output=True, text=True, check=False)
        findings.equal(f"told of {' '.join(labels.values())}", done.stdout.strip(), receiver)


def grafana(findings: Findings) -> None:
    """The form of Grafana's files, and that the step of rates is the interval of scrapes."""
    sources = (DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text()
    boards = (DEPLOY / "grafana/provisioning/dashboards/nephoscope.yml").read_text()
    interval = re.search(r"^  scrape_interval: (\S+)", PROMETHEUS.read_text(), re.MULTILINE)
    step = re.search(r"^      timeInterval: (\S+)", sources, re.MULTILINE)
    findings.equal("Grafana's timeInterval is the scrape interval", step and step[1], interval and interval[1])
    for name, text, keys in (("data source", sources, ["apiVersion: 1", "uid: nephoscope-prometheus", "editable: false"]),
                             ("dashboards", boards, ["apiVersion: 1", "type: file", "allowUiUpdates: false", "folderUid: nephoscope"])):
        findings.equal(f"what Grafana's {name} must say", [key for key in keys if key not in text], [])


class Chain:
    """The programs of one run, in a folder and on ports of their own."""

    def __init__(self, binary: str, folder: pathlib.Path, stack: contextlib.ExitStack):
        self.binary, self.folder, self.stack = binary, folder, stack
        names = ["daemon", "prometheus", "alertmanager", "first", "second"]
        self.ports = dict(zip(names, _free(len(names)), strict=True))
        self.messages: list[tuple[str, dict]] = []
        self.ports["hook"] = self._hook()
        self.ports["open"] = self._listener(0)

    def start(self) -> None:
        """Everything, until each answers."""
        self._write("probes.toml", CONFIG.format(**self.ports))
        made = subprocess.run([self.binary, "rules", "--grafana", "https://grafana.example.com/", "--runbook", "https://wiki.example.com/r"],
                              cwd=self.folder, capture_output=True, text=True, check=True)
        self._write("nephoscope.rules.yml", made.stdout)
        prometheus = self._moved(PROMETHEUS, {"9464": "daemon", "9093": "alertmanager"})
        self._write("prometheus.yml", re.sub(r"(_interval:) +30s", r"\1 1s", prometheus))
        alertmanager = self._moved(ALERTMANAGER, {"8065": "hook"})
        self._write("alertmanager.yml", re.sub(r"(group_wait|group_interval): +(30s|10s|1m|5m)", r"\1: 2s", alertmanager))
        listen = "--web.listen-address=127.0.0.1:{}"
        self._run("daemon", [self.binary, "run", "--socket", self.folder / "socket"])
        self._run("alertmanager", ["prometheus-alertmanager", "--config.file=alertmanager.yml", "--storage.path=am", "--cluster.listen-address=",
                                   listen.format(self.ports["alertmanager"])])
        self._run("prometheus", ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=tsdb", listen.format(self.ports["prometheus"])])

    def alerts(self) -> list[dict]:
        """What fires in Prometheus."""
        return [each for each in self._get("prometheus", "/api/v1/alerts")["data"]["alerts"] if each["state"] == "firing"]

    def alert(self, **labels: str) -> dict:
        """The one with these labels."""
        [found] = [each for each in self.alerts() if labels.items() <= each["labels"].items()]
        return found

    def inhibited(self) -> set[tuple[str, str]]:
        """Service and scope of the outages that Alertmanager holds back."""
        alerts = self._get("alertmanager", "/api/v2/alerts?filter=alertname%3D%22NephoscopeOutage%22")
        return {(each["labels"]["service"], each["labels"]["scope"]) for each in alerts if each["status"]["inhibitedBy"]}

    def told(self, path: str, status: str = "firing") -> set[tuple[str, str, str]]:
        """Alert, service and scope of what a receiver heard."""
        return {(each["labels"]["alertname"], each["labels"].get("service", ""), each["labels"].get("scope", ""))
                for where, message in list(self.messages) if where == path for each in message["alerts"] if each["status"] == status}

    def come_back(self) -> None:
        """What was down serves again."""
        for name in ("first", "second"):
            self._listener(self.ports[name])

    def _get(self, name: str, path: str) -> dict:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[name]}{path}", timeout=5) as answer:
            return json.load(answer)

    def _write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def _moved(self, file: pathlib.Path, ports: dict[str, str]) -> str:
        text = file.read_text()
        for port, name in ports.items():
            assert f"127.0.0.1:{port}" in text, (file, port)
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{self.ports[name]}")
        return text

    def _run(self, name: str, command: list) -> None:
        with open(self.folder / f"{name}.out", "wb") as out:
            process = subprocess.Popen([str(each) for each in command], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.stack.callback(_end, process)
        deadline = time.monotonic() + 30
        while socket.socket().connect_ex(("127.0.0.1", self.ports[name])) != 0:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{name} did not start: {(self.folder / f'{name}.out').read_text()[-2000:]}")
            time.sleep(0.05)

    def _hook(self) -> int:
        messages = self.messages

        class Hook(http.server.BaseHTTPRequestHandler):
            """Takes every message."""

            def do_POST(self) -> None:
                messages.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.stack.callback(server.shutdown)
        return server.server_address[1]

    def _listener(self, port: int) -> int:
        """Takes connections, and closes them."""
        listener = socket.create_server(("127.0.0.1", port), backlog=64)

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    listener.accept()[0].close()

        threading.Thread(target=serve, daemon=True).start()
        self.stack.callback(listener.close)
        return listener.getsockname()[1]


def play(findings: Findings, chain: Chain) -> None:
    """From the outage to its end."""
    chain.start()
    everywhere = {"alertname": "NephoscopeOutage", "service": "shop", "scope": "any"}
    findings.soon("an outage reaches the pager", lambda: chain.told("/demo/pager"),
                  lambda seen: ("NephoscopeOutage", "shop", "any") in seen, within=60)
    findings.soon("of one cloud, the tickets", lambda: chain.told("/demo/tickets"),
                  lambda seen: ("NephoscopeOutage", "half", "provider:gcp") in seen, within=60)
    findings.soon("each cloud by itself is inhibited", chain.inhibited,
                  lambda seen: seen == {("shop", "provider:aws"), ("shop", "provider:gcp")})
    findings.soon("the description says whose it is", lambda: chain.alert(**everywhere)["annotations"]["description"],
                  lambda seen: re.fullmatch(r"Confirmed by repeated looks\. Blamed on: [a-z_]+\.", seen))
    said = chain.alert(**everywhere)["annotations"]
    findings.equal("summary", said["summary"], "shop is down on every cloud")
    findings.equal("dashboard", said["dashboard_url"], "https://grafana.example.com/d/nephoscope-overview?var-service=shop")
    findings.equal("section of the runbook", said["runbook_url"], "https://wiki.example.com/r#nephoscopeoutage")
    findings.equal("the service's own runbook", said["service_runbook_url"], "https://wiki.example.com/shop?from=alert&x=1")
    findings.equal("a service without one", chain.alert(service="half", scope="provider:gcp")["annotations"]["service_runbook_url"], "")
    findings.soon("its budget burns", lambda: chain.alert(alertname="NephoscopeErrorBudgetBurn", service="shop", tier="page_fast"),
                  lambda seen: seen["annotations"]["summary"] == "shop burns its error budget (availability-30d, page_fast)"
                  and seen["annotations"]["dashboard_url"].endswith("/d/nephoscope-slo?var-service=shop&var-slo=availability-30d&var-scope=any"), within=120)
    # What fired before Prometheus had found Alertmanager is sent again after a minute.
    findings.soon("the dead man's alert goes to its own receiver", lambda: chain.told("/dead-man"),
                  lambda seen: seen == {("NephoscopeDeadMan", "", "")}, within=90)
    wrong = [(each["labels"]["alertname"], text) for each in chain.alerts() for text in each["annotations"].values()
             if re.search(r"\{\{|<error|no value|<nil>|TIER|\(, | {2}", text)]
    findings.equal("texts that were not filled in", wrong, [])
    findings.equal("nobody else is told", chain.told("/platform/pager"), set())
    chain.come_back()
    findings.soon("its end is told", lambda: chain.told("/demo/pager", "resolved"),
                  lambda seen: ("NephoscopeOutage", "shop", "any") in seen, within=60)
    findings.soon("and that of one cloud", lambda: chain.told("/demo/tickets", "resolved"),
                  lambda seen: ("NephoscopeOutage", "half", "provider:gcp") in seen, within=60)
    heard = chain.told("/demo/tickets") | chain.told("/demo/pager")
    findings.equal("never told of a cloud by itself", {each for each in heard if each[1] == "shop" and each[2].startswith("provider:")}, set())


def _free(count: int) -> list[int]:
    """Ports that nobody has, below those that the kernel gives to clients."""
    found: list[int] = []
    for port in range(21_000 + time.time_ns() % 5_000, 32_000):
        with socket.socket() as attempt, contextlib.suppress(OSError):
            attempt.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            break
    return found


def _end(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
