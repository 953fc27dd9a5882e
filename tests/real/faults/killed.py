"""The kernel kills the daemon: what whoever starts it anew finds again.

Each story is a function of its stage. The story itself starts the program again, as systemd would; that systemd does is played in
tests/real/systemd.

It does not know what the memory was used for.
"""

import contextlib
import http.client
import signal
import time

from faults import host
from faults.far import ENDLESS, GOOD
from faults.stage import Stage
from faults.stories import booked, miscounted
from faults.watch import Numbers, head

# Enough for these checks, and far too little for the bodies that it is told to hold, once they come.
LIMIT, WATCHED, ENDLESS_PAIRS, HELD = 48 << 20, 200, 60, "64MiB"
POURED_S = 30.0
# The journal is written once a second; reading and starting take their time where memory is short.
LOST_MOST_S = 5.0


def _worst(numbers: Numbers) -> float:
    """Bad seconds of the check that is always good and has most of them."""
    return max(_seconds(numbers, "bad").values(), default=0.0)


def _seconds(numbers: Numbers, state: str) -> dict[str, float]:
    """Seconds of each check that is always good in this state."""
    wanted = {("probe", "near"), ("state", state)}
    return {dict(labels)["check"]: value for (name, labels), value in numbers.samples.items()
            if name == "nephoscope_check_state_seconds_total" and wanted <= set(labels)}


def killed(stage: Stage) -> None:
    """Its memory limit is far too small, and the kernel kills it: started anew it knows its past, and the time between is unknown."""
    watch, findings = stage.watch, stage.findings
    text = f'[probe.near.http]\nurl = "http://{{host}}:{GOOD}/killed/{{service}}/{{provider}}"\n'
    text += "".join(f'[service.n{number}]\nprobes = ["near"]\n' for number in range(WATCHED // 2))
    text += f'[probe.endless.http]\nurl = "http://{{host}}:{ENDLESS}/endless"\nbody_matches = ["never"]\nbody_limit = "{HELD}"\n'
    text += "".join(f'[service.e{number}]\nprobes = ["endless"]\n' for number in range(ENDLESS_PAIRS))
    watch.config.write_text(head(watch, "1s", "900ms", "200ms") + text)

    def outages() -> set[str]:
        return {each["id"] for each in watch.api("outages?active=true")["outages"]}

    with host.MemoryLimit(LIMIT) as limit:
        with host.silence("pouring", f"tcp dport {ENDLESS}"):
            watch.start(*limit.around())
            stage.until("all are looked at", lambda: min(_seconds(stage.numbers(), "good").values(), default=0), lambda seen: seen > 5)
            stage.until("who is silent is down", lambda: watch.states("endless"), lambda seen: seen == {"down"})
            books, open_before, before = booked(watch), outages(), stage.numbers()
            findings.equal("nobody was killed so far", limit.killed(), 0)
            findings.equal("what is good was never bad", _worst(before), 0)
        poured = time.monotonic()
        deadline = poured + POURED_S
        while watch.process.poll() is None and time.monotonic() < deadline:
            # The last answer before its end is what it knew by then.
            with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
                before = stage.numbers()
        findings.equal("the kernel kills it", (watch.process.wait(5), limit.killed()), (-signal.SIGKILL, 1))
        dead = time.monotonic()
        with host.silence("pouring", f"tcp dport {ENDLESS}"):
            watch.start(*limit.around())
            away = time.monotonic() - dead
            stage.until("started anew, all is up that was", lambda: watch.states("near"), lambda seen: seen == {"up"})
            anew = stage.numbers()
            stage.until("time goes on", lambda: min(_seconds(stage.numbers(), "good").values(), default=0),
                        lambda seen: seen > max(_seconds(before, "good").values()) + 2)
            now = stage.numbers()
            findings.equal("every second is booked once", miscounted(books, booked(watch)), {})
            unknown = [value - _seconds(before, "unknown")[check] for check, value in _seconds(now, "unknown").items()]
            findings.say(max(unknown) < away + LOST_MOST_S, "no more is unknown than the time away and the last second",
                         f"{max(unknown):.1f} s, away {away:.1f} s")
            # While memory is as short as that, an answer may come too late; at no other time.
            findings.say(_worst(now) <= dead - poured, "the time away was not bad", f"{_worst(now):.1f} s, poured {dead - poured:.1f} s")
            findings.equal("what is good is not bad any more", _worst(now), _worst(anew))
            findings.equal("outages go on", open_before - outages(), set())
            findings.equal("the history is kept", now.total("nephoscope_store_healthy"), 1)
            findings.equal("it ends with 0", watch.stop(), 0)
