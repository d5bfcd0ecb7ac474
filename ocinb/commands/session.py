"""What a door gives to every command: settings, recorder, engine, and where output goes."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, Protocol

from ocinb.events import Recorder
from ocinb.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocinb.course.room import Room
    from ocinb.engine.engine import Engine
    from ocinb.layer.glance import Glance

    Output = Callable[[bytes, int], None]


class Reader(Protocol):
    """The Python in which somebody writes."""

    def names(self) -> dict[str, Any]:
        """The variables."""

    def value(self, code: str) -> Any:
        """Run code as if it had been typed; the value of its last line."""


class LastError(Protocol):
    """What ``explain`` and ``debug`` ask, of whichever door the person came by."""

    def at_length(self) -> str:
        """What is known of it, in words."""

    def traceback(self) -> str:
        """As Python shows it."""


class Session:
    """The context object of every command (``click.Context.obj``).

    Args:
        settings: directories and defaults; from the environment if not given.
        recorder: keeps the events of everything this session does.
        output: takes bytes of an attached container and the number of their stream (1, 2);
            None: the container has standard input and outputs of this process.
        hush: see below.

    Attributes:
        hush: set by a command that was told ``--quiet``: the door shows no progress until it is
            over. Sessions that are made from this one share it.
        remote_tags: tags of repositories that were listed, by familiar name; for completion.
        glances: files of images that were looked at, by the last layer's chainID; for completion.
        errors: knows the last error, for ``explain`` and ``debug``; None: nobody keeps it.
        room: of the lesson that is on.
        outside: the settings when no lesson is on.
        reader: the notebook's own Python; None in a shell.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        recorder: Recorder | None = None,
        output: Output | None = None,
        hush: Event | None = None,
    ) -> None:
        self.settings = settings or Settings.from_environment()
        self.recorder = recorder or Recorder()
        self.output = output
        self.hush = hush or Event()
        self.remote_tags: dict[str, tuple[str, ...]] = {}
        self.glances: dict[str, Glance] = {}
        self.errors: LastError | None = None
        self.room: Room | None = None
        self.outside = self.settings
        self.reader: Reader | None = None

    @cached_property
    def engine(self) -> Engine:
        """Made when a command first needs it: many do not."""
        from ocinb.engine.engine import Engine

        return Engine(self.settings, self.recorder)

    def move(self, settings: Settings) -> None:
        """Go on in other directories; what was heard so far is kept."""
        if settings != self.settings:
            self.settings = settings
            self.__dict__.pop("engine", None)
            self.glances.clear()

    def at(self, root: str | None, run_root: str | None) -> Session:
        """This session, or another one with the same recorder for other directories."""
        if not root and not run_root:
            return self
        values: dict[str, Any] = dict(self.settings)
        if root:
            values["root"] = Path(root).absolute()
        if run_root:
            values["run_root"] = Path(run_root).absolute()
        other = Session(Settings(**values), self.recorder, self.output, self.hush)
        other.errors = self.errors
        return other
