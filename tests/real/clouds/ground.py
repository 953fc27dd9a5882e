"""Network namespaces and the roads between them, and what can happen to a road: loss, silence, a partition.

Names carry the number of the process that made them, so that two runs do not meet and the leftovers of a crashed one can
be told from what is in use. Faults are rules of nftables by name: imposed, lifted, always applied as one whole.

It knows no servers.
"""

import ctypes
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading

from clouds.map import ENDS, NEUTRAL, ROAD, Place

PREFIX = "nephoclouds"
# Where iproute2 looks for files that stand in /etc of a namespace.
ETC = pathlib.Path("/etc/netns")
_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)
_SETTINGS = [
    # Only neutral ground has more than one road.
    "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1",
    # No address waits a second for somebody who might have it already.
    "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0",
]
# Neighbours are found by packets of their own; without them an address family stays dead after the fault is lifted.
_ALWAYS = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept"


class Ground:
    """The namespaces of one stage."""

    def __init__(self, number: int):
        self._stem = f"{PREFIX}-{os.getpid()}-{number}"
        self._faults: dict[str, dict[str, str]] = {}

    def name(self, place: str) -> str:
        """The namespace of a place."""
        return f"{self._stem}-{place}"

    def lay(self) -> None:
        """Makes namespaces and roads; everything reaches everything over neutral ground."""
        for place in (NEUTRAL, *ENDS):
            _run("ip", "netns", "add", self.name(place.name))
            _run("ip", "netns", "exec", self.name(place.name), "sysctl", "-q", "-w", *_SETTINGS)
        for end in ENDS:
            road = ["link", "add", end.name, "type", "veth", "peer", "name", "road", "netns", self.name(end.name)]
            _run("ip", "-n", self.name("neutral"), *road)
        self._batch("neutral", ["link set lo up", *(f"addr add {each} dev lo nodad" for each in NEUTRAL.hosts())])
        for end in ENDS:
            length4, length6 = end.net4.split("/")[1], end.net6.split("/")[1]
            self._batch("neutral", [f"addr add {end.at(ROAD)}/{length4} dev {end.name}",
                                    f"addr add {end.at6(ROAD)}/{length6} dev {end.name} nodad", f"link set {end.name} up"])
            self._batch(end.name, ["link set lo up", *(f"addr add {each} dev road nodad" for each in end.hosts())])
            self.link(end, True)

    def resolve_by(self, place: Place, server: str) -> None:
        """Programs in `place` ask this name server."""
        folder = ETC / self.name(place.name)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "resolv.conf").write_text(f"nameserver {server}\noptions timeout:1 attempts:1\n")

    def link(self, end: Place, up: bool) -> None:
        """Plugs the cable of a place in or out, at its own end."""
        if not up:
            self._batch(end.name, ["link set road down"])
            return
        # IPv6 addresses and all routes went with the link.
        again = [f"addr replace {each} dev road nodad" for each in end.hosts()]
        routes = [f"route replace default via {end.at(ROAD)}", f"route replace default via {end.at6(ROAD)}"]
        self._batch(end.name, ["link set road up", *again, *routes])

    def impose(self, fault: str, *rules: str, at: str = "neutral") -> None:
        """Adds rules under a name, on everything that passes, enters or leaves the place."""
        self._faults.setdefault(at, {})[fault] = "\n".join(rules)
        self._apply(at)

    def lift(self, fault: str, at: str = "neutral") -> None:
        """Takes the rules of that name away."""
        del self._faults[at][fault]
        self._apply(at)

    def command(self, place: str, *command: object) -> list[str]:
        """The command line that runs `command` in a place; the process is the command itself.

        It goes before other work of the machine, as far as that is allowed: what is told here happens in fractions of seconds.
        """
        return ["nice", "-n", "-15", "ip", "netns", "exec", self.name(place), *map(str, command)]

    def socket(self, place: str, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM) -> socket.socket:
        """A socket that lives in a place, whoever uses it."""
        made: list[socket.socket] = []

        def make() -> None:
            # A thread may leave its namespace alone; this one never comes back.
            with open(f"/run/netns/{self.name(place)}", "rb") as namespace:
                if _LIBC.setns(namespace.fileno(), _CLONE_NEWNET) == 0:
                    made.append(socket.socket(family, kind))

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        if not made:
            raise OSError(f"cannot enter the namespace {self.name(place)}")
        return made[0]

    def clear(self) -> None:
        """Takes the namespaces away; the roads go with them."""
        for place in (NEUTRAL, *ENDS):
            _remove(self.name(place.name))

    def _apply(self, at: str) -> None:
        rules = "\n".join([_ALWAYS, *self._faults[at].values()])
        chains = "".join(f"chain {hook} {{ type filter hook {hook} priority 0; policy accept;\n{rules}\n}}\n"
                         for hook in ("input", "forward", "output"))
        text = f"table inet faults\ndelete table inet faults\ntable inet faults {{\n{chains}}}\n"
        _run("ip", "netns", "exec", self.name(at), "nft", "-f", "-", said=text)

    def _batch(self, place: str, lines: list[str]) -> None:
        _run("ip", "-n", self.name(place), "-batch", "-", said="\n".join(lines) + "\n")


