"""What a build needs from above: where images are, and somebody who runs commands in them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ocinb.build.draft import Draft, Written, layer_of
from ocinb.build.stack import Stack
from ocinb.build.unkept import unkept
from ocinb.bundle.options import ContainerOptions
from ocinb.content.store import Store
from ocinb.frozen import Frozen
from ocinb.layer.unpacked import UnpackedLayers
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.platform import Platform

if TYPE_CHECKING:
    from ocinb.events import Record


class Found(Frozen):
    """An image by its name.

    Attributes:
        name: whole.
        manifest: of the platform that was asked for.
    """

    name: str
    manifest: Descriptor


class Ran(Frozen):
    """A command that has ended.

    Attributes:
        exit_status: as a shell has it.
        upper: the directory of what it changed, in overlayfs' form; there until the context
            that gave this object is left.
        copied: ``upper`` is no upper directory, but the whole tree: the layers were copied.
        mount_points: paths at which something was mounted.
    """

    exit_status: int
    upper: Path
    copied: bool = False
    mount_points: frozenset[str] = frozenset()


class Runner(Protocol):
    """Runs a command in an image."""

    def __call__(
        self, image: Written, options: ContainerOptions, stdin: bytes | None = None
    ) -> AbstractContextManager[Ran]:
        """Run it to its end, and keep what it changed until the context is left.

        Raises:
            UnsupportedHost: containers cannot be run here.
            OcinbError: anything else that keeps it from being run.
        """
        ...


class Workplace(Frozen):
    """Where a build works.

    Attributes:
        store: the content store.
        layers: the unpacked layers.
        find: name and platform → the image, brought from its registry where it is not there.
        run: see ``Runner``.
        cache: the directory in which steps are remembered.
        record: told of each step.
    """

    store: Store
    layers: UnpackedLayers
    find: Callable[[str, Platform | None], Found]
    run: Runner
    cache: Path
    record: Record

    def unpacked(self, draft: Draft) -> list[Path]:
        """The directories of an image's layers, bottom to top, made where they are missing.

        Raises:
            BlobNotFound, LayerError, DigestMismatch, StorageError.
        """
        made: list[Path] = []
        for number, chain_id in enumerate(draft.chain_ids):
            layer = layer_of(draft, number)
            with self.store.open(layer.descriptor.digest) as blob:
                made.append(self.layers.add(chain_id, layer.descriptor, layer.diff_id, blob, made))
        return made

    def tree(self, draft: Draft) -> Stack:
        """What an image shows, with what this user's disk could not keep of it.

        Raises:
            BlobNotFound, LayerError, DigestMismatch, StorageError.
        """
        directories = self.unpacked(draft)
        return Stack(directories, unkept=unkept(self.layers, draft.chain_ids, directories))
