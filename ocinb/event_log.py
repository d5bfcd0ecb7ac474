"""Events in a file, a line each: appended by whoever sees them, followed by whoever asks.

The file of a container has several writers at a time: its monitor, its runtime, and the hooks of
its network.
"""

from __future__ import annotations

import os

from ocinb import plain_json
from ocinb.events import from_json, to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocinb.events import Event


def append_event(path: str, event: Event, *, create: bool = True) -> None:
    """Add an event by one write, so that lines of several writers never mix.

    A disk that is full must not stop a container, so that the event is lost is no error.

    Args:
        path: of the file; empty: there is none.
        event: what happened.
        create: make the file where it is missing; else the event is lost with it.
    """
    if not path:
        return
    line = plain_json.dumps(to_json(event)).encode() + b"\n"
    made = os.O_CREAT if create else 0
    try:
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | made, 0o600)
    except OSError:
        return
    try:
        os.write(fd, line)
    except OSError:
        return
    finally:
        os.close(fd)


class EventsReader:
    """Reads a file of events piece by piece, from its beginning."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._offset = 0

    def skip(self) -> None:
        """Pass over what is there already."""
        try:
            self._offset = os.stat(self._path).st_size
        except OSError:
            return

    def new(
        self, only: type[Event] | None = None, without: type[Event] | None = None
    ) -> list[Event]:
        """The events since the last call; a line that is not whole yet waits for the next.

        Args:
            only: of this type; the others are passed over unread.
            without: those of this type are passed over unread.
        """
        data = read(self._path, self._offset)
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        lines = whole.splitlines()
        if only is not None:
            start = _start(only)
            lines = [line for line in lines if line.startswith(start)]
        if without is not None:
            start = _start(without)
            lines = [line for line in lines if not line.startswith(start)]
        return understand(lines)


def read(path: str, offset: int = 0) -> bytes:
    """What a file has behind a place; nothing where it is not there."""
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read()
    except OSError:
        return b""


def _start(kind: type[Event]) -> bytes:
    """How the line of an event of this type begins."""
    return b'{"event": "%s"' % kind.__name__.encode()


def understand(lines: list[bytes]) -> list[Event]:
    """The events of lines; what is none is passed over."""
    try:
        documents = plain_json.loads(b"[" + b",".join(lines) + b"]")
    except ValueError:
        documents = [_document(line) for line in lines]
    return [event for document in documents if (event := _event(document)) is not None]


def _document(line: bytes) -> Any:
    try:
        return plain_json.loads(line)
    except ValueError:
        return None  # cut short by a full disk


def _event(document: Any) -> Event | None:
    try:
        return from_json(document)
    except (ValueError, TypeError):
        return None  # of another version of ocinb
