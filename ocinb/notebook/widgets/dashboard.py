"""The dashboard: the containers of this user while they live, and what can be done to them."""

from __future__ import annotations

import shlex
import threading
import time
from typing import TYPE_CHECKING, Any

from traitlets import Dict, List, Unicode, observe

from ocinb.engine.joining import FurtherProcess
from ocinb.engine.observing import usage
from ocinb.errors import CommandError, OcinbError
from ocinb.frozen import Frozen
from ocinb.notebook.widgets.base import Repeated, Widget, in_words, plain
from ocinb.spec.runtime_state import PAUSED, RUNNING
from ocinb.table import one_line

if TYPE_CHECKING:
    from ocinb.engine.containers import ContainerRecord
    from ocinb.engine.engine import Engine

PERIOD = 1.0
"""Seconds between two looks."""
KEPT = 60
"""Looks that the little curves show."""
HISTORY_EVERY = 15
"""Looks after which the model has the curves anew; in between a page draws on by itself."""
LOG_SHOWN = 16_000
"""Bytes of a log, its end."""
ENDED_SHOWN = 20
"""Containers that have ended and are still listed, the latest."""
EXEC_SECONDS = 5.0
"""Seconds after which the page is told what there is so far."""


class _Look(Frozen):
    """What was counted of a container."""

    time: float
    cpu: float  # seconds


class Dashboard(Widget):
    """Watch the containers.

    Args:
        engine: whose they are.

    Attributes:
        containers: name, status, image, command, pid, exit status, processor (share of one),
            memory and its limit (bytes; None: not counted).
        selected: the name of the one whose output is shown; empty: none.
        log: the end of its output.
    """

    name = "dashboard"

    containers = List(Dict()).tag(sync=True)
    history = Dict().tag(sync=True)
    selected = Unicode("").tag(sync=True)
    log = Unicode("").tag(sync=True)
    said = Dict().tag(sync=True)

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._looks: dict[str, _Look] = {}
        self._past: dict[str, list[list[float | None]]] = {}
        self._count = 0
        self._was_seen = False
        super().__init__(_view_count=0)
        self.look()
        self._thread = Repeated(self._look_again, PERIOD)

    def look(self) -> None:
        """See how things stand, now."""
        records = self._engine.containers.all()
        alive = [record for record in records if record.status in (RUNNING, PAUSED, "created")]
        ended = [record for record in records if record not in alive][-ENDED_SHOWN:]
        shown = [self._row(record) for record in [*alive, *ended]]
        names = {row["name"] for row in shown}
        self._past = {
            row["name"]: [*self._past.get(row["name"], []), [row["cpu"], row["memory"]]][-KEPT:]
            for row in shown
            if row["memory"] is not None
        }
        before = [(row["name"], row["status"]) for row in self.containers]
        with self.hold_sync():
            self.containers = shown
            if self._count % HISTORY_EVERY == 0:
                self.history = self._past
            if self.selected and self.selected not in names:
                self.selected = ""
        self._read_log(None)
        if before != [(row["name"], row["status"]) for row in shown]:
            self.repaint()
        self._count += 1

    def close(self) -> None:
        """See ``Widget.close``."""
        if not self.closed:
            self._thread.stop()
            self._view_count = None  # views that go would count down on a channel that is closed
            super().close()

    def forms(self) -> dict[str, Any]:
        """The listing as it is now."""
        from ocinb.notebook.tables import html_table
        from ocinb.table import aligned

        kinds = {
            "name": "text", "status": "text", "exit_status": "int", "image": "text",
            "command": "text", "memory": "memory",
        }  # fmt: skip
        rows = [tuple(row[name] for name in kinds) for row in self.containers]
        return {
            "text/html": html_table(kinds, rows, note=f"{len(rows)} containers"),
            "text/plain": aligned(kinds, rows),
        }

    def ask_do(self, what: str, container: str) -> None:
        """A button of the page: kill, pause, unpause, remove."""
        engine, name = self._engine, str(container)
        actions: dict[str, Any] = {
            "kill": lambda: engine.containers.kill(name, "KILL"),
            "term": lambda: engine.containers.kill(name, "TERM"),
            "pause": lambda: engine.containers.pause(name),
            "unpause": lambda: engine.containers.unpause(name),
            "start": lambda: engine.containers.start(name),
            "remove": lambda: engine.containers.delete(name),
        }
        action = actions.get(str(what))
        if action is None:
            raise CommandError(f"{what!r} is nothing that the dashboard does")
        action()
        self.look()

    def ask_exec(self, container: str, command: str) -> dict[str, Any]:
        """A command of the page in a container: its output, and its exit status."""
        try:
            words = shlex.split(str(command))
        except ValueError as error:
            raise CommandError(f"{command!r}: {str(error).lower()}") from error
        if not words:
            raise CommandError("there is no command")
        name, kept = str(container), bytearray()

        def take(data: bytes, _stream: int) -> None:
            kept.extend(data)
            del kept[:-LOG_SHOWN]

        status: int | None = None
        failed: list[OcinbError] = []

        def work() -> None:
            nonlocal status
            try:
                ended = self._engine.containers.exec(name, FurtherProcess(args=words), output=take)
                status = ended.exit_status if ended is not None else None
            except OcinbError as error:
                failed.append(error)

        # The kernel must be free again soon, whatever the command does.
        thread = threading.Thread(target=work, name="ocinb dashboard", daemon=True)
        thread.start()
        thread.join(EXEC_SECONDS)
        if failed:
            raise failed[0]
        self.said = {
            "container": name,
            "command": one_line(command),
            "output": plain(bytes(kept)),
            "status": status,
            "goes_on": thread.is_alive(),
        }
        return dict(self.said)

    def _look_again(self) -> None:
        self._was_seen = self._was_seen or bool(self._view_count)
        if self._was_seen and not self._view_count:
            return  # nobody looks any more
        try:
            self.look()
            self.problem = ""
        except OcinbError as error:
            self.problem = in_words(error)

    def _row(self, record: ContainerRecord) -> dict[str, Any]:
        cpu = memory = limit = None
        if record.status in (RUNNING, PAUSED):
            try:
                used = usage(record)
            except OcinbError:
                pass  # it has just ended, or nobody counts: the listing says so by its dashes
            else:
                now, last = time.monotonic(), self._looks.get(record.id)
                self._looks[record.id] = _Look(time=now, cpu=used.cpu)
                if last is not None and now > last.time:
                    cpu = round(max(0.0, (used.cpu - last.cpu) / (now - last.time)), 3)
                memory, limit = used.memory, used.memory_limit
        return {
            "name": one_line(record.name),
            "status": record.status,
            "image": one_line(record.image),
            "command": one_line(shlex.join(record.command or ())),
            "pid": record.pid,
            "exit_status": record.exit_status,
            "cpu": cpu,
            "memory": memory,
            "limit": limit,
        }

    @observe("selected")
    def _read_log(self, _change: Any) -> None:
        if not self.selected:
            self.log = ""
            return
        kept = bytearray()
        try:
            for chunk in self._engine.containers.logs(self.selected, tail=400):
                kept += chunk.data
                del kept[:-LOG_SHOWN]
        except OcinbError as error:
            self.log = error.message
            return
        self.log = plain(bytes(kept))
