"""The processes that stand between a container's first one and init, and what they hold of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocinb.errors import ContainerNotFound
from ocinb.stack.processes import chain, descriptors, master_of, processes, terminal_of
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from ocinb.stack.processes import Process

ANCESTRY_COLUMNS = columns("pid:int process role holds parent:int command?")
"""From the container's first process to init, then others that hold a part of it. ``holds``: its
terminal, or which of its streams end there."""

ROLES = {
    "containerd-shim": "containerd's shim: reaps it, holds its streams, outlives containerd",
    "conmon": "podman's monitor: reaps it, holds its streams, outlives podman",
    "ocinb-monitor": "ocinb's monitor: reaps it, holds its streams, outlives the notebook",
    "dockerd": "docker's engine",
    "containerd": "the engine",
    "podman": "the engine",
    "crio": "the engine",
    "kubelet": "the orchestrator",
    "ctr": "the client",
    "docker": "the client",
    "systemd": "init",
}
"""Name of a process → what it is here."""


def ancestry_table(pid: int, name: str = "") -> Table:
    """Who is a container's parent, and who holds its terminal or its streams.

    Args:
        pid: of its first process.
        name: for the title.

    Raises:
        ContainerNotFound: there is no such process.
    """
    found = chain(pid)
    if not found:
        raise ContainerNotFound(
            f"there is no process {pid}", hint="its container has ended, or is another namespace's"
        )
    held = _held(pid)
    rows = [_row(each, held.pop(each.pid, ""), first=each.pid == pid) for each in found]
    for other in processes():
        if other.pid in held:
            rows.append(_row(other, held[other.pid], first=False))
    return Table(ANCESTRY_COLUMNS, rows, title=f"above {name or f'process {pid}'}", key="pid")


def _row(each: Process, holds: str, *, first: bool) -> tuple[int, str, str, str, int, str]:
    role = ROLES.get(each.name, ROLES.get(each.name.partition("-runc")[0], ""))
    if first:
        role = "the container's first process"
    elif each.pid == 1:
        role = "init"
    return each.pid, each.name, role, holds, each.parent, " ".join(each.command)


def _held(pid: int) -> dict[int, str]:
    """Process → what it holds of a container's terminal and streams."""
    terminals = {
        terminal for number in (0, 1, 2) if (terminal := terminal_of(pid, number)) is not None
    }
    own = dict(descriptors(pid))
    pipes = {
        own[number]: word
        for number, word in ((2, "errors"), (1, "output"), (0, "input"))
        if own.get(number, "").startswith(("pipe:", "socket:", "/"))
        and number in own
        and not own[number].startswith("/dev/")
    }
    found: dict[int, str] = {}
    for each in processes():
        if each.pid == pid or _same_container(each.pid, pid):
            continue
        holds: dict[str, None] = {}
        for number, target in descriptors(each.pid):
            if target in pipes:
                holds[pipes[target]] = None
            elif target.endswith("ptmx") and master_of(each.pid, number) in terminals:
                holds["its terminal"] = None
        if holds:
            found[each.pid] = ", ".join(holds)
    return found


def _same_container(one: int, other: int) -> bool:
    """Whether two processes are in one PID namespace, which is not ours."""
    import os

    try:
        spaces = [os.readlink(f"/proc/{pid}/ns/pid") for pid in (one, other)]
        return spaces[0] == spaces[1] != os.readlink("/proc/self/ns/pid")
    except OSError:
        return False
