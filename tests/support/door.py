"""The command tree as a door uses it, in directories of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ocinb.commands import tree
from ocinb.commands.session import Session
from ocinb.settings import Settings
from tests.support.leftovers import clear, leftovers


class Door:
    """Runs commands by their words; collects what containers write."""

    def __init__(self, root: Path, **more: Any) -> None:
        self.written = bytearray()
        settings = Settings(root=root / "root", run_root=root / "run", **more)
        self.session = Session(settings, output=lambda data, _: self.written.extend(data))

    def __call__(self, *words: object, script: str | None = None) -> Any:
        return tree.call([*map(str, words)], self.session, script=script)

    def output(self) -> str:
        text = self.written.decode()
        self.written.clear()
        return text


@contextmanager
def open_door(root: Path) -> Iterator[Door]:
    """A door whose containers are removed when the block is left; nothing else may be left."""
    door = Door(root)
    yield door
    for name in door("ps", "--all", "--quiet"):
        door("rm", "--force", name)
    left = leftovers(root)
    clear(root)
    assert left == []
