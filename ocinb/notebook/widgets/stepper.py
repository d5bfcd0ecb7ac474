"""The lifecycle stepper: a button for each step of the specification, and what the step changed."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

from traitlets import Bool, Dict, Int, List, Unicode

from ocinb.errors import OcinbError
from ocinb.notebook.diagrams.lifecycle_line import lifecycle_line
from ocinb.notebook.widgets.base import PictureWidget, in_words, plain
from ocinb.notebook.widgets.stepping import Walk
from ocinb.spec.lifecycle import STEPS
from ocinb.table import one_line
from ocinb.trace import lifecycle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ocinb.image import Image
    from ocinb.notebook.diagrams.diagram import Diagram


class LifecycleStepper(PictureWidget):
    """Take a container through its life, one step at a time.

    Args:
        image: of the store.
        args: the container's command, in place of the image's.

    Attributes:
        position: number of the step that comes next; 14 at the end.
        status: the container's; empty where there is none.
        busy: a step is being taken.
        state: the runtime's state document.
    """

    name = "stepper"

    position = Int(1).tag(sync=True)
    status = Unicode("").tag(sync=True)
    busy = Bool(False).tag(sync=True)
    state = Dict().tag(sync=True)

    title = Unicode("").tag(sync=True)
    next = Unicode("").tag(sync=True)
    steps = List(Dict()).tag(sync=True)
    changes: List[Any] = List().tag(sync=True)
    calls: List[Any] = List().tag(sync=True)
    processes: List[Any] = List().tag(sync=True)
    namespaces: List[Any] = List().tag(sync=True)
    mounts: List[Any] = List().tag(sync=True)
    output = Unicode("").tag(sync=True)
    remark = Unicode("").tag(sync=True)

    def __init__(self, image: Image, *args: str) -> None:
        self._image = image
        self._args = args
        self._taking = threading.Lock()
        self._thread: threading.Thread | None = None
        self._walk = self._begin()
        super().__init__(title=f"lifecycle of {image.name}", next="create", steps=self._steps())

    def advance(self) -> None:
        """Take the next step, and wait for it.

        Raises:
            StepFailed: the runtime could not; the container is undone then.
            InvalidStatus: there is no next step.
        """
        with self._painted(), self._taking:
            self.busy = True
            self.problem = ""
            try:
                self._walk.advance()
            finally:
                self._show()

    def restart(self) -> None:
        """Undo the container, wherever it stands, and begin with another one."""
        with self._painted(), self._taking:
            self.busy = True
            self.problem = ""
            self._walk.close()
            try:
                self._walk = self._begin()
            finally:
                self._show()

    def picture(self) -> Diagram:
        """The time line of the steps that were taken."""
        table = lifecycle(self._walk.events, self._walk.id)
        table.title = self.title or f"lifecycle of {self._image.name}"
        return lifecycle_line(table)

    def close(self) -> None:
        """See ``Widget.close``; the container is undone, wherever it stands."""
        if not self.closed:
            self._walk.close()
            if self._thread is not None and self._thread is not threading.current_thread():
                self._thread.join()
            super().close()

    def ask_advance(self) -> None:
        """The page's button."""
        self._in_background(self.advance)

    def ask_restart(self) -> None:
        """The page's other button."""
        self._in_background(self.restart)

    def _begin(self) -> Walk:
        return Walk(self._image._engine, self._image.local, self._args)

    def _in_background(self, call: Any) -> None:
        """The kernel must stay free for other cells while a hook takes its time."""

        def work() -> None:
            try:
                call()
            except OcinbError as error:
                self.problem = in_words(error)

        if not self._taking.locked():
            self._thread = threading.Thread(target=work, name="ocinb stepper", daemon=True)
            self._thread.start()

    def _show(self) -> None:
        if self.closed:
            return
        walk = self._walk
        with self.hold_sync():
            self.position, self.status, self.next = walk.position, walk.status, walk.next
            self.state = dict(walk.snapshot.state)
            self.steps = self._steps()
            self.changes, self.calls = walk.changes, walk.calls
            self.processes = [list(row) for row in walk.snapshot.processes]
            self.namespaces = [list(row) for row in walk.snapshot.namespaces]
            self.mounts = [list(row) for row in walk.snapshot.mounts]
            self.output, self.remark = plain(walk.output), walk.remark
            self.busy = False

    @contextlib.contextmanager
    def _painted(self) -> Iterator[None]:
        """Bring the picture up to date afterwards.

        Not while a step counts as being taken: it takes a moment, in which the page's button
        could be pressed already, and would be ignored.
        """
        try:
            yield
        finally:
            self.repaint()

    def _steps(self) -> list[dict[str, Any]]:
        finished, position = self._walk.finished(), self._walk.position
        rows = []
        for step in STEPS:
            event = finished.get(step.number)
            done = step.number < position
            rows.append(
                {
                    "number": step.number,
                    "title": step.title,
                    "actor": step.actor,
                    "operation": step.operation,
                    "hook": step.is_hook,
                    "done": done or event is not None,
                    "seconds": event.seconds if event else None,
                    "detail": one_line(event.detail) if event else "",
                    "error": one_line(event.error) if event else "",
                }
            )
        return rows
