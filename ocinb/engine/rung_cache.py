"""What was found out about this machine, kept until something changes that could change it.

Trying takes 20 to 60 ms, more than a container. The key names what decides: this boot, this user
with its privileges and namespaces, the kernel's switches, the programs and files that are needed.
A filter of system calls cannot be read, so a process that has one asks again what most of them
are about, which takes two forks.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
from functools import partial

from ocinb import __version__
from ocinb.engine.emulated.attempts import be_traced
from ocinb.errors import StorageError
from ocinb.linux import flags as f
from ocinb.linux.syscalls import Kernel
from ocinb.overlay.probe import answer_of
from ocinb.private_directory import private_directory
from ocinb.whole_file import write_whole

_FILE = "rung.json"
_STATUS = ("Uid", "Gid", "Groups", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp", "Seccomp_filters")
_SWITCHES = (
    "/proc/sys/kernel/random/boot_id",
    "/proc/sys/user/max_user_namespaces",
    "/proc/sys/user/max_mnt_namespaces",
    "/proc/sys/kernel/unprivileged_userns_clone",
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
    "/proc/sys/kernel/yama/ptrace_scope",
    "/proc/self/uid_map",
    "/proc/self/attr/current",
)
_FILES = ("/etc/subuid", "/etc/subgid", "/dev/fuse", "/etc/ld.so.conf.d")
_PROGRAMS = ("newuidmap", "newgidmap", "fuse-overlayfs", "proot", "fakechroot")


def key(directory: pathlib.Path) -> str:
    """What the answer depends on, as text.

    Args:
        directory: where containers will write.
    """
    found = [__version__, str(directory), str(os.stat(directory).st_dev)]
    with contextlib.suppress(OSError), open("/proc/self/status", encoding="utf-8") as file:
        found += [line.strip() for line in file if line.partition(":")[0] in _STATUS]
    if "Seccomp:\t0" not in found:
        found += [answer_of(partial(Kernel().unshare, f.CLONE_NEWUSER)), answer_of(be_traced)]
    for name in ("user", "mnt"):
        with contextlib.suppress(OSError):
            found.append(os.readlink(f"/proc/self/ns/{name}"))
    for path in _SWITCHES:
        with contextlib.suppress(OSError, ValueError):
            found.append(f"{path}={pathlib.Path(path).read_text(encoding='utf-8').strip()}")
    for path in (*_FILES, *_found_programs()):
        with contextlib.suppress(OSError):
            info = os.stat(path)
            found.append(f"{path}:{info.st_mtime_ns}:{info.st_mode:o}:{info.st_ino}")
    return "\n".join(found)


def read(directory: pathlib.Path, wanted: str) -> dict[str, dict[str, object]] | None:
    """What is kept for this key; None where there is nothing, or it is somebody else's."""
    try:
        with open(directory / _FILE, encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_uid != os.geteuid():
                return None
            document = json.load(file)
    except (OSError, ValueError):
        return None
    if not isinstance(document, dict) or document.get("key") != wanted:
        return None
    found = document.get("found")
    return found if isinstance(found, dict) else None


def write(directory: pathlib.Path, name: str, found: dict[str, object]) -> None:
    """Keep it, whole or not at all; that it cannot be kept is no error."""
    with contextlib.suppress(OSError, StorageError):
        private_directory(directory)
        write_whole(directory / _FILE, json.dumps({"key": name, "found": found}))


def forget(directory: pathlib.Path) -> None:
    """Try anew the next time."""
    with contextlib.suppress(OSError):
        (directory / _FILE).unlink()


def _found_programs() -> list[str]:
    paths = os.get_exec_path()
    return [
        next((p for place in paths if os.path.exists(p := os.path.join(place, name))), name)
        for name in _PROGRAMS
    ]
