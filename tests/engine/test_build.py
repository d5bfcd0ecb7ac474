"""Images made by running commands: what a command changed is the layer, for every kind of user."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest

from ocinb.bundle.options import ContainerOptions
from ocinb.engine import Engine
from ocinb.errors import BuildError
from ocinb.events import Recorder, StepBuilt
from ocinb.layer.changeset import Entry, Limits
from ocinb.layer.stream import LayerStream
from ocinb.layer.tar_reader import TarReader
from ocinb.overlay.trees import remove_tree
from ocinb.settings import Settings
from ocinb.workshop import Build, commit_container
from tests.engine.conftest import Program, finish

pytestmark = pytest.mark.root


def entries(engine: Engine, digest: Any) -> list[Entry]:
    """What a layer holds."""
    limits = Limits()
    with (
        engine.store.open(digest) as blob,
        LayerStream(blob, None, "sha256", limits, "layer") as stream,
    ):
        return list(iter(TarReader(stream.chunk, "layer", limits).next, None))


def build(engine: Engine, **more: Any) -> Build:
    return Build(engine=engine, output=lambda data, stream: None, **more)


class TestLayers:
    """The layer of a command holds what it changed and nothing else."""

    def changes(self, engine: Engine, command: str) -> list[tuple[str, str]]:
        made = build(engine)
        made.from_("demo")
        layer = made.run(command).layer
        return [(e.kind, e.path) for e in entries(engine, layer.descriptor.digest)] if layer else []

    def test_a_new_file_with_the_directories_to_it(self, engine: Engine) -> None:
        assert self.changes(engine, "echo x > /srv/notes/new") == [
            ("directory", ""),
            ("directory", "srv"),
            ("directory", "srv/notes"),
            ("file", "srv/notes/new"),
        ]

    def test_a_command_does_not_wait_for_the_disk(self, engine: Engine) -> None:
        command = 'read root < /proc/self/mountinfo; test "${root%volatile*}" != "$root"'
        assert self.changes(engine, command) == []

    def test_a_deleted_file(self, engine: Engine) -> None:
        assert self.changes(engine, "rm /etc/group")[-1] == ("whiteout", "etc/group")

    def test_a_directory_made_anew_deletes_what_it_had(self, engine: Engine) -> None:
        found = self.changes(engine, "cd /srv && rm -r notes && mkdir notes && echo > notes/mine")
        assert found[2:] == [
            ("directory", "srv/notes"),
            ("whiteout", "srv/notes/today"),
            ("file", "srv/notes/mine"),
        ]

    def test_a_command_that_changes_nothing_makes_no_layer(self, engine: Engine) -> None:
        assert self.changes(engine, "ls /; cat /etc/passwd") == []

    def test_what_was_mounted_leaves_nothing(self, engine: Engine) -> None:
        made = build(engine, network="host")
        made.from_("demo")
        assert made.run("ls /etc/resolv.conf").layer is None

    def test_volumes_of_the_image_take_what_is_written(self, engine: Engine) -> None:
        made = build(engine)
        made.from_("demo")
        made.volume("/srv/notes")
        layer = made.run("echo > /srv/notes/kept").layer
        assert layer is not None
        assert entries(engine, layer.descriptor.digest)[-1].path == "srv/notes/kept"


class TestSteps:
    def test_each_step_can_be_looked_at(self, engine: Engine) -> None:
        made = build(engine)
        made.from_("demo")
        before = made.run("echo one > /x")
        made.run("rm /x")
        assert "x" in dict(made.look(before).layer_table().records()[-1])["created_by"]
        assert made.look(before).run("cat", "/x", output=lambda d, s: None).exit_status == 0
        assert made.look().run("cat", "/x", output=lambda d, s: None).exit_status == 1

    def test_the_workings_of_the_image_count(self, engine: Engine) -> None:
        made = build(engine)
        made.from_("demo")
        made.workdir("/w")
        made.env(A="from env")
        made.declare({"B": "from arg"})
        step = made.run("echo $A, $B > here")
        tree = made.tree()
        assert tree.read("w/here", 99) == b"from env, from arg\n"
        assert "B=" not in " ".join(step.image.config.execution.env or ())

    def test_a_script(self, engine: Engine) -> None:
        made = build(engine)
        made.from_("demo")
        made.run(script=b"#!/bin/sh -e\necho $0 > /x\n")
        assert made.tree().read("x", 99).startswith(b"/dev/")
        assert made.tree().find("dev/ocinb-script") is None

    def test_one_that_fails_leaves_no_container_and_the_image_before(self, engine: Engine) -> None:
        made = build(engine)
        made.from_("demo")
        step = made.run("echo > /x")
        with pytest.raises(BuildError, match="ended with status 3"):
            made.run("exit 3")
        assert made.image == step.image
        assert engine.containers.all() == []

    def test_the_cache_is_for_the_same_step_on_the_same_image(
        self, engine: Engine, recorder: Recorder
    ) -> None:
        for _ in "12":
            made = build(engine, record=recorder)
            made.from_("demo")
            made.run("echo > /x")
        assert [e.cached for e in recorder.of(StepBuilt)] == [False, False, False, True]


BUILD = """
from ocinb.workshop import Build
def make(**more):
    build = Build(engine=engine, output=lambda data, stream: None, **more)
    build.from_("demo")
    build.run("touch /home/demo/mine && echo hi > /srv/notes/hi && rm -r /usr/share/demo && "
              "mkdir -p /usr/share/demo/again && rm /etc/group && mkdir /new")
    return build
