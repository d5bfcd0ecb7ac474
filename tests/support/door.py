"""The command tree as a door uses it, in directories of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ocinb.commands import tree
from ocinb.commands.session import Session
from ocinb.settings import Settings


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
