"""What a layer holds, in one small file that is written while the layer is unpacked.

The index answers what a walk of the layer's directory would, and what such a walk cannot: owners
and devices that this user could not set, and which directories the archive names. Paths are the
real ones, links of lower layers followed, as they lie in the directory.

The file is one gzip member (its checksum tells a damaged file), of::

    ocinb layer index 1\\n
    {"entries": N, "paths": BYTES, "targets": BYTES, "xattrs": BYTES}\\n
    paths      joined by NUL, parents before children, ``/`` sorted before all other bytes
    targets    joined by NUL: one for each symlink, hard link and device, in order of their paths
    xattrs     JSON: {row: {name: value in hexadecimal}}
    kinds      N bytes, letters of ``LETTERS``
    flags      N bytes, ``OPAQUE_FLAG`` and ``IMPLIED_FLAG``
    modes      N × uint16, little-endian as the following
    uids, gids N × uint32 each
    sizes      N × int64, bytes
    mtimes     N × int64, nanoseconds since the epoch

Version 1; a file of any other version is made anew from the layer's directory.
"""

from __future__ import annotations

import json
import sys
from array import array
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

from isal import igzip, igzip_lib

from ocinb.errors import LayerError
from ocinb.layer.changeset import KINDS, WHITEOUT

MAGIC = b"ocinb layer index 1\n"

LETTERS = "fdlhpcbw"
"""A letter for each kind that an index can hold, in the order of ``changeset.KINDS``."""

KIND_OF = dict(zip(LETTERS, KINDS, strict=False))
LETTER_OF = {kind: letter for letter, kind in KIND_OF.items()}

OPAQUE_FLAG = 1
"""The directory hides what lower layers have in it. Spec: image-spec layer.md#opaque-whiteout"""
IMPLIED_FLAG = 2
"""A directory that the archive does not name, made because something lies in it."""

TARGETED = frozenset("lhcb")
"""Kinds that have a target."""

_COLUMNS = (("modes", "H"), ("uids", "I"), ("gids", "I"), ("sizes", "q"), ("mtimes", "q"))
"""In the order of ``Row``."""
_DAMAGED: Any = (ValueError, KeyError, OSError, EOFError, igzip_lib.IsalError)
_LEVEL = 1  # of compression: a third more bytes than the best, in a tenth of the time


class Row(NamedTuple):
    """One entry of an index; see ``changeset.Entry``.

    Attributes:
        target: of a symbolic link; of a hard link the path of the layer's file that it is
            another name of, whose attributes it has; ``major:minor`` of a device.
        opaque: see ``OPAQUE_FLAG``.
        implied: see ``IMPLIED_FLAG``.
    """

    path: str
    kind: str
    mode: int
    uid: int
    gid: int
    size: int
    mtime: int
    target: str
    opaque: bool
    implied: bool


Fields = tuple[str, str, int, int, int, int, int, str, bool, bool]
"""Those of a ``Row``; plain tuples cost the garbage collector nothing."""


