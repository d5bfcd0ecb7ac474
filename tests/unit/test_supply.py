"""What ocinb is made of is known to the byte, and its wheel is always the same."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
from pathlib import Path
from types import ModuleType
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def supply() -> ModuleType:
    spec = importlib.util.spec_from_file_location("supply", ROOT / ".ci/supply.py")
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_every_dependency_that_is_asked_for_is_locked(supply: ModuleType) -> None:
    names = {each.name for each in supply.locked(supply.LOCK.read_text())}
    assert supply.declared() - names == set(), "run: python .ci/supply.py lock"


def test_what_the_program_itself_needs_is_marked(supply: ModuleType) -> None:
    runtime = {each.name for each in supply.locked(supply.LOCK.read_text()) if each.runtime}
    assert {"click", "httpx", "msgspec", "cryptography", "uvicorn"} <= runtime
    assert not {"pytest", "ruff", "jupyterlab"} & runtime


@pytest.mark.slow
def test_a_wheel_that_is_built_again_elsewhere_has_the_same_bytes(
    supply: ModuleType, tmp_path: Path
) -> None:
    wheels = [supply.build(tmp_path / name) for name in ("one", "another/place")]
    assert wheels[0].read_bytes() == wheels[1].read_bytes()
    with ZipFile(wheels[0]) as wheel:
        names = wheel.namelist()
    assert "ocinb/runtime/__main__.py" in names
    assert not [name for name in names if name.startswith("tests/") or "__pycache__" in name]
    document = supply.sbom(wheels[0])
    assert document["bomFormat"] == "CycloneDX"
    about = document["metadata"]["component"]
    digest = hashlib.sha256(wheels[0].read_bytes()).hexdigest()
    assert about["hashes"] == [{"alg": "SHA-256", "content": digest}]
    assert json.dumps(document) == json.dumps(supply.sbom(wheels[1]))
    shutil.rmtree(tmp_path)


def test_the_bill_names_each_component_once_with_its_hash(
    supply: ModuleType, tmp_path: Path
) -> None:
    wheel = tmp_path / "ocinb-1-py3-none-any.whl"
    with ZipFile(wheel, "w") as archive:
        archive.writestr("ocinb-1.dist-info/METADATA", "Name: ocinb\nVersion: 1\n")
    document = supply.sbom(wheel)
    references = [each["bom-ref"] for each in document["components"]]
    assert len(set(references)) == len(references) > 10
    assert document["dependencies"][0]["dependsOn"] == references
    assert all(len(each["hashes"][0]["content"]) == 64 for each in document["components"])
