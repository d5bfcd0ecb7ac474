"""Kill -9 at random points of every command that changes something.

``OCINB_KILL_ROUNDS=20`` (``make faults``) for 200 rounds in all.
"""

from __future__ import annotations

import os
import random

import pytest

from tests.pressure.conftest import OPERATIONS
from tests.support.ordeal import Operation, Ordeal

pytestmark = [pytest.mark.root, pytest.mark.slow]

ROUNDS = int(os.environ.get("OCINB_KILL_ROUNDS", "1"))


@pytest.mark.timeout(120 + 60 * ROUNDS)
@pytest.mark.parametrize("operation", OPERATIONS, indirect=True)
def test_killed_at_any_point(
    ordeal: Ordeal, operation: Operation, request: pytest.FixtureRequest
) -> None:
    chance = random.Random(f"{request.node.name} {os.environ.get('OCINB_SEED', '')}")
    operation.before()
    takes = ordeal.seconds(*operation.words)
    operation.after()
    for _ in range(ROUNDS):
        operation.before()
        seconds = chance.uniform(0, takes)
        ordeal.kill(operation.words, seconds)
        ordeal.check(changing=operation.changing)
        ordeal.go_on(operation)
    ordeal.repair()
