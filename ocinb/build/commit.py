"""Committing: what a container has changed becomes a layer on its image.

Spec: image-spec layer.md#creating
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ocinb.build.configure import CONFIGURING, configure
from ocinb.build.diff import diff
from ocinb.build.dockerfile import parse
from ocinb.build.draft import Draft
from ocinb.build.facts import Owners
from ocinb.build.made import make_layer, rfc3339, source_date_epoch
from ocinb.build.owners import LayerOwners
from ocinb.build.recipe import placed
from ocinb.build.stack import Stack
from ocinb.build.wishes import Wishes
from ocinb.build.workplace import Workplace
from ocinb.errors import BuildError

COMMENT = "ocinb"


def commit(
    work: Workplace,
    draft: Draft,
    upper: Path,
    *,
    changes: Sequence[str] = (),
    message: str = "",
    author: str = "",
    created_by: str = "",
    mount_points: frozenset[str] = frozenset(),
    copied: bool = False,
) -> None:
    """Put what a container has changed on its image.

    Nobody may change the upper directory meanwhile: the container has ended, or is paused.

    Args:
        draft: the container's image, which is changed.
        upper: the container's writable directory, in overlayfs' form.
        changes: instructions as in a Dockerfile, as in ``CMD ["/bin/sh"]``.
        message: for history.
        author: of the image.
        created_by: what history says made the layer: the container's command.
        mount_points: paths that were made only to mount something there.
        copied: ``upper`` is no upper directory, but the whole tree.

    Raises:
        BuildError: a change is malformed. LayerError, StorageError: the layer cannot be made.
    """
    apply_changes(draft, changes)
    if author:
        draft.config["author"] = author
    below = Stack(work.unpacked(draft)) if copied else work.tree(draft)
    recorded = LayerOwners(work.layers, draft.chain_ids)
    epoch = source_date_epoch()
    layer = make_layer(
        work.store,
        diff(
            below,
            Stack([upper], marks=False) if copied else below.over(upper),
            owners=Owners.here(recorded, upper),
            epoch=epoch,
            unless_filled=mount_points,
            root_time=False,
        ),
    )
    draft.add(
        layer if layer.entries else None,
        created=rfc3339(epoch),
        created_by=created_by,
        comment=message or COMMENT,
        author=author,
    )


def apply_changes(draft: Draft, changes: Sequence[str]) -> None:
    """Change how an image wants to be run, by instructions as in a Dockerfile.

    Raises:
        BuildError: malformed, or one that does more than that.
    """
    wishes = Wishes(draft.execution)
    for text in changes:
        instructions = parse(text, "change")
        for instruction in instructions:
            with placed(instruction):
                if instruction.name not in CONFIGURING:
                    raise BuildError(
                        f"{instruction.name} cannot be a change",
                        hint=f"these can: {', '.join(sorted(CONFIGURING))}",
                    )
                configure(instruction, wishes, wishes.variables().get)
