"""Images out of the stores of podman and docker, by ``load``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocinb.errors import CommandError, NameNotFound, UnsupportedHost
from tests.support.chain.docker import docker
from tests.support.door import Door
from tests.support.own_network import own_network
from tests.support.peers import require
from tests.support.pod_registry import root_archive
from tests.support.podman import Podman
from tests.support.runtimes import launcher

pytestmark = [pytest.mark.peer, pytest.mark.root, pytest.mark.slow]


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path / "door")


def test_podmans(door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    podman = Podman(tmp_path / "podman")
    for name, value in podman.environment.items():
        monkeypatch.setenv(name, value)
    podman("import", "--change", "ENV PATH=/bin", str(root_archive(tmp_path)), "box")
    assert door("load", "containers-storage:box") == ["localhost/box:latest"]
    ours = door("inspect", "localhost/box")
    theirs = json.loads(podman("inspect", "box").stdout)[0]
    config = ours["config"]
    assert config["rootfs"]["diff_ids"] == theirs["RootFS"]["Layers"]
    with pytest.raises(NameNotFound, match="podman has no image nosuch"):
        door("load", "containers-storage:nosuch")
    with pytest.raises(CommandError, match="names no image"):
        door("load", "containers-storage:")
    assert list((tmp_path / "door/root/store/ingest").glob("upload-*")) == []


def test_dockers(door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require("docker")
    archive = root_archive(tmp_path)
    with own_network():
        with docker(tmp_path / "docker", archive, {"ocinb": launcher(tmp_path)}) as (engine,):
            monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker/sock")
            assert door("load", "docker-daemon:box") == ["docker.io/library/box:latest"]
            digest = engine("inspect", "--format", "{{json .RootFS.Layers}}", "box").output
            assert door("inspect", "box")["config"]["rootfs"]["diff_ids"] == json.loads(digest)
            with pytest.raises(NameNotFound, match="docker has no image nosuch"):
                door("load", "docker-daemon:nosuch")
        with pytest.raises(UnsupportedHost, match="docker does not answer at"):
            door("load", "docker-daemon:box")
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2375")
    with pytest.raises(UnsupportedHost, match="by its socket on this machine only"):
        door("load", "docker-daemon:box")
