"""Runtimes that break one rule: ours, called by a program that spoils the order on its way.

Run as ``python sabotage.py HOW WORDS…``; ``spoiled`` makes an executable file of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
OURS = [sys.executable, "-I", "-S", str(ROOT / "ocinb/runtime/__main__.py")]

Config = dict[str, Any]
Words = list[str]


def spoiled(directory: Path, how: str) -> Path:
    """The executable of a runtime that is spoiled in one of the ways of ``WAYS``."""
    directory.mkdir(parents=True, exist_ok=True)
    program = directory / how
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {Path(__file__)} {how} "$@"\n')
    program.chmod(0o755)
    return program


def _call(words: Words) -> int:
    return subprocess.call([*OURS, *words])


def _edited(edit: Callable[[Config], object]) -> Callable[[Words], int]:
    """``create`` is given another config.json than the one that is asked for."""

    def call(words: Words) -> int:
        if "create" in words:
            at = words.index("--bundle") + 1
            config = json.loads(Path(words[at], "config.json").read_bytes())
            edit(config)
            bundle = Path(words[words.index("--root") + 1]).parent / f"spoiled-{words[-1]}"
            bundle.mkdir(exist_ok=True)
            (bundle / "config.json").write_text(json.dumps(config))
            words = [*words[:at], str(bundle), *words[at + 1 :]]
        return _call(words)

    return call


def _without(*path: str) -> Callable[[Words], int]:
    """A field of config.json is passed over."""

    def edit(config: Config) -> None:
        for name in path[:-1]:
            config = config.get(name, {})
        config.pop(path[-1], None)

    return _edited(edit)


def _without_namespace(kind: str) -> Callable[[Words], int]:
    def edit(config: Config) -> None:
        spaces = config["linux"]["namespaces"]
        config["linux"]["namespaces"] = [each for each in spaces if each["type"] != kind]

    return _edited(edit)


def _without_scratch(config: Config) -> None:
    mounts = config["mounts"]
    config["mounts"] = [m for m in mounts if (m["destination"], m["type"]) != ("/scratch", "tmpfs")]


def _in_place_of(operation: str, call: Callable[[Words], int]) -> Callable[[Words], int]:
    return lambda words: call(words) if operation in words else _call(words)


def _always_done(words: Words) -> int:
    _call(words)
    return 0


def _by_force(words: Words) -> int:
    at = words.index("delete") + 1
    return _call([*words[:at], "--force", *words[at:]])


def _start_at_once(words: Words) -> int:
    root, container = words[words.index("--root") + 1], words[-1]
    return _call(words) or _call(["--root", root, "start", container])


def _create_late(words: Words) -> int:
    """``start`` makes the container anew, of the config.json that it finds then."""
    root, container = words[words.index("--root") + 1], words[-1]
    state = subprocess.run(
        [*OURS, "--root", root, "state", container], capture_output=True, text=True, check=False
    )
    if state.returncode or json.loads(state.stdout)["status"] != "created":
        return _call(words)
    bundle = json.loads(state.stdout)["bundle"]
    _call(["--root", root, "delete", "--force", container])
    return _call(["--root", root, "create", "--bundle", bundle, container]) or _call(words)


def _kill_for_good(words: Words) -> int:
    at = words.index("kill") + 1
    return _call([*words[: at + 1], "KILL"])


def _tell(change: Callable[[Config], object]) -> Callable[[Words], int]:
    """``state`` tells something else."""

    def call(words: Words) -> int:
        done = subprocess.run([*OURS, *words], stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode == 0:
            state = json.loads(done.stdout)
            change(state)
            print(json.dumps(state))  # noqa: T201
        return done.returncode

    return _in_place_of("state", call)


def _always_running(state: Config) -> None:
    state["status"] = state["status"].replace("stopped", "running")


def _forget(words: Words) -> int:
    """``delete`` says that it is done."""
    return _call(words) if "--force" in words else 0


WAYS: dict[str, Callable[[Words], int]] = {
    "starts-at-once": _in_place_of("create", _start_at_once),
    "creates-late": _in_place_of("start", _create_late),
    "kills-for-good": _in_place_of("kill", _kill_for_good),
    "always-running": _tell(_always_running),
    "no-pid": _tell(lambda state: state.pop("pid")),
    "forgets-delete": _in_place_of("delete", _forget),
    "deletes-by-force": _in_place_of("delete", _by_force),
    "start-is-always-done": _in_place_of("start", _always_done),
    "kill-is-always-done": _in_place_of("kill", _always_done),
    "create-is-always-done": _in_place_of("create", _always_done),
    "no-pid-namespace": _without_namespace("pid"),
    "no-ipc-namespace": _without_namespace("ipc"),
    "no-hostname": _without("hostname"),
    "no-mounts": _edited(_without_scratch),
    "writable-root": _edited(lambda config: config["root"].update(readonly=False)),
    "no-masks": _without("linux", "maskedPaths"),
    "no-readonly-paths": _without("linux", "readonlyPaths"),
    "another-cwd": _edited(lambda config: config["process"].update(cwd="/")),
    "no-env": _edited(lambda config: config["process"].update(env=["PATH=/bin"])),
    "no-rlimits": _without("process", "rlimits"),
    "all-capabilities": _edited(
        lambda config: config["process"]["capabilities"]["bounding"].append("CAP_SETUID")
    ),
    "new-privileges": _without("process", "noNewPrivileges"),
    "no-seccomp": _without("linux", "seccomp"),
    **{
        f"no-{stage}": _without("hooks", stage)
        for stage in ("createRuntime", "createContainer", "poststart", "poststop")
    },
}
"""Name → what becomes of a command line; the exit status."""

if __name__ == "__main__":
    sys.exit(WAYS[sys.argv[1]](sys.argv[2:]))
