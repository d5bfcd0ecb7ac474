"""Time against size: files of an image, layers, tags of a repository, blobs of a store."""

from __future__ import annotations

import io
import itertools
import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from ocinb.content.gc import collect
from ocinb.content.store import Store
from ocinb.distribution.client import Client
from ocinb.engine.engine import Engine
from ocinb.image import Image
from ocinb.layer.unpack import unpack
from ocinb.registry.serve import RegistryServer
from ocinb.settings import Settings
from ocinb.spec import media_types
from ocinb.spec.reference import Reference
from tests.bench.measure import Line, Scaling
from tests.support.archives import archive, member
from tests.support.images import make_image
from tests.support.layered import name_image

FILES = [100, 1_000, 10_000, 100_000]
LAYERS = [1, 10, 100, 400]
TAGS = [10, 100, 1_000, 10_000]
BLOBS = [1, 10, 100, 1_000, 10_000]


class Ground:
    """A directory, and what is made in it.

    Args:
        memory: one in memory, where layers are unpacked: what ext4 takes for a file depends more
            on what was removed in the seconds before than on the number of files.
    """

    def __init__(self, directory: Path, memory: Path) -> None:
        self.directory, self.memory = directory, memory
        self._numbers = itertools.count()
        self.engine = Engine(Settings(root=directory / "root", run_root=directory / "run"))

    def fresh(self) -> Path:
        """A directory that is not there yet."""
        return self.memory / f"tree{next(self._numbers)}"

    def unpacking(self, files: int) -> Callable[[], object]:
        """Unpack a layer."""
        data = archive(_members(files))
        return lambda: unpack(io.BytesIO(data), self.fresh())

    def extracting(self, files: int) -> Callable[[], object]:
        """The same by tar: what the filesystem itself costs."""
        data = archive(_members(files))

        def act() -> None:
            directory = self.fresh()
            directory.mkdir()
            subprocess.run(["tar", "-xf", "-", "-C", directory], input=data, check=True)

        return act

    def asking(self, question: str) -> Callable[[int], Callable[[], object]]:
        """Ask an image of two layers, the second with a tenth of the files again, for a table."""

        def prepare(files: int) -> Callable[[], object]:
            name = f"localhost/files:{files}"
            if name not in dict(self.engine.store.names.items()):
                layers = [_members(files), _members(max(files // 10, 1))]
                name_image(self.engine.store, name, layers, steps=("files", "again"))
                self.engine.images.unpack(self.engine.images.get(name))
            described = self.engine.images.get(name)

            def act() -> object:
                image = Image(self.engine, described)
                return image.files() if question == "files" else image.waste

            return act

        return prepare

    def stacking(self, count: int) -> Callable[[], object]:
        """The table of an image's layers."""
        name = f"localhost/layers:{count}"
        layers = [[member(f"f{number}", data=b"x")] for number in range(count)]
        name_image(self.engine.store, name, layers, steps=[f"s{n}" for n in range(count)])
        described = self.engine.images.get(name)
        self.engine.images.unpack(described)
        return lambda: Image(self.engine, described).layers

    def tagging(self, registry: RegistryServer) -> Callable[[int], Callable[[], object]]:
        """List the tags of a repository."""

        def prepare(count: int) -> Callable[[], object]:
            store = registry.registry.store
            image = make_image(store, 10)
            repository = f"tags{count}"
            client = Client()
            reference = Reference.parse(f"{registry.address}/{repository}")
            from ocinb.distribution.push import push

            push(client, store, image, Reference.parse(f"{reference.name}:t0"))
            data = store.read(image)
            for number in range(1, count):
                client.put_manifest(
                    Reference.parse(f"{reference.name}:t{number}"), data, image.media_type
                )

            def act() -> None:
                assert len(client.tags(reference)) == count

            return act

        return prepare

    def storing(self, count: int) -> Store:
        """A store with so many blobs."""
        store = Store(self.directory / f"store-{count}")
        have = sum(1 for _ in store.digests())
        for number in range(have, count):
            store.add(f"{count} {number}".encode(), media_types.EMPTY)
        return store

    def adding(self, count: int) -> Callable[[], object]:
        """Add a blob beside so many."""
        store = self.storing(count)
        return lambda: store.add(os.urandom(16), media_types.EMPTY)

    def collecting(self, count: int) -> Callable[[], object]:
        """Look for garbage among so many; none is removed."""
        store = self.storing(count)
        return lambda: collect(store, grace=0, dry_run=True)


def _members(files: int) -> list[tuple[object, bytes]]:
    source = random.Random(5)
    return [  # type: ignore[misc]
        member(f"usr/p{n // 300}/d{n // 12}/f{n}", data=source.randbytes(200)) for n in range(files)
    ]


def comparisons() -> Iterator[Scaling]:
    """Each of them, to be run before the next is asked for."""
    directory = Path(tempfile.mkdtemp(prefix="ocinb-bench-", dir="/var/tmp"))
    memory = Path(tempfile.mkdtemp(prefix="ocinb-bench-", dir="/dev/shm"))
    site = Ground(directory, memory)
    try:
        yield Scaling(
            "unpack a layer into memory",
            "files",
            FILES,
            [Line("unpack", site.unpacking), Line("tar", site.extracting)],
        )
        shutil.rmtree(memory)
        yield Scaling(
            "tables of an image",
            "files",
            FILES,
            [Line("files", site.asking("files")), Line("waste", site.asking("waste"))],
        )
        yield Scaling(
            "the table of layers", "layers", LAYERS, [Line("image.layers", site.stacking)]
        )
        with RegistryServer(directory / "registry") as registry:
            yield Scaling(
                "list the tags of a repository, a page after the other",
                "tags",
                TAGS,
                [Line("client.tags", site.tagging(registry))],
            )
        yield Scaling(
            "a store with many blobs",
            "blobs",
            BLOBS,
            [Line("add one more", site.adding), Line("look for garbage", site.collecting)],
        )
    finally:
        for made in (directory, memory):
            shutil.rmtree(made, ignore_errors=True)
