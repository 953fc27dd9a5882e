"""A stage: ground, servers and the daemon of one story, and what may happen on it in words of the story.

It always leaves nothing behind, whatever happened on it.
"""

import pathlib
import shutil
import time

from clouds import ground as roads
from clouds import map as world
from clouds.ground import Ground
from clouds.map import CLOUDS, SERVICES, TTL_S, VANTAGE, Place
from clouds.pager import Pager
from clouds.relay import Relay
from clouds.rulebook import Rulebook
from clouds.servers import Servers
from clouds.watch import CONFIRMED_S, INTERVAL_S, RECHECK_S, TIMEOUT_S, Watch
from findings import Findings

# How late a run may start on a machine with much else to do, and how far a moment taken here may be from the fault itself.
LATE_S, EARLY_S = 0.7, 0.2


class Stage:
    """What a story plays on; a context manager."""

    def __init__(self, binary: str, number: int, certificates: pathlib.Path, findings: Findings, keep_s: int):
        self.folder = roads.folder(f"stage{number}")
        self.ground = Ground(number)
        self.servers = Servers(self.ground, self.folder, certificates)
        self.watch = Watch(binary, self.ground, self.folder, certificates / "root.pem")
        # A second vantage, for stories that start a daemon there.
        second = self.folder / world.WITNESS.name
        second.mkdir()
        self.witness = Watch(binary, self.ground, second, certificates / "root.pem", world.WITNESS)
        self.servers.keep_s = keep_s
        self.findings = findings
        self._relays: list[Relay] = []
        self._beside: list[Pager | Rulebook] = []

    def __enter__(self) -> "Stage":
        try:
            self.ground.lay()
            self.servers.start_all()
        except BaseException:
            self.clear()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.findings.failed:
            print(f"--- the daemon's log in {self.findings.about}\n{self.watch.tail()}", flush=True)
        if not self.findings.failed:
            self.findings.soon("every second of every check is booked once", self.watch.miscounted, lambda seen: not seen, within=0)
        self.findings.equal("the daemon ends with 0", self.watch.stop(), 0)
        self.witness.stop()
        self.clear()

    def clear(self) -> None:
        """Takes everything away; may be called at any time, and again."""
        self.watch.kill()
        self.witness.kill()
        for each in self._beside:
            each.close()
        for relay in self._relays:
            relay.close()
        self.servers.stop_all()
        self.ground.clear()
        shutil.rmtree(self.folder, ignore_errors=True)

    # What happens. Each gives the moment at which it had happened.

    def lose(self, cloud: Place) -> float:
        """Nothing comes from the cloud and nothing gets there, from nobody: silence."""
        self.ground.impose(f"{cloud.name} is lost", *roads.of(cloud))
        return time.time()

    def find(self, cloud: Place) -> float:
        """The cloud is back."""
        self.ground.lift(f"{cloud.name} is lost")
        return time.time()

    def part(self, one: Place, other: Place) -> float:
        """The two do not reach each other, everybody else does."""
        self.ground.impose(f"{one.name} and {other.name} are parted", *roads.between(one, other))
        return time.time()

    def join(self, one: Place, other: Place) -> float:
        self.ground.lift(f"{one.name} and {other.name} are parted")
        return time.time()

    def unplug(self) -> float:
        """The vantage loses its own network."""
        self.ground.link(VANTAGE, False)
        return time.time()

    def plug(self) -> float:
        self.ground.link(VANTAGE, True)
        return time.time()

    def shed(self, percent: int, source: Place, target: Place) -> float:
        """So many of a hundred packets from one place to the other are lost."""
        rule = f"numgen random mod 100 < {percent} drop"
        self.ground.impose("loss", f"ip saddr {source.net4} ip daddr {target.net4} {rule}",
                           f"ip6 saddr {source.net6} ip6 daddr {target.net6} {rule}")
        return time.time()

    def relay(self, place: Place, own: tuple[str, int], target: tuple[str, int]) -> Relay:
        """A relay in a place, which can make a road slow."""
        self._relays.append(Relay(self.ground, place, own, target))
        return self._relays[-1]

    def pager(self) -> Pager:
        """Alertmanager, not started yet, and a receiver of webhooks."""
        pager = Pager(self.ground, self.folder)
        self._beside.append(pager)
        return pager

    def rulebook(self, *words: str, others: tuple[str, ...] = ()) -> Rulebook:
        """Prometheus with the rules for what the daemon watches (`words` for the command); it scrapes other vantages too."""
        rulebook = Rulebook(self.ground, self.folder)
        self._beside.append(rulebook)
        made = self.watch.command("rules", "--config", "probes.toml", *words)
        self.findings.equal("rules are made", made.returncode, 0)
        rulebook.start(made.stdout, *others)
        return rulebook

    def impose(self, fault: str, *rules: str, at: str = "neutral") -> float:
        """Rules of nftables, under a name, on a place."""
        self.ground.impose(fault, *rules, at=at)
        return time.time()

    def lift(self, fault: str, at: str = "neutral") -> float:
        self.ground.lift(fault, at)
        return time.time()

    def stop(self, server: str) -> float:
        self.servers.stop(server)
        return time.time()

    def start(self, server: str) -> float:
        self.servers.start(server)
        return time.time()

    def freeze(self, server: str) -> float:
        """The server goes on listening, but says nothing."""
        self.servers.freeze(server)
        return time.time()

    def thaw(self, server: str) -> float:
        self.servers.thaw(server)
        return time.time()

    def break_service(self, cloud: Place, service: str) -> float:
        """The service answers 503 in that cloud."""
        self.servers.break_service(cloud, service)
        return time.time()

    def mend_service(self, cloud: Place, service: str) -> float:
        self.servers.mend_service(cloud, service)
        return time.time()

    def publish(self, *clouds: Place, **names: list[str] | None) -> float:
        """The public zone says something else, on the name servers of these clouds or of both."""
        self.servers.publish(*clouds, **names)
        return time.time()

    def lead(self, service: str, cloud: str, *clouds: Place) -> float:
        """The public name of a service leads to a cloud."""
        place = next(each for each in CLOUDS if each.name == cloud)
        return self.publish(*clouds, **{service: [f"A {place.at(SERVICES[service])}"]})

    def drill(self, *words: str) -> float:
        """`nephoscope drill …`."""
        done = self.watch.command("drill", *words)
        self.findings.equal(f"drill {words[0]} is accepted", (done.returncode, "forgets" in done.stderr), (0, False))
        return time.time()

    # What must be seen.

    def all_is_well(self, *watches: Watch) -> None:
        """Every check is up, of the daemon or of these: the story can begin, or has ended."""
        for watch in watches or (self.watch,):
            self.findings.soon("every check is up", lambda watch=watch: [check for check, state in watch.states().items() if state != "up"],
                               lambda seen: not seen, within=15)

    def becomes(self, service: str, within: float = CONFIRMED_S + 1, **states: str) -> None:
        """The scopes of a service come to be in these states."""
        wanted = ", ".join(f"{scope} {state}" for scope, state in states.items())
        self.findings.soon(f"{service}: {wanted}", lambda: self.watch.service(service),
                           lambda seen: all(seen[scope] == state for scope, state in states.items()), within)

    def until(self, moment: float) -> None:
        """Lets the time pass up to a moment of the wall clock."""
        time.sleep(max(0.0, moment - time.time()))

    def outages_are(self, *wanted: str) -> None:
        """These outages there have been, as `service scope`, each once."""
        seen = sorted(f"{outage['service']} {outage['scope']}" for outage in self.watch.outages())
        self.findings.equal("these outages, and no others", seen, sorted(wanted))

    def outage(self, service: str, scope: str) -> dict:
        """The newest outage of that scope."""
        return next(outage for outage in self.watch.outages(service) if outage["scope"] == scope)

    def lasted(self, service: str, scope: str, lost: float, found: float, kept: bool = False) -> None:
        """The outage began with the first run that the fault struck, and ended with the first that it did not.

        With `kept`, resolvers kept the old answer for up to its TTL.
        """
        outage = self.outage(service, scope)
        late = INTERVAL_S + LATE_S + (TTL_S if kept else 0)
        began = outage["started"] - lost
        self.findings.say(-TIMEOUT_S - EARLY_S <= began <= late, f"{service} {scope}: the outage begins with the fault",
                          f"{began:+.2f} s")
        ended = outage["ended"] - found if outage["ended"] else float("inf")
        self.findings.say(-TIMEOUT_S - EARLY_S <= ended <= late + RECHECK_S, f"{service} {scope}: and ends with it",
                          f"{ended:+.2f} s")

    def evident(self, service: str, scope: str, lost: float, *wanted: tuple[str, str, str]) -> None:
        """What the judgement rests on: `(witness, of, said)` of these inputs; what was bad is no older than the first fault."""
        def look() -> list[dict]:
            return self.outage(service, scope)["revisions"][-1]["evidence"]

        self.findings.soon(f"{service} {scope}: the evidence", lambda: [(each["witness"], each["of"], each["said"]) for each in look()],
                           lambda seen: set(wanted) <= set(seen), within=5)
        judged = self.outage(service, scope)["revisions"][-1]["at"]
        ages = {f"{each['witness']} {each['of']}".rstrip(): each["age_s"] for each in look() if each["said"] == "bad"}
        oldest = judged - lost + TIMEOUT_S + EARLY_S
        self.findings.say(all(age <= oldest for age in ages.values()), f"{service} {scope}: nothing of it is older than the fault", ages)

    def blamed(self, service: str, scope: str, blame: str, name: str = "", within: float = 5) -> None:
        """Whose outage it is, and the cloud's region or shared dependency that is named."""
        self.findings.soon(f"{service} {scope}: blame {blame} {name}".rstrip(), lambda: self._blame(service, scope),
                           lambda seen: seen == (blame, name), within)

    def _blame(self, service: str, scope: str) -> tuple[str, str]:
        outage = self.outage(service, scope)
        return outage["blame"], outage["blamed"]

    def counted(self, check: str, state: str, seconds: float, within: float = INTERVAL_S + TIMEOUT_S + LATE_S) -> None:
        """So much time of the check is in this state, give or take a run."""
        self.findings.soon(f"{check}: {seconds:.1f} s {state}", lambda: self.watch.checks()[check][f"{state}_s"],
                           lambda seen: abs(seen - seconds) <= within, within=5)

    def exposed(self, service: str, state: str, provider: str, seconds: float, within: float = 2 * INTERVAL_S + LATE_S) -> None:
        """So long the service had this many sides."""
        self.findings.soon(f"{service}: {seconds:.1f} s with {state} {provider}".rstrip(), lambda: self.watch.value(
            "nephoscope_service_exposure_seconds_total", service=service, state=state, provider=provider),
            lambda seen: abs(seen - seconds) <= within, within=5)

    def untouched(self, *checks: str) -> None:
        """No run of these checks was bad, and no second of theirs."""
        seen = self.watch.checks()
        bad = {check: seen[check]["runs"] for check in checks if seen[check]["runs"]["bad"] or seen[check]["bad_s"]}
        self.findings.equal(f"never bad: {', '.join(checks)}", bad, {})
