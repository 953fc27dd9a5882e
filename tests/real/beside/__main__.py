"""Asks both the same questions and compares every sample: `python3 -B -m beside BINARY`.

Modules come from one blackbox.yml, which `nephoscope import` turns into probes.toml. What both export has to be equal (for
durations: there, and not negative); what only one exports, or what differs, has to be among the differences on purpose. Then
one Prometheus scrapes both by the same job with another address.
"""

import json
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse

from beside.differences import DIFFERENCES, NEWER_LABELS, table
from beside.questions import QUESTIONS, Question
from findings import Findings
from main import fetch
from peers import Peers

HERE = pathlib.Path(__file__).parent
README = HERE.parents[2] / "README.md"
HEAD = """
[monitor]
vantage = "beside"
listen = "127.0.0.1:@nephoscope@"
state = "@folder@/state"
[listener]
probe = { networks = ["127.0.0.0/8", "::1/128"] }
[provider.here]
host = "127.0.0.1"
[service.own]
probes = ["tcp"]
vars = { address = "127.0.0.1:@http@" }
"""
# As in the README of blackbox_exporter; what a user changes is the address in the last line.
JOB = """
  - job_name: {job}
    metrics_path: /probe
    scrape_interval: 1s
    scrape_timeout: 900ms
    static_configs:
      - targets: ["http://127.0.0.1:@http@/ok", "http://127.0.0.1:@http@/missing", "http://127.0.0.1:@nobody@/"]
        labels: {{ __param_module: http_2xx }}
      - targets: ["https://127.0.0.1:@tls13@/"]
        labels: {{ __param_module: https }}
      - targets: ["127.0.0.1:@dns@"]
        labels: {{ __param_module: dns_soa }}
      - targets: ["127.0.0.1"]
        labels: {{ __param_module: icmp }}
    relabel_configs:
      - {{ source_labels: [__address__], target_label: __param_target }}
      - {{ source_labels: [__param_target], target_label: instance }}
      - {{ target_label: __address__, replacement: "127.0.0.1:@{address}@" }}
"""
TARGETS = 6
# What both say alike of so many targets.
ALIKE = (("up", TARGETS), ("probe_success", TARGETS), ("probe_ip_protocol", TARGETS), ("probe_ip_addr_hash", TARGETS),
         ("probe_http_status_code != 0", 3), ("probe_http_version != 0", 3), ("probe_http_ssl == 1", 1), ("probe_http_redirects", 4),
         ("probe_failed_due_to_regex", 4), ("probe_ssl_earliest_cert_expiry", 1),
         ("probe_ssl_last_chain_expiry_timestamp_seconds", 1), ("probe_tls_version_info", 1), ("probe_dns_answer_rrs", 1),
         ("probe_dns_authority_rrs", 1), ("probe_dns_additional_rrs", 1), ("probe_dns_serial", 1), ("probe_dns_query_succeeded", 1))
# What both measure, each for itself: series for each target.
MEASURED = (("probe_duration_seconds", TARGETS), ('probe_http_duration_seconds{phase="connect"}', 4),
            ('probe_http_duration_seconds{phase="processing"} > 0', 3), ('probe_http_duration_seconds{phase="tls"} > 0', 1),
            ('probe_dns_duration_seconds{phase="request"}', 1), ('probe_icmp_duration_seconds{phase="rtt"}', 1))


def samples(text: str) -> dict[str, float]:
    """Series with their values."""
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    return {_sorted(series): float(value) for series, value in lines}


def types(text: str) -> dict[str, str]:
    """The type of each metric."""
    return dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))


def _sorted(series: str) -> str:
    name, _, labels = series.partition("{")
    pairs = sorted(re.findall(r'(\w+="(?:[^"\\]|\\.)*")', labels))
    pairs = [each for each in pairs if (name, each.partition("=")[0]) not in NEWER_LABELS]
    return f"{name}{{{','.join(pairs)}}}" if pairs else name


