"""The owners that layers name, for users on whose disk every file is their own.

Spec: image-spec layer.md#file-attributes
"""

from __future__ import annotations

from collections.abc import Sequence

from ocinb.build.stack import Stack
from ocinb.bundle.user import resolve
from ocinb.errors import BundleError
from ocinb.layer.changeset import WHITEOUT
from ocinb.layer.unpacked import UnpackedLayers
from ocinb.spec.digest import Digest
from ocinb.temporary import temporary_place

Owner = tuple[int, int]

_LARGEST = 4 * 1024 * 1024


class LayerOwners:
    """Path → owner, as the uppermost of some layers that has it says.

    The indexes of the layers are read when the first path is asked for.

    Args:
        layers: where the layers are unpacked.
        chain: the chainIDs of those that count, bottom to top.
    """

    def __init__(self, layers: UnpackedLayers, chain: Sequence[Digest]) -> None:
        self._layers = layers
        self._chain = chain
        self._known: dict[str, Owner] | None = None

    def __call__(self, path: str) -> Owner | None:
        """User and group of a path; None where no layer names it.

        Raises:
            LayerError: a layer is not unpacked.
        """
        if self._known is None:
            self._known = {}
            for chain_id in self._chain:
                index = self._layers.index(chain_id)
                rows = map(index.row, range(len(index)))
                self._known.update(
                    (row.path, (row.uid, row.gid))
                    for row in rows
                    if row.kind != WHITEOUT and not row.implied
                )
        return self._known.get(path)


def owner_named(text: str, below: Stack) -> Owner:
    """What ``--chown`` means: names are looked up in the image; a lone number is the group, too.

    Raises:
        UnknownUser: a name that the image does not have.
        BundleError: it is empty.

    Spec: none (Dockerfile reference, COPY --chown)
    """
    import tempfile
    from pathlib import Path

    who, colon, group = text.partition(":")
    if not who or (colon and not group):
        raise BundleError(f"{text!r} is not an owner", hint="as in 1000, app:app, 1000:1000")
    if who.isdigit() and not colon:
        group = who
    with tempfile.TemporaryDirectory(prefix="ocinb-", dir=temporary_place()) as directory:
        files = Path(directory, "etc")
        files.mkdir()
        for name in ("passwd", "group"):
            (files / name).write_bytes(below.read(f"etc/{name}", _LARGEST))
        user = resolve(f"{who}:{group}" if group else who, Path(directory))
    return user.uid, user.gid
