"""The layers of an image, each with what it does to the stack below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocinb.content.reachability import reachable
from ocinb.insight.contents import shown_path
from ocinb.spec import media_types
from ocinb.spec.reference import Reference
from ocinb.table import Table, columns, parse_rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ocinb.content.store import Store
    from ocinb.engine.images import LocalImage
    from ocinb.layer.stack import Stack
    from ocinb.spec.digest import Digest

LAYER_COLUMNS = columns(
    "layer:int created_by digest:digest size:bytes unpacked:bytes added:int changed:int "
    "deleted:int diff_id:digest? chain_id:digest? media_type? whiteouts? created:time? "
    "content:bytes? also_in?"
)
"""``layer`` counts from the base, 1; ``size`` is what is downloaded, ``unpacked`` the archive's
bytes (None where it was unpacked by somebody else), ``content`` those of its files; ``added``,
``changed`` and ``deleted`` count paths against the layers below, see ``layer.stack.Counts``;
``also_in``: other images of the store that have the same blob."""

WHITEOUTS_SHOWN = 20
"""Paths of whiteouts that are listed; all are counted."""


def layers_table(
    image: LocalImage,
    stack: Stack,
    summary: Callable[[Digest], dict[str, int]],
    title: str = "",
    sharing: Mapping[str, Sequence[str]] | None = None,
) -> Table:
    """A row for each layer, bottom to top.

    Args:
        sharing: digest of a layer → names of other images that have it.
        summary: chainID → numbers of unpacking; see ``UnpackedLayers.summary``.
    """
    config = image.config
    rows = []
    for number, (layer, index, counts, history) in enumerate(
        zip(image.manifest.layers, stack.layers, stack.counts, config.layer_history(), strict=True)
    ):
        chain_id = config.chain_ids[number]
        rows.append(
            (
                number + 1,
                history.created_by or "",
                layer.digest,
                layer.size,
                summary(chain_id).get("size"),
                counts.added,
                counts.changed,
                counts.deleted,
                config.rootfs.diff_ids[number],
                chain_id,
                layer.media_type,
                ", ".join(shown_path(path) for path in index.whiteouts[:WHITEOUTS_SHOWN]),
                parse_rfc3339(history.created),
                index.content,
                ", ".join((sharing or {}).get(layer.digest, ())),
            )
        )
    return Table(LAYER_COLUMNS, rows, title=title)


def sharing(store: Store, name: str) -> dict[str, list[str]]:
    """Digest of a blob → the other images of the store that have it as a layer, by short names.

    Args:
        name: whole, of the image that is not meant.
    """
    found: dict[str, list[str]] = {}
    for other, target in store.names.items():
        if other != name:
            short = Reference.parse(other).familiar
            for blob in reachable(store, [target]):
                if blob.media_type in media_types.LAYERS:
                    found.setdefault(blob.digest, []).append(short)
    return found
