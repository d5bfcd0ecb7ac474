"""Whether an OCI runtime works on this machine, found out by having it make a container.

That a program is installed says little: crun 1.8, for one, refuses machines that have control
groups of both versions. The container's program is never started, and what was found out is kept
as long as nothing changes that decides it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from ocinb.bundle.init_program import write_program
from ocinb.bundle.spec import spec
from ocinb.bundle.write import write_bundle
from ocinb.engine import rung_cache
from ocinb.engine.operations import cgroups_path
from ocinb.engine.runtime_process import RuntimeProcess, complaint, last_line
from ocinb.errors import OcinbError, StorageError
from ocinb.private_directory import private_directory
from ocinb.whole_file import write_whole

_FILE = "runtimes.json"
_PATIENCE = 20.0
"""Seconds that a runtime has for each of its operations."""


def refusal(runtime: RuntimeProcess, root: Path, run_root: Path) -> str:
    """Why a runtime does not make containers here, in its own words; empty where it does.

    Args:
        runtime: another one than ours.
        root: where containers will write.
        run_root: what was found out is kept there.
    """
    try:
        private_directory(root)
        private_directory(run_root)
        key = _key(runtime, root)
        kept = _kept(run_root)
        if kept.get(runtime.name, {}).get("key") != key:
            kept[runtime.name] = {"key": key, "refusal": _try(runtime, run_root)}
            with contextlib.suppress(OSError, StorageError):
                write_whole(run_root / _FILE, json.dumps(kept))
        return str(kept[runtime.name]["refusal"])
    except OcinbError as error:
        return error.message
    except OSError as error:
        return os.strerror(error.errno or 0).lower()


def _key(runtime: RuntimeProcess, root: Path) -> str:
    info = os.stat(runtime.argv[0])
    text = f"{rung_cache.key(root)}\n{runtime.argv[0]} {info.st_mtime_ns} {info.st_ino}"
    return hashlib.sha256(text.encode()).hexdigest()


def _kept(run_root: Path) -> dict[str, Any]:
    try:
        found = json.loads((run_root / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _try(runtime: RuntimeProcess, run_root: Path) -> str:
    """Spec: runtime-spec runtime.md#create"""
    with tempfile.TemporaryDirectory(prefix="probe-", dir=run_root) as directory:
        bundle, container = Path(directory), os.urandom(6).hex()
        (bundle / "rootfs").mkdir()
        write_program(bundle / "rootfs")
        superuser = os.geteuid() == 0
        config = spec(rootless=not superuser)
        config["process"] |= {"args": ["/init"], "terminal": False}
        if superuser:
            config["linux"]["cgroupsPath"] = cgroups_path(container)
        write_bundle(bundle, config)
        there = RuntimeProcess(name=runtime.name, argv=runtime.argv, root=str(bundle / "state"))
        try:
            return _call(there, bundle, "create", "--bundle", str(bundle), container)
        finally:
            _call(there, bundle, "delete", "--force", container)


def _call(runtime: RuntimeProcess, bundle: Path, operation: str, *arguments: str) -> str:
    """Why an operation failed; empty where it did not."""
    log = bundle / "log"
    # A file, for the container's program would hold a pipe open.
    with open(bundle / "output", "w+b") as output:
        try:
            status = subprocess.run(
                runtime.command(operation, *arguments, log=str(log)),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                check=False,
                timeout=_PATIENCE,
            ).returncode
        except subprocess.TimeoutExpired:
            return f"{operation} takes longer than {_PATIENCE:g} s"
        output.seek(0)
        said = complaint(str(log)) or last_line(output.read())
    return (said or f"{operation} ended with status {status}") if status else ""
