"""The last error at length: what kind it is, what led to it, the rule that was broken, its place.

A notebook holds the error itself; a shell's next command finds what the last one kept in a file.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import re
import time
import traceback
from typing import TYPE_CHECKING, Any

from ocinb.commands.tree import as_typed
from ocinb.errors import OcinbError, StorageError
from ocinb.private_directory import private_directory
from ocinb.table import human_duration, one_line
from ocinb.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ocinb.settings import Settings

NONE_YET = "no error yet"

_FILE = "last-error.json"
_TOLD = frozenset({"message", "hint", "citation"})
_FIELDS = frozenset(
    {
        "kind",
        "message",
        "about",
        "fields",
        "hint",
        "causes",
        "citation",
        "place",
        "traceback",
        "time",
    }
)


class KeptError:
    """The last error of this user's commands in shells.

    Args:
        settings: the file lies where state lies that lasts until reboot.
    """

    def __init__(self, settings: Settings) -> None:
        self._directory = settings.run_root

    def keep(self, error: BaseException) -> None:
        """Write it down for the next command; where that cannot be, nothing is kept."""
        document = {**record(error), "time": time.time()}
        with contextlib.suppress(OSError, StorageError):
            private_directory(self._directory)
            write_whole(self._directory / _FILE, json.dumps(document))

    def at_length(self) -> str:
        """See ``session.LastError``."""
        kept = self._read()
        if kept is None:
            return NONE_YET
        ago = human_duration(max(time.time() - kept["time"], 0.0))
        return "\n".join([f"{ago} ago:", *in_words(kept, "ocinb")])

    def traceback(self) -> str:
        """See ``session.LastError``."""
        kept = self._read()
        return NONE_YET if kept is None else str(kept["traceback"])

    def _read(self) -> dict[str, Any] | None:
        try:
            kept = json.loads((self._directory / _FILE).read_bytes())
        except (OSError, ValueError):
            return None
        # Of another version: nothing can be told of it.
        return kept if isinstance(kept, dict) and kept.keys() >= _FIELDS else None


def record(error: BaseException) -> dict[str, Any]:
    """All that is told of an error, as JSON values."""
    kind = type(error)
    causes, cause = [], error.__cause__ or error.__context__
    while cause is not None:
        causes.append([type(cause).__name__, one_line(str(cause))])
        cause = cause.__cause__ or cause.__context__
    places = traceback.extract_tb(error.__traceback__)
    ours = isinstance(error, OcinbError)
    return {
        "kind": kind.__name__,
        "message": one_line(error.message if isinstance(error, OcinbError) else str(error)),
        "about": " ".join((inspect.getdoc(kind) or "").partition("Attributes:")[0].split())
        if ours
        else "a fault of ocinb's own",
        "fields": [
            [name, one_line(str(value))]
            for name, value in vars(error).items()
            if ours and name not in _TOLD and value not in (None, (), "")
        ],
        "hint": getattr(error, "hint", None) if ours else None,
        "causes": causes,
        "citation": getattr(error, "citation", None) if ours else None,
        "place": f"{places[-1].filename}:{places[-1].lineno}, {places[-1].name}" if places else "",
        "traceback": "".join(traceback.format_exception(error)),
    }


def in_words(kept: dict[str, Any], program: str) -> Iterator[str]:
    """The lines of ``explain``.

    Args:
        kept: see ``record``.
        program: what a person types before a command.
    """
    yield f"{kept['kind']}: {kept['message']}"
    yield f"  {kept['about']}"
    for name, value in kept["fields"]:
        yield f"  {name}: {value}"
    if kept["hint"]:
        yield f"what to do: {one_line(as_typed(kept['hint'], program))}"
    for name, message in kept["causes"]:
        yield f"because of {name}: {message}"
    if kept["citation"]:
        yield f"the rule: {kept['citation']}"
        yield from _rule(kept["citation"])
    if kept["place"]:
        yield f"raised in {kept['place']}"
    yield f"{program} debug shows the traceback".lstrip()


def _rule(citation: str) -> Iterator[str]:
    """The address of the section, and what implements it."""
    from ocinb.insight.where import where

    section = re.match(r"\S+ \S+#\S+", citation)
    try:
        rows = where(section[0]).rows if section else []
    except OcinbError:
        return  # a section that no docstring names
    if rows:
        yield f"  {rows[0][4]}"
    for row in rows:
        yield f"  {row[1]} {row[2]}".rstrip()
