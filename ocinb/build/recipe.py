"""A Dockerfile carried out: its stages in the order in which they are needed.

Spec: none (Dockerfile reference)
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ocinb.build.build import Build
from ocinb.build.context import Context, read_ignore
from ocinb.build.dockerfile import Instruction, parse
from ocinb.build.expand import expand
from ocinb.build.stage import Stage, declarations
from ocinb.build.steps import Step
from ocinb.build.workplace import Workplace
from ocinb.bundle.options import NO_NETWORK
from ocinb.errors import BuildError, OcinbError
from ocinb.events import Warned
from ocinb.frozen import Frozen
from ocinb.spec.platform import Platform

PROXIES = frozenset(
    name
    for word in ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
    for name in (word, word.lower())
)
"""Arguments that every stage has undeclared, and that change nothing for the cache."""


class Recipe(Frozen):
    """What a Dockerfile is built with.

    Attributes:
        text: the Dockerfile.
        file: how it is called in errors.
        context: the directory that it copies from.
        ignore_of: the Dockerfile's own path, beside which its ``.dockerignore`` may lie.
        target: the stage to build, by name or number; empty: the last.
        arguments: of ``--build-arg``.
        platform: of images that it begins with; None: this machine's.
        network: of ``RUN``.
        use_cache: whether steps of earlier builds are used.
        epoch: see ``Build``.
        labels: what the image is given at the end, over those of the Dockerfile.
    """

    text: str
    file: str = "Dockerfile"
    context: Path | None = None
    ignore_of: Path | None = None
    target: str = ""
    arguments: Mapping[str, str] = {}
    platform: Platform | None = None
    network: str = NO_NETWORK
    use_cache: bool = True
    epoch: int | None = None
    labels: Mapping[str, str] = {}


def build(work: Workplace, recipe: Recipe) -> Step:
    """Build a Dockerfile.

    Nothing is named. Stages that the target does not need are not built. Images, layers and
    steps are kept in the store until garbage is collected: hold a lease until the result is named.

    Returns:
        The last step: its image is the result.

    Raises:
        BuildError: the Dockerfile is malformed, or a step failed.
        OcinbError: anything that goes wrong in a step. Messages begin with file, line and
            instruction.
    """
    return _Kitchen(work, recipe).build()


@contextmanager
def placed(instruction: Instruction) -> Iterator[None]:
    """Errors name file, line and instruction."""
    try:
        yield
    except OcinbError as error:
        if not error.message.startswith(instruction.where):
            error.message = f"{instruction.where}: {error.message}"
            error.args = (error.message,)
        raise


class _Section(Frozen):
    """One stage as it stands in the file."""

    number: int
    name: str
    base: str
    start: Instruction
    body: tuple[Instruction, ...]
    platform: Platform | None


class _Kitchen:
    """Builds the stages of one Dockerfile."""

    def __init__(self, work: Workplace, recipe: Recipe) -> None:
        self._work = work
        self._recipe = recipe
        self._used: set[str] = set()
        self._built: dict[int, Build] = {}
        instructions = parse(recipe.text, recipe.file)
        self._globals = self._platform_arguments()
        self._declared: dict[str, str] = {}
        head = list(itertools.takewhile(lambda found: found.name != "FROM", instructions))
        for instruction in head:
            with placed(instruction):
                if instruction.name != "ARG":
                    raise BuildError("a Dockerfile begins with FROM; only ARG may stand above it")
                self._declare(instruction)
        self._sections = list(self._read(instructions[len(head) :]))
        if not self._sections:
            raise BuildError(f"{recipe.file} has no FROM", hint="begin with FROM IMAGE")
        context = recipe.context
        self._context = context and Context(context, read_ignore(context, recipe.ignore_of))

    def build(self) -> Step:
        target = self._target()
        needed = self._needed(target, [])
        self._total = sum(1 + len(self._sections[number].body) for number in needed)
        self._total += bool(self._recipe.labels)
        self._numbers = itertools.count(1)
        for number in sorted(needed):
            self._build(self._sections[number])
        if self._recipe.labels:
            self._built[target].label(self._recipe.labels)
        unknown = sorted(set(self._recipe.arguments) - self._used - PROXIES - set(self._globals))
        if unknown:
            said = f"no ARG declares {', '.join(unknown)}, so --build-arg changes nothing"
            self._work.record(Warned(message=said))
        return self._built[target].steps[-1]

    def _build(self, section: _Section) -> None:
        recipe = self._recipe
        made = Build(
            self._work,
            context=self._context,
            platform=section.platform or recipe.platform,
            network=recipe.network,
            use_cache=recipe.use_cache,
            epoch=recipe.epoch,
            stage=section.name or str(section.number),
            numbers=self._numbers,
            total=self._total,
        )
        made.hidden = {k: v for k, v in recipe.arguments.items() if k in PROXIES}
        with placed(section.start):
            made.at(section.start.line)
            earlier = self._stage_named(section.base, section.number)
            base = section.base if earlier is None else self._built[earlier]
            made.from_(base, text=section.start.text)
        stage = Stage(made, self._argument, lambda name: self._source(name, section.number))
        for trigger in stage.triggers(section.start):
            with placed(trigger):
                stage.do(trigger)
        for instruction in section.body:
            with placed(instruction):
                made.at(instruction.line)
                stage.do(instruction)
        self._built[section.number] = made

    def _argument(self, name: str, default: str | None) -> str | None:
        """The value that a stage's ``ARG`` gives a name: that of the caller, the default, or what
        was declared above the first ``FROM``.

        Spec: none (Dockerfile reference, scope of ARG)
        """
        self._used.add(name)
        if name in self._recipe.arguments:
            return self._recipe.arguments[name]
        return default if default is not None else self._declared.get(name, self._globals.get(name))

    def _declare(self, instruction: Instruction) -> None:
        for name, default in declarations(instruction, self._global):
            value = self._argument(name, default)
            if value is not None:
                self._declared[name] = value

    def _global(self, name: str) -> str | None:
        return self._declared.get(name, self._globals.get(name))

    def _platform_arguments(self) -> dict[str, str]:
        """Spec: none (Dockerfile reference, automatic platform ARGs)"""
        found: dict[str, str] = {}
        here = Platform.host()
        for word, platform in (("TARGET", self._recipe.platform or here), ("BUILD", here)):
            found |= {
                f"{word}PLATFORM": str(platform),
                f"{word}OS": platform.os,
                f"{word}ARCH": platform.architecture,
                f"{word}VARIANT": platform.variant or "",
            }
        return found

    def _read(self, instructions: Sequence[Instruction]) -> Iterator[_Section]:
        starts = [n for n, found in enumerate(instructions) if found.name == "FROM"]
        for number, (start, end) in enumerate(
            itertools.zip_longest(starts, starts[1:], fillvalue=len(instructions))
        ):
            instruction = instructions[start]
            with placed(instruction):
                body = tuple(instructions[start + 1 : end])
                yield self._section(number, instruction, body)

    def _section(self, number: int, start: Instruction, body: tuple[Instruction, ...]) -> _Section:
        words = [expand(word, self._global, start.escape) for word in start.words]
        name = ""
        if len(words) == 3 and words[1].upper() == "AS":
            name = words[2].lower()
            if not name[:1].isalpha():
                raise BuildError(f"{name!r} is not a name for a stage", hint="begin with a letter")
        elif len(words) != 1:
            raise BuildError("it takes an image, and AS with a name if you like")
        if not words[0]:
            raise BuildError(
                f"{start.arguments.split()[0]} is empty",
                hint="declare it by ARG above the first FROM, or give --build-arg",
            )
        platform = None
        for flag, value in start.flags:
            if flag != "platform":
                raise BuildError(f"there is no --{flag}", hint="there is --platform")
            filled = expand(value, self._global, start.escape)
            platform = Platform.parse(filled) if filled else None
        return _Section(
            number=number, name=name, base=words[0], start=start, body=body, platform=platform
        )

    def _target(self) -> int:
        wanted = self._recipe.target
        if not wanted:
            return len(self._sections) - 1
        found = self._stage_named(wanted, len(self._sections))
        if found is None and wanted.isdigit() and int(wanted) < len(self._sections):
            found = int(wanted)
        if found is None:
            names = [section.name for section in self._sections if section.name]
            near = difflib.get_close_matches(wanted.lower(), names, n=1)
            raise BuildError(
                f"{self._recipe.file} has no stage {wanted}",
                hint=f"did you mean {near[0]}?"
                if near
                else f"stages: {', '.join(names) or 'none'}",
            )
        return found

    def _stage_named(self, name: str, before: int) -> int | None:
        """The last stage of that name above another."""
        found = [s.number for s in self._sections[:before] if s.name and s.name == name.lower()]
        return found[-1] if found else None

    def _numbered(self, name: str, before: int) -> int | None:
        number = self._stage_named(name, before)
        if number is None and name.isascii() and name.isdigit():
            number = int(name)
            if len(name) > 9 or number >= before:
                raise BuildError(f"there is no stage {name} above this one")
        return number

    def _needed(self, number: int, found: list[int]) -> list[int]:
        """A stage, and those that it begins with or copies from."""
        if number in found:
            return found
        found.append(number)
        section = self._sections[number]
        base = self._stage_named(section.base, number)
        sources = [base] if base is not None else []
        for instruction in section.body:
            with placed(instruction):
                for flag, value in instruction.flags:
                    if flag == "from" and instruction.name == "COPY":
                        source = self._numbered(value, number)
                        sources += [source] if source is not None else []
        for source in sources:
            self._needed(source, found)
        return found

    def _source(self, name: str, before: int) -> Build | str:
        number = self._numbered(name, before)
        return name if number is None else self._built[number]
