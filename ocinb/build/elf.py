"""ELF headers: which loader and which shared libraries a program needs.

Only reading, nothing is run: ``ldd`` runs the program's loader. Every offset and count of the file
is checked, so that a damaged file is an error and not a crash or an endless loop.

Spec: none (System V ABI, gABI chapters 4 and 5)
"""

from __future__ import annotations

import dataclasses
import struct
from pathlib import Path
from typing import IO

from ocinb.errors import DocumentError

_MAGIC = b"\x7fELF"
_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_DT_NULL, _DT_NEEDED, _DT_STRTAB, _DT_SONAME, _DT_RPATH, _DT_RUNPATH = 0, 1, 5, 14, 15, 29
_MAX_HEADERS = 1024
_MAX_DYNAMIC = 1 << 16
_MAX_STRING = 4096
_MAX_OFFSET = 1 << 40


@dataclasses.dataclass(frozen=True, slots=True)
class Elf:
    """What the dynamic loader would read.

    Attributes:
        path: the file.
        machine: ``(class, byte order, machine number)``: libraries must have the same.
        interpreter: the loader; empty for a static program and for most libraries.
        needed: names of shared libraries.
        soname: its own name as a library, or empty.
        rpath, runpath: where to look for ``needed``, ``$ORIGIN`` not yet replaced.
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
        with path.open("rb") as file:
            return file.read(4) == _MAGIC
    except OSError:
        return False


def read(path: Path) -> Elf:
    """Read a program's or library's headers.

    Raises:
        DocumentError: not ELF, or damaged. OSError: it cannot be read.
    """
    with path.open("rb") as file:
        try:
            return _read(path, file)
        except (struct.error, ValueError) as error:
            raise DocumentError(f"{path} is not a whole ELF file: {error}") from error


def _read(path: Path, file: IO[bytes]) -> Elf:
    ident = file.read(16)
    if len(ident) < 16 or ident[:4] != _MAGIC or ident[4] not in (1, 2) or ident[5] not in (1, 2):
        raise ValueError("its first bytes are not ELF's")
    wide = ident[4] == 2
    order = "<" if ident[5] == 1 else ">"
    header = struct.Struct(order + ("HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"))
    fields = header.unpack(_at(file, 16, header.size))
    machine = (ident[4], ident[5], fields[1])
    segments = _segments(file, order, wide, fields[4], fields[8], fields[9])
    interpreter = ""
    dynamic: list[tuple[int, int]] = []
    for kind, offset, _, size in segments:
        if kind == _PT_INTERP:
            interpreter = _at(file, offset, min(size, _MAX_STRING)).partition(b"\0")[0].decode()
        elif kind == _PT_DYNAMIC:
            dynamic = _dynamic(file, order, wide, offset, size)
    tables = [value for tag, value in dynamic if tag == _DT_STRTAB]
    strings = _file_offset(segments, tables[0]) if tables else 0

    def texts(wanted: int) -> list[str]:
        return [_string(file, strings + value) for tag, value in dynamic if tag == wanted]

    return Elf(
        path=path,
        machine=machine,
        interpreter=interpreter,
        needed=tuple(texts(_DT_NEEDED)),
        soname="".join(texts(_DT_SONAME)[:1]),
        rpath=_split(texts(_DT_RPATH)),
        runpath=_split(texts(_DT_RUNPATH)),
    )


def _segments(
    file: IO[bytes], order: str, wide: bool, offset: int, entry_size: int, count: int
) -> list[tuple[int, int, int, int]]:
    """The program headers as ``(type, file offset, address, bytes in the file)``."""
    layout = struct.Struct(order + ("IIQQQQQQ" if wide else "IIIIIIII"))
    if count > _MAX_HEADERS or (count and entry_size < layout.size):
        raise ValueError("its table of segments is not possible")
    found = []
    for index in range(count):
        fields = layout.unpack(_at(file, offset + index * entry_size, layout.size))
        if wide:
            found.append((fields[0], fields[2], fields[3], fields[5]))
        else:
            found.append((fields[0], fields[1], fields[2], fields[4]))
    return found


def _dynamic(
    file: IO[bytes], order: str, wide: bool, offset: int, size: int
) -> list[tuple[int, int]]:
    layout = struct.Struct(order + ("qQ" if wide else "iI"))
    count = size // layout.size
    if count > _MAX_DYNAMIC:
        raise ValueError("its dynamic section is too long")
    found = []
    for tag, value in layout.iter_unpack(_at(file, offset, count * layout.size)):
        if tag == _DT_NULL:
            break
        found.append((tag, value))
    return found


def _file_offset(segments: list[tuple[int, int, int, int]], address: int) -> int:
    for kind, offset, start, size in segments:
        if kind == _PT_LOAD and start <= address < start + size:
            return offset + address - start
    raise ValueError("its string table is in no segment")


def _string(file: IO[bytes], offset: int) -> str:
    _seek(file, offset)
    text, end, _ = file.read(_MAX_STRING).partition(b"\0")
    if not end:
        raise ValueError("a string in it does not end")
    return text.decode()


def _split(texts: list[str]) -> tuple[str, ...]:
    return tuple(part for text in texts for part in text.split(":") if part)


def _at(file: IO[bytes], offset: int, size: int) -> bytes:
    _seek(file, offset)
    data = file.read(size)
    if len(data) != size:
        raise ValueError("it ends too early")
    return data


def _seek(file: IO[bytes], offset: int) -> None:
    if not 0 <= offset <= _MAX_OFFSET:
        raise ValueError("it points outside itself")
    file.seek(offset)
