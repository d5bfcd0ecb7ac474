"""Our registry beside Debian's docker-registry.

Both are processes of their own on loopback; the client is the same for both, in this process.
"""

from __future__ import annotations

import http.client
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from ocinb.spec.digest import digest_of
from tests.bench.measure import Case, Comparison
from tests.support.docker_registry import docker_registry

LARGE = 300_000_000
SMALL = 500
PATH = "/v2/bench/blobs"


@contextmanager
def ours(root: Path) -> Iterator[str]:
    """Our registry as a process; its address."""
    argv = [sys.executable, "-m", "ocinb.registry", "--root", str(root)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


class Peer:
    """One of the registries, holding a large and a small blob."""

    def __init__(self, name: str, address: str) -> None:
        self.name, self.address = name, address
        block = os.urandom(1_000_000)
        self.large = self.push(block * (LARGE // len(block)))
        self.small = self.push(os.urandom(SMALL))

    def push(self, data: bytes) -> str:
        """POST, then PUT; the digest."""
        digest = digest_of(data)
        connection = http.client.HTTPConnection(self.address, blocksize=1024 * 1024)
        connection.request("POST", f"{PATH}/uploads/")
        location = self.answer(connection, 202)
        location = location[location.index("/v2/") :]
        separator = "&" if "?" in location else "?"
        connection.request("PUT", f"{location}{separator}digest={digest}", body=data)
        self.answer(connection, 201)
        connection.close()
        return digest

    def answer(self, connection: http.client.HTTPConnection, status: int) -> str:
        """Read an answer of which only the status matters; its location."""
        response = connection.getresponse()
        response.read()
        assert response.status == status, (self.name, response.status)
        return response.getheader("Location") or ""

    def push_large(self) -> None:
        """A blob that was not there before."""
        block = os.urandom(1_000_000)
        self.push(block * (LARGE // len(block)))

    def get_large(self, *_: object) -> None:
        """The large blob, read and thrown away."""
        connection = http.client.HTTPConnection(self.address)
        connection.request("GET", f"{PATH}/{self.large}")
        response = connection.getresponse()
        buffer, total = bytearray(1024 * 1024), 0
        while count := response.readinto(buffer):
            total += count
        connection.close()
        assert total == LARGE

    def get_at_once(self) -> None:
        """The large blob four times at once."""
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(self.get_large, range(4)))

    def get_small_at_once(self) -> None:
        """The small blob twenty times by each of fifty clients."""

        def client(_: int) -> None:
            connection = http.client.HTTPConnection(self.address)
            for _ in range(20):
                connection.request("GET", f"{PATH}/{self.small}")
                self.answer(connection, 200)
            connection.close()

        with ThreadPoolExecutor(50) as pool:
            list(pool.map(client, range(50)))

    def get_small(self) -> None:
        """The small blob a hundred times over one connection."""
        connection = http.client.HTTPConnection(self.address)
        for _ in range(100):
            connection.request("GET", f"{PATH}/{self.small}")
            self.answer(connection, 200)
        connection.close()


def comparisons() -> Iterator[Comparison]:
    """Each of them, to be run before the next is asked for."""
    directory = Path(tempfile.mkdtemp(prefix="ocinb-bench-"))
    try:
        with ExitStack() as stack:
            theirs = stack.enter_context(docker_registry(directory / "theirs")).address
            peers = [
                Peer("ocinb.registry", stack.enter_context(ours(directory / "ours"))),
                Peer("docker-registry", theirs),
            ]
            for title, act in (
                ("push a blob of 300 MB", Peer.push_large),
                ("get a blob of 300 MB", Peer.get_large),
                ("get it four times at once", Peer.get_at_once),
                ("get a blob of 500 bytes, 100 times", Peer.get_small),
                ("the same 20 times by each of 50 clients at once", Peer.get_small_at_once),
            ):
                yield Comparison(title, [Case(p.name, partial(act, p)) for p in peers])
    finally:
        shutil.rmtree(directory, ignore_errors=True)
