"""How engine and monitor talk: over one socket, as long as both are there.

The engine sends orders, as JSON lines. The monitor sends frames: a byte for the kind, four for the
length, then the content. Nothing of this is needed for the container to go on: when the engine is
gone, the files tell the rest.
"""

from __future__ import annotations

import json
import os

from ocinb import errors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PROTOCOL = 1
"""Version of what follows, and of the orders; a higher one where the other side must know."""

HELLO = b"h"
"""The monitor is there; the content is its ``PROTOCOL`` in decimal digits."""
STDOUT = b"1"
STDERR = b"2"
REPLY = b"r"
NEWS = b"n"
"""There are new events in the events file."""
DETACHED = b"d"
"""The keys to detach were typed: there will be no more output for this engine."""
EXIT = b"x"
"""The container ended and was cleaned up; the content is exit.json's."""

LONGEST_REQUEST = 65536
"""Bytes of a request to the launcher."""
MOST_DESCRIPTORS = 5
"""Descriptors that are passed with a request or an order."""
LONGEST_ORDER = 1 << 24
"""Bytes of an order to the monitor; Linux takes fewer for a program's arguments and variables, and
a long config.json does not go with it."""

_HEADER = 5


def pack(kind: bytes, content: bytes = b"") -> bytes:
    """A frame as bytes."""
    return kind + len(content).to_bytes(4, "big") + content


class Unpacker:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> list[tuple[bytes, bytes]]:
        """The frames that are whole now, as (kind, content)."""
        self._data += data
        frames = []
        while len(self._data) >= _HEADER:
            end = _HEADER + int.from_bytes(self._data[1:_HEADER], "big")
            if len(self._data) < end:
                break
            frames.append((bytes(self._data[:1]), bytes(self._data[_HEADER:end])))
            del self._data[:end]
        return frames


def check_protocol(said: str) -> None:
    """See whether a monitor can be understood.

    Args:
        said: the version of its protocol, in decimal digits; empty: it has said none.

    Raises:
        ContainerError: it is of another version.
    """
    if said != str(PROTOCOL):
        raise errors.ContainerError(
            "the container's monitor is of another version of ocinb: its protocol has version "
            f"{said or 0}, ours {PROTOCOL}",
            hint="stop the container, and begin it again",
        )


def error_document(error: BaseException) -> dict[str, Any]:
    """An error as JSON values, so that the other side can raise the same."""
    document: dict[str, Any] = {"error": type(error).__name__, "message": str(error)}
    if isinstance(error, errors.SyscallError):
        document |= {
            "call": error.call,
            "arguments": [str(argument) for argument in error.arguments],
            "errno": error.errno,
        }
    elif isinstance(error, OSError):
        reason = os.strerror(error.errno or 0).lower()
        document["message"] = f"{error.filename}: {reason}" if error.filename else reason
    if isinstance(error, errors.OcinbError):
        document |= {"hint": error.hint, "citation": error.citation}
    return document


def revive(document: dict[str, Any]) -> errors.OcinbError:
    """The error of ``error_document``; one that is not ours becomes a ``ContainerError``."""
    hint, citation = document.get("hint"), document.get("citation")
    if document["error"] == "SyscallError":
        arguments = document["arguments"]
        return errors.SyscallError(document["call"], arguments, document["errno"], hint=hint)
    kind = getattr(errors, document["error"], None)
    if not (isinstance(kind, type) and issubclass(kind, errors.OcinbError)):
        kind = errors.ContainerError
    revived: errors.OcinbError = kind(document["message"], hint=hint, citation=citation)
    return revived


def order(do: str, **values: Any) -> bytes:
    """An order to the monitor as bytes.

    Raises:
        ContainerError: it is longer than a monitor reads.
    """
    packed = json.dumps({"do": do, **values}).encode() + b"\n"
    if len(packed) > LONGEST_ORDER:
        raise errors.ContainerError(
            f"{do}: arguments and variables are longer than {LONGEST_ORDER} bytes"
        )
    return packed
