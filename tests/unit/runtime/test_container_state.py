"""What is remembered, and what is found out. Spec: runtime-spec runtime.md#state"""

from __future__ import annotations

import fcntl
import json
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocinb.errors import ContainerError, ContainerExists, ContainerNotFound, InvalidStatus
from ocinb.linux import processes
from ocinb.runtime.container_state import Container, Containers, check_id

CONFIG = {"ociVersion": "1.3.0", "root": {"path": "rootfs"}, "annotations": {"a": "b"}}


@pytest.fixture
def containers(tmp_path: Path) -> Containers:
    return Containers(str(tmp_path / "root"))


@pytest.fixture
def container(containers: Containers) -> Container:
    return containers.claim("c", "/bundle", CONFIG)


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as running:
        yield running
        running.kill()


def made(container: Container, pid: int) -> Container:
    container.data.update(pid=pid, start_time=processes.start_time(pid), made=True)
    container.save()
    return container


def test_a_container_is_found_again(containers: Containers, container: Container) -> None:
    again = containers.load("c")
    assert again.data == container.data
    assert again.config() == CONFIG
    assert again.data["rootfs"] == "/bundle/rootfs"


def test_its_directory_is_private(containers: Containers, container: Container) -> None:
    assert stat.S_IMODE(os.stat(container.directory).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(f"{container.directory}/state.json").st_mode) == 0o600


def test_an_id_is_claimed_once(containers: Containers, container: Container) -> None:
    with pytest.raises(ContainerExists):
        containers.claim("c", "/bundle", CONFIG)
    container.forget()
    containers.claim("c", "/bundle", CONFIG)


def test_what_does_not_exist(containers: Containers) -> None:
    with pytest.raises(ContainerNotFound):
        containers.load("c")
    assert containers.all() == []


@pytest.mark.parametrize("wrong", ["", ".", "..", "a/b", "../x", "a b", "ä", "x" * 256, "a\n"])
def test_ids_that_are_none(wrong: str) -> None:
    with pytest.raises(ContainerError):
        check_id(wrong)


@pytest.mark.parametrize("right", ["a", "A-b_c.d+1", "x" * 255])
def test_ids(right: str) -> None:
    check_id(right)


def test_while_it_is_made_it_is_creating(container: Container) -> None:
    assert container.status() == "creating"


def test_if_the_creator_died_it_is_stopped(container: Container) -> None:
    container.data["creator_start_time"] += 1
    assert container.status() == "stopped"


def test_a_process_that_holds_the_lock_is_not_yet_the_program(
    container: Container, process: subprocess.Popen[bytes]
) -> None:
    made(container, process.pid)
    fd = os.open(f"{container.directory}/init.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(fd, fcntl.LOCK_EX)
    assert container.status() == "created"
    os.close(fd)
    assert container.status() == "running"


def test_another_process_with_the_same_number_is_not_the_containers(
    container: Container, process: subprocess.Popen[bytes]
) -> None:
    made(container, process.pid)
    container.data["start_time"] -= 1
    assert container.status() == "stopped"


def test_a_zombie_is_stopped(container: Container) -> None:
    with subprocess.Popen(["true"]) as process:
        container.data.update(pid=process.pid, start_time=1, made=True)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert container.status() == "stopped"
        assert container.state().document()["pid"] == 0


def test_an_operation_in_the_wrong_status(container: Container) -> None:
    with pytest.raises(InvalidStatus, match="cannot start container c: it is creating, not cre"):
        container.require("start", "created")


def test_the_state_document(container: Container, process: subprocess.Popen[bytes]) -> None:
    document = made(container, process.pid).state().document()
    assert document == {
        "ociVersion": "1.3.0",
        "id": "c",
        "status": "running",
        "pid": process.pid,
        "bundle": "/bundle",
        "annotations": {"a": "b"},
    }


def test_a_write_that_fails_leaves_the_file_before(container: Container) -> None:
    before = Path(f"{container.directory}/state.json").read_text()
    container.data["bad"] = object()
    with pytest.raises(TypeError):
        container.save()
    assert Path(f"{container.directory}/state.json").read_text() == before
    assert json.loads(before)["id"] == "c"


def test_forget_leaves_nothing(containers: Containers, container: Container) -> None:
    Path(f"{container.directory}/exec.fifo").touch()
    container.forget()
    assert not os.path.exists(container.directory)
    container.forget()
