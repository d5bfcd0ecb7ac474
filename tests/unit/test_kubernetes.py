"""The manifests of the how-to on Kubernetes are documents that Kubernetes takes."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from ocinb.stack.configured import runtimes

PLACE = Path(__file__).parents[2] / "docs/kubernetes"
VERSIONS = ("1.32", kubernetes_validate.latest_version())
MANIFESTS = ("runtimeclass.yaml", "pod.yaml")


def document(name: str) -> dict[str, Any]:
    return yaml.safe_load((PLACE / name).read_text())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_follows_its_schema(name: str, version: str) -> None:
    kubernetes_validate.validate(document(name), version, strict=True)


@pytest.mark.parametrize("name", MANIFESTS)
def test_the_schemas_would_notice(name: str) -> None:
    wrong = {**document(name), "nosuch": 1}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)


def test_pod_class_and_handler_are_the_same_everywhere() -> None:
    kind = document("runtimeclass.yaml")
    assert document("pod.yaml")["spec"]["runtimeClassName"] == kind["metadata"]["name"]
    program = "/opt/ocinb/bin/ocinb-runtime"
    for name in ("containerd-1.toml", "containerd-2.toml"):
        found = runtimes("containerd", ["containerd", "--config", str(PLACE / name)])
        assert found == [f"{kind['handler']} → {program}"]
        assert tomllib.loads((PLACE / name).read_text())["version"] == int(name[-6]) + 1
    found = runtimes("crio", ["crio", "--config", str(PLACE / "crio.conf")])
    assert found == [f"{kind['handler']} → {program}"]


def test_the_values_for_jupyterhub_can_be_read() -> None:
    values = document("jupyterhub-values.yaml")
    assert values["hub"]["activeServerLimit"] >= 500
    assert values["singleuser"]["defaultUrl"].endswith(".ipynb")
    page = values["singleuser"]["defaultUrl"].removeprefix("/lab/tree/")
    assert (PLACE.parents[1] / page).exists()
