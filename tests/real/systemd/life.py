"""The life of the service, in order: installed, configured, down and up, stopped, reloaded, killed, stuck, misconfigured, upgraded,
removed, purged. What each part leaves is where the next one begins.
"""

import json
import pathlib

from findings import Findings
from systemd import stuck
from systemd.tree import Tree

SERVICE = "nephoscope"
PAGE = "http://127.0.0.1:9464"
SECRET = "swordfish"

# Two sides on the tree's nginx, which answers only who knows the secret.
PROBES = """
[monitor]
state = "/var/lib/nephoscope"
vantage = "tree"
[defaults]
interval = "1s"
timeout  = "500ms"
recheck  = "200ms"
[provider.aws]
host = "127.0.0.1"
[provider.gcp]
host = "127.0.0.2"
[probe.web.http]
url = "http://{host}:80/"
[probe.web.http.headers]
X-Auth-Token = { credential = "secret_shop" }
[service.shop]
probes = ["web"]
"""
# One side of one more.
DESK = """
[service.desk]
probes = ["web"]
endpoints = []
[service.desk.endpoint.aws]
provider = "aws"
"""
# A plugin, which is given the secret; and nginx once more, where it shows that the network is there: else nobody would know
# whose fault a plugin's word is.
OUTSIDE = "192.0.2.1"
PLUGIN = f"""
[probe.plugin.exec]
command = ["/usr/local/lib/plugins/check_all", "{{host}}"]
env = {{ TOKEN = {{ credential = "secret_shop" }} }}
[service.plugin]
probes = ["plugin"]
endpoints = []
[service.plugin.endpoint.aws]
provider = "aws"
[service.outside]
probes = ["web"]
endpoints = []
[service.outside.endpoint.gcp]
provider = "gcp"
host = "{OUTSIDE}"
"""
# It says who it is and what it may do, and ends as the file beside it says.
CHECK_ALL = f"""#!/bin/sh
cd /usr/local/lib/plugins
read -r code word <ends
(: >mark) 2>/dev/null && writes=yes || writes=no
[ -d /proc/1 ] && sees=yes || sees=no
[ "$TOKEN" = "{SECRET}" ] && knows=yes || knows=no
[ "$code" = hang ] && exec sleep 611
echo "$word: $1, $(id -un), $(sed -n 's/^CapEff:.//p' /proc/self/status), writes $writes, sees $sees, knows $knows | x=1"
exit "$code"
"""
NGINX = f"""
server {{
    listen 80 default_server;
    location / {{
        if ($http_x_auth_token != "{SECRET}") {{ return 403; }}
        return 200 "fine";
    }}
}}
"""
# Far more than two checks add up until the first answer after a start.
ENOUGH_S = 20.0
# Shorter than the unit's own, so that nobody has to wait for it.
SHORT_WATCHDOG = "[Service]\nWatchdogSec=3s\n"


