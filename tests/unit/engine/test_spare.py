"""Who waits for requests, and is renewed meanwhile, but not for ever."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ocinb.engine import spare
from ocinb.linux.bell import make_bell, ring


class Waiting:
    """In the place of a process that waits to be a container's."""

    def __init__(self) -> None:
        self.ended = False

    def end(self) -> None:
        self.ended = True


def test_it_is_renewed_while_nobody_asks_and_then_given_up() -> None:
    forked: list[Any] = []

    def fork() -> Any:
        forked.append(Waiting())
        return forked[-1]

    fresh = spare.FreshStandby(fork)
    assert fresh.process is forked[0]
    assert fresh.renew()
    assert (forked[0].ended, fresh.process) == (True, forked[1])
    renewals = 2
    while fresh.renew():
        renewals += 1
    assert (len(forked), fresh.process) == (renewals, None)
    assert all(process.ended for process in forked)


def test_where_there_can_be_none_nobody_is_renewed() -> None:
    fresh = spare.FreshStandby(lambda: None)
    assert (fresh.renew(), fresh.process) == (False, None)


class Line:
    """What a spare child waits at, and the other ends of it.

    Attributes:
        told, launcher: the launcher's end of its socket, and the child's.
        asking, requests: the engine's end of where requests come, and the child's.
        bell: rung at each.
    """

    def __init__(self) -> None:
        self.told, self.launcher = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.asking, self.requests = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.requests.setblocking(False)
        self.bell = make_bell()

    def ask(self) -> None:
        self.asking.send(json.dumps({"become": "monitor"}).encode())
        ring(self.bell)

    def stand_by(self, renew: Callable[[], bool]) -> object:
        return spare.stand_by(self.launcher, self.requests, self.bell, renew)


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    with made.told, made.asking, made.requests:
        yield made
    os.close(made.bell)


@pytest.mark.parametrize("times", [0, 3])
def test_a_request_is_heard_before_and_after_the_last_renewal(
    times: int, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spare, "FRESH", 0.01)
    renewed = 0

    def renew() -> bool:
        nonlocal renewed
        renewed += 1
        if renewed > times:
            threading.Timer(0.1, line.ask).start()
        return renewed <= times

    line.told.send(b"listen")
    heard = line.stand_by(renew)
    assert (heard, renewed) == (({"become": "monitor"}, []), times + 1)
    assert line.told.recv(100) == b"ready"


def test_a_request_is_left_to_others_until_it_is_told_to_listen(line: Line) -> None:
    line.ask()

    def tell() -> None:
        assert line.told.recv(100) == b"ready"
        time.sleep(0.1)
        # The other that was rung for has taken the ring, though not this request.
        os.eventfd_read(line.bell)
        line.told.send(b"listen")

    teller = threading.Thread(target=tell)
    teller.start()
    heard = line.stand_by(lambda: True)
    teller.join()
    assert heard == ({"become": "monitor"}, [])
