"""What is said where the machine has run out of something: a sentence, as for any refusal.

The rooms below say it where they know what for (``no space left`` names the file); this is for
the calls that can fail at any point, above all for a descriptor more.
"""

from __future__ import annotations

import errno
import os

from ocinb.errors import CommandError, OcinbError, StorageError, UnsupportedHost

_FILES = "ulimit -n shows how many files a process may have open, and raises it"
_MEMORY = "end something else, or give this process more"
_ROOM = "make room, or choose another place with OCINB_ROOT"

_EXHAUSTED: dict[int, tuple[type[OcinbError], str]] = {
    errno.EMFILE: (UnsupportedHost, _FILES),
    errno.ENFILE: (UnsupportedHost, _FILES),
    errno.ENOMEM: (UnsupportedHost, _MEMORY),
    errno.ENOSPC: (StorageError, _ROOM),
    errno.EDQUOT: (StorageError, _ROOM),
    errno.EIO: (StorageError, "the device may be failing: dmesg may say more"),
}


def told(error: OSError | MemoryError) -> OcinbError | None:
    """The error for a person; None where it is of another kind."""
    if isinstance(error, FileNotFoundError) and error.filename is None and not _is_somewhere():
        return CommandError(
            "the working directory is not there any more", hint="cd to one, or name whole paths"
        )
    number = errno.ENOMEM if isinstance(error, MemoryError) else error.errno
    if isinstance(error, OcinbError) or number not in _EXHAUSTED:
        return None
    kind, hint = _EXHAUSTED[number]
    filename = getattr(error, "filename", None)
    where = f"{filename}: " if isinstance(filename, str) else "the machine refuses: "
    return kind(f"{where}{os.strerror(number).lower()}", hint=hint)


def _is_somewhere() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True
