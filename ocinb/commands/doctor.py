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
    from ocinb.engine.rung import Rung

COLUMNS = columns("subject works finding")
REPAIRED = columns("what name works done")

Row = tuple[str, str, str]

_PEERS = {
    "fuse-overlayfs": "stacks layers where the kernel's overlay is refused",
    "proot": "containers without namespaces",
    "fakechroot": "containers without namespaces and tracing",
    "newuidmap": "more than one id for an ordinary user (package uidmap)",
    "newgidmap": "more than one id for an ordinary user (package uidmap)",
    "pasta": "network for an ordinary user (package passt)",
    "slirp4netns": "network for an ordinary user",
    "nft": "shows a person our packet filters (package nftables); we do without it",
    "strace": "run --strace",
    "podman": "to compare with",
}
"""Programs of others that are used where they are installed → for what."""
_INHERENT = {
    "user namespace": (
        "device nodes, and rules about devices",
        "ports of this machine below 1024",
        "limits, unless control groups are delegated",
    ),
}
"""Rung → what no container there has, however much this machine allows."""
_DEVICES = {
    "/dev/fuse": "fuse-overlayfs needs it",
    "/dev/net/tun": "pasta and slirp4netns need it",
}
_USED = " (this is the one that is used)"
_IN_SHORT = {
    "root": "they run as root, isolated from this machine",
    "user namespace": "they run in a user namespace, isolated from this machine, with fewer powers",
    "proot": "they run by proot: with an image's files, but not isolated from this machine",
    "fakechroot": "they run by fakechroot: with an image's files, but not isolated from this "
    "machine",
}
"""Rung → what that means, for who reads one line only."""


@click.command(cls=Command)
@click.option("--repair", is_flag=True, help="Undo what crashes left, and say what.")
@listing
@click.pass_obj
def command(session: Session, repair: bool) -> Table:
    """Show what works on this machine for this user. It says what the kernel answered.

    The ways to run containers come best first; under each is what was tried, what would enable
    it, and what is lost there.
    """
    if repair:
        from ocinb.engine.repair import repair as undo_what_crashes_left

        found = undo_what_crashes_left(session.engine)
        rows = [(one.what, one.name, _word(one.works), one.done) for one in found]
        nothing = "nothing was left by crashes"
        title = "what crashes left" if rows else nothing
        return Table(REPAIRED, rows, title=title, empty=nothing, wrap=True)
    from ocinb.engine.choose import ladder
    from ocinb.engine.rung import NOTHING

    rungs = ladder(session.settings.root)
    used = next((rung for rung in rungs if rung.works and rung.name != NOTHING), None)
    listed = [
        _in_short(used),
        *_machine(),
        *_ladder(rungs, used),
        *_ids(rungs),
        *_runtimes(session, used),
        *_networks(used),
        *_peers(),
    ]
    return Table(COLUMNS, listed, title="what works on this machine", wrap=True)


def _in_short(used: Rung | None) -> Row:
    if used is None:
        return "containers", "no", "they cannot be run here; everything else works: images, bundles"
    return "containers", "yes", _IN_SHORT[used.name]


def _machine() -> Iterator[Row]:
    from ocinb.engine.delegation import delegation
    from ocinb.spec.platform import Platform

    kernel = os.uname()
    yield "machine", "yes", f"{Platform.host()}, {kernel.sysname} {kernel.release}"
    who = "the superuser" if os.geteuid() == 0 else f"an ordinary user, id {os.geteuid()}"
    yield "user", "yes", f"{who}{_restrictions()}"
    groups = delegation()
    yield "control groups", _word(groups.works), groups.answer
    if not groups.works:
        yield "  to enable", "", groups.enable
        yield "  lost", "", "limits of memory, processors and processes; pause; stats"


