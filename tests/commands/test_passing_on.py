"""Signals to ``ocinb run`` go to the program in the container, as with docker and podman."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ocinb.build.demo import demo_image
from ocinb.content.store import Store
from tests.support.door import Door, open_door
from tests.support.signals import passes_on
from tests.support.workplace import until

pytestmark = [pytest.mark.root, pytest.mark.slow]

LISTENING = "trap 'echo {0}; exit 3' {0}; echo ready; while :; do sleep 0.05; done"
GOES_ON = "trap 'echo {0}' {0}; echo ready; until read line; do :; done; echo over"
DEAF = "echo ready; exec sleep 1000"

Run = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with open_door(tmp_path) as door:
        store = Store(door.session.settings.store)
        store.names.set("docker.io/library/demo:latest", demo_image(store))
        yield door


@pytest.fixture
def run(door: Door, tmp_path: Path) -> Iterator[Run]:
    """Begins ``ocinb …`` and waits until the program says that it is ready."""
    begun: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            # Who was told to ignore it, as by nohup, hands that on.
            ["env", "--default-signal=HUP", sys.executable, "-m", "ocinb", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "OCINB_ROOT": str(tmp_path / "root"),
                "OCINB_RUN_ROOT": str(tmp_path / "run"),
            },
        )
        begun.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        if words[0] == "run":  # the program may be faster than who waits for it
            until(lambda: passes_on(process.pid))
        return process

    yield start
    for process in begun:
        process.kill()
        process.communicate()


def end(process: subprocess.Popen[str], text: str | None = None) -> tuple[int, str]:
    """The exit status, and what was written after ``ready``."""
    out, _ = process.communicate(text, timeout=30)
    return process.returncode, out


@pytest.mark.parametrize("name", ["TERM", "HUP", "INT", "QUIT"])
def test_a_program_is_asked_to_end_and_takes_its_time(door: Door, run: Run, name: str) -> None:
    process = run("run", "--rm", "demo", "sh", "-c", LISTENING.format(name))
    process.send_signal(getattr(signal, f"SIG{name}"))
    assert end(process) == (3, f"{name}\n")
    assert door("ps", "--all", "--quiet") == []


def test_what_does_not_ask_for_an_end_is_passed_on_too(door: Door, run: Run) -> None:
    process = run("run", "--rm", "-i", "demo", "sh", "-c", GOES_ON.format("USR1"))
    process.send_signal(signal.SIGUSR1)
    assert process.stdout is not None
    assert process.stdout.readline() == "USR1\n"
    assert end(process, "line\n") == (0, "over\n")


def test_a_program_that_has_no_ear_for_it_is_killed(door: Door, run: Run) -> None:
    """As the first process of its pid namespace it would not hear of it at all."""
    process = run("run", "--name", "deaf", "demo", "sh", "-c", DEAF)
    process.terminate()
    assert end(process) == (137, "")
    assert door("ps", "--all").column("exit_status") == [137]


def test_at_a_hangup_it_goes_on(door: Door, run: Run) -> None:
    process = run("run", "--rm", "--name", "deaf", "demo", "sh", "-c", DEAF)
    process.send_signal(signal.SIGHUP)
    assert end(process)[0] == 0
    assert door("ps").column("name") == ["deaf"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_without_it_the_container_goes_on_alone(door: Door, run: Run, number: int) -> None:
    process = run(
        "run", "--rm", "--sig-proxy=false", "--name", "left", "demo", "sh", "-c",
        LISTENING.format("TERM"),
    )  # fmt: skip
    process.send_signal(number)
    assert end(process)[0] == 0
    assert door("ps").column("status") == ["running"]
    door("stop", "left")
    until(lambda: door("ps", "--all", "--quiet") == [])


def test_attach_and_start_pass_them_on_as_well(door: Door, run: Run) -> None:
    door("create", "--name", "made", "demo", "sh", "-c", LISTENING.format("TERM"))
    started = run("start", "--attach", "made")
    started.terminate()
    assert end(started) == (3, "TERM\n")
    again = run("start", "--attach", "made")
    again.terminate()
    assert end(again) == (3, "TERM\n")
