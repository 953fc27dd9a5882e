"""Plays the stories, several at a time, and counts: `python3 -m clouds BINARY [STORY…]`, in tests/real, as root.

Each assertion is a line `ok` or `FAIL`; the last line is `N passed, N failed`, the exit code 1 if any failed. Whatever ends
it, namespaces and servers are taken away.

It knows no story by name.
"""

import concurrent.futures
import os
import pathlib
import shutil
import signal
import sys
import time

import certificates
from clouds import ground
from clouds import map as world
from clouds.stage import Stage
from clouds.stories import STORIES
from findings import Findings

# Stories that play at once: they wait more than they work, but each has eight servers to start.
AT_ONCE = 5
ENDINGS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

_roots: list[pathlib.Path] = []
_stages: dict[str, Stage] = {}


def play(story, number: int, binary: str, roots: pathlib.Path) -> Findings:
    """One story on a stage of its own."""
    name = story.__name__
    findings = Findings(name)
    since = time.monotonic()
    try:
        stage = Stage(binary, number, roots, findings, getattr(story, "keep_s", world.KEEP_S))
        _stages[name] = stage
        with stage:
            story(stage)
    except Exception as problem:  # A story that cannot go on is a failure, not the end of the book.
        findings.say(False, "the story was played to its end", repr(problem))
    finally:
        _stages.pop(name, None)
    if not findings.passed:
        findings.say(False, "something was asserted", "nothing")
    print(f"--- {name}: {' '.join((story.__doc__ or '').split())} ({time.monotonic() - since:.0f} s)", flush=True)
    return findings


def abandon(*_: object) -> None:
    """The run ends now: nothing is left behind."""
    for ending in ENDINGS:
        signal.signal(ending, signal.SIG_IGN)
    for stage in list(_stages.values()):
        stage.clear()
    shutil.rmtree(_roots[0], ignore_errors=True)
    os._exit(1)


def main() -> int:
    binary, *wanted = sys.argv[1:]
    unknown = set(wanted) - {story.__name__ for story in STORIES}
    if unknown:
        print(f"no such story: {', '.join(sorted(unknown))}; there are {', '.join(story.__name__ for story in STORIES)}")
        return 2
    ground.check()
    ground.sweep()
    folder = ground.folder("roots")
    _roots.append(folder)
    for ending in ENDINGS:
        signal.signal(ending, abandon)
    try:
        roots = folder / "certificates"
        certificates.make(roots, world.leaves())
        chosen = [story for story in STORIES if not wanted or story.__name__ in wanted]
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            playing = [pool.submit(play, story, number, binary, roots) for number, story in enumerate(chosen)]
            told = [each.result() for each in playing]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    passed, failed = sum(each.passed for each in told), sum(each.failed for each in told)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
