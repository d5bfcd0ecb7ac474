"""A directory for a trial, of which nothing is left: not even when the process was killed."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from ocinb.engine.runtime_process import find_runtime
from ocinb.engine.trials.trial import PREFIX
from ocinb.errors import OcinbError
from ocinb.linux.processes import alive, start_time
from ocinb.overlay.trees import remove_tree
from ocinb.private_directory import private_directory
from ocinb.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ocinb.engine.runtime_process import RuntimeProcess

_NAMES = "runtimes.json"
_STATE = "state"


@contextlib.contextmanager
def place(root: Path) -> Iterator[Path]:
    """A new directory; what trials of killed processes left is undone first.

    Args:
        root: where the directories of all trials lie.

    Raises:
        StorageError: it belongs to somebody else, or the disk refused.
    """
    private_directory(root)
    sweep(root)
    directory = root / f"{os.getpid()}-{start_time(os.getpid())}-{secrets.token_hex(4)}"
    directory.mkdir(mode=0o700)
    try:
        yield directory
    finally:
        _undo(directory)


def runtimes(directory: Path, names: Sequence[str]) -> list[RuntimeProcess]:
    """Find the runtimes, each with a directory for its state.

    Raises:
        UnsupportedHost: there is no such program.
    """
    found = [find_runtime(name, str(directory / f"{_STATE}-{n}")) for n, name in enumerate(names)]
    write_whole(directory / _NAMES, json.dumps(list(names)))
    return found


def sweep(root: Path) -> None:
    """Undo what trials of processes left that are no more."""
    for directory in root.iterdir() if root.is_dir() else ():
        pid, _, rest = directory.name.partition("-")
        started = rest.partition("-")[0]
        if pid.isdigit() and started.isdigit() and not alive(int(pid), int(started)):
            _undo(directory)


def _undo(directory: Path) -> None:
    try:
        names = json.loads((directory / _NAMES).read_bytes())
    except (OSError, ValueError):
        names = []
    for number, name in enumerate(names):
        state = directory / f"{_STATE}-{number}"
        with contextlib.suppress(OcinbError, OSError):
            runtime = find_runtime(str(name), str(state))
            for container in state.iterdir():
                if container.name.startswith(PREFIX):
                    argv = runtime.command("delete", "--force", container.name)
                    subprocess.run(
                        argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
                    )
    with contextlib.suppress(OSError):
        remove_tree(str(directory))
