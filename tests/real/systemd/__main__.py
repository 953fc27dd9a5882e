"""Runs `python3 -B -m systemd BINARY`: packs it twice, installs it in a booted Debian tree, and plays a service's life there."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

from findings import Findings
from systemd import life
from systemd.tree import Tree

ROOT = pathlib.Path(__file__).resolve().parents[3]
UNIT = ROOT / "deploy/systemd/nephoscope.service"
# The most that `systemd-analyze security` may say.
EXPOSURE = 1.5


def package(binary: str, folder: pathlib.Path, revision: str) -> pathlib.Path:
    """Our package with this revision."""
    out = folder / f"nephoscope-{revision}.deb"
    command = [ROOT / "deploy/debian/package", "--fast", "--deb-revision", revision, "--output", out]
    subprocess.run(command, env=dict(os.environ, NEPHOSCOPE=binary), stdout=subprocess.DEVNULL, check=True)
    return out


def security(findings: Findings) -> None:
    """The sandbox as systemd judges it."""
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNIT)]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
    findings.say(found is not None and float(found[1]) <= EXPOSURE, f"exposure is at most {EXPOSURE}", found and found[0])


def main() -> int:
    """As the command line says."""
    binary = sys.argv[1]
    findings = Findings()
    security(findings)
    with tempfile.TemporaryDirectory(prefix="packages-") as name:
        packages = [package(binary, pathlib.Path(name), revision) for revision in ("1", "2")]
        with Tree() as tree:
            for each in packages:
                (tree.root / "opt" / each.name).write_bytes(each.read_bytes())
            life.play(findings, tree)
    print(f"{findings.passed} passed, {findings.failed} failed", flush=True)
    return int(findings.failed > 0)


if __name__ == "__main__":
    sys.exit(main())
