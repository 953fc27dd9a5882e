"""Tests of burn rates, budgets and coverage, from the worked cases of the SLO engine (slo-cases.md).

The results of a case go through `nephoscope replay` at every step; what it answers becomes the gauges, and the seconds of the case itself
the counters. What has to fire, and each number, is the case's: nothing that is expected comes from the engine.

It covers no alert but those about promises.
"""

import dataclasses
import fractions
import json
import pathlib
import subprocess

from rules.bench import Case, listed

# 2026-05-31T00:00:00Z, and the length of the window.
NOW, WINDOW = 1_780_185_600, 30 * 86_400
# The first run: a day more, so that the window is known at every instant of a story.
BEGUN = NOW - WINDOW - 86_400
OBJECTIVE = fractions.Fraction(999, 1000)
WINDOWS = {"5m": 300, "30m": 1800, "1h": 3600, "2h": 7200, "6h": 21_600, "1d": 86_400, "3d": 259_200}
TIERS = {"p_fast": ("page_fast", "page"), "p_slow": ("page_slow", "page"), "t_fast": ("ticket_fast", "ticket"),
         "t_slow": ("ticket_slow", "ticket")}
CHECK = "shop/aws/web"
# Seconds of a case before its story begins, so that what is quiet is seen to be quiet.
LEAD = 600

CONFIG = """
[monitor]
vantage = "here"
[provider.aws]
host = "192.0.2.1"
[probe.web]
interval = "{interval}s"
timeout = "5s"
[probe.web.http]
url = "http://{{host}}/"
[service.shop]
probes = ["web"]
labels = {{ team = "store" }}
slo = [
  {{ objective = 99.9, window = "30d", min_failures = 1 }},
  {{ name = "careful", objective = 99.9, window = "30d" }},
  {{ name = "morning", objective = 99.9, window = "30d", min_failures = 1, alert = "ticket" }},
]
{more}
"""

# Age of a total outage, what fires: C05.
GROWING = [(0, ""), (30, ""), (60, "p_fast"), (90, "p_fast"), (120, "p_fast"), (150, "p_fast p_slow"),
           *((age, "p_fast p_slow t_fast t_slow") for age in (270, 300, 600, 900, 1800, 2580, 2610, 3600, 7200))]


@dataclasses.dataclass
class Line:
    """A case's results: a grid of `interval`, and the stretches that fail or are missing, in seconds before `NOW`."""

    interval: int
    bad: list[tuple[int, int]] = dataclasses.field(default_factory=list)
    missing: list[tuple[int, int]] = dataclasses.field(default_factory=list)

    def _is(self, stretches: list[tuple[int, int]], at: int) -> bool:
        return any(NOW - a <= at < NOW - b for a, b in stretches)

    def results(self, until: int) -> list[dict]:
        """The runs before `until`; a quiet stretch is one line that holds."""
        lines: list[dict] = []
        for at in range(BEGUN, until, self.interval):
            if self._is(self.missing, at):
                continue
            bad = self._is(self.bad, at)
            ends = min(at + 2 * self.interval, until) if self._is(self.missing, at + self.interval) else at + self.interval
            if not bad and lines and lines[-1]["verdict"] == "good" and lines[-1]["until"] == at:
                lines[-1]["until"] = ends
            else:
                lines.append({"t": at, "check": CHECK, "verdict": "bad" if bad else "good", "until": ends})
        return lines

    def seconds(self, stretches: list[tuple[int, int]], at: int) -> int:
        """Of these, how many have passed by `at`."""
        return sum(max(0, min(NOW - b, at) - (NOW - a)) for a, b in stretches)


