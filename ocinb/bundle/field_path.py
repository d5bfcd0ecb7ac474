"""Paths of fields in config.json: ``linux.namespaces[1].type``, read and followed.

Where keys are free (annotations, sysctl, unified) all that follows is one key, dots and all.
"""

from __future__ import annotations

import difflib
import re
from typing import Any

from ocinb.bundle.explanations import EXPLANATIONS
from ocinb.errors import CommandError

FREE_KEYS = ("annotations", "linux.sysctl", "linux.resources.unified")
"""Objects whose keys may have dots in them."""

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+|\+)\]")

Step = str | int
APPEND = -1
"""The step ``[+]``: behind the last member."""


def parse(path: str) -> list[Step]:
    """The steps of a path: names and numbers.

    Raises:
        CommandError: it is none.
    """
    for free in FREE_KEYS:
        if path.startswith(f"{free}.") and len(path) > len(free) + 1:
            return [*free.split("."), path[len(free) + 1 :]]
    steps: list[Step] = []
    position = 0
    while position < len(path):
        if path[position] == "." and 0 < position < len(path) - 1:
            position += 1
        found = _STEP.match(path, position)
        if found is None:
            break
        name, number = found[1], found[2]
        steps.append(name or (APPEND if number == "+" else int(number)))
        position = found.end()
    if not steps or position < len(path) or not isinstance(steps[0], str):
        raise CommandError(
            f"{path!r} is not the path of a field",
            hint="as in process.args, linux.namespaces[1].path, or mounts[+] for one more",
        )
    return steps


def general(path: str) -> str:
    """A path without the numbers of members: ``mounts[3].type`` → ``mounts[].type``.

    Free keys become ``*``, or are left out where they have no fields of their own.
    """
    path = re.sub(r"\[[^\]]*\]", "[]", path)
    path = re.sub(r"\s\(.*$", "", path)
    for free in FREE_KEYS:
        if path.startswith(f"{free}."):
            return free
    for objects in ("linux.timeOffsets", "linux.netDevices", "linux.resources.rdma"):
        path = re.sub(rf"^{re.escape(objects)}\.[^.]+", rf"{objects}.*", path)
    return path


def known(path: str) -> str | None:
    """The field of the table that a path is about: itself, or the nearest above it."""
    wanted = general(path)
    while wanted:
        if wanted in EXPLANATIONS:
            return wanted
        shorter = wanted.removesuffix("[]").removesuffix(".*")
        wanted = shorter if shorter != wanted else wanted.rpartition(".")[0]
    return None


def nearest(path: str) -> str | None:
    """The known field whose path looks most like this one."""
    wanted = general(path)
    ends = [field for field in EXPLANATIONS if field.rpartition(".")[2] == wanted]
    found = ends or difflib.get_close_matches(wanted, list(EXPLANATIONS), n=1, cutoff=0.5)
    return found[0] if found else None


def get(config: Any, path: str) -> Any:
    """The value at a path, or None."""
    for step in parse(path):
        try:
            config = config[step]
        except (KeyError, IndexError, TypeError):
            return None
    return config
