"""The layers of an image, each with what it does to the stack below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocinb.insight.contents import shown_path
from ocinb.table import Table, columns, parse_rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocinb.engine.images import LocalImage
    from ocinb.layer.stack import Stack
    from ocinb.spec.digest import Digest

LAYER_COLUMNS = columns(
    "layer:int created_by digest:digest size:bytes unpacked:bytes added:int changed:int "
    "deleted:int diff_id:digest? chain_id:digest? media_type? whiteouts? created:time? "
    "content:bytes?"
)
"""``layer`` counts from the base, 1; ``size`` is what is downloaded, ``unpacked`` the archive's
bytes (None where it was unpacked by somebody else), ``content`` those of its files; ``added``,
``changed`` and ``deleted`` count paths against the layers below, see ``layer.stack.Counts``."""

WHITEOUTS_SHOWN = 20
"""Paths of whiteouts that are listed; all are counted."""


def layers_table(
    image: LocalImage,
    stack: Stack,
    summary: Callable[[Digest], dict[str, int]],
    title: str = "",
) -> Table:
    """A row for each layer, bottom to top.

    Args:
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
            )
        )
    return Table(LAYER_COLUMNS, rows, title=title)
