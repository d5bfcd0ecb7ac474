"""How a listing looks in a notebook: human sizes, short digests, the data unchanged.

A DataFrame that came from a ``Table`` carries its columns' kinds in ``attrs``; any other
DataFrame keeps pandas' own look.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
from html import escape
from typing import TYPE_CHECKING, Any

from ocinb.layout import fitting, lines
from ocinb.notebook.paging import LONG
from ocinb.table import NUMERIC, TIMES, Column, Table, aligned, one_line, rfc3339, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

    from ocinb.notebook.paging import Pager

# Colours are inherited from the page, so that light and dark themes both suit.
_CELL = "padding:.3em .9em;white-space:pre;border:0;"
_HEAD = _CELL + "font-weight:600;opacity:.75;border-bottom:1px solid rgba(128,128,128,.45);"
_LINE = "border-bottom:1px solid rgba(128,128,128,.18);background:none;"
_MONO = "font-family:monospace;"
_WIDEST = "overflow:hidden;text-overflow:ellipsis;max-width:"
_TEXT_WIDTHS = (34, 20)
"""Widest text of a cell, in ems: of few columns, and of many."""
_MANY = 7


def html_table(kinds: Mapping[str, str], rows: Iterable[tuple[Any, ...]], *, note: str = "") -> str:
    """A table of HTML; every text is escaped, since names come from other people's images."""
    widest = f"{_WIDEST}{_TEXT_WIDTHS[len(kinds) > _MANY]}em;"
    head = "".join(_head(Column(name=str(name), kind=kind)) for name, kind in kinds.items())
    body = "".join(_row(kinds.values(), row, widest) for row in rows)
    below = f'<p style="opacity:.75;margin:.3em .9em">{escape(note)}</p>' if note else ""
    return (
        '<div style="overflow-x:auto"><table style="border-collapse:collapse;margin:.4em 0;'
        f'font-variant-numeric:tabular-nums"><thead><tr style="background:none">{head}</tr>'
        f"</thead><tbody>{body}</tbody></table>{below}</div>"
    )