class Worked:
    """Makes the cases with the help of the binary, in a folder."""

    def __init__(self, binary: str, folder: pathlib.Path):
        self.binary, self.folder = binary, folder

    def rules(self, name: str, config: str, *more: str) -> pathlib.Path:
        """The rules for a configuration."""
        file = self.folder / f"{name}.toml"
        file.write_text(config)
        done = subprocess.run([self.binary, "rules", "--config", file, *more], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        rules = self.folder / f"{name}.yml"
        rules.write_text(done.stdout)
        return rules

    def standings(self, name: str, line: Line, instants: list[int]) -> list[list[dict]]:
        """What the engine says at each instant."""
        results = self.folder / f"{name}.results"
        results.write_text("".join(json.dumps(each) + "\n" for each in line.results(instants[-1])))
        asked = [argument for at in instants for argument in ("--at", str(at))]
        done = subprocess.run([self.binary, "replay", "--config", self.folder / f"{name}.toml", "--results", results,
                               "--format", "json", *asked], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        rows = json.loads(done.stdout)
        by_instant: dict[int, list[dict]] = {at: [] for at in instants}
        for row in rows:
            by_instant[int(row["at"])].append(row)
        return [by_instant[at] for at in instants]

    def case(self, name: str, line: Line, instants: list[int]) -> Case:
        """The series of a case, a value at each instant."""
        alerts = {"availability-30d": "page", "careful": "page", "morning": "ticket"}
        series: dict[str, list] = {}

        def put(metric: str, position: int, value: float | None, **labels: str) -> None:
            inner = ",".join(f'{key}="{text}"' for key, text in labels.items())
            series.setdefault(f"{metric}{{{inner}}}", [None] * len(instants))[position] = value

        for position, rows in enumerate(self.standings(name, line, instants)):
            at = instants[position]
            for row in rows:
                told = row["scope"] == "provider:aws"
                who = {"service": row["service"], "slo": row["slo"], "scope": row["scope"],
                       "provider": "aws" if told else "", "vantage": "here", "instance": "a:1", "job": "n"}
                put("nephoscope_slo_info", position, 1, **who, window="30d", kind="time", unit="s",
                    alert=alerts[row["slo"]] if told else "none")
                put("nephoscope_slo_objective_ratio", position, row["objective"], **who)
                put("nephoscope_slo_availability_ratio", position, row["availability"], **who)
                put("nephoscope_slo_error_budget_remaining_ratio", position, row["budget_remaining"], **who)
                put("nephoscope_slo_restated_seconds", position, 0, **who)
                for window, rate in row["burn"].items():
                    put("nephoscope_slo_burn_rate", position, rate, **who, window=window)
                for tier, fires in row["alerts"].items():
                    labels = {**who, "tier": tier, "severity": tier.split("_")[0]}
                    put("nephoscope_slo_alert_active", position, int(fires), **labels)
                    put("nephoscope_slo_alert_suppressed", position, int(fires and row["suppressed"]), **labels)
                bad, gone = line.seconds(line.bad, at), line.seconds(line.missing, at)
                put("nephoscope_slo_state_seconds_total", position, bad, **who, state="bad")
                put("nephoscope_slo_state_seconds_total", position, gone, **who, state="unknown")
            put("nephoscope_probes_total", position, line.seconds(line.bad, at) // line.interval, check=CHECK, service="shop",
                provider="aws", region="", probe="web", vantage="here", verdict="bad", instance="a:1", job="n")
        return Case(name, instants[1] - instants[0], {key: listed(values) for key, values in series.items()})


def burns(slo: str, fires: str, most: str = "page") -> list[dict]:
    """The labels of the tiers that fire, no more urgent than the promise wants."""
    who = {"service": "shop", "slo": slo, "scope": "provider:aws", "provider": "aws", "team": "store"}
    tiers = [TIERS[each] for each in fires.split()]
    return [{**who, "tier": tier, "severity": "ticket" if most == "ticket" else severity} for tier, severity in tiers]


def told(fires: str, careful: str) -> list[dict]:
    """The labels of all three promises."""
    return [*burns("availability-30d", fires), *burns("careful", careful), *burns("morning", fires, "ticket")]


def share(bad: int, window: int) -> float:
    """The burn rate of so much bad time."""
    return float(fractions.Fraction(min(bad, window), window) / (1 - OBJECTIVE))


def growing(worked: Worked) -> tuple[pathlib.Path, list[Case]]:
    """C05: every age of the table, every window, both ways to count, and sloth's names."""
    rules = worked.rules("growing", CONFIG.format(interval=30, more=""))
    ages = GROWING[-1][0]
    line = Line(30, bad=[(ages, 0)])
    instants = list(range(NOW - ages - LEAD, NOW + 1, 30))
    case = worked.case("growing", line, instants)
    for age, fires in GROWING:
        at = LEAD + age
        # Two failed runs are what the careful promise waits for, and every alert of the table from 60 s on has them.
        case.firing(at, "NephoscopeErrorBudgetBurn", told(fires, fires))
        case.firing(at, "NephoscopeErrorBudgetBurnByCounters", [])
        for window, length in WINDOWS.items():
            which = f'slo="availability-30d",window="{window}"'
            case.value(at, f"nephoscope:slo_burn_rate:from_counters{{{which}}}", share(age, length))
            case.value(at, f'slo:sli_error:ratio_rate{window}{{sloth_id="shop-careful"}}', float(fractions.Fraction(min(age, length), length)))
        sloth = '{sloth_id="shop-availability-30d",sloth_service="shop",sloth_slo="availability-30d",team="store"}'
        remaining = float(1 - fractions.Fraction(age, 2592))
        case.value(at, f"slo:period_error_budget_remaining:ratio{sloth}", remaining)
        case.value(at, f"slo:period_burn_rate:ratio{sloth}", float(fractions.Fraction(age, 2592)))
        case.value(at, f"slo:current_burn_rate:ratio{sloth}", share(age, 300))
        case.value(at, f'slo:sli_error:ratio_rate30d{{sloth_id="shop-careful",sloth_window="30d"}}', float(fractions.Fraction(age, WINDOW)))
        gone = [{**{k: v for k, v in each.items() if k != "tier"}, "severity": "ticket"}
                for slo in ("availability-30d", "careful", "morning") for each in burns(slo, "t_slow")]
        case.firing(at, "NephoscopeErrorBudgetExhausted", gone if age >= 2592 + 300 else [])
    for expression, wanted in (("slo:objective:ratio", 0.999), ("slo:error_budget:ratio", 0.001), ("slo:time_period:days", 30.0),
                               ('sloth_slo_info{sloth_objective="99.9",sloth_version="v0.11.0"}', 1.0)):
        case.value(LEAD, expression, wanted)
    return rules, [case]


def counters_alone(worked: Worked) -> tuple[pathlib.Path, list[Case]]:
    """C05 with exact gauges that say nothing: the second opinion fires by the same table, five minutes later; and ends."""
    rules = worked.rules("counters", CONFIG.format(interval=30, more=""))
    line = Line(30, bad=[(7200, 5400)])
    case = worked.case("counters", line, list(range(NOW - 7200 - LEAD, NOW + 1, 30)))
    case.series = {name: values for name, values in case.series.items() if "slo_alert_" not in name and "burn_rate" not in name}
    case.firing(LEAD + 330, "NephoscopeErrorBudgetBurnByCounters", [])
    case.firing(LEAD + 360, "NephoscopeErrorBudgetBurnByCounters", told("p_fast", "p_fast"))
    case.firing(LEAD + 600, "NephoscopeErrorBudgetBurnByCounters", told("p_fast p_slow t_fast t_slow", "p_fast p_slow t_fast t_slow"))
    # The outage lasts 1800 s: its last bad second leaves the short windows of 5 and 30 minutes.
    case.firing(LEAD + 1800 + 330, "NephoscopeErrorBudgetBurnByCounters", told("p_slow t_fast t_slow", "p_slow t_fast t_slow"))
    case.firing(LEAD + 1800 + 1830, "NephoscopeErrorBudgetBurnByCounters", told("t_fast t_slow", "t_fast t_slow"))
    case.firing(LEAD + 7200, "NephoscopeErrorBudgetBurn", [])
    return rules, [case]


def counters_end(worked: Worked) -> tuple[pathlib.Path, list[Case]]:
    """Two minutes of outage by the counters: the fastest tier fires after its five minutes, and ends with its short window."""
    rules = worked.rules("ended", CONFIG.format(interval=30, more=""))
    case = worked.case("ended", Line(30, bad=[(1800, 1680)]), list(range(NOW - 1800 - LEAD, NOW + 1, 30)))
    case.series = {name: values for name, values in case.series.items() if "slo_alert_" not in name}
    case.firing(LEAD + 330, "NephoscopeErrorBudgetBurnByCounters", [])
    case.firing(LEAD + 390, "NephoscopeErrorBudgetBurnByCounters", told("p_fast", "p_fast"))
    case.firing(LEAD + 420, "NephoscopeErrorBudgetBurnByCounters", [])
    return rules, [case]


def single_run(worked: Worked) -> tuple[pathlib.Path, list[Case]]:
    """C09: one lost run pages where that is allowed, and nobody where two are asked for. It ends with the short window."""
    rules = worked.rules("single", CONFIG.format(interval=60, more=""))
    line = Line(60, bad=[(3600, 3540)])
    case = worked.case("single", line, list(range(NOW - 3600 - LEAD, NOW + 1, 30)))
    case.firing(LEAD, "NephoscopeErrorBudgetBurn", [])
    # 51.84 s of an hour burn faster than 14.4 times.
    case.firing(LEAD + 60, "NephoscopeErrorBudgetBurn", told("p_fast", ""))
    case.firing(LEAD + 120, "NephoscopeErrorBudgetBurn", told("p_fast", ""))
    # C09 is the instant 120 s after the failed run began.
    for window, wanted in (("5m", 200.0), ("30m", 100 / 3), ("1h", 50 / 3), ("2h", 25 / 3), ("6h", 25 / 9), ("1d", 25 / 36)):
        case.value(LEAD + 120, f'nephoscope:slo_burn_rate:from_counters{{slo="careful",window="{window}"}}', wanted)
    case.value(LEAD + 120, 'slo:period_error_budget_remaining:ratio{sloth_id="shop-careful"}', 211 / 216)
    # Five minutes after the failed run had begun its time begins to leave the window: 4.32 s of it still burn 14.4 times.
    case.firing(LEAD + 330, "NephoscopeErrorBudgetBurn", told("p_fast", ""))
    case.firing(LEAD + 360, "NephoscopeErrorBudgetBurn", [])
    return rules, [case]


def flapping(worked: Worked) -> tuple[pathlib.Path, list[Case]]:
    """C21a: every second run fails for ten minutes; all tiers fire, and stay for as long as they are kept."""
    rules = worked.rules("flapping", CONFIG.format(interval=30, more=""))
    after = 3600
    line = Line(30, bad=[(after + 600 - 60 * k, after + 570 - 60 * k) for k in range(10)])
    case = worked.case("flapping", line, list(range(NOW - after - 600 - LEAD, NOW + 1, 30)))
    everything = "p_fast p_slow t_fast t_slow"
    case.firing(LEAD + 600, "NephoscopeErrorBudgetBurn", told(everything, everything))
    for window, wanted in (("5m", 500.0), ("30m", 500 / 3), ("1h", 250 / 3), ("2h", 125 / 3), ("6h", 125 / 9), ("1d", 125 / 36)):
        case.value(LEAD + 600, f'nephoscope:slo_burn_rate:from_counters{{slo="careful",window="{window}"}}', wanted)
    case.value(LEAD + 600, 'slo:period_error_budget_remaining:ratio{sloth_id="shop-careful"}', 191 / 216)
    # The fastest ends with its short window; the next is quiet after half an hour, and kept for half an hour more.
    case.firing(LEAD + 600 + 330, "NephoscopeErrorBudgetBurn", told("p_slow t_fast t_slow", "p_slow t_fast t_slow"))
    case.firing(LEAD + 600 + 3000, "NephoscopeErrorBudgetBurn", told("p_slow t_fast t_slow", "p_slow t_fast t_slow"))
    return rules, [case]


def maintained(worked: Worked) -> tuple[pathlib.Path, list[Case]]:
    """C19: maintenance begins in the middle of an outage. What burns is suppressed, and nobody is told."""
    window = '[[maintenance]]\nmatch = { service = "shop" }\nstart = 2026-05-30T23:40:00Z\nend = 2026-05-31T00:40:00Z\n'
    rules = worked.rules("maintained", CONFIG.format(interval=30, more=window))
    line = Line(30, bad=[(1800, 0)])
    case = worked.case("maintained", line, list(range(NOW - 1800 - LEAD, NOW + 1, 30)))
    everything = "p_fast p_slow t_fast t_slow"
    case.firing(LEAD + 570, "NephoscopeErrorBudgetBurn", told(everything, everything))
    case.firing(LEAD + 600, "NephoscopeErrorBudgetBurn", told("p_slow t_fast t_slow", "p_slow t_fast t_slow"))
    case.value(LEAD + 1800, 'sum(nephoscope_slo_alert_suppressed{slo="careful",scope="provider:aws"})', 3.0)
    case.value(LEAD + 1800, 'slo:period_error_budget_remaining:ratio{sloth_id="shop-careful"}', 1659 / 2159)
    return rules, [case]


def blind(worked: Worked) -> tuple[pathlib.Path, list[Case]]:
    """C12: six hours without results. No burn; coverage of the last six hours falls below nine tenths after 36 minutes."""
    rules = worked.rules("blind", CONFIG.format(interval=30, more=""))
    # The last run before the gap holds for a minute, so 30 s of the gap are known.
    hours = 3600
    line = Line(30, missing=[(14 * hours, 8 * hours)])
    instants = list(range(NOW - 14 * hours - LEAD, NOW + 1, 60))
    case = worked.case("blind", line, instants)
    unknown = [max(0, line.seconds(line.missing, at) - (30 if line.seconds(line.missing, at) else 0)) for at in instants]
    for name in case.series:
        if 'state="unknown"' in name:
            case.series[name] = listed(unknown)
    gone = [{**{k: v for k, v in each.items() if k != "tier"}, "severity": "ticket"}
            for slo in ("availability-30d", "careful", "morning") for each in burns(slo, "t_slow")]
    case.firing(LEAD + 2160, "NephoscopeCoverageLost", [])
    # 2160 s of the six hours are exceeded at 2220 s, and the rule waits for 15 minutes.
    case.firing(LEAD + 2220 + 840, "NephoscopeCoverageLost", [])
    case.firing(LEAD + 2220 + 900, "NephoscopeCoverageLost", gone)
    case.firing(LEAD + 6 * hours, "NephoscopeCoverageLost", gone)
    # After the gap it leaves the window: at 10 h less than four of the six hours, at 12 h nothing of them is unknown.
    case.firing(LEAD + 11 * hours, "NephoscopeCoverageLost", gone)
    case.firing(LEAD + 12 * hours, "NephoscopeCoverageLost", [])
    case.firing(LEAD + 6 * hours, "NephoscopeErrorBudgetBurn", [])
    case.value(LEAD + 14 * hours, 'slo:sli_error:ratio_rate30d{sloth_id="shop-careful"}', 0.0)
    return rules, [case]


def leaving(worked: Worked) -> tuple[pathlib.Path, list[Case]]:
    """Outages leave the long windows again: every burn rate in each hour of four days, by gauges and by counters."""
    rules = worked.rules("leaving", CONFIG.format(interval=60, more=""))
    hours, every = 3600, 300
    line = Line(60, bad=[(90 * hours, 89 * hours), (80 * hours, 80 * hours - 600), (30 * hours, 29 * hours + 1800), (7 * hours, 6 * hours + 2400)])
    instants = list(range(NOW - 96 * hours - LEAD, NOW + 1, every))
    case = worked.case("leaving", line, instants)
    for at in range(LEAD, 96 * hours + LEAD + 1, hours):
        for window, length in WINDOWS.items():
            now = NOW - 96 * hours - LEAD + at
            wanted = share(line.seconds(line.bad, now) - line.seconds(line.bad, now - length), length)
            which = f'slo="careful",scope="provider:aws",window="{window}"'
            case.value(at, f"max(nephoscope_slo_burn_rate{{{which}}})", wanted)
            if length >= 3600:
                case.value(at, f'nephoscope:slo_burn_rate:from_counters{{slo="careful",window="{window}"}}', wanted)
    return rules, [case]


# What is tested, and how often it is evaluated.
CASES = [("C05, a growing outage", growing, 30), ("C05, from counters alone", counters_alone, 30),
         ("two minutes, from counters alone", counters_end, 30), ("C09, one lost run", single_run, 30), ("C12, six hours without results", blind, 60),
         ("C19, maintenance in an outage", maintained, 30), ("C21a, flapping", flapping, 30),
         ("four days, in which outages leave every window", leaving, 300)]
