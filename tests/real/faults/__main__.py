"""Plays the stories of faults and counts: `python3 -B -m faults BINARY [STORY…]`, in a namespace of its own (tests/real/run makes it).

Each assertion is a line `ok` or `FAIL`; the last line is `N passed, N failed`, the exit code 1 if any failed.

It knows no story by name.
"""

import concurrent.futures
import os
import pathlib
import shutil
import sys
import tempfile
import time

import certificates
from faults import host, killed, load, stories
from faults.far import LEAF, RESOLVER, Far
from faults.stage import Stage
from faults.watch import Watch
from findings import Findings

# These wait more than they work, and play at the same time; those of load come after, one by one, the machine to themselves.
LIGHT = [stories.descriptors, stories.disk, stories.clock, stories.names]
HEAVY = [killed.killed, load.memory, load.scrapes, load.storm, load.silence]


def play(story, number: int, binary: str, far: Far, folder: pathlib.Path) -> Findings:
    """One story on a daemon of its own."""
    name = story.__name__
    findings = Findings(name)
    since = time.monotonic()
    own = folder / name
    own.mkdir()
    with Watch(binary, own, number, folder / "certificates/root.pem") as watch:
        try:
            story(Stage(watch, far, findings, own))
        except Exception as problem:  # A story that cannot go on is a failure, not the end of the book.
            findings.say(False, "the story was played to its end", repr(problem))
        (folder.parent / "last.log").write_text(watch.log())
        if findings.failed:
            print(f"--- the daemon's log in {name}\n{watch.log()[-3000:]}", flush=True)
    print(f"--- {name}: {' '.join((story.__doc__ or '').split())} ({time.monotonic() - since:.0f} s)", flush=True)
    return findings


def main() -> int:
    if os.getpid() != 1:
        print("this changes the host that it plays on; `tests/real/run faults` gives it one of its own")
        return 2
    binary, *wanted = sys.argv[1:]
    known = [story.__name__ for story in LIGHT + HEAVY]
    if unknown := set(wanted) - set(known):
        print(f"no such story: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
        return 2
    folder = pathlib.Path(tempfile.mkdtemp(prefix="nephofaults-"))
    try:
        host.prepare(folder, RESOLVER)
        certificates.make(folder / "certificates", LEAF)
        light, heavy = ([(number, story) for number, story in enumerate(LIGHT + HEAVY, 1) if story in some
                         and (not wanted or story.__name__ in wanted)] for some in (LIGHT, HEAVY))
        with Far(folder / "certificates") as far:
            with concurrent.futures.ThreadPoolExecutor(len(LIGHT)) as pool:
                told = list(pool.map(lambda each: play(each[1], each[0], binary, far, folder), light))
            told += [play(story, number, binary, far, folder) for number, story in heavy]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    passed, failed = sum(each.passed for each in told), sum(each.failed for each in told)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