def data_table(kinds: Mapping[str, str], rows: Iterable[tuple[Any, ...]]) -> str:
    """The rows behind a picture, in a fifth of the bytes: as the page's own tables look."""
    head = "".join(f'<th scope="col">{escape(name.replace("_", " "))}</th>' for name in kinds)
    body = "".join(f"<tr>{''.join(map(_bare_cell, kinds.values(), row))}</tr>" for row in rows)
    return (
        '<div style="overflow-x:auto"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def frame_html(frame: pd.DataFrame, most: int = 0, pager: Pager | None = None) -> str | None:
    """The ``text/html`` of a DataFrame.

    Args:
        most: rows to show; 0: as pandas' options say.
        pager: shows what is long, in the place of its first rows.
    """
    kinds = _kinds(frame)
    if kinds is None:
        html: str | None = frame._repr_html_()  # type: ignore[operator]
        return html
    if pager is not None and len(frame) >= LONG:
        return pager.html(frame, kinds)
    rows, note = _visible(frame, kinds, most)
    return html_table(kinds, rows, note=note)


def frame_text(frame: pd.DataFrame, most: int = 0) -> str:
    """The ``text/plain`` of a DataFrame; on a terminal that is too narrow without its details.

    Args:
        most: rows to show; 0: as pandas' options say.
    """
    kinds = _kinds(frame)
    if kinds is None:
        return repr(frame)
    rows, note = _visible(frame, kinds, most)
    details = set(frame.attrs.get("ocinb_details", ()))
    columns = [Column(name=name, kind=kind, detail=name in details) for name, kind in kinds.items()]
    return table_text(Table(columns, rows), note=note)


def table_text(table: Table, *, title: str = "", note: str = "") -> str:
    """The ``text/plain`` of a listing; on a terminal that is too narrow without its details.

    Args:
        title: stands above it.
        note: stands below it.
    """
    if not sys.stdout.isatty():
        return "\n".join(filter(None, [title, aligned(table.kinds, table.rows), note]))
    available = shutil.get_terminal_size().columns
    kept = {column.name for column in fitting(table, available)}
    left_out = ", ".join(name for name in table.kinds if name not in kept)
    more = f"not shown: {left_out}" if left_out else ""
    told = [part for text in (note, more) for part in textwrap.wrap(text, available)]
    return "\n".join([*textwrap.wrap(title, available), *lines(table, available), *told])


def _kinds(frame: pd.DataFrame) -> dict[str, str] | None:
    """The kind of each column, or None for a frame that is not a listing of ours."""
    known = frame.attrs.get("ocinb")
    if not isinstance(known, dict) or not set(frame.columns) & set(known):
        return None
    return {str(name): known.get(name) or "text" for name in frame.columns}


def _visible(
    frame: pd.DataFrame, kinds: Mapping[str, str], most: int
) -> tuple[list[tuple[Any, ...]], str]:
    import pandas as pd

    most = most or pd.get_option("display.max_rows") or len(frame)
    note = ""
    if len(frame) > most:
        note = f"the first {most:,} of {len(frame):,} rows"
        frame = frame.head(most)
    cells = [_plain(frame.iloc[:, i], kind) for i, kind in enumerate(kinds.values())]
    return list(zip(*cells, strict=True)), note


def _plain(series: pd.Series[Any], kind: str) -> list[Any]:
    """Cells as ``table.shown`` takes them; a column that was given other values is text."""
    from pandas.api import types

    missing = series.isna().tolist()
    values: list[Any] = series.tolist()
    if kind in TIMES and types.is_datetime64_any_dtype(series.dtype):
        values = [None if gone else v.timestamp() for v, gone in zip(values, missing, strict=True)]
    elif kind in NUMERIC | TIMES and not types.is_numeric_dtype(series.dtype):
        values = [str(v) for v in values]
    return [None if gone else v for v, gone in zip(values, missing, strict=True)]


def _head(column: Column) -> str:
    side = "right" if column.kind in NUMERIC else "left"
    name = escape(column.name.replace("_", " "))
    return f'<th scope="col" style="{_HEAD}text-align:{side}">{name}</th>'


def _row(kinds: Iterable[str], row: tuple[Any, ...], widest: str) -> str:
    cells = "".join(_cell(kind, value, widest) for kind, value in zip(kinds, row, strict=True))
    return f'<tr style="{_LINE}">{cells}</tr>'


def _cell(kind: str, value: Any, widest: str) -> str:
    kind = "text" if isinstance(value, str) and kind in NUMERIC | TIMES else kind
    text = one_line(shown(kind, value))
    full = _full(kind, value, text)
    hover = f' title="{escape(full, quote=True)}"' if full else ""
    style = _CELL + (_MONO if kind == "digest" else "") + (widest if kind == "text" else "")
    side = "right" if kind in NUMERIC else "left"
    return f'<td style="{style}text-align:{side}"{hover}>{escape(text)}</td>'


def _bare_cell(kind: str, value: Any) -> str:
    kind = "text" if isinstance(value, str) and kind in NUMERIC | TIMES else kind
    text = one_line(shown(kind, value))
    full = str(value) if kind == "digest" and value is not None else ""
    hover = f' title="{escape(full, quote=True)}"' if full else ""
    side = "" if kind in NUMERIC else ' style="text-align:left"'
    return f"<td{side}{hover}>{escape(text)}</td>"


def _full(kind: str, value: Any, text: str) -> str:
    """What is told on hover: the value itself, where the cell shows less."""
    if value is None:
        return ""
    if kind == "digest":
        return str(value)
    if kind in ("bytes", "memory"):
        return f"{value:,} bytes"
    if kind in TIMES:
        return rfc3339(float(value)) or ""
    if kind == "duration":
        return f"{value * 1000:.3f} ms"
    return text if len(text) > 40 else ""
