"""Operations on the layers of an image: append, squash, rebase.

Spec: image-spec layer.md#creating
"""

from __future__ import annotations

import hashlib
import os
from io import BufferedReader
from pathlib import Path

from ocinb.build.diff import diff
from ocinb.build.draft import Draft
from ocinb.build.facts import Owners
from ocinb.build.made import MadeLayer, make_layer, rfc3339, source_date_epoch
from ocinb.build.owners import LayerOwners
from ocinb.build.stack import Node, Stack
from ocinb.build.workplace import Workplace
from ocinb.content.store import Store
from ocinb.errors import BuildError, StorageError
from ocinb.layer.changeset import Limits
from ocinb.layer.stream import LayerStream
from ocinb.layer.tar_reader import TarReader
from ocinb.spec import annotations as keys
from ocinb.spec import media_types
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.digest import Digest

COMMENT = "ocinb"

_MAGICS = {b"\x1f\x8b": media_types.LAYER_GZIP, b"\x28\xb5\x2f\xfd": media_types.LAYER_ZSTD}


def difference(
    store: Store, old: Stack, new: Stack, *, owners: Owners | None = None, epoch: int | None = None
) -> MadeLayer:
    """A layer that makes one tree out of another; see ``diff``.

    Raises:
        LayerError, StorageError: it cannot be made; nothing is left.
    """
    epoch = source_date_epoch() if epoch is None else epoch
    return make_layer(store, diff(old, new, owners=owners, epoch=epoch))


def append_file(store: Store, draft: Draft, path: Path) -> MadeLayer:
    """Put an archive on top as a layer, as it is: plain, or compressed by gzip or zstd.

    Every entry is read, so what cannot be unpacked is refused.

    Raises:
        LayerError: it is no archive, or breaks a rule. StorageError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            layer = _import(store, file, str(path))
    except OSError as error:
        raise StorageError(f"{path}: {os.strerror(error.errno or 0).lower()}") from error
    _add(draft, layer, f"append {path.name}")
    return layer


def append_directory(store: Store, draft: Draft, path: Path) -> MadeLayer:
    """Put what is in a directory on top as a layer; its files become those of the same path.

    Raises:
        LayerError, StorageError: it cannot be packed.
    """
    tree = diff(
        Stack([]), Stack([path], marks=False), owners=Owners.here(), epoch=source_date_epoch()
    )
    # The directory itself is not the image's root.
    layer = make_layer(store, (entry for entry in tree if entry.path))
    _add(draft, layer, f"append {path.name}")
    return layer


def squash(work: Workplace, draft: Draft, *, keep: int = 0) -> None:
    """Make one layer of all above the lowest ``keep``; what they delete is gone, too.

    History keeps its lines; the one layer is told of by a line of its own.

    Raises:
        BuildError: there is nothing to squash. LayerError, StorageError.
    """
    count = len(draft.layers)
    if not 0 <= keep < count:
        raise BuildError(f"the image has {count} layers, so {keep} cannot be kept below a new one")
    tree = work.tree(draft)
    recorded = LayerOwners(work.layers, draft.chain_ids)
    layer = difference(
        work.store,
        tree.below(keep),
        tree,
        owners=_Squashed(Owners.here(recorded)),
    )
    seen = 0
    for line in draft.history:
        seen += not line.get("empty_layer")
        if seen > keep:
            line["empty_layer"] = True
    del draft.layers[keep:], draft.diff_ids[keep:]
    _add(draft, layer, f"squash {count - keep} layers")


class _Squashed(Owners):
    """Owners of files that are new to the lower layers, but named by those that are squashed."""

    def __init__(self, owners: Owners) -> None:
        super().__init__()
        self._owners = owners

    def of(self, node: Node, before: Node | None) -> tuple[int, int]:
        """As the archives say."""
        return self._owners.of(node, before or node)

    def capability(self, value: bytes) -> bytes:
        """As for the user that this is."""
        return self._owners.capability(value)


def rebase(draft: Draft, old: Draft, new: Draft, *, name: str = "", digest: str = "") -> None:
    """Put an image's own layers on another base; nothing is unpacked or packed.

    What the image says of running stays as it is: variables that came from the old base, too.

    Args:
        draft: the image, which is changed.
        old: the base that it was built on.
        new: the base that it is to have.
        name: of the new base, for the annotations.
        digest: of the new base's manifest, likewise.

    Raises:
        BuildError: it was not built on that base, or the bases are of different platforms.

    Spec: image-spec annotations.md#pre-defined-annotation-keys (base.name, base.digest)
    """
    count = len(old.diff_ids)
    if draft.diff_ids[:count] != old.diff_ids:
        raise BuildError(
            "the image's lowest layers are not those of the old base",
            hint="name the base that it was built on by --old-base",
        )
    for field in ("os", "architecture", "variant"):
        if new.config.get(field) != draft.config.get(field):
            raise BuildError(
                f"the image is for {field} {draft.config.get(field)}, the new base for "
                f"{new.config.get(field)}"
            )
    draft.layers[:count] = new.layers
    draft.diff_ids[:count] = new.diff_ids
    draft.history[: _lines(draft, count, old)] = new.history
    if name or digest:
        draft.annotate({keys.BASE_NAME: name or None, keys.BASE_DIGEST: digest or None})


def _lines(draft: Draft, layers: int, base: Draft) -> int:
    """How many lines of an image's history tell of its base."""
    if draft.history[: len(base.history)] == base.history:
        return len(base.history)
    seen = 0
    for number, line in enumerate(draft.history):
        if seen == layers and not line.get("empty_layer"):
            return number
        seen += not line.get("empty_layer")
    return len(draft.history)


def _add(draft: Draft, layer: MadeLayer, what: str) -> None:
    created = rfc3339(source_date_epoch())
    draft.add(layer, created=created, created_by=f"ocinb {what}", comment=COMMENT)


def _import(store: Store, file: BufferedReader, what: str) -> MadeLayer:
    """An archive as a layer of the store; read three times, so that nothing bad gets there."""
    start = file.read(4)
    file.seek(0)
    media_type = next(
        (kind for magic, kind in _MAGICS.items() if start.startswith(magic)), media_types.LAYER_TAR
    )
    limits = Limits()
    with LayerStream(file, media_type, "sha256", limits, what) as stream:
        reader = TarReader(stream.chunk, what, limits)
        count = sum(1 for _ in iter(reader.next, None))
        diff_id = Digest(f"sha256:{stream.finish()}")
    file.seek(0)
    digest = Digest(f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}")
    size = file.tell()
    file.seek(0)
    with store.blob(digest, size) as writer:
        if not writer.present:
            writer.rewind()
            while data := file.read(1 << 20):
                writer.write(data)
            writer.commit()
    descriptor = Descriptor(media_type=media_type, digest=digest, size=size)
    return MadeLayer(descriptor=descriptor, diff_id=diff_id, entries=count)
