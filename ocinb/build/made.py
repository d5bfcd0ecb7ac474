"""A layer that was made: packed into the store.

Spec: image-spec layer.md#creating
"""

from __future__ import annotations

import datetime
import os
import secrets
import time
from collections.abc import Iterable
from typing import IO, cast

from ocinb.content.store import Store
from ocinb.content.writer import BlobWriter
from ocinb.errors import StorageError
from ocinb.frozen import Frozen
from ocinb.layer.changeset import Entry
from ocinb.layer.pack import Compression, pack
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.digest import Digest


class MadeLayer(Frozen):
    """A layer in the store.

    Attributes:
        descriptor: of the blob.
        diff_id: of the archive in it.
        entries: how many it has.
    """

    descriptor: Descriptor
    diff_id: Digest
    entries: int


def make_layer(
    store: Store, entries: Iterable[Entry], *, compression: Compression = "gzip"
) -> MadeLayer:
    """Pack entries into the store; the same entries give the same layer.

    Raises:
        LayerError: an entry cannot be packed. StorageError: the disk refused, or a file cannot
            be read. Nothing is left then.

    Spec: image-spec layer.md#representing-changes
    """
    counted = _Counted(entries)
    writer = store.upload(f"layer-{secrets.token_hex(8)}")
    with writer:
        try:
            packed = pack(counted, cast("IO[bytes]", _Sink(writer)), compression=compression)
            writer.commit(packed.digest)
        except OSError as error:
            writer.discard()
            reason = os.strerror(error.errno or 0).lower()
            raise StorageError(f"{error.filename or 'a file'}: {reason}") from error
        except BaseException:
            writer.discard()
            raise
    descriptor = Descriptor(media_type=packed.media_type, digest=packed.digest, size=packed.size)
    return MadeLayer(descriptor=descriptor, diff_id=packed.diff_id, entries=counted.count)


def source_date_epoch() -> int | None:
    """Seconds that ``SOURCE_DATE_EPOCH`` names, or None. Spec: none (reproducible-builds.org)"""
    text = os.environ.get("SOURCE_DATE_EPOCH", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 13 else None


def rfc3339(seconds: float | None = None) -> str:
    """A time as documents have it, in whole seconds; now if not given."""
    moment = datetime.datetime.fromtimestamp(
        time.time() if seconds is None else seconds, datetime.UTC
    )
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class _Counted:
    """Counts what passes."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = iter(entries)
        self.count = 0

    def __iter__(self) -> _Counted:
        return self

    def __next__(self) -> Entry:
        entry = next(self._entries)
        self.count += 1
        return entry


class _Sink:
    """A blob's writer as a file: it tells how much it took."""

    def __init__(self, writer: BlobWriter) -> None:
        self._writer = writer

    def write(self, data: memoryview) -> int:
        self._writer.write(data)
        return len(data)
