"""promtool's unit tests, written as data: series that go in, samples that have to come out.

What fires is asked of `ALERTS`, so that labels are compared as a whole and annotations are not. Numbers are compared with a
tolerance, because promtool itself compares floats to the bit.

It knows no rule.
"""

import dataclasses
import json
import pathlib
import re
import subprocess

# How far a number may be off: floats are no more exact than this at the size of a month in milliseconds.
TOLERANCE = "1e-9"


@dataclasses.dataclass
class Case:
    """Series from 0 on, one value each `interval` seconds, and what is asked at which second."""

    name: str
    interval: int
    series: dict[str, str]
    asked: list[dict] = dataclasses.field(default_factory=list)

    def firing(self, at: int, alert: str, wanted: list[dict]) -> None:
        """`alert` fires at second `at` with exactly these sets of labels."""
        labels = [{**each, "alertname": alert, "alertstate": "firing"} for each in wanted]
        samples = [{"labels": f"ALERTS{_braces(each)}", "value": 1} for each in labels]
        self.asked.append({"expr": f'ALERTS{{alertname="{alert}",alertstate="firing"}}', "eval_time": f"{at}s",
                           "exp_samples": samples})

    def value(self, at: int, expression: str, wanted: float) -> None:
        """Each series of `expression` is `wanted` at second `at`, and there is at least one."""
        expression = f"min(abs(({expression}) - ({wanted!r})) <= bool {TOLERANCE})"
        self.asked.append({"expr": expression, "eval_time": f"{at}s", "exp_samples": [{"labels": "{}", "value": 1}]})

    def form(self) -> dict:
        """As promtool reads it."""
        inputs = [{"series": name, "values": values} for name, values in self.series.items()]
        return {"name": self.name, "interval": f"{self.interval}s", "input_series": inputs, "promql_expr_test": self.asked}


def run(rules: pathlib.Path, cases: list[Case], every: int) -> tuple[bool, str]:
    """Whether promtool finds everything as wanted, evaluating each `every` seconds, and what it says."""
    file = rules.with_name(f"{rules.stem}.test.json")
    tests = [case.form() for case in cases]
    # Left to itself promtool evaluates groups in any order, and what one records the other may see a step later.
    order = re.findall(r"^ *-? *name: (\S+)$", rules.read_text(), re.MULTILINE)
    file.write_text(json.dumps({"rule_files": [rules.name], "evaluation_interval": f"{every}s", "group_eval_order": order,
                                "tests": tests}))
    done = subprocess.run(["promtool", "test", "rules", file.name], cwd=rules.parent, capture_output=True, text=True,
                          check=False)
    return done.returncode == 0, done.stdout + done.stderr


def steps(*parts: tuple[float, int]) -> str:
    """A value and how often, one part after the other, as promtool writes it; `None` is no sample."""
    return " ".join(f"{'_' if value is None else repr(value)}x{count - 1}" if count > 1 else
                    ("_" if value is None else repr(value)) for value, count in parts)


def listed(values: list) -> str:
    """Values one by one; `None` is no sample."""
    return " ".join("_" if value is None else repr(value) for value in values)


def growing(start: float, each: float, count: int) -> str:
    """A counter: `count` values from `start`, each more by `each`."""
    return f"{start!r}+{each!r}x{count - 1}"


def _braces(labels: dict[str, str]) -> str:
    inner = ",".join(f"{name}={json.dumps(value)}" for name, value in sorted(labels.items()) if value)
    return f"{{{inner}}}"
