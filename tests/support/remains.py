"""What a runtime may have left behind: states, mounts, control groups, processes."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from tests.support.runtimes import Bundle, RuntimeProgram, mount_points_below, wait_until

TREE = Path("/sys/fs/cgroup")


def check_nothing_left(runtime: RuntimeProgram, bundle: Bundle) -> None:
    """Fail for anything that a runtime left of a bundle's containers."""
    assert not runtime.root.exists() or os.listdir(runtime.root) == []
    rootfs = (bundle.config.get("root") or {}).get("path")
    assert mount_points_below(bundle.directory) == []
    assert not rootfs or mount_points_below(rootfs) == []
    group = (bundle.config.get("linux") or {}).get("cgroupsPath")
    if group:
        left = [path for path in trees() if (path / group.lstrip("/")).exists()]
        assert left == []
    # A killed process may take a moment to be gone.
    wait_until(lambda: processes_naming(runtime.root) == [])


def trees() -> list[Path]:
    """The trees of control groups: those of version 1, or the one of version 2."""
    if (TREE / "cgroup.controllers").exists():
        return [TREE]
    return [path for path in TREE.iterdir() if path.is_dir()]


def processes_naming(path: Path) -> list[int]:
    """Processes with a path in their command line, as the runtime's own have its ``--root``."""
    return [pid for pid in all_pids() if str(path) in _command(pid)]


def held(pid: int) -> list[str]:
    """What the descriptors of a process are; one that is closed meanwhile is not among them."""
    found = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(os.readlink(link))
    return found


def all_pids() -> list[int]:
    """Every process there is."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""
