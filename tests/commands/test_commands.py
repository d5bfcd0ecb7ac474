"""The commands on a real image and real containers, through the tree that both doors use."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ocinb.build.demo import demo_image
from ocinb.commands import tree
from ocinb.commands.session import Session
from ocinb.commands.values import Document, Done, Json, Lines, Picture, Ran
from ocinb.content.store import Store
from ocinb.errors import (
    BundleError,
    CommandError,
    ContainerNotFound,
    InvalidStatus,
    NameNotFound,
    RegistryError,
    RegistryUnreachable,
)
from ocinb.image import Image
from ocinb.linux.mounts import mounts
from ocinb.local_registry import Registry
from ocinb.settings import Settings
from tests.support.ports import free_port

NAME = "docker.io/library/demo:latest"


class Door:
    """A door that collects what containers write."""

    def __init__(self, root: Path) -> None:
        self.written = bytearray()
        settings = Settings(root=root / "root", run_root=root / "run")
        self.session = Session(settings, output=lambda data, _: self.written.extend(data))

    def __call__(self, *words, script=None):
        return tree.call([*map(str, words)], self.session, script=script)

    def output(self):
        text = self.written.decode()
        self.written.clear()
        return text


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    door = Door(tmp_path_factory.mktemp("door"))
    store = Store(door.session.settings.store)
    store.names.set(NAME, demo_image(store))
    yield door
    for name in door("ps", "--all", "--quiet"):
        door("delete", "--force", name)


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    with Registry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


def test_images_are_listed_by_their_short_names(door):
    (record,) = [r for r in door("images").records() if r["image"] == "demo"]
    assert record["layers"] == 6
    assert record["platform"].startswith("linux/")
    assert record["created"] == "2025-01-01T00:00:00.000000Z"
    assert "demo" in door("images", "--quiet")


def test_the_layers_tell_what_each_changes(door):
    records = door("layers", "demo").records()
    assert [record["layer"] for record in records] == [1, 2, 3, 4, 5, 6]
    assert records[3]["deleted"] == 1
    assert records[3]["whiteouts"] == "/etc/motd"
    assert records[4]["whiteouts"] == "/usr/share/demo/*"
    assert records[5]["changed"] == 1  # a directory in the place of a file
    assert isinstance(door("layers", "--diagram", "demo"), Picture)


def test_documents_are_shown_as_they_stand(door):
    index = door("manifest", "demo")
    assert isinstance(index, Document)
    assert len(index["manifests"]) == 2
    chosen = door("manifest", "--platform", "linux/amd64", "demo")
    assert len(chosen["layers"]) in (1, 6)
    inspected = door("inspect", "demo", "--format", "json")
    assert isinstance(inspected, Json)
    assert inspected.value["config"]["config"]["Entrypoint"] == ["/entrypoint"]


def test_push_tags_and_pull_go_through_a_registry(door, registry, tmp_path):
    name = f"{registry.address}/demo:1.0"
    assert isinstance(door("push", "demo", name), Done)
    assert door("tags", f"{registry.address}/demo").column("tag") == ["1.0"]
    other = Door(tmp_path)
    image = other("pull", name)
    assert isinstance(image, Image)
    assert image.digest == door("manifest", "demo").title.split()[-1]
    assert other("pull", "--quiet", name) == [image.digest]
    assert "manifests" in other("manifest", "--remote", name)


def test_pulling_what_is_not_there_is_one_sentence(door, registry):
    door("push", "demo", f"{registry.address}/there:1")
    with pytest.raises(RegistryError, match="has no tag nothing"):
        door("pull", f"{registry.address}/there:nothing")
    with pytest.raises(RegistryUnreachable, match="refused"):
        door("pull", "127.0.0.1:1/demo")
    with pytest.raises(NameNotFound, match="no image and no container nothing"):
        door("inspect", "nothing")
    with pytest.raises(NameNotFound) as caught:
        door("layers", "nothing")
    assert caught.value.hint == "ocinb pull brings an image, ocinb images lists them"


@pytest.mark.root
def test_mount_shows_one_tree_and_umount_undoes_it(door):
    target = door("mount", "demo").subject
    assert sorted(os.listdir(f"{target}/etc")) == ["group", "nsswitch.conf", "os-release", "passwd"]
    assert door("mounts", "--quiet") == [target]
    door("umount", target)
    assert not door("mounts").rows
    assert target not in {mount.target for mount in mounts()}
    with pytest.raises(BundleError, match="not a mount of ours"):
        door("umount", target)


def test_a_bundle_holds_what_was_asked_for(door, tmp_path):
    directory = tmp_path / "bundle"
    options = ["--env", "A=1", "--workdir", "/srv", "--read-only", "--cap-drop", "ALL"]
    limits = ["--ulimit", "nofile=10:20", "--umask", "027", "--tmpfs", "/scratch"]
    hook = ["--hook", "poststop=/bin/true x", "--annotation", "who=me", "--hostname", "h"]
    door("bundle", *options, *limits, *hook, "demo", directory, "echo", "--rm")
    config = json.loads((directory / "config.json").read_text())
    process = config["process"]
    assert process["args"] == ["/entrypoint", "echo", "--rm"]
    assert "A=1" in process["env"]
    assert process["cwd"] == "/srv"
    assert process["user"]["umask"] == 0o27
    assert {"type": "RLIMIT_NOFILE", "soft": 10, "hard": 20} in process["rlimits"]
    assert not process["capabilities"]["bounding"]
    assert config["root"]["readonly"]
    assert config["hostname"] == "h"
    assert config["hooks"]["poststop"] == [{"path": "/bin/true", "args": ["/bin/true", "x"]}]
    assert config["annotations"]["who"] == "me"
    assert "/scratch" in {mount["destination"] for mount in config["mounts"]}
    assert (directory / "rootfs/usr/share/demo/new").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["--volume", "nonsense"],
        ["--volume", "/does/not/exist:/x"],
        ["--tmpfs", "relative"],
        ["--ulimit", "nofile=many"],
        ["--umask", "99"],
        ["--sysctl", "kernel.x"],
        ["--hook", "never=/bin/true"],
        ["--hook", "poststop=relative"],
        ["--network", "container:"],
    ],
)
def test_a_wish_that_cannot_be_read_is_a_sentence_with_a_way_out(door, words):
    with pytest.raises(CommandError) as caught:
        door("run", *words, "demo", "true")
    assert words[0] in caught.value.message
    assert not door("ps").rows


@pytest.mark.root
def test_run_gives_the_output_and_the_exit_status(door):
    ran = door("run", "--rm", "demo", "sh", "-c", "echo out; echo err >&2; exit 3")
    assert isinstance(ran, Ran)
    assert ran.container.exit_status == 3
    assert sorted(door.output().split()) == ["err", "out"]
    assert ran.container.status == "deleted"
    assert ran.container.lifecycle_table().column("status")[-1] == "stopped"


@pytest.mark.root
def test_a_cells_text_is_the_script(door):
    door("run", "--rm", "demo", "one", script="echo $0 $1 $$\n")
    assert door.output().split() == ["sh", "one", "1"]


@pytest.mark.root
def test_a_volume_is_seen_inside(door, tmp_path):
    (tmp_path / "note").write_text("from outside")
    door.output()
    door("run", "--rm", "--volume", f"{tmp_path}:/data:ro", "demo", "cat", "/data/note")
    assert door.output() == "from outside"


@pytest.mark.root
@pytest.mark.parametrize(("program", "status"), [("nonesuch", 127), ("/etc/passwd", 126)])
def test_what_cannot_be_executed_has_the_status_of_a_shell(door, program, status):
    with pytest.raises(Exception, match=program) as caught:
        door("run", "--rm", "--entrypoint", "", "demo", program)
    assert caught.value.exit_status == status


@pytest.mark.root
def test_a_container_can_be_asked_until_it_is_deleted(door):
    door("run", "--name", "asked", "demo", "echo", "hello")
    assert door("logs", "asked") == "hello\n"
    assert door("state", "asked")["status"] == "stopped"
    assert door("lifecycle", "asked").column("step") == list(range(1, 14))
    assert None not in door("lifecycle", "asked").column("started")
    assert "Syscall" in door("trace", "asked").column("event")
    assert door("inspect", "asked")["exit_status"] == 0
    assert "asked" not in door("ps", "--quiet")
    assert "asked" in door("ps", "--all", "--quiet")
    door("delete", "asked")
    with pytest.raises(ContainerNotFound):
        door("state", "asked")


@pytest.mark.root
def test_a_detached_container_lives_until_it_is_killed(door):
    container = door("run", "--detach", "--name", "living", "demo", "sleep", "60")
    assert container.status == "running"
    assert isinstance(door("ps", "--quiet"), Lines)
    assert door("ps", "--quiet") == ["living"]
    with pytest.raises(InvalidStatus, match="running"):
        door("delete", "living")
    door("kill", "--signal", "KILL", "living")
    door("delete", "--force", "living")
    assert not [name for name in door("ps", "--all", "--quiet") if name == "living"]


def test_the_doctor_tells_every_rung_with_an_answer(door):
    records = door("doctor").records()
    assert {"containers, root", "containers, user namespace"} <= {r["subject"] for r in records}
    assert all(record["finding"] for record in records)


@pytest.mark.slow
def test_a_registry_goes_up_and_down(door):
    address = door("registry", "up", "--port", free_port()).subject
    try:
        assert door("registry", "status").column("address") == [address]
        door("push", "demo", f"{address}/demo:1")
        assert door("tags", f"{address}/demo").rows == [("1",)]
        assert "already" in door("registry", "up", "--demo").message
        assert door("tags", f"{address}/demo").rows == [("1",), ("latest",)]
    finally:
        door("registry", "down")
    assert not door("registry", "status").rows
    with pytest.raises(CommandError, match="no registry"):
        door("registry", "down")
