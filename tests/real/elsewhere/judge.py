"""Judges Kubernetes objects and compose files by schema: runs in the Python that has them (tools.py).

Reads from stdin `{"kubernetes": [text…], "schema": {…} or null, "compose": [text…]}`, writes a list of complaints for each text; the
objects that Kubernetes itself does not know come back as JSON.

usage: python judge.py < question > answer
"""

import json
import sys

import jsonschema
import kubernetes_validate
import yaml

# The oldest that the chart allows, and the newest whose schema there is.
VERSIONS = ("1.25", "1.37")


def kubernetes(text: str) -> dict:
    """What is wrong with a stream of objects, and those of the Prometheus operator."""
    complaints, operator = [], []
    objects = [each for each in yaml.safe_load_all(text) if each]
    for each in objects:
        if each["apiVersion"].startswith("monitoring.coreos.com/"):
            operator.append(each)
            continue
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(each, version, strict=True)
            except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as problem:
                complaints.append(f"{each['kind']} {version}: {problem}")
    return {"complaints": complaints, "objects": objects, "operator": operator}


def compose(text: str, schema: dict) -> list[str]:
    judge = jsonschema.validators.validator_for(schema)(schema)
    return [problem.message for problem in judge.iter_errors(yaml.safe_load(text))]


question = json.load(sys.stdin)
json.dump({
    "kubernetes": [kubernetes(text) for text in question["kubernetes"]],
    "compose": [compose(text, question["schema"]) for text in question["compose"]],
}, sys.stdout, default=str)
