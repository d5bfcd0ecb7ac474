"""Each attack works once the line that stops it is taken out.

So the tests of ``tests/support/attacks.py`` do try what they say: in a copy of the repository
without the line, they fail.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.attacks import ATTACKS, Attack, Line

ROOT = Path(__file__).parents[2]
EVERY = [attack for attacks in ATTACKS.values() for attack in attacks]
FAILED = 1
"""pytest's exit status where tests failed, and nothing worse."""

pytestmark = [pytest.mark.root, pytest.mark.slow]


@pytest.fixture
def copy() -> Iterator[Path]:
    """The repository, as far as tests need it; every user can reach it."""
    directory = Path(tempfile.mkdtemp(prefix="ocinb-control-"))
    directory.chmod(0o755)
    for name in ("ocinb", "tests", "docs"):
        shutil.copytree(ROOT / name, directory / name)  # with what is compiled already
    shutil.copy(ROOT / "pyproject.toml", directory)
    yield directory
    shutil.rmtree(directory)


def take_out(line: Line, copy: Path) -> None:
    path = copy / line.file
    text = path.read_text()
    found = re.findall(rf"^([ \t]*){re.escape(line.text)}$", text, re.MULTILINE)
    assert len(found) == 1, f"{line.file} has {line.text!r} {len(found)} times"
    path.write_text(text.replace(f"{found[0]}{line.text}\n", f"{found[0]}{line.instead}\n"))


@pytest.mark.parametrize("attack", EVERY, ids=[attack.name for attack in EVERY])
def test_without_its_line_the_attack_works(attack: Attack, copy: Path) -> None:
    for line in attack.lines:
        take_out(line, copy)
    environment = {name: v for name, v in os.environ.items() if not name.startswith("PYTEST")}
    environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(copy)}
    place = copy / "tmp"
    words = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*words, "-p", "pytest_timeout", f"--basetemp={place}", attack.test + attack.control],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == FAILED, done.stdout + done.stderr
    assert re.search(r"^FAILED ", done.stdout, re.MULTILINE), done.stdout


@pytest.mark.parametrize("attack", EVERY, ids=[attack.name for attack in EVERY])
def test_the_tests_that_are_named_are_there(attack: Attack) -> None:
    for test in (attack.test, *attack.others):
        file, _, name = test.partition("::")
        assert f"\ndef {name}(" in (ROOT / file).read_text(), test
