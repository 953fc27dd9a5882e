"""Who is told: Debian's Alertmanager, and a receiver of webhooks that remembers every message.

Both stand beside the daemon, in the vantage. Alertmanager tells the same receiver what it tells people.

It judges nothing.
"""

import http.client
import http.server
import json
import pathlib
import subprocess
import threading
import time

from clouds.ground import Ground
from clouds.map import LISTEN, VANTAGE

ALERTMANAGER_PORT, HOOK_PORT = 9093, 8065
# Where Alertmanager delivers, and where the daemon does itself.
BY_ALERTMANAGER, BY_DAEMON = "/alertmanager", "/daemon"

_CONFIG = """
route:
  receiver: people
  group_by: [alertname, service, scope]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: people
    webhook_configs:
      - url: http://{listen}:{port}{path}
        send_resolved: true
"""
# What the daemon's configuration says about both.
RECEIVERS = f"""
[[alertmanager]]
url = "http://{LISTEN}:{ALERTMANAGER_PORT}"

[[webhook]]
url = "http://{LISTEN}:{HOOK_PORT}{BY_DAEMON}"
"""


class Pager:
    """Alertmanager and the receiver of one stage."""

    def __init__(self, ground: Ground, folder: pathlib.Path):
        self._ground, self._folder = ground, folder
        self._process: subprocess.Popen | None = None
        self._messages: list[tuple[str, dict]] = []
        messages = self._messages

        class Hook(http.server.BaseHTTPRequestHandler):
            """Takes every message."""

            def do_POST(self) -> None:
                messages.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._hook = http.server.ThreadingHTTPServer((LISTEN, HOOK_PORT), Hook, bind_and_activate=False)
        self._hook.socket.close()
        self._hook.socket = ground.socket(VANTAGE.name)
        self._hook.server_bind()
        self._hook.server_activate()
        threading.Thread(target=self._hook.serve_forever, daemon=True).start()

    def start(self) -> None:
        """Alertmanager, until it answers."""
        config = self._folder / "alertmanager.yml"
        config.write_text(_CONFIG.format(listen=LISTEN, port=HOOK_PORT, path=BY_ALERTMANAGER))
        command = ["prometheus-alertmanager", f"--config.file={config}", f"--storage.path={self._folder}/alertmanager",
                   f"--web.listen-address={LISTEN}:{ALERTMANAGER_PORT}", "--cluster.listen-address="]
        with open(self._folder / "alertmanager.out", "ab") as out:
            self._process = subprocess.Popen(self._ground.command(VANTAGE.name, *command), stdin=subprocess.DEVNULL,
                                             stdout=out, stderr=out)
        deadline = time.monotonic() + 20
        while True:
            try:
                self.alerts()
                return
            except (OSError, ValueError, http.client.HTTPException):
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self._folder / "alertmanager.out").read_text()[-2000:]) from None
                time.sleep(0.05)

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def close(self) -> None:
        """Ends both."""
        self.stop()
        self._hook.shutdown()
        self._hook.server_close()

    def alerts(self) -> list[dict]:
        """What fires now, in Alertmanager's own words."""
        connection = http.client.HTTPConnection(LISTEN, ALERTMANAGER_PORT)
        connection.sock = self._ground.socket(VANTAGE.name)
        try:
            connection.sock.settimeout(5)
            connection.sock.connect((LISTEN, ALERTMANAGER_PORT))
            connection.request("GET", "/api/v2/alerts")
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def firing(self) -> list[str]:
        """`alertname service scope` of what fires, sorted."""
        return sorted(_name(alert["labels"]) for alert in self.alerts())

    def lasting(self, name: str) -> list[dict]:
        """The alerts of that name that fire now."""
        return [alert for alert in self.alerts() if alert["labels"]["alertname"] == name]

    def heard(self, path: str, name: str) -> list[dict]:
        """What was told of the alerts of that name, in order, each as often as it was told."""
        return [alert for where, message in list(self._messages) if where == path for alert in message["alerts"]
                if alert["labels"]["alertname"] == name]

    def told(self, path: str) -> list[tuple[str, str]]:
        """Each alert with its status, message by message."""
        return [(_name(alert["labels"]), alert["status"]) for where, message in list(self._messages) if where == path
                for alert in message["alerts"]]

    def shape(self, path: str) -> tuple[list[str], list[str], str]:
        """The keys of a message and of an alert in it, and the version it claims."""
        message = next(message for where, message in list(self._messages) if where == path)
        return sorted(message), sorted(message["alerts"][0]), message["version"]

    def fingerprints(self, path: str) -> dict[str, str]:
        """By what an alert is about, the number that stands for its labels."""
        return {_name(alert["labels"]): alert["fingerprint"] for where, message in list(self._messages) if where == path
                for alert in message["alerts"]}

    def messages(self, path: str) -> int:
        """How many there were."""
        return sum(where == path for where, _ in list(self._messages))


def _name(labels: dict[str, str]) -> str:
    return " ".join([labels["alertname"], *(labels[each] for each in ("service", "scope", "sentinel") if each in labels)])
