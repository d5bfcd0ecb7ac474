"""An ordeal with an image, a registry that has it too, and the commands that are disturbed."""

from __future__ import annotations

import random
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocinb.build.demo import demo_image
from ocinb.content.store import Store
from ocinb.overlay.trees import remove_tree
from ocinb.registry.serve import RegistryServer
from ocinb.spec.reference import Reference
from tests.support.leftovers import clear, leftovers
from tests.support.ordeal import Operation, Ordeal

FILES, SIZE = 600, 12_000
"""In the layer above the demo image: enough that something is under way for a while."""


def directory(name: str) -> Path:
    made = Path(tempfile.mkdtemp(prefix=f"ocinb-{name}-"))
    made.chmod(0o755)
    return made


@pytest.fixture(scope="session")
def context() -> Iterator[Path]:
    """A Dockerfile that copies random files, and runs a command."""
    made = directory("context")
    source = random.Random(7)
    for number in range(FILES):
        path = made / f"data/d{number % 20}/f{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.randbytes(SIZE))
    (made / "Dockerfile").write_text("FROM demo\nCOPY data /data\nRUN rm -r /data/d1\n")
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="session")
def image(context: Path) -> Iterator[tuple[str, Path]]:
    """An image in a registry, and a store that has it, to be copied."""
    place = directory("image")
    ordeal = Ordeal(place)
    store = Store(ordeal.root / "store")
    store.names.set(str(Reference.parse("demo")), demo_image(store))
    with RegistryServer(place / "registry") as registry:
        name = f"{registry.address}/app:1"
        ordeal.run("build", "--tag", name, str(context))
        ordeal.run("push", name)
        yield name, ordeal.root / "store"
    remove_tree(str(place))


@pytest.fixture
def ordeal(image: tuple[str, Path]) -> Iterator[Ordeal]:
    """With the image in its store, nothing unpacked; nothing may be left at the end."""
    place = directory("ordeal")
    shutil.copytree(image[1], place / "root/store")
    made = Ordeal(place)
    made.commit()
    yield made
    left = leftovers(place)
    if left:
        clear(place)
    remove_tree(str(place))
    assert left == []


OPERATIONS = ("pull", "unpack", "mount", "create", "start", "delete", "gc", "push", "build", "run")


@pytest.fixture
def operation(
    request: pytest.FixtureRequest, ordeal: Ordeal, image: tuple[str, Path], context: Path
) -> Operation:
    """The one that ``request.param`` names."""
    name, run = image[0], ordeal.run
    sleep = (name, "sleep", "100")
    target = str(ordeal.place / "tree")
    pushed = f"{name.partition('/')[0]}/ordeal/{uuid.uuid4().hex}:1"

    def forget_layers() -> None:
        remove_tree(str(ordeal.root / "layers"))

    def make_garbage() -> None:
        run("build", "--no-cache", "--tag", "garbage", str(context))
        run("rmi", "garbage")

    def remove() -> None:
        run("rm", "--force", "c", refused=["ContainerNotFound"])

    def unmount() -> None:
        run("umount", target, refused=["BundleError"])

    made = {
        "pull": Operation(
            ("pull", name),
            lambda: (run("rmi", name, refused=["NameNotFound"]), run("gc", "--grace", "0")),
            changing=(name,),
        ),
        "unpack": Operation(
            ("mount", name, target), forget_layers, refused=("BundleError",), after=unmount
        ),
        "mount": Operation(("mount", name, target), refused=("BundleError",), after=unmount),
        "create": Operation(
            ("create", "--name", "c", *sleep), remove, refused=("ContainerExists",), after=remove
        ),
        "start": Operation(
            ("start", "c"),
            lambda: (remove(), run("create", "--name", "c", *sleep)),
            refused=("InvalidStatus",),
            after=remove,
        ),
        "delete": Operation(
            ("rm", "--force", "c"),
            lambda: (remove(), run("run", "--detach", "--name", "c", *sleep)),
            refused=("ContainerNotFound",),
        ),
        "gc": Operation(("gc", "--grace", "0"), make_garbage),
        "push": Operation(("push", name, pushed)),
        "build": Operation(
            ("build", "--no-cache", "--tag", "built", str(context)),
            changing=("docker.io/library/built:latest",),
        ),
        "run": Operation(("run", "--rm", name, "true")),
    }
    found: Operation = made[request.param]
    return found
