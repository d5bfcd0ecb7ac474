"""``usage``: the room that images take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ocinb.commands.options import listing
from ocinb.commands.tree import Command
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from ocinb.commands.session import Session

COLUMNS = columns(
    "image size:bytes unique:bytes shared:bytes unpacked:bytes unpacked_unique:bytes "
    "reclaimable:bytes digest:digest?"
)
"""``size`` of the blobs, of which ``unique`` are no other image's and ``shared`` the rest;
``unpacked``: bytes of the files of the unpacked layers, of which ``unpacked_unique`` are no other
image's; ``reclaimable``: what ``rmi`` of this image would free, or ``gc`` of what no image has.
The last row is all together, each blob and layer counted once."""

GARBAGE = "(no image)"
TOTAL = "(all)"


@click.command(cls=Command)
@listing
@click.pass_obj
def command(session: Session) -> Table:
    """Tell how much room each image takes, and what gc would free."""
    from ocinb.engine.garbage import room
    from ocinb.spec.reference import Reference

    found = room(session.engine)
    rows: list[tuple[Any, ...]] = []
    for image in found.images:
        unpacked, alone = found.unpacked[image.name]
        name = Reference.parse(image.name).familiar
        sizes = (image.size, image.unique, image.shared, unpacked, alone, image.unique + alone)
        rows.append((name, *sizes, image.digest))
    rows.sort(key=lambda row: str(row[0]))
    blobs = sum(size for _, size in (*found.garbage.blobs, *found.garbage.partials))
    layers = sum(size for _, size in (*found.garbage.layers, *found.garbage.remains))
    if blobs or layers:
        rows.append((GARBAGE, blobs, blobs, 0, layers, layers, blobs + layers, None))
    every = found.blobs + found.partial
    rows.append((TOTAL, every, None, None, found.layers, None, found.garbage.size, None))
    return Table(COLUMNS, rows, title="room of images")
