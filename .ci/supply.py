"""What ocinb is made of: locked dependencies, a bill of materials, a wheel that is always the same.

    python .ci/supply.py lock     .ci/locked.txt anew, from pyproject.toml and the index
    python .ci/supply.py install  just what is locked, each file by its hash, and ocinb itself
    python .ci/supply.py wheel    dist/: the wheel, built twice and compared, and its SBOM
    python .ci/supply.py audit    the locked versions against the known vulnerabilities

The lock has versions and hashes of one interpreter and platform, named in its head.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import uuid
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path
from typing import Any
from zipfile import ZipFile

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / ".ci/locked.txt"
EXTRAS = "dev,lab,htpasswd,cri"
UNFIT = 3
"""Exit status of ``install`` where the lock says nothing of what is here."""
_MADE_BY = "# Made by python .ci/supply.py lock: "
_LOCKED = re.compile(
    r"^(?P<name>[\w.-]+)==(?P<version>[^\s;]+) --hash=sha256:(?P<hash>[0-9a-f]{64})"
    r"(?:  # (?P<of>runtime))?$"
)


class Locked:
    """A dependency of which every byte is known.

    Attributes:
        name: as the index has it, in lower case with dashes.
        hash: SHA-256 of the file that pip takes.
        runtime: whether ocinb itself needs it, not only its development.
    """

    def __init__(self, name: str, version: str, hash: str, *, runtime: bool) -> None:
        self.name, self.version, self.hash, self.runtime = name, version, hash, runtime


def normal(name: str) -> str:
    """A package's name as the index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(text: str) -> list[Locked]:
    """The lock's packages."""
    found = [_LOCKED.match(line) for line in text.splitlines() if line and line[0] != "#"]
    assert all(found), "a line of the lock is none"
    return [Locked(m["name"], m["version"], m["hash"], runtime=bool(m["of"])) for m in found if m]


def lock() -> None:
    """Write the lock, of what pip would install now."""
    runtime = {normal(each["metadata"]["name"]) for each in _resolved(".")}
    lines = []
    for each in _resolved(f".[{EXTRAS}]"):
        name = normal(each["metadata"]["name"])
        if name == "ocinb":
            continue
        digest = each["download_info"]["archive_info"]["hashes"]["sha256"]
        of = "  # runtime" if name in runtime else ""
        lines.append(f"{name}=={each['metadata']['version']} --hash=sha256:{digest}{of}")
    LOCK.write_text(f"{_MADE_BY}{here()}\n" + "\n".join(sorted(lines)) + "\n")


def here() -> str:
    """The interpreter and platform whose files pip takes."""
    version = ".".join(map(str, sys.version_info[:2]))
    return f"Python {version}, {sys.platform} {platform.machine()}"


def install() -> None:
    """Into the environment of this interpreter; exit with ``UNFIT`` where the lock is no use here.

    That is on another platform, and where the index lacks a version. A file whose hash is another
    than the lock's is neither: it ends the run.
    """
    made_for = LOCK.read_text().splitlines()[0].removeprefix(_MADE_BY)
    if made_for != here():
        _say(f"the lock is for {made_for}; this is {here()}")
        sys.exit(UNFIT)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    words = [*pip, "--require-hashes", "-r", str(LOCK)]
    done = subprocess.run(words, stderr=subprocess.PIPE, text=True, check=False)
    errors = [line for line in done.stderr.splitlines() if not line.startswith("WARNING: ")]
    if done.returncode:
        _say("\n".join(errors))
        lacking = [line for line in errors if "No matching distribution found" in line]
        sys.exit(UNFIT if lacking and "DO NOT MATCH THE HASHES" not in done.stderr else 1)
    # What builds ocinb is locked too: pip does not fetch it anew.
    subprocess.run([*pip, "--no-build-isolation", "--editable", str(ROOT)], check=True)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _resolved(what: str) -> list[dict[str, Any]]:
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        words = ["install", "--quiet", "--dry-run", "--ignore-installed", "--report", report.name]
        argv = [sys.executable, "-m", "pip", *words, what]
        done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr)
        found: list[dict[str, Any]] = json.loads(Path(report.name).read_text())["install"]
    return found


