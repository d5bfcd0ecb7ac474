"""A container that writes a hundred megabytes, or bytes that are no text: every one comes through.

A shell is given what the program wrote, as docker and podman do it; what cells show of such
output is tested in ``tests/notebooks/test_saved.py`` and ``tests/kernel``.
"""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys

import pytest

from ocinb.build.demo import demo_image
from ocinb.content.store import Store

pytestmark = [pytest.mark.root, pytest.mark.slow]

MEGABYTES = 100


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("floods")
    store = Store(place / "root/store")
    store.names.set("docker.io/library/demo:latest", demo_image(store))
    data = place / "data"
    data.mkdir()
    with (data / "large").open("wb") as file:
        for _ in range(MEGABYTES):
            file.write(b"x" * 999_999 + b"\n")
    (data / "binary").write_bytes(random.Random(1).randbytes(1_000_000))
    return place


def started(place, name, **where):
    words = ("run", "--rm", "-v", f"{place}/data:/data:ro", "demo", "cat", f"/data/{name}")
    return subprocess.Popen(
        [sys.executable, "-m", "ocinb", *words],
        env={
            **os.environ,
            "OCINB_ROOT": f"{place}/root",
            "OCINB_RUN_ROOT": f"{place}/run",
        },
        stdin=subprocess.DEVNULL,
        **where,
    )


@pytest.mark.parametrize("name", ["large", "binary"])
def test_in_a_pipe_every_byte_comes_through(place, name):
    passed = hashlib.sha256()
    with started(place, name, stdout=subprocess.PIPE) as process:
        while data := process.stdout.read(1 << 20):
            passed.update(data)
    assert process.returncode == 0
    assert passed.digest() == hashlib.sha256((place / "data" / name).read_bytes()).digest()


def test_on_a_terminal_too(place):
    ours, theirs = os.openpty()
    length = 0
    with started(place, "large", stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        while True:
            try:
                data = os.read(ours, 1 << 16)
            except OSError:  # nobody writes any more
                break
            length += len(data)
    os.close(ours)
    assert process.returncode == 0
    assert length == MEGABYTES * 1_000_001  # the terminal ends lines with two characters
