"""A call that the kernel refuses, at any point of a command: one sentence, and nothing half there.

The calls are counted first, then one of them fails: the disk is full, or broken, or there are too
many open files, or no memory; each of these in turn. ``OCINB_FAULT_ROUNDS=100`` for more of them.
"""

from __future__ import annotations

import errno
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ordeal import REFUSED, Operation, Ordeal, Said
from tests.support.peers import require

pytestmark = [pytest.mark.root, pytest.mark.slow]

ROUNDS = int(os.environ.get("OCINB_FAULT_ROUNDS", "4"))
SOURCE = Path(__file__).parents[1] / "support/failing_calls.c"
ERRORS = (errno.ENOSPC, errno.EIO, errno.EMFILE, errno.ENOMEM)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("failing") / "failing.so"
    words = [require("gcc"), "-shared", "-fPIC", "-O1", "-o", made, SOURCE, "-ldl"]
    subprocess.run(words, check=True)
    return made


class Failing:
    """Runs commands in which a call fails."""

    def __init__(self, ordeal: Ordeal, library: Path) -> None:
        self.ordeal = ordeal
        self.counter = ordeal.place / "count"
        self.library = library

    def run(self, words: tuple[str, ...], at: int, number: int) -> tuple[Said, int]:
        """How the command ended, and how many calls there were."""
        # What it does until it is let go is looking at what there is: no call of that fails.
        self.counter.write_bytes((-(2**40)).to_bytes(8, "little", signed=True))
        process = self.ordeal.begin(
            *words,
            LD_PRELOAD=str(self.library),
            OCINB_FAULT_PLACE=str(self.ordeal.root),
            OCINB_FAULT_ERRNO=str(number),
            OCINB_FAULT_AT=str(at),
            OCINB_FAULT_COUNT=str(self.counter),
        )
        self.counter.write_bytes(bytes(8))
        self.ordeal.go(process)
        said = self.ordeal.end(process)
        return said, int.from_bytes(self.counter.read_bytes(), "little")


@pytest.fixture
def failing(ordeal: Ordeal, library: Path) -> Iterator[Failing]:
    yield Failing(ordeal, library)


@pytest.mark.timeout(120 + 60 * ROUNDS)
@pytest.mark.parametrize("operation", ["pull", "unpack", "build", "gc"], indirect=True)
def test_a_call_that_fails_leaves_nothing_half_there(
    ordeal: Ordeal, failing: Failing, operation: Operation, request: pytest.FixtureRequest
) -> None:
    chance = random.Random(f"{request.node.name} {os.environ.get('OCINB_SEED', '')}")
    operation.before()
    said, calls = failing.run(operation.words, 0, 0)
    assert said.status == 0, said
    assert calls > 30, "hardly any call was seen"
    operation.after()
    for turn in range(ROUNDS):
        operation.before()
        at, number = chance.randrange(1, calls), ERRORS[turn % len(ERRORS)]
        said, _ = failing.run(operation.words, at, number)
        told = f"call {at} of {calls} failed with {errno.errorcode[number]}: {said}"
        assert said.status in (0, REFUSED), told
        assert "Traceback" not in said.trouble, told
        assert "\n" not in said.error[1], told
        ordeal.check(changing=operation.changing)
        ordeal.go_on(operation)
    ordeal.repair()
