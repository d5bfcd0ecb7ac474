"""Blobs by digest, on disk as an OCI image layout.

::

    <root>/oci-layout            {"imageLayoutVersion":"1.0.0"}
    <root>/index.json            names → manifests and indexes
    <root>/blobs/sha256/<hex>    whole, verified blobs; never changed once there
    <root>/ingest/               ours: partial blobs, locks

Several processes may use a store at once, and each may be killed at any point: a blob appears
by a rename after it was verified and written out, a name after the blob it points at.

Spec: image-spec image-layout.md#content
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ocinb.content.durable import make_directory, replace_file, storage_errors
from ocinb.content.leases import lease
from ocinb.content.locks import locked
from ocinb.content.names import EMPTY_INDEX, Names
from ocinb.content.writer import BlobWriter, HashState
from ocinb.errors import BlobNotFound, InvalidDigest, InvalidDocument, StorageError
from ocinb.events import BlobProgress, ignore
from ocinb.spec.descriptor import Descriptor, describe
from ocinb.spec.digest import ENCODED_LENGTH, Digest, digest_of
from ocinb.spec.document import MAX_DOCUMENT, encode
from ocinb.spec.image_layout import (
    BLOBS,
    INDEX_FILE,
    LAYOUT_DOCUMENT,
    LAYOUT_FILE,
    blob_path,
    check_layout,
)

if TYPE_CHECKING:
    from ocinb.events import Record

INGEST = "ingest"


class Store:
    """A content-addressed store; made where it is missing.

    Attributes:
        root: the image layout's directory.
        ingest: where partial blobs and locks are.
        names: the images by name.

    Raises:
        InvalidDocument: the directory is an image layout of a version we do not read.
        StorageError: it cannot be made or read.
    """

    def __init__(self, root: Path | str, record: Record = ignore) -> None:
        self.root = Path(root)
        self._record = record
        self.ingest = self.root / INGEST
        self._make()
        self.names = Names(self.root, self.ingest / "names.lock", self.claim, record)

    def _make(self) -> None:
        layout, index = self.root / LAYOUT_FILE, self.root / INDEX_FILE
        if not (layout.exists() and index.exists()):
            for algorithm in ENCODED_LENGTH:
                make_directory(self.root / BLOBS / algorithm)
            with locked(self.ingest / "names.lock"):
                if not index.exists():
                    replace_file(index, encode(EMPTY_INDEX), temporary=self.ingest)
                if not layout.exists():
                    replace_file(layout, LAYOUT_DOCUMENT, temporary=self.ingest)
        with storage_errors("read", layout):
            check_layout(layout.read_bytes())

    def path(self, digest: Digest) -> Path:
        """Where a blob lies, or would lie. Spec: image-spec image-layout.md#blobs"""
        return self.root / blob_path(digest)

    def has(self, digest: Digest) -> bool:
        """Whether the blob is in the store."""
        return self.path(digest).is_file()

    def claim(self, digest: Digest) -> bool:
        """Whether the blob is in the store; if so it counts as new for garbage collection.

        Who finds a blob and is going to point at it claims it, so that it is not collected in
        between.
        """
        path = self.path(digest)
        if not path.is_file():
            return False
        try:
            with locked(self.ingest / "sweep.lock", shared=True):
                os.utime(path)
        except (OSError, StorageError):
            return path.is_file()  # collected meanwhile, or a store that we may only read
        return True

    def size(self, digest: Digest) -> int:
        """Bytes of a blob.

        Raises:
            BlobNotFound: it is not in the store.
        """
        try:
            return self.path(digest).stat().st_size
        except FileNotFoundError:
            raise _not_found(self.root, digest) from None

    def open(self, digest: Digest) -> BinaryIO:
        """A blob for reading; the caller closes it.

        Raises:
            BlobNotFound: it is not in the store.
            StorageError: it cannot be read.
        """
        path = self.path(digest)
        with storage_errors("read", path):
            try:
                return path.open("rb")
            except FileNotFoundError:
                raise _not_found(self.root, digest) from None

    def read(self, descriptor: Descriptor) -> bytes:
        """The whole content of a small blob (manifest, index, config), verified.

        Raises:
            BlobNotFound: it is not in the store.
            StorageError: it cannot be read.
            InvalidDocument: the descriptor says more than 4 MiB.
            DigestMismatch, SizeMismatch: the file is not what the descriptor says.
        """
        if descriptor.size > MAX_DOCUMENT:
            raise InvalidDocument(
                f"{descriptor.digest} is {descriptor.size:,} bytes, more than {MAX_DOCUMENT:,}"
            )
        with (
            self.open(descriptor.digest) as file,
            storage_errors("read", self.path(descriptor.digest)),
        ):
            data = file.read(descriptor.size + 1)
        descriptor.verify(data, f"blob {descriptor.digest}")
        return data

    def add(
        self, data: bytes, media_type: str, *, algorithm: str = "sha256", **properties: object
    ) -> Descriptor:
        """Keep bytes that we have whole; their descriptor, with further properties.

        Raises:
            StorageError: the disk refused.
        """
        digest = digest_of(data, algorithm)
        with self.blob(digest, len(data)) as writer:
            if not writer.present:
                writer.rewind()  # what an earlier attempt left is not worth trusting
                writer.write(data)
                writer.commit()
        return describe(data, media_type, **properties, digest=digest)

    def blob(
        self,
        digest: Digest,
        size: int | None = None,
        *,
        waiting: Callable[[], bool] = lambda: True,
    ) -> BlobWriter:
        """A writer for a blob whose digest is known, going on where an earlier one stopped.

        Where another process or thread is writing the same blob, this waits for it, and the blob
        is then usually ``present``.

        Args:
            digest: of the whole blob.
            size: bytes of the whole blob, if known.
            waiting: called about twenty times a second while waiting; false gives up.

        Raises:
            StorageError: the disk refused.
            writer.Abort: ``waiting`` gave up.
        """
        told = False

        def wait() -> bool:
            nonlocal told
            if not told:
                told = True
                self._record(BlobProgress(digest=digest, done=0, total=size or 0, action="waiting"))
            return waiting()

        partial = self.ingest / f"{digest.algorithm}-{digest.encoded}"
        return BlobWriter(self, partial, digest=digest, size=size, waiting=wait)

    def upload(
        self,
        key: str,
        algorithm: str = "sha256",
        *,
        resume: HashState | None = None,
        waiting: Callable[[], bool] = lambda: True,
    ) -> BlobWriter:
        """A writer for a blob whose digest is told at ``commit``.

        Args:
            key: letters, digits, ``-`` and ``_``; the same key goes on where it stopped.
            algorithm: that of the digest, as far as it is known; with another one the file is
                read again at ``commit``.
            resume: what ``BlobWriter.state`` gave at the last stop, to save reading it again.
            waiting: as for ``blob``.
        """
        partial = self.upload_path(key)
        return BlobWriter(self, partial, algorithm=algorithm, resume=resume, waiting=waiting)

    def upload_path(self, key: str) -> Path:
        """The partial file of an upload."""
        if not key.replace("-", "").replace("_", "").isalnum():
            raise ValueError(f"{key!r} is not an upload key")
        return self.ingest / f"upload-{key}"

    def lease(self) -> AbstractContextManager[None]:
        """While it is held, what comes into the store is not collected, however long it takes.

        Hold one from the first blob to the name::

            with store.lease():
                ...  # fetch blobs
                store.names.set(name, manifest)
        """
        return lease(self.ingest)

    def digests(self) -> Iterator[Digest]:
        """The digests of all blobs, in no order. Files that are not blobs are skipped."""
        for algorithm in ENCODED_LENGTH:
            directory = self.root / BLOBS / algorithm
            if not directory.is_dir():
                continue
            with os.scandir(directory) as entries:
                for entry in entries:
                    try:
                        digest = Digest(f"{algorithm}:{entry.name}")
                    except InvalidDigest:
                        continue
                    if entry.is_file():
                        yield digest

    def delete(self, digest: Digest) -> None:
        """Remove a blob, whatever points at it.

        Raises:
            BlobNotFound: it is not in the store.
        """
        path = self.path(digest)
        try:
            path.unlink()
        except FileNotFoundError:
            raise _not_found(self.root, digest) from None
        except OSError:
            with storage_errors("remove", path):
                raise


def _not_found(root: Path, digest: Digest) -> BlobNotFound:
    return BlobNotFound(f"no blob {digest} in {root}")
