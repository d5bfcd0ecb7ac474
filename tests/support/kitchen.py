"""A place to build in without an engine: steps that run nothing can be built by anybody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ocinb.build.draft import Written
from ocinb.build.recipe import Recipe, build
from ocinb.build.stack import Stack
from ocinb.build.workplace import Found, Ran, Workplace
from ocinb.bundle.options import ContainerOptions
from ocinb.content.store import Store
from ocinb.errors import NameNotFound, UnsupportedHost
from ocinb.events import Recorder
from ocinb.layer.unpacked import UnpackedLayers
from ocinb.spec.platform import Platform
from ocinb.spec.reference import Reference


class Kitchen:
    """A workplace with a context of its own.

    Attributes:
        context: the directory that is copied from.
        commands: what ``RUN`` was asked for; nothing is run, and nothing changes.
    """

    def __init__(self, place: Path) -> None:
        self.context = place / "context"
        self.context.mkdir()
        self.recorder = Recorder()
        self.commands: list[ContainerOptions] = []
        self.store = Store(place / "store")
        self.work = Workplace(
            store=self.store,
            layers=UnpackedLayers(place / "layers"),
            find=self._find,
            run=self._run,
            cache=place / "cache",
            record=self.recorder,
        )
        self._empty = place / "empty"
        self._empty.mkdir()

    def build(self, text: str, **more: Any) -> Written:
        """Build a Dockerfile."""
        return build(self.work, Recipe(text=text, context=self.context, **more)).image

    def name(self, image: Written, name: str) -> None:
        """Let a later FROM find an image."""
        self.store.names.set(str(Reference.parse(name)), image.descriptor)

    def config(self, image: Written) -> dict[str, Any]:
        """The image config with all its fields."""
        document: dict[str, Any] = json.loads(self.store.read(image.manifest.config))
        return document

    def tree(self, image: Written) -> Stack:
        """What an image shows."""
        made: list[Path] = []
        for layer, diff_id, chain_id in zip(
            image.manifest.layers,
            image.config.rootfs.diff_ids,
            image.config.chain_ids,
            strict=True,
        ):
            with self.store.open(layer.digest) as blob:
                made.append(self.work.layers.add(chain_id, layer, diff_id, blob, made))
        return Stack(made)

    def paths(self, image: Written) -> list[str]:
        """Every path that an image shows; directories end in a slash."""
        tree = self.tree(image)

        def walk(node: Any) -> Iterator[str]:
            for child in tree.children(node):
                yield f"{child.path}/" if child.is_directory else child.path
                if child.is_directory:
                    yield from walk(child)

        return list(walk(tree.root))

    def _find(self, name: str, platform: Platform | None) -> Found:
        if name == "unreachable":
            raise NameNotFound(f"no image named {name}")
        whole = str(Reference.parse(name))
        return Found(name=whole, manifest=self.store.names.get(whole))

    @contextmanager
    def _run(
        self, image: Written, options: ContainerOptions, stdin: bytes | None = None
    ) -> Iterator[Ran]:
        if options.args == ["refused"]:
            raise UnsupportedHost("no containers here")
        self.commands.append(options)
        yield Ran(exit_status=7 if options.args == ["fail"] else 0, upper=self._empty)
