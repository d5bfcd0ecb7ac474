"""The build context: a directory whose files may be copied into an image.

Spec: none (Dockerfile reference)
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ocinb.build.stack import Node, Stack
from ocinb.errors import BuildError, StorageError

_LARGEST_IGNORE = 1 << 20
_GLOB = frozenset("*?[")


class Ignore:
    """The patterns of a ``.dockerignore``: the last that fits a path decides.

    Args:
        lines: of the file; comments and empty ones mean nothing.

    Raises:
        BuildError: a pattern that is none.

    Spec: none (Dockerfile reference, .dockerignore file)
    """

    def __init__(self, lines: Sequence[str] = ()) -> None:
        self._rules: list[tuple[re.Pattern[str], bool]] = []
        for line in lines:
            pattern = line.strip()
            if not pattern or line.startswith("#"):
                continue
            kept = pattern.startswith("!")
            pattern = posixpath.normpath(pattern[kept:].strip()).lstrip("/")
            if pattern in ("", "."):
                continue
            self._rules.append((glob_pattern(pattern), kept))
        self.has_exceptions = any(kept for _, kept in self._rules)

    def excludes(self, path: str) -> bool:
        """Whether a path of the context is left out."""
        names = path.split("/")
        paths = ["/".join(names[:count]) for count in range(1, len(names) + 1)]
        excluded = False
        for pattern, kept in self._rules:
            if excluded == kept and any(map(pattern.fullmatch, paths)):
                excluded = not kept
        return excluded


class Context(Stack):
    """The files of a context that are not left out.

    Args:
        directory: where they lie.
        ignore: what is left out.
    """

    def __init__(self, directory: Path | str, ignore: Ignore | None = None) -> None:
        self._ignore = ignore or Ignore()
        super().__init__([directory], marks=False)

    def child(self, parent: Node, name: str) -> Node | None:
        """As ``Stack`` has it; what is left out is not there.

        A directory that is left out is there all the same if something in it is not.
        """
        node = super().child(parent, name)
        if node is None or not self._ignore.excludes(node.path):
            return node
        if not (self._ignore.has_exceptions and node.is_directory):
            return None
        return node if self.children(node) else None


def read_ignore(context: Path, dockerfile: Path | None = None) -> Ignore:
    """The ``.dockerignore`` that counts: the Dockerfile's own, or else the context's.

    Raises:
        BuildError: it is too large, or not text. StorageError: it cannot be read.

    Spec: none (Dockerfile reference, .dockerignore file)
    """
    candidates = [context / ".dockerignore", context / ".containerignore"]
    if dockerfile is not None:
        candidates.insert(0, dockerfile.with_name(f"{dockerfile.name}.dockerignore"))
    for path in candidates:
        try:
            with path.open("rb") as file:
                data = file.read(_LARGEST_IGNORE + 1)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StorageError(f"{path}: {os.strerror(error.errno or 0).lower()}") from error
        if len(data) > _LARGEST_IGNORE:
            raise BuildError(f"{path} has more than {_LARGEST_IGNORE:,} bytes")
        try:
            return Ignore(data.decode("utf-8-sig").splitlines())
        except UnicodeDecodeError:
            raise BuildError(f"{path} is not text in UTF-8") from None
    return Ignore()


def matches(tree: Stack, pattern: str) -> list[str]:
    """The paths of a tree that a pattern of ``COPY`` names, in order; links are followed.

    A pattern without ``*``, ``?`` and ``[`` names itself, if it is there. It never leads out of
    the tree.

    Raises:
        BuildError: a pattern that is none. UnsafePath: links lead in a circle.

    Spec: none (Dockerfile reference, COPY; Go's filepath.Match)
    """
    found = [""]
    for part in posixpath.normpath(f"/{pattern}").strip("/").split("/"):
        if part in ("", "."):
            continue
        if not _GLOB.intersection(part):
            name = part.replace("\\", "")
            found = [f"{base}/{name}" if base else name for base in found]
            continue
        fits = glob_pattern(part)
        found = [
            f"{base}/{child.name}" if base else child.name
            for base in found
            for child in _children(tree, base)
            if fits.fullmatch(child.name)
        ]
    return [path for path in found if tree.follow(path) is not None]


def has_glob(pattern: str) -> bool:
    """Whether it can name several paths."""
    return bool(_GLOB.intersection(pattern))


def _children(tree: Stack, path: str) -> list[Node]:
    node = tree.follow(path)
    return tree.children(node) if node is not None and node.is_directory else []


@cache
def glob_pattern(pattern: str) -> re.Pattern[str]:
    """A pattern as a regular expression: ``*``, ``?``, ``[…]``, ``**`` over directories, ``\\``.

    Raises:
        BuildError: a ``[`` that is not closed, or a range that is none.

    Spec: none (Go's filepath.Match)
    """
    made, place = "", 0
    while place < len(pattern):
        char = pattern[place]
        if pattern.startswith("**/", place):
            made, place = f"{made}(?:.*/)?", place + 3
        elif pattern.startswith("**", place):
            made, place = f"{made}.*", place + 2
        elif char == "[":
            text, place = _char_class(pattern, place)
            made += text
        elif char == "\\" and place + 1 < len(pattern):
            made, place = made + re.escape(pattern[place + 1]), place + 2
        else:
            made += {"*": "[^/]*", "?": "[^/]"}.get(char) or re.escape(char)
            place += 1
    try:
        return re.compile(made, re.DOTALL)
    except re.error as error:
        raise BuildError(f"{pattern!r} is not a pattern: {error.msg}") from None


def _char_class(pattern: str, start: int) -> tuple[str, int]:
    """A class of characters as a regular expression, and the place behind it."""
    place = start + 1
    negated = pattern[place : place + 1] in ("^", "!")
    place += negated
    made = ""
    while place < len(pattern) and (pattern[place] != "]" or not made):
        if pattern[place] == "\\" and place + 1 < len(pattern):
            place += 1
            made += re.escape(pattern[place])
        else:
            made += pattern[place] if pattern[place] == "-" else re.escape(pattern[place])
        place += 1
    if place >= len(pattern):
        raise BuildError(f"{pattern!r} is not a pattern: a [ is not closed")
    return f"(?!/)[{'^' if negated else ''}{made}]", place + 1
