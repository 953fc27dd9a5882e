"""Too much at once: endpoints that all fall silent, scrapers without number and without haste, bodies without end, reloads.

Each story is a function of its stage, and has the machine nearly to itself.
"""

import signal
import time

from faults import host
from faults.far import ENDLESS, GOOD, LATE
from faults.readers import Idle, Scrapers, Slow, Unread
from faults.stage import OWN, Observer, Stage
from faults.watch import SENTINELS, head

# Endpoints that fall silent at once, each on an address of its own; beside them some that stay.
REGION = "10.9.0.0/16"
SILENT, BESIDE, BESIDE_INTERVAL_S, SILENT_S = 10_000, 100, 5, 40
# Fewer than all of them would take while they are confirmed as down.
PLACES = 2_000
# The limit that README names for so many checks, and for how long they are kept busy; each side of a service pours without end.
LIMIT, LIMITED, ENDLESS_PAIRS, HOSTILE_S = 256 << 20, 2_000, 50, 20
# A scrape is written anew for each reader; what each of the few at once may cost is in this.
SCRAPED, SCRAPED_S, SCRAPED_MOST = 10_000, 20, 400 << 20
CONNECTIONS = 256
KEPT, GUESTS, STORM_S, STORM_MOST = 200, 40, 20, 40 << 20


def _region(pairs: int) -> str:
    """Services with two endpoints each in the region."""
    text = f'[probe.far.http]\nurl = "http://{{host}}:{GOOD}/far"\n'
    for number in range(pairs):
        high, low = divmod(2 * number, 250)
        text += (f'[service.r{number}]\nprobes = ["far"]\n[service.r{number}.endpoint.aws]\nhost = "10.9.{high}.{low + 1}"\n'
                 f'[service.r{number}.endpoint.gcp]\nhost = "10.9.{high}.{low + 2}"\n')
    return text


