"""Exit statuses as shells and docker have them.

Spec: none (POSIX shell and Docker convention)
"""

from __future__ import annotations

import os
import re

from ocinb.errors import OcinbError

ENGINE_FAILED = 125
"""ocinb itself could not run the container."""
CANNOT_EXECUTE = 126
"""The program is there, but cannot be executed."""
NOT_FOUND = 127
"""There is no such program."""

_QUOTED = re.compile(r"""(["'`]).*?\1""")
_ABOUT_PROGRAM = re.compile(r"\bexec(ve|utable)?\b")
_HOOK = re.compile(r"\bhooks?\b")
_NOT_FOUND = re.compile(r"not found in \$path|no such file or directory")
_CANNOT = re.compile(r"permission denied|is a directory|exec format error|operation not permitted$")


def of_wait(status: int) -> int:
    """From what ``waitpid`` gave: the exit status, or 128 and the number of the signal."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def of_error(error: OcinbError) -> int:
    """For a container that did not start, by what the runtime said of its program.

    A hook that cannot be executed is no fault of the program. Names, which can be anything, are
    in quotation marks, and do not count.
    """
    message = _QUOTED.sub("", error.message.lower())
    if not _ABOUT_PROGRAM.search(message) or _HOOK.search(message):
        return ENGINE_FAILED
    if _NOT_FOUND.search(message):
        return NOT_FOUND
    return CANNOT_EXECUTE if _CANNOT.search(message) else ENGINE_FAILED


def mark(error: OcinbError) -> OcinbError:
    """The error, with the exit status that docker and podman give such a failure."""
    error.exit_status = of_error(error)  # type: ignore[attr-defined]
    return error
