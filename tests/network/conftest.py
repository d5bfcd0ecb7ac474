"""Containers in networks of a test's own, and proof that nothing is left there afterwards."""

from __future__ import annotations

import contextlib
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ocinb.bundle.options import ContainerOptions, Networking
from ocinb.content.store import Store
from ocinb.engine import Engine
from ocinb.engine.containers import ContainerRecord
from ocinb.events import Recorder
from ocinb.settings import Settings
from tests.support.busybox_image import busybox_image
from tests.support.own_network import links_and_tables, own_network
from tests.support.workplace import place, recorder, runtime, settings, until


@pytest.fixture
def alone() -> Iterator[None]:
    """A network of the test's own; links and filters must be gone at its end."""
    with own_network():
        yield
        # A pair of links goes with its namespace, a moment after the last process in it.
        with contextlib.suppress(AssertionError):
            until(lambda: links_and_tables() == [])
        left = links_and_tables()
    assert left == []


@pytest.fixture(scope="session")
def images_store() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="ocinb-test-store-"))
    busybox_image(Store(directory))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def engine(alone: None, settings: Settings, recorder: Recorder) -> Iterator[Engine]:
    """An engine with the image ``box``; its containers are removed, and leave nothing."""
    made = Engine(settings, recorder)
    yield made
    for record in made.containers.all():
        made.containers.delete(record.id, force=True)
    assert state_files(settings) == []


def state_files(settings: Settings) -> list[str]:
    """Addresses in use, and records of what was made for containers."""
    state = settings.network_state
    return [str(p.relative_to(state)) for p in (*state.glob("*/leases/*"), *state.glob("att*/*"))]


Start = Callable[..., ContainerRecord]


@pytest.fixture
def start(engine: Engine) -> Start:
    """Starts a container that goes on; ``start("web", SERVE, publish=["8080:80"])``.

    A server listens as soon as it is there.
    """

    def begin(
        name: str, script: str, *, network: str = "bridge", runtime: str | None = None, **more: Any
    ) -> ContainerRecord:
        hooks = more.pop("hooks", {})
        options = ContainerOptions(
            args=["/bin/sh", "-c", script],
            network=network,
            networking=Networking(**more),
            add_capabilities=["NET_RAW"],
            hooks=hooks,
        )
        record = engine.run("box", options, name=name, runtime=runtime, detach=True)
        assert isinstance(record, ContainerRecord)
        if script.startswith("httpd -f"):
            until(lambda: listens(record.pid, 80))
        return record

    return begin


@pytest.fixture
def say(engine: Engine) -> Callable[..., str]:
    """Runs a script in a container to its end; what it said."""

    def run(
        script: str, *, network: str = "bridge", runtime: str | None = None, **more: Any
    ) -> str:
        said: list[bytes] = []
        hostname = more.pop("hostname", None)
        options = ContainerOptions(
            args=["/bin/sh", "-c", script],
            network=network,
            networking=Networking(**more),
            hostname=hostname,
            add_capabilities=["NET_RAW"],
        )
        ended = engine.run(
            "box", options, runtime=runtime, output=lambda data, _: said.append(data)
        )
        text = b"".join(said).decode()
        assert ended.exit_status == 0, text
        return text

    return run


def listens(pid: int, port: int) -> bool:
    """Whether somebody listens in the network that a process is in, by either version of IP."""
    lines: list[str] = []
    for name in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            lines += Path(f"/proc/{pid}/net/{name}").read_text().splitlines()
    sockets = [line.split() for line in lines]
    return any(words[1].endswith(f":{port:04X}") and words[3] == "0A" for words in sockets)


def get(port: int, host: str = "127.0.0.1") -> str:
    """What an HTTP server answers, as soon as there is one."""
    end = time.monotonic() + 20
    while True:
        with contextlib.suppress(OSError), socket.create_connection((host, port), 5) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
            if answer:
                return answer.partition(b"\r\n\r\n")[2].decode()
        assert time.monotonic() < end, f"nobody answers on port {port}"
        time.sleep(0.02)
