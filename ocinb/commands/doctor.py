"""``doctor``: what this machine lets us do, found out by trying."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ocinb.commands.options import listing
from ocinb.commands.tree import Command
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ocinb.commands.session import Session

COLUMNS = columns("subject works finding")

Row = tuple[str, str, str]


@click.command(cls=Command)
@listing
@click.pass_obj
def command(session: Session) -> Table:
    """Show what works on this machine for this user. It says what the kernel answered."""
    rows = [*_machine(), *_ladder(session), *_subordinate_ids(), *_runtimes(session)]
    return Table(COLUMNS, rows, title="what works on this machine")


def _machine() -> Iterator[Row]:
    from ocinb.spec.platform import Platform

    kernel = os.uname()
    yield "machine", "yes", f"{Platform.host()}, {kernel.sysname} {kernel.release}"
    who = "the superuser" if os.geteuid() == 0 else f"an ordinary user, id {os.geteuid()}"
    yield "user", "yes", who
    unified = Path("/sys/fs/cgroup/cgroup.controllers").exists()
    yield "cgroups", "yes", "version 2" if unified else "version 1, or none"


def _ladder(session: Session) -> Iterator[Row]:
    """The ways to run containers, best first, and under each what was tried for its mounts."""
    from ocinb.engine.choose import ladder
    from ocinb.engine.rung import NOTHING

    for rung in ladder(session.settings.root):
        if rung.name == NOTHING:
            yield "images without containers", "yes", rung.answer
            continue
        finding = rung.answer if rung.works else f"{rung.answer}; {rung.enable}"
        yield f"containers, {rung.name}", _word(rung.works), finding
        for attempt in rung.probe.attempts if rung.works and rung.probe else ():
            yield f"  mount by {attempt.kind}", _word(attempt.works), attempt.answer


def _subordinate_ids() -> Iterator[Row]:
    found = [tool for tool in ("newuidmap", "newgidmap") if shutil.which(tool)]
    finding = " and ".join(found) or "not installed (Debian: uidmap); one id is mapped"
    yield "subordinate ids", _word(len(found) == 2), finding


def _runtimes(session: Session) -> Iterator[Row]:
    for name in dict.fromkeys([session.settings.runtime, "ocinb", "runc", "crun"]):
        path = "built in" if name == "ocinb" else shutil.which(name)
        chosen = ", the one that is used" if name == session.settings.runtime else ""
        yield f"runtime {name}", _word(bool(path)), f"{path or 'not installed'}{chosen}"


def _word(works: bool) -> str:
    return "yes" if works else "no"
