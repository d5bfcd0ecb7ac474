"""Talk between the runtime and the container's process while a container is made.

Two pipes, a JSON object a line. The end of a pipe is a message too: the other side is gone.
"""

from __future__ import annotations

import os
import select

from ocinb.errors import StepFailed
from ocinb.plain_json import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# What the child says.
MAP_IDS = "map-ids"  # "my user namespace is new: give it ids"
INIT = "init"  # "the container's process has this pid", said by the process that forked it
ENVIRONMENT = "environment"  # "the environment is made: run your hooks"
READY = "ready"  # "all is done but the program: waiting for start"
FAILED = "failed"
# What the runtime answers.
PROCEED = "proceed"


def host_is_waited_for(config: dict[str, Any]) -> bool:
    """Whether the container's process waits, once the environment is made, until the host has done
    its part: hooks, which may look at it and change it, interfaces and limits. Only control groups
    are limited meanwhile.

    Spec: runtime-spec runtime.md#lifecycle (steps 3 and 4)
    """
    linux, process = config.get("linux") or {}, config.get("process") or {}
    return bool(config.get("hooks") or linux.get("netDevices") or process.get("rlimits"))


_GONE = "the runtime that was making this container is gone"


class Channel:
    """One side of the talk.

    Args:
        reader: descriptor to read from.
        writer: descriptor to write to.

    Attributes:
        closed: this side has ended the talk.
    """

    def __init__(self, reader: int, writer: int) -> None:
        self.reader = reader
        self.writer = writer
        self.closed = False
        self._buffer = b""

    @classmethod
    def pair(cls) -> tuple[Channel, Channel]:
        """Both sides; each process closes the side that is not its own after the fork."""
        one = os.pipe2(os.O_CLOEXEC)
        try:
            two = os.pipe2(os.O_CLOEXEC)
        except OSError:
            os.close(one[0])
            os.close(one[1])
            raise
        return cls(one[0], two[1]), cls(two[0], one[1])

    def send(self, kind: str, **values: object) -> None:
        """Say something. A side that is gone is not told: its absence is noticed on receiving."""
        data = dumps({"kind": kind, **values}).encode() + b"\n"
        try:
            while data:
                data = data[os.write(self.writer, data) :]
        except BrokenPipeError:
            pass

    def receive(self) -> dict[str, Any] | None:
        """The next message; None where the other side is gone."""
        while b"\n" not in self._buffer:
            data = os.read(self.reader, 65536)
            if not data:
                return None
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        message: dict[str, Any] = loads(line)
        return message

    def check_wanted(self) -> None:
        """See whether the runtime is there still; what was forked may be known to nobody else.

        Raises:
            StepFailed: as for ``expect_proceed``.
        """
        poll = select.poll()
        poll.register(self.reader, 0)
        if poll.poll(0):  # nobody has the other end any more
            raise StepFailed(_GONE)

    def expect_proceed(self) -> dict[str, Any]:
        """Wait for leave to go on; returns what was said with it.

        Raises:
            StepFailed: the runtime is gone, and with it the wish for a container.
        """
        message = self.receive()
        if message is None or message["kind"] != PROCEED:
            raise StepFailed(_GONE)
        return message

    @property
    def descriptors(self) -> tuple[int, int]:
        """Both descriptors of this side."""
        return self.reader, self.writer

    def close(self) -> None:
        """Close both descriptors of this side."""
        self.closed = True
        os.close(self.reader)
        os.close(self.writer)
