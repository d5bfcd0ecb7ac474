"""Where a section of the specifications, or a word, is implemented and tested.

The rows are those of ``docs/spec-index.md``, which is made from the docstrings; an installed
package carries a copy of it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocinb.errors import CommandError, StorageError
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from collections.abc import Iterator

WHERE_COLUMNS = columns("section code what test address?")
"""``section``: as in ``image-spec layer.md#whiteouts``; ``code``: a file, and ``what`` in it;
``test``: the file that tests it, where it has one of its own; ``address``: the section's text."""

_PACKAGE = Path(__file__).resolve().parent.parent
_PLACES = (_PACKAGE.parent / "docs" / "spec-index.md", _PACKAGE / "spec-index.md")

_HEAD = re.compile(r"## (\S+) ")
_ROW = re.compile(r"\| \[([^]]+)\]\((\S+)\) \| (.*) \|")
_CODE = re.compile(r"\[([^]]+)\]\(\S+?\)(?: `([^`]+)`)?(?: \(\[test\]\(\.\./(\S+?)\)\))?")


def where(term: str) -> Table:
    """The sections and the code that a term names.

    Args:
        term: a section (``layer.md#whiteouts``), a word of one (``whiteout``), a file, or the
            name of a class or function; upper and lower case are the same.

    Raises:
        CommandError: nothing is called so.
    """
    words = re.sub(r"[\s_-]+", "", term).lower()
    rows = [row for row in index() if any(words in _plain(cell) for cell in row[:3])]
    if not rows or not words:
        raise CommandError(
            f"no section and no code is called {term!r}",
            hint="as in: ocinb where whiteout, ocinb where runtime.md#lifecycle",
        )
    return Table(WHERE_COLUMNS, rows, title=f"where {term} is")


def index() -> Iterator[tuple[Any, ...]]:
    """All rows.

    Raises:
        StorageError: the index is not there.
    """
    path = next((path for path in _PLACES if path.exists()), None)
    if path is None:
        raise StorageError("docs/spec-index.md is missing from this installation")
    spec = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if head := _HEAD.match(line):
            spec = head[1]
        elif row := _ROW.fullmatch(line):
            for code in _CODE.finditer(row[3]):
                yield f"{spec} {row[1]}", code[1], code[2] or "", code[3] or "", row[2]


def _plain(text: str) -> str:
    return re.sub(r"[\s_-]+", "", text).lower()