def _restrictions() -> str:
    """What a process of ours is under that its user alone does not explain."""
    found = []
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":\t")
        if name == "NoNewPrivs" and value == "1":
            found.append("no new privileges")
        elif name == "Seccomp" and value == "2":
            found.append("a filter of system calls")
        elif name == "CapBnd" and int(value, 16) == 0:
            found.append("no capability can be had")
    return f"; {', '.join(found)}" if found else ""


def _ladder(rungs: list[Rung], used: Rung | None) -> Iterator[Row]:
    """The ways to run containers, best first, and under each what was tried for its mounts."""
    from ocinb.engine.rung import NOTHING

    for rung in rungs:
        if rung.name == NOTHING:
            mark = "" if used else _USED
            yield "images without containers", "yes", f"{rung.answer}{mark}"
        else:
            yield from _rung(rung, used=rung is used)


def _rung(rung: Rung, *, used: bool) -> Iterator[Row]:
    mark = _USED if used else ""
    yield f"containers, {rung.name}", _word(rung.works), f"{rung.answer}{mark}"
    if not rung.works:
        yield "  to enable", "", rung.enable
    if rung.ids is not None:
        yield "  user ids", _word(not rung.ids.single), rung.ids.why
    if rung.works and not rung.emulated:
        yield "  a new /proc", _word(not rung.proc), rung.proc or "mounted"
    for attempt in rung.probe.attempts if rung.works and rung.probe else ():
        yield f"  mount by {attempt.kind}", _word(attempt.works), attempt.answer
    for loss in (*_INHERENT.get(rung.name, ()), *rung.lost):
        yield "  lost", "", loss


def _ids(rungs: list[Rung]) -> Iterator[Row]:
    """What the files give to this user, where a user namespace could use it; whether it can be
    had, the ladder tells.
    """
    from ocinb.engine.subordinate_ids import how_to_have_more, subordinate_ids

    if os.geteuid() and any(rung.works and rung.user_namespace for rung in rungs):
        found = subordinate_ids()
        yield "subordinate ids", _word(not found.single), found.why
        if found.single:
            yield "  to enable", "", how_to_have_more()


def _runtimes(session: Session, used: Rung | None) -> Iterator[Row]:
    instead = used.name if used is not None and used.emulated else ""
    for name in dict.fromkeys([session.settings.runtime, "ocinb", "runc", "crun"]):
        works, finding = _runtime(session, name)
        if instead and works:
            works, finding = False, f"{finding}, but needs namespaces: {instead} takes its place"
        chosen = _USED if name == session.settings.runtime and not instead else ""
        yield f"runtime {name}", _word(works), f"{finding}{chosen}"


def _runtime(session: Session, name: str) -> tuple[bool, str]:
    """Whether a runtime makes containers here, and what it said to the request."""
    from ocinb.engine.runtime_probe import refusal
    from ocinb.engine.runtime_process import find_runtime
    from ocinb.errors import UnsupportedHost

    settings = session.settings
    try:
        found = find_runtime(name, str(settings.runtime_state))
    except UnsupportedHost:
        return False, "not installed"
    if found.tells:
        return True, "built in"
    why = refusal(found, settings.root, settings.run_root)
    said = f"refuses: {why}" if why else "a container was made by it, and removed"
    return not why, f"{found.argv[0]}: {said}"


def _networks(used: Rung | None) -> Iterator[Row]:
    from ocinb.network.probe import probe

    if used is not None and used.emulated:
        yield "network", "yes", "containers have this machine's, and its ports; none is published"
        return
    for tried in probe():
        yield tried.what, _word(tried.works), tried.answer
        if tried.enable:
            yield "  to enable", "", tried.enable


def _peers() -> Iterator[Row]:
    for name, use in _PEERS.items():
        path = shutil.which(name)
        yield f"program {name}", _word(bool(path)), f"{path or 'not installed'}: {use}"
    for device, use in _DEVICES.items():
        found = os.access(device, os.R_OK | os.W_OK)
        answer = "can be opened" if found else "cannot be opened"
        yield f"device {device}", _word(found), f"{answer}; {use}"


def _word(works: bool) -> str:
    return "yes" if works else "no"
