"""Joining containers that run: further processes in them, and their streams shared again."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocinb.bundle.convert import environment, groups_of
from ocinb.bundle.user import resolve
from ocinb.engine.attached import ASKING, INSISTING, Ended, raw_terminal, wait_for_end
from ocinb.engine.connection import Connection, OutputCallback
from ocinb.engine.container_files import ContainerFiles, read_json
from ocinb.engine.containers import Containers
from ocinb.engine.happenings import note
from ocinb.engine.operations import require
from ocinb.errors import BundleError
from ocinb.frozen import Frozen
from ocinb.linux.capabilities import NAMES as CAPABILITIES
from ocinb.linux.capabilities import bounding_bit
from ocinb.linux.syscalls import Kernel
from ocinb.spec import runtime_defaults as defaults
from ocinb.spec.runtime_state import CREATED, RUNNING

if TYPE_CHECKING:
    from ocinb.engine.containers import ContainerRecord

_TOLD = 200
"""Characters of a command that ``events`` tells."""


class FurtherProcess(Frozen):
    """What shall run in a container beside its own program.

    Attributes:
        args: program and arguments.
        env: ``NAME=value``, beside the variables of the container's program.
        user: as for ``ContainerOptions``; None: that of the container's program.
        cwd: None: that of the container's program.
        privileged: with every capability that this process could have.
        tty: on a terminal of its own.
    """

    args: Sequence[str]
    env: Sequence[str] = ()
    user: str | None = None
    cwd: str | None = None
    privileged: bool = False
    tty: bool = False


def execute(
    containers: Containers,
    name: str,
    wished: FurtherProcess,
    *,
    detach: bool = False,
    output: OutputCallback | None = None,
    stdin: int | None = None,
) -> Ended | None:
    """Run a further process in a container; None where it is not waited for.

    Args:
        name: of the container.
        wished: the process.
        detach: return as soon as it runs; what it writes is lost.
        output: as for ``Engine.run``.
        stdin: a descriptor; None: there is no input.

    Raises:
        ContainerNotFound. InvalidStatus: the container does not run.
        StepFailed: the runtime could not execute it; see ``exit_status.of_error``.
        ContainerError: the container's monitor was killed.

    Spec: none (runc convention); the process document is runtime-spec config.md#process
    """
    files, record = containers.find(name)
    require(record, "exec", RUNNING)
    process = _document(files, record, wished)
    shared = {} if detach else streams(output, stdin)
    with Connection.to(files, output) as connection:
        connection.share("exec", shared, process=process, detach=detach)
        note(files, "exec", detail=shlex.join(wished.args)[:_TOLD])
        if detach:
            return None
        with raw_terminal(connection, wanted=wished.tty and output is None):
            return wait_for_end(connection, INSISTING)


def attach(
    containers: Containers,
    name: str,
    *,
    output: OutputCallback | None = None,
    stdin: int | None = None,
    pass_on: bool | None = None,
) -> Ended | None:
    """Share the streams of a container's program until it ends; None where the keys to detach
    were typed.

    Ctrl-C is passed on as SIGINT; a second one ends the sharing, and the container goes on.

    Args:
        name: of the container.
        output: as for ``Engine.run``.
        stdin: a descriptor of what it shall read, if it was begun so that it reads anything.
        pass_on: as for ``wait_for_end``.

    Raises:
        ContainerNotFound. InvalidStatus: it does not run. ContainerError: its monitor was killed.
        KeyboardInterrupt: see above.

    Spec: none (Docker convention)
    """
    files, record = containers.find(name)
    require(record, "attach", CREATED, RUNNING)
    with Connection.to(files, output) as connection:
        reply = connection.share("attach", streams(output, stdin))
        on_terminal = bool(reply.get("terminal")) and output is None and stdin is not None
        with raw_terminal(connection, wanted=on_terminal):
            return wait_for_end(connection, ASKING, pass_on=pass_on)


def streams(output: OutputCallback | None, stdin: int | None) -> dict[str, int]:
    """The descriptors that a monitor is sent: without ``output`` those of this process."""
    given = {} if stdin is None else {"stdin": stdin}
    return given if output is not None else {**given, "stdout": 1, "stderr": 2}


def _document(
    files: ContainerFiles, record: ContainerRecord, wished: FurtherProcess
) -> dict[str, Any]:
    """The container's process document with what is different in this one.

    Spec: runtime-spec config.md#process
    """
    if not wished.args:
        raise BundleError("there is no command to execute", hint="name one behind the container")
    path = f"{files.bundle}/config.json"
    process: dict[str, Any] = read_json(path).get("process") or {}
    if not process:
        raise BundleError(f"{path} has no process any more, so none like it can be started")
    process.pop("consoleSize", None)
    before = [*(process.get("env") or [])]
    extra = [defaults.TERM] if wished.tty else []
    process |= {
        "args": [*wished.args],
        "terminal": wished.tty,
        "env": environment(before, wished.env, extra),
    }
    if wished.cwd is not None:
        process["cwd"] = os.path.normpath(os.path.join(process["cwd"], wished.cwd))
    if wished.user is not None:
        _become(process, wished.user, _root(files, record))
    if wished.privileged:
        # More than whoever starts containers could have, runtimes refuse.
        kernel = Kernel()
        every = [name for n, name in enumerate(CAPABILITIES) if bounding_bit(kernel, n)]
        process["capabilities"] = dict.fromkeys(("bounding", "effective", "permitted"), every)
    return process


def _root(files: ContainerFiles, record: ContainerRecord) -> Path:
    """The container's root; where one is only pretended, its process has this machine's."""
    root = Path(f"/proc/{record.pid}/root")
    with contextlib.suppress(OSError):
        if root.samefile("/"):
            return Path(files.rootfs)
    return root


def _become(process: dict[str, Any], who: str, rootfs: Path) -> None:
    user = resolve(who, rootfs)
    process["user"] = {
        **process["user"],
        "uid": user.uid,
        "gid": user.gid,
        "additionalGids": groups_of(user),
    }
    bounding = (process.get("capabilities") or {}).get("bounding") or []
    held = bounding if user.uid == 0 else []
    process["capabilities"] = {"bounding": bounding, "effective": held, "permitted": held}
    names = [entry for entry in process["env"] if not entry.startswith("HOME=")]
    process["env"] = [*names, f"HOME={user.home}"]
