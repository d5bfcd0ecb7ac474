"""The chain of components from an orchestrator to the kernel, and what of it is on this machine."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

from ocinb.table import Table, columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ocinb.engine.containers import ContainerRecord

COMPONENT_COLUMNS = columns("level:int role component present running:int part detail?")
"""``level`` 1 is the farthest from the kernel; ``running``: processes of that name now; ``part``:
what it did in the run that was asked about; ``detail``: where it is, or which version."""

ROLES = (
    ("orchestrator", ("kubelet", "k3s", "nomad")),
    ("engine", ("ocinb", "dockerd", "containerd", "crio", "podman", "buildah", "nerdctl")),
    ("monitor", ("ocinb monitor", "containerd-shim-runc-v2", "conmon", "conmonrs")),
    ("OCI runtime", ("ocinb-runtime", "runc", "crun", "youki", "runsc", "kata-runtime")),
    ("kernel", ("namespaces", "control groups", "overlay", "seccomp", "security modules")),
)
"""From the top: role, and the components that may fill it."""

_LONGEST_NAME = 15
"""Characters of a process's name that the kernel keeps."""


def components_table(
    record: ContainerRecord | None = None, config: Mapping[str, Any] | None = None, mount: str = ""
) -> Table:
    """What there is of the chain; nothing of it is started to find out.

    Args:
        record: a container, to tell what took part in its run.
        config: its config.json.
        mount: how its layers were stacked: overlay, fuse-overlayfs, or copy.
    """
    running = _running()
    part = _part(record, config or {}, mount) if record is not None else {}
    rows: list[tuple[Any, ...]] = []
    for level, (role, names) in enumerate(ROLES, 1):
        for name in names:
            present, detail = _kernel(name) if role == "kernel" else _program(name)
            count = running.get(name[:_LONGEST_NAME], 0) if role != "kernel" else None
            if name == "ocinb monitor":
                count = running.get("ocinb-monitor", 0)
            rows.append((level, role, name, present, count, part.get(name, ""), detail))
    title = f"what took part in the run of {record.name}" if record else "from Kubernetes to Linux"
    return Table(COMPONENT_COLUMNS, rows, title=title, key="component")


def _part(record: ContainerRecord, config: Mapping[str, Any], mount: str) -> dict[str, str]:
    runtime = "ocinb-runtime" if record.runtime == "ocinb" else os.path.basename(record.runtime)
    linux = config.get("linux") or {}
    own = [str(each.get("type")) for each in linux.get("namespaces") or ()]
    found = {
        "ocinb": f"stacked {record.image.rpartition('/')[2]}, wrote the bundle",
        "ocinb monitor": "holds its root and output, waits for its end",
        runtime: "create, start, delete",
    }
    if own:
        found["namespaces"] = f"its own {', '.join(own)}"
    if linux.get("cgroupsPath"):
        found["control groups"] = "count and limit it"
    if linux.get("seccomp"):
        found["seccomp"] = "filters its system calls"
    if mount == "overlay":
        found["overlay"] = "stacks its layers"
    return found


def _program(name: str) -> tuple[str, str]:
    if name.startswith("ocinb"):
        return "yes", "this package"
    path = shutil.which(name)
    return ("yes", path) if path else ("no", "")


def _kernel(name: str) -> tuple[str, str]:
    found = dict(_kernel_parts()).get(name, "")
    return ("yes" if found else "no"), found


def _kernel_parts() -> Iterator[tuple[str, str]]:
    kinds = sorted(set(_listed("/proc/self/ns")) - {"pid_for_children", "time_for_children"})
    yield "namespaces", ", ".join(kinds)
    unified = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
    controllers = [line.split()[0] for line in _lines("/proc/cgroups") if line[:1] != "#"]
    yield "control groups", ("version 2" if unified else "version 1" if controllers else "")
    overlay = any(line.split()[-1:] == ["overlay"] for line in _lines("/proc/filesystems"))
    yield "overlay", "overlayfs" if overlay else ""
    seccomp = any(line.startswith("Seccomp:") for line in _lines("/proc/self/status"))
    yield "seccomp", "filters" if seccomp else ""
    yield "security modules", "".join(_lines("/sys/kernel/security/lsm")[:1])


def _running() -> dict[str, int]:
    """Name of a process, as the kernel keeps it → how many there are."""
    found: dict[str, int] = {}
    for process in _listed("/proc"):
        if process.isdigit():
            name = "".join(_lines(f"/proc/{process}/comm")[:1])
            found[name] = found.get(name, 0) + 1
    return found


def _listed(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()
    except OSError:
        return []
