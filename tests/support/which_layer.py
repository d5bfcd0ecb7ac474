"""Which layer does a file of the merged tree come from?"""

from __future__ import annotations

import os
import stat

from ocinb.frozen import Frozen
from ocinb.overlay.trees import is_opaque, is_whiteout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

PRESENT = "present"
DELETED = "deleted"


class Found(Frozen):
    """The layer that decides about a path.

    Attributes:
        index: of the layer; the bottom one is 0.
        state: ``present``, or ``deleted`` where the layer says that the path is gone.
        by: the path in that layer that says so: the path itself, a whiteout or a file at or
            above it, or an opaque directory above it.
        merged: for a directory, the lower layers that add entries to it, top first.
        hidden: the lower layers whose own entry at the path is not seen, top first.
    """

    index: int
    state: str
    by: str
    merged: tuple[int, ...] = ()
    hidden: tuple[int, ...] = ()


class _Verdict(Frozen):
    """What one layer says about a path; ``final``: layers below it have no say."""

    state: str
    by: str = ""
    final: bool = False


def which_layer(layers: Sequence[str | os.PathLike[str]], path: str) -> Found | None:
    """The layer that a path of the merged tree comes from; None where no layer knows it.

    Args:
        layers: directories in overlay form, bottom to top.
        path: absolute, as seen in the container. Symbolic links are not followed: the question
            is about names.

    Spec: image-spec layer.md#applying-changesets
    """
    parts = [part for part in path.split("/") if part not in ("", ".")]
    decision: tuple[int, _Verdict] | None = None
    merged: list[int] = []
    hidden: list[int] = []
    final = False
    for index in reversed(range(len(layers))):
        verdict = _ask(os.fspath(layers[index]), parts)
        if decision is None:
            if verdict.state:
                decision = index, verdict
        elif verdict.state == PRESENT:
            (hidden if final or verdict.by != "directory" else merged).append(index)
        final = final or (decision is not None and verdict.final)
    if decision is None:
        return None
    index, verdict = decision
    by = "/" + "/".join(parts) if verdict.state == PRESENT else verdict.by
    return Found(
        index=index, state=verdict.state, by=by, merged=tuple(merged), hidden=tuple(hidden)
    )


def _ask(layer: str, parts: list[str]) -> _Verdict:
    here, opaque_at = layer, ""
    for depth, part in enumerate(parts, 1):
        name = "/" + "/".join(parts[:depth])
        here = f"{here}/{part}"
        try:
            info = os.lstat(here)
        except FileNotFoundError:
            return _Verdict(state=DELETED if opaque_at else "", by=opaque_at, final=bool(opaque_at))
        if is_whiteout(info):
            return _Verdict(state=DELETED, by=name, final=True)
        if not stat.S_ISDIR(info.st_mode):
            state = PRESENT if depth == len(parts) else DELETED
            return _Verdict(state=state, by=name, final=True)
        if is_opaque(here):
            opaque_at = name
    return _Verdict(state=PRESENT, by="directory", final=bool(opaque_at))
