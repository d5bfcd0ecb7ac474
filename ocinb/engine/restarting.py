"""Whether a container whose program has ended is run again, and when: ``--restart``.

It is the container's monitor that does it, so it goes on when the notebook's kernel is gone.
Whoever ends a container by ``stop``, ``kill`` or ``rm`` tells the monitor first.

Spec: none (Docker convention)
"""

from __future__ import annotations

import os
import time

from ocinb.engine import control_socket
from ocinb.engine.container_files import ContainerFiles, read_json, write_json
from ocinb.engine.frames import order
from ocinb.engine.rejoin import rejoin
from ocinb.errors import CommandError, StorageError
from ocinb.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocinb.engine.loop import Loop

NO, ON_FAILURE, ALWAYS, UNLESS_STOPPED = "no", "on-failure", "always", "unless-stopped"
POLICIES = (NO, ON_FAILURE, ALWAYS, UNLESS_STOPPED)

FIRST_DELAY, LONGEST_DELAY = 0.1, 60.0
"""Seconds before a program is run again: they double each time, unless it ran for ``LONG``."""
LONG = 10.0
_MOST_EVENTS = 4_000_000
"""Bytes of events that are kept of earlier runs, twice."""
_MOST_DIGITS = 9


class RestartPolicy(Frozen):
    """When a container is run again.

    Attributes:
        name: one of ``POLICIES``.
        most: how often, for ``on-failure``; 0: as often as it fails.
    """

    name: str = NO
    most: int = 0

    @classmethod
    def parse(cls, text: str) -> RestartPolicy:
        """The policy of a text such as ``on-failure:3``.

        Raises:
            CommandError: it is none.
        """
        name, colon, number = text.partition(":")
        counted = number.isascii() and number.isdigit() and len(number) <= _MOST_DIGITS
        if name not in POLICIES or (colon and not (counted and name == ON_FAILURE)):
            raise CommandError(
                f"--restart {text} is not a policy",
                hint="one of no, on-failure, on-failure:TIMES, always, unless-stopped",
            )
        return cls(name=name, most=int(number or 0))

    def __str__(self) -> str:
        return f"{self.name}:{self.most}" if self.most else self.name

    def wants(self, exit_status: int, times: int) -> bool:
        """Whether a program is run once more.

        Args:
            exit_status: how it ended.
            times: how often it was run again so far.
        """
        if self.name == ON_FAILURE:
            return exit_status != 0 and (not self.most or times < self.most)
        return self.name != NO


class Restarts:
    """What a monitor knows of its container's runs.

    Args:
        files: the container's directory.

    Attributes:
        halted: whether somebody asked that the program end for good.
    """

    def __init__(self, files: ContainerFiles) -> None:
        self._files = files
        self._times = 0
        self._delay = 0.0
        self.halted = False

    def delay(self, exit_status: int, seconds: float) -> float | None:
        """Seconds until the program is to be run again; None: it is not.

        Args:
            seconds: how long it ran.
        """
        policy = policy_of(read_json(self._files.record))
        if self.halted or not policy.wants(exit_status, self._times):
            return None
        if not os.path.exists(self._files.started):
            return None  # what was never started is not started by its end
        self._delay = FIRST_DELAY if not self._delay or seconds >= LONG else self._delay * 2
        self._delay = min(self._delay, LONGEST_DELAY)
        return self._delay

    def wait(self, loop: Loop, seconds: float) -> bool:
        """Let that time go by; whether the program is still to be run."""
        end = time.monotonic() + seconds
        while not self.halted and (left := end - time.monotonic()) > 0:
            loop.turn(timeout=left)
        for _ in range(2):  # whoever has come already is let in, then heard
            loop.turn(timeout=0)
        return not self.halted

    def orders(self) -> dict[str, Any]:
        """The orders by which the container was made, for once more.

        Raises:
            OcinbError: a container whose namespace it shares does not run. StorageError.
        """
        self._times += 1
        write_json(self._files.restarts, {"times": self._times})
        if os.path.exists(self._files.joined):
            rejoin(self._files)
        try:
            if os.stat(self._files.events).st_size > _MOST_EVENTS:
                os.replace(self._files.events, f"{self._files.events}.1")
        except OSError as error:
            raise StorageError(f"{self._files.events} cannot be renamed: {error}") from None
        orders = read_json(self._files.again)
        # This process is in the namespaces already.
        return {**orders, "mount": {**orders["mount"], "namespaces": None}}


def policy_of(document: dict[str, Any]) -> RestartPolicy:
    """The policy that a container's record holds; none is ``no``."""
    return RestartPolicy(**document.get("restart") or {})


def refuse_restart(text: str) -> None:
    """Raise for a container that is to be removed once it has ended.

    Raises:
        CommandError: its policy says that it is run again.
    """
    if RestartPolicy.parse(text).name != NO:
        raise CommandError(
            f"--restart {text} contradicts --rm: what is removed cannot be run again",
            hint="leave out one of them",
        )


def halt(files: ContainerFiles) -> None:
    """Tell a container's monitor that its program shall not be run again.

    Without a policy, or without a monitor, there is nobody to tell.
    """
    if not read_json(files.record).get("restart"):
        return
    try:
        with control_socket.connect(files.directory) as connection:
            connection.sendall(order("halt"))
    except OSError:
        return