def build(target: Path) -> Path:
    """The wheel, built by the installed hatchling from a copy of what git tracks."""
    with tempfile.TemporaryDirectory(prefix="ocinb-wheel-") as name:
        source = Path(name) / "source"
        for path in _tracked():
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, source / path)
        words = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", target]
        subprocess.run([sys.executable, "-m", "pip", *words, source], check=True)
    (wheel,) = target.glob("ocinb-*.whl")
    return wheel


def _tracked() -> Iterator[str]:
    words = ["git", "ls-files", "-z"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, check=True)
    return (path for path in done.stdout.decode().split("\0") if path and (ROOT / path).exists())


def sbom(wheel: Path) -> dict[str, Any]:
    """A bill of materials in CycloneDX 1.5: the wheel, and what it needs to run."""
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    with ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        about = HeaderParser().parsestr(archive.read(name).decode())
    own = f"pkg:pypi/ocinb@{about['Version']}"
    needed = [each for each in locked(LOCK.read_text()) if each.runtime]
    references = [f"pkg:pypi/{each.name}@{each.version}" for each in needed]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, own + digest)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "library",
                "bom-ref": own,
                "name": "ocinb",
                "version": about["Version"],
                "purl": own,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
                "hashes": [{"alg": "SHA-256", "content": digest}],
            }
        },
        "components": [
            {
                "type": "library",
                "bom-ref": reference,
                "name": each.name,
                "version": each.version,
                "purl": reference,
                "hashes": [{"alg": "SHA-256", "content": each.hash}],
            }
            for each, reference in zip(needed, references, strict=True)
        ],
        "dependencies": [{"ref": own, "dependsOn": references}],
    }


def wheel() -> None:
    """Build twice, compare, keep one, with its SBOM beside it."""
    dist = ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    with tempfile.TemporaryDirectory() as other:
        first, second = build(dist), build(Path(other))
        if first.read_bytes() != second.read_bytes():
            sys.exit(f"{first.name} is not the same when it is built again")
    document = json.dumps(sbom(first), indent=1) + "\n"
    first.with_suffix(".cdx.json").write_text(document)
    digest = hashlib.sha256(first.read_bytes()).hexdigest()
    sys.stdout.write(f"{digest}  {first.relative_to(ROOT)}\n")


def audit() -> None:
    """Ask PyPI's advisory database about the locked versions; it takes the network."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as plain:
        plain.writelines(f"{each.name}=={each.version}\n" for each in locked(LOCK.read_text()))
        plain.flush()
        words = ["-r", plain.name, "--no-deps", "--disable-pip", "--format", "json"]
        done = subprocess.run(
            [sys.executable, "-m", "pip_audit", *words], capture_output=True, text=True, check=False
        )
    if "No module named pip_audit" in done.stderr:
        sys.exit("pip-audit is not installed: pip install pip-audit")
    if not done.stdout:
        sys.exit(f"pip-audit could not ask: {done.stderr.strip().splitlines()[-1]}")
    found = json.loads(done.stdout)["dependencies"]
    skipped = [each["name"] for each in found if "skip_reason" in each]
    known = [f"{e['name']} {v['id']}" for e in found for v in e.get("vulns", ())]
    sys.stdout.write("".join(f"{line}\n" for line in known))
    if skipped:
        sys.exit(
            f"not checked: the index that is asked here knows no advisories of {len(skipped)} of "
            f"{len(found)} packages; run this where pypi.org itself is reached"
        )
    sys.stdout.write(f"{len(found)} packages, {len(known)} known vulnerabilities\n")
    sys.exit(bool(known))


def declared() -> set[str]:
    """Names of the packages that pyproject.toml asks for, in the extras that are locked."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    texts = [*project["dependencies"], *(t for e in EXTRAS.split(",") for t in extras[e])]
    plain = (text.partition(";") for text in texts)
    return {
        normal(re.split(r"[\s<>=!~\[]", text)[0])
        for text, _, marker in plain
        if "python_version" not in marker or sys.version_info < (3, 14)
    }


if __name__ == "__main__":
    {"lock": lock, "install": install, "wheel": wheel, "audit": audit}[sys.argv[1]]()
