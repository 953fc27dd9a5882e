"""The assertions of a run: one line each, `ok` or `FAIL`, with what was seen.

Waiting is polling with a deadline: an expectation is fulfilled as soon as it holds and fails when it has not held in time.

It does not know what is asserted.
"""

import threading
import time

# How long an expectation may take to come true.
PATIENCE_S = 40.0
# What goes wrong while something cannot be read yet: it counts as something seen.
NOT_YET = (OSError, ValueError, KeyError, IndexError, StopIteration)
# Lines of stories that play at the same time do not cut into each other.
_PRINTING = threading.Lock()


class Findings:
    """Counts what holds and what does not; `about` stands before every line."""

    def __init__(self, about: str = "") -> None:
        self.about = f"{about}: " if about else ""
        self.passed = 0
        self.failed = 0

    def say(self, holds: bool, name: str, seen: object) -> bool:
        self.passed += holds
        self.failed += not holds
        text = " ".join(str(seen).split())
        with _PRINTING:
            print(f"{'ok  ' if holds else 'FAIL'} {self.about}{name} — {text[:300]}", flush=True)
        return holds

    def equal(self, name: str, seen: object, wanted: object) -> bool:
        return self.say(seen == wanted, name, seen if seen == wanted else f"{seen!r}, wanted {wanted!r}")

    def soon(self, name: str, look, wanted, within: float = PATIENCE_S) -> bool:
        """Polls `look()` until `wanted(seen)` holds."""
        deadline = time.monotonic() + within
        while True:
            try:
                seen = look()
                holds = bool(wanted(seen))
            except NOT_YET as problem:
                seen, holds = repr(problem), False
            if holds or time.monotonic() > deadline:
                return self.say(holds, name, seen)
            time.sleep(0.1)
