"""The faults of a host, in a namespace of its own: dropped packets, a full disk, a memory limit, a clock that is set.

Namespaces go with the run, and what is in them; the one thing outside them is the control group of a memory limit, which is
taken away by whoever made it.

It knows nothing of the daemon.
"""

import contextlib
import os
import pathlib
import subprocess

# On loopback a prefix means that every address in it is the host's own.
NETWORK = "10.0.0.1/8"
_CONTROL = pathlib.Path("/sys/fs/cgroup")


def prepare(folder: pathlib.Path, resolver: str) -> None:
    """Makes the empty namespace a host with a whole network in it (but for loopback, which is no network to the daemon)."""
    for command in (["ip", "link", "set", "lo", "up"], ["ip", "addr", "add", NETWORK, "dev", "lo"], ["sysctl", "-q", "-w", "net.ipv4.tcp_max_syn_backlog=8192",
                                                       "net.core.somaxconn=8192", "net.ipv4.ip_local_port_range=10240 65000"]):
        subprocess.run(command, check=True)
    resolv = folder / "resolv.conf"
    resolv.write_text(f"nameserver {resolver}\noptions timeout:1 attempts:1\n")
    subprocess.run(["mount", "--bind", str(resolv), "/etc/resolv.conf"], check=True)


@contextlib.contextmanager
def silence(name: str, *matches: str):
    """Drops what matches when it arrives: nobody hears that it was dropped."""
    rules = "".join(f"{match} drop\n" for match in matches)
    text = f"table inet {name} {{\nchain input {{ type filter hook input priority 0; policy accept;\n{rules}}}\n}}\n"
    done = subprocess.run(["nft", "-f", "-"], input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"nft does not take its rules: {done.stderr} {text}")
    try:
        yield
    finally:
        subprocess.run(["nft", "delete", "table", "inet", name], check=True)


def small_disk(folder: pathlib.Path, size: str) -> None:
    """A file system of this size at `folder`."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", str(folder)], check=True)


def fill(folder: pathlib.Path) -> pathlib.Path:
    """Takes all the room that is left, to the last byte; gives back the file that holds it."""
    filler = folder / "filler"
    with open(filler, "wb", buffering=0) as file:
        for piece in (1 << 16, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"\0" * piece)
    return filler


class MemoryLimit:
    """A control group with a limit on memory, of either version; a context."""

    def __init__(self, limit: int) -> None:
        self._second = not (_CONTROL / "memory").is_dir()
        self._folder = (_CONTROL if self._second else _CONTROL / "memory") / f"nephofaults-{os.getpid()}-{os.urandom(3).hex()}"
        self._limit = limit

    def __enter__(self) -> "MemoryLimit":
        if self._second:
            (_CONTROL / "cgroup.subtree_control").write_text("+memory")
        self._folder.mkdir()
        self._write("memory.max" if self._second else "memory.limit_in_bytes", self._limit)
        if self._second:
            self._write("memory.swap.max", 0)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._folder.rmdir()

    def around(self, *command: object) -> list[str]:
        """The command line that runs a command inside; the process is the command itself."""
        return ["sh", "-c", f'echo 0 >{self._folder}/cgroup.procs && exec "$@"', "sh", *map(str, command)]

    def most(self) -> int:
        """Bytes that were in use at once so far: its memory, and what the kernel keeps for it."""
        return int((self._folder / ("memory.peak" if self._second else "memory.max_usage_in_bytes")).read_text())

    def killed(self) -> int:
        """How often somebody was killed for want of memory."""
        text = (self._folder / ("memory.events" if self._second else "memory.oom_control")).read_text()
        return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("oom_kill "))

    def _write(self, name: str, value: int) -> None:
        (self._folder / name).write_text(f"{value}\n")


def libfaketime() -> pathlib.Path:
    """Debian's, for this machine."""
    return next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
