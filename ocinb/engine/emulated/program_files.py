"""What kind of program a file is, as far as it matters where nothing is isolated."""

from __future__ import annotations

import os
import stat

from ocinb.frozen import Frozen
from ocinb.linux.elf import LITTLE, PROGRAM, SHARED, WIDE, read_header

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Program(Frozen):
    """A file that the kernel would execute.

    Attributes:
        kind: ``script``, ``dynamic``, ``static``, or ``other``.
        interpreter: of a script or a dynamic program: a path as the image has it.
        argument: the one argument that a script's first line gives its interpreter.
    """

    kind: str
    interpreter: str = ""
    argument: str = ""


def read_program(descriptor: int) -> Program:
    """What an open file is, by its first bytes and its program headers."""
    head = os.pread(descriptor, 256, 0)
    if head.startswith(b"#!"):
        words = head[2:].split(b"\n", 1)[0].strip().split(None, 1)
        names = [os.fsdecode(word).strip() for word in (*words, b"", b"")]
        return Program(kind="script", interpreter=names[0], argument=names[1])
    try:
        header = read_header(descriptor)
    except ValueError:
        return Program(kind="other")
    if header.machine[:2] != (WIDE, LITTLE) or header.kind not in (PROGRAM, SHARED):
        return Program(kind="other")
    if header.interpreter:
        return Program(kind="dynamic", interpreter=header.interpreter)
    # A library, or the dynamic linker itself, which has no interpreter, but is no static program
    # unless it can be started: then it makes no use of what is preloaded.
    library = header.dynamic is not None and header.kind == SHARED and not header.entry
    return Program(kind="other" if library else "static")


def static_programs(directory: str) -> Iterator[str]:
    """The executable files beneath a directory that are statically linked programs."""
    for place, _, names in os.walk(directory):
        for name in names:
            path = f"{place}/{name}"
            info = os.lstat(path)
            if not stat.S_ISREG(info.st_mode) or not info.st_mode & 0o111:
                continue
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            except OSError:
                continue  # what we cannot read is not ours
            try:
                if read_program(descriptor).kind == "static":
                    yield path
            finally:
                os.close(descriptor)
