"""What a behaviour is: something that an option does, as it is seen inside the container.

Rows that can be true at the same time share one container: a batch. What an engine shows otherwise
is declared in the row, with the reason, and must be so: a declaration that is not needed fails.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Pattern:
    """An expected value that is not the same at every run."""

    regex: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and re.fullmatch(self.regex, other) is not None

    def __hash__(self) -> int:
        return hash(self.regex)


@dataclass(frozen=True)
class Declared:
    """What an engine shows in place of the expected value.

    Attributes:
        shown: what it shows; None: it varies, or it refuses the whole batch.
        reason: why that is so.
    """

    shown: str | Pattern | None
    reason: str


@dataclass(frozen=True)
class Row:
    """An effect.

    Attributes:
        name: unique in its batch; begins with the option.
        script: run by the shell of the container, in a shell of its own.
        expected: what it writes, both streams, without the last line end.
        declared: engine → what it shows instead.
    """

    name: str
    script: str
    expected: str | Pattern
    declared: Mapping[str, Declared] = field(default_factory=dict)


@dataclass(frozen=True)
class Batch:
    """Rows that share a container.

    Attributes:
        name: unique.
        options: between ``run`` and the image, as in a shell. ``{place}`` is a directory of the
            run's own.
        rows: the effects.
        prepare: makes what the options name, in the directory.
        refused: engine → why it cannot run the batch at all.
    """

    name: str
    options: str
    rows: Sequence[Row]
    prepare: Callable[[Path], None] | None = None
    refused: Mapping[str, str] = field(default_factory=dict)

    def script(self) -> str:
        """All rows as one program; each writes its number, what it shows, and an end."""
        parts = [PRELUDE]
        for number, row in enumerate(self.rows):
            parts.append(f"echo '{MARK} {number}'\n(\n{row.script}\n) 2>&1 </dev/null\necho")
        return "\n".join([*parts, f"echo '{MARK} end'\n"])

    def read(self, output: str) -> dict[str, str]:
        """Row → what it showed; rows of a program that was cut short are missing."""
        found: dict[str, str] = {}
        pieces = re.split(rf"^{MARK} (\d+|end)\n", output.replace("\r\n", "\n"), flags=re.M)
        for number, text in zip(pieces[1::2], pieces[2::2], strict=True):
            if number != "end":
                found[self.rows[int(number)].name] = text.strip("\n")
        return found


MARK = "@@@"
PRELUDE = r"""
status() { sed -n "s/^$1:[[:space:]]*//p" /proc/self/status; }
limit() { sed -n "s/^Max $1  *\([^ ]*\)  *\([^ ]*\).*/\1 \2/p" /proc/self/limits; }
options() { sed -n "s|^[^ ]* $1 \([^ ]*\) \([^ ]*\) .*|\1 \2|p" /proc/mounts; }
has() { options "$1" | grep -qE "[ ,]$2(,|$)" && echo yes || echo no; }
cgroup() { cat "/sys/fs/cgroup/$1" 2>/dev/null || echo none; }
namespace() { readlink "/proc/self/ns/$1"; }
holds() {
    for number in "$@"; do
        [ $((0x$(status CapEff) >> number & 1)) = 1 ] && echo yes || echo no
    done
}
mounted() { grep -qE "^[^ ]* $1 " /proc/mounts && echo yes || echo no; }
try() { "$@" >/dev/null 2>&1 && echo works || echo fails; }
"""
"""Functions that the scripts share. ``options PATH``: type and options of what is mounted there."""
