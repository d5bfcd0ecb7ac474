"""A monitor's children besides the container's process: whoever runs something in it, or looks on.

They end with the container, or are ended.
"""

from __future__ import annotations

import os
import sys
import time

from ocinb.engine.exec_session import ExecSession
from ocinb.errors import ContainerError
from ocinb.linux.processes import all_pids, parent
from ocinb.runtime.descriptors import close_others

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, NoReturn

    from ocinb.engine.client import Client
    from ocinb.engine.container_files import ContainerFiles, Process
    from ocinb.engine.loop import Loop
    from ocinb.engine.runtime_process import RuntimeProcess
    from ocinb.linux.syscalls import Kernel

_PATIENCE = 5.0
"""Seconds that they have to end once the container has."""


class Offspring:
    """The further children of one monitor.

    Args:
        files: the container's directory.
        kernel: makes the system calls.
        loop: hears of their ends.
    """

    def __init__(self, files: ContainerFiles, kernel: Kernel, loop: Loop) -> None:
        self._files = files
        self._kernel = kernel
        self._loop = loop
        self._pids: set[int] = set()

    def add(self, pid: int) -> None:
        """Wait for this child, too, when the container has ended."""
        self._pids.add(pid)
        self._loop.ended.pop(pid, None)  # of an earlier process that had the same number

    def forget(self, pids: Iterable[int]) -> None:
        """These have ended."""
        self._pids.difference_update(pids)

    def execute(
        self, client: Client, order: dict[str, Any], runtime: RuntimeProcess, container: str
    ) -> None:
        """Leave a client to a child, which runs a further process for it.

        Raises:
            ContainerError: the client is gone. TypeError, ValueError: the order is not understood.
            OSError: there can be no child.
        """
        process, detach = order["process"], order["detach"]
        if not isinstance(process, dict):
            raise TypeError("a process is described by an object")
        if not client.connected:
            raise ContainerError("who asked for a further process is gone")
        streams = client.take_streams(order)
        try:
            pid = os.fork()
        except OSError:
            for descriptor in {*streams} - {-1}:
                os.close(descriptor)
            raise
        control = self._loop.give_away(client)
        if pid == 0:

            def life() -> None:
                session = ExecSession(self._files, self._kernel, runtime, control)
                session.serve(process, container, streams, detach=detach)

            self._live(life, [control, *streams])
        self.add(pid)
        for descriptor in {control, *streams} - {-1}:
            os.close(descriptor)

    def watch_health(
        self, check: dict[str, Any], runtime: RuntimeProcess, container: str, init: Process
    ) -> None:
        """Leave it to a child to run a check in the container from time to time.

        Args:
            check: the fields of a ``HealthCheck``.
            runtime: the one that made the container.
            container: its id.
            init: its first process.

        Raises:
            OSError: there can be no child.
        """
        pid = os.fork()
        if pid == 0:

            def life() -> None:
                from ocinb.engine.health import HealthCheck
                from ocinb.engine.health_watch import HealthWatch

                checked = HealthCheck(**check)
                HealthWatch(self._files, self._kernel, runtime, container, init, checked).serve()

            self._live(life, [])
        self.add(pid)

    def end(self) -> None:
        """Let nobody be left that belongs to a container that has ended."""
        patience = time.monotonic() + _PATIENCE
        while self._pids - self._loop.ended.keys() and time.monotonic() < patience:
            self._loop.turn(timeout=0.1)
        if self._loop.has_children():
            for pid in list(all_pids()):
                if parent(pid) == os.getpid():
                    os.kill(pid, 9)  # a hook of a call that was given up, or the program's

    def _live(self, life: Callable[[], None], kept: list[int]) -> NoReturn:
        """What a child does, with nothing of the monitor's open but these descriptors."""
        try:
            close_others(self._kernel, kept)
            life()
            os._exit(0)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(1)
