"""Options and their effects, by every engine; what podman shows is what is expected."""

from __future__ import annotations

import shlex
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocinb.overlay.trees import remove_tree
from tests.support.behaviours import defaults, files, isolation, limits, process
from tests.support.behaviours.behaviour import Batch
from tests.support.behaviours.engines import ROOT_ENGINES, Program, open_engine
from tests.support.behaviours.image import NAME
from tests.support.behaviours.scenes import SCENES, Scene
from tests.support.leftovers import clear, leftovers
from tests.support.peers import require

pytestmark = [pytest.mark.root, pytest.mark.peer, pytest.mark.slow]

SUBJECTS = (defaults, process, files, limits, isolation)
BATCHES = [batch for subject in SUBJECTS for batch in subject.BATCHES]


@pytest.fixture(scope="module", params=ROOT_ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[Program]:
    """Each engine, with the image; afterwards nothing may be left of it."""
    if request.param != "ocinb":
        require(request.param)
    place = Path(tempfile.mkdtemp(prefix="ocinb-behaviours-"))
    opened = open_engine(request.param, place)
    yield opened
    opened.close()
    left = leftovers(place)
    if left:
        clear(place)
    if request.param == "podman":
        shutil.rmtree(place, ignore_errors=True)
    else:
        remove_tree(str(place))
    assert left == []


@pytest.mark.parametrize("batch", BATCHES, ids=lambda batch: batch.name)
def test_options_have_their_effects(engine: Program, batch: Batch, tmp_path: Path) -> None:
    if batch.prepare is not None:
        batch.prepare(tmp_path)
    options = shlex.split(batch.options.replace("{place}", str(tmp_path)))
    seen = engine("run", "--rm", *options, NAME, "sh", "-c", batch.script())
    if engine.name in batch.refused:
        assert seen.status != 0, "the declaration is not needed any more"
        return
    shown = batch.read(seen.out)
    assert shown, seen
    declared = {row.name: row.declared.get(engine.name) for row in batch.rows}
    for row in batch.rows:
        other = declared[row.name]
        if other is not None:
            assert row.expected != shown.get(row.name), f"{row.name} is declared, and as expected"
    expected = {
        row.name: row.expected if (other := declared[row.name]) is None else other.shown
        for row in batch.rows
    }
    compared = {name: value for name, value in expected.items() if value is not None}
    assert {name: shown.get(name) for name in compared} == compared


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_commands_do_the_same(engine: Program, scene: Scene, tmp_path: Path) -> None:
    if scene.prepare is not None:
        scene.prepare(tmp_path)
    wrong = []
    for step in scene.steps:
        filled = step.words.replace("{place}", str(tmp_path)).replace("{image}", NAME)
        seen = engine(*shlex.split(filled))
        as_expected = seen.status == step.status and step.out in (None, seen.out)
        declared = step.declared.get(engine.kind)
        if declared is None and not as_expected:
            wrong.append(f"{step.words}: status {step.status}, {step.out!r}; seen: {seen}")
        elif declared is not None and as_expected:
            wrong.append(f"{step.words} is declared, and as expected")
    assert wrong == []
    assert {name: (tmp_path / name).read_text() for name in scene.left} == dict(scene.left)


def test_there_are_as_many_as_were_promised() -> None:
    counted = Counter(row.name for batch in BATCHES for row in batch.rows)
    assert len(counted) >= 150
    assert [batch for batch, times in Counter(b.name for b in BATCHES).items() if times > 1] == []
