"""Runs what is asked for: `python3 -B -m rules BINARY [worked | stories | chain]…`; without any, all of it."""

import contextlib
import itertools
import pathlib
import re
import sys
import tempfile

from findings import Findings
from rules import chain, stories, worked
from rules.bench import Case, run

# Alerts of which `worked` has quiet, firing and ended; the others have them in `stories`.
NEVER_QUIET = {"NephoscopeDeadMan"}


def tell(findings: Findings, name: str, rules: pathlib.Path, cases: list[Case], every: int) -> None:
    """promtool's verdict on these cases."""
    passed, said = run(rules, cases, every)
    asked = sum(len(case.asked) for case in cases)
    findings.say(passed, f"{name} ({len(cases)} cases, {asked} questions)", "as wanted" if passed else said)
    if not passed:
        print(said[:6000])


def complete(findings: Findings, rules: list[pathlib.Path], cases: list[Case]) -> None:
    """Every alert of the rules fires somewhere, is quiet somewhere, and ends somewhere."""
    names = {name for file in rules for name in re.findall(r"^ *-? *alert: (\w+)$", file.read_text(), re.MULTILINE)}
    fired, quiet, ended = set(), set(), set()
    for case in cases:
        moments: dict[str, list[tuple[int, bool]]] = {}
        for each in case.asked:
            if found := re.match(r'ALERTS\{alertname="(\w+)"', each["expr"]):
                moments.setdefault(found[1], []).append((int(each["eval_time"][:-1]), bool(each["exp_samples"])))
        for name, seen in moments.items():
            inorder = [fires for _, fires in sorted(seen)]
            fired |= {name} if any(inorder) else set()
            quiet |= {name} if not all(inorder) else set()
            ended |= {name} if (True, False) in itertools.pairwise(inorder) else set()
    findings.equal("alerts that no case sees fire", sorted(names - fired), [])
    findings.equal("alerts that no case sees quiet", sorted(names - quiet - NEVER_QUIET), [])
    findings.equal("alerts that no case sees end", sorted(names - ended - NEVER_QUIET), [])


def promtool(findings: Findings, binary: str, wanted: set[str]) -> None:
    """Everything that promtool judges."""
    with tempfile.TemporaryDirectory(prefix="rules-") as name:
        maker = worked.Worked(binary, pathlib.Path(name))
        files, everything = [], []
        for title, make, every in worked.CASES if "worked" in wanted else []:
            rules, cases = make(maker)
            files.append(rules)
            everything += cases
            tell(findings, title, rules, cases, every)
        several = ("--vantages", "3", "--quorum", "2")
        for title, config, more, by_pace in (("one vantage", stories.CONFIG, (), stories.alone()), ("lean", stories.LEAN, (), stories.lean()),
                                             ("two of three vantages", stories.CONFIG, several, stories.agreed())):
            if "stories" not in wanted:
                continue
            rules = maker.rules(title.replace(" ", "-"), config, *more)
            files.append(rules)
            for every, cases in by_pace.items():
                everything += cases
                tell(findings, f"{title}, each {every} s", rules, cases, every)
        if {"worked", "stories"} <= wanted:
            complete(findings, files, everything)


def main() -> int:
    """As the command line says."""
    binary, *parts = sys.argv[1:]
    wanted = set(parts) or {"worked", "stories", "chain"}
    findings = Findings()
    if "chain" in wanted:
        chain.files(findings)
        chain.grafana(findings)
        with tempfile.TemporaryDirectory(prefix="chain-") as name, contextlib.ExitStack() as stack:
            chain.play(findings, chain.Chain(binary, pathlib.Path(name), stack))
    promtool(findings, binary, wanted)
    print(f"{findings.passed} passed, {findings.failed} failed", flush=True)
    return int(findings.failed > 0)


if __name__ == "__main__":
    sys.exit(main())
