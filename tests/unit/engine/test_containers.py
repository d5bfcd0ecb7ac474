"""What ``ps`` says is what is true of the processes, not what a file says."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ocinb.engine.container_files import ContainerFiles, Process, write_json
from ocinb.engine.containers import Containers
from ocinb.errors import ContainerError, ContainerExists, ContainerNotFound

DEMO = "docker.io/library/demo:latest"


@pytest.fixture
def containers(tmp_path: Path) -> Containers:
    return Containers(tmp_path / "containers")


def claim(containers: Containers, name: str | None = None) -> ContainerFiles:
    return containers.claim(image=DEMO, runtime="ocinb", name=name, command=["true"])


def status(containers: Containers) -> str:
    (record,) = containers.list()
    return record.status


def gone() -> Process:
    process = subprocess.Popen(["true"])
    named = Process.of(process.pid)
    process.wait()
    return named


def test_statuses_follow_the_processes(containers: Containers) -> None:
    files = claim(containers)
    assert status(containers) == "creating"
    write_json(files.monitor, dict(Process.of(os.getpid())))
    write_json(files.init, dict(Process.of(os.getpid())))
    assert status(containers) == "created"
    write_json(files.started, {"time": 0})
    assert status(containers) == "running"
    write_json(files.init, dict(gone()))
    assert status(containers) == "running"  # until its monitor has noted how it ended
    write_json(files.monitor, dict(gone()))
    assert status(containers) == "stopped"
    write_json(files.exit, {"exit_status": 3})
    (record,) = containers.list()
    assert (record.status, record.exit_status, record.pid) == ("stopped", 3, 0)


def test_a_number_given_to_another_process_does_not_count(containers: Containers) -> None:
    files = claim(containers)
    write_json(files.init, {"pid": os.getpid(), "started": 1})
    write_json(files.started, {"time": 0})
    assert status(containers) == "stopped"


def test_without_maker_and_monitor_it_will_never_be_made(containers: Containers) -> None:
    files = claim(containers)
    document = {
        "image": DEMO,
        "runtime": "ocinb",
        "name": "n",
        "id": "0" * 12,
        "created": 0.0,
        "command": [],
    }
    write_json(files.record, document | {"creator": dict(gone())})
    assert status(containers) == "stopped"


def test_names_ids_and_beginnings_of_ids_find_a_container(containers: Containers) -> None:
    files = claim(containers, "box")
    identity = Path(files.directory).name
    for name in ("box", identity, identity[:4]):
        assert containers.find(name)[1].id == identity
    for name in ("bo", "", identity[:1], "../box"):
        with pytest.raises(ContainerNotFound):
            containers.find(name)


def test_a_name_is_unique_and_free_again_once_forgotten(containers: Containers) -> None:
    files = claim(containers, "box")
    with pytest.raises(ContainerExists, match="there is a container box already"):
        claim(containers, "box")
    containers.forget(files)
    assert containers.list() == []
    claim(containers, "box")


def test_a_name_is_made_up_from_the_image(containers: Containers) -> None:
    claim(containers)
    (record,) = containers.list()
    assert record.name == f"demo-{record.id[:6]}"


def test_a_removal_that_was_killed_is_ended_by_the_next_who_claims(
    containers: Containers, tmp_path: Path
) -> None:
    files = claim(containers, "box")
    Path(files.record).unlink()
    assert containers.list() == []
    claim(containers, "box")
    assert not Path(files.directory).exists()


@pytest.mark.parametrize("name", ["", "-x", "a/b", "..", "a" * 64, "a b", "é"])
def test_what_is_not_a_name_is_refused(containers: Containers, name: str) -> None:
    with pytest.raises(ContainerError, match="is not a name"):
        claim(containers, name)
    assert containers.list() == []
