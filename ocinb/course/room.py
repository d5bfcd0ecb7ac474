"""The room of a lesson: directories, a registry, and an image, all gone when the lesson ends."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ocinb.build.demo import demo_image
from ocinb.content.store import Store
from ocinb.course.needs import missing
from ocinb.course.progress import VARIABLE as PROGRESS
from ocinb.distribution.client import Client
from ocinb.distribution.push import push
from ocinb.engine.engine import Engine
from ocinb.engine.removal import remove_files
from ocinb.engine.repair import repair_networks
from ocinb.errors import OcinbError
from ocinb.linux.processes import alive, start_time
from ocinb.local_registry import Registry
from ocinb.settings import Settings
from ocinb.spec.reference import Reference
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from ocinb.course.shelf import Lesson

PREFIX = "ocinb-room-"
NEED_COLUMNS = columns("cell needs here why")
"""``here``: ``live`` or ``recorded``; ``why`` it is not live."""
_OWNER = "owner.json"
_ROOTS = ("OCINB_ROOT", "OCINB_RUN_ROOT")


class Room:
    """A lesson that is on.

    While it is, the environment of this process names its directories, so that ``import ocinb``
    and programs that are started find the same images and containers.

    Args:
        lesson: the lesson.
        settings: as they were before.

    Raises:
        UnsupportedHost, StorageError: the demo image cannot be made here; nothing is left.

    Attributes:
        lesson: the lesson.
        directory: the reader's to write in; it is removed at the end.
        settings: those of the lesson.
        registry: on this machine, with the demo image.
        image: the demo image's name there.
    """

    def __init__(self, lesson: Lesson, settings: Settings) -> None:
        sweep()
        self.lesson = lesson
        self.directory = Path(tempfile.mkdtemp(prefix=PREFIX))
        owner = {"pid": os.getpid(), "started": start_time(os.getpid())}
        (self.directory / _OWNER).write_text(json.dumps(owner), encoding="ascii")
        self.settings = _settings(self.directory, settings)
        self._before = {name: os.environ.get(name) for name in (*_ROOTS, PROGRESS)}
        os.environ[_ROOTS[0]] = str(self.settings.root)
        os.environ[_ROOTS[1]] = str(self.settings.run_root)
        os.environ.setdefault(PROGRESS, str(settings.root / "course.json"))
        self._open = True
        atexit.register(self.end)
        try:
            self.registry = Registry(self.directory / "registry")
            self.image = f"{self.registry.address}/demo:1.0"
            kitchen = Store(self.directory / "kitchen")
            push(Client(), kitchen, demo_image(kitchen), Reference.parse(self.image))
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """Remove containers, mounts, registry and directories; no error where that was done."""
        if not self._open:
            return
        self._open = False
        atexit.unregister(self.end)
        with contextlib.suppress(AttributeError):  # it did not come up
            self.registry.close()
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        _remove(self.directory, self.settings)

    def __repr__(self) -> str:
        return f"<Lesson {self.lesson.number}: {self.image}, {self.directory}>"


def needs_table(lesson: Lesson, engine: Engine) -> Table:
    """What cells of a lesson need, and whether they are live on this machine."""
    rows = []
    for cell in lesson.live_cells():
        why = missing(cell.needs, engine)
        rows.append((cell.name, ", ".join(cell.needs), "recorded" if why else "live", why))
    return Table(NEED_COLUMNS, rows, title=f"lesson {lesson.number} on this machine", wrap=True)


def sweep() -> None:
    """Remove the rooms of notebooks that were killed."""
    for directory in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            found = directory.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
                continue
            owner = json.loads((directory / _OWNER).read_text(encoding="ascii"))
            if not alive(owner["pid"], owner["started"]):
                _remove(directory, _settings(directory, Settings.from_environment()))


def _settings(directory: Path, before: Settings) -> Settings:
    return Settings(**dict(before) | {"root": directory / "root", "run_root": directory / "run"})


def _remove(directory: Path, settings: Settings) -> None:
    engine = Engine(settings)
    for record in engine.containers.all():
        with contextlib.suppress(OcinbError):
            engine.containers.delete(record.id, True)
    for mount in engine.mounts.list():
        with contextlib.suppress(OcinbError):
            engine.mounts.undo(mount, lazy=True)
    with contextlib.suppress(OcinbError):
        repair_networks(engine)  # of bundles that no engine ran
    for network in engine.networks:
        with contextlib.suppress(OcinbError):
            engine.networks.remove(network.name)
    with contextlib.suppress(OcinbError, OSError):  # the next lesson tries again
        remove_files(directory)
