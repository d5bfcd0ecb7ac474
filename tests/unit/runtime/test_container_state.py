"""What is remembered, and what is found out. Spec: runtime-spec runtime.md#state"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import stat
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from ocinb.errors import (
    ContainerError,
    ContainerExists,
    ContainerNotFound,
    InvalidStatus,
    StorageError,
)
from ocinb.linux import processes
from ocinb.linux.syscalls import Kernel
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


def test_what_is_remembered_from_the_first_moment(containers: Containers) -> None:
    config = {"root": {"path": "/tree"}, "annotations": None}
    before = time.time()
    data = containers.claim("c", "/bundle", config).data
    created = data.pop("created")
    assert before - 1e-5 <= datetime.fromisoformat(created).timestamp() <= time.time()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", created)
    assert data == {
        "id": "c",
        "bundle": "/bundle",
        "oci_version": "1.3.0",
        "pid": 0,
        "start_time": 0,
        "creator": os.getpid(),
        "creator_start_time": processes.start_time(os.getpid()),
        "owner": os.getuid(),
        "annotations": {},
        "rootfs": "/tree",
        "cgroup": {},
        "cgroup_created": [],
        "cgroup_version": 0,
    }


def test_its_directory_is_private(containers: Containers, container: Container) -> None:
    assert stat.S_IMODE(os.stat(containers.root).st_mode) == 0o700
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


def test_all_are_found_by_their_ids(containers: Containers) -> None:
    for name in ("c", "a", "b"):
        containers.claim(name, "/bundle", CONFIG)
    os.mkdir(f"{containers.root}/ab")  # one that is made, or deleted, at this moment
    assert [found.id for found in containers.all()] == ["a", "b", "c"]


def test_what_cannot_be_written_takes_no_id(containers: Containers) -> None:
    with pytest.raises(TypeError):
        containers.claim("c", "/bundle", CONFIG | {"bad": object()})
    assert os.listdir(containers.root) == []


def test_a_root_that_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="file/root/c"):
        Containers(str(tmp_path / "file/root")).claim("c", "/bundle", CONFIG)


def test_a_file_in_the_place_of_a_container_is_none(containers: Containers, tmp_path: Path) -> None:
    os.mkdir(containers.root)
    (tmp_path / "root/c").touch()
    with pytest.raises(ContainerNotFound):
        containers.load("c")


@pytest.mark.parametrize("damaged", [b"", b"{", b"{}", b'{"id": "c"}', b"[]", b"null", b"\xff{}"])
def test_a_damaged_state_is_told_with_its_file(
    containers: Containers, container: Container, damaged: bytes
) -> None:
    Path(f"{container.directory}/state.json").write_bytes(damaged)
    with pytest.raises(StorageError, match=r"c/state\.json cannot be read"):
        containers.load("c")


@pytest.mark.parametrize("damaged", [b"", b"{", b"[]", b"null", b"\xff{}"])
def test_a_damaged_config_is_told_with_its_file(
    containers: Containers, container: Container, damaged: bytes
) -> None:
    Path(f"{container.directory}/config.json").write_bytes(damaged)
    with pytest.raises(StorageError, match=r"c/config\.json cannot be read"):
        containers.load("c").config()


def test_of_what_never_became_a_container_the_directory_goes(containers: Containers) -> None:
    containers.clear("c")
    container = containers.claim("c", "/bundle", CONFIG)
    containers.clear("c")
    assert containers.load("c").config() == CONFIG
    os.rename(f"{container.directory}/state.json", f"{container.directory}/.state.json.123")
    containers.clear("c")
    assert os.listdir(containers.root) == []


def test_what_becomes_a_container_at_this_moment_is_not_in_the_way_of_clear(
    containers: Containers, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = Path(containers.root, "c")
    directory.mkdir(parents=True)
    remove = os.rmdir

    def another_is_quicker(path: str) -> None:
        Path(path, "config.json").write_text("{}")
        remove(path)

    monkeypatch.setattr(os, "rmdir", another_is_quicker)
    containers.clear("c")
    assert os.listdir(directory) == ["config.json"]


def test_what_clear_cannot_remove_is_told(
    containers: Containers, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = Path(containers.root, "c")
    directory.mkdir(parents=True)

    def refused(path: str) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), path)

    monkeypatch.setattr(os, "rmdir", refused)
    with pytest.raises(PermissionError):
        containers.clear("c")


@pytest.mark.parametrize("name", ["thesis.txt", ".profile", "directory"])
def test_what_is_no_containers_directory_stays(containers: Containers, name: str) -> None:
    home = Path(containers.root)
    (home / "c").mkdir(parents=True)
    (home / "c/config.json").write_text("{}")
    if name == "directory":
        (home / "c").rename(home / "elsewhere")
        (home / "c").symlink_to(home / "elsewhere")
    else:
        (home / "c" / name).write_text("precious")
    containers.clear("c")
    assert (home / "c/config.json").read_text() == "{}"


@pytest.mark.parametrize(
    ("name", "goes"),
    [
        ("exec.fifo", True),
        ("init.lock", True),
        ("config.json", True),
        ("lock", True),
        (".config.json.12", True),
        (".state.json.12", True),
        ("thesis.txt", False),
        ("config.json.bak", False),
    ],
)
def test_what_is_somebody_elses_stays(containers: Containers, name: str, goes: bool) -> None:
    os.makedirs(f"{containers.root}/c")
    Path(f"{containers.root}/c/{name}").touch()
    containers.clear("c")
    assert os.listdir(containers.root) == ([] if goes else ["c"])


@pytest.mark.parametrize("operation", ["claim", "load", "clear"])
def test_no_operation_takes_what_is_no_id(containers: Containers, operation: str) -> None:
    """A directory beside the root stays as it is."""
    os.makedirs(f"{containers.root}-of-others/x")
    wrong = "../root-of-others/x"
    with pytest.raises(ContainerError, match="is not a container id"):
        getattr(containers, operation)(*(wrong, "/b", CONFIG) if operation == "claim" else (wrong,))
    assert os.path.exists(f"{containers.root}-of-others/x")


@pytest.mark.root
@pytest.mark.parametrize("user", [0, 1234])
@pytest.mark.parametrize("owner", [0, 1234, 4321, 65534])
def test_what_another_user_says_of_containers_is_not_believed(
    containers: Containers,
    container: Container,
    owner: int,
    user: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The superuser's is; and that of the kernel's number for who cannot be seen from here."""
    os.chown(containers.root, owner, owner)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    if owner in (0, user, 65534):
        assert containers.load("c").id == "c"
        containers.claim("d", "/bundle", CONFIG)
        return
    for act in (lambda: containers.load("c"), lambda: containers.claim("d", "/bundle", CONFIG)):
        with pytest.raises(StorageError, match=rf"belongs to another user \({owner}\)$") as caught:
            act()
        assert caught.value.hint == "set XDG_RUNTIME_DIR, or say --root"
    assert not os.path.exists(f"{containers.root}/d")


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
    before = len(os.listdir("/proc/self/fd"))
    assert container.status() == "running"
    assert len(os.listdir("/proc/self/fd")) == before


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


