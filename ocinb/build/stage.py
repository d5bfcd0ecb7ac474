"""The instructions of one stage, each carried out as a step of its build.

Spec: none (Dockerfile reference)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from ocinb.build.build import Build
from ocinb.build.configure import CONFIGURING, configure
from ocinb.build.dockerfile import Instruction, parse_one
from ocinb.build.expand import Lookup, expand
from ocinb.bundle.options import HOST_NETWORK, NO_NETWORK
from ocinb.errors import BuildError

_REMOTE = re.compile(r"(?:https?|ftp|git|ssh)://|git@[^:]+:", re.IGNORECASE)
_MODE = re.compile(r"[0-7]{3,4}")
_NETWORKS = {"default": None, "none": NO_NETWORK, "host": HOST_NETWORK}

_REFUSED = {
    ("RUN", "mount"): "mounts are not supported: copy what the command needs, or fetch it in it",
    ("RUN", "security"): "commands run without further privileges",
    ("RUN", "device"): "devices are not passed to commands",
    ("COPY", "parents"): "directories are named one by one",
    ("COPY", "exclude"): "what is to be left out belongs into .dockerignore",
    ("ADD", "exclude"): "what is to be left out belongs into .dockerignore",
    ("ADD", "checksum"): "nothing is fetched, so there is nothing to check",
    ("ADD", "keep-git-dir"): "nothing is fetched",
}
_KNOWN = {
    "RUN": ("network",),
    "COPY": ("from", "chown", "chmod", "link"),
    "ADD": ("chown", "chmod", "link"),
}


class Stage:
    """Carries out instructions.

    Args:
        build: the stage's.
        argument: name and default → the value that ``ARG`` gives it, or None.
        source: what ``COPY --from`` names → another stage's build, or the name of an image.
    """

    def __init__(
        self,
        build: Build,
        argument: Callable[[str, str | None], str | None],
        source: Callable[[str], Build | str],
    ) -> None:
        self._build = build
        self._argument = argument
        self._source = source

    def triggers(self, start: Instruction) -> Iterator[Instruction]:
        """The instructions that the base image has for builds from it.

        Spec: none (Dockerfile reference, ONBUILD)
        """
        for text in self._build.take_triggers():
            yield parse_one(text, start)

    def do(self, instruction: Instruction) -> None:
        """Carry out one instruction.

        Raises:
            BuildError: its arguments are malformed, it is not supported, or it failed.
            OcinbError: what else went wrong.
        """
        name = instruction.name
        if name == "WORKDIR":
            path = expand(instruction.arguments, self._lookup(), instruction.escape)
            self._build.workdir(path, text=instruction.text)
        elif name in CONFIGURING:
            self._configure(instruction)
        elif name == "RUN":
            self._run(instruction)
        elif name in ("COPY", "ADD"):
            self._copy(instruction)
        elif name == "ARG":
            self._declare(instruction)
        elif name == "MAINTAINER":
            self._build.author(instruction.arguments)
        else:
            raise BuildError(f"{name} cannot stand here")

    def _lookup(self) -> Lookup:
        """Variables: those of the environment win over arguments."""
        known = {**self._build.arguments, **self._build.wishes.variables()}
        return known.get

    def _configure(self, instruction: Instruction) -> None:
        lookup, keep_cmd = self._lookup(), self._build.cmd_is_ours
        self._build.configure(
            instruction.text,
            lambda wishes: configure(instruction, wishes, lookup, keep_cmd=keep_cmd),
        )
        if instruction.name == "CMD":
            self._build.cmd_is_ours = True

    def _declare(self, instruction: Instruction) -> None:
        """Spec: none (Dockerfile reference, ARG)"""
        values = {}
        for name, default in declarations(instruction, self._lookup()):
            value = self._argument(name, default)
            if value is not None:
                values[name] = value
        self._build.declare(values, text=instruction.text)

    def _run(self, instruction: Instruction) -> None:
        flags = _flags(instruction)
        network = flags.get("network", "default")
        if network not in _NETWORKS:
            raise BuildError(f"--network={network} is not supported", hint="none or host")
        first, *others = (*instruction.heredocs, None)
        script: bytes | None = None
        words = instruction.json
        if first is None:
            words = words if words is not None else [instruction.arguments]
        elif instruction.arguments == first.word and len(others) == 1:
            words = [first.text]
            script = first.text.encode() if first.text.startswith("#!") else None
        else:
            # The shell reads the heredocs itself.
            texts = [f"{found.text}{found.name}\n" for found in instruction.heredocs]
            words = ["\n".join([instruction.arguments, "".join(texts)])]
        self._build.run(
            *words,
            network=_NETWORKS[network],
            shell=instruction.json is None,
            script=script,
            text=instruction.text,
        )

    def _copy(self, instruction: Instruction) -> None:
        flags = _flags(instruction)
        lookup, escape = self._lookup(), instruction.escape
        words = instruction.json
        words = words if words is not None else instruction.arguments.split()
        if len(words) < 2:
            raise BuildError("it needs a source and a destination")
        texts = {
            found.name: (
                expand(found.text, lookup, escape, quotes=False) if found.expand else found.text
            ).encode()
            for found in instruction.heredocs
        }
        given = {found.word for found in instruction.heredocs}
        *sources, to = (expand(word, lookup, escape) for word in words if word not in given)
        remote = next(filter(_REMOTE.match, sources), None)
        if remote is not None:
            raise BuildError(
                f"{remote} is on another machine, and nothing is fetched for a build",
                hint="fetch it into the context, or by RUN with --network host",
            )
        source = flags.get("from")
        self._build.copy(
            *sources,
            to=to,
            from_=self._source(source) if source else None,
            chown=expand(flags["chown"], lookup, escape) if "chown" in flags else None,
            chmod=_mode(expand(flags["chmod"], lookup, escape)) if "chmod" in flags else None,
            texts=texts,
            unpack=instruction.name == "ADD",
            text=instruction.text,
        )


def declarations(instruction: Instruction, lookup: Lookup) -> list[tuple[str, str | None]]:
    """What an ``ARG`` declares: names, each with its default.

    Raises:
        BuildError: no name.
    """
    found: list[tuple[str, str | None]] = []
    for word in instruction.words:
        name, equals, default = word.partition("=")
        name = expand(name, lookup, instruction.escape)
        if not name:
            raise BuildError(f"{word} names nothing")
        found.append((name, expand(default, lookup, instruction.escape) if equals else None))
    return found


def _flags(instruction: Instruction) -> dict[str, str]:
    name = instruction.name
    for flag, _ in instruction.flags:
        if (name, flag) in _REFUSED:
            raise BuildError(f"--{flag} is not supported", hint=_REFUSED[name, flag])
        if flag not in _KNOWN[name]:
            known = ", --".join(_KNOWN[name])
            raise BuildError(f"there is no --{flag}", hint=f"there is --{known}")
    return dict(instruction.flags)


def _mode(text: str) -> int:
    if not _MODE.fullmatch(text):
        raise BuildError(f"--chmod={text} is not octal permission bits", hint="as in 755 or 0644")
    return int(text, 8)
