"""What our containers may have left on the machine, when all of them are removed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from ocinb.linux.cgroup import groups_below
from ocinb.settings import Settings


def leaks(settings: Settings) -> list[str]:
    """A line for each thing that is left of any container that ever was where they are kept.

    Mounts and processes are told by ``tests/support/leftovers.py``.
    """
    ids = containers(settings.containers)
    return [
        *_remains(settings.containers),
        *_remains(settings.runtime_state),
        *_remains(settings.network_state),
        *_groups(ids),
        *_links(ids),
    ]


def containers(directory: Path) -> set[str]:
    """The ids of all containers that were ever made."""
    log = directory / ".happenings.jsonl"
    lines = log.read_text().splitlines() if log.exists() else []
    return {json.loads(line)["container"] for line in lines}


def open_files() -> set[str]:
    """What this process has open, but for what a list of it opens."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            found.add(f"{name} {os.readlink(f'/proc/self/fd/{name}')}")
        except OSError:
            continue
    return found


def _remains(directory: Path) -> Iterator[str]:
    if directory.is_dir():
        yield from (str(path) for path in directory.iterdir() if not path.name.startswith("."))


def _groups(ids: set[str]) -> Iterator[str]:
    # Not by os.walk: another test's may lie deeper than Python recurs.
    for path in groups_below("/sys/fs/cgroup"):
        if os.path.basename(path).removeprefix("ocinb-") in ids:
            yield path


def _links(ids: set[str]) -> Iterator[str]:
    """Interfaces say in their alias, or by their name, whose they are."""
    for link in Path("/sys/class/net").iterdir():
        alias = link / "ifalias"
        text = f"{link.name} {alias.read_text() if alias.exists() else ''}"
        if any(container in text or container[:8] in link.name for container in ids):
            yield f"link {link.name}"
