"""The monitor of one container: a small process that outlives whoever started it.

It makes the mounts (in a mount namespace of its own, for ordinary users inside a user namespace),
calls the OCI runtime, holds the container's output, reaps its first process, writes down how it
ended, and cleans up. It takes orders from the engine as long as there is one; afterwards the
container goes on by itself, and the files of its directory tell what became of it.

It is a child of the launcher (``launcher.py``), which may end whenever it likes.
"""

from __future__ import annotations

import contextlib
import json
import os

from ocinb.engine.container_files import ContainerFiles, Process, write_json
from ocinb.engine.frames import HELLO, PROTOCOL, REPLY, error_document, pack
from ocinb.engine.monitor import Monitor
from ocinb.engine.process_title import set_title
from ocinb.errors import OcinbError
from ocinb.linux import flags as f
from ocinb.linux.syscalls import Kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocinb.runtime.standby import Standby


def become_monitor(
    request: dict[str, Any], descriptors: list[int], standby: Standby | None
) -> None:
    """Be the monitor of a container until it is gone.

    ``request["watch"]`` is its directory. ``request["names"]`` says what the descriptors are:
    ``control`` is the socket to the engine, where orders wait already; ``stdin``, ``stdout`` and
    ``stderr`` are what the container reads, and where goes what it writes; without the latter two
    it is sent to the engine. ``standby`` may become the container's process. It never returns.
    """
    given = dict(zip(request["names"], descriptors, strict=True))
    control = given["control"]
    sinks = {1: given.get("stdout", -1), 2: given.get("stderr", -1)}
    kernel = Kernel()
    kernel.prctl(f.PR_SET_CHILD_SUBREAPER, 1)
    os.chdir("/")
    files = ContainerFiles(request["watch"])
    set_title("ocinb-monitor", files.directory)
    try:
        _use_own_streams(files)
        # Who comes later, with whatever version of ocinb, reads the protocol there.
        write_json(files.monitor, {**dict(Process.of(os.getpid())), "protocol": PROTOCOL})
        _say(control, HELLO, str(PROTOCOL).encode())
        stdin = given.get("stdin", -1)
        monitor = Monitor(files, kernel, control, stdin=stdin, sinks=sinks, standby=standby)
    except (OcinbError, OSError) as error:  # a full disk: there is no file to say it in
        refuse(control, error)
        os._exit(1)
    monitor.serve()
    os._exit(0)


def refuse(control: int, error: BaseException) -> None:
    """Tell an engine, on the socket to it, that there will be no monitor."""
    _say(control, REPLY, json.dumps(error_document(error)).encode())


def _say(control: int, kind: bytes, content: bytes) -> None:
    with contextlib.suppress(BrokenPipeError):  # it has left us already
        os.write(control, pack(kind, content))


def _use_own_streams(files: ContainerFiles) -> None:
    """A file for complaints, which are nobody's output."""
    log = os.open(files.monitor_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    for target in (1, 2):
        os.dup2(log, target)
    os.close(log)
