"""Undoing what crashes left: of engines, monitors, runtimes, of the whole machine.

Only what is ours is touched, known by our records and names; what still works is left to work.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from typing import TYPE_CHECKING

from ocinb.engine import rung_cache
from ocinb.engine.container_files import ContainerFiles, read_json, write_json
from ocinb.engine.emulated.strays import end_strays
from ocinb.engine.removal import remove_files
from ocinb.errors import OcinbError
from ocinb.frozen import Frozen
from ocinb.linux.cgroup import hierarchies
from ocinb.spec.runtime_state import CREATING, STOPPED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ocinb.engine.engine import Engine
    from ocinb.overlay.records import Mount

YOUNG = 60.0
"""Seconds for which what has no owner may just be being made."""
_CGROUP = re.compile(r"ocinb-([0-9a-f]{12})")
_SCRATCH = re.compile(r"probe-[0-9a-f]{12}")
MONITOR_KILLED = "its monitor was killed, so nobody saw how it ended"


class Repaired(Frozen):
    """Something that was found.

    Attributes:
        what: ``mount``, ``container``, ``control group``, ``process``, ``directory``, ``network``.
        name: which.
        done: what was done about it, or why nothing was.
        works: whether it is in order now.
    """

    what: str
    name: str
    done: str
    works: bool = True


def repair(engine: Engine) -> list[Repaired]:
    """Undo what crashes left; what was done, in order.

    Containers whose program still runs are left alone, also without a monitor.
    """
    settings = engine.settings
    rung_cache.forget(settings.run_root)
    return [
        *_containers(engine),
        *_processes(settings.containers, _known(engine)),
        *(Repaired(what="mount", name=m.target, done="unmounted") for m in repair_mounts(engine)),
        *_runtime_states(engine),
        *_scratch(settings.root),
        *_cgroups(_known(engine)),
        *(Repaired(what="network", name="", done=line) for line in repair_networks(engine)),
    ]


def repair_mounts(engine: Engine) -> list[Mount]:
    """Remove what killed processes left half-made or half-removed; the mounts among it.

    Containers whose monitor was killed are not touched: ``engine.containers`` shows them as they
    are, and removes them.
    """
    engine.containers.sweep()
    return engine.mounts.repair()


def repair_networks(engine: Engine) -> list[str]:
    """Remove what containers that are gone left of their networks; a line for each thing."""
    from ocinb.network.undo import repair as repair_attachments

    alive = {record.id for record in engine.containers.all() if record.status != STOPPED}
    return repair_attachments(str(engine.settings.network_state), alive.__contains__)


def _known(engine: Engine) -> set[str]:
    return {record.id for record in engine.containers.all()}


def _containers(engine: Engine) -> Iterator[Repaired]:
    """Containers whose monitor is gone, though it had not cleaned up."""
    for record in engine.containers.all():
        files = ContainerFiles(str(engine.settings.containers / record.id))
        if engine.containers.note_start(files, record):
            done = "its start is written down: who started it was killed before that"
            yield Repaired(what="container", name=record.name, done=done)
        monitor = files.read_process(files.monitor)
        ended = read_json(files.exit)
        if record.status == CREATING or ended.get("clean") or (monitor and monitor.alive):
            continue
        if record.status != STOPPED:
            yield Repaired(
                what="container",
                name=record.name,
                done=f"left alone: it is {record.status} without its monitor; "
                f"ocinb rm --force {record.name} ends it",
                works=False,
            )
            continue
        try:
            engine.containers.tidy(files)
            document = {"exit_status": None, "time": time.time(), "error": MONITOR_KILLED}
            write_json(files.exit, {**document, **ended, "clean": True})
        except (OcinbError, OSError) as error:
            yield Repaired(what="container", name=record.name, done=str(error), works=False)
        else:
            yield Repaired(
                what="container", name=record.name, done="cleaned up after its monitor was killed"
            )


def _runtime_states(engine: Engine) -> Iterator[Repaired]:
    """What a runtime remembers of containers that are gone."""
    known = _known(engine)
    state = engine.settings.runtime_state
    for name in _names(state):
        path = state / name
        if name in known or not _is_old(str(path)):
            continue
        with contextlib.suppress(OSError):
            remove_files(path)
            yield Repaired(what="directory", name=str(path), done="removed")


def _processes(containers: Path, known: set[str]) -> Iterator[Repaired]:
    """Processes of containers without namespaces that are gone."""
    for name in _names(containers):
        if name not in known:
            rootfs = ContainerFiles(str(containers / name)).rootfs
            for pid in end_strays(rootfs):
                yield Repaired(what="process", name=str(pid), done="killed")


def _scratch(root: Path) -> Iterator[Repaired]:
    """Directories in which something was tried."""
    for name in _names(root):
        path = root / name
        if _SCRATCH.fullmatch(name) and _is_old(str(path)):
            with contextlib.suppress(OSError, OcinbError):
                remove_files(path)
                yield Repaired(what="directory", name=str(path), done="removed")


def _cgroups(known: set[str]) -> Iterator[Repaired]:
    """Control groups with our names that have no processes and no container.

    Those of another engine, with directories of its own, have processes, or are just being made.
    """
    for tree in hierarchies():
        for base in dict.fromkeys((tree.mount_point, tree.base)):
            for name in _names(base):
                match = _CGROUP.fullmatch(name)
                directory = f"{base}/{name}"
                if match is None or match[1] in known or not _is_old(directory):
                    continue
                # The kernel refuses to remove one that has processes.
                with contextlib.suppress(OSError):
                    os.rmdir(directory)
                    yield Repaired(what="control group", name=directory, done="removed")


def _names(directory: str | Path) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []


def _is_old(path: str) -> bool:
    try:
        return time.time() - os.lstat(path).st_mtime > YOUNG
    except OSError:
        return False
