"""Events of the runtime, as JSON lines in the file that ``--events`` names.

The runtime and the container's process append to the same open file, each whole lines by one
write, so they never mix. System calls, of which there are hundreds, wait for the next other event
or ``flush``. Without ``--events`` no system call is observed at all.
"""

from __future__ import annotations

import os
import time

from ocinb.errors import StorageError
from ocinb.events import Event, StepFinished, to_json
from ocinb.linux.syscalls import Kernel
from ocinb.plain_json import dumps, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType


class Recording:
    """The recorder of one call of the runtime, and the ``Kernel`` that it watches.

    Args:
        path: the file to append to; empty records nothing.
        container: the container's id, for the events.
        descriptor: of the file, where it is open already.

    Attributes:
        field: the config.json field that is being applied, as in ``mounts[2]``.
        process: whose calls these are: ``parent`` or ``init``.
        kernel: its calls are recorded.

    Raises:
        StorageError: the file cannot be opened.
    """

    def __init__(self, path: str = "", container: str = "", *, descriptor: int = -1) -> None:
        self.container = container
        self.field = ""
        self.process = "parent"
        self._waiting: list[str] = []
        self._fd = descriptor
        if path:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            try:
                self._fd = os.open(path, flags, 0o600)
            except OSError as error:
                raise StorageError(
                    f"the events file {path} cannot be opened: "
                    f"{os.strerror(error.errno or 0).lower()}"
                ) from None
        self.kernel = Kernel(self.observe if self._fd >= 0 else None)

    @property
    def descriptor(self) -> int:
        """Of the file; -1 where nothing is recorded."""
        return self._fd

    def __call__(self, event: Event) -> None:
        """Append an event. A full disk must not stop a container, so failures are ignored."""
        if self._fd >= 0:
            self._waiting.append(dumps(to_json(event)) + "\n")
            self.flush()

    def flush(self) -> None:
        """Append what waits: before a fork, for the child would write it once more, and before
        a process waits for long, or ends.
        """
        lines, self._waiting = self._waiting, []
        if lines:
            try:
                os.write(self._fd, "".join(lines).encode())
            except OSError:
                pass

    def close(self) -> None:
        """Append what waits, and close the file."""
        self.flush()
        if self._fd >= 0:
            os.close(self._fd)

    def step(self, number: int, detail: str = "") -> StepTimer:
        """A context that records ``StepFinished`` when it is left, with the error if any."""
        return StepTimer(self, number, detail)

    def observe(
        self, call: str, arguments: tuple[str, ...], result: int, errno: int, seconds: float
    ) -> None:
        """Append a ``Syscall``, of which a container has hundreds: without making the event."""
        self._waiting.append(
            f'{{"event": "Syscall", "time": {time.time()!r}, '
            f'"container": {quoted(self.container)}, "call": {quoted(call)}, '
            f'"arguments": [{", ".join(map(quoted, arguments))}], "result": {result}, '
            f'"errno": {errno}, "seconds": {seconds!r}, "field": {quoted(self.field)}, '
            f'"process": {quoted(self.process)}}}\n'
        )
        if call == "execve":
            self.flush()


class StepTimer:
    """Times one step of the lifecycle; ``detail`` may be changed until it ends."""

    def __init__(self, recording: Recording, number: int, detail: str) -> None:
        self._recording = recording
        self._number = number
        self.detail = detail

    def __enter__(self) -> StepTimer:
        self._started = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._recording(
            StepFinished(
                container=self._recording.container,
                number=self._number,
                detail=self.detail,
                seconds=time.perf_counter() - self._started,
                error=str(error) if error else "",
            )
        )
