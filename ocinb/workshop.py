"""Where images are built: the engine runs the commands, ``build`` makes layers of what they change.

Both are of one tier and know nothing of each other; this joins them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ocinb.build.build import Build as _Build
from ocinb.build.build import Step
from ocinb.build.draft import Written
from ocinb.build.recipe import Recipe, build
from ocinb.build.workplace import Found, Ran, Workplace
from ocinb.engine.container_files import ContainerFiles
from ocinb.engine.engine import Engine, Finished
from ocinb.engine.images import LocalImage
from ocinb.errors import UnsupportedHost
from ocinb.events import ignore
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.reference import Reference

if TYPE_CHECKING:
    from ocinb.bundle.options import ContainerOptions
    from ocinb.events import Record
    from ocinb.image import Image
    from ocinb.spec.platform import Platform

    Output = Callable[[bytes, int], None]

UNNAMED = "localhost/build"
"""What an image is called that has no name yet."""


def workplace(engine: Engine, output: Output | None = None, record: Record = ignore) -> Workplace:
    """Where a build works with an engine.

    Args:
        output: takes what commands write, and the stream's number; to ``sys.stderr`` if not given,
            for standard output belongs to a command's answer.
        record: told of each step.
    """

    def find(name: str, platform: Platform | None) -> Found:
        local = engine.image(name, platform) if _is_here(engine, name) else None
        local = local or engine.pull(name, platform)
        return Found(name=local.name, manifest=local.manifest_descriptor)

    @contextmanager
    def run(image: Written, options: ContainerOptions, stdin: bytes | None = None) -> Iterator[Ran]:
        mount = engine.rung.mount
        if mount is not None and mount.kind == "copy":
            raise UnsupportedHost(
                "what a command changes is not kept where layers can only be copied",
                hint="steps that run nothing can be built all the same; see ocinb doctor",
            )
        done = engine.run(
            _to_run(image), options, output=output or _to_stderr, stdin=stdin, keep=True
        )
        assert isinstance(done, Finished)  # it was not detached
        files = ContainerFiles(str(engine.settings.containers / done.container))
        try:
            yield Ran(exit_status=done.exit_status, upper=Path(files.writable, "upper"))
        finally:
            engine.delete(done.container, force=True)

    return Workplace(
        store=engine.store,
        layers=engine.layers,
        find=find,
        run=run,
        cache=engine.settings.root / "build-cache",
        record=record,
    )


def build_named(
    engine: Engine,
    recipe: Recipe,
    name: str | None = None,
    *,
    output: Output | None = None,
    record: Record = ignore,
) -> LocalImage:
    """Build a Dockerfile, and give the image a name.

    Raises:
        BuildError, OcinbError: see ``ocinb.build.recipe.build``; InvalidReference: not a name.
    """
    reference = Reference.parse(name) if name else None
    with engine.store.lease():
        step = build(workplace(engine, output, record), recipe)
        local = local_image(step.image, str(reference or UNNAMED))
        if reference is not None:
            engine.store.names.set(local.name, local.target)
    return local


def local_image(
    written: Written, name: str = UNNAMED, target: Descriptor | None = None
) -> LocalImage:
    """An image that was made, as the engine has images."""
    return LocalImage(
        name=str(Reference.parse(name)),
        target=target or written.descriptor,
        manifest_descriptor=written.descriptor,
        manifest=written.manifest,
        config=written.config,
    )


class Build(_Build):
    """An image built step by step with this user's engine; see ``ocinb.build.build.Build``.

    Args:
        context: the directory that ``copy`` reads.
        engine: made for this user's settings if not given.
        output: see ``workplace``.
        record: told of each step.
        more: as ``ocinb.build.build.Build`` takes it.
    """

    def __init__(
        self,
        context: str | Path | None = None,
        *,
        engine: Engine | None = None,
        output: Output | None = None,
        record: Record = ignore,
        **more: Any,
    ) -> None:
        from ocinb.settings import Settings

        self._engine = engine or Engine(Settings.from_environment(), record)
        super().__init__(workplace(self._engine, output, record), context=context, **more)

    def look(self, step: Step | None = None) -> Image:
        """The image after a step, the last if not given: to be run, mounted, and looked at."""
        from ocinb.image import Image

        return Image(self._engine, local_image(step.image if step else self.image))

    def tag(self, name: str) -> Image:
        """Give the image of the last step a name in the store."""
        from ocinb.image import Image

        local = local_image(self.image, name)
        self._engine.store.names.set(local.name, local.target)
        return Image(self._engine, local)


def _is_here(engine: Engine, name: str) -> bool:
    return str(Reference.parse(name)) in engine.store.names


def _to_run(image: Written) -> LocalImage:
    """The image without volumes: what a command writes there belongs into the image."""
    execution = msgspec.structs.replace(image.config.execution, volumes=None)
    config = msgspec.structs.replace(image.config, config=execution)
    return LocalImage(**{**dict(local_image(image)), "config": config})


def _to_stderr(data: bytes, _stream: int) -> None:
    sys.stderr.write(data.decode(errors="replace"))
    sys.stderr.flush()
