"""The same Dockerfiles built by us and by buildah: the same files, the same config.

Where the two differ, ``EXPLAINED`` says how and why; each of these is checked to be so.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ocinb.build.demo import demo_image
from ocinb.build.recipe import Recipe
from ocinb.content.store import Store
from ocinb.distribution.push import push
from ocinb.engine.engine import Engine
from ocinb.engine.images import LocalImage
from ocinb.overlay.trees import copy_layers, remove_tree
from ocinb.registry.serve import RegistryServer
from ocinb.settings import Settings
from ocinb.spec.reference import Reference
from ocinb.workshop import build_named
from tests.support.dockerfiles import CASES, make_context
from tests.support.peers import require
from tests.support.podman import Podman
from tests.support.tree import differences, snapshot

pytestmark = [pytest.mark.peer, pytest.mark.root, pytest.mark.slow]

FIELDS = (
    "Env", "Cmd", "Entrypoint", "User", "WorkingDir", "Labels", "ExposedPorts", "Volumes",
    "StopSignal",
)  # fmt: skip


class Both:
    """A registry with a base image, our engine, and a buildah."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.server = RegistryServer(place / "registry")
        self.server.start()
        self.base = f"{self.server.address}/base:1"
        self.engine = Engine(Settings(root=place / "root", run_root=place / "run"))
        kitchen = Store(place / "kitchen")
        push(self.engine.client, kitchen, demo_image(kitchen), Reference.parse(self.base))
        self.context = place / "context"
        self.context.mkdir()
        make_context(self.context)
        self.podman = Podman(place / "podman")
        self.program = require("buildah")

    def ours(self, text: str) -> LocalImage:
        recipe = Recipe(text=text, context=self.context)
        return build_named(self.engine, recipe, output=lambda data, stream: None)

    def theirs(self, text: str) -> LocalImage:
        file = self.place / "Dockerfile"
        file.write_text(text)
        self._buildah("bud", "--tls-verify=false", "--isolation=chroot", "--network=host",
                      "--format=oci", "-t", "made", "-f", str(file), str(self.context))  # fmt: skip
        name = f"{self.server.address}/made:1"
        self._buildah("push", "--tls-verify=false", "made", f"docker://{name}")
        return self.engine.images.pull(name)

    def tree(self, image: LocalImage) -> dict[str, object]:
        target = self.place / "tree"
        target.mkdir()
        copy_layers(map(str, self.engine.images.unpack(image)), str(target))
        facts = snapshot(target, times=False)
        remove_tree(str(target))
        return facts

    def _buildah(self, *argv: str) -> None:
        command, *rest = argv
        policy = f"--signature-policy={self.podman.policy}"
        environment = {**self.podman.environment, "BUILDAH_LAYERS": "false"}
        done = subprocess.run(
            [self.program, command, policy, *rest],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    made = Both(tmp_path_factory.mktemp("build"))
    yield made
    made.server.stop()
    remove_tree(str(made.place / "podman"))


def config_of(engine: Engine, image: LocalImage) -> dict[str, Any]:
    """The fields that both write, empty ones left out."""
    found = json.loads(engine.store.read(image.manifest.config)).get("config") or {}
    labels = dict(found.get("Labels") or {})
    labels.pop("io.buildah.version", None)
    kept = {name: found.get(name) for name in FIELDS} | {"Labels": labels}
    return {name: value for name, value in kept.items() if value}


STUBS = ("etc/hostname", "etc/hosts", "etc/resolv.conf")
"""Empty files that RUN of buildah leaves where it mounted its own; no command made them."""

EXPLAINED = {
    # buildah makes the directory of the last VOLUME; the reference only speaks of a mount point.
    "volume": ["'json': ours None theirs"],
    # The reference: SHELL is also for CMD in shell form. buildah drops it, as OCI has no field.
    "shell": ["Cmd: ours ['/bin/sh', '-e', '-c', 'echo y'] theirs ['/bin/sh', '-c', 'echo y']"],
    # The reference: the escape directive is also for words. buildah takes \\ as an escape still.
    "escape": ["Env: ours"],
}
"""Case → how each line of difference begins, in the order of the lines."""


@pytest.mark.parametrize("name", CASES)
def test_the_same_image(both: Both, name: str) -> None:
    text = CASES[name].replace("BASE", both.base)
    ours, theirs = both.ours(text), both.theirs(text)
    our_tree, their_tree = both.tree(ours), both.tree(theirs)
    for stub in STUBS:
        if stub not in our_tree:
            their_tree.pop(stub, None)
    found = differences(our_tree, their_tree)
    mine, other = config_of(both.engine, ours), config_of(both.engine, theirs)
    # buildah puts a variable that is set again at the end; no program can tell.
    mine["Env"], other["Env"] = sorted(mine["Env"]), sorted(other["Env"])
    found += [
        f"{field}: ours {mine.get(field)} theirs {other.get(field)}"
        for field in sorted(mine.keys() | other.keys())
        if mine.get(field) != other.get(field)
    ]
    expected = EXPLAINED.get(name, [])
    assert len(found) == len(expected), os.linesep.join(found)
    assert all(map(str.startswith, found, expected)), os.linesep.join(found)