class Beside:
    """Both programs, and the peers that they look at."""

    def __init__(self, binary: str, peers: Peers, findings: Findings):
        self.binary, self.peers, self.findings = binary, peers, findings
        # Number of a difference, its pattern, the question.
        self.used: set[tuple[int, str, str]] = set()
        self.compared: set[str] = set()

    def start(self) -> None:
        """Everything, from one file of modules."""
        peers = self.peers
        peers.make_files()
        peers.write("blackbox.yml", (HERE / "blackbox.yml").read_text())
        (peers.folder / "www/compressed").write_text("no greeting, often. " * 200)
        done = subprocess.run([self.binary, "import", "blackbox.yml"], cwd=peers.folder, capture_output=True, text=True,
                              check=False)
        self.findings.equal("import takes the modules", (done.returncode, done.stderr), (0, ""))
        lost = [line for line in done.stdout.splitlines() if line.startswith("# no equal") or "has no equal:" in line]
        self.findings.equal("every key of these modules has an equal", lost, [])
        (peers.folder / "probes.toml").write_text(done.stdout + peers.fill(HEAD))
        peers.start_nginx()
        peers.start_knot()
        peers.start_smtp()
        peers.start_blackbox()
        command = [self.binary, "run", "--config", peers.folder / "probes.toml", "--socket", peers.folder / "socket"]
        peers.start("nephoscope", command, peers.port("nephoscope"))

    def ask(self, program: str, question: Question) -> tuple[int, str]:
        """Status and page of one of them."""
        asked = {"module": question.module, "target": self.peers.fill(question.target), **dict(question.more)}
        status, _, page = fetch(self.peers.port(program), "/probe?" + urllib.parse.urlencode(asked))
        return status, page.decode()

    def compare(self, question: Question) -> None:
        """One question to both."""
        status, page = self.ask("nephoscope", question)
        _, other = self.ask("blackbox", question)
        ours, theirs = samples(page), samples(other)
        good = float(question.good)
        verdict, other_verdict = (page.get("probe_success") for page in (ours, theirs))
        # Our own verdict is written down with the question, and nothing excuses another one.
        said = [] if (status, verdict) == (200, good) else [f"status and verdict {status}, {verdict}, wanted {good}"]
        if other_verdict != good and not self.explained(question, "probe_success", "value", other_verdict):
            said.append(f"the other's verdict {other_verdict}, wanted {good}")
        both = types(page).keys() & types(other).keys()
        said += [f"types of {name}" for name in both if types(page)[name] != types(other)[name]]
        for series in sorted(ours.keys() | theirs.keys()):
            here, there = ours.get(series), theirs.get(series)
            if here is None:
                kind = "absent"
            elif there is None:
                kind = "added"
            elif "_duration_seconds" in series or "_lookup_time_seconds" in series:
                kind = None if here >= 0 else "value"
            else:
                kind = None if here == there else "value"
            self.compared.add(series.partition("{")[0])
            if kind and series != "probe_success" and not self.explained(question, series, kind, there):
                said.append(f"{kind} {series}: ours {here}, theirs {there}")
        self.findings.say(not said, f"{question.name}, {len(ours.keys() & theirs.keys())} series of both", said or "equal")

    def explained(self, question: Question, series: str, kind: str, theirs: float | None) -> bool:
        """Whether this is on purpose."""
        for number, difference in enumerate(DIFFERENCES):
            pattern = difference.covers(question.name, series, kind, theirs)
            if pattern is not None:
                self.used.add((number, pattern, question.name))
                return True
        return False

    def closing(self) -> None:
        """That the list of differences is true and written down."""
        every = [(number, pattern, question) for number, each in enumerate(DIFFERENCES) for pattern in each.series
                 for question in each.questions]
        unused = [(pattern, question) for number, pattern, question in every if (number, pattern, question) not in self.used]
        self.findings.equal("differences that excuse nothing where they say they do", unused, [])
        self.findings.equal("differences without a question", [each.series for each in DIFFERENCES if not each.questions], [])
        readme = README.read_text()
        untold = [line for line in table().splitlines() if line not in readme]
        self.findings.equal("differences that the README does not tell", untold, [])
        self.findings.say(len(self.compared) > 20, "metrics that were compared", len(self.compared))

    def swap(self) -> None:
        """One Prometheus, the same job at both addresses; and one job whose address changes."""
        jobs = JOB.format(job="before", address="blackbox") + JOB.format(job="after", address="nephoscope")
        self.peers.write("prometheus.yml", f"scrape_configs:\n{jobs}" + JOB.format(job="moved", address="blackbox"))
        prometheus = self.peers.start_prometheus()

        def value(expression: str) -> float:
            path = "/api/v1/query?" + urllib.parse.urlencode({"query": f"count({expression})"})
            found = json.loads(fetch(self.peers.port("prometheus"), path)[2])["data"]["result"]
            return float(found[0]["value"][1]) if found else 0.0

        for metric, instances in ALIKE:
            name, _, rest = metric.partition(" ")
            both = f'{name}{{job="before"}} {rest} == on(instance) {name}{{job="after"}}'
            self.findings.soon(f"the same job, another address: {metric}", lambda both=both: value(both), lambda seen, wanted=instances: seen == wanted)
        for metric, instances in MEASURED:
            series, _, rest = metric.partition(" ")
            name, _, labels = series.rstrip("}").partition("{")
            here, there = (f'{name}{{job="{job}",{labels}}} {rest}' for job in ("after", "before"))
            both = f"({here}) and on(instance) ({there})"
            self.findings.soon(f"the same job, measured by both: {metric}", lambda both=both: value(both), lambda seen, wanted=instances: seen == wanted)

        # Where nobody listens, blackbox_exporter has a status of 0 and we have none: whose samples these are.
        theirs = 'probe_http_status_code{job="moved"} == 0'

        def scraped(since: float) -> float:
            return value(f'timestamp(probe_success{{job="moved"}}) > {since:.3f}')

        began = time.time()
        self.findings.soon("a job before it moves", lambda: (value(theirs), scraped(began)), lambda seen: seen == (1, TARGETS))
        self.peers.write("prometheus.yml", f"scrape_configs:\n{jobs}" + JOB.format(job="moved", address="nephoscope"))
        prometheus.send_signal(signal.SIGHUP)
        self.findings.soon("the job moves", lambda: value(theirs), lambda seen: seen == 0)
        moved = time.time()
        self.findings.soon("all of it has moved", lambda: scraped(moved), lambda seen: seen == TARGETS)
        for metric, series in (("probe_success", TARGETS), ("probe_ip_addr_hash", TARGETS), ("probe_ssl_earliest_cert_expiry", 1)):
            went_on = f'count_over_time({metric}{{job="moved"}}[10m])'
            self.findings.equal(f"the job has moved, and its series are the same: {metric}", value(went_on), series)
        lost = 'min_over_time(up{job="moved"}[10m]) == 0'
        self.findings.equal("no scrape of the job was lost", value(lost), 0)


def main() -> int:
    """All of it."""
    findings = Findings()
    with tempfile.TemporaryDirectory(prefix="beside-") as name:
        peers = Peers(pathlib.Path(name))
        try:
            beside = Beside(sys.argv[1], peers, findings)
            beside.start()
            for question in QUESTIONS:
                beside.compare(question)
            beside.swap()
            beside.closing()
        finally:
            peers.stop_all()
    print(f"{findings.passed} passed, {findings.failed} failed", flush=True)
    return int(findings.failed > 0)


if __name__ == "__main__":
    sys.exit(main())
