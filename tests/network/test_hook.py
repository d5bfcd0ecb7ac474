"""The hook as the program that it is: by hand, with nonsense, and killed at any moment."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ocinb.bundle.options import ContainerOptions, Networking
from ocinb.network import hook
from ocinb.network.networks import Networks
from ocinb.network.plan import Container, plan, write_files
from ocinb.network.undo import repair
from ocinb.settings import Settings
from tests.network.conftest import get, state_files
from tests.support.own_network import links_and_tables
from tests.support.ports import free_port
from tests.support.workplace import until

pytestmark = pytest.mark.root

HOOK = [sys.executable, "-I", "-S", hook.__file__]
ROUNDS = 30


@pytest.fixture
def inside(alone: None) -> Iterator[int]:
    """A process in a network namespace of its own, as a container's first process is."""
    with subprocess.Popen(["unshare", "--net", "busybox", "httpd", "-f", "-p", "80"]) as process:
        until(
            lambda: os.readlink(f"/proc/{process.pid}/ns/net") != os.readlink("/proc/self/ns/net")
        )
        yield process.pid
        process.kill()


class Hooks:
    """The two hooks of one container.

    Args:
        place: for its bundle and state.
        pid: its first process.
        publish: its ports.
    """

    def __init__(self, place: Path, pid: int, *publish: str) -> None:
        self.settings = Settings(root=place / "root", run_root=place / "run")
        networks = Networks(self.settings.networks, self.settings.network_state)
        container = Container(
            id="0123456789ab",
            name="web",
            hostname="web",
            bundle=place / "bundle",
            events="",
            exposed=(),
            rootless=False,
            joined=None,
            interpreter=sys.executable,
        )
        options = ContainerOptions(network="bridge", networking=Networking(publish=publish))
        write_files(plan(options, container, networks), container)
        self.path = str(place / "bundle/network/network.json")
        self.state = {"ociVersion": "1.0.2", "id": container.id, "pid": pid, "bundle": str(place)}

    def start(self, operation: str, state: Any = None) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [*HOOK, operation, self.path], stdin=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps(state or self.state).encode())
        process.stdin.close()
        process.stdin = None
        return process

    def run(self, operation: str, **changes: Any) -> tuple[int, str]:
        """Exit status and complaint."""
        process = self.start(operation, {**self.state, **changes})
        _, said = process.communicate(timeout=60)
        return process.returncode, said.decode()

    def repair(self) -> list[str]:
        return repair(str(self.settings.network_state), lambda _: False)


def test_by_hand(place: Path, inside: int) -> None:
    hooks = Hooks(place, inside, "8080:80")
    assert hooks.run("attach") == (0, "")
    assert "404" in get(8080) or get(8080)
    assert hooks.run("detach") == (0, "")
    assert hooks.run("detach") == (0, "")  # nothing is left to be done
    assert state_files(hooks.settings) == []


def test_attached_twice_is_attached_once(place: Path, inside: int) -> None:
    hooks = Hooks(place, inside, "8080:80")
    assert hooks.run("attach") == (0, "")
    # The end of the first was not seen: a machine that lost its power, and the same bundle again.
    subprocess.run(
        ["nsenter", "--net", f"--target={inside}", "ip", "link", "del", "eth0"], check=True
    )
    assert hooks.run("attach") == (0, "")
    assert sorted(state_files(hooks.settings)) == [
        "attachments/0123456789ab",
        "bridge/leases/10.87.0.3",
    ]
    assert hooks.run("detach") == (0, "")


def test_the_network_of_this_machine_is_never_touched(place: Path, alone: None) -> None:
    hooks = Hooks(place, os.getpid())
    status, said = hooks.run("attach")
    assert (status, said) == (1, "the container has no network namespace of its own\n")
    assert state_files(hooks.settings) == []
    assert links_and_tables() == []


def test_a_process_that_is_gone(place: Path, alone: None) -> None:
    with subprocess.Popen(["true"]) as gone:
        pass
    status, said = Hooks(place, gone.pid).run("attach")
    assert status == 1
    assert said.startswith("the container's network is not there: ")
    assert said.count("\n") == 1


def test_records_that_a_stranger_laid_in_the_way_are_not_believed(place: Path, inside: int) -> None:
    """They name programs; after a reboot anybody may have made a directory in /tmp anew."""
    hooks = Hooks(place, inside)
    hooks.settings.run_root.mkdir(exist_ok=True)
    os.chown(hooks.settings.run_root, 12345, 12345)
    for operation in ("attach", "detach"):
        status, said = hooks.run(operation)
        assert status == 1
        assert said.startswith(f"{hooks.settings.run_root} belongs to another user (12345) (")
    assert state_files(hooks.settings) == []


@pytest.mark.parametrize("name", ["", "../../etc/passwd", ".", "a/b", "a b", "é" * 300])
def test_ids_that_are_none(place: Path, inside: int, name: str) -> None:
    hooks = Hooks(place, inside)
    status, said = hooks.run("attach", id=name)
    assert status == 1
    assert "is not the ID of a container" in said
    assert state_files(hooks.settings) == []


@pytest.mark.parametrize("given", [b"", b"{", b"[]", b'"x"', b"\xff"])
def test_nonsense_in_place_of_a_state(place: Path, inside: int, given: bytes) -> None:
    hooks = Hooks(place, inside)
    done = subprocess.run(
        [*HOOK, "attach", hooks.path], input=given, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == b"what came on standard input is not a JSON object\n"


def test_nonsense_in_place_of_a_plan(place: Path, inside: int) -> None:
    hooks = Hooks(place, inside)
    for content, said in (("{", "not a JSON"), ("[]", "not a JSON"), (None, "no such file")):
        if content is None:
            Path(hooks.path).unlink()
        else:
            Path(hooks.path).write_text(content)
        status, complaint = hooks.run("attach")
        assert (status, complaint.count("\n")) == (1, 1)
        assert said in complaint


@pytest.mark.slow
@pytest.mark.parametrize("operation", ["attach", "detach"])
def test_killed_at_any_moment(place: Path, inside: int, operation: str) -> None:
    """Whatever the hook had made by then, repair finds it, and the next attempt works."""
    port = free_port()
    hooks = Hooks(place, inside, f"{port}:80", f"0.0.0.0:{port + 1}:80")
    began = time.monotonic()
    assert hooks.run("attach") == (0, "")
    usual = time.monotonic() - began
    assert hooks.run("detach") == (0, "")
    chance = random.Random(7)
    for _ in range(ROUNDS):
        if operation == "detach":
            assert hooks.run("attach") == (0, "")
        process = hooks.start(operation)
        time.sleep(chance.uniform(0, usual * 1.2))
        process.kill()
        process.communicate()
        hooks.repair()
        assert state_files(hooks.settings) == []
        assert links_and_tables() == []
        until(lambda: not _proxies(hooks.path))
    assert hooks.run("attach") == (0, "")
    assert hooks.run("detach") == (0, "")


def _proxies(path: str) -> list[str]:
    found = subprocess.run(["pgrep", "-f", path], capture_output=True, text=True, check=False)
    return found.stdout.split()
