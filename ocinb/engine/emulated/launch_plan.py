"""How a program is started: ``proot`` or ``fakechroot`` decides, ``supervisor`` carries it out."""

from __future__ import annotations

from ocinb.frozen import Frozen

PROOT, FAKECHROOT = "proot", "fakechroot"
KINDS = (PROOT, FAKECHROOT)

STATUS_DESCRIPTOR = 9
"""Where the shell that proot starts writes the program's exit status; shells know one digit."""


class LaunchPlan(Frozen):
    """What is executed in the place of the container's program.

    Attributes:
        argv: with the path of an executable of this machine first.
        variables: its environment.
        directory: of this machine, where it starts.
        filter: of system calls, an array of struct sock_filter; empty: none.
        depth: how many processes stand between the one that is executed and the program.
        tells_status: whether the program's status comes through ``STATUS_DESCRIPTOR``.
        last_signal: sent to what is executed when whoever started it is killed.
    """

    argv: tuple[str, ...]
    variables: dict[str, str]
    directory: str
    filter: bytes
    depth: int
    tells_status: bool
    last_signal: int
