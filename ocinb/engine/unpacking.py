"""Unpacking the layers of an image while they still come."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ocinb.spec.descriptor import Descriptor
    from ocinb.spec.digest import Digest
    from ocinb.spec.image_config import ImageConfig
    from ocinb.spec.manifest import Manifest


class Unpacking:
    """Unpacks layers bottom to top in a thread of its own, each as soon as it is there.

    A layer may hold hard links into those below it, so the order cannot be changed; inflating
    and hashing let other threads run, so downloads go on meanwhile.

    Attributes:
        blobs: config and layers of the image.
    """

    def __init__(
        self, add_layer: Callable[[Manifest, ImageConfig, int, Sequence[Path]], Path]
    ) -> None:
        self._add_layer = add_layer
        self._changed = threading.Condition()
        self._there: set[int] = set()
        self._stopped = False
        self.blobs: frozenset[Digest] = frozenset()
        self._failure: BaseException | None = None
        self._thread: threading.Thread | None = None

    def begin(self, manifest: Manifest, config: ImageConfig) -> None:
        """Manifest and config are known: wait for the layers."""
        self._count = len(manifest.layers)
        self.blobs = frozenset(blob.digest for blob in (manifest.config, *manifest.layers))
        self._thread = threading.Thread(
            target=self._work, args=(manifest, config), name="unpack", daemon=True
        )
        self._thread.start()

    def arrived(self, number: int, _: Descriptor) -> None:
        """The blob of a layer is in the store.

        The last one to arrive waits until all are unpacked, so that no image gets a name whose
        layers cannot be unpacked.

        Raises:
            OcinbError: whatever went wrong with unpacking; it ends the pull.
        """
        with self._changed:
            self._there.add(number)
            self._changed.notify_all()
            last = len(self._there) == self._count
        thread = self._thread
        while last and thread is not None and thread.is_alive() and not self._stopped:
            thread.join(0.1)
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """End the thread: the pull is over, or failed."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _work(self, manifest: Manifest, config: ImageConfig) -> None:
        done: list[Path] = []
        try:
            for number in range(self._count):
                with self._changed:
                    while not self._stopped and number not in self._there:
                        self._changed.wait()
                if self._stopped:
                    return
                done.append(self._add_layer(manifest, config, number, done))
        except BaseException as error:  # the thread that pulls raises it
            self._failure = error