class Host:
    """What a person on the host sees and does."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """A file as the administrator writes it."""
        file = self.tree.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def there(self, path: str) -> bool:
        """Whether there is such a file, as the tree sees it: `/run` is not in its folder."""
        return self.tree.run("test", "-e", path)[0] == 0

    def systemctl(self, *words: str) -> int:
        """Exit code of a command to the service."""
        return self.tree.run("systemctl", *words, SERVICE)[0]

    def shows(self, name: str) -> str:
        """A property of the service."""
        return self.tree.run("systemctl", "show", "--property", name, "--value", SERVICE)[1].strip()

    def process(self) -> int:
        """Its main process, as the tree numbers it."""
        return int(self.shows("MainPID"))

    def journal(self, *matches: str) -> list[dict]:
        """Its entries that match."""
        said = self.tree.run("journalctl", "--no-pager", "--output=json", f"_SYSTEMD_UNIT={SERVICE}.service", *matches)[1]
        return [json.loads(line) for line in said.splitlines() if line.startswith("{")]

    def manager_says(self) -> str:
        """What systemd itself says of it."""
        return self.tree.run("journalctl", "--no-pager", "--output=cat", f"UNIT={SERVICE}.service")[1]

    def metrics(self, start: str, *parts: str) -> list[float]:
        """The series that start so and have these parts."""
        lines = self.tree.get(f"{PAGE}/metrics").splitlines()
        return [float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(start) and all(part in line for part in parts)]

    def known(self) -> float:
        """Seconds of known good time of all checks, over all lives."""
        return sum(self.metrics("nephoscope_check_state_seconds_total{", 'state="good"'))

    def enough_known(self, findings: Findings) -> float:
        """Known seconds, once they are more than a life that forgot everything would have when it is first asked."""
        findings.soon("something is known", self.known, lambda known: known >= ENOUGH_S)
        return self.known()

    def remembers(self, findings: Findings, known: float, lost: float) -> None:
        """The first answer of the new life has all that was known, but for what may be lost."""
        first: list[float] = []
        findings.soon("it answers", lambda: first.append(self.known()) or first[-1], bool)
        findings.say(first[-1] >= known - lost, "what was known is known", f"{known:.1f} s, then {first[-1]:.1f} s")

    def all_up(self) -> bool:
        """Whether both checks are seen up."""
        return self.metrics("nephoscope_check_state{", 'service="shop"') == [0.0, 0.0]

    def install(self, revision: str) -> tuple[int, str]:
        """Installs or upgrades."""
        return self.tree.run("dpkg", "--install", f"/opt/nephoscope-{revision}.deb")

    def anew(self, before: int) -> int:
        """The main process, if it is another one than before and ready; else 0."""
        process = self.process()
        return process if process not in {0, before} and self.shows("ActiveState") == "active" else 0


def play(findings: Findings, tree: Tree) -> None:
    """All of it."""
    host = Host(tree)
    for part in (installed, configured, sandboxed, programs, reached, outage, reloaded, stopped, killed, starved, misconfigured, upgraded, removed):
        findings.about = f"{part.__name__}: "
        part(findings, host)


def installed(findings: Findings, host: Host) -> None:
    """The package starts the service, which is ready when `dpkg` is done."""
    code, said = host.install("1")
    findings.say(code == 0, "dpkg installs it", said[-300:] if code else "exit code 0")
    findings.equal("it is active at once", host.shows("ActiveState"), "active")
    findings.equal("it starts with the host", host.shows("UnitFileState"), "enabled")
    findings.equal("what the daemon says of itself", host.tree.run("nephoscope", "healthcheck")[0], 0)
    code, said = host.tree.run("systemd-analyze", "verify", "--man=no", f"{SERVICE}.service")
    findings.say(code == 0 and SERVICE not in said, "systemd finds nothing wrong with the unit", said or "nothing said")
    findings.equal("the watchdog's time", host.shows("WatchdogUSec"), "30s")
    conffiles = host.tree.run("dpkg-query", "--show", "--showformat=${Conffiles}", SERVICE)[1]
    findings.say("/etc/nephoscope/probes.toml" in conffiles, "probes.toml is a conffile", conffiles)
    for path in ("/usr/share/man/man1/nephoscope.1.gz", "/usr/share/bash-completion/completions/nephoscope",
                 "/usr/share/nephoscope/dashboards/nephoscope-overview.json", "/usr/share/nephoscope/prometheus/nephoscope.rules.yml"):
        findings.say(host.there(path), f"it brings {path}", host.there(path))


def configured(findings: Findings, host: Host) -> None:
    """A file of the administrator's, with a secret that only root can read."""
    host.write("/etc/nginx/sites-enabled/default", NGINX)
    host.tree.run("systemctl", "restart", "nginx")
    host.write("/etc/nephoscope/probes.toml", PROBES)
    host.write("/etc/nephoscope/credentials/shop", SECRET + "\n", 0o600)
    findings.equal("it starts anew", host.systemctl("restart"), 0)
    findings.soon("both sides are up, with the credential", host.all_up, bool)
    findings.soon("systemctl status says how it stands", lambda: host.shows("StatusText"), lambda said: said == "2 checks, 0 down")


