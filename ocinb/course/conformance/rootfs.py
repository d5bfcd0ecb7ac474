"""The bundle that rules are tried with: a shell, a program that sleeps, and one config.json."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from ocinb.build.libraries import Loader
from ocinb.engine.operations import cgroups_path
from ocinb.errors import DocumentError, UnsupportedHost

HOSTNAME, WORD, SECRET = "conformance", "asked-for", "masked"
WORKING_DIRECTORY = "/usr"
"""One that is there outside as well: a runtime that changes no root can still keep this rule."""
OPEN_FILES = (77, 88)
"""Soft and hard limit."""
CAPABILITIES = {"CAP_CHOWN": 0, "CAP_KILL": 5}
"""Name → its bit."""
NO_FILESYSTEM = "no-such-filesystem"

_KINDS = ("pid", "network", "ipc", "uts", "mount")
_PROGRAMS = {"sh": "/bin/sh", "sleep": "/bin/sleep"}

PROGRAM = r"""
echo "pid=$$"
echo "cwd=$(pwd)"
echo "word=$WORD"
echo "nofile=$(ulimit -Sn) $(ulimit -Hn)"
[ -e /conformance ] && echo root=ours
[ -w / ] || echo root=readonly
[ -e /scratch/below ] || echo scratch=mounted
for name in null zero full random urandom tty; do
  [ -c /dev/$name ] && echo "device=$name"
done
[ -e /proc/self/ns ] && echo proc=mounted
read -r line < /proc/sys/kernel/hostname && echo "hostname=$line"
line=; read -r line < /secret && [ "$line" = masked ] && echo secret=told
[ -w /scratch ] || echo scratch=readonly
while read -r name value; do
  case $name in
    CapBnd:|CapEff:|NoNewPrivs:|Seccomp:) echo "${name%:}=$value" ;;
  esac
done < /proc/self/status
trap 'echo got=USR1' USR1
trap 'echo got=TERM; exit 0' TERM
echo ready=yes
while :; do sleep 1000 & wait $!; done
"""
"""What runs in the containers: it says what it sees, then what signals it gets."""

READY = "ready=yes"
CHANGED = f"echo changed=yes\n{PROGRAM}"


def make_bundle(directory: Path) -> None:
    """A root filesystem of this machine's shell, and ``config.json`` beside it.

    Raises:
        UnsupportedHost: a program or a library of it is missing.
    """
    rootfs = directory / "rootfs"
    loader = Loader()
    try:
        for name, path in _PROGRAMS.items():
            found = os.path.realpath(path)
            _copy(Path(found), rootfs / "bin" / name)
            for library in loader.closure(Path(found)):
                _copy(library.path, rootfs / str(library.path).lstrip("/"))
    except (OSError, DocumentError) as error:
        raise UnsupportedHost(
            f"no root filesystem can be made of this machine's shell: {error}"
        ) from error
    for name in ("dev", "proc", "scratch/below", "usr"):
        (rootfs / name).mkdir(parents=True, exist_ok=True)
    (rootfs / "conformance").touch()
    (rootfs / "secret").write_text(f"{SECRET}\n")
    write_config(directory, config(rootfs))


def write_config(directory: Path, document: dict[str, Any]) -> None:
    """Write the bundle's config.json."""
    (directory / "config.json").write_text(json.dumps(document, indent=1))


def config(rootfs: Path) -> dict[str, Any]:
    """What every rule is tried with, for the superuser or for an ordinary user.

    Spec: runtime-spec config.md
    """
    linux: dict[str, Any] = {
        "namespaces": [{"type": kind} for kind in _KINDS],
        "maskedPaths": ["/secret"],
        "readonlyPaths": ["/scratch"],
        "seccomp": {
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": ["swapon"], "action": "SCMP_ACT_ERRNO"}],
        },
    }
    if os.geteuid() != 0:
        linux["namespaces"].append({"type": "user"})
        for name, number in (("uid", os.geteuid()), ("gid", os.getegid())):
            linux[f"{name}Mappings"] = [{"containerID": 0, "hostID": number, "size": 1}]
    else:
        linux["cgroupsPath"] = cgroups_path(f"conformance-{os.urandom(4).hex()}")
    soft, hard = OPEN_FILES
    return {
        "ociVersion": "1.0.2",
        "root": {"path": str(rootfs), "readonly": True},
        "hostname": HOSTNAME,
        "process": {
            "cwd": WORKING_DIRECTORY,
            "args": ["/bin/sh", "-c", PROGRAM],
            "env": ["PATH=/bin", f"WORD={WORD}"],
            "user": {"uid": 0, "gid": 0},
            "rlimits": [{"type": "RLIMIT_NOFILE", "soft": soft, "hard": hard}],
            "noNewPrivileges": True,
            "capabilities": {
                kind: list(CAPABILITIES) for kind in ("bounding", "effective", "permitted")
            },
        },
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {
                "destination": "/dev",
                "type": "tmpfs",
                "source": "tmpfs",
                "options": ["nosuid", "strictatime", "mode=755", "size=65536k"],
            },
            {"destination": "/scratch", "type": "tmpfs", "source": "tmpfs"},
        ],
        "linux": linux,
    }


def _copy(source: Path, target: Path) -> None:
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
