"""Faults of what the host gives: descriptors, disk, time, names. Each story is a function of its stage.

What is good stays good in all of them, so every bad result would be a lie.
"""

import re
import time

from faults import host
from faults.far import GOOD, LATE, NAMED, RESOLVER
from faults.stage import Observer, Stage
from faults.watch import SENTINELS, STATES, head

# Descriptors of the story of descriptors: what the daemon itself needs, and some for runs.
FEW, MANY = 110, 4096
HOUR_S = 3600
# Each of four numbers is rounded to a millisecond, and so is a step of the clock.
BOOKS_S = 0.01


def _services(count: int, probe: str, name: str = "s") -> str:
    return "".join(f'[service.{name}{number}]\nprobes = ["{probe}"]\n' for number in range(count))


def _http(name: str, port: int, host_part: str = "{host}") -> str:
    return f'[probe.{name}.http]\nurl = "http://{host_part}:{port}/{name}/{{service}}/{{provider}}"\n'


def descriptors(stage: Stage) -> None:
    """Far too few file descriptors for what is to be done: what could not be looked at is unknown, and never bad."""
    watch, findings = stage.watch, stage.findings
    watch.config.write_text(head(watch, "5s", "2500ms") + _http("late", LATE) + _services(250, "late"))

    def states() -> set[str]:
        return {each["state"] for each in watch.checks().values()}

    watch.start("prlimit", f"--nofile={MANY}:{MANY}")
    stage.until("with enough of them all are up", states, lambda seen: seen == {"up"})
    watch.descriptors(FEW)
    with Observer(stage) as observer:
        stage.until("some runs find no descriptor", lambda: stage.runs(verdict="unknown"), lambda seen: seen > 300)
        stage.until("others are done", lambda: stage.runs(verdict="good"), lambda seen: seen > 100)
        findings.say(watch.open_descriptors() <= FEW, f"it has no more than {FEW}", watch.open_descriptors())
    now = stage.numbers()
    findings.equal("nothing is called bad", (now.total("nephoscope_probes_total", verdict="bad"),
                                             now.total("nephoscope_check_state_seconds_total", state="bad")), (0, 0))
    findings.equal("the reason is said", watch.causes(*list(watch.checks())[:40]), {"overloaded"})
    findings.equal("nothing is late by its interval", now.late("5"), 0)
    findings.say(observer.answered > 0 and not observer.unanswered, "every scrape in that time is answered",
                 f"{observer.answered} answered, not {observer.unanswered[:3]}")
    findings.equal("no counter falls", observer.fell, [])
    findings.equal("history is kept", now.total("nephoscope_store_healthy"), 1)
    findings.say("too few file descriptors" in watch.log(), "it had warned at the start", "")
    findings.say(watch.log().count("\n") < 500, "the log is not flooded", f"{watch.log().count(chr(10))} lines")
    watch.descriptors(MANY)
    stage.until("with enough of them all are up again", states, lambda seen: seen == {"up"})
    before = stage.runs(verdict="unknown")
    good = stage.runs(verdict="good")
    stage.until("runs go on", lambda: stage.runs(verdict="good"), lambda seen: seen > good + 400)
    findings.equal("and no further one is unknown", stage.runs(verdict="unknown"), before)
    findings.equal("it ends with 0", watch.stop(), 0)


def disk(stage: Stage) -> None:
    """The disk fills up while it runs: said, counted, and probing goes on; with room again nothing waits."""
    watch, findings = stage.watch, stage.findings
    state = watch.folder / "state"
    host.small_disk(state, "4m")
    # Half of them fail, so that words of failures are lost too, of which few wait.
    watch.config.write_text(head(watch, "1s", "700ms", "200ms") + _http("good", GOOD) + _services(10, "good")
                            + '[probe.shut.tcp]\naddress = "10.0.8.9:1"\n' + _services(150, "shut", "d"))
    watch.start()
    stage.until("history is kept", lambda: stage.numbers().total("nephoscope_store_entries_written_total"), lambda seen: seen > 100)
    filler = host.fill(state)
    with Observer(stage) as observer:
        stage.until("a full disk is counted", lambda: stage.numbers().total("nephoscope_store_errors_total", fault="full"), lambda seen: seen >= 2)
        findings.equal("history is not healthy", stage.numbers().total("nephoscope_store_healthy"), 0)
        said = re.search(r"history is not being kept: [^<]*", watch.get("/")[1])
        findings.say(said is not None, "the page says so", said and said[0])
        stage.until("what does not fit is counted", lambda: stage.numbers().total("nephoscope_store_lost_total"), lambda seen: seen > 0)
        before = stage.runs(verdict="good")
        stage.until("probing goes on", lambda: stage.runs(verdict="good") - before, lambda seen: seen > 60)
    findings.equal("nothing is late by its interval", stage.numbers().late("1"), 0)
    findings.say(observer.answered > 0 and not observer.unanswered, "every scrape is answered", observer.unanswered[:3])
    filler.unlink()
    stage.until("with room again it is stored", lambda: stage.numbers().total("nephoscope_store_healthy"), lambda seen: seen == 1)
    findings.say("history is not being kept" not in watch.get("/")[1], "and the page does not say so any more", "")
    stage.until("and little waits", lambda: stage.numbers().total("nephoscope_store_pending_entries"), lambda seen: seen < 1000)
    findings.equal("no counter falls", observer.fell, [])
    now = stage.numbers()
    findings.equal("what is good was never bad", now.total("nephoscope_probe_failures_total", probe="good"), 0)
    said = [line for line in watch.log().splitlines() if "the store" in line]
    findings.equal("two lines say it", len(said), 2)
    good = {key: value for key, value in now.samples.items()
            if key[0] == "nephoscope_check_state_seconds_total" and ("probe", "good") in key[1] and ("state", "good") in key[1]}
    watch.process.kill()
    watch.process.wait()
    watch.start()
    later = stage.numbers()
    lost = {key: value - later.samples.get(key, 0) for key, value in good.items() if later.samples.get(key, 0) < value - 3}
    findings.equal("after kill -9 the past is there, but for the last seconds", lost, {})
    findings.equal("it ends with 0", watch.stop(), 0)


