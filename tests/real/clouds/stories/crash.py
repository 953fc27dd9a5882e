"""The daemon is killed at the worst moment: nothing is counted twice, and what was in doubt is charged to nobody."""

import json

from clouds.stage import LATE_S, Stage
from clouds.stories.outages import IN_ALPHA, IN_BETA
from clouds.watch import INTERVAL_S, TIMEOUT_S, sentinels

# A result holds for two intervals.
HOLD_S = 2 * INTERVAL_S


def monitor_is_killed_in_doubt(stage: Stage) -> None:
    """Twice the cable is out and failures wait for an alibi when the daemon is killed, at once: that time is unknown, none counts twice."""
    stage.watch.start(sentinels())
    began = stage.watch.started
    stage.all_is_well()
    blind = []
    for _ in range(2):
        lost = stage.unplug()
        stage.findings.soon("failures wait for an alibi", lambda: stage.watch.value("nephoscope_results_unsettled"), lambda seen: seen > 0,
                            within=INTERVAL_S + TIMEOUT_S + LATE_S)
        stage.watch.kill()
        stage.until(lost + 5)
        blind.append((lost, stage.plug()))
        stage.watch.start_again()
        stage.all_is_well()
        stage.until(blind[-1][1] + 5)
    stage.outages_are()
    stage.untouched(*IN_ALPHA, *IN_BETA)
    rows = stage.watch.api("slos")["slos"]
    stage.findings.say(len(rows) > 0 and not [row for row in rows if row["bad_s"]], "no promise has a bad second", len(rows))
    off = [row["elapsed_s"] - sum(row[f"{state}_s"] for state in ("good", "bad", "unknown", "excluded")) for row in rows]
    stage.findings.say(max(map(abs, off)) < 0.005, "the seconds of each promise sum to its window", off)
    _is_remembered(stage, began, blind)


def _is_remembered(stage: Stage, began: float, blind: list[tuple[float, float]]) -> None:
    """The time lines in the store: never two things at once, known up to the last result and its hold, unknown until seen again."""
    done = stage.watch.command("export", "--config", "probes.toml")
    stage.findings.equal("the store is exported", done.returncode, 0)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    known = [line for line in lines if line["verdict"] != "unknown"]
    stage.findings.equal("nothing but good is known", {line["verdict"] for line in known}, {"good"})
    twice, wrong, sums = [], [], {}
    for check in IN_ALPHA + IN_BETA:
        own = sorted((line["t"], line["until"]) for line in known if line["check"] == check)
        twice += [(check, one, two) for one, two in zip(own, own[1:]) if two[0] < one[1]]
        for lost, found in blind:
            # The last good run may have begun just before the cable was out; the first one after it began when that was in.
            wrong += [(check, start - lost, end - lost) for start, end in own if start < found - TIMEOUT_S and end > lost + HOLD_S + LATE_S]
        sums[check] = round(sum(end - start for start, end in own), 1)
    stage.findings.equal("no time is told twice", twice, [])
    stage.findings.equal("nothing is known of the time in which nothing was seen", wrong, [])
    # Each life begins with runs spread over an interval, and each blind time hides at most a hold less than it lasted.
    lasted = stage.watch.checks()[IN_ALPHA[0]]["watermark"] - began
    dark = sum(found - lost for lost, found in blind)
    least, most = lasted - dark - 3 * (INTERVAL_S + LATE_S), lasted - dark + len(blind) * HOLD_S
    stage.findings.say(all(least <= each <= most for each in sums.values()), f"between {least:.1f} and {most:.1f} s are good", sums)
