"""Running a variation by a runtime, and what came of it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.peers import require
from tests.support.runtimes import Bundle, RuntimeProgram, make_rootfs
from tests.support.variations import cgroups, hooks, linux, mounts, process, seccomp
from tests.support.variations.probe import SCRIPT, files, observed
from tests.support.variations.variation import Place, Variation, changed

_TABLES = (process, mounts, linux, seccomp, cgroups, hooks)
ROWS = {row.name: row for table in _TABLES for row in table.ROWS}

UNCHANGED = Variation("unchanged", {})


@contextmanager
def surroundings(directory: Path) -> Iterator[tuple[Path, int]]:
    """What runs share: a tree with a filesystem in it, and a process to join.

    Yields:
        The tree and the process's pid.
    """
    tree = directory / "tree"
    (tree / "inner").mkdir(parents=True)
    (tree / "file").write_text("outer\n")
    subprocess.run(["mount", "-t", "tmpfs", "x", tree / "inner"], check=True)
    (tree / "inner/file").write_text("inner\n")
    require("unshare")
    options = ["--net", "--ipc", "--uts", "--pid", "--fork", "--kill-child"]
    argv = ["unshare", *options, "sh", "-c", "hostname held; echo; exec sleep 1000"]
    try:
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            try:
                yield tree, process.pid
            finally:
                process.kill()
    finally:
        subprocess.run(["umount", tree / "inner"], check=True)


def observe(
    runtime: str, row: Variation, directory: Path, tree: Path, holder: int
) -> dict[str, str]:
    """Run a row by ours, runc or crun in a directory that is not there yet.

    Returns:
        Observation → what was seen.
    """
    place = Place(directory / "place", tree, holder)
    place.source.mkdir(parents=True)
    (place.source / "file").write_text("content\n")
    (place.source / "run").write_text("#!/bin/sh\necho ran\n")
    (place.source / "run").chmod(0o755)
    (place.source / "link").symlink_to(".")
    make_rootfs(place.rootfs)
    (place.rootfs / "etc/other").write_text("other\n")
    if row.prepare:
        row.prepare(place)
    before = set(files(place.rootfs).splitlines())
    bundle = Bundle(place.directory / "bundle", place.rootfs)
    bundle.shell(SCRIPT + row.extra)
    bundle.process["args"] += ["probe", "an argument"]
    bundle.config = changed(bundle.config, row, place)
    program = RuntimeProgram(runtime, directory / "state")
    (directory / "stdin").touch()
    # Not /dev/null: crun gives its standard input to the user, and that one is the whole host's.
    with (directory / "stdin").open() as stdin:
        done = program.call("run", "--bundle", bundle.write(), "c", stdin=stdin)
    group = (bundle.config.get("linux") or {}).get("cgroupsPath") or "/c-of-a-row"
    seen = observed(done.stdout, done.returncode, place, group)
    seen["error"] = done.stderr.replace(str(place.directory), "PLACE")
    left = "\n".join(sorted(set(files(place.rootfs).splitlines()) - before))
    seen["left"] = left.replace(str(place.directory).lstrip("/"), "PLACE")
    wrote = place.source / "hooks"
    seen["hooks"] = wrote.read_text() if wrote.exists() else ""
    seen["hooks"] = seen["hooks"].replace(str(place.directory), "PLACE")
    # pytest's word in the environment, which a hook without one of its own inherits.
    seen["hooks"] = re.sub(r"PYTEST_CURRENT_TEST=.*\n", "", seen["hooks"])
    seen["state"] = str(sorted(os.listdir(program.root))) if program.root.exists() else "[]"
    if seen["state"] != "[]":
        program.call("delete", "--force", "c")
    return seen


def differing(ours: dict[str, str], peer: dict[str, str]) -> list[str]:
    """The observations that two runtimes do not share; their own words of errors apart."""
    if ("refused" in ours) != ("refused" in peer):
        return ["refused"]
    keys = dict.fromkeys([*ours, *peer])
    # What a runtime says on standard error is the program's too, where it started.
    return [key for key in keys if key != "error" and ours.get(key) != peer.get(key)]
