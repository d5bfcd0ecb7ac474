"""What ocinb is made of is known to the byte, and its wheel is always the same."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
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


class Index:
    """A repository with a lock, and an index that has one package in one version."""

    def __init__(self, place: Path, supply: ModuleType) -> None:
        self.place, self.supply = place, supply
        (place / ".ci").mkdir()
        shutil.copy(ROOT / ".ci/supply.py", place / ".ci")
        self.wheel = place / "thing-1-py3-none-any.whl"
        about = "thing-1.dist-info"
        with ZipFile(self.wheel, "w") as archive:
            archive.writestr(
                f"{about}/METADATA", "Metadata-Version: 2.1\nName: thing\nVersion: 1\n"
            )
            archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            archive.writestr(f"{about}/RECORD", "")

    def install(self, line: str, *, made_for: str = "") -> subprocess.CompletedProcess[str]:
        head = f"# Made by python .ci/supply.py lock: {made_for or self.supply.here()}"
        (self.place / ".ci/locked.txt").write_text(f"{head}\n{line}\n")
        return self.run("install", PIP_NO_INDEX="1", PIP_FIND_LINKS=str(self.place))

    def run(self, command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PIP_")}
        return subprocess.run(
            [sys.executable, self.place / ".ci/supply.py", command],
            env=environment | variables | {"PIP_CONFIG_FILE": os.devnull},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def index(tmp_path: Path, supply: ModuleType) -> Index:
    return Index(tmp_path, supply)


def test_a_file_that_is_not_the_one_that_was_locked_ends_the_run(index: Index) -> None:
    done = index.install(f"thing==1 --hash=sha256:{'0' * 64}")
    assert done.returncode == 1
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("made_for", ["", "Python 2.7, linux riscv64"], ids=["index", "platform"])
def test_a_lock_that_does_not_fit_is_told_from_one_that_is_broken(
    index: Index, made_for: str
) -> None:
    digest = hashlib.sha256(index.wheel.read_bytes()).hexdigest()
    done = index.install(f"thing==2 --hash=sha256:{digest}", made_for=made_for)
    assert done.returncode == index.supply.UNFIT
    told = "the lock is for Python 2.7" if made_for else "No matching distribution found for thing"
    assert told in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("answer", "status", "told"),
    [
        ({"vulns": []}, 0, "1 packages, 0 known vulnerabilities"),
        ({"vulns": [{"id": "PYSEC-1"}]}, 1, "thing PYSEC-1"),
        ({"skip_reason": "not found"}, 1, "not checked: the index that is asked here"),
    ],
    ids=["well", "known", "no answer"],
)
def test_an_audit_says_what_is_known_or_that_nothing_could_be_asked(
    index: Index, answer: dict, status: int, told: str
) -> None:
    index.install(f"thing==1 --hash=sha256:{'0' * 64}", made_for="elsewhere")
    said = json.dumps({"dependencies": [{"name": "thing", "version": "1", **answer}]})
    (index.place / "pip_audit.py").write_text(f"print({said!r})\n")
    done = index.run("audit", PYTHONPATH=str(index.place))
    assert (done.returncode, told in done.stdout + done.stderr) == (status, True)
    assert "Traceback" not in done.stderr
