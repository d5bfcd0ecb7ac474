"""What commands return, besides ``Table`` and the objects a person holds (``Image`` …)."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from ocinb.container import Container
    from ocinb.table import Table


class Text(str):
    """Text for people, shown as it is: help, a log."""

    __slots__ = ()


class Output(Text):
    """What programs have written: text for people, in a shell its very bytes.

    Attributes:
        chunks: each with the stream that it came by, 1 or 2.
    """

    chunks: list[tuple[bytes, int]]

    def __new__(cls, chunks: Iterable[tuple[bytes, int]]) -> Output:
        """Of what was written, in its order."""
        kept = list(chunks)
        made = super().__new__(cls, b"".join(data for data, _ in kept).decode(errors="replace"))
        made.chunks = kept
        return made


class Lines(list[str]):
    """What ``--quiet`` leaves: names or digests, one a line in a shell, a list in a notebook."""


class Raw(bytes):
    """A document's very bytes, for a pipe to hash them."""

    __slots__ = ()


class Content(bytes):
    """The content of a file of an image, in a notebook: bytes that are shown as what they say."""

    __slots__ = ()


class Stream:
    """Bytes that may be many: written where they go, not held.

    Args:
        write: called with a binary file; writes everything to it.
    """

    def __init__(self, write: Callable[[BinaryIO], object]) -> None:
        self._write = write

    def write_to(self, out: BinaryIO) -> None:
        """Write all of it; errors are those of the command."""
        self._write(out)

    def content(self) -> Content:
        """All of it at once."""
        out = io.BytesIO()
        self._write(out)
        return Content(out.getvalue())


class Json:
    """What ``--format json`` asked for.

    Attributes:
        value: plain JSON values: a list of objects for a listing, else one object.
    """

    def __init__(self, value: Any) -> None:
        self.value = value

    def __str__(self) -> str:
        return json.dumps(self.value, indent=2, ensure_ascii=False, default=str)


class Document(dict[str, Any]):
    """A JSON document of one of the specifications, or of an inspection; a plain dict to work on.

    Attributes:
        title: what it is, as in ``image manifest sha256:…``.
        raw: the bytes that were hashed, where they are addressed by digest.
    """

    def __init__(self, value: dict[str, Any], *, title: str = "", raw: bytes | None = None) -> None:
        super().__init__(value)
        self.title = title
        self.raw = raw


class Done:
    """Something was done that has no object of its own.

    Attributes:
        subject: the name or ID that it was done to; what a shell prints, for scripts.
        message: one sentence for people.
    """

    def __init__(self, subject: str, message: str) -> None:
        self.subject = subject
        self.message = message

    def __repr__(self) -> str:
        return self.message


class Ran:
    """A container that ran attached: its output was shown already.

    Attributes:
        container: the container, which has ended.
        interrupted: whether it was asked to end by Ctrl-C.
    """

    def __init__(self, container: Container, *, interrupted: bool = False) -> None:
        self.container = container
        self.interrupted = interrupted


class Exited:
    """A process in a container that ran attached: its output was shown already.

    Attributes:
        exit_status: as a shell has it.
        interrupted: whether it was asked to end by Ctrl-C.
    """

    def __init__(self, exit_status: int, *, interrupted: bool = False) -> None:
        self.exit_status = exit_status
        self.interrupted = interrupted


class Heading(str):
    """The head of a part of a narration."""

    __slots__ = ()


class Said(str):
    """A sentence of a narration."""

    __slots__ = ()


class Narration:
    """A command that tells what it does while it does it: an iterator of values.

    The door shows each value as it comes, and closes the narration when it stops early, so that
    what the command began is undone.
    """

    def __init__(self, parts: Iterable[Any]) -> None:
        self._parts = iter(parts)

    def __iter__(self) -> Iterator[Any]:
        return self._parts

    def close(self) -> None:
        """Undo what was begun; nothing more will be shown."""
        close = getattr(self._parts, "close", None)
        if close is not None:
            close()


class Help(Text):
    """The help of a command."""

    __slots__ = ()


class Picture:
    """A listing that can be drawn: a diagram in a notebook, the table itself in a shell.

    Attributes:
        kind: which diagram, as in ``notebook.diagrams.draw.KINDS``.
        table: the rows to draw.
    """

    def __init__(self, kind: str, table: Table) -> None:
        self.kind = kind
        self.table = table

    @property
    def exit_status(self) -> int:
        """What a shell is told."""
        return self.table.exit_status


class Live:
    """A cell that runs in a notebook where it can, and is shown as it was recorded elsewhere.

    Attributes:
        body: what is to run.
        why: it cannot run here; empty where it can.
        recording: the file with what it showed elsewhere.
        keep: variables that it sets for later cells.
    """

    def __init__(self, body: str, why: str, recording: Path, keep: tuple[str, ...]) -> None:
        self.body = body
        self.why = why
        self.recording = recording
        self.keep = keep


class Interactive(Picture):
    """Something to be worked with in a notebook; the listing in a shell.

    Attributes:
        kind: ``explorer``, ``stepper``, ``dashboard`` or ``editor``.
        table: the rows for a shell.
        subject: what it is about.
        args: further words.
    """

    def __init__(self, kind: str, table: Table, subject: Any, args: tuple[str, ...] = ()) -> None:
        super().__init__(kind, table)
        self.subject = subject
        self.args = args

    @property
    def instead(self) -> str:
        """What is said where only the listing can be shown."""
        article = "an" if self.kind[0] in "aeiou" else "a"
        return f"this is its listing; in JupyterLab the same command is {article} {self.kind}"