class LayerIndex:
    """The entries of a layer, as columns of equal length; immutable by convention.

    Attributes:
        paths: real paths, sorted so that what lies beneath a directory follows it; the root is
            the empty path. Bytes that are not text are surrogates.
        kinds: a letter for each, see ``LETTERS``.
        modes: permission bits with setuid, setgid and sticky.
        uids, gids: numeric owners, as the archive has them.
        sizes: bytes of regular files; a hard link has its file's.
        mtimes: nanoseconds since the epoch.
        targets: see ``Row``; empty where the kind has none.
        flags: ``OPAQUE_FLAG``, ``IMPLIED_FLAG``.
        xattrs: row number → extended attributes, where there are any.
    """

    def __init__(
        self,
        paths: list[str],
        kinds: str,
        flags: bytes,
        columns: Mapping[str, array[int]],
        targets: list[str],
        xattrs: Mapping[int, Mapping[str, bytes]],
    ) -> None:
        self.paths = paths
        self.kinds = kinds
        self.flags = flags
        self.modes, self.uids, self.gids = columns["modes"], columns["uids"], columns["gids"]
        self.sizes, self.mtimes = columns["sizes"], columns["mtimes"]
        self.targets = targets
        self.xattrs = xattrs

    def __len__(self) -> int:
        return len(self.paths)

    def row(self, number: int) -> Row:
        """One entry."""
        flags = self.flags[number]
        return Row(
            self.paths[number],
            KIND_OF[self.kinds[number]],
            self.modes[number],
            self.uids[number],
            self.gids[number],
            self.sizes[number],
            self.mtimes[number],
            self.targets[number],
            bool(flags & OPAQUE_FLAG),
            bool(flags & IMPLIED_FLAG),
        )

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Path → number of its row."""
        return {path: number for number, path in enumerate(self.paths)}

    @cached_property
    def content(self) -> int:
        """Bytes of all files, each counted once however many names it has."""
        pairs = zip(self.kinds, self.sizes, strict=True)
        return sum(size for kind, size in pairs if kind == "f")

    @cached_property
    def whiteouts(self) -> list[str]:
        """Paths that are removed; an opaque directory as ``path/*``."""
        mark = LETTER_OF[WHITEOUT]
        return [
            path if kind == mark else f"{path}/*"
            for path, kind, flags in zip(self.paths, self.kinds, self.flags, strict=True)
            if kind == mark or flags & OPAQUE_FLAG
        ]

    def encode(self) -> bytes:
        """The file's bytes."""
        paths = _joined(self.paths)
        targets = _joined(
            t for t, kind in zip(self.targets, self.kinds, strict=True) if kind in TARGETED
        )
        xattrs = _encode_xattrs(self.xattrs)
        sizes = {"paths": len(paths), "targets": len(targets), "xattrs": len(xattrs)}
        head = json.dumps({"entries": len(self), **sizes}).encode()
        numbers = [_little(getattr(self, name)).tobytes() for name, _ in _COLUMNS]
        kinds = self.kinds.encode("ascii")
        data = b"".join((MAGIC, head, b"\n", paths, targets, xattrs, kinds, self.flags, *numbers))
        return igzip.compress(data, compresslevel=_LEVEL, mtime=0)

    @classmethod
    def decode(cls, data: bytes) -> LayerIndex:
        """An index from a file's bytes.

        Raises:
            LayerError: damaged, or of another version.
        """
        try:
            plain: bytes = igzip.decompress(data)  # type: ignore[no-untyped-call]
            return cls._decode(plain)
        except _DAMAGED as error:
            raise LayerError(f"the layer's index cannot be read: {error}") from error

    @classmethod
    def _decode(cls, data: bytes) -> LayerIndex:
        if not data.startswith(MAGIC):
            raise ValueError("it is of another version")
        end = data.index(b"\n", len(MAGIC))
        head = json.loads(data[len(MAGIC) : end])
        count, position = head["entries"], end + 1

        def take(length: int) -> bytes:
            nonlocal position
            position += length
            if position > len(data):
                raise ValueError("it ends too early")
            return data[position - length : position]

        paths = _split(take(head["paths"])) if count else []
        named = iter(_split(take(head["targets"])))
        xattrs = _decode_xattrs(take(head["xattrs"]))
        kinds, flags = take(count).decode("ascii"), take(count)
        columns = {}
        for name, code in _COLUMNS:
            column = array(code)
            column.frombytes(take(count * column.itemsize))
            columns[name] = _little(column)
        if len(paths) != count or set(kinds) - set(LETTERS):
            raise ValueError("its parts do not fit together")
        targets = [next(named, "") if kind in TARGETED else "" for kind in kinds]
        return cls(paths, kinds, flags, columns, targets, xattrs)


def order(path: str) -> str:
    """Sort key that keeps what lies beneath a directory together, behind it."""
    return path.replace("/", "\0")


def from_rows(rows: Mapping[str, Fields], xattrs: Mapping[str, Mapping[str, bytes]]) -> LayerIndex:
    """An index of rows by their paths, with the extended attributes of some."""
    paths = sorted(rows, key=order)
    _, kinds, *numbers, targets, opaque, implied = zip(*[rows[path] for path in paths], strict=True)
    columns = {
        name: array(code, column) for (name, code), column in zip(_COLUMNS, numbers, strict=True)
    }
    flags = bytes(
        [OPAQUE_FLAG * a + IMPLIED_FLAG * b for a, b in zip(opaque, implied, strict=True)]
    )
    letters = "".join([LETTER_OF[kind] for kind in kinds])
    numbered = {n: xattrs[path] for n, path in enumerate(paths) if path in xattrs} if xattrs else {}
    return LayerIndex(paths, letters, flags, columns, list(targets), numbered)


def _joined(texts: Iterable[str]) -> bytes:
    return "\0".join(texts).encode("utf-8", "surrogateescape")


def _split(data: bytes) -> list[str]:
    return data.decode("utf-8", "surrogateescape").split("\0")


def _little(column: array[int]) -> array[int]:
    if sys.byteorder == "big":
        column = array(column.typecode, column)
        column.byteswap()
    return column


def _encode_xattrs(xattrs: Mapping[int, Mapping[str, bytes]]) -> bytes:
    document = {
        str(number): {name: value.hex() for name, value in values.items()}
        for number, values in xattrs.items()
    }
    return json.dumps(document).encode("ascii")


def _decode_xattrs(data: bytes) -> dict[int, dict[str, bytes]]:
    return {
        int(number): {name: bytes.fromhex(value) for name, value in values.items()}
        for number, values in json.loads(data).items()
    }
