"""Listings: typed columns and plain rows, which each door shows in its own way.

A command that lists returns a ``Table``. The shell draws it, ``--format json`` writes its
records, the notebook makes a ``pandas.DataFrame`` of it. The values stay plain: bytes are ints,
times are seconds since the epoch, durations are seconds, digests are whole.
"""

from __future__ import annotations

import time as _clock
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ocinb.frozen import Frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pandas as pd

KINDS = ("text", "int", "bytes", "memory", "digest", "time", "clock", "duration")
WHOLE = frozenset({"int", "bytes", "memory"})
"""Kinds whose values are whole numbers."""

NUMERIC = WHOLE | {"duration"}
"""Kinds that are aligned to the right."""

TIMES = frozenset({"time", "clock"})
"""Kinds whose values are seconds since the epoch."""

SHORT_DIGEST = 12
"""Hexadecimal digits of a digest that people are shown."""


class Column(Frozen):
    """A column of a listing.

    Attributes:
        name: stable key: the DataFrame's column and the key in JSON.
        kind: ``text``, ``int``, ``bytes`` (int), ``memory`` (int: bytes, shown in the units in
            which limits are given: powers of 1024), ``digest`` (str), ``time`` (seconds since the
            epoch, float, shown as how long ago), ``clock`` (the same, shown as time of day) or
            ``duration`` (seconds, float).
        detail: left out where a terminal is too narrow for all columns.
    """

    name: str
    kind: str = "text"
    detail: bool = False

    @property
    def title(self) -> str:
        """For the head of a column in a terminal."""
        return self.name.replace("_", " ").upper()


class Table:
    """A listing; immutable by convention. A cell may be None: not known, not applicable.

    Attributes:
        columns: the typed columns.
        rows: tuples, a value for each column.
        title: what is listed, for a caption and for alternative text.
        key: the column that ``--quiet`` prints alone.
        exit_status: what a shell is told; 1 where the listing is one of faults.
        empty: what a shell says instead of an empty listing; without it, it shows the titles.
        wrap: whether texts that are too long for a terminal go on in the next line; else they
            are cut.
    """

    def __init__(
        self,
        columns: Iterable[Column],
        rows: Iterable[tuple[Any, ...]],
        *,
        title: str = "",
        key: str | None = None,
        exit_status: int = 0,
        empty: str = "",
        wrap: bool = False,
    ) -> None:
        self.columns = tuple(columns)
        self.empty = empty
        self.wrap = wrap
        self.rows = [tuple(row) for row in rows]
        self.title = title
        self.exit_status = exit_status
        self.key = key or self.columns[0].name

    @property
    def kinds(self) -> dict[str, str]:
        """Column name → kind."""
        return {column.name: column.kind for column in self.columns}

    def column(self, name: str) -> list[Any]:
        """The values of one column, top to bottom; ``KeyError`` where there is none."""
        index = list(self.kinds).index(name) if name in self.kinds else -1
        if index < 0:
            raise KeyError(name)
        return [row[index] for row in self.rows]

    def records(self) -> list[dict[str, Any]]:
        """A JSON object for each row; times as RFC 3339 text."""
        return [
            {
                column.name: rfc3339(value) if column.kind in TIMES else value
                for column, value in zip(self.columns, row, strict=True)
            }
            for row in self.rows
        ]

    def to_frame(self) -> pd.DataFrame:
        """A new DataFrame: bytes and ints ``int64`` (``Int64`` where some are missing), times
        ``datetime64[ns, UTC]``, durations ``float64`` seconds, digests and texts ``str``.

        ``attrs`` holds the kinds (``ocinb``) and the names of details (``ocinb_details``), by
        which the notebook shows it; the data is plain.
        """
        import pandas as pd

        frame = pd.DataFrame(
            {
                column.name: _series(column.kind, [row[i] for row in self.rows])
                for i, column in enumerate(self.columns)
            }
        )
        frame.attrs["ocinb"] = self.kinds
        frame.attrs["ocinb_details"] = [column.name for column in self.columns if column.detail]
        return frame

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.rows)

    def __repr__(self) -> str:
        return aligned(self.kinds, self.rows)


def columns(text: str) -> tuple[Column, ...]:
    """Columns from a short text: ``"name size:bytes chain_id:digest?"`` (``?``: a detail)."""
    made = tuple(
        Column(name=name, kind=kind or "text", detail=part.endswith("?"))
        for part in text.split()
        for name, _, kind in [part.removesuffix("?").partition(":")]
    )
    unknown = [column.kind for column in made if column.kind not in KINDS]
    if unknown:
        raise ValueError(f"no such kinds of columns: {unknown}")
    return made


