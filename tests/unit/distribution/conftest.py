"""A store, a client, and one that does not wait long."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ocinb.content.store import Store
from ocinb.distribution.client import Client
from ocinb.distribution.outgoing import Timeouts
from ocinb.distribution.retry import RetryPolicy
from ocinb.events import Recorder

QUICK = RetryPolicy(attempts=3, first_delay=0.001, refused_attempts=2, longest_delay=2.0)
PATIENT = Timeouts(connect=10.0, read=10.0, write=10.0)
SHORT = Timeouts(connect=2.0, read=0.5, write=2.0)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def client(recorder: Recorder) -> Iterator[Client]:
    with Client(record=recorder, policy=QUICK, timeouts=PATIENT) as made:
        yield made


@pytest.fixture
def impatient(recorder: Recorder) -> Iterator[Client]:
    """For what never ends. A pause of the machine is too long for it."""
    with Client(record=recorder, policy=QUICK, timeouts=SHORT) as made:
        yield made
