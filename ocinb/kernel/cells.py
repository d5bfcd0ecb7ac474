"""What a cell of the OCI kernel is: commands, a script for a container, or Python.

::

    images                        a command; one a line, # begins a comment
    layers demo | x = layers demo | oci layers demo
    %%build -t mine .             the rest of the cell belongs to the command
    #!image demo                  the rest of the cell is a script in a container of demo
    #!run -e A=1 demo             likewise, with options of run
    #!python                      the rest of the cell is Python, as with %oci in any notebook
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ocinb.commands import tree
from ocinb.frozen import Frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMANDS, SCRIPT, PYTHON, UNKNOWN = "commands", "script", "python", "unknown"

FIRST_WORDS = ("image", "run", "python")
"""What may stand behind ``#!``; ``python3`` is the last one too."""

_SHEBANG = re.compile(r"#![ \t]*(?P<word>\S*)[ \t]*(?P<rest>.*)")
_ASSIGNED = re.compile(r"(?P<name>[^\W\d]\w*)[ \t]*=[ \t]*(?P<command>[a-z][\w-]*\b.*)", re.DOTALL)
_PREFIX = re.compile(r"(?:%{0,2}oci|ocinb)[ \t]+")


class Cell(Frozen):
    """A cell, taken apart.

    Attributes:
        kind: ``commands``, ``script`` or ``python``; ``unknown``: its first line begins with ``#!``
            and a word that nobody knows.
        head: words of the first line behind ``#!image`` or ``#!run``; the unknown word; empty
            otherwise.
        body: the text without that line.
        skipped: how many characters of the cell lie before ``body``.
    """

    kind: str
    head: str
    body: str
    skipped: int


def parse(text: str) -> Cell:
    """Take a cell apart; blank lines before its first line do not count."""
    start = len(text) - len(text.lstrip())
    line, _, rest = text[start:].partition("\n")
    found = _SHEBANG.fullmatch(line.rstrip())
    if found is None:
        return Cell(kind=COMMANDS, head="", body=text, skipped=0)
    word = "python" if found["word"] == "python3" else found["word"]
    skipped = min(start + len(line) + 1, len(text))
    if word not in FIRST_WORDS:
        return Cell(kind=UNKNOWN, head=word, body=rest, skipped=skipped)
    kind = PYTHON if word == "python" else SCRIPT
    return Cell(kind=kind, head=found["rest"], body=rest, skipped=skipped)


def python(text: str) -> str:
    """A cell as the Python with magics that does what it says."""
    cell = parse(text)
    before = text.count("\n", 0, cell.skipped)
    if cell.kind == PYTHON:
        if cell.body.lstrip().startswith("%%"):
            return cell.body  # a magic of cells stands in the first line
        # Lines keep their numbers, so that tracebacks point at what was written; comments, for
        # IPython takes empty lines away.
        return "#\n" * before + cell.body
    if cell.kind == SCRIPT:
        # Likewise for what the shell says: the line of the image is one, that of the magic another.
        return f"%%oci_script {cell.head}\n" + "\n" * (before - 1) + cell.body
    if cell.kind == UNKNOWN:
        return f"get_ipython().run_line_magic('oci_unknown_line', {cell.head!r})"
    first, _, rest = text.lstrip().partition("\n")
    if first.startswith("%%"):
        command = _PREFIX.sub("", f"{first} ").rstrip() if first.startswith("%%oci") else first[2:]
        return f"%%oci {command}\n{rest}"
    return "\n".join(map(_translated, _lines(text)))


def command_at(text: str, position: int) -> tuple[str, int] | None:
    """The command line in which a cursor stands, up to the cursor, and where it begins.

    Returns:
        None in Python, and in the text of a script; in its first line a ``run`` stands for it.
    """
    cell = parse(text)
    if cell.kind in (PYTHON, UNKNOWN):
        return None
    if cell.kind == SCRIPT and position >= cell.skipped and "\n" in text:
        return None
    begin = text.rfind("\n", 0, position) + 1
    while begin > 1 and text[begin - 2] == "\\":
        begin = text.rfind("\n", 0, begin - 1) + 1
    line = text[begin:position]
    if cell.kind == SCRIPT:
        rest = re.sub(r"^\s*#!\s*(?:image|run)\s", "", line)
        return f"run {rest}", position
    found = _ASSIGNED.fullmatch(line.strip("\n"))
    line = found["command"] if found else line
    line = _PREFIX.sub("", line.lstrip().removeprefix("%%"), count=1)
    return line.replace("\\\n", " "), position


def status(text: str) -> str:
    """``complete`` or ``incomplete``, for front ends that ask before they send a cell."""
    cell = parse(text)
    lines = text.split("\n")
    if cell.kind == SCRIPT or text.lstrip().startswith("%%"):
        return "complete" if len(lines) > 1 and not lines[-1].strip() else "incomplete"
    return "incomplete" if lines[-1].endswith("\\") else "complete"


def _lines(text: str) -> Iterator[str]:
    """The command lines; one that ends in a backslash goes on in the next."""
    held = ""
    for line in text.split("\n"):
        whole = held + line.strip()
        if whole.endswith("\\"):
            held = f"{whole[:-1].rstrip()} "
            continue
        held = ""
        yield whole
    if held:
        yield held


def _translated(line: str) -> str:
    if not line or line.startswith("#"):
        return ""
    if line.startswith(("!", "%")) and not _PREFIX.match(line):
        return line  # another magic, or a command of this machine
    found = _ASSIGNED.fullmatch(line)
    if found and found["command"].split()[0] in tree.COMMANDS:
        return f"{found['name']} = %oci {found['command']}"
    return f"%oci {_PREFIX.sub('', line, count=1)}"
