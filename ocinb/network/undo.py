"""Undoing what was made for a container, by whoever it falls to, as often as need be."""

from __future__ import annotations

import os
import select

from ocinb.errors import OcinbError
from ocinb.linux import processes
from ocinb.network.attachments import Attachment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_SIGKILL = 9
_PATIENCE = 2000
"""Milliseconds that a process has to end once it was killed."""


def undo(state: str, container: str) -> bool:
    """Remove all that was made for a container; whether there was anything.

    Args:
        state: ``RUN_ROOT/networks``.

    Raises:
        OcinbError: something could not be removed; it can be tried again.
    """
    attachment = Attachment.read(state, container)
    if attachment is None:
        return False
    end_processes(attachment)
    kind = attachment.values.get("kind")
    if kind == "bridge":
        from ocinb.network import bridge

        bridge.detach(attachment)
    elif kind == "cni":
        from ocinb.network.cni_attach import detach

        detach(attachment)
    attachment.forget()
    return True


def end_processes(attachment: Attachment) -> None:
    """End the processes that serve a container's network."""
    for entry in attachment.values.get("processes") or ():
        pid, started = entry["pid"], entry["started"]
        try:
            descriptor = os.pidfd_open(pid)
        except OSError:
            continue
        try:
            # Only now that the number is pinned can the start time prove that it is the same.
            if processes.alive(pid, started):
                os.kill(pid, _SIGKILL)
                _await_end(descriptor)
                attachment.tell("removed", "process", entry["name"], f"process {pid}")
        except ProcessLookupError:
            continue
        finally:
            os.close(descriptor)


def _await_end(descriptor: int) -> None:
    """Its ports are free once it has ended, and not before."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    poll.poll(_PATIENCE)


def repair(state: str, alive: Callable[[str], bool]) -> list[str]:
    """Remove what containers left that are not there any more.

    Args:
        state: ``RUN_ROOT/networks``.
        alive: whether the container of an ID is there and has a process.

    Returns:
        What was removed, and what could not be, a line each.
    """
    from ocinb.network.strays import remove_strays

    found = []
    for attachment in list(Attachment.all(state)):
        if alive(attachment.container):
            continue
        kind = attachment.values.get("kind")
        try:
            undo(state, attachment.container)
            found.append(f"the {kind} network of container {attachment.container}")
        except OcinbError as error:
            found.append(f"the {kind} network of {attachment.container} stays: {error.message}")
    return [*found, *remove_strays(state)]
