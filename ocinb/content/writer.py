"""Writing one blob: bytes go to a partial file, are hashed on the way, and appear when whole."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Protocol

from ocinb.content.durable import make_directory, storage_errors, sync_directory, write_all
from ocinb.errors import ContentError, DigestMismatch, SizeMismatch
from ocinb.frozen import Frozen
from ocinb.spec.digest import Digest

READ_SIZE = 1024 * 1024
"""Bytes read at once where a file is hashed."""

_POLL = 0.05


class Abort(ContentError):
    """Waiting for another writer of the same blob was given up."""


class HashState(Frozen):
    """How far a partial file was hashed, so that it need not be read again.

    Attributes:
        algorithm: ``sha256`` or ``sha512``.
        offset: bytes hashed.
        hasher: the hash of these bytes; handed over, not to be used by two writers.
    """

    algorithm: str
    offset: int
    hasher: hashlib._Hash


class Shelf(Protocol):
    """What the writer needs of the store: where blobs lie."""

    def path(self, digest: Digest) -> Path:
        """The place of a blob."""
        ...

    def claim(self, digest: Digest) -> bool:
        """Whether the blob is there; then it is kept from being collected for a while."""
        ...


class BlobWriter:
    """A blob on its way into the store; a context manager.

    Leaving the context without ``commit`` keeps the partial file: a later writer of the same
    digest goes on at ``offset``. While it is open, the partial file is locked against other
    writers, in this process and in others.

    Attributes:
        offset: bytes that are there already, hashed again if a former process left them.
        present: the blob is whole and in the store; nothing need be written.
    """

    def __init__(
        self,
        shelf: Shelf,
        partial: Path,
        *,
        digest: Digest | None = None,
        algorithm: str = "sha256",
        size: int | None = None,
        resume: HashState | None = None,
        waiting: Callable[[], bool] = lambda: True,
    ) -> None:
        """Open or make the partial file; use ``Store.blob`` or ``Store.upload``.

        Args:
            shelf: the store.
            partial: where bytes go until ``commit``.
            digest: what the bytes must hash to, where it is known already.
            algorithm: what to hash with, where the digest is not known.
            size: how many bytes it must be, where it is known already.
            resume: hash of what the file holds, if it is still known.
            waiting: called while another writer has the file; false gives up.
        """
        self.present = False
        self.offset = 0
        self._shelf = shelf
        self._partial = partial
        self._digest = digest
        self._algorithm = digest.algorithm if digest else algorithm
        self._size = size
        self._file = -1
        make_directory(partial.parent)
        while self._file < 0:
            if digest is not None and self._already_there(digest):
                return
            self._lock(waiting)
        try:
            self._resume(resume)
        except BaseException:
            self.close()
            raise

    def _already_there(self, digest: Digest) -> bool:
        if not self._shelf.claim(digest):
            return False
        path = self._shelf.path(digest)
        size = path.stat().st_size
        if self._size not in (None, size):
            try:
                check_file(path, digest, self._size)
            except DigestMismatch:
                path.unlink(missing_ok=True)  # damaged: another program or a power failure
                return False
        self.present, self.offset = True, size
        return True

    def _lock(self, waiting: Callable[[], bool]) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        with storage_errors("open", self._partial):
            file = os.open(self._partial, flags, 0o644)
        try:
            while True:
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                if not waiting():
                    raise Abort(
                        f"waiting for the other writer of {self._partial.name} was given up"
                    )
                time.sleep(_POLL)
            # Whoever had the lock may have moved the file to its place meanwhile.
            if os.path.lexists(self._partial) and os.path.samestat(
                os.fstat(file), os.stat(self._partial, follow_symlinks=False)
            ):
                self._file, file = file, -1
        finally:
            if file >= 0:
                os.close(file)

    def _resume(self, state: HashState | None) -> None:
        length = os.fstat(self._file).st_size
        if self._size is not None and length > self._size:
            os.ftruncate(self._file, 0)
            length = 0
        if state and state.offset <= length and state.algorithm == self._algorithm:
            self._hash, self.offset = state.hasher, state.offset
            os.ftruncate(self._file, self.offset)
        else:
            self._hash, self.offset = _hash_file(self._file, self._algorithm)
        os.lseek(self._file, self.offset, os.SEEK_SET)

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes.

        Raises:
            SizeMismatch: more than the expected size; the partial file is removed.
            StorageError: the disk refused; the bytes before these are kept.
        """
        if self._file < 0:
            raise ContentError(f"{self._partial.name} is not open for writing")
        length = len(data)
        if self._size is not None and self.offset + length > self._size:
            self.discard()
            raise SizeMismatch(
                f"{self._what} has more than the {self._size:,} bytes its descriptor says",
                citation="image-spec descriptor.md#verification",
            )
        with storage_errors("write", self._partial):
            try:
                write_all(self._file, data)
            except BaseException:
                os.ftruncate(self._file, self.offset)
                os.lseek(self._file, self.offset, os.SEEK_SET)
                raise
        self._hash.update(data)
        self.offset += length

    def commit(self, digest: Digest | None = None) -> Digest:
        """Verify size and digest, then let the blob appear in the store, durably.

        Args:
            digest: what the bytes must hash to; needed where it was not known at the start.

        Raises:
            DigestMismatch, SizeMismatch: other bytes than expected; the partial file is removed.
            StorageError: the disk refused; the partial file is kept.

        Spec: image-spec descriptor.md#verification
        """
        expected = digest or self._digest
        if expected is None:
            raise ContentError("the digest to commit is not known")
        if self.present:
            return expected
        if self._file < 0:
            raise ContentError(f"{self._what} is not open for writing")
        try:
            self._verify(expected)
        except ContentError:
            self.discard()
            raise
        self._publish(expected)
        return expected

    def _verify(self, expected: Digest) -> None:
        if self._size is not None and self.offset != self._size:
            raise SizeMismatch(
                f"{self._what} has {self.offset:,} bytes, its descriptor says {self._size:,}",
                citation="image-spec descriptor.md#verification",
            )
        hasher = self._hash
        if expected.algorithm != self._algorithm:
            hasher, _ = _hash_file(self._file, expected.algorithm)
        _check(expected, hasher, self._what)

    def _publish(self, digest: Digest) -> None:
        place = self._shelf.path(digest)
        with storage_errors("write", place):
            if self._shelf.claim(digest) and place.stat().st_size == self.offset:
                self._partial.unlink(missing_ok=True)
            else:
                os.fsync(self._file)
                os.utime(self._file)  # young, so that garbage collection leaves it alone
                place.parent.mkdir(parents=True, exist_ok=True)
                self._partial.replace(place)
                sync_directory(place.parent)
        self.present = True
        self.close()

    def mark(self) -> HashState:
        """The present place, to which ``rewind`` can go back."""
        return HashState(algorithm=self._algorithm, offset=self.offset, hasher=self._hash.copy())

    def rewind(self, mark: HashState | None = None) -> None:
        """Forget the bytes that were written since ``mark``; without one, all of them."""
        with storage_errors("write", self._partial):
            self.offset = mark.offset if mark else 0
            self._hash = mark.hasher if mark else hashlib.new(self._algorithm)
            os.ftruncate(self._file, self.offset)
            os.lseek(self._file, self.offset, os.SEEK_SET)

    def state(self) -> HashState:
        """How far it was hashed, for ``resume`` of a later writer; ends the use of this one."""
        state = HashState(algorithm=self._algorithm, offset=self.offset, hasher=self._hash)
        self.close()
        return state

    def discard(self) -> None:
        """Remove the partial file."""
        if self._file >= 0:
            with contextlib.suppress(FileNotFoundError), storage_errors("remove", self._partial):
                self._partial.unlink()
            self.close()

    def close(self) -> None:
        """Let go of the partial file, which stays for a later writer."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> BlobWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def _what(self) -> str:
        return f"blob {self._digest or self._partial.name}"


def check_file(path: Path, digest: Digest, size: int | None = None) -> None:
    """Raise ``DigestMismatch`` or ``SizeMismatch`` unless a file holds what is described."""
    with storage_errors("read", path):
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            hasher, length = _hash_file(file, digest.algorithm)
        finally:
            os.close(file)
    _check(digest, hasher, f"the blob {path}")
    if size not in (None, length):
        raise SizeMismatch(
            f"blob {digest} has {length:,} bytes, its descriptor says {size:,}",
            citation="image-spec descriptor.md#verification",
        )


def _hash_file(file: int, algorithm: str) -> tuple[hashlib._Hash, int]:
    hasher, offset = hashlib.new(algorithm), 0
    while data := os.pread(file, READ_SIZE, offset):
        hasher.update(data)
        offset += len(data)
    return hasher, offset


def _check(expected: Digest, hasher: hashlib._Hash, what: str) -> None:
    actual = hasher.hexdigest()
    if actual != expected.encoded:
        raise DigestMismatch(
            f"{what} has digest {expected.algorithm}:{actual}, expected {expected}",
            hint="the bytes were changed or damaged on the way; nothing of them was kept",
            citation="image-spec descriptor.md#verification",
        )