def sandboxed(findings: Findings, host: Host) -> None:
    """What the process may do."""
    status = host.tree.run("cat", f"/proc/{host.process()}/status")[1]
    has = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    findings.equal("capabilities", {has[key].strip() for key in ("CapEff", "CapPrm", "CapBnd", "CapAmb")}, {"0" * 16})
    findings.equal("no new privileges, system calls filtered", (has["NoNewPrivs"], has["Seccomp"]), ("1", "2"))
    user = host.tree.run("stat", "--format=%U:%G %a", "/var/lib/nephoscope")[1].strip()
    findings.equal("the state's folder", user, "nephoscope:nephoscope 700")
    findings.equal("the store is written", host.metrics("nephoscope_store_healthy"), [1.0])
    findings.say(len(host.metrics("process_start_time_seconds")) == 1, "its own metrics are complete", "process_start_time_seconds")
    warned = [entry["MESSAGE"] for entry in host.journal("NEPHOSCOPE_ACTION=descriptors_short")]
    findings.equal("descriptors", warned, [])


def programs(findings: Findings, host: Host) -> None:
    """A plugin runs inside the sandbox, and its verdict is seen."""
    def ends(word: str) -> None:
        host.write("/usr/local/lib/plugins/ends", word + "\n")

    def last() -> dict:
        said = host.tree.get(f"{PAGE}/api/v1/results?check=plugin/aws/plugin")
        return ((json.loads(said)["results"] if said else []) or [{}])[0]

    def state() -> list[float]:
        return host.metrics("nephoscope_check_state{", 'service="plugin"')

    host.tree.lives_at(OUTSIDE)
    host.write("/usr/local/lib/plugins/check_all", CHECK_ALL, 0o755)
    ends("0 fine")
    host.write("/etc/nephoscope/probes.toml", PROBES + PLUGIN)
    findings.equal("it starts anew", host.systemctl("restart"), 0)
    findings.soon("exit code 0 is up", state, lambda seen: seen == [0.0])
    wanted = f"fine: 127.0.0.1, {SERVICE}, {'0' * 16}, writes no, sees no, knows yes"
    findings.equal("who it is, what it may do, and the secret", last().get("said"), wanted)
    for word, value, reason in (("1 slow", 3.0, None), ("2 full", 4.0, "program"), ("hang", 4.0, "program_timeout")):
        ends(word)
        findings.soon(f"{word} is state {value:.0f}", state, lambda seen, value=value: seen == [value])
        findings.soon(f"its reason is {reason}", lambda: last().get("reason"), lambda seen, reason=reason: seen == reason)
    ends("0 fine")
    findings.soon("it is up again", state, lambda seen: seen == [0.0])
    findings.equal("what hung is gone", host.tree.run("pgrep", "-f", "sleep 611"), (1, ""))
    host.write("/etc/nephoscope/probes.toml", PROBES)
    findings.equal("and anew without it", host.systemctl("restart"), 0)
    findings.soon("both sides are up", host.all_up, bool)


def reached(findings: Findings, host: Host) -> None:
    """Who may ask over the local socket."""
    def as_user(*groups: str) -> int:
        identity = ["--reuid", "nobody", "--regid", "nogroup", *(("--groups", *groups) if groups else ("--clear-groups",))]
        return host.tree.run("setpriv", *identity, "nephoscope", "status")[0]
    findings.equal("root asks", host.tree.run("nephoscope", "status")[0], 0)
    findings.equal("a member of the group asks", as_user("nephoscope"), 0)
    findings.equal("somebody else does not", as_user(), 1)


