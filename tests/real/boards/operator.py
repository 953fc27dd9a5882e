"""Behind a scrape as Prometheus Operator makes it: labels of its own called `service`, `endpoint`, `namespace`, `pod`.

One page of exposition out of a history is served as it is, a real Prometheus scrapes it with `honor_labels`, and what depends on
our labels has to say what the world says. Without `honor_labels` ours are renamed, and that is seen.

Prometheus also gets the rules of deploy/ and, for the names of other exporters' fields, the relabelling that makes `instance` the
target, as deploy/prometheus/prometheus.yml has it; neither disturbs ours.

It tries moments only: there is no past behind a scrape that has just begun.
"""

import http.server
import pathlib
import re
import threading
import time

from boards.ask import Answer, Prometheus, boards, filled

DEPLOY = pathlib.Path(__file__).resolve().parents[3] / "deploy/prometheus"
SCRAPED = """
global: {{evaluation_interval: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: serviceMonitor/monitoring/nephoscope/0
    honor_labels: {honor}
    scrape_interval: 1s
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
    relabel_configs:
      - {{target_label: job, replacement: nephoscope}}
      - {{target_label: service, replacement: nephoscope-headless}}
      - {{target_label: endpoint, replacement: metrics}}
      - {{target_label: namespace, replacement: monitoring}}
      - {{target_label: pod, replacement: nephoscope-0}}
      - {{target_label: container, replacement: nephoscope}}
"""
FIELD = 'probe_success{check="shop/aws/web",service="shop",vantage="north"} 1'


def relabelling() -> str:
    """What prometheus.yml has as a comment, as settings of one job."""
    text = (DEPLOY / "prometheus.yml").read_text()
    lines = re.search(r"^    # (metric_relabel_configs:\n(?:    #   .*\n)+)", text, re.MULTILINE)[1]
    return "    " + lines.replace("    #   ", "      ").rstrip().replace("{", "{{").replace("}", "}}") + "\n"


def last_page(history: pathlib.Path, vantage: str) -> bytes:
    """The last scrape of a vantage as the daemon had written it: without time, job and instance."""
    mine = f'{{job="nephoscope",instance="{vantage}:9464"'
    lines = [line for line in history.read_text().splitlines() if mine in line]
    at = lines[-1].rsplit(" ", 1)[1]
    page = [line.rsplit(" ", 1)[0].replace(mine, "{", 1) for line in lines if line.endswith(f" {at}")]
    return ("\n".join(re.sub(r"\{,", "{", line) for line in page if line.startswith("nephoscope_")) + "\n").encode()


class Served:
    """One page on loopback."""

    def __init__(self, page: bytes):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def values(folder: pathlib.Path, dashboards: pathlib.Path, history: pathlib.Path, honor: bool) -> dict[str, list[tuple[dict, float]]]:
    """What the overview and the table of promises say of this moment, by panel."""
    served = Served(last_page(history, "north") + FIELD.encode() + b"\n")
    settings = (SCRAPED + relabelling()).format(honor=str(honor).lower(), port=served.server.server_port, rules=DEPLOY / "nephoscope.rules.yml")
    prometheus = Prometheus(folder, None, settings)
    try:
        asked = {}
        deadline = time.monotonic() + 20
        while not asked.get("Monitors scraped") and time.monotonic() < deadline:
            time.sleep(0.2)
            for uid in ("overview", "slo"):
                board = boards(dashboards)[uid]
                for panel in board["panels"]:
                    target = panel["targets"][0]
                    if target["instant"] and "increase" not in target["expr"]:
                        answer: Answer = prometheus.ask("query", query=filled(board, target["expr"], 60, {}))
                        asked[panel["title"]] = [(row["metric"], float(row["value"][1])) for row in answer.series]
        asked["fields"] = _rows(prometheus, "probe_success")
        deadline = time.monotonic() + 20
        while not (told := _rows(prometheus, 'ALERTS{alertname="NephoscopeOutage",scope="any"}')) and time.monotonic() < deadline:
            time.sleep(0.2)
        return asked | {"alerts": told}
    finally:
        prometheus.stop()
        served.stop()


def _rows(prometheus: Prometheus, query: str) -> list[tuple[dict, float]]:
    return [(row["metric"], float(row["value"][1])) for row in prometheus.ask("query", query=query).series]
