"""What we build is an image to everybody: registries, podman, skopeo and umoci."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocinb.build.demo import demo_image
from ocinb.build.recipe import Recipe
from ocinb.distribution.push import push
from ocinb.engine.engine import Engine
from ocinb.engine.images import LocalImage
from ocinb.overlay.trees import copy_layers, remove_tree
from ocinb.registry.serve import RegistryServer
from ocinb.settings import Settings
from ocinb.spec.reference import Reference
from ocinb.workshop import append_layers, build_named, commit_container, rebase_image, squash_image
from tests.support.docker_registry import docker_registry
from tests.support.dockerfiles import make_context
from tests.support.peers import require
from tests.support.podman import Podman
from tests.support.tree import differences, snapshot

pytestmark = [pytest.mark.peer, pytest.mark.root, pytest.mark.slow]

TEXT = """
FROM demo AS one
ARG WORD=built
RUN echo $WORD > /word && rm -r /usr/share/demo && mkdir /usr/share/demo && rm /etc/group
FROM one
COPY --chown=demo . /context/
ADD pack.tar.gz /packed
WORKDIR /made/here
ENV A=1
LABEL l=m
EXPOSE 80
VOLUME /data
ENTRYPOINT []
CMD ["cat", "/word"]
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("accepted")
    yield made
    remove_tree(str(made))


@pytest.fixture(scope="module")
def engine(place: Path) -> Engine:
    made = Engine(Settings(root=place / "root", run_root=place / "run"))
    made.store.names.set(str(Reference.parse("demo")), demo_image(made.store))
    return made


@pytest.fixture(scope="module")
def images(engine: Engine, place: Path) -> dict[str, LocalImage]:
    """One of each kind that we make."""
    context = place / "context"
    context.mkdir()
    make_context(context)
    recipe = Recipe(text=TEXT, context=context)
    made = {"built": build_named(engine, recipe, "built", output=lambda d, s: None)}
    done = engine.run("built", keep=True, output=lambda d, s: None)
    made["committed"] = commit_container(engine, done.container, "committed", message="m")
    engine.containers.delete(done.container)
    made["squashed"] = squash_image(engine, "built", "squashed")
    made["appended"] = append_layers(engine, [context / "d"], "appended", "built")
    recipe = Recipe(text="FROM demo\nCOPY a.txt /base\n", context=context)
    build_named(engine, recipe, "base", output=lambda d, s: None)
    made["rebased"] = rebase_image(engine, "built", "base", "rebased", "demo")
    return made


KINDS = ["built", "committed", "squashed", "appended", "rebased"]


@pytest.mark.parametrize("kind", KINDS)
def test_podman_runs_it(
    engine: Engine, images: dict[str, LocalImage], kind: str, place: Path
) -> None:
    podman = Podman(place / f"podman-{kind}")
    with RegistryServer(place / "registry") as server:
        name = f"{server.address}/{kind}:1"
        push(engine.client, engine.store, images[kind].target, Reference.parse(name))
        podman.pull(name)
    assert podman("run", "--rm", name).stdout == "built\n"


@pytest.mark.parametrize("kind", KINDS)
def test_umoci_unpacks_the_same_tree(
    engine: Engine, images: dict[str, LocalImage], kind: str, place: Path
) -> None:
    program, skopeo = require("umoci"), require("skopeo")
    layout = place / f"layout-{kind}"
    source = f"oci:{engine.settings.store}:{images[kind].name}"
    run(skopeo, "--insecure-policy", "copy", "-q", source, f"oci:{layout}:t")
    run(program, "unpack", "--image", f"{layout}:t", str(place / f"bundle-{kind}"))
    ours = place / f"tree-{kind}"
    ours.mkdir()
    copy_layers(map(str, engine.images.unpack(images[kind])), str(ours))
    theirs = snapshot(place / f"bundle-{kind}/rootfs")
    assert differences(snapshot(ours), theirs) == []


def test_docker_registry_and_skopeo_take_it(
    engine: Engine, images: dict[str, LocalImage], place: Path
) -> None:
    skopeo = require("skopeo")
    with docker_registry(place / "docker-registry") as registry:
        for kind, image in images.items():
            name = f"{registry.address}/{kind}:1"
            push(engine.client, engine.store, image.target, Reference.parse(name))
            told = run(skopeo, "inspect", "--tls-verify=false", f"docker://{name}")
            assert json.loads(told)["Digest"] == image.target.digest


def test_built_again_without_the_cache_it_is_the_same(
    engine: Engine, place: Path, images: dict[str, LocalImage]
) -> None:
    recipe = Recipe(text=TEXT, context=place / "context", epoch=1_700_000_000, use_cache=False)
    first, second = (build_named(engine, recipe, output=lambda d, s: None) for _ in "12")
    assert first.target == second.target


def run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
