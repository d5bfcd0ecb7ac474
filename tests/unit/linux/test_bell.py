"""A bell wakes who waits for it."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Iterator

import pytest

from ocinb.linux.bell import answer, make_bell, ring


@pytest.fixture
def bell() -> Iterator[int]:
    descriptor = make_bell()
    yield descriptor
    os.close(descriptor)


def rings(bell: int, seconds: float | None = 0) -> bool:
    return bool(select.select([bell], [], [], seconds)[0])


def test_it_rings_until_it_is_answered(bell: int) -> None:
    assert not rings(bell)
    ring(bell)
    ring(bell)
    for _ in range(2):
        assert rings(bell)
    answer(bell)
    assert not rings(bell)
    answer(bell)  # which is no error


def test_who_waits_is_woken(bell: int) -> None:
    woken = threading.Event()
    waiting = threading.Thread(target=lambda: (rings(bell, None), woken.set()))
    waiting.start()
    assert not woken.wait(0.05)
    ring(bell)
    waiting.join(10)
    assert woken.is_set()


def test_programs_do_not_inherit_it(bell: int) -> None:
    assert not os.get_inheritable(bell)
