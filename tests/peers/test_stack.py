"""Who called whom: ``stack trace`` with the real engines, and who stands above their containers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocinb.errors import CommandError
from tests.support.chain.docker import docker
from tests.support.containerd import Containerd
from tests.support.door import Door
from tests.support.own_network import own_network
from tests.support.peers import require
from tests.support.pod_registry import root_archive
from tests.support.podman import Podman
from tests.support.runtimes import make_rootfs, wait_until

pytestmark = [pytest.mark.peer, pytest.mark.root, pytest.mark.slow]


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path / "door")


@pytest.fixture
def short_path() -> Iterator[Path]:
    """For sockets, whose path has 104 bytes at the most."""
    with tempfile.TemporaryDirectory(prefix="ocinb-stack-") as place:
        yield Path(place)


@pytest.fixture
def podman(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Podman]:
    made = Podman(tmp_path / "podman")
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    made("import", "--change", "ENV PATH=/bin", str(root_archive(tmp_path)), "box")
    yield made
    made("rm", "--force", "--all", "-t", "0")


@pytest.fixture
def containerd(tmp_path: Path) -> Iterator[Containerd]:
    with Containerd(tmp_path / "containerd") as made:
        yield made


@pytest.mark.parametrize("runtime", ["runc", "ocinb"])
def test_what_podman_really_asks(door: Door, podman: Podman, runtime: str) -> None:
    words = ("podman", "run", "--rm", "box", "sh", "-c", "echo hi; exit 3")
    table = door("stack", "trace", "--runtime", runtime, "--", *words)
    assert door.output() == "hi\n"
    assert "ended with 3" in table.title
    rows = table.records()
    assert [row["call"] for row in rows] == ["create", "start", "delete"]
    assert [row["caller"] for row in rows] == ["conmon", "podman", "podman"]
    assert {row["called"] for row in rows} == {{"ocinb": "ocinb-runtime"}.get(runtime, runtime)}
    assert {row["answer"] for row in rows} == {"status 0"}
    assert json.loads(rows[0]["document"])["process"]["args"] == ["sh", "-c", "echo hi; exit 3"]
    assert "--bundle" in rows[0]["asked"]


def test_a_container_that_was_traced_lives_on_without_it(door: Door, podman: Podman) -> None:
    door("stack", "trace", "podman", "run", "-d", "--name", "later", "box", "sleep", "1000")
    assert podman("exec", "later", "echo", "in").stdout == "in\n"
    table = door("stack", "trace", "podman", "exec", "later", "sh", "-c", "exit 9")
    (row,) = table.records()
    assert (row["call"], row["caller"]) == ("exec", "conmon")
    assert json.loads(row["document"])["args"] == ["sh", "-c", "exit 9"]
    podman("rm", "--force", "-t", "0", "later")


def test_what_containerds_shim_asks(door: Door, containerd: Containerd, tmp_path: Path) -> None:
    rootfs = make_rootfs(tmp_path / "rootfs")
    words = containerd.argv("run", "--rm", "--rootfs", str(rootfs), "c", "/bin/echo", "hi")
    table = door("stack", "trace", "--runtime", "ocinb", "--", *words)
    assert door.output() == "hi\n"
    rows = table.records()
    assert [row["call"] for row in rows] == ["create", "start", "delete", "delete"]
    assert {row["caller"] for row in rows} == {"containerd-shim"}
    assert {row["subject"] for row in rows} == {"c"}


def test_what_docker_asks_once_a_person_said_so(
    door: Door, tmp_path: Path, short_path: Path
) -> None:
    client = require("docker")
    with pytest.MonkeyPatch.context() as patch, own_network():
        archive = root_archive(tmp_path)
        (tmp_path / "first").mkdir()
        from ocinb.stack.tracing import Tracing

        wrapper = Tracing(tmp_path / "door/root/stack").wrapper("ocinb")
        with docker(short_path, archive, {"traced": wrapper}):
            patch.setenv("DOCKER_HOST", f"unix://{short_path}/sock")
            patch.setenv("DOCKER_CONFIG", f"{short_path}/client")
            words = (client, "run", "--rm", "box", "echo", "hi")
            table = door("stack", "trace", "--runtime", "ocinb", "--", *words)
            assert door.output() == "hi\n"
            rows = table.records()
            assert [row["call"] for row in rows][:2] == ["create", "start"]
            assert {row["called"] for row in rows} == {"ocinb-runtime"}
            with pytest.raises(CommandError, match="by its configuration only"):
                door("stack", "trace", "--runtime", "crun", "--", *words)


def test_who_stands_above_a_container_of_podman(door: Door, podman: Podman) -> None:
    podman("run", "-d", "-t", "--name", "above", "box", "sleep", "1000")
    pid = podman("inspect", "--format", "{{.State.Pid}}", "above").stdout.strip()
    rows = door("stack", "show", "--pid", pid).records()
    assert rows[0]["process"] == "sleep"
    assert (rows[1]["process"], rows[1]["holds"]) == ("conmon", "its terminal")
    assert rows[-1]["role"] == "init"


def test_a_shim_outlives_containerd(tmp_path: Path, door: Door) -> None:
    # Spec: none (containerd); it is what the lesson on shims shows.
    rootfs = make_rootfs(tmp_path / "rootfs")
    place = tmp_path / "containerd"
    with Containerd(place) as containerd:
        containerd("run", "-d", "--rootfs", str(rootfs), "c", "/bin/sleep", "1000")
        pid = int(containerd("task", "ls").stdout.split()[-2])
        os.kill(containerd.pid, 9)
        rows = door("stack", "show", "--pid", pid).records()
        assert [row["process"] for row in rows[:2]] == ["sleep", "containerd-shim"]
        assert rows[1]["holds"] == "input, output, errors"
        with Containerd(place) as again:
            assert "RUNNING" in again("task", "ls").stdout
            again("task", "kill", "--signal", "9", "c")
            wait_until(lambda: "STOPPED" in again("task", "ls").stdout)
            again("task", "rm", "c", check=False)
            again("container", "rm", "c")
    pgrep = ["pgrep", "-f", str(place)]
    wait_until(lambda: subprocess.run(pgrep, capture_output=True, check=False).stdout == b"")


def test_ctrl_c_in_a_shell_is_the_engines_and_the_calls_are_told(
    podman: Podman, tmp_path: Path
) -> None:
    settings = {"OCINB_ROOT": f"{tmp_path}/root", "OCINB_RUN_ROOT": f"{tmp_path}/run"}
    script = "trap 'echo ended; exit 4' INT; echo begun; sleep 1000 & wait"
    argv = [sys.executable, "-m", "ocinb", "stack", "trace", "--format", "json", "--"]
    traced = subprocess.Popen(
        [*argv, "podman", "run", "--rm", "box", "sh", "-c", script],
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert traced.stderr is not None
    assert traced.stderr.readline() == "begun\n"
    # Podman passes signals on only once its start has returned; one before that ends it alone.
    wait_until(lambda: podman("ps", "--quiet").stdout != "")  # it lists what runs
    os.killpg(traced.pid, signal.SIGINT)
    told, errors = traced.communicate(timeout=60)
    assert "ended" in errors
    assert [row["call"] for row in json.loads(told)] == ["create", "start", "kill", "delete"]
