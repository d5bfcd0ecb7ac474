"""What cells of the course need of a machine, found out by trying."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from ocinb.errors import CommandError, OcinbError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ocinb.engine.engine import Engine

PROGRAM = "program:"
"""``program:runc`` needs that program."""


def missing(needs: Iterable[str], engine: Engine) -> str:
    """Why a cell cannot run here, in a few words; empty where it can.

    Args:
        needs: names in ``NEEDS``, or ``program:NAME``.

    Raises:
        CommandError: there is no such need.
    """
    for need in needs:
        program = need.removeprefix(PROGRAM)
        if program != need:
            if shutil.which(program) is None:
                return f"{program} is not installed"
        elif need not in NEEDS:
            raise CommandError(f"there is no need {need!r}", hint=f"there are {', '.join(NEEDS)}")
        elif answer := NEEDS[need](engine):
            return answer
    return ""


def _root(engine: Engine) -> str:
    if os.geteuid() != 0:
        return "this user is not the superuser"
    return _namespaces(engine)


def _namespaces(engine: Engine) -> str:
    try:
        rung = engine.rung
    except OcinbError as error:
        return error.message
    if not rung.emulated:
        return ""
    tried = {one.name: one.answer for one in engine.ladder()}
    return f"no namespaces: {tried['user namespace']}"


def _overlay(engine: Engine) -> str:
    answer = _namespaces(engine)
    if answer:
        return answer
    mount = engine.rung.mount
    return "" if mount is not None and mount.kind == "overlay" else "no overlay can be mounted"


def _proc(engine: Engine) -> str:
    answer = _namespaces(engine)
    if answer:
        return answer
    return f"no new /proc: {engine.rung.proc}" if engine.rung.proc else ""


def _limits(engine: Engine) -> str:
    from ocinb.engine.delegation import delegation

    answer = _namespaces(engine)
    if answer:
        return answer
    groups = delegation()
    return "" if groups.works else f"no control groups: {groups.answer}"


def _network(engine: Engine) -> str:
    from ocinb.network.probe import probe

    answer = _root(engine)
    if answer:
        return answer
    refused = [tried for tried in probe() if tried.what.startswith("network ") and not tried.works]
    return refused[0].answer if refused else ""


def _tun(engine: Engine) -> str:
    from ocinb.network.user_space import tun_problem

    return _namespaces(engine) or tun_problem()


NEEDS: dict[str, Callable[[Engine], str]] = {
    "root": _root,
    "namespaces": _namespaces,
    "overlay": _overlay,
    "proc": _proc,
    "limits": _limits,
    "network": _network,
    "tun": _tun,
}
"""Name of a need → why it is not met; empty where it is.

``namespaces``: as the superuser or in a user namespace · ``overlay``: likewise, and the kernel
stacks layers · ``proc``: likewise, and a new /proc may be mounted · ``limits``: likewise, and
control groups may be made · ``network``: bridges and packet filters, of the superuser · ``tun``:
as ``namespaces``, and a program may be an interface's other end · ``root``: the superuser, with
namespaces.
"""
