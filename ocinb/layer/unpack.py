"""Unpacking: the archive of a layer becomes files, and its diffID is checked on the way.

Spec: image-spec layer.md#applying-changesets
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import os
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Literal

from ocinb.errors import DigestMismatch, LayerError, StorageError
from ocinb.layer import changeset, whiteout
from ocinb.layer.apply import Applier, remove_content
from ocinb.layer.changeset import Entry, Limits
from ocinb.layer.index import LayerIndex
from ocinb.layer.overlay_form import OverlayApplier
from ocinb.layer.stream import LayerStream
from ocinb.layer.tar_reader import TarReader
from ocinb.layer.tree_form import TreeApplier
from ocinb.spec.digest import Digest

STORAGE_ERRORS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE}
)

Form = Literal["overlay", "tree"]


@dataclasses.dataclass(frozen=True, slots=True)
class Unpacked:
    """What unpacking a layer did.

    Attributes:
        diff_id: of the uncompressed archive, verified where one was expected.
        size: bytes of the uncompressed archive.
        compressed: bytes of the blob.
        entries: tar entries, whiteouts included.
        content: bytes of regular files, holes included.
        files, directories, symlinks, hardlinks, others, whiteouts: entries by kind; opaque
            directories count as whiteouts, fifos and devices as others.
        skipped: ``(path, what was left out)`` because this user or filesystem cannot keep it;
            the first thousand.
        owners_skipped, xattrs_skipped, devices_skipped: how many.
        ignored: names in the archive that mean nothing to a tree (AUFS's bookkeeping).
        absolute: how many names began with a slash, which was dropped.
        seconds: wall time.
        index: what the directory holds, in the form ``overlay``.
    """

    diff_id: Digest
    size: int
    compressed: int
    entries: int
    content: int
    files: int
    directories: int
    symlinks: int
    hardlinks: int
    others: int
    whiteouts: int
    skipped: tuple[tuple[str, str], ...]
    owners_skipped: int
    xattrs_skipped: int
    devices_skipped: int
    ignored: tuple[str, ...]
    absolute: int
    seconds: float
    index: LayerIndex | None


def unpack(
    stream: IO[bytes],
    target: Path,
    *,
    media_type: str | None = None,
    diff_id: Digest | None = None,
    form: Form = "overlay",
    lowers: Sequence[Path] | None = None,
    user_xattrs: bool | None = None,
    limits: Limits | None = None,
    what: str = "layer",
    on_entry: Callable[[Entry], None] | None = None,
) -> Unpacked:
    """Apply a layer's blob to a directory.

    Args:
        stream: the blob, read to its end in another thread.
        target: made where it is missing. In the form ``overlay`` it must be empty and becomes one
            layer of a stack; in the form ``tree`` the changeset is applied over what is there.
        media_type: of the layer's descriptor.
        diff_id: what the uncompressed archive must hash to; None to be told.
        lowers: directories of the layers below in overlay form, bottom to top; empty for the
            lowest layer, None where they are not known (then every whiteout becomes a mark, and
            parents that the archive does not name are new).
        user_xattrs: mark opaque directories by ``user.overlay.opaque``; None: where
            ``trusted.overlay.opaque`` is not permitted.
        limits: how much the archive may ask for.
        what: how the layer is called in errors, as in ``layer sha256:…``.
        on_entry: called with each entry once it is applied.

    Raises:
        LayerError: the archive is damaged or breaks a rule; UnsafePath, UnsupportedCompression
            and LimitExceeded are kinds of it.
        DigestMismatch: another diffID.
        StorageError: no space, read-only, I/O error.

    On any error a target in the form ``overlay``, or one that was made here, is empty or gone
    again; a tree that was there before is left half changed.

    Spec: image-spec layer.md#applying-changesets
    """
    limits = limits or Limits()
    made = _prepare(target, form, what)
    try:
        if user_xattrs is None:
            user_xattrs = not trusted_xattrs(target)
        return _unpack(
            stream, target, media_type, diff_id, form, lowers, user_xattrs, limits, what, on_entry
        )
    except BaseException as error:
        _close_directories(error)
        if made or form == "overlay":
            remove_content(target)
        if made:
            with contextlib.suppress(OSError):
                os.rmdir(target)
        raise


def _close_directories(error: BaseException) -> None:
    """Whoever keeps an error (a notebook does) must not keep directories open by its frames."""
    cause: BaseException | None = error
    while cause is not None:
        traceback.clear_frames(cause.__traceback__)
        cause = cause.__cause__ or cause.__context__


def _unpack(
    stream: IO[bytes],
    target: Path,
    media_type: str | None,
    diff_id: Digest | None,
    form: Form,
    lowers: Sequence[Path] | None,
    user_xattrs: bool,
    limits: Limits,
    what: str,
    on_entry: Callable[[Entry], None] | None,
) -> Unpacked:
    started = time.monotonic()
    algorithm = diff_id.algorithm if diff_id else "sha256"
    with LayerStream(stream, media_type, algorithm, limits, what) as source:
        reader = TarReader(source.chunk, what, limits)
        with _explained(what, reader):
            applier: Applier
            if form == "overlay":
                applier = OverlayApplier(target, reader, limits, what, lowers, user_xattrs)
            else:
                applier = TreeApplier(target, reader, limits, what)
            with applier:
                while (entry := reader.next()) is not None:
                    applier.apply(entry)
                    if on_entry is not None:
                        on_entry(entry)
                applier.finish()
            found = Digest(f"{algorithm}:{source.finish()}")
        if diff_id is not None and found != diff_id:
            raise DigestMismatch(
                f"{what} has diffID {found} once it is uncompressed, the image config says "
                f"{diff_id}",
                hint="the registry or the image's maker mixed up layers",
                citation="image-spec config.md#layer-diffid",
            )
        return _summary(reader, applier, source, found, time.monotonic() - started)


@contextlib.contextmanager
def _explained(what: str, reader: TarReader) -> Iterator[None]:
    """Errors of the kernel, and of rooms that do not know the layer, name it and the entry."""
    try:
        yield
    except LayerError as error:
        if error.message.startswith(what):
            raise
        message = f"{what}: {reader.at}{error.message}"
        raise type(error)(message, hint=error.hint, citation=error.citation) from None
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        kind = StorageError if error.errno in STORAGE_ERRORS else LayerError
        raise kind(f"{what}: {reader.at}{reason}") from error


def _summary(
    reader: TarReader, applier: Applier, source: LayerStream, diff_id: Digest, seconds: float
) -> Unpacked:
    counts, attributes = applier.counts, applier.attributes
    return Unpacked(
        diff_id=diff_id,
        size=source.size,
        compressed=source.compressed,
        entries=reader.entries,
        content=applier.content,
        files=counts[changeset.FILE],
        directories=counts[changeset.DIRECTORY],
        symlinks=counts[changeset.SYMLINK],
        hardlinks=counts[changeset.HARDLINK],
        others=sum(counts[kind] for kind in (changeset.FIFO, changeset.CHAR, changeset.BLOCK)),
        whiteouts=counts[changeset.WHITEOUT] + counts[changeset.OPAQUE],
        skipped=tuple(attributes.skipped),
        owners_skipped=attributes.owners_skipped,
        xattrs_skipped=attributes.xattrs_skipped,
        devices_skipped=applier.devices_skipped,
        ignored=tuple(reader.ignored),
        absolute=reader.absolute,
        seconds=seconds,
        index=applier.index if isinstance(applier, OverlayApplier) else None,
    )


def _prepare(target: Path, form: Form, what: str) -> bool:
    """Make the target; whether it was missing."""
    try:
        try:
            os.mkdir(target)
            return True
        except FileExistsError:
            if form == "overlay" and os.listdir(target):
                raise LayerError(
                    f"{what}: {target} is not empty", hint="unpack it to a new directory"
                ) from None
            return False
    except OSError as error:
        raise StorageError(f"{what}: {target}: {os.strerror(error.errno or 0).lower()}") from error


def trusted_xattrs(directory: Path) -> bool:
    """Whether this process may mark directories for an overlay mount without ``userxattr``."""
    try:
        os.setxattr(directory, whiteout.TRUSTED_OPAQUE, whiteout.OPAQUE_VALUE)
        os.removexattr(directory, whiteout.TRUSTED_OPAQUE)
    except OSError:
        return False
    return True
