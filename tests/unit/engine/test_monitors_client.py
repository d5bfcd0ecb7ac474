"""An engine as its monitor sees it: what it said last is heard, also when it is gone."""

from __future__ import annotations

import select
import socket

from ocinb.engine.client import Client
from ocinb.engine.frames import NEWS, order


def pair() -> tuple[socket.socket, Client, dict[int, int]]:
    """An engine's socket, the client, and what ``poll`` would find of it."""
    ours, theirs = socket.socketpair()
    number = theirs.detach()
    return ours, Client(number), {number: select.POLLIN}


def test_an_order_of_an_engine_that_has_gone_since_is_heard() -> None:
    engine, client, ready = pair()
    engine.sendall(order("halt"))
    engine.close()
    client.say(NEWS)  # nobody takes it any more
    assert [told["do"] for told in client.handle(ready)] == ["halt"]
    assert client.connected
    assert client.handle(ready) == []
    assert not client.connected


def test_nothing_waits_for_who_takes_no_more() -> None:
    engine, client, _ = pair()
    engine.close()
    for _ in range(3):
        client.say(NEWS, b"x" * 1000)
    assert not client.waiting
    client.hang_up()
