"""Archives of a build context, unpacked for ``ADD`` with the care that layers are unpacked with.

Spec: none (Dockerfile reference, ADD)
"""

from __future__ import annotations

import bz2
import lzma
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from ocinb.build.facts import Owners
from ocinb.build.stack import Node, Stack
from ocinb.errors import LayerError
from ocinb.layer import tar_header
from ocinb.layer.changeset import OPAQUE, WHITEOUT, Entry
from ocinb.layer.compression import open_stream
from ocinb.layer.unpack import unpack
from ocinb.overlay.trees import remove_tree
from ocinb.temporary import temporary_place

_MAGICS = {b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"\x1f\x8b": "", b"\x28\xb5\x2f\xfd": ""}
"""First bytes → who must uncompress it; empty: ``layer`` does."""


class Archives:
    """Unpacked archives, until the context that gave this object is left.

    Attributes:
        owners: who owns what in the last one: on disk that may not be kept.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._count = 0
        self.owners = Owners()

    def open(self, node: Node) -> Stack | None:
        """The tree of an archive, plain or compressed by gzip, bzip2, xz or zstd; None for a
        file that is none.

        Raises:
            LayerError: it is damaged, or breaks a rule.
        """
        path = Path(node.places[0])
        if not _is_archive(path):
            return None
        self._count += 1
        target = self._directory / str(self._count)
        named: dict[str, tuple[int, int]] = {}

        def note(entry: Entry) -> None:
            if entry.kind in (WHITEOUT, OPAQUE):
                raise LayerError(f"{entry.path!r} is removed by an archive that is not a layer")
            named[entry.path] = (entry.uid, entry.gid)

        with _opened(path) as stream:
            unpack(stream, target, form="tree", what=f"archive {node.path}", on_entry=note)
        self.owners = _Named(named)
        return Stack([target], marks=False)


class _Named(Owners):
    """The owners that an archive names; whoever it does not name is the superuser's."""

    def __init__(self, named: dict[str, tuple[int, int]]) -> None:
        super().__init__()
        self._named = named

    def of(self, node: Node, before: Node | None) -> tuple[int, int]:  # noqa: ARG002
        """As the archive says."""
        return self._named.get(node.path, (0, 0))


@contextmanager
def archive_tree() -> Iterator[Archives]:
    """A place for archives; nothing is left of it."""
    directory = tempfile.mkdtemp(prefix="ocinb-add-", dir=temporary_place())
    try:
        yield Archives(Path(directory))
    finally:
        remove_tree(directory)


def _is_archive(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(tar_header.BLOCK)
    if not any(start.startswith(magic) for magic in _MAGICS):
        return _is_tar(start)
    # A compressed file of another kind fails, or does not begin with a header.
    with (
        suppress(LayerError, OSError, EOFError, lzma.LZMAError, ValueError),
        _opened(path) as stream,
    ):
        return _is_tar(open_stream(stream).read(tar_header.BLOCK))
    return False


def _is_tar(block: bytes) -> bool:
    """Whether a block is a tar header: its checksum says so."""
    if len(block) < tar_header.BLOCK or not block.strip(b"\0"):
        return False
    digits = block[148:156].strip(b" \0")
    if not digits or not all(char in b"01234567" for char in digits):
        return False
    return sum(block[:148]) + sum(block[156:]) + 8 * 32 == int(digits, 8)


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as file:
        start = file.read(6)
        file.seek(0)
        kind = next((kind for magic, kind in _MAGICS.items() if start.startswith(magic)), "")
        if kind == "bzip2":
            with bz2.open(file, "rb") as stream:
                yield stream
        elif kind == "xz":
            with lzma.open(file, "rb") as stream:
                yield stream
        else:
            yield file
