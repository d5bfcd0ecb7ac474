"""Answers whose head does not end: sent in haste, or a byte now and then."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterable, Iterator

import pytest

from ocinb.content.store import Store
from ocinb.distribution.client import Client
from ocinb.distribution.pull import pull
from ocinb.errors import DistributionError
from ocinb.spec.reference import Reference


@contextlib.contextmanager
def answering(pieces: Iterable[bytes]) -> Iterator[str]:
    """A server that sends these pieces to whoever connects, until they go; its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            for piece in pieces:
                if ended.is_set():
                    return
                connection.sendall(piece)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.settimeout(10)
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        ended.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


class Endless:
    """The same piece for ever, each time anew."""

    def __init__(self, piece: bytes, pause: float = 0.0) -> None:
        self.piece, self.pause = piece, pause

    def __iter__(self) -> Iterator[bytes]:
        while True:
            yield self.piece
            time.sleep(self.pause)


@pytest.mark.parametrize(
    ("pieces", "sentence"),
    [
        (Endless(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000), "head of the answer does not end"),
        (Endless(b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n", 0.2), "does not answer in time"),
        (Endless(b"H", 0.1), "does not answer in time"),
        (Endless(b"x" * 65536), "longer than 100 KiB"),
    ],
    ids=["interim answers in haste", "interim answers now and then", "a byte now and then", "junk"],
)
def test_it_is_given_up_in_one_sentence(
    pieces: Endless, sentence: str, impatient: Client, store: Store
) -> None:
    with answering(pieces) as address, pytest.raises(DistributionError) as raised:
        pull(impatient, store, Reference.parse(f"{address}/demo:1"))
    assert sentence in raised.value.message
    assert not store.names.items()
