"""Our own runtime's operations on one container, in the process that watches over it.

They are those of the command line (``runtime/command_line.py``), without words in between: what
one operation knows of the container the next need not read.
"""

from __future__ import annotations

import os
from functools import partial

from ocinb.engine.forked_runtime import as_operation
from ocinb.linux.flags import CLOSE_RANGE_CLOEXEC
from ocinb.runtime.command_line import REPORTED, be_interruptible, report
from ocinb.runtime.configuration import load
from ocinb.runtime.descriptors import FIRST_PRESERVED, connect
from ocinb.runtime.log import Log
from ocinb.runtime.operations import Runtime
from ocinb.runtime.parent import CreateOptions
from ocinb.runtime.recording import Recording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ocinb.engine.container_files import ContainerFiles
    from ocinb.runtime.container_state import Container


class OwnRuntime:
    """The runtime for one life of a container. Only for one that has no hooks: they would have the
    descriptors of this process.

    Args:
        files: the container's directory.
        container: its id.
        root: where the runtime keeps the state of its containers.

    Attributes:
        pid: of the container's process, once it is created.

    Raises:
        StorageError: the log or the events cannot be written.
    """

    def __init__(self, files: ContainerFiles, container: str, root: str) -> None:
        self._files = files
        self._container = container
        self._made: Container | None = None
        self._log = Log(files.runtime_log, "json")
        self._recording = Recording(files.events, container)
        self._runtime = Runtime(root, self._recording, self._log)
        self.pid = 0

    def close(self) -> None:
        """Close the log and the events."""
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
            "create": partial(self._create, console),
            "start": self._start,
            "delete": partial(self._delete, force=force),
        }
        return as_operation(words, partial(self._carry_out, operations[words[0]]))

    def _carry_out(self, operation: Callable[[], None]) -> int:
        self._recording.field = ""  # of the operation before
        be_interruptible()
        try:
            operation()
        except REPORTED as error:
            return report(error, self._log)
        return 0

    def _create(self, console: str) -> None:
        self._runtime.kernel.close_range(FIRST_PRESERVED, flags=CLOSE_RANGE_CLOEXEC)
        config = load(self._files.bundle)
        options = CreateOptions(console=connect(console) if console else -1)
        try:
            container, bundle = self._container, self._files.bundle
            self._made = self._runtime.create(container, bundle, options, config)
        finally:
            if options.console >= 0:
                os.close(options.console)
        self.pid = self._made.pid

    def _start(self) -> None:
        self._runtime.start(self._container, self._made)

    def _delete(self, *, force: bool) -> None:
        self._runtime.delete(self._container, self._made, force=force)