def between(one: Place, other: Place, verdict: str = "drop") -> list[str]:
    """Rules for what passes between two places, either way."""
    rules = []
    for source, target in ((one, other), (other, one)):
        rules += [f"ip saddr {source.net4} ip daddr {target.net4} {verdict}",
                  f"ip6 saddr {source.net6} ip6 daddr {target.net6} {verdict}"]
    return rules


def of(place: Place, verdict: str = "drop") -> list[str]:
    """Rules for everything that comes from a place or goes to it."""
    return [f"ip saddr {place.net4} {verdict}", f"ip daddr {place.net4} {verdict}",
            f"ip6 saddr {place.net6} {verdict}", f"ip6 daddr {place.net6} {verdict}"]


def check() -> None:
    """Says why namespaces cannot be made here, if they cannot."""
    name = f"{PREFIX}-{os.getpid()}-try"
    try:
        _run("ip", "netns", "add", name)
        _run("ip", "-n", name, "link", "add", "one", "type", "veth", "peer", "name", "two")
        rules = "table inet t { chain c { type filter hook input priority 0; numgen random mod 100 < 1 drop; }; }"
        _run("ip", "netns", "exec", name, "nft", "-f", "-", said=rules)
    except (OSError, RuntimeError) as problem:
        raise RuntimeError(
            f"network namespaces with veth pairs and nftables cannot be made here: {problem}; root with CAP_NET_ADMIN and "
            "CAP_SYS_ADMIN is needed (for Docker: --privileged)") from problem
    finally:
        _remove(name)


def folder(what: str) -> pathlib.Path:
    """A folder for temporary files, whose name says which run made it."""
    made = pathlib.Path(tempfile.mkdtemp(prefix=f"{PREFIX}-{os.getpid()}-{what}-"))
    made.chmod(0o755)
    return made


def sweep() -> None:
    """Removes what crashed runs left: namespaces with the processes in them, and folders."""
    def is_left(name: str) -> bool:
        parts = name.split("-")
        return parts[0] == PREFIX and len(parts) == 4 and not pathlib.Path(f"/proc/{parts[1]}").exists()

    for left in pathlib.Path(tempfile.gettempdir()).glob(f"{PREFIX}-*"):
        if is_left(left.name):
            shutil.rmtree(left, ignore_errors=True)
    for line in _run("ip", "netns", "list").splitlines():
        name = line.split(" ")[0]
        if is_left(name):
            for process in _run("ip", "netns", "pids", name).split():
                subprocess.run(["kill", "-9", process], check=False)
            _remove(name)


def _remove(name: str) -> None:
    subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
    for file in (ETC / name).glob("*"):
        file.unlink()
    if (ETC / name).exists():
        (ETC / name).rmdir()


def _run(*command: str, said: str | None = None) -> str:
    done = subprocess.run(command, input=said, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"`{' '.join(command)}`: {(done.stderr or done.stdout).strip()} {said or ''}")
    return done.stdout