def booked(watch) -> dict[str, tuple[float, float]]:
    """All seconds of each check, and up to where it is settled."""
    return {name: (sum(check[f"{state}_s"] for state in STATES), check["watermark"]) for name, check in watch.checks().items()}


def miscounted(before: dict, now: dict, set_back_s: int = 0) -> dict:
    """Checks of which more or fewer seconds are booked than have passed up to their watermark, which was set back with the clock."""
    off = {}
    for check, (seconds, watermark) in now.items():
        wrong = (seconds - before[check][0]) - (watermark + set_back_s - before[check][1])
        if abs(wrong) > BOOKS_S:
            off[check] = wrong
    return off


def clock(stage: Stage) -> None:
    """The wall clock is set an hour ahead, and an hour back: nothing is bad, nothing is booked twice, probing goes on."""
    watch, findings = stage.watch, stage.findings
    setting = stage.folder / "clock"

    def turn(seconds: int) -> None:
        # At once: a file that is half written is a time too.
        fresh = stage.folder / "clock.new"
        fresh.write_text(f"{seconds:+d}\n")
        fresh.rename(setting)

    turn(0)
    watch.config.write_text(head(watch, "1s", "700ms", "200ms") + _http("good", GOOD) + _services(20, "good"))
    library = str(host.libfaketime())
    watch.start(LD_PRELOAD=library, FAKETIME_TIMESTAMP_FILE=str(setting), FAKETIME_NO_CACHE="1", FAKETIME_DONT_FAKE_MONOTONIC="1")

    def states() -> set[str]:
        return {each["state"] for each in watch.checks().values()}

    def more(than: float, by: int = 60):
        return lambda seen: seen > than + by

    stage.until("all are up", states, lambda seen: seen == {"up"})
    start = booked(watch)
    with Observer(stage) as observer:
        stage.until("seconds are booked", lambda: min(seconds for seconds, _ in booked(watch).values()), lambda seen: seen > 3)
        turn(HOUR_S)
        before = stage.runs(verdict="good")
        stage.until("an hour ahead: probing goes on", lambda: stage.runs(verdict="good"), more(before))
        stage.until("the hour is unknown", lambda: stage.numbers().total("nephoscope_check_state_seconds_total", state="unknown"),
                    lambda seen: seen > 20 * (HOUR_S - 30))
        stage.until("all are up again", states, lambda seen: seen == {"up"})
        findings.equal("every second is booked once", miscounted(start, booked(watch)), {})
        turn(0)
        before = stage.runs(verdict="good")
        stage.until("an hour back: probing goes on", lambda: stage.runs(verdict="good"), more(before))
        stage.until("all are up still", states, lambda seen: seen == {"up"})
        findings.equal("every second that passes is booked once still", miscounted(start, booked(watch), HOUR_S), {})
    now = stage.numbers()
    findings.equal("no counter falls", observer.fell, [])
    findings.equal("nothing was bad", (now.total("nephoscope_probes_total", verdict="bad"), now.total("nephoscope_probe_failures_total")), (0, 0))
    steps = [line for line in watch.log().splitlines() if "the wall clock was set" in line]
    findings.say(len(steps) == 2, "each step is said once", steps)
    findings.equal("it ends with 0", watch.stop(), 0)


def names(stage: Stage) -> None:
    """The resolver of the host falls silent: what has a name is unknown, what has an address is watched on."""
    watch, findings = stage.watch, stage.findings
    watch.config.write_text(head(watch, "1s", "700ms", "200ms") + SENTINELS + 'names = ["one.sentinel.test", "two.sentinel.test"]\n'
                            + _http("named", GOOD, "{service}-{provider}.example.test") + _http("plain", GOOD)
                            + _services(20, "named") + _services(20, "plain", "p"))

    def states(probe: str) -> set[str]:
        return {each["state"] for each in watch.checks().values() if each["probe"] == probe}

    watch.start()
    stage.until(f"all are up, names led to {NAMED}", lambda: states("named") | states("plain"), lambda seen: seen == {"up"})
    with Observer(stage) as observer, host.silence("names", f"ip daddr {RESOLVER} udp dport 53"):
        stage.until("what has a name is unknown", lambda: states("named"), lambda seen: seen == {"unknown"})
        findings.equal("what has an address is up", states("plain"), {"up"})
        stage.until("it is said", lambda: stage.numbers().total("nephoscope_resolver_offline"), lambda seen: seen == 1)
        findings.equal("the network is seen", stage.numbers().total("nephoscope_vantage_offline"), 0)
        findings.equal("why", {each for each in watch.causes(*[name for name, check in watch.checks().items() if check["probe"] == "named"][:10])},
                       {"resolver_offline"})
        time.sleep(3)
    stage.until("with a resolver all are up", lambda: states("named") | states("plain"), lambda seen: seen == {"up"})
    now = stage.numbers()
    findings.equal("no second was bad", now.total("nephoscope_check_state_seconds_total", state="bad"), 0)
    findings.equal("what has an address never failed", now.total("nephoscope_probe_failures_total", probe="plain"), 0)
    findings.equal("nothing was late by its interval", now.late("1"), 0)
    findings.equal("no counter fell", observer.fell, [])
    findings.equal("no outage", [each for each in watch.api("outages")["outages"]], [])
    findings.equal("it ends with 0", watch.stop(), 0)
