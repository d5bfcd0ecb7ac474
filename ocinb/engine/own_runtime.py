"""Our own runtime's operations on one container, in the process that watches over it.

They are those of the command line (``runtime/command_line.py``), without words in between: what
one operation knows of the container the next need not read.
"""

from __future__ import annotations

import os
from functools import partial

from ocinb.engine.forked_runtime import as_operation
from ocinb.engine.process_title import titled
from ocinb.linux.flags import CLOSE_RANGE_CLOEXEC
from ocinb.runtime.command_line import REPORTED, be_interruptible, report, told
from ocinb.runtime.configuration import load
from ocinb.runtime.descriptors import FIRST_PRESERVED, connect
from ocinb.runtime.log import Log
from ocinb.runtime.operations import Runtime
from ocinb.runtime.parent import CreateOptions
from ocinb.runtime.recording import Recording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from ocinb.engine.container_files import ContainerFiles
    from ocinb.runtime.container_state import Container
    from ocinb.runtime.standby import Standby


class OwnRuntime:
    """The runtime for one life of a container. Only for one that has no hooks: they would have the
    descriptors of this process.

    Args:
        files: the container's directory.
        container: its id.
        root: where the runtime keeps the state of its containers.
        config: config.json, where it is known and was checked; None: it is read.
        forked: told the number of the container's process as soon as there is one, while that
            makes the container from inside.
        standby: as in ``CreateOptions``.

    Attributes:
        said: why the last operation failed.

    Raises:
        StorageError: the log or the events cannot be written.
    """

    def __init__(
        self,
        files: ContainerFiles,
        container: str,
        root: str,
        config: dict[str, Any] | None,
        forked: Callable[[int], None],
        standby: Standby | None,
    ) -> None:
        self._files = files
        self._container = container
        self._config = config
        self._forked = forked
        self._standby = standby
        self._made: Container | None = None
        self.said = ""
        self._log = Log(files.runtime_log, "json")
        self._recording = Recording(files.events, container)
        self._runtime = Runtime(root, self._recording, self._log)

    def close(self) -> None:
        """Close the log and the events; what could not be deleted may be tried by others."""
        if self._made is not None:
            self._made.unlock()
        self._recording.close()
        self._log.close()

    def perform(self, words: Sequence[str], *, force: bool, console: str) -> int:
        """Carry out an operation; the exit status that its command would have.

        Args:
            words: its command line, from ``create``, ``start`` or ``delete`` on.
            force: for ``delete``.
            console: for ``create``: the path of the socket that takes the terminal; empty: there
                is none.
        """
        operations: dict[str, Callable[[], None]] = {
            "create": partial(self._create, words, console),
            "start": self._start,
            "delete": partial(self._delete, force=force),
        }
        return as_operation(partial(self._carry_out, operations[words[0]]))

    def _carry_out(self, operation: Callable[[], None]) -> int:
        self._recording.field = ""  # of the operation before
        be_interruptible()
        try:
            operation()
        except REPORTED as error:
            self.said = told(error)
            return report(error, self._log)
        return 0

    def _create(self, words: Sequence[str], console: str) -> None:
        self._runtime.kernel.close_range(FIRST_PRESERVED, flags=CLOSE_RANGE_CLOEXEC)
        config = self._config or load(self._files.bundle)
        options = CreateOptions(
            console=connect(console) if console else -1, forked=self._forked, standby=self._standby
        )
        try:
            container, bundle = self._container, self._files.bundle
            with titled("ocinb-runtime", *words):  # what is forked is shown so until it is started
                self._made = self._runtime.create(container, bundle, options, config)
        finally:
            if options.console >= 0:
                os.close(options.console)

    def _start(self) -> None:
        self._runtime.start(self._container, self._made)

    def _delete(self, *, force: bool) -> None:
        self._runtime.delete(self._container, self._made, force=force)
