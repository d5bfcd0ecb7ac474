"""What of the chain from Kubernetes to the kernel exists on this machine, and runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from ocinb.stack.configured import PLACES, runtimes
from ocinb.stack.processes import processes, sockets
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from ocinb.stack.processes import Process

HERE_COLUMNS = columns("level:int role program version running:int sockets runtimes path?")
"""``level`` 1 is the farthest from the kernel; ``version`` is empty where it is not installed;
``sockets``: at which it listens; ``runtimes``: those that its configuration names, the default
one first."""

PROGRAMS = (
    ("orchestrator", ("kubelet", "k3s")),
    ("engine", ("dockerd", "containerd", "crio", "podman", "buildah")),
    ("client", ("docker", "ctr", "crictl", "nerdctl", "kubectl")),
    ("monitor", ("containerd-shim-runc-v2", "conmon", "ocinb monitor")),
    ("OCI runtime", ("ocinb-runtime", "runc", "crun", "youki", "runsc")),
)
"""From the top: role, and the programs that may fill it."""

_PATIENCE = 5.0
"""Seconds that a program may take to tell its version."""

_DEFAULT_SOCKETS = {"podman": ("/run/podman/podman.sock",)}
"""Sockets that a service manager holds for a program that does not run yet."""


def here_table() -> Table:
    """What there is. Programs are asked for their versions; nothing else of them is started."""
    running: dict[str, list[Process]] = {}
    for each in processes():
        running.setdefault(each.name, []).append(each)
    names = [(level, role, name) for level, (role, of) in enumerate(PROGRAMS, 1) for name in of]
    with ThreadPoolExecutor(4) as pool:
        versions = list(pool.map(lambda row: _version(row[2]), names))
    rows: list[tuple[Any, ...]] = []
    for (level, role, name), (version, path) in zip(names, versions, strict=True):
        # The kernel keeps 15 characters of a name.
        own = running.get(name.replace(" ", "-")[:15], [])
        listens = [place for each in own for place in sockets(each.pid)]
        listens += filter(os.path.exists, _DEFAULT_SOCKETS.get(name, ()))
        command = own[0].command if own else ()
        chosen = runtimes(name, command) if name in PLACES and (path or own) else []
        rows.append(
            (level, role, name, version, len(own), ", ".join(dict.fromkeys(listens)),
             ", ".join(chosen), path)
        )  # fmt: skip
    return Table(HERE_COLUMNS, rows, title="from Kubernetes to the OCI runtime", key="program")


def _version(name: str) -> tuple[str, str]:
    """A program's version and path; empty where there is none."""
    if name.startswith("ocinb"):
        from ocinb import __version__

        return __version__, shutil.which(name) or "this package"
    path = shutil.which(name)
    if path is None:
        return "", ""
    words = _WORDS.get(name, ("--version",))
    try:
        done = subprocess.run(
            [path, *words],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_PATIENCE,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "not told", path
    found = re.search(r"\d+\.\d+[\w.+~-]*", done.stdout + done.stderr)
    return (found[0] if found else "not told"), path


_WORDS = {"containerd-shim-runc-v2": ("-v",), "kubectl": ("version", "--client")}
