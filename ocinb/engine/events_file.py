"""Events of a container on disk: appended by monitor and runtime, followed by whoever asks."""

from __future__ import annotations

import contextlib
import json
import os

from ocinb.events import from_json, to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocinb.events import Event


def append_event(path: str, event: Event) -> None:
    """Add an event by one write, so that lines of several writers never mix.

    A disk that is full must not stop a container, so that the event is lost is no error.
    """
    line = json.dumps(to_json(event)).encode() + b"\n"
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError:
        return
    try:
        os.write(fd, line)
    except OSError:
        return
    finally:
        os.close(fd)


class EventsReader:
    """Reads an events file piece by piece, from its beginning."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._offset = 0

    def skip(self) -> None:
        """Pass over what is there already."""
        with contextlib.suppress(OSError):
            self._offset = os.stat(self._path).st_size

    def new(self, only: type[Event] | None = None) -> list[Event]:
        """The events since the last call; a line that is not whole yet waits for the next.

        Args:
            only: of this type; the others are passed over unread.
        """
        try:
            with open(self._path, "rb") as file:
                file.seek(self._offset)
                data = file.read()
        except OSError:
            return []
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        lines = whole.splitlines()
        if only is not None:
            start = b'{"event": "%s"' % only.__name__.encode()
            lines = [line for line in lines if line.startswith(start)]
        try:
            documents = json.loads(b"[" + b",".join(lines) + b"]")
        except ValueError:
            documents = [_document(line) for line in lines]
        return [event for document in documents if (event := _event(document)) is not None]


def _document(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None  # cut short by a full disk


def _event(document: Any) -> Event | None:
    try:
        return from_json(document)
    except (ValueError, TypeError):
        return None  # of another version of ocinb
