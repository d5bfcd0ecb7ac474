"""Cells of lessons that run where they can: run, recorded, or shown as they were recorded."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocinb.course import recording
from ocinb.course.recording import PICTURE, STREAM, TABLE, TEXT, Part
from ocinb.course.words import language, words
from ocinb.notebook.diagrams.diagram import Diagram
from ocinb.notebook.diagrams.draw import drawn
from ocinb.notebook.reader import NotebookReader
from ocinb.table import TIMES, WHOLE, Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ocinb.commands.values import Live

_MARK = words("Recorded", "录制")
_NOTE = words(
    "{date}, {machine}. Not live here: {why}.", "{date}，{machine}。在这里无法实时运行：{why}。"
)
_BOX = (
    "border-left:4px solid #b26a00;padding:.3em .8em;margin:.2em 0;"
    "background:rgba(178,106,0,.12);font-size:13px"
)


def show(shell: Any, live: Live) -> None:
    """Run the cell, or show its recording.

    Raises:
        StorageError: there is no recording of it.
    """
    if live.why:
        _replay(shell, live)
        return
    directory = os.environ.get(recording.VARIABLE)
    if not directory:
        _run(shell, live.body)
        return
    with _tape(shell) as parts:
        _run(shell, live.body)
    names: dict[str, Any] = {name: _plain(shell.user_ns[name]) for name in live.keep}
    made = recording.here(live.body, parts, names)
    recording.write(made, Path(directory, *live.recording.parts[-2:]))


def _run(shell: Any, body: str) -> None:
    value = NotebookReader(shell).run(body)
    if value is not None and not body.rstrip().endswith(";"):
        _display(shell, value)


def _replay(shell: Any, live: Live) -> None:
    shown = recording.read(live.recording)
    spoken = language()
    date = datetime.fromtimestamp(shown.made, UTC).strftime("%Y-%m-%d")
    mark = _MARK[spoken]
    note = _NOTE[spoken].format(date=date, machine=shown.machine, why=live.why)
    html = f'<div role="note" style="{_BOX}"><strong>{mark}</strong> · {escape(note)}</div>'
    shell.display_pub.publish({"text/html": html, "text/plain": f"[{mark} · {note}]"})
    for part in shown.parts:
        _show(shell, part)
    shell.user_ns.update(shown.names)


def _show(shell: Any, part: Part) -> None:
    if part.kind == STREAM:
        sys.stdout.write(part.text)
    elif part.kind == TEXT:
        shell.display_pub.publish({"text/plain": part.text})
    elif part.table is not None:
        picture = part.kind == PICTURE
        _display(shell, drawn(part.text, part.table) if picture else part.table.to_frame())


def _display(shell: Any, value: Any) -> None:
    shell.display_pub.publish(*shell.display_formatter.format(value))


@contextlib.contextmanager
def _tape(shell: Any) -> Iterator[list[Part]]:
    """Keep what is shown meanwhile, in its order; it is shown all the same."""
    parts: list[Part] = []
    formatter = shell.display_formatter
    format_as_ever, out, err = formatter.format, sys.stdout, sys.stderr

    def keep(value: Any, *args: Any, **options: Any) -> Any:
        parts.append(_part(value))
        return format_as_ever(value, *args, **options)

    formatter.format = keep
    sys.stdout, sys.stderr = _Tee(out, parts), _Tee(err, parts)
    try:
        yield parts
    finally:
        formatter.format, sys.stdout, sys.stderr = format_as_ever, out, err


class _Tee:
    """A stream that keeps what passes."""

    def __init__(self, stream: Any, parts: list[Part]) -> None:
        self._stream = stream
        self._parts = parts

    def write(self, text: str) -> int:
        """Pass it on, and keep it with what came before it."""
        if self._parts and self._parts[-1].kind == STREAM:
            text_before = self._parts.pop().text
            self._parts.append(Part(kind=STREAM, text=text_before + text))
        else:
            self._parts.append(Part(kind=STREAM, text=text))
        written: int = self._stream.write(text)
        return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _part(value: Any) -> Part:
    if isinstance(value, Diagram):
        return Part(kind=PICTURE, text=value.kind, table=value.data)
    if isinstance(value, Table):
        return Part(kind=TABLE, table=value)
    if type(value).__name__ == "DataFrame":
        return Part(kind=TABLE, table=_table(value))
    from IPython.lib.pretty import pretty

    as_shown: Any = pretty
    return Part(kind=TEXT, text=as_shown(value))


def _table(frame: Any) -> Table:
    """The listing that a DataFrame shows; what is no plain value becomes text."""
    kinds = frame.attrs.get("ocinb", {})
    columns, values = [], []
    for name in frame.columns:
        kind = kinds.get(name) or ("int" if frame[name].dtype.kind == "i" else "text")
        columns.append(Column(name=str(name), kind=kind))
        values.append([_cell(kind, value) for value in frame[name]])
    return Table(columns, zip(*values, strict=True))


def _cell(kind: str, value: Any) -> Any:
    if value is None or str(value) in ("<NA>", "NaT", "nan"):
        return None
    if kind in TIMES:
        return value.timestamp()
    if kind in WHOLE:
        return int(value)
    return float(value) if kind == "duration" else str(value)


def _plain(value: Any) -> Any:
    """A value that JSON can hold, as it will come back.

    Raises:
        TypeError: it cannot.
    """
    return json.loads(json.dumps(value))
