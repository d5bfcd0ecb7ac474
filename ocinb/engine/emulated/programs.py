"""The container's program, found before it is started, so that a missing one is an error of create.

Spec: runtime-spec config.md#process (args)
"""

from __future__ import annotations

import os
import posixpath
import stat

from ocinb.engine.emulated.program_files import Program, read_program
from ocinb.errors import StepFailed, SyscallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocinb.engine.emulated.places import Places

_MOST_SCRIPTS = 4  # as the kernel: a script whose interpreter is a script, and so on


def find(places: Places, process: dict[str, Any]) -> str:
    """The path in the container of the program of ``process``, as execvp would find it.

    Raises:
        StepFailed: there is none, or it cannot be executed; in the words of other runtimes.
    """
    name: str = process["args"][0]
    if "/" in name:
        path = posixpath.join(process["cwd"], name)
        _check(places, name, path)
        return path
    denied = False
    for directory in _environment(process).get("PATH", "").split(":"):
        candidate = posixpath.join(process["cwd"], directory or ".", name)
        try:
            _check(places, name, candidate)
        except StepFailed as error:
            denied = denied or "permission denied" in error.message
        else:
            return candidate
    if denied:
        raise StepFailed(f'exec: "{name}": permission denied')
    raise StepFailed(
        f'exec: "{name}": executable file not found in $PATH',
        hint="process.env has PATH, or process.args[0] is an absolute path",
    )


def variables(places: Places, process: dict[str, Any]) -> dict[str, str]:
    """The program's environment; HOME from the image's passwd where it is not given.

    Spec: runtime-spec config.md#process (env)
    """
    found = _environment(process)
    if not found.get("HOME"):
        found["HOME"] = _home(places, (process.get("user") or {}).get("uid", 0))
    return found


def _environment(process: dict[str, Any]) -> dict[str, str]:
    pairs = (entry.partition("=") for entry in process.get("env") or [])
    return {name: value for name, _, value in pairs}


def _home(places: Places, uid: int) -> str:
    """Spec: none (runc convention)"""
    try:
        descriptor = places.open("/etc/passwd", os.O_RDONLY)
    except (SyscallError, OSError):
        return "/"
    with open(descriptor, encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            fields = line.rstrip("\n").split(":")
            if len(fields) >= 6 and fields[2] == str(uid):
                return fields[5] or "/"
    return "/"


def chain(places: Places, path: str) -> list[tuple[str, Program]]:
    """A program and, where it is a script, its interpreter, and that one's, in the container's
    paths; the last is no script.

    Raises:
        StepFailed: an interpreter is missing, or there are too many.
    """
    found = []
    for _ in range(_MOST_SCRIPTS):
        try:
            descriptor = places.open(path, os.O_RDONLY)
        except SyscallError as error:
            reason = os.strerror(error.errno or 0).lower()
            raise StepFailed(f'exec: "{path}": {reason}') from None
        try:
            program = read_program(descriptor)
        finally:
            os.close(descriptor)
        found.append((path, program))
        if program.kind != "script":
            return found
        path = posixpath.join("/", program.interpreter)
    raise StepFailed(f'exec: "{path}": exec format error: too many interpreters')


def _check(places: Places, name: str, path: str) -> None:
    try:
        descriptor = places.open(path)
    except (SyscallError, OSError) as error:
        reason = os.strerror(error.errno or 0).lower()
        raise StepFailed(f'exec: "{name}": stat {path}: {reason}') from None
    try:
        info = os.fstat(descriptor)
        executable = os.access(f"/proc/self/fd/{descriptor}", os.X_OK)
    finally:
        os.close(descriptor)
    if stat.S_ISDIR(info.st_mode):
        raise StepFailed(f'exec: "{name}": is a directory')
    if not executable or not stat.S_ISREG(info.st_mode):
        raise StepFailed(f'exec: "{name}": permission denied')
