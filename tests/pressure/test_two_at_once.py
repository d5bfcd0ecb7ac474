"""Two processes that do the same thing at the same moment; a wrong clock; a registry that dies."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ocinb.registry.serve import RegistryServer
from tests.pressure.conftest import OPERATIONS
from tests.support.ordeal import REFUSED, ROOT, Operation, Ordeal
from tests.support.ports import free_port

pytestmark = [pytest.mark.root, pytest.mark.slow]


@pytest.mark.parametrize("operation", OPERATIONS, indirect=True)
def test_two_at_once(ordeal: Ordeal, operation: Operation) -> None:
    operation.before()
    both = [ordeal.begin(*operation.words) for _ in range(2)]
    for process in both:
        ordeal.go(process)
    ends = [ordeal.end(process) for process in both]
    # One of them does it; the other has the same, or is told in a sentence that it is done.
    assert 0 in [said.status for said in ends], ends
    for said in ends:
        refused = said.status == REFUSED and said.error[0] in operation.refused
        assert said.status == 0 or refused, ends
    ordeal.check(changing=operation.changing)
    operation.after()
    ordeal.repair()
    ordeal.check()


@pytest.mark.parametrize("hours", [-24, 24], ids=["yesterday", "tomorrow"])
@pytest.mark.parametrize("operation", ["pull", "unpack", "delete", "gc", "build"], indirect=True)
def test_a_clock_that_is_wrong(ordeal: Ordeal, operation: Operation, hours: float) -> None:
    operation.before()
    ordeal.run(*operation.words, hours=hours)
    ordeal.check(changing=operation.changing)
    # And right again: what has just been made seems to be of another day.
    ordeal.run("gc")
    ordeal.check()
    if ordeal.run(*operation.words, refused=operation.refused).status:
        operation.after()
    operation.after()
    ordeal.repair()
    ordeal.check()


def test_garbage_is_not_collected_from_under_a_pull_by_a_clock_that_is_wrong(
    ordeal: Ordeal, image: tuple[str, Path]
) -> None:
    ordeal.run("rmi", image[0])
    ordeal.run("gc", "--grace", "0")
    pull = ordeal.begin("pull", image[0])
    collect = [ordeal.begin("gc", hours=hours) for hours in (-24, 24)]
    for process in (pull, *collect):
        ordeal.go(process)
    for process in (pull, *collect):
        assert ordeal.end(process).status == 0
    ordeal.check()
    ordeal.run("run", "--rm", image[0], "true")
    ordeal.repair()


@pytest.mark.parametrize("command", ["pull", "push"])
def test_a_registry_that_dies_in_the_middle(
    ordeal: Ordeal, image: tuple[str, Path], command: str, tmp_path: Path
) -> None:
    with _served(tmp_path / "registry") as (process, address):
        name = f"{address}/app:1"
        ordeal.run("push", image[0], name)
        words = ("push", image[0], f"{address}/other:1")
        if command == "pull":
            words = ("pull", name)
            ordeal.run("rmi", image[0])
            ordeal.run("gc", "--grace", "0")
            ordeal.committed.pop(image[0])
        ordeal.commit()
        interrupted = ordeal.begin(*words)
        ordeal.go(interrupted)
        time.sleep(0.05)
        process.kill()
        process.wait()
        said = ordeal.end(interrupted)
    assert said.status in (0, REFUSED), said
    assert "\n" not in said.error[1]
    assert not said.trouble
    ordeal.check(changing=(name,))
    with RegistryServer(tmp_path / "registry", port=int(address.rpartition(":")[2])):
        ordeal.run(*words)
        if command == "push":
            ordeal.run("pull", f"{address}/other:1")
    ordeal.repair()
    ordeal.check()


@contextmanager
def _served(root: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Our registry as a process of its own, and its address."""
    # On a port that nobody else is given until it comes back.
    port = ["--port", str(free_port())]
    words = [sys.executable, "-m", "ocinb.registry", "--root", str(root), *port]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    ) as process:
        assert process.stdout
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()
