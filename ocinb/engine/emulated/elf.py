"""What kind of program a file is, as far as it matters where nothing is isolated. See elf(5)."""

from __future__ import annotations

import os
import stat

from ocinb.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_MAGIC = b"\x7fELF"
_64_BIT, _LITTLE = 2, 1
_PROGRAM, _SHARED = 2, 3
_INTERPRETER, _DYNAMIC = 3, 2
_MOST_HEADERS = 128
_LONGEST_NAME = 4096


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
    if not head.startswith(_MAGIC) or len(head) < 64:
        return Program(kind="other")
    if head[4] != _64_BIT or head[5] != _LITTLE:
        return Program(kind="other")
    if _number(head, 16, 2) not in (_PROGRAM, _SHARED):
        return Program(kind="other")
    return _linked(descriptor, head)


def _linked(descriptor: int, head: bytes) -> Program:
    start, size, count = _number(head, 32, 8), _number(head, 54, 2), _number(head, 56, 2)
    dynamic = False
    for index in range(min(count, _MOST_HEADERS)):
        header = os.pread(descriptor, 56, start + index * size)
        if len(header) < 56:
            break
        kind = _number(header, 0, 4)
        if kind == _INTERPRETER:
            length = min(_number(header, 32, 8), _LONGEST_NAME)
            name = os.pread(descriptor, length, _number(header, 8, 8)).split(b"\0", 1)[0]
            return Program(kind="dynamic", interpreter=os.fsdecode(name))
        dynamic = dynamic or kind == _DYNAMIC
    # A library, or the dynamic linker itself, which has no interpreter, but is no static program
    # unless it can be started: then it makes no use of what is preloaded.
    shared = dynamic and _number(head, 16, 2) == _SHARED
    return Program(kind="other" if shared and not _number(head, 24, 8) else "static")


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


def _number(data: bytes, start: int, size: int) -> int:
    return int.from_bytes(data[start : start + size], "little")
