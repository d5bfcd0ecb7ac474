"""The execution parameters of an image, changed in its JSON object.

Spec: image-spec config.md#properties (config)
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ocinb.errors import BuildError

SHELL = ("/bin/sh", "-c")
"""What runs a command in shell form, unless ``SHELL`` says otherwise."""

_PORT = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?(?:/([A-Za-z]+))?", re.ASCII)
_SIGNAL = re.compile(r"(?:SIG)?[A-Z0-9+-]+|[0-9]{1,3}", re.ASCII)
_VARIABLE = re.compile(r"[^=\0]+")


class Wishes:
    """How an image wants to be run.

    Args:
        execution: ``config`` of the image config's object; changed in place, and fields that are
            not known here stay.
    """

    def __init__(self, execution: dict[str, Any]) -> None:
        self.execution = execution

    def variables(self) -> dict[str, str]:
        """The environment."""
        pairs = (entry.partition("=") for entry in self.execution.get("Env") or ())
        return {name: value for name, _, value in pairs}

    def env(self, variables: Mapping[str, str | None]) -> None:
        """Set variables of the environment; None removes one.

        Raises:
            BuildError: not a name, or a NUL in the value.
        """
        for name, value in variables.items():
            if not _VARIABLE.fullmatch(name) or "\0" in (value or ""):
                raise BuildError(f"{name!r} is not a variable that an environment can have")
        merged = {**self.variables(), **variables}
        self._set("Env", [f"{name}={value}" for name, value in merged.items() if value is not None])

    def label(self, labels: Mapping[str, str | None]) -> None:
        """Set labels; None removes one.

        Raises:
            BuildError: a label without a name.
        """
        if not all(labels):
            raise BuildError("a label has no name")
        merged = {**(self.execution.get("Labels") or {}), **labels}
        self._set("Labels", {key: value for key, value in merged.items() if value is not None})

    def expose(self, ports: Sequence[str]) -> None:
        """Tell ports: ``80``, ``53/udp``, ``8000-8002``.

        Raises:
            BuildError: not a port.

        Spec: image-spec config.md#properties (ExposedPorts)
        """
        told = dict(self.execution.get("ExposedPorts") or {})
        for text in ports:
            match = _PORT.fullmatch(text)
            first = int(match[1]) if match else 0
            last = int(match[2] or first) if match else 0
            protocol = (match[3] or "tcp").lower() if match else ""
            if not 0 < first <= last < 65536 or protocol not in ("tcp", "udp", "sctp"):
                raise BuildError(f"{text!r} is not a port", hint="as in 80, 53/udp, 8000-8002")
            told |= {f"{port}/{protocol}": {} for port in range(first, last + 1)}
        self._set("ExposedPorts", told)

    def volume(self, paths: Sequence[str]) -> None:
        """Tell paths where volumes are to be mounted.

        Raises:
            BuildError: an empty path.
        """
        if not all(paths):
            raise BuildError("a volume has an empty path")
        told = dict(self.execution.get("Volumes") or {})
        self._set("Volumes", told | {path: {} for path in paths})

    def user(self, user: str) -> None:
        """Who runs the program; empty: the superuser."""
        self._set("User", user)

    def working_directory(self) -> str:
        """Where the program begins."""
        return self.execution.get("WorkingDir") or "/"

    def workdir(self, path: str) -> str:
        """Set where the program begins, seen from where it began; the absolute path."""
        absolute = posixpath.normpath(posixpath.join("/", self.working_directory(), path))
        absolute = "/" + absolute.lstrip("/")
        self._set("WorkingDir", absolute)
        return absolute

    def entrypoint(self, command: Sequence[str] | None) -> None:
        """Set the entrypoint; None: none."""
        self._set("Entrypoint", list(command or ()))

    def cmd(self, command: Sequence[str] | None) -> None:
        """Set the default command or arguments; None: none."""
        self._set("Cmd", list(command or ()))

    def stop_signal(self, signal: str) -> None:
        """Set the signal that ends the program.

        Raises:
            BuildError: not a signal.
        """
        if not _SIGNAL.fullmatch(signal):
            raise BuildError(f"{signal!r} is not a signal", hint="as in SIGTERM or 15")
        self._set("StopSignal", signal)

    def shell_words(self) -> list[str]:
        """What runs a command in shell form."""
        return list(self.execution.get("Shell") or SHELL)

    def shell(self, words: Sequence[str]) -> None:
        """Set what runs commands in shell form. Spec: none (Docker convention)"""
        if not words:
            raise BuildError("a shell needs at least one word")
        self._set("Shell", list(words))

    def health_check(self, document: Mapping[str, Any]) -> None:
        """Set how the container's health is checked. Spec: none (Docker convention)"""
        self._set("Healthcheck", dict(document))

    def on_build(self, instruction: str) -> None:
        """Add an instruction for builds from this image. Spec: none (Docker convention)"""
        self._set("OnBuild", [*(self.execution.get("OnBuild") or ()), instruction])

    def take_triggers(self) -> list[str]:
        """The instructions that a base image has for this build; they are gone then."""
        return list(self.execution.pop("OnBuild", None) or ())

    def _set(self, field: str, value: Any) -> None:
        if value in ("", [], {}):
            self.execution.pop(field, None)
        else:
            self.execution[field] = value
