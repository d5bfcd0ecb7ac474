"""The button that interrupts, in each command that may take long: what is left is whole.

How quickly is measured by ``python -m tests.bench --only interrupts``.
"""

from __future__ import annotations

import shlex
import shutil
import threading

import pytest

from tests.support.interruptions import COMMANDS, kitchen, runs, wait_for
from tests.support.kernel import kernel
from tests.support.leftovers import leftovers, unsound

pytestmark = [pytest.mark.root, pytest.mark.slow]


@pytest.fixture
def place(tmp_path):
    yield tmp_path
    assert leftovers(tmp_path) == []
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_cell_is_interrupted(place, command):
    variables = {"OCINB_ROOT": str(place / "root"), "OCINB_RUN_ROOT": str(place / "run")}
    with kitchen(place) as prepared, kernel(place, **variables) as running:

        def call(*words):
            said, shown = running.run(shlex.join(words))
            assert said == "ok", (said, shown)

        prepared.prepare(call)
        prepared.slowly()
        words, ready = prepared.words(command)

        def press():
            wait_for(ready)
            running.interrupt()

        if command == "logs -f":  # "up" is what it shows
            said, _ = running.run(shlex.join(words), interrupt=True)
        else:
            thread = threading.Thread(target=press)
            thread.start()
            said, _ = running.run(shlex.join(words))
            thread.join()
        assert said.startswith("KeyboardInterrupt")
        assert not runs(words[-1])
        assert unsound(prepared.root) + unsound(prepared.other) == []
        # It can be done again, and is done to the end.
        prepared.quickly()
        if command in ("pull", "push"):
            call(*words)
        call("rm", "--force", "box")
