"""The owners that layers' archives name, for users on whose disk every file is their own.

Spec: image-spec layer.md#file-attributes
"""

from __future__ import annotations

from collections.abc import Sequence

from ocinb.build.stack import Stack
from ocinb.bundle.user import resolve
from ocinb.content.store import Store
from ocinb.errors import BundleError
from ocinb.layer.changeset import OPAQUE, WHITEOUT, Limits
from ocinb.layer.stream import LayerStream
from ocinb.layer.tar_reader import TarReader
from ocinb.spec.descriptor import Descriptor

Owner = tuple[int, int]

_LARGEST = 4 * 1024 * 1024


class ArchiveOwners:
    """Path → owner, as the uppermost of some layers that has it says.

    The archives are read when the first path is asked for.
    """

    def __init__(self, store: Store, layers: Sequence[Descriptor]) -> None:
        self._store = store
        self._layers = layers
        self._known: dict[str, Owner] | None = None

    def __call__(self, path: str) -> Owner | None:
        """User and group of a path; None where no layer names it.

        Raises:
            BlobNotFound, LayerError: a layer cannot be read.
        """
        if self._known is None:
            self._known = {}
            for layer in self._layers:
                self._known.update(_owners(self._store, layer))
        return self._known.get(path)


def _owners(store: Store, layer: Descriptor) -> dict[str, Owner]:
    what, limits = f"layer {layer.digest}", Limits()
    with (
        store.open(layer.digest) as blob,
        LayerStream(blob, layer.media_type, "sha256", limits, what) as stream,
    ):
        reader = TarReader(stream.chunk, what, limits)
        return {
            entry.path: (entry.uid, entry.gid)
            for entry in iter(reader.next, None)
            if entry.kind not in (WHITEOUT, OPAQUE)
        }


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
    with tempfile.TemporaryDirectory(prefix="ocinb-") as directory:
        files = Path(directory, "etc")
        files.mkdir()
        for name in ("passwd", "group"):
            (files / name).write_bytes(below.read(f"etc/{name}", _LARGEST))
        user = resolve(f"{who}:{group}" if group else who, Path(directory))
    return user.uid, user.gid