@pytest.mark.parametrize(("said", "status"), [("FROZEN", "paused"), ("THAWED", "running")])
def test_paused_is_what_the_freezer_says(
    container: Container, process: subprocess.Popen[bytes], tmp_path: Path, said: str, status: str
) -> None:
    (tmp_path / "freezer.state").write_text(f"{said}\n")
    container.data.update(cgroup={"freezer": str(tmp_path)}, cgroup_version=1)
    kernel = Kernel()
    assert container.shown_status(kernel) == "creating"
    assert made(container, process.pid).shown_status(kernel) == status
    container.data["start_time"] -= 1
    assert container.shown_status(kernel) == "stopped"


def test_its_control_groups_are_those_that_were_made(container: Container) -> None:
    container.data.update(cgroup={"pids": "/p/c"}, cgroup_created=["/p", "/p/c"], cgroup_version=1)
    group = container.cgroup(Kernel())
    assert (group.directories, group.created, group.version) == (
        {"pids": "/p/c"},
        ["/p", "/p/c"],
        1,
    )


def test_of_a_deletion_that_was_cut_off_no_config_is_left(
    containers: Containers, container: Container
) -> None:
    os.unlink(f"{container.directory}/config.json")
    assert containers.load("c").config() == {}


def test_who_made_a_container_need_not_read_its_config(container: Container) -> None:
    os.unlink(f"{container.directory}/config.json")
    assert container.config() == CONFIG


