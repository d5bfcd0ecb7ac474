"""Who waits for requests, and is renewed meanwhile, but not for ever."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
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


@pytest.mark.parametrize("times", [0, 3])
def test_a_request_is_heard_before_and_after_the_last_renewal(
    times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spare, "FRESH", 0.01)
    ours, launcher = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    asking, requests = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    requests.setblocking(False)
    bell, renewed = make_bell(), 0

    def ask() -> None:
        asking.send(json.dumps({"become": "monitor"}).encode())
        ring(bell)

    def renew() -> bool:
        nonlocal renewed
        renewed += 1
        if renewed > times:
            threading.Timer(0.1, ask).start()
        return renewed <= times

    with ours, asking, requests:
        ours.send(b"listen")
        heard = spare.stand_by(launcher, requests, bell, renew)
        assert (heard, renewed) == (({"become": "monitor"}, []), times + 1)
        assert ours.recv(100) == b"ready"


def test_a_request_is_left_to_others_until_it_is_told_to_listen() -> None:
    ours, launcher = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    asking, requests = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    requests.setblocking(False)
    bell = make_bell()
    asking.send(json.dumps({"become": "monitor"}).encode())
    ring(bell)

    def told() -> None:
        assert ours.recv(100) == b"ready"
        time.sleep(0.1)
        # The other that was rung for has taken the ring, though not this request.
        os.eventfd_read(bell)
        ours.send(b"listen")

    with ours, asking, requests:
        teller = threading.Thread(target=told)
        teller.start()
        heard = spare.stand_by(launcher, requests, bell, lambda: True)
        teller.join()
        assert heard == ({"become": "monitor"}, [])
