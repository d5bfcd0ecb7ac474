"""Lessons, exercises and recordings come with the package; a checkout is not needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD = "import sys, hatchling.build; print(hatchling.build.build_wheel(sys.argv[1]))"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A directory with the package as pip would put it there."""
    place = tmp_path_factory.mktemp("wheel")
    run = [sys.executable, "-c", BUILD, str(place)]
    made = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True)
    with zipfile.ZipFile(place / made.stdout.split()[-1]) as wheel:
        wheel.extractall(place / "site")
    return place / "site"


def ocinb(installed, directory, *words):
    environment = os.environ | {"PYTHONPATH": str(installed), "OCINB_ROOT": str(directory / "root")}
    done = subprocess.run(
        [sys.executable, "-m", "ocinb", *words],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_every_lesson_is_in_it_in_both_languages(installed, tmp_path):
    listed = json.loads(ocinb(installed, tmp_path, "lesson", "list", "--format", "json"))
    for row in listed:
        ocinb(installed, tmp_path, "lesson", "open", row["lesson"])
        ocinb(installed, tmp_path, "lesson", "open", row["lesson"], "--lang", "zh")
    for language in ("", "zh"):
        shipped = sorted((ROOT / "notebooks" / language).glob("[0-9]*.ipynb"))
        copies = [(tmp_path / language / path.name).read_bytes() for path in shipped]
        assert copies == [path.read_bytes() for path in shipped]


def test_exercises_and_recordings_are_in_it(installed, tmp_path):
    solution = ocinb(installed, tmp_path, "check", "05-lookup", "--solution")
    assert "def look_up(layers, path):" in solution
    for path in (ROOT / "notebooks/recorded").rglob("*.json"):
        there = installed / "ocinb" / path.relative_to(ROOT)
        assert there.read_bytes() == path.read_bytes()
