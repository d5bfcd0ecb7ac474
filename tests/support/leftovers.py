"""What a program must not leave behind: mounts, processes, control groups, half-written files."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from ocinb.linux.mounts import mounts


def leftovers(directory: Path) -> list[str]:
    """Mounts beneath a directory, and processes that have to do with it, a line for each.

    Processes have a few seconds to end.
    """
    return [*_mounts_in(directory), *_processes_of(directory)]


def clear(directory: Path) -> None:
    """Undo what ``leftovers`` finds, so that one test does not fail the next."""
    for line in leftovers(directory):
        kind, _, what = line.partition(" ")
        if kind == "mount":
            subprocess.run(["umount", "-l", what], check=False)
        elif _is_of(what, directory):
            os.kill(int(what), 9)


def unsound(root: Path) -> list[str]:
    """What is wrong with a store and its unpacked layers: each line is something half-written.

    A partial download is none: it lies apart and a later pull goes on with it.
    """
    return [*_wrong_blobs(root / "store"), *_lost_names(root / "store"), *_partial(root / "layers")]


def names(root: Path) -> list[str]:
    """The names that a store has."""
    index = root / "store/index.json"
    document = json.loads(index.read_bytes()) if index.exists() else {"manifests": []}
    return [m["annotations"]["org.opencontainers.image.ref.name"] for m in document["manifests"]]


def _wrong_blobs(store: Path) -> Iterator[str]:
    for blob in (store / "blobs").glob("*/*"):
        with blob.open("rb") as file:
            if hashlib.file_digest(file, blob.parent.name).hexdigest() != blob.name:
                yield f"{blob} is not what its name says"


def _lost_names(store: Path) -> Iterator[str]:
    index = store / "index.json"
    document = json.loads(index.read_bytes()) if index.exists() else {"manifests": []}
    for manifest in document["manifests"]:
        algorithm, _, encoded = manifest["digest"].partition(":")
        if not (store / "blobs" / algorithm / encoded).exists():
            yield f"{manifest} points at nothing"


def _partial(layers: Path) -> Iterator[str]:
    for path in (layers / "partial").glob("*"):
        yield f"{path} is half unpacked"


def _mounts_in(directory: Path) -> list[str]:
    return [f"mount {m.target}" for m in mounts() if m.target.startswith(f"{directory}/")]


def _processes_of(directory: Path) -> list[str]:
    found = []
    end = time.monotonic() + 20
    while time.monotonic() < end:
        found = [pid for pid in os.listdir("/proc") if pid.isdigit() and _is_of(pid, directory)]
        if not found:
            return []
        time.sleep(0.05)
    return [f"process {pid}" for pid in found]


def _is_of(pid: str, directory: Path) -> bool:
    """Whether a process was started with paths of the directory, or sees a writable layer there.

    That a file system is mounted in the directory says nothing: every process of this machine
    sees a mount that a test has made.
    """
    if int(pid) == os.getpid():
        return False
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        mounted = Path(f"/proc/{pid}/mountinfo").read_bytes()
    except OSError:
        return False
    return os.fsencode(directory) in command or os.fsencode(f"upperdir={directory}/") in mounted
