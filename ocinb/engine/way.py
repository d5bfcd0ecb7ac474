"""Which way a container is run: the rung it stands on, and the runtime that fits there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocinb.engine.choose import choose_emulated
from ocinb.engine.emulated.launch_plan import KINDS
from ocinb.engine.rung import Choice, Rung
from ocinb.engine.runtime_process import OURS, RuntimeProcess, find_runtime
from ocinb.errors import UnsupportedHost
from ocinb.frozen import Frozen

if TYPE_CHECKING:
    from ocinb.settings import Settings


class Way(Frozen):
    """How a container is run.

    Attributes:
        rung: see ``choose``.
        runtime: the OCI runtime, or what takes its place.
        notice: what a person is told about it; empty where nothing is lost.
    """

    rung: Rung
    runtime: RuntimeProcess
    notice: str


def find_way(settings: Settings, choice: Choice, runtime: str | None) -> Way:
    """The way for a runtime that was asked for, or the best one.

    Args:
        settings: directories, and the runtime that is used where none is asked for.
        choice: the best rung.
        runtime: ``ocinb``, ``runc``, ``crun``, ``proot``, ``fakechroot``, a path, or None.

    Raises:
        UnsupportedHost: there is no such runtime, or it needs what the kernel refuses.
    """
    wanted = runtime or settings.runtime
    if wanted in KINDS and wanted != choice.rung.name:
        choice = choose_emulated(wanted, settings.root)
    rung = choice.rung
    if rung.emulated and wanted == OURS:
        wanted = rung.name  # nobody said that it must be ours
    elif rung.emulated and wanted not in KINDS:
        raise UnsupportedHost(
            f"{wanted} needs namespaces, and there are none here: {choice.better}",
            hint=f"leave out --runtime, and {rung.name} is used; ocinb doctor says more",
        )
    return Way(
        rung=rung,
        runtime=find_runtime(wanted, str(settings.runtime_state)),
        notice=rung.notice(choice.better),
    )