def test_an_operation_in_the_wrong_status(container: Container) -> None:
    with pytest.raises(InvalidStatus, match="cannot start container c: it is creating, not cre"):
        container.require("start", "created")


@pytest.mark.parametrize(
    ("operation", "statuses", "told"),
    [
        ("kill", ("created", "running"), "container not running: it is stopped, not created or r"),
        ("start", ("created",), "it is stopped, not created"),
        ("delete", ("created",), "it is stopped, not created"),
    ],
)
def test_what_containerds_shim_reads_is_said_where_nothing_runs(
    container: Container, operation: str, statuses: tuple[str, ...], told: str
) -> None:
    container.data["creator_start_time"] += 1
    with pytest.raises(InvalidStatus, match=f"^cannot {operation} container c: {told}") as caught:
        container.require(operation, *statuses)
    assert caught.value.citation == f"runtime-spec runtime.md#{operation}"


def test_an_operation_that_the_specification_does_not_know(container: Container) -> None:
    with pytest.raises(InvalidStatus, match=r"it is creating, not running$") as caught:
        container.require("pause", "running")
    assert caught.value.citation == "runtime-spec runtime.md#operations"
    assert container.require("pause", "creating", "running") == "creating"


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


def test_what_changes_is_found_by_whoever_comes_next(
    containers: Containers, container: Container
) -> None:
    before = dict(container.data)
    container.amend(pid=7, start_time=3)
    container.amend(made=True)
    assert containers.load("c").data == {**before, "pid": 7, "start_time": 3, "made": True}
    assert container.data == containers.load("c").data


def test_of_a_container_that_was_deleted_nothing_is_changed(container: Container) -> None:
    container.forget()
    with pytest.raises(StorageError, match=r"c/state\.json cannot be written: no such file"):
        container.amend(pid=7)
    assert container.pid == 7  # who has made it must undo it
    assert not os.path.exists(container.directory)


def test_forget_leaves_nothing(containers: Containers, container: Container) -> None:
    for name in ("exec.fifo", ".state.json.12"):  # a write that was killed left the second
        Path(f"{container.directory}/{name}").touch()
    container.forget()
    assert not os.path.exists(container.directory)
    container.forget()


def test_who_holds_the_lock_keeps_others_from_the_container(container: Container) -> None:
    container.lock()
    with open(f"{container.directory}/lock") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert stat.S_IMODE(os.stat(f"{container.directory}/lock").st_mode) == 0o600


def test_others_may_change_it_afterwards(container: Container) -> None:
    container.lock()
    container.unlock()
    with open(f"{container.directory}/lock") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    container.unlock()  # which is no error
    container.lock()
    container.forget()
    assert container._lock == -1


@pytest.mark.parametrize("left", ["the lock", "nothing"])
def test_a_container_that_was_deleted_meanwhile_is_not_locked(
    container: Container, left: str
) -> None:
    if left == "nothing":
        container.forget()
    else:
        os.unlink(f"{container.directory}/state.json")
    with pytest.raises(ContainerNotFound, match="container c does not exist"):
        container.lock()


@pytest.mark.parametrize("name", ["exec.fifo", "init.lock", "config.json"])
def test_what_cannot_be_removed_leaves_a_container_that_can_be_deleted_again(
    containers: Containers, container: Container, name: str
) -> None:
    Path(f"{container.directory}/{name}").unlink(missing_ok=True)
    os.mkdir(f"{container.directory}/{name}")
    with pytest.raises(OSError, match=name):
        container.forget()
    os.rmdir(f"{container.directory}/{name}")
    containers.load("c").forget()
    assert os.listdir(containers.root) == []