def shown(kind: str, value: Any, *, short: bool = True, now: float | None = None) -> str:
    """A value for people: ``12.3 MB``, ``3f2a1b…``, ``4 minutes ago``, ``1.2 ms``.

    Args:
        short: shorten digests; without it they are whole.
        now: seconds since the epoch from which times are told; default the present.
    """
    if value is None:
        return ""
    if kind == "bytes":
        return human_bytes(int(value))
    if kind == "memory":
        return human_memory(int(value))
    if kind == "digest" and short:
        return short_digest(str(value))
    if kind == "time":
        return human_ago(float(value), _clock.time() if now is None else now)
    if kind == "clock":
        return datetime.fromtimestamp(value, UTC).strftime("%H:%M:%S.%f")
    if kind == "duration":
        return human_duration(float(value))
    return str(value)


def short_digest(digest: str) -> str:
    """The first digits of a digest, without its algorithm."""
    return digest.partition(":")[2][:SHORT_DIGEST] or digest


def human_bytes(size: int) -> str:
    """Decimal units, three significant digits: ``999 B``, ``1.23 kB``, ``45.6 MB``."""
    amount, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if abs(amount) < 999.5:
            break
        amount, unit = amount / 1000, larger
    if unit == "B":
        return f"{size} B"
    return f"{_three_digits(amount)} {unit}"


def human_memory(size: int) -> str:
    """Binary units: ``999 B``, ``64 MiB``, ``1.5 GiB``; so ``--memory 64m`` is seen as 64."""
    amount, unit = float(size), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if abs(amount) < 1023.5:
            break
        amount, unit = amount / 1024, larger
    if unit == "B":
        return f"{size} B"
    digits = _three_digits(amount)
    return f"{digits.rstrip('0').rstrip('.') if '.' in digits else digits} {unit}"


def human_duration(seconds: float) -> str:
    """``850 µs``, ``1.20 ms``, ``3.4 s``, ``2 min 5 s``, ``3 h 10 min``."""
    if seconds < 0:
        return f"-{human_duration(-seconds)}"
    if seconds < 0.9995e-3:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 0.9995:
        return f"{_three_digits(seconds * 1e3)} ms"
    if seconds < 60:
        return f"{_three_digits(seconds)} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60:,} h {minutes % 60} min"


def human_ago(when: float, now: float) -> str:
    """``just now``, ``5 minutes ago``, ``3 weeks ago``; a date where it lies ahead."""
    passed = now - when
    if passed < -60:
        return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%d %H:%M")
    for unit, length in _UNITS:
        count = int(passed // length)
        if count >= 1:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def rfc3339(when: float | None) -> str | None:
    """A time as RFC 3339 text in UTC with microseconds."""
    if when is None:
        return None
    return datetime.fromtimestamp(when, UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def parse_rfc3339(text: str | None) -> float | None:
    """Seconds since the epoch, or None where the text is missing or is not a time."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def aligned(
    kinds: Mapping[str, str], rows: Iterable[tuple[Any, ...]], *, short: bool = True
) -> str:
    """The listing as lines of plain text: two spaces between columns, nothing cut or wrapped."""
    head = [Column(name=name).title for name in kinds]
    body = [
        [
            one_line(shown(kind, value, short=short))
            for kind, value in zip(kinds.values(), row, strict=True)
        ]
        for row in rows
    ]
    widths = [max(map(len, cells)) for cells in zip(head, *body, strict=True)]
    right = [kind in NUMERIC for kind in kinds.values()]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if numeric else cell.ljust(width)
            for cell, width, numeric in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in [head, *body]
    )


def one_line(text: str) -> str:
    """Text that an image or a registry wrote, without line breaks and control characters."""
    return "".join(c if c.isprintable() else "�" if not c.isspace() else " " for c in text)


_UNITS = (
    ("year", 365 * 86400),
    ("month", 30 * 86400),
    ("week", 7 * 86400),
    ("day", 86400),
    ("hour", 3600),
    ("minute", 60),
    ("second", 1),
)


def _three_digits(amount: float) -> str:
    decimals = 2 if amount < 9.995 else 1 if amount < 99.95 else 0
    return f"{amount:.{decimals}f}"


def _series(kind: str, values: list[Any]) -> pd.Series[Any]:
    import pandas as pd

    missing = any(value is None for value in values)
    if kind in WHOLE:
        return pd.Series(values, dtype="Int64" if missing else "int64")
    if kind == "duration":
        return pd.Series(values, dtype="float64")
    if kind in TIMES:
        moments = [None if v is None else datetime.fromtimestamp(v, UTC) for v in values]
        return pd.Series(moments, dtype="datetime64[ns, UTC]")
    return pd.Series(values, dtype=str if not missing else object).astype("str")
