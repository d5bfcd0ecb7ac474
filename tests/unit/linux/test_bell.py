"""A bell wakes who waits for it."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator

import pytest

from ocinb.linux.bell import answer, make_bell, ring, rings


@pytest.fixture
def bell() -> Iterator[int]:
    descriptor = make_bell()
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


Pair = tuple[socket.socket, socket.socket]


def test_it_rings_until_it_is_answered(bell: int, pair: Pair) -> None:
    connection = pair[0]
    assert not rings(bell, [connection], 0)
    ring(bell)
    ring(bell)
    for _ in range(2):
        assert rings(bell, [connection], 0)
    answer(bell)
    assert not rings(bell, [connection], 0)
    answer(bell)  # which is no error


def test_what_is_said_does_not_wake_but_the_end_does(bell: int, pair: Pair) -> None:
    ours, theirs = pair
    theirs.send(b"said")
    assert not rings(bell, [ours], 0)
    theirs.close()
    assert rings(bell, [ours])
    assert ours.recv(10) == b"said"


def test_who_waits_is_woken(bell: int, pair: Pair) -> None:
    woken = threading.Event()
    waiting = threading.Thread(target=lambda: (rings(bell, [pair[0]]), woken.set()))
    waiting.start()
    assert not woken.wait(0.05)
    ring(bell)
    waiting.join(10)
    assert woken.is_set()