def outage(findings: Findings, host: Host) -> None:
    """What goes down is in the journal with fields, and in the status line."""
    host.tree.run("systemctl", "stop", "nginx")
    match = ("NEPHOSCOPE_SERVICE=shop", "NEPHOSCOPE_REASON=connect_refused", "NEPHOSCOPE_ACTION=outage_opened")
    findings.soon("the outage is found by service, reason and action", lambda: host.journal(*match), bool)
    entry = (host.journal(*match) or [{}])[0]
    findings.say(entry.get("PRIORITY") in {"3", "4"}, "it has a level", entry.get("PRIORITY"))
    findings.equal("it comes from the daemon itself", (entry.get("_TRANSPORT"), entry.get("SYSLOG_IDENTIFIER")), ("journal", SERVICE))
    findings.say("shop" in str(entry.get("MESSAGE")), "it reads as text", entry.get("MESSAGE"))
    findings.soon("systemctl status counts it", lambda: host.shows("StatusText"), lambda said: said == "2 checks, 2 down")
    host.tree.run("systemctl", "start", "nginx")
    findings.soon("it is over", host.all_up, bool)


def reloaded(findings: Findings, host: Host) -> None:
    """A reload applies what has changed, refuses what cannot be used, and replaces no process."""
    before, known = host.process(), host.known()
    successful = "nephoscope_config_last_reload_successful{"
    findings.equal("systemctl reload", host.systemctl("reload"), 0)
    findings.soon("it is active", lambda: host.shows("ActiveState"), lambda state: state == "active")

    def reload(text: str) -> None:
        host.write("/etc/nephoscope/probes.toml", text)
        findings.equal("systemctl reload", host.systemctl("reload"), 0)
    reload(PROBES + DESK)
    findings.soon("a service that is new is seen", lambda: host.metrics("nephoscope_check_state{", 'service="desk"'), lambda it: it == [0.0])
    said = [entry["MESSAGE"] for entry in host.journal("NEPHOSCOPE_ACTION=reloaded")]
    findings.say(any("1 check added (desk/aws/web)" in line for line in said), "the journal says what changed", said)
    reload(PROBES + "\nnonsense = 1\nlabels = 7\n")
    findings.soon("a broken file is refused", lambda: host.metrics(successful), lambda it: it == [0.0])
    said = [entry["MESSAGE"] for entry in host.journal("NEPHOSCOPE_ACTION=reload_refused")]
    findings.say(all(any(word in line for line in said) for word in ("nonsense", "labels")), "with each of its problems", said)
    findings.equal("it is active all the same", host.shows("ActiveState"), "active")
    findings.equal("and what was read before holds", host.metrics("nephoscope_check_state{", 'service="desk"'), [0.0])
    reload(PROBES)
    findings.soon("mended, it is read", lambda: host.metrics(successful), lambda it: it == [1.0])
    findings.equal("what was removed has no series", host.metrics("nephoscope_check_state{", 'service="desk"'), [])
    findings.equal("the process is the same", host.process(), before)
    findings.say(host.known() >= known, "and knows what it knew", f"{known:.1f} s, then {host.known():.1f} s")


def stopped(findings: Findings, host: Host) -> None:
    """A stop is clean, and a start goes on."""
    known = host.enough_known(findings)
    findings.equal("the socket is there", host.there("/run/nephoscope/nephoscope.sock"), True)
    findings.equal("systemctl stop", host.systemctl("stop"), 0)
    findings.equal("how it ended", (host.shows("Result"), host.shows("ExecMainStatus")), ("success", "0"))
    findings.equal("the socket is gone", host.there("/run/nephoscope/nephoscope.sock"), False)
    findings.equal("systemctl start", host.systemctl("start"), 0)
    host.remembers(findings, known, 0)


def killed(findings: Findings, host: Host) -> None:
    """`kill -9`: started anew, with what was known."""
    known, before = host.enough_known(findings), host.process()
    host.tree.run("kill", "-9", str(before))
    findings.soon("it is started anew", lambda: host.anew(before), bool)
    # Results of the last second may not have been stored, of each of two checks, and the machine may be busy.
    host.remembers(findings, known, 6)


