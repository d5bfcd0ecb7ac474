"""What became of all containers, in one file that outlives each of them: what ``events`` tells.

A line for each thing that happened, written by whoever did it or saw it: engines and monitors.
At 4 MB the file becomes ``.happenings.jsonl.1``, in the place of the one before.

Spec: none (docker's and podman's ``events``)
"""

from __future__ import annotations

import fcntl
import json
import os
import time

from ocinb.engine.container_files import ContainerFiles, read_json
from ocinb.events import Happened, from_json, to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FILE = ".happenings.jsonl"
MOST = 4_000_000
"""Bytes of the file at which another one is begun."""
_LOOK = 0.1
"""Seconds between looks of whoever follows."""


def note(files: ContainerFiles, action: str, *, detail: str = "", exit_status: int = -1) -> None:
    """Write down what happened to a container that has a record still.

    A disk that is full must not stop a container, so that it is not noted is no error.

    Args:
        action: ``create``, ``start``, ``die``, ``remove`` …, docker's words.
        detail: one or two words more.
        exit_status: for ``die``.
    """
    record = read_json(files.record)
    if not record:
        return
    event = Happened(
        action=action,
        container=record["id"],
        name=record["name"],
        image=record["image"],
        detail=detail,
        exit_status=exit_status,
    )
    _append(f"{os.path.dirname(files.directory)}/{FILE}", event)


def _append(path: str, event: Happened) -> None:
    line = json.dumps(to_json(event)).encode() + b"\n"
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError:
        return
    try:
        os.write(fd, line)
        if os.fstat(fd).st_size > MOST:
            fcntl.flock(fd, fcntl.LOCK_EX)
            # Another one may have done it while we waited.
            if os.path.samestat(os.fstat(fd), os.stat(path)):
                os.replace(path, f"{path}.1")
    except OSError:
        return
    finally:
        os.close(fd)


class Happenings:
    """Reads what happened.

    Args:
        containers: the directory of all containers.
    """

    def __init__(self, containers: str | os.PathLike[str]) -> None:
        self._path = os.path.join(containers, FILE)

    def past(self) -> list[Happened]:
        """All that is still known, oldest first."""
        return [*_read(f"{self._path}.1", 0)[0], *_read(self._path, 0)[0]]

    def follow(self, until: Callable[[], bool]) -> Iterator[Happened]:
        """What happens from now on, as it does.

        Args:
            until: asked whenever there is nothing new; true ends it.
        """
        before = _identity(self._path)
        offset = os.path.getsize(self._path) if before else 0
        while True:
            now = _identity(self._path)
            if now != before:  # another file was begun: first the rest of the old one
                if before:
                    yield from _read(f"{self._path}.1", offset)[0]
                before, offset = now, 0
            events, offset = _read(self._path, offset)
            yield from events
            if not events:
                if until():
                    return
                time.sleep(_LOOK)


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _read(path: str, offset: int) -> tuple[list[Happened], int]:
    """The whole lines from a place on, and the place behind them."""
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            data = file.read()
    except OSError:
        return [], offset
    whole = data[: data.rfind(b"\n") + 1]
    events = []
    for line in whole.splitlines():
        try:
            event = from_json(json.loads(line))
        except (ValueError, TypeError):
            continue  # of another version of ocinb, or cut short by a full disk
        if isinstance(event, Happened):
            events.append(event)
    return events, offset + len(whole)