def _beside(count: int, interval_s: int) -> str:
    """Services that are always good, each check with a path of its own."""
    text = f'[probe.near.http]\nurl = "http://{{host}}:{GOOD}/near/{{service}}/{{provider}}"\n'
    return text + "".join(f'[service.n{number}]\nprobes = ["near"]\ninterval = "{interval_s}s"\n' for number in range(count // 2))


def silence(stage: Stage) -> None:
    """Thousands of endpoints fall silent at once, each run lasting its whole timeout: all others are watched in time."""
    watch, findings = stage.watch, stage.findings
    watch.config.write_text(head(watch, "30s", "5s", "5s", "lean", f"max_in_flight = {PLACES}") + SENTINELS + _region(SILENT // 2) + _beside(BESIDE, BESIDE_INTERVAL_S))
    watch.start()
    stage.until("all were looked at", lambda: stage.runs(probe="far", verdict="good"), lambda seen: seen >= SILENT, 60)
    before, asked, began = stage.numbers(), stage.far.asked("/near/"), time.monotonic()
    in_flight = []
    with Observer(stage, OWN, 2.0) as observer:
        with host.silence("region", f"ip daddr {REGION}"):
            while time.monotonic() - began < SILENT_S:
                in_flight.append(stage.numbers(*OWN).total("nephoscope_probes_in_flight"))
                time.sleep(1)
            passed, again = time.monotonic() - began, stage.far.asked("/near/")
            now = stage.numbers()
            findings.say(max(in_flight) >= 0.95 * PLACES, "runs that wait take all places", max(in_flight))
            # The far side still counts for stories before this one, of more services.
            own = [path for path in again if int(path.split("/")[2].removeprefix("n")) < BESIDE // 2]
            findings.equal("each of them is known to the far side", len(own), BESIDE)
            runs = [again[path] - asked[path] for path in own]
            wanted = passed / BESIDE_INTERVAL_S - 2
            findings.say(min(runs) >= wanted, "every other check is looked at in each interval", f"{min(runs)} to {max(runs)} runs in {passed:.0f} s")
            findings.equal("and never bad", now.total("nephoscope_check_state_seconds_total", probe="near", state="bad"), 0)
            skipped = now.total("nephoscope_probes_skipped_total")
            done = now.total("nephoscope_schedule_lag_seconds_count") - before.total("nephoscope_schedule_lag_seconds_count")
            # The silent ones' interval is 30 s, that of the others is counted by the far side.
            findings.equal("no run is late by 30 s", now.late("30") - before.late("30"), 0)
            findings.say(skipped <= done / 10, "what was skipped is counted, and is little", f"{skipped:.0f} beside {done:.0f} runs")
            # A result that runs out before its check has a place again begins the row of confirming ones anew.
            stage.until("all silent ones are down", lambda: down(stage), lambda seen: seen[0] == SILENT, 240)
            findings.equal("this monitor is not blind", stage.numbers(*OWN).total("nephoscope_vantage_offline"), 0)
        with host.silence("network", "ip daddr 10.0.0.0/8"):
            stage.until("when everything is silent, it is this monitor that is blind",
                        lambda: stage.numbers(*OWN).total("nephoscope_vantage_offline"), lambda seen: seen == 1)
            stage.until("and what was up is unknown", lambda: watch.states("near"), lambda seen: seen == {"unknown"})
        stage.until("it is over: those beside are up", lambda: watch.states("near"), lambda seen: seen == {"up"}, 60)
    findings.equal("they were never bad", stage.numbers().total("nephoscope_check_state_seconds_total", probe="near", state="bad"), 0)
    findings.say(observer.answered > 0 and not observer.unanswered, "every scrape in that time is answered",
                 f"{observer.answered} answered, not {observer.unanswered[:3]}")
    findings.equal("no counter falls", observer.fell, [])
    findings.equal("it ends with 0", watch.stop(), 0)


def down(stage: Stage) -> tuple[int, list]:
    """How many checks of the region are down, and some of those that are not with their state."""
    states = {dict(labels)["check"]: value for (_, labels), value in stage.watch.metrics("nephoscope_check_state{").samples.items()
              if ("probe", "far") in labels}
    others = [(check, value) for check, value in states.items() if value != 4]
    return len(states) - len(others), others[:5]


def memory(stage: Stage) -> None:
    """A memory limit, bodies without end and readers that do not read, all at once: it stays below, and goes on."""
    watch, findings = stage.watch, stage.findings
    text = f'[probe.endless.http]\nurl = "http://{{host}}:{ENDLESS}/endless"\nbody_matches = ["never"]\n'
    text += "".join(f'[service.e{number}]\nprobes = ["endless"]\ninterval = "2s"\ntimeout = "1500ms"\n' for number in range(ENDLESS_PAIRS))
    watch.config.write_text(head(watch, "5s", "2s", "1s") + text + _beside(LIMITED, 5))
    with host.MemoryLimit(LIMIT) as limit:
        watch.start(*limit.around())
        stage.until("all are looked at", lambda: stage.runs(probe="near", verdict="good"), lambda seen: seen >= LIMITED)
        address = (watch.listen, 9464)
        process, good = watch.process.pid, stage.runs(probe="near", verdict="good")
        with Unread(address, "/metrics", 20), Unread(address, "/api/v1/checks", 60), Unread(address, "/", 60), Slow(address, "/metrics"):
            time.sleep(HOSTILE_S)
        stage.until("probing went on", lambda: stage.runs(probe="near", verdict="good") - good, lambda seen: seen > 0.8 * LIMITED * HOSTILE_S / 5)
        findings.say(limit.most() < LIMIT and limit.killed() == 0, f"it stays below {LIMIT >> 20} MiB",
                     f"{limit.most() >> 20} MiB at most, {watch.resident('VmHWM') >> 20} MiB of them resident; killed {limit.killed()} times")
        now = stage.numbers()
        findings.say(now.total("nephoscope_probe_failures_total", reason="body_too_large") > 0, "bodies without end are called that",
                     now.total("nephoscope_probe_failures_total", reason="body_too_large"))
        findings.equal("what is good is never bad", now.total("nephoscope_probe_failures_total", probe="near"), 0)
        findings.equal("nothing is late by its interval", now.late("5"), 0)
        findings.equal("it is the same process", (watch.process.pid, watch.process.poll()), (process, None))
        findings.equal("it ends with 0", watch.stop(), 0)


def scrapes(stage: Stage) -> None:
    """Ten scrapes a second of ten thousand checks, one byte a second, and readers that never read: probing goes on."""
    watch, findings = stage.watch, stage.findings
    watch.config.write_text(head(watch, "30s", "5s", "1s", "lean") + _beside(SCRAPED, 30))
    watch.start()
    stage.until("all are looked at", lambda: stage.runs(verdict="good"), lambda seen: seen >= SCRAPED)
    address = (watch.listen, 9464)
    before, asked, began, cpu = stage.numbers(), sum(stage.far.asked("/near/").values()), time.monotonic(), watch.cpu()
    with Slow(address, "/metrics") as slow, Unread(address, "/metrics", 3):
        scrapers = Scrapers(address, 10, SCRAPED_S)
    passed, again = time.monotonic() - began, sum(stage.far.asked("/near/").values()) - asked
    now, used = stage.numbers(), watch.cpu() - cpu
    findings.say(again > 0.95 * SCRAPED * passed / 30, "probing goes on", f"{again} runs in {passed:.0f} s, {SCRAPED * passed / 30:.0f} due")
    findings.equal("no run is late by its interval", now.late("30") - before.late("30"), 0)
    findings.equal("none is bad, none skipped", (now.total("nephoscope_probe_failures_total"), now.total("nephoscope_probes_skipped_total")), (0, 0))
    findings.equal("every scraper is answered: whole, or sent away at once", (scrapers.failed, set(scrapers.statuses) - {200, 503}), ([], set()))
    findings.say(scrapers.statuses.get(200, 0) >= SCRAPED_S, "once a second and more often it is whole",
                 f"{scrapers.statuses}, {scrapers.bytes >> 20} MiB each, {max(scrapers.took):.1f} s at most")
    findings.say(slow.read > 0, "one reads a byte a second", f"{slow.read} bytes")
    # Two threads serve, and as many probe as there are processors.
    findings.say(used < 1.9 * passed, "processors are left for others", f"{used / passed:.2f} of them in use")
    findings.say(watch.resident("VmHWM") < SCRAPED_MOST, f"memory stays below {SCRAPED_MOST >> 20} MiB", f"{watch.resident('VmHWM') >> 20} MiB at most")
    with Unread(address, "/metrics", 40):
        findings.equal("where nobody reads, all places are taken", watch.get("/metrics", 60)[0], 503)
        stage.until("but not for longer than a reader may stall", lambda: watch.get("/metrics", 60)[0], lambda seen: seen == 200, 45)
    with Idle(address, CONNECTIONS) as idle:
        late = idle.one_more()
        findings.equal(f"beside {CONNECTIONS} connections one more waits", idle.answers(late, 1), False)
        findings.equal("while the local socket answers", watch.command("healthcheck").returncode, 0)
        idle.one_less()
        findings.equal("until one of them ends", idle.answers(late, 30), True)
        late.close()
    findings.equal("it ends with 0", watch.stop(), 0)


def storm(stage: Stage) -> None:
    """Reloads without pause, of files that differ each time, some of them broken, while everything is looked at once a second."""
    watch, findings = stage.watch, stage.findings
    kept = f'[probe.kept.http]\nurl = "http://{{host}}:{GOOD}/kept/{{service}}/{{provider}}"\n'
    kept += "".join(f'[service.k{number}]\nprobes = ["kept"]\n' for number in range(KEPT // 2))
    guest = f'[probe.guest.http]\nurl = "http://{{host}}:{LATE}/guest"\n'
    beginning = head(watch, "1s", "900ms", "300ms")

    def write(number: int) -> None:
        # Another place in the file for everything, and other guests, whose runs are in flight when they go.
        guests = "".join(f'[service.g{number}x{each}]\nprobes = ["guest"]\ninterval = "3s"\ntimeout = "2s"\n' for each in range(GUESTS // 2))
        text = beginning + (guests + guest + kept if number % 2 else kept + guest + guests)
        fresh = stage.folder / "fresh.toml"
        fresh.write_text("nonsense = 1\n" * (number % 7 == 6) + text)
        fresh.rename(watch.config)

    write(0)
    watch.start()
    stage.until("all are looked at", lambda: stage.runs(probe="kept", verdict="good"), lambda seen: seen >= 3 * KEPT)
    memory = watch.resident()
    said: list[tuple[int, str]] = []
    with Observer(stage) as observer:
        began, asked = time.monotonic(), stage.far.asked("/kept/")
        number = 0
        while time.monotonic() - began < STORM_S:
            number += 1
            write(number)
            if number % 5 == 0:
                done = watch.command("reload")
                said.append((done.returncode, (done.stdout + done.stderr).strip()[:80]))
            else:
                watch.process.send_signal(signal.SIGHUP)
                time.sleep(0.1)
        passed, again = time.monotonic() - began, stage.far.asked("/kept/")
    runs, pace = [again[path] - asked[path] for path in again], passed / 1.0
    findings.say(number >= 3 * STORM_S, "there were very many", f"{number} reloads in {passed:.0f} s")
    findings.say(min(runs) >= pace - 2 and max(runs) <= pace + 2, "who is kept is looked at once a second all the while, as the other side counts",
                 f"{min(runs)} to {max(runs)} times in {passed:.1f} s")
    lost = [key for key in observer.fell if ("probe", "kept") in key[1] or not key[1]]
    findings.equal("none of their counters falls", lost, [])
    findings.say(observer.answered > 0 and not observer.unanswered, "every scrape is answered", observer.unanswered[:3])
    refused = [words for code, words in said if code == 2]
    findings.say(bool(refused) and all("cannot be used" in words for words in refused), "broken files are refused", refused[:1])
    findings.equal("all others are applied", [words for code, words in said if code not in (0, 2)], [])
    write(0)
    findings.equal("a last reload", watch.command("reload").returncode, 0)
    now = stage.numbers()
    findings.equal("the configuration is what the file says", (len(watch.checks()), now.total("nephoscope_config_last_reload_successful")), (KEPT + GUESTS, 1))
    findings.say(now.total("nephoscope_probes_given_up_total", cause="removed") > 0, "runs of guests that left are counted",
                 now.total("nephoscope_probes_given_up_total", cause="removed"))
    findings.equal("nothing kept is bad, nothing skipped", (now.total("nephoscope_probe_failures_total", probe="kept"),
                                                          now.total("nephoscope_probes_skipped_total")), (0, 0))
    stage.until("what the daemon counts is what the other side does", lambda: stage.runs(probe="kept") - sum(stage.far.asked("/kept/").values()),
                lambda seen: abs(seen) <= KEPT)
    findings.say(watch.resident() < memory + STORM_MOST, "memory is given back", f"{memory >> 20} MiB before, {watch.resident() >> 20} MiB after")
    findings.equal("it ends with 0", watch.stop(), 0)
