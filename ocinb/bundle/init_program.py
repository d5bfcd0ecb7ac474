"""``--init``: a small first process of ours before the program.

The first process of a pid namespace inherits every orphan, and ignores signals that it has no
handler for. Few programs are made for that. The one in ``init/init.c`` is.

Spec: none (Docker convention)
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ocinb.errors import StorageError, UnsupportedHost

PLACE = "/dev/init"
"""In the container: its /dev is its own, so that nothing appears in the image's files."""
FILE = "init"
"""In the bundle."""
_PROGRAMS = Path(__file__).parent / "init"


def put_before(config: dict[str, Any]) -> None:
    """Have config.json run the program by way of it.

    Spec: runtime-spec config.md#process (args), config.md#mounts
    """
    process = config["process"]
    process["args"] = [PLACE, "--", *process["args"]]
    config["mounts"].append(
        {"destination": PLACE, "type": "bind", "source": FILE, "options": ["bind", "ro", "nosuid"]}
    )


def write_program(bundle: Path) -> None:
    """Put it into a bundle.

    Raises:
        UnsupportedHost: there is none for this machine. StorageError: the disk refused.
    """
    machine = os.uname().machine
    try:
        code = (_PROGRAMS / machine).read_bytes()
    except FileNotFoundError:
        known = sorted(path.name for path in _PROGRAMS.iterdir() if not path.suffix)
        raise UnsupportedHost(
            f"--init has no program for {machine}", hint=f"it has for {' and '.join(known)}"
        ) from None
    path = bundle / FILE
    try:
        path.write_bytes(code)
        path.chmod(0o755)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise StorageError(f"{path} cannot be written: {reason}") from error