def starved(findings: Findings, host: Host) -> None:
    """A process that does not move, and a scheduler that does not while the rest does: the watchdog finds both."""
    host.write(f"/etc/systemd/system/{SERVICE}.service.d/watchdog.conf", SHORT_WATCHDOG)
    host.tree.run("systemctl", "daemon-reload")
    host.systemctl("restart")
    before = host.process()
    host.tree.run("kill", "-STOP", str(before))
    findings.soon("a stopped process is started anew", lambda: host.anew(before), bool)

    before = host.process()
    thread = stuck.hold(host.tree.outside(before), "probes-0")

    def anew() -> int:
        stuck.let_end(thread)
        return host.anew(before)
    findings.soon("while it is held, the page is served", lambda: host.tree.get(f"{PAGE}/readyz"), lambda said: "ready" in said)
    findings.soon("a daemon with a stuck scheduler is started anew", anew, bool)
    said = [entry["MESSAGE"] for entry in host.journal("NEPHOSCOPE_ACTION=stuck")]
    findings.say(any("a scheduler has not moved" in line for line in said), "it had said what was stuck", said)
    timeouts = host.manager_says().count("Watchdog timeout")
    findings.equal("watchdog timeouts", timeouts, 2)
    (host.tree.root / f"etc/systemd/system/{SERVICE}.service.d/watchdog.conf").unlink()
    host.tree.run("systemctl", "daemon-reload")
    findings.soon("both sides are seen again", host.all_up, bool)


def misconfigured(findings: Findings, host: Host) -> None:
    """A file that cannot be used is said once, and the service waits for a person."""
    host.write("/etc/nephoscope/probes.toml", PROBES + "\nnonsense = 1\n")
    findings.say(host.systemctl("restart") != 0, "systemctl restart fails", "")
    findings.soon("it has failed for good", lambda: (host.shows("ActiveState"), host.shows("ExecMainStatus")), lambda it: it == ("failed", "2"))
    said = host.tree.run("journalctl", "--no-pager", "--output=cat", f"--unit={SERVICE}")[1]
    findings.say("nonsense" in said, "the journal has what is wrong", said[-200:])
    host.write("/etc/nephoscope/probes.toml", PROBES)
    findings.equal("mended, it starts", host.systemctl("start"), 0)
    findings.soon("both sides are up", host.all_up, bool)


def upgraded(findings: Findings, host: Host) -> None:
    """A newer package: configuration and history stay, the service runs anew."""
    known, before = host.enough_known(findings), host.process()
    code, said = host.install("2")
    findings.say(code == 0, "dpkg upgrades it", said[-300:] if code else "exit code 0")
    findings.say(bool(host.anew(before)), "another process, ready", host.process())
    version = host.tree.run("dpkg-query", "--show", "--showformat=${Version}", SERVICE)[1]
    findings.say(version.endswith("-2"), "the new version", version)
    findings.equal("the administrator's file", (host.tree.root / "etc/nephoscope/probes.toml").read_text(), PROBES)
    host.remembers(findings, known, 0)


def removed(findings: Findings, host: Host) -> None:
    """Removed, it leaves history and configuration; purged, nothing."""
    store = pathlib.PurePosixPath("/var/lib/nephoscope/nephoscope.db")
    code, said = host.tree.run("dpkg", "--remove", SERVICE)
    findings.say(code == 0, "dpkg removes it", said[-300:] if code else "exit code 0")
    findings.equal("nothing runs", host.tree.run("pgrep", "-x", SERVICE)[0], 1)
    kept = [host.there(path) for path in (str(store), "/etc/nephoscope/probes.toml", "/etc/nephoscope/credentials/shop")]
    findings.equal("history, file and credential stay", kept, [True, True, True])
    code, said = host.tree.run("dpkg", "--purge", SERVICE)
    findings.say(code == 0, "dpkg purges it", said[-300:] if code else "exit code 0")
    left = [path for path in ("/var/lib/nephoscope", "/etc/nephoscope", "/usr/lib/systemd/system/nephoscope.service") if host.there(path)]
    findings.equal("what is left", left, [])
    people = host.tree.run("getent", "passwd", SERVICE)[0], host.tree.run("getent", "group", SERVICE)[0]
    findings.equal("user and group are gone", people, (2, 2))
