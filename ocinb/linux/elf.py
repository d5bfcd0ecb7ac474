"""ELF files: which kind of program one is, which loader and which shared libraries it needs.

Only reading, nothing is run: ``ldd`` runs the program's loader. Every offset and count of the file
is checked, so that a damaged file is an error and not a crash or an endless loop. See elf(5).

Spec: none (System V ABI, gABI chapters 4 and 5)
"""

from __future__ import annotations

import os
import struct

from ocinb.errors import DocumentError
from ocinb.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

MAGIC = b"\x7fELF"
WIDE, LITTLE = 2, 1
"""Of 64 bits; the least significant byte first."""
PROGRAM, SHARED = 2, 3
"""Kinds of files: ET_EXEC, and ET_DYN for libraries and for programs that can lie anywhere."""

_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_DT_NULL, _DT_NEEDED, _DT_STRTAB, _DT_SONAME, _DT_RPATH, _DT_RUNPATH = 0, 1, 5, 14, 15, 29
_MAX_HEADERS = 1024
_MAX_DYNAMIC = 1 << 16
_MAX_STRING = 4096
_MAX_OFFSET = 1 << 40


class Segment(Frozen):
    """A program header.

    Attributes:
        kind: PT_LOAD, PT_DYNAMIC, PT_INTERP …
        offset: in the file.
        address: in memory.
        size: bytes in the file.
    """

    kind: int
    offset: int
    address: int
    size: int


class Header(Frozen):
    """What the kernel reads of a file before it executes it.

    Attributes:
        machine: ``(class, byte order, machine number)``: libraries must have the same.
        kind: ``PROGRAM``, ``SHARED``, or another.
        entry: the address at which it starts; 0: nowhere.
        segments: its program headers.
        interpreter: the loader; empty for a static program and for most libraries.
    """

    machine: tuple[int, int, int]
    kind: int
    entry: int
    segments: tuple[Segment, ...]
    interpreter: str

    @property
    def dynamic(self) -> Segment | None:
        """Where its dynamic section lies; None: it has none."""
        return next((one for one in self.segments if one.kind == _PT_DYNAMIC), None)


class Elf(Frozen):
    """What the dynamic loader would read.

    Attributes:
        path: the file.
        machine: as in the header.
        interpreter: as in the header.
        needed: names of shared libraries.
        soname: its own name as a library, or empty.
        rpath: where to look for ``needed``, ``$ORIGIN`` not yet replaced.
        runpath: the same, by the newer rule.
    """

    path: Path
    machine: tuple[int, int, int]
    interpreter: str
    needed: tuple[str, ...]
    soname: str
    rpath: tuple[str, ...]
    runpath: tuple[str, ...]


def is_elf(path: Path) -> bool:
    """Whether a file begins as an ELF file does; False where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(4) == MAGIC
    except OSError:
        return False


def read(path: Path) -> Elf:
    """What the dynamic loader would read of a program or library.

    Raises:
        DocumentError: not ELF, or damaged. OSError: it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _read(path, descriptor)
    except (struct.error, ValueError) as error:
        raise DocumentError(f"{path} is not a whole ELF file: {error}") from error
    finally:
        os.close(descriptor)


def read_header(descriptor: int) -> Header:
    """The header of an open file, and its program headers.

    Raises:
        ValueError: not ELF, or damaged. OSError: it cannot be read.
    """
    ident = os.pread(descriptor, 16, 0)
    if len(ident) < 16 or ident[:4] != MAGIC or ident[4] not in (1, 2) or ident[5] not in (1, 2):
        raise ValueError("its first bytes are not ELF's")
    wide, order = ident[4] == WIDE, "<" if ident[5] == LITTLE else ">"
    layout = struct.Struct(order + ("HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"))
    fields = layout.unpack(_at(descriptor, 16, layout.size))
    segments = _segments(descriptor, order, wide, fields[4], fields[8], fields[9])
    interpreter = b""
    for segment in segments:
        if segment.kind == _PT_INTERP:
            size = min(segment.size, _MAX_STRING)
            interpreter = _at(descriptor, segment.offset, size).partition(b"\0")[0]
    return Header(
        machine=(ident[4], ident[5], fields[1]),
        kind=fields[0],
        entry=fields[3],
        segments=segments,
        interpreter=os.fsdecode(interpreter),
    )


def _read(path: Path, descriptor: int) -> Elf:
    header = read_header(descriptor)
    dynamic = _dynamic(descriptor, header)
    tables = [value for tag, value in dynamic if tag == _DT_STRTAB]
    strings = _file_offset(header.segments, tables[0]) if tables else 0

    def texts(wanted: int) -> list[str]:
        return [_string(descriptor, strings + value) for tag, value in dynamic if tag == wanted]

    return Elf(
        path=path,
        machine=header.machine,
        interpreter=header.interpreter,
        needed=tuple(texts(_DT_NEEDED)),
        soname="".join(texts(_DT_SONAME)[:1]),
        rpath=_split(texts(_DT_RPATH)),
        runpath=_split(texts(_DT_RUNPATH)),
    )


def _segments(
    descriptor: int, order: str, wide: bool, offset: int, entry_size: int, count: int
) -> tuple[Segment, ...]:
    layout = struct.Struct(order + ("IIQQQQQQ" if wide else "IIIIIIII"))
    if count > _MAX_HEADERS or (count and entry_size < layout.size):
        raise ValueError("its table of segments is not possible")
    start, address, size = (2, 3, 5) if wide else (1, 2, 4)
    found = []
    for index in range(count):
        fields = layout.unpack(_at(descriptor, offset + index * entry_size, layout.size))
        found.append(
            Segment(
                kind=fields[0], offset=fields[start], address=fields[address], size=fields[size]
            )
        )
    return tuple(found)


def _dynamic(descriptor: int, header: Header) -> list[tuple[int, int]]:
    """The entries of the dynamic section: tag and value."""
    section = header.dynamic
    if section is None:
        return []
    order = "<" if header.machine[1] == LITTLE else ">"
    layout = struct.Struct(order + ("qQ" if header.machine[0] == WIDE else "iI"))
    count = section.size // layout.size
    if count > _MAX_DYNAMIC:
        raise ValueError("its dynamic section is too long")
    found = []
    for tag, value in layout.iter_unpack(_at(descriptor, section.offset, count * layout.size)):
        if tag == _DT_NULL:
            break
        found.append((tag, value))
    return found


def _file_offset(segments: tuple[Segment, ...], address: int) -> int:
    for one in segments:
        if one.kind == _PT_LOAD and one.address <= address < one.address + one.size:
            return one.offset + address - one.address
    raise ValueError("its string table is in no segment")


def _string(descriptor: int, offset: int) -> str:
    text, end, _ = _bytes(descriptor, offset, _MAX_STRING).partition(b"\0")
    if not end:
        raise ValueError("a string in it does not end")
    return text.decode()


def _split(texts: list[str]) -> tuple[str, ...]:
    return tuple(part for text in texts for part in text.split(":") if part)


def _at(descriptor: int, offset: int, size: int) -> bytes:
    data = _bytes(descriptor, offset, size)
    if len(data) != size:
        raise ValueError("it ends too early")
    return data


def _bytes(descriptor: int, offset: int, size: int) -> bytes:
    if not 0 <= offset <= _MAX_OFFSET:
        raise ValueError("it points outside itself")
    return os.pread(descriptor, size, offset)
