"""What a cell showed on another machine: kept as values, to be drawn again where it cannot run.

Nothing in a recording is written by hand: a live cell writes it, when a lesson is run with
``OCINB_RECORD`` set to a directory; see ``notebooks/record.py``.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocinb.errors import StorageError
from ocinb.frozen import Frozen
from ocinb.table import Column, Table
from ocinb.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable

VARIABLE = "OCINB_RECORD"
"""The directory to which live cells write recordings."""

STREAM, TABLE, PICTURE, TEXT = "stream", "table", "picture", "text"


class Part(Frozen):
    """One thing that a cell showed.

    Attributes:
        kind: ``stream``: text as it was written; ``table``: a listing; ``picture``: a diagram;
            ``text``: the text of any other value.
        text: of a stream or a value; of a picture its kind, as in ``commands.values.Picture``.
        table: of a listing or a picture.
    """

    kind: str
    text: str = ""
    table: Table | None = None


class Recording(Frozen):
    """What a cell showed, once.

    Attributes:
        made: when, seconds since the epoch.
        machine: where, and by whom, in words.
        version: of ocinb.
        cell: digest of what was run, to tell whether the cell has changed since.
        parts: what was seen, in order.
        names: variables that it set for later cells, of plain JSON values.
    """

    made: float
    machine: str
    version: str
    cell: str
    parts: tuple[Part, ...]
    names: dict[str, Any]

    def document(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {**dict(self), "parts": [_document(part) for part in self.parts]}


def here(body: str, parts: Iterable[Part], names: dict[str, Any]) -> Recording:
    """A recording of what has just been seen on this machine.

    Args:
        body: what was run.
        names: variables to keep.
    """
    from ocinb import __version__

    kernel = os.uname()
    who = "the superuser" if os.geteuid() == 0 else "an ordinary user"
    return Recording(
        made=float(int(time.time())),
        machine=f"{kernel.sysname} {kernel.release}, {kernel.machine}, as {who}",
        version=__version__,
        cell=digest(body),
        parts=tuple(parts),
        names=names,
    )


def digest(body: str) -> str:
    """The digest of what a cell runs."""
    return f"sha256:{hashlib.sha256(body.strip().encode()).hexdigest()}"


def write(recording: Recording, path: Path) -> None:
    """Keep a recording in a file; its directory is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(recording.document(), indent=1, ensure_ascii=False, sort_keys=True)
    write_whole(path, f"{text}\n")


def read(path: Path) -> Recording:
    """A recording from its file.

    Raises:
        StorageError: there is none, or it is not one.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        parts = tuple(_part(part) for part in document.pop("parts"))
        return Recording(**document, parts=parts)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(
            f"{path} is no recording that can be shown", hint="install ocinb anew"
        ) from error


def _document(part: Part) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": part.kind}
    if part.text:
        found["text"] = part.text
    if part.table is not None:
        found |= {
            "title": part.table.title,
            "columns": [[c.name, c.kind, c.detail] for c in part.table.columns],
            "rows": part.table.rows,
        }
    return found


def _part(document: dict[str, Any]) -> Part:
    table = None
    if "columns" in document:
        columns = [Column(name=n, kind=k, detail=d) for n, k, d in document["columns"]]
        table = Table(columns, map(tuple, document["rows"]), title=document["title"])
    return Part(kind=document["kind"], text=document.get("text", ""), table=table)
