"""Exit statuses as shells and docker have them.

Spec: none (POSIX shell and Docker convention)
"""

from __future__ import annotations

import os

from ocinb.errors import OcinbError

ENGINE_FAILED = 125
"""ocinb itself could not run the container."""
CANNOT_EXECUTE = 126
"""The program is there, but cannot be executed."""
NOT_FOUND = 127
"""There is no such program."""

_NOT_FOUND_WORDS = ("not found in $path", "no such file or directory")
_CANNOT_WORDS = ("permission denied", "is a directory", "exec format error")


def of_wait(status: int) -> int:
    """From what ``waitpid`` gave: the exit status, or 128 and the number of the signal."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def of_error(error: OcinbError) -> int:
    """For a container that did not start, by what the runtime said of its program."""
    message = error.message.lower()
    if "exec" not in message:
        return ENGINE_FAILED
    if any(words in message for words in _NOT_FOUND_WORDS):
        return NOT_FOUND
    if any(words in message for words in _CANNOT_WORDS):
        return CANNOT_EXECUTE
    return ENGINE_FAILED
