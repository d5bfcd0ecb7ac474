"""A container as a person holds it: its states, its trace, its log, and what can be done to it."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocinb.bundle.options import ContainerOptions
from ocinb.bundle.validate import read_config
from ocinb.engine.container_files import ContainerFiles
from ocinb.engine.engine import Finished
from ocinb.errors import ContainerNotFound
from ocinb.events import Mounted
from ocinb.insight.comparison import compare_runs
from ocinb.insight.components import components_table
from ocinb.insight.isolation import ended, isolation_table
from ocinb.insight.limits import limits_table
from ocinb.trace import lifecycle, step_calls, trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from ocinb.engine.connection import OutputCallback
    from ocinb.engine.containers import ContainerRecord
    from ocinb.engine.engine import Engine
    from ocinb.engine.images import LocalImage
    from ocinb.events import Event
    from ocinb.table import Table

LOG_KEPT = 1_000_000
"""Bytes of output that are remembered of a container whose record was not kept."""


class Container:
    """A container, running or ended.

    Attributes:
        id: for the OCI runtime; unique.
        name: for people.
        image: the whole name of its image.
        exit_status: of its program, as a shell has it; None while it runs.
    """

    def __init__(
        self,
        engine: Engine,
        id: str,
        *,
        name: str,
        image: str,
        exit_status: int | None = None,
        events: Sequence[Event] | None = None,
        output: bytes = b"",
    ) -> None:
        self._engine = engine
        self._events = events
        self._output = output
        self.id = id
        self.name = name
        self.image = image
        self.exit_status = exit_status

    @classmethod
    def find(cls, engine: Engine, name: str) -> Container:
        """A container by its name, its id, or the beginning of its id.

        Raises:
            ContainerNotFound: there is none.
        """
        record = engine.containers.get(name)
        return cls(
            engine,
            record.id,
            name=record.name,
            image=record.image,
            exit_status=record.exit_status,
        )

    @classmethod
    def run(
        cls,
        engine: Engine,
        image: str | LocalImage,
        *args: str,
        options: ContainerOptions | None = None,
        name: str | None = None,
        detach: bool = False,
        keep: bool = False,
        output: OutputCallback | None = None,
        stdin: int | bytes | None = None,
        **wishes: Any,
    ) -> Container:
        """Run a container and wait for it, unless it is detached.

        Args:
            args: the command, in place of the image's.
            options: all wishes at once, in place of ``args`` and ``wishes``.
            name: of the container.
            detach: return as soon as the program runs.
            keep: whether its record stays until ``delete``.
            output: given chunks of output and the stream's number; if not given, they are
                written to ``sys.stdout`` and ``sys.stderr``.
            stdin: bytes, or a descriptor.
            wishes: fields of ``bundle.options.ContainerOptions``, as in ``env=["A=1"]``.

        Raises:
            OcinbError: it could not be run.
            KeyboardInterrupt: Ctrl-C was pressed; the program was told, has ended, and all of it
                is cleaned up.
        """
        kept = bytearray()

        def take(data: bytes, stream: int) -> None:
            kept.extend(data[: LOG_KEPT - len(kept)])
            (output or write_here)(data, stream)

        done = engine.run(
            image,
            options or ContainerOptions(args=list(args) or None, **wishes),
            name=name,
            detach=detach,
            output=None if detach else take,
            stdin=stdin,
            keep=keep or detach,
        )
        if isinstance(done, Finished) and done.interrupted:
            raise KeyboardInterrupt
        whole = image if isinstance(image, str) else image.name
        return cls.of(engine, done, whole, kept=keep or detach, name=name, output=bytes(kept))

    @classmethod
    def of(
        cls,
        engine: Engine,
        done: Finished | ContainerRecord,
        image: str,
        *,
        kept: bool,
        name: str | None = None,
        output: bytes = b"",
    ) -> Container:
        """The container of what ``Engine.run`` returned.

        Args:
            kept: whether its record is still there.
            output: what it has written, where nothing was kept.
        """
        id = done.container if isinstance(done, Finished) else done.id
        if not isinstance(done, Finished):
            return cls(engine, id, name=done.name, image=done.image, exit_status=done.exit_status)
        if kept:
            return cls.find(engine, id)
        return cls(
            engine,
            id,
            name=name or id,
            image=image,
            exit_status=done.exit_status,
            events=done.events,
            output=output,
        )

    @property
    def status(self) -> str:
        """As in runtime-spec runtime.md#state, at this moment; ``deleted`` where it is no more."""
        if self._events is not None:
            return "deleted"
        try:
            return self._engine.containers.get(self.id).status
        except ContainerNotFound:  # somebody else has removed it
            return "deleted"

    @property
    def state(self) -> dict[str, Any]:
        """The state document. Spec: runtime-spec runtime.md#state

        Raises:
            ContainerNotFound: it is no more.
        """
        return self._engine.containers.state(self.id).document()

    @property
    def events(self) -> list[Event]:
        """Everything that was recorded of it, in order."""
        if self._events is not None:
            return list(self._events)
        return self._engine.containers.events(self.id)

    @property
    def states(self) -> pd.DataFrame:
        """The lifecycle: thirteen steps, with status, time and duration of those reached."""
        return self.lifecycle_table().to_frame()

    @property
    def trace(self) -> pd.DataFrame:
        """Every step, system call, hook and state, in order."""
        return self.trace_table().to_frame()

    @property
    def namespaces(self) -> pd.DataFrame:
        """Namespaces and mounts beside the host's, while it runs; see ``insight.isolation``."""
        return self.isolation_table().to_frame()

    @property
    def limits(self) -> pd.DataFrame:
        """Limits beside what is used now, while it runs; see ``insight.limits``."""
        return self.limits_table().to_frame()

    def compare(self, other: Container) -> pd.DataFrame:
        """Its run beside that of another; see ``insight.comparison``."""
        return self.compare_table(other).to_frame()

    @property
    def logs(self) -> str:
        """What it has written so far, to both streams."""
        if self._events is not None:
            return self._output.decode(errors="replace")
        chunks = self._engine.containers.logs(self.id)
        return b"".join(chunk.data for chunk in chunks).decode(errors="replace")

    def kill(self, signal: str | int = "TERM") -> None:
        """Send a signal to its first process.

        Raises:
            InvalidStatus: it has ended. CommandError: there is no such signal.
        """
        self._engine.containers.kill(self.id, signal)

    def delete(self, *, force: bool = False) -> None:
        """Remove it; ``force`` ends it first.

        Raises:
            InvalidStatus: it runs, and ``force`` was not given.
        """
        if self._events is None:
            events = self.events
            self._engine.containers.delete(self.id, force)
            self._events = events

    def lifecycle_table(self) -> Table:
        """``states`` as a plain table."""
        table = lifecycle(self.events, self.id)
        table.title = f"lifecycle of {self.name}"
        return table

    def step_table(self, number: int) -> Table:
        """The system calls and hooks of one step of the lifecycle, 1 to 13, in order.

        Raises:
            CommandError: the step was not reached.
        """
        return step_calls(self.events, self.id, number)

    def trace_table(self) -> Table:
        """``trace`` as a plain table."""
        table = trace(self.events, self.id)
        table.title = f"trace of {self.name}"
        return table

    def isolation_table(self) -> Table:
        """``namespaces`` as a plain table.

        Raises:
            InvalidStatus: it has ended.
        """
        return isolation_table(self._pid(), self.name)

    def limits_table(self) -> Table:
        """``limits`` as a plain table.

        Raises:
            InvalidStatus: it has ended. UnsupportedHost: nothing is counted here.
        """
        return limits_table(self._pid(), self.name)

    def components_table(self) -> Table:
        """What took part in its run, from the orchestrators to the kernel."""
        mounted = [event.kind for event in self.events if isinstance(event, Mounted)]
        mount = mounted[-1] if mounted else ""
        return components_table(self._engine.containers.get(self.id), self._config(), mount)

    def compare_table(self, other: Container) -> Table:
        """``compare`` as a plain table.

        Raises:
            ContainerNotFound: one of them is no more. BundleError: its config.json is gone.
        """
        return compare_runs(
            (self._facts(), other._facts()),
            (self.lifecycle_table(), other.lifecycle_table()),
            (self._config(), other._config()),
            (self.name, other.name),
        )

    def _pid(self) -> int:
        pid = self._engine.containers.get(self.id).pid if self._events is None else 0
        if not pid:
            raise ended(self.name)
        return pid

    def _facts(self) -> dict[str, str]:
        record = self._engine.containers.get(self.id)
        status = "" if record.exit_status is None else f", exit status {record.exit_status}"
        return {
            "image": record.image,
            "runtime": record.runtime,
            "command": shlex.join(record.command),
            "status": f"{record.status}{status}",
        }

    def _config(self) -> Any:
        files = ContainerFiles(str(self._engine.settings.containers / self.id))
        return read_config(Path(files.bundle))

    def __repr__(self) -> str:
        how = "" if self.exit_status is None else f", exit status {self.exit_status}"
        return f"<Container {self.name}: {self.status}{how}>"


def write_here(data: bytes, stream: int) -> None:
    """Pass a container's output on to where this Python writes; in a notebook: the cell."""
    target = sys.stdout if stream == 1 else sys.stderr
    target.write(data.decode(errors="replace"))
    target.flush()
