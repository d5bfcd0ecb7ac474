"""Reading a Dockerfile: lines become instructions, each with its place.

Spec: none (Dockerfile reference)
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator

from ocinb.build.expand import words
from ocinb.errors import BuildError
from ocinb.frozen import Frozen

INSTRUCTIONS = (
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL",
    "MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
)  # fmt: skip

LARGEST = 4 << 20
"""Bytes of a Dockerfile that is read."""

_WITH_FLAGS = frozenset({"ADD", "COPY", "FROM", "HEALTHCHECK", "RUN"})
_WITH_HEREDOCS = frozenset({"ADD", "COPY", "RUN"})
_DIRECTIVE = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*")
_HEREDOC = re.compile(r"(?:[0-9]*)<<(-?)(?:(['\"])([^'\"<\s]+)\2|([^'\"<\s]+))")
_NAME = re.compile(r"[A-Za-z]+")


class Heredoc(Frozen):
    """Text between an instruction and a line that ends it.

    Attributes:
        word: as it stands in the instruction, as in ``<<EOF``.
        name: the word that ends it.
        text: with its last line break; leading tabs taken away where ``<<-`` asked for it.
        expand: whether variables are to be filled in: its name is not quoted.
    """

    word: str
    name: str
    text: str
    expand: bool


class Instruction(Frozen):
    """One instruction.

    Attributes:
        name: in upper case.
        flags: ``--name=value`` in front of the arguments.
        arguments: the rest, on one line.
        heredocs: in their order.
        line: where it begins, from 1.
        escape: the file's escape character.
        file: for errors.
    """

    name: str
    arguments: str
    line: int = 0
    flags: tuple[tuple[str, str], ...] = ()
    heredocs: tuple[Heredoc, ...] = ()
    escape: str = "\\"
    file: str = "Dockerfile"

    @property
    def text(self) -> str:
        """As history tells it: one line, then the heredocs."""
        flags = [f"--{name}={value}" if value else f"--{name}" for name, value in self.flags]
        line = " ".join(filter(None, [self.name, *flags, self.arguments]))
        return "\n".join([line, *(f"{heredoc.text}{heredoc.name}" for heredoc in self.heredocs)])

    @property
    def json(self) -> list[str] | None:
        """The arguments in exec form, or None where they are no JSON array of texts."""
        if not self.arguments.startswith("["):
            return None
        try:
            value = json.loads(self.arguments)
        except (ValueError, RecursionError):
            return None
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            return None
        return value

    @property
    def words(self) -> list[str]:
        """The arguments, split at white space that is not quoted; quotes stay."""
        return words(self.arguments, self.escape)

    def error(self, message: str, *, hint: str | None = None) -> BuildError:
        """An error at this place."""
        return BuildError(f"{self.where}: {message}", hint=hint)

    @property
    def where(self) -> str:
        """The place, as in ``Dockerfile:3: COPY``."""
        return f"{self.file}:{self.line}: {self.name}"


def parse(text: str, file: str = "Dockerfile") -> list[Instruction]:
    """The instructions of a Dockerfile.

    Args:
        file: how it is called in errors.

    Raises:
        BuildError: an unknown instruction, or something that has no end; file and line are named.
    """
    if len(text) > LARGEST:
        raise BuildError(f"{file} has more than {LARGEST:,} characters")
    return list(_Reader(text, file).instructions())


def parse_one(text: str, origin: Instruction) -> Instruction:
    """An instruction that another one holds, as ``ONBUILD`` does.

    Raises:
        BuildError: it is none.
    """
    name, arguments = _split(text)
    return _instruction(name, arguments, (), origin.line, origin.escape, origin.file)


class _Reader:
    def __init__(self, text: str, file: str) -> None:
        self._lines = text.removeprefix("﻿").replace("\r\n", "\n").split("\n")
        self._file = file
        self._place = 0
        self._escape = "\\"

    def instructions(self) -> Iterator[Instruction]:
        self._directives()
        while self._place < len(self._lines):
            start = self._place + 1
            line = self._logical_line()
            if not line.strip():
                continue
            name, arguments = _split(line.strip())
            heredocs: tuple[Heredoc, ...] = ()
            if name.upper() in _WITH_HEREDOCS:
                heredocs = tuple(self._heredocs(arguments, start))
            yield _instruction(name, arguments, heredocs, start, self._escape, self._file)

    def _directives(self) -> None:
        """``# escape=`` and ``# syntax=``: only above everything else."""
        seen: set[str] = set()
        while self._place < len(self._lines):
            match = _DIRECTIVE.fullmatch(self._lines[self._place].strip())
            if match is None or match[1].lower() not in ("escape", "syntax", "check"):
                return
            name, value = match[1].lower(), match[2]
            self._place += 1
            if name in seen:
                raise BuildError(f"{self._file}:{self._place}: a second {name} directive")
            seen.add(name)
            if name == "escape":
                if value not in ("\\", "`"):
                    raise BuildError(
                        f"{self._file}:{self._place}: {value!r} cannot be the escape character",
                        hint="it is \\ or `",
                    )
                self._escape = value

    def _logical_line(self) -> str:
        """A line with those that continue it; comments among them are left out."""
        made = ""
        while self._place < len(self._lines):
            line = self._lines[self._place]
            self._place += 1
            if line.lstrip().startswith("#") or (made and not line.strip()):
                if not made:
                    return ""
                continue
            stripped = line.rstrip(" \t")
            if not stripped.endswith(self._escape):
                return made + line
            made += stripped[:-1]
        return made

    def _heredocs(self, arguments: str, line: int) -> Iterator[Heredoc]:
        for word in words(arguments, self._escape):
            match = _HEREDOC.fullmatch(word)
            if match is None:
                continue
            strip, name = bool(match[1]), match[3] or match[4]
            taken: list[str] = []
            while True:
                if self._place >= len(self._lines):
                    raise BuildError(
                        f"{self._file}:{line}: the heredoc {word} has no end",
                        hint=f"a line {name} ends it",
                    )
                text = self._lines[self._place]
                self._place += 1
                text = text.lstrip("\t") if strip else text
                if text == name:
                    break
                taken.append(f"{text}\n")
            yield Heredoc(word=word, name=name, text="".join(taken), expand=match[2] is None)


def _split(line: str) -> tuple[str, str]:
    name, *rest = line.split(maxsplit=1)
    return name, rest[0].strip() if rest else ""


def _instruction(
    name: str,
    arguments: str,
    heredocs: tuple[Heredoc, ...],
    line: int,
    escape: str,
    file: str,
) -> Instruction:
    upper = name.upper()
    if upper not in INSTRUCTIONS:
        near = difflib.get_close_matches(upper, INSTRUCTIONS, n=1, cutoff=0.5)
        shown = name[:40] if _NAME.fullmatch(name) else repr(name[:40])
        raise BuildError(
            f"{file}:{line}: {shown} is not an instruction",
            hint=f"did you mean {near[0]}?" if near else f"one of {', '.join(INSTRUCTIONS)}",
        )
    flags: list[tuple[str, str]] = []
    while upper in _WITH_FLAGS and arguments.startswith("--"):
        flag, arguments = _split(arguments)
        if flag == "--":
            break
        key, _, value = flag[2:].partition("=")
        flags.append((key, value))
    made = Instruction(
        name=upper,
        flags=tuple(flags),
        arguments=arguments,
        heredocs=heredocs,
        line=line,
        escape=escape,
        file=file,
    )
    if not arguments and upper not in ("CMD", "ENTRYPOINT"):
        raise made.error("it needs at least one argument")
    return made
