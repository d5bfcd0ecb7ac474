"""Options and their effects, by every engine; what podman shows is what is expected."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocinb.overlay.trees import remove_tree
from ocinb.settings import Settings
from tests.support.behaviours import defaults, files, isolation, limits, process
from tests.support.behaviours.behaviour import Batch
from tests.support.behaviours.engines import ENGINES, ORDINARY_ENGINES, Program, open_engine
from tests.support.behaviours.image import NAME
from tests.support.behaviours.leaks import leaks, open_files
from tests.support.behaviours.rungs import DECLARED, REFUSED, STEPS, TOLD
from tests.support.behaviours.scenes import SCENES, Scene
from tests.support.leftovers import clear, leftovers
from tests.support.peers import require, require_system_python

pytestmark = [pytest.mark.root, pytest.mark.peer, pytest.mark.slow]

SUBJECTS = (defaults, process, files, limits, isolation)
PATIENCE = 20
BATCHES = [batch for subject in SUBJECTS for batch in subject.BATCHES]


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[Program]:
    """Each engine, with the image; afterwards nothing may be left of it."""
    if request.param in ORDINARY_ENGINES:
        require("newuidmap")
        require_system_python()
    if request.param not in ("ocinb", "rootless"):
        require(request.param)
    # Not by mkdtemp: podman takes an underscore at the end of a path for a name that is none.
    place = Path(tempfile.gettempdir(), f"ocinb-behaviours-{os.urandom(6).hex()}")
    place.mkdir(mode=0o700)
    opened = open_engine(request.param, place)
    opened("run", "--rm", NAME, "true")  # what the first one opens stays open for the others
    before = open_files()
    yield opened
    opened.close()
    left = [*leftovers(place), *leaks(Settings(root=place / "root", run_root=place / "run"))]
    grown = open_files() - before if request.param in ("ocinb", "runc", "crun") else set()
    clear(place)
    for group in Path("/sys/fs/cgroup").glob("*/ocinb-behaviours"):
        # Of --cgroup-parent, which is nobody's to remove; podman leaves groups of its own in it.
        for one in [*sorted(group.glob("**/"), reverse=True)]:
            with contextlib.suppress(OSError):
                one.rmdir()
    if request.param == "podman":
        shutil.rmtree(place, ignore_errors=True)
    else:
        remove_tree(str(place))
    assert (left, grown) == ([], set())


@pytest.fixture
def here(engine: Program) -> Path:
    """A directory of the test's own, with what the engine's user may read and write."""
    return Path(tempfile.mkdtemp(prefix="here-", dir=engine.place))


@pytest.mark.parametrize("batch", BATCHES, ids=lambda batch: batch.name)
def test_options_have_their_effects(engine: Program, batch: Batch, here: Path) -> None:
    if batch.prepare is not None:
        batch.prepare(here)
    engine.give(here)
    options = shlex.split(batch.options.replace("{place}", str(here)))
    seen = engine("run", "--rm", *options, NAME, "sh", "-c", batch.script())
    if engine.name in batch.refused or batch.name in REFUSED.get(engine.name, ()):
        assert seen.status != 0, "the declaration is not needed any more"
        return
    shown = batch.read(seen.out)
    assert shown, seen
    losses = DECLARED.get(engine.name, {})
    declared = {row.name: row.declared.get(engine.name, losses.get(row.name)) for row in batch.rows}
    for row in batch.rows:
        other = declared[row.name]
        if other is not None:
            assert row.expected != shown.get(row.name), f"{row.name} is declared, and as expected"
    expected = {
        row.name: row.expected if (other := declared[row.name]) is None else other.shown
        for row in batch.rows
    }
    losses_told = TOLD.get(engine.name, {})
    for row in batch.rows if batch.options else ():
        loss = losses.get(row.name)
        if loss is not None:
            words = losses_told.get(row.name, losses_told.get(loss.reason, ""))
            assert words in seen.err, f"nobody is told that {row.name} is not kept"
    compared = {name: value for name, value in expected.items() if value is not None}
    assert {name: shown.get(name) for name in compared} == compared


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_commands_do_the_same(engine: Program, scene: Scene, here: Path) -> None:
    if scene.prepare is not None:
        scene.prepare(here)
    engine.give(here)
    wrong = []
    for step in scene.steps:
        filled = step.words.replace("{place}", str(here)).replace("{image}", NAME)
        seen = engine(*shlex.split(filled))
        if step.words in STEPS.get(engine.name, {}):
            continue
        end = time.monotonic() + (PATIENCE if step.patient else 0)
        while not step.shows(seen.status, seen.out) and time.monotonic() < end:
            seen = engine(*shlex.split(filled))
        as_expected = step.shows(seen.status, seen.out)
        declared = step.declared.get(engine.kind)
        if declared is None and not as_expected:
            wrong.append(f"{step.words}: status {step.status}, {step.out!r}; seen: {seen}")
        elif declared is not None and as_expected:
            wrong.append(f"{step.words} is declared, and as expected")
    assert wrong == []
    assert {name: (here / name).read_text() for name in scene.left} == dict(scene.left)


def test_what_is_declared_is_in_the_list() -> None:
    rows = {row.name for batch in BATCHES for row in batch.rows}
    steps = {step.words for scene in SCENES for step in scene.steps}
    assert {name for losses in DECLARED.values() for name in losses} <= rows
    assert {words for outcomes in STEPS.values() for words in outcomes} <= steps


def test_there_are_as_many_as_were_promised() -> None:
    counted = Counter(row.name for batch in BATCHES for row in batch.rows)
    assert len(counted) >= 150
    assert [batch for batch, times in Counter(b.name for b in BATCHES).items() if times > 1] == []
