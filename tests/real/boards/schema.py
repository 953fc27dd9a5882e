"""The dashboards against Grafana's own types: `@grafana/schema` of the oldest and the newest version that is supported.

Each file becomes a TypeScript constant of type `Dashboard`, and each panel's options and custom field settings constants of
its plugin's types, so that the compiler finds keys and words that do not exist. Grafana's declarations use enums, which refuse
the strings of JSON; they are rewritten to unions of strings first. A dashboard with planted mistakes has to be refused.

Two keys that Grafana reads and its types do not have are left out: a variable's `definition` and what Prometheus adds to annotations.

usage: python3 -m boards.schema   (needs npm and its registry)
"""

import copy
import json
import pathlib
import re
import subprocess
import sys
import tempfile

from boards.ask import boards
from findings import Findings

DASHBOARDS = pathlib.Path(__file__).parents[3] / "dashboards"
VERSIONS = ("10.4.19", "13.2.3")
TYPESCRIPT = "5.9"
PLUGINS = {"stat": "stat", "state-timeline": "statetimeline", "timeseries": "timeseries", "table": "table",
           "bargauge": "bargauge", "heatmap": "heatmap", "barchart": "barchart"}
NOT_TYPED = {"expr", "step", "titleFormat", "textFormat", "tagKeys", "useValueForTime"}


def rewritten(text: str) -> str:
    """Declarations with every enum of strings as a union of its words, and a name for each."""
    def union(found: re.Match) -> str:
        head, name, body = found.groups()
        words = re.findall(r"(\w+|\"[^\"]+\")\s*=\s*(\"[^\"]*\")", body)
        if not words:
            return found[0]
        kinds = "".join(f" type {key} = {word};" for key, word in words if key.isidentifier())
        return f"{head}type {name} = {' | '.join(word for _, word in words)};\n{head}namespace {name} {{{kinds} }}"
    return re.sub(r"((?:export )?(?:declare )?)enum (\w+) \{(.*?)\}", union, text, flags=re.S)


def install(folder: pathlib.Path) -> None:
    packages = [f"typescript@{TYPESCRIPT}"] + [f"grafana-{number}@npm:@grafana/schema@{number}" for number in VERSIONS]
    subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", *packages], cwd=folder, check=True)
    for path in folder.glob("node_modules/grafana-*/dist/**/*.d.ts"):
        path.write_text(rewritten(path.read_text()))


def constants(board: dict) -> str:
    """One dashboard as TypeScript."""
    board = copy.deepcopy(board)
    for variable in board["templating"]["list"]:
        variable.pop("definition", None)
    for annotation in board["annotations"]["list"]:
        for key in NOT_TYPED:
            annotation.pop(key, None)
    lines = [f"export const board: Dashboard = {json.dumps(board)};"]
    for number, panel in enumerate(board["panels"]):
        plugin = PLUGINS[panel["type"]]
        lines.append(f"export const o{number}: Partial<{plugin}.Options> = {json.dumps(panel['options'])};")
        custom = panel["fieldConfig"]["defaults"].get("custom")
        if custom:
            lines.append(f"export const c{number}: Partial<{plugin}_custom> = {json.dumps(custom)};")
    return "\n".join(lines)


def problems(folder: pathlib.Path, version: str, files: dict[str, dict]) -> dict[str, list[str]]:
    """What the compiler says of each dashboard."""
    package = folder / f"node_modules/grafana-{version}"
    dist = package / "dist"
    index = next(path for path in (dist / "types/index.d.ts", dist / "index.d.ts") if path.exists())
    here = folder / f"check-{version}"
    here.mkdir(exist_ok=True)
    imports = ["import type { Dashboard } from '@grafana/schema';"]
    for plugin in PLUGINS.values():
        path = next(path for path in sorted(dist.glob(f"**/raw/composable/{plugin}/panelcfg/x/*.d.ts")))
        text = path.read_text()
        imports.append(f"import type * as {plugin} from '{path.as_posix().removesuffix('.d.ts')}';")
        # A table's custom settings are those that all tables have.
        own = re.search(r"export interface FieldConfig\b", text)
        kind = f"{plugin}.FieldConfig" if own else "TableFieldOptions"
        imports.append(f"type {plugin}_custom = {kind};")
    imports[0] = "import type { Dashboard, TableFieldOptions } from '@grafana/schema';"
    for uid, board in files.items():
        (here / f"{uid}.ts").write_text("\n".join(imports) + "\n" + constants(board))
    settings = {"compilerOptions": {"strict": True, "noEmit": True, "skipLibCheck": True, "module": "esnext",
                                    "moduleResolution": "bundler", "target": "es2022", "types": [],
                                    "paths": {"@grafana/schema": [index.as_posix()]}}, "include": ["*.ts"]}
    (here / "tsconfig.json").write_text(json.dumps(settings))
    done = subprocess.run([folder / "node_modules/.bin/tsc", "-p", here, "--pretty", "false"], capture_output=True, text=True,
                          check=False)
    found: dict[str, list[str]] = {uid: [] for uid in files}
    for line in done.stdout.splitlines():
        uid = line.split(".ts(")[0].rsplit("/", 1)[-1]
        found.setdefault(uid, []).append(line)
    return found


def spoiled(board: dict) -> dict:
    """A dashboard with four mistakes, each in its own panel or head."""
    board = copy.deepcopy(board)
    board["schemaVersions"] = 39
    panels = [panel for panel in board["panels"] if panel["type"] == "stat"]
    panels[0]["options"]["colorMode"] = "background_solidd"
    panels[1]["options"]["textSize"] = "big"
    panels[2]["fieldConfig"]["defaults"]["thresholds"]["mode"] = "relative"
    return board


def main() -> int:
    findings, files = Findings(), boards(DASHBOARDS)
    files["spoiled"] = spoiled(files["overview"])
    with tempfile.TemporaryDirectory(prefix="nephoscope-schema-") as name:
        folder = pathlib.Path(name)
        install(folder)
        for version in VERSIONS:
            found = problems(folder, version, files)
            planted = found.pop("spoiled")
            for uid, lines in found.items():
                findings.say(not lines, f"{uid} has the types of Grafana {version}", lines or "no error")
            findings.say(len(planted) >= 3, f"planted mistakes are refused by {version}", f"{len(planted)} errors")
    print(f"{findings.passed} passed, {findings.failed} failed")
    return 1 if findings.failed or not findings.passed else 0


if __name__ == "__main__":
    sys.exit(main())
