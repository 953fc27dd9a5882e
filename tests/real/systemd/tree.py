"""A Debian 12 tree, booted: debootstrap makes it, systemd-nspawn starts its systemd, commands run inside it.

It has a network of its own with nothing but loopback, and a folder of its own that is removed at the end. Nothing is registered
with this machine's own systemd, which need not be there.

It knows nothing of nephoscope.
"""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

# What the tree has beside Debian's minimal system.
PACKAGES = "systemd,systemd-sysv,dbus,nginx-light,procps"
# How long the tree may take to boot, and to go down.
BOOT_S = 90.0
DOWN_S = 30.0
# How long a command inside may take.
COMMAND_S = 120.0


class Tree:
    """A booted tree; use it as a context. SYSTEMD_TREE=folder copies a tree made earlier instead of making one."""

    def __init__(self) -> None:
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="nephoscope-tree-", dir="/var/tmp"))
        self.root = self._folder / "root"
        self._nspawn: subprocess.Popen[bytes] | None = None
        self.leader = 0

    def __enter__(self) -> "Tree":
        try:
            self._make()
            self._boot()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._nspawn is not None:
            if self.leader:
                # systemd powers off by this signal.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.leader, signal.SIGRTMIN + 4)
            try:
                self._nspawn.wait(DOWN_S)
            except subprocess.TimeoutExpired:
                self._nspawn.kill()
                self._nspawn.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _make(self) -> None:
        if ready := os.environ.get("SYSTEMD_TREE"):
            subprocess.run(["cp", "-a", ready, self.root], check=True)
            return
        # Without the cache of packages, which would only take time to write.
        command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(self.root)]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise SystemExit(f"debootstrap failed: {made.stdout[-2000:]}{made.stderr[-2000:]}")

    def _boot(self) -> None:
        command = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--console=pipe", "--boot",
                   f"--machine=nephoscope-{os.getpid()}", "-D", str(self.root)]
        self._nspawn = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + BOOT_S
        while time.monotonic() < deadline:
            if self._nspawn.poll() is not None:
                raise SystemExit(f"systemd-nspawn ended with {self._nspawn.returncode}")
            children = pathlib.Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text().split()
            if children:
                self.leader = int(children[0])
                with contextlib.suppress(subprocess.TimeoutExpired):
                    if self.run("systemctl", "is-system-running", within=5)[1].strip() in {"running", "degraded"}:
                        return
            time.sleep(0.2)
        raise SystemExit(f"the tree has not booted in {BOOT_S:.0f} s")

    def run(self, *command: str, within: float = COMMAND_S) -> tuple[int, str]:
        """Exit code and what was said, of a command inside."""
        clean = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8"]
        entered = ["nsenter", "--target", str(self.leader), "--all", *clean, *command]
        done = subprocess.run(entered, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=within, check=False)
        return done.returncode, done.stdout

    def get(self, url: str) -> str:
        """The body of an answer on the tree's own loopback; empty if there is none."""
        script = f"import urllib.request; print(urllib.request.urlopen({url!r}, timeout=5).read().decode())"
        entered = ["nsenter", "--target", str(self.leader), "--net", "/usr/bin/python3", "-c", script]
        return subprocess.run(entered, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False).stdout

    def lives_at(self, address: str) -> None:
        """Gives the tree one more address, which is not one of every host."""
        entered = ["nsenter", "--target", str(self.leader), "--net", "ip", "address", "replace", f"{address}/32", "dev", "lo"]
        subprocess.run(entered, stdin=subprocess.DEVNULL, check=True, timeout=30)

    def outside(self, inside: int) -> int:
        """The number that a process of the tree has on this machine."""
        space = os.readlink(f"/proc/{self.leader}/ns/pid")
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if os.readlink(folder / "ns/pid") == space:
                    numbers = next(line for line in (folder / "status").read_text().splitlines() if line.startswith("NSpid:"))
                    if numbers.split()[-1] == str(inside):
                        return int(folder.name)
        raise LookupError(f"no process {inside} in the tree")
