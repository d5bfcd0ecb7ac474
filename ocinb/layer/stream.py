"""A layer blob read once: inflated in one thread, hashed in another, handed on in a third.

Inflating, hashing and writing files all release the interpreter's lock, so that on two cores the
slowest of them sets the pace. The queues between them are bounded: memory stays the same however
large the layer is.
"""

from __future__ import annotations

import hashlib
import queue
import threading
from types import TracebackType
from typing import IO, Self

from ocinb.errors import LimitExceeded
from ocinb.layer.changeset import Limits
from ocinb.layer.compression import chunks

DEPTH = 16
"""Chunks that may wait in a queue."""

_Item = bytes | BaseException


class LayerStream:
    """The uncompressed archive of a layer, chunk by chunk, and its digest at the end.

    A context manager: leaving it ends the threads, also in the middle.

    Args:
        stream: the blob, read in another thread.
        media_type: of its descriptor, or None.
        algorithm: of the diffID that is made.
        limits: size and ratio are checked while inflating.
        what: how the layer is called in errors.

    Attributes:
        size: uncompressed bytes that were made so far.
        compressed: compressed bytes that were read so far.
    """

    def __init__(
        self, stream: IO[bytes], media_type: str | None, algorithm: str, limits: Limits, what: str
    ) -> None:
        self.size = 0
        self.compressed = 0
        self._source = chunks(stream, media_type, what=what, took=self._took)
        self._hash = hashlib.new(algorithm)
        self._limits = limits
        self._what = what
        self._to_reader: queue.Queue[_Item] = queue.Queue(DEPTH)
        self._to_hash: queue.Queue[_Item] = queue.Queue(DEPTH)
        self._stopped = False
        self._ended = False
        self._threads = [
            threading.Thread(target=target, name=f"ocinb-{name}", daemon=True)
            for target, name in ((self._inflate, "inflate"), (self._digest, "hash"))
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._stopped = True
        for waiting in (self._to_reader, self._to_hash):
            while True:  # make room for a thread that waits to hand something on
                try:
                    waiting.get_nowait()
                except queue.Empty:
                    break
        self._to_hash.put(b"")
        for thread in self._threads:
            thread.join()

    def chunk(self) -> bytes:
        """The next chunk; empty at the end, again and again.

        Raises:
            LayerError, LimitExceeded, OSError: whatever the inflating thread met.
        """
        if self._ended:
            return b""
        item = self._to_reader.get()
        if isinstance(item, BaseException):
            self._ended = True
            raise item
        if not item:
            self._ended = True
        return item

    def finish(self) -> str:
        """Read what is left after the archive's end, and return the hexadecimal digest of all.

        Spec: image-spec config.md#layer-diffid
        """
        while self.chunk():
            pass
        self._threads[1].join()
        return self._hash.hexdigest()

    def _took(self, count: int) -> None:
        self.compressed += count

    def _inflate(self) -> None:
        last: _Item = b""
        try:
            for chunk in self._source:
                self.size += len(chunk)
                self._check_limits()
                self._to_hash.put(chunk)
                self._to_reader.put(chunk)
                if self._stopped:
                    return
        except BaseException as error:
            last = error
        self._to_hash.put(b"")
        self._to_reader.put(last)

    def _digest(self) -> None:
        update = self._hash.update
        while (item := self._to_hash.get()) and isinstance(item, bytes):
            update(item)

    def _check_limits(self) -> None:
        limits = self._limits
        if self.size > limits.size:
            raise LimitExceeded(
                f"{self._what} is more than {limits.size:,} bytes uncompressed",
                hint="if you trust it: OCINB_LAYER_LIMITS=size=NUMBER",
            )
        if self.size > limits.ratio_floor and self.size > limits.ratio * self.compressed:
            raise LimitExceeded(
                f"{self._what} grows more than {limits.ratio} times when it is uncompressed",
                hint="a decompression bomb does; if you trust it: OCINB_LAYER_LIMITS=ratio=NUMBER",
            )
