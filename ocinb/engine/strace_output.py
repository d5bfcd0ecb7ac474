"""What strace wrote of a container's program, as events."""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING

from ocinb.engine.strace import MOST
from ocinb.errors import UnsupportedHost
from ocinb.events import ProgramTraced

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ocinb.engine.container_files import ContainerFiles
    from ocinb.engine.rung import Rung

_LINE = re.compile(r"(?P<pid>\d+)\s+(?P<time>\d+\.\d+) (?P<rest>.*)", re.DOTALL)
_CALL = re.compile(
    r"(?P<call>\w+)\((?P<arguments>.*)\)\s+= (?P<result>\S+)"
    r"(?: (?P<error>E[A-Z0-9]+ \([^)]*\)))?(?P<more>.*?)(?: <(?P<seconds>\d+\.\d+)>)?",
    re.DOTALL,
)
_UNFINISHED = " <unfinished ...>"
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>(?P<rest>.*)", re.DOTALL)
_APART = re.compile(r"(?P<mark>---|\+\+\+) (?P<what>.*) (?P=mark)", re.DOTALL)


def find_strace(rung: Rung) -> str:
    """The path of strace.

    Args:
        rung: where the container will stand.

    Raises:
        UnsupportedHost: it is not installed, or of no use there.
    """
    if rung.emulated:
        raise UnsupportedHost(
            f"--strace: a container by {rung.name} cannot be traced from outside",
            hint="ocinb doctor says what would enable the ways that can",
        )
    program = shutil.which("strace")
    if program is None:
        raise UnsupportedHost("--strace: strace is not installed", hint="apt-get install strace")
    return program


def traced(files: ContainerFiles) -> list[ProgramTraced]:
    """What a container's program did, in order; nothing where nobody traced it."""
    init = files.read_process(files.init)
    if init is None:
        return []
    try:
        with open(files.strace, encoding="utf-8", errors="replace") as file:
            events = list(read(file, os.path.basename(files.directory), init.pid))
            cut = os.fstat(file.fileno()).st_size >= MOST
    except FileNotFoundError:
        return []
    if cut and events:
        last = {**dict(events[-1]), "what": f"… only the first {MOST:,} bytes are kept"}
        events.append(ProgramTraced(**{**last, "result": "", "error": "", "seconds": 0.0}))
    return events


def read(lines: Iterable[str], container: str, program: int) -> Iterator[ProgramTraced]:
    """The events of lines as ``strace --follow-forks`` writes them.

    What the runtime's own code did in that process before it became the container's program is
    left out: that is told by the runtime itself, where it is ours.

    Args:
        container: its id.
        program: the number of its first process.
    """
    begun: dict[str, tuple[float, str]] = {}
    became = False
    for line in lines:
        form = _LINE.fullmatch(line.rstrip("\n"))
        if form is None:
            continue  # of another form, or cut short
        pid, time, rest = form["pid"], float(form["time"]), form["rest"]
        if rest.endswith(_UNFINISHED):
            begun[pid] = time, rest.removesuffix(_UNFINISHED)
            continue
        resumed = _RESUMED.fullmatch(rest)
        if resumed is not None:
            time, before = begun.pop(pid, (time, ""))
            rest = before + resumed["rest"]
        event = _event(rest, container, int(pid), time)
        if event is None:
            continue
        became = became or (
            event.process == program and event.what.startswith("execve(") and event.result == "0"
        )
        if became:
            yield event


def _event(rest: str, container: str, pid: int, time: float) -> ProgramTraced | None:
    apart = _APART.fullmatch(rest)
    if apart is not None:
        return ProgramTraced(container=container, process=pid, what=apart["what"], time=time)
    form = _CALL.fullmatch(rest)
    if form is None:
        return None
    seconds = float(form["seconds"] or 0.0)
    return ProgramTraced(
        container=container,
        process=pid,
        what=f"{form['call']}({form['arguments']})",
        result=f"{form['result']}{form['more']}",
        error=form["error"] or "",
        seconds=seconds,
        time=time + seconds,
    )
