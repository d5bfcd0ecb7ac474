"""The shared libraries of a program, found where its loader would find them.

Spec: none (ld.so(8); musl's dynlink)
"""

from __future__ import annotations

import os
import struct
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from ocinb.errors import DocumentError, UnsupportedHost
from ocinb.frozen import Frozen
from ocinb.linux.elf import Elf, is_elf, read

_CACHE_MAGIC = b"glibc-ld.so.cache1.1"
_OLD_CACHE_MAGIC = b"ld.so-1.7.0\0"
_CACHE_HEADER = struct.Struct("20sIIB3xI12x")
_CACHE_ENTRY = struct.Struct("iIIIQ")
_OLD_HEADER_SIZE, _OLD_ENTRY_SIZE = 16, 12
_MAX_CACHE = 32 << 20
_MUSL_PATHS = ("/lib", "/usr/local/lib", "/usr/lib")


class Library(Frozen):
    """A library of a program's closure.

    Attributes:
        name: as it is asked for.
        path: where the loader finds it; links not resolved.
        by_default: whether a loader without a cache finds it there too.
    """

    name: str
    path: Path
    by_default: bool


class Loader:
    """Finds libraries as the dynamic loader of this machine does.

    Args:
        cache: glibc's cache of library names.
    """

    def __init__(self, cache: Path = Path("/etc/ld.so.cache")) -> None:
        self._cache_path = cache
        self._cache: dict[str, list[Path]] | None = None

    def closure(self, program: Path) -> list[Library]:
        """The program's loader and all libraries, of libraries too, each once.

        A static program has none.

        Raises:
            DocumentError: the program is no ELF file. UnsupportedHost: a library is missing.
            OSError: a file cannot be read.
        """
        first = read(program)
        if not first.interpreter:
            return []
        found = {first.interpreter: Library(
            name=first.interpreter, path=Path(first.interpreter), by_default=True
        )}  # fmt: skip
        waiting = deque([(first, _own_paths(first))])
        while waiting:
            elf, inherited = waiting.popleft()
            for name in elf.needed:
                if name in found or self._is_loader(name, first.interpreter):
                    continue
                library = self._find(name, elf, inherited, first.interpreter)
                found[name] = library
                needed = read(library.path)
                waiting.append((needed, (*_own_paths(needed), *inherited)))
        return list(found.values())

    def _find(self, name: str, elf: Elf, inherited: tuple[str, ...], interpreter: str) -> Library:
        for path, by_default in self._candidates(name, elf, inherited, interpreter):
            if is_elf(path):
                try:
                    fits = read(path).machine == elf.machine
                except DocumentError:
                    continue
                if fits:
                    return Library(name=name, path=path, by_default=by_default)
        raise UnsupportedHost(
            f"the library {name} that {elf.path} needs is not on this machine",
            hint="choose another program, or install the library",
        )

    def _candidates(
        self, name: str, elf: Elf, inherited: tuple[str, ...], interpreter: str
    ) -> Iterator[tuple[Path, bool]]:
        if "/" in name:
            yield Path(name), True
            return
        if not elf.runpath:
            yield from ((Path(directory, name), True) for directory in inherited)
        yield from ((Path(directory, name), True) for directory in _expanded(elf, elf.runpath))
        musl = is_musl(interpreter)
        defaults = musl_paths(interpreter) if musl else default_paths(elf)
        if not musl:
            for path in self._cached(name):
                yield path, str(path.parent) in defaults
        yield from ((Path(directory, name), True) for directory in defaults)

    def _cached(self, name: str) -> list[Path]:
        if self._cache is None:
            self._cache = read_cache(self._cache_path)
        return self._cache.get(name, [])

    @staticmethod
    def _is_loader(name: str, interpreter: str) -> bool:
        """glibc's libraries name the loader; musl's name the C library, which is the loader."""
        base = os.path.basename(interpreter)
        return name == base or (is_musl(interpreter) and name.startswith("libc.musl-"))


def is_musl(interpreter: str) -> bool:
    """Whether a loader is musl's."""
    return os.path.basename(interpreter).startswith("ld-musl-")


def default_paths(elf: Elf) -> tuple[str, ...]:
    """Where glibc looks without a cache, on Debian and elsewhere."""
    triplets = {
        (2, 1, 62): "x86_64-linux-gnu",
        (1, 1, 3): "i386-linux-gnu",
        (2, 1, 183): "aarch64-linux-gnu",
        (1, 1, 40): "arm-linux-gnueabihf",
        (2, 1, 243): "riscv64-linux-gnu",
        (2, 1, 21): "powerpc64le-linux-gnu",
        (2, 2, 22): "s390x-linux-gnu",
    }
    triplet = triplets.get(elf.machine)
    multiarch = (f"/lib/{triplet}", f"/usr/lib/{triplet}") if triplet else ()
    wide = ("/lib64", "/usr/lib64") if elf.machine[0] == 2 else ()
    return (*multiarch, *wide, "/lib", "/usr/lib")


def musl_paths(interpreter: str) -> tuple[str, ...]:
    """Where musl looks: ``/etc/ld-musl-ARCH.path``, or its own list."""
    base = os.path.basename(interpreter)
    try:
        text = Path("/etc", base.removesuffix(".so.1") + ".path").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return _MUSL_PATHS
    return tuple(part for line in text.splitlines() for part in line.split(":") if part)


def read_cache(path: Path) -> dict[str, list[Path]]:
    """Library name → paths of glibc's cache, those for every processor first.

    Empty where there is no cache, or none of a form that we read.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_CACHE)
    except OSError:
        return {}
    start = 0
    if data.startswith(_OLD_CACHE_MAGIC):
        (count,) = struct.unpack_from("I", data, 12)
        start = (_OLD_HEADER_SIZE + count * _OLD_ENTRY_SIZE + 7) & ~7
    if not data.startswith(_CACHE_MAGIC, start):
        return {}
    found: dict[str, list[tuple[int, Path]]] = {}
    try:
        _, count, _, _, _ = _CACHE_HEADER.unpack_from(data, start)
        for index in range(min(count, len(data) // _CACHE_ENTRY.size)):
            offset = start + _CACHE_HEADER.size + index * _CACHE_ENTRY.size
            _, key, value, _, hwcap = _CACHE_ENTRY.unpack_from(data, offset)
            name = _text(data, start + key)
            found.setdefault(name, []).append((hwcap, Path(_text(data, start + value))))
    except struct.error:
        return {}
    return {
        name: [path for _, path in sorted(paths, key=lambda pair: pair[0])]
        for name, paths in found.items()
    }


def _text(data: bytes, offset: int) -> str:
    end = data.find(b"\0", offset, offset + 4096)
    return os.fsdecode(data[offset:end]) if end > offset else ""


def _own_paths(elf: Elf) -> tuple[str, ...]:
    return () if elf.runpath else _expanded(elf, elf.rpath)


def _expanded(elf: Elf, paths: tuple[str, ...]) -> tuple[str, ...]:
    """``$ORIGIN`` replaced; paths with other tokens, or relative ones, left out."""
    origin = str(elf.path.resolve().parent)
    replaced = (p.replace("${ORIGIN}", origin).replace("$ORIGIN", origin) for p in paths)
    return tuple(path for path in replaced if "$" not in path and path.startswith("/"))
