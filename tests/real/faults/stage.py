"""What one story gets: a daemon that is not started yet, the far side, and the findings to fill.

It knows no story.
"""

import contextlib
import dataclasses
import http.client
import pathlib
import threading
import time

from faults.far import Far
from faults.watch import Numbers, Watch
from findings import Findings

# How often a watched series is looked at.
LOOK_EVERY_S = 0.5
# What every story looks at: whether anything was called bad, booked, skipped, late.
CORE = ("nephoscope_probes_total", "nephoscope_probe_failures_total", "nephoscope_check_state_seconds_total",
        "nephoscope_probes_skipped_total", "nephoscope_schedule_lag", "nephoscope_store_", "nephoscope_check_state{",
        "nephoscope_vantage_offline", "nephoscope_resolver_offline", "nephoscope_probes_given_up_total", "nephoscope_config_")

# What the monitor says of itself, which is little to read, and what counts.
OWN = ("nephoscope_probes_skipped_total", "nephoscope_schedule_lag", "nephoscope_vantage_offline", "nephoscope_probes_in_flight",
       "nephoscope_probes_given_up_total", "nephoscope_config_")
COUNTERS = ("nephoscope_probes_total", "nephoscope_check_state_seconds_total", "nephoscope_probe_failures_total",
            "nephoscope_probes_skipped_total", "nephoscope_probes_given_up_total")


@dataclasses.dataclass
class Stage:
    """The story's own."""

    watch: Watch
    far: Far
    findings: Findings
    folder: pathlib.Path

    def numbers(self, *wanted: str) -> Numbers:
        """Metrics whose names begin so, or everything that stories look at, now."""
        return self.watch.metrics(*(wanted or CORE))

    def runs(self, **labels: str) -> float:
        """Runs that have ended."""
        return self.numbers().total("nephoscope_probes_total", **labels)

    def until(self, name: str, look, wanted, within: float = 40.0) -> None:
        """As `Findings.soon`, and the number of looks stays small."""
        def patient():
            time.sleep(0.2)
            return look()
        self.findings.soon(name, patient, wanted, within)


class Observer(threading.Thread):
    """Reads the metrics again and again while something goes on, as Prometheus would: what was answered, what fell."""

    def __init__(self, stage: Stage, wanted: tuple[str, ...] = COUNTERS, every_s: float = LOOK_EVERY_S) -> None:
        super().__init__(daemon=True)
        self._stage, self._wanted, self._every_s, self._done = stage, wanted, every_s, threading.Event()
        self.answered, self.unanswered, self.fell, self.slowest_s = 0, [], [], 0.0
        self._last: Numbers | None = None

    def run(self) -> None:
        while not self._done.wait(self._every_s):
            began = time.monotonic()
            try:
                now = self._stage.watch.metrics(*self._wanted)
            except (OSError, ValueError, http.client.HTTPException) as problem:
                self.unanswered.append(repr(problem))
                continue
            finally:
                self.slowest_s = max(self.slowest_s, time.monotonic() - began)
            self.answered += 1
            if self._last is not None:
                self.fell += [key for key in self._last.fell(now) if key[0].endswith(("_total", "_count", "_bucket"))]
            self._last = now

    def __enter__(self) -> "Observer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        with contextlib.suppress(RuntimeError):
            self.join()
