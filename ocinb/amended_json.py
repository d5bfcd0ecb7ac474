"""A JSON document in a file to which changes are added, a line for each.

On a disk a line more costs a tenth of what it costs to put a new file in the old one's place: the
filesystem writes the content of that one out first (ext4's ``auto_da_alloc``).
"""

from __future__ import annotations

import os

from ocinb.plain_json import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def amend(path: str, changes: dict[str, Any]) -> None:
    """Add changes to a document that is there: all of them, or none.

    Raises:
        OSError: they could not be written.
    """
    data = b"\n" + dumps(changes).encode("utf-8", "surrogateescape")
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        try:
            while data:
                data = data[os.write(descriptor, data) :]
        except OSError:
            os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)


def amended(text: str) -> Any:
    """What a document says after its changes; one that is not whole (yet) does not count.

    Raises:
        ValueError: what was changed is no JSON.
    """
    first, *changes = text.split("\n")
    document = loads(first)
    for change in changes:
        try:
            document |= loads(change)
        except (ValueError, TypeError):
            continue
    return document