"""


def test_whoever_builds_owners_are_those_of_the_image(program: Program) -> None:
    """An ordinary user's disk knows one owner only; the layers' indexes know the others."""
    text = (
        "build = make()\n"
        "import gzip, io, tarfile\n"
        "data = engine.store.path(build.steps[-1].layer.descriptor.digest).read_bytes()\n"
        "for m in tarfile.open(fileobj=io.BytesIO(gzip.decompress(data))):\n"
        "    print(m.name, m.uid, m.gid, oct(m.mode))\n"
    )
    told = finish(program(BUILD + text)).splitlines()
    assert "home/demo 1000 1000 0o750" in told
    assert "home/demo/mine 0 0 0o644" in told
    assert "etc/.wh.group 0 0 0o644" in told
    assert "new 0 0 0o755" in told
    assert [line for line in told if "usr/share/demo" in line] == [
        "usr/share/demo 0 0 0o755",
        "usr/share/demo/.wh.new 0 0 0o644",
        "usr/share/demo/again 0 0 0o755",
    ]


def test_built_twice_is_the_same_to_the_byte(program: Program) -> None:
    text = (
        "made = [make(epoch=1000, use_cache=False).image.descriptor.digest for _ in '12']\n"
        "print(made[0] == made[1])\n"
    )
    assert finish(program(BUILD + text), 60) == "True\n"


def test_whoever_builds_the_image_is_the_same(engine: Engine, program: Program) -> None:
    """The superuser here, and there the superuser or an ordinary user in other directories."""
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        shutil.copytree(engine.store.root, place / "root/store")
        names: dict[str, Any] = {"engine": Engine(Settings(root=place / "root", run_root=place))}
        exec(f"{BUILD}here = make(epoch=1000).image.descriptor.digest", names)
        remove_tree(str(place / "root"))
    there = finish(program(f"{BUILD}print(make(epoch=1000).image.descriptor.digest)"))
    assert there.strip() == names["here"]


def test_a_command_in_an_image_without_layers(program: Program) -> None:
    text = (
        "from ocinb.errors import StepFailed\n"
        "from ocinb.workshop import Build\n"
        "build = Build(engine=engine, output=lambda *_: None)\n"
        "build.from_('scratch')\n"
        "try: build.run('/no', shell=False)\n"
        "except StepFailed as error: print(error)\n"
    )
    assert "/no: no such file or directory" in finish(program(text))


class TestCommit:
    def run(self, engine: Engine, command: str, **more: Any) -> str:
        options = ContainerOptions(args=["sh", "-c", command])
        done = engine.run("demo", options, keep=True, output=lambda d, s: None, **more)
        name = done.container if hasattr(done, "container") else done.id
        return str(name)

    def test_what_a_container_changed_is_one_layer_more(self, engine: Engine) -> None:
        container = self.run(engine, "echo x > /made; rm /etc/group")
        changes = ['CMD ["cat", "/made"]', "ENV A=1\nLABEL l=m"]
        local = commit_container(
            engine, container, "mine", changes=changes, message="why", author="me"
        )
        engine.containers.delete(container)
        assert len(local.manifest.layers) == len(engine.images.get("demo").manifest.layers) + 1
        said: list[bytes] = []
        engine.run("mine", output=lambda data, _: said.append(data), keep=False)
        assert b"".join(said) == b"x\n"
        assert local.config.author == "me"
        last = (local.config.history or ())[-1]
        assert (last.comment, last.created_by) == ("why", "/entrypoint sh -c "
                                                   "'echo x > /made; rm /etc/group'")  # fmt: skip
        assert "A=1" in (local.config.execution.env or ())

    def test_its_image_counts_also_when_the_name_has_moved_on(self, engine: Engine) -> None:
        container = self.run(engine, "echo > /made")
        before = engine.images.get("demo")
        moved = build(engine)
        moved.from_("scratch")
        moved.tag("demo")
        local = commit_container(engine, container)
        engine.containers.delete(container)
        assert local.manifest.layers[:-1] == before.manifest.layers

    def test_one_that_runs_is_paused_meanwhile(self, engine: Engine) -> None:
        container = self.run(engine, "echo > /made; sleep 30", detach=True)
        try:
            with engine.containers.changed(container):
                assert engine.containers.state(container).status == "paused"
            assert engine.containers.state(container).status == "running"
        finally:
            engine.containers.delete(container, force=True)

    def test_a_change_that_is_none(self, engine: Engine) -> None:
        container = self.run(engine, "true")
        with pytest.raises(BuildError, match=r"^change:1: RUN: RUN cannot be a change"):
            commit_container(engine, container, changes=["RUN x"])
        engine.containers.delete(container)
