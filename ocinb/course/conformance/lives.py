"""The lives that a runtime is put through; what was seen is written down, and judged elsewhere.

Each returns plain JSON values. What is missing was not reached.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, Any

from ocinb.course.conformance import rootfs
from ocinb.linux.processes import start_time
from ocinb.spec.runtime_state import STOPPED

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocinb.course.conformance.driver import Driver

Seen = dict[str, Any]

KINDS = ("pid", "net", "ipc", "uts", "mnt")
"""Namespaces that config.json asks for, as /proc calls them."""

_ID = "ocinb-conformance-{}"
_STAGES = ("createRuntime", "createContainer", "poststart", "poststop")
_HOOK = r"""
cd "$2" || exit 1
echo "$1" >> order
cat > "$1.json"
readlink /proc/self/ns/uts > "$1.uts"
cp output "$1.output"
"""
_FAIL = "exit 1"
_ASK = 'shift 2; "$@" > /dev/null 2>&1; echo $? > known'


def orderly(driver: Driver) -> Seen:
    """One life in the right order, with calls in between that must be refused."""
    name = _name()
    seen: Seen = {
        "unknown": {
            "state": bool(driver.state(name)),
            **{word: driver.call(word, name) == 0 for word in ("start", "delete")},
            "kill": driver.call("kill", name, "KILL") == 0,
        }
    }
    config = (driver.directory / "config.json").read_bytes()
    try:
        _orderly(driver, name, seen)
    finally:
        (driver.directory / "config.json").write_bytes(config)
        driver.clear(name)
    return seen


def _orderly(driver: Driver, name: str, seen: Seen) -> None:
    config = json.loads((driver.directory / "config.json").read_bytes())
    seen["create"] = driver.create(name)
    seen["complaint"] = driver.complaint()
    seen["created"] = driver.state(name)
    if seen["create"] or not seen["created"]:
        return
    seen["alive"] = _alive(seen["created"].get("pid"))
    changed = {**config["process"], "args": ["/bin/sh", "-c", rootfs.CHANGED]}
    rootfs.write_config(driver.directory, {**config, "process": changed})
    seen["again"] = driver.call("create", "--bundle", str(driver.directory), name)
    seen["early"] = driver.said()
    seen["start"] = driver.call("start", name)
    if seen["start"] == 0:
        driver.await_word(rootfs.READY)
    seen["said"] = driver.said()
    seen["running"] = driver.state(name)
    if not seen["said"]:
        return
    seen["namespaces"] = _own_namespaces(seen["running"].get("pid"))
    seen["start again"] = driver.call("start", name)
    seen["kill"] = driver.call("kill", name, "USR1")
    seen["heard"] = seen["kill"] == 0 and driver.await_word("got=USR1")
    if driver.call("kill", name, "KILL") and driver.any_alive():
        return
    seen["stopped"] = driver.await_status(name, STOPPED)
    if seen["stopped"].get("status") != STOPPED and driver.any_alive():
        return
    # Its parent, this process, has not asked how it ended: its number is still its own.
    seen["start stopped"] = driver.call("start", name)
    seen["kill stopped"] = driver.call("kill", name, "KILL")
    seen["delete"] = driver.call("delete", name)
    seen["left"] = driver.state(name)
    seen["id again"] = driver.create(name)


def hasty(driver: Driver) -> Seen:
    """Deleted too early: before the program runs, and while it does."""
    name = _name()
    seen: Seen = {"create": driver.create(name)}
    try:
        if seen["create"]:
            return seen
        seen["delete created"] = driver.call("delete", name)
        seen["after created"] = driver.state(name)
        if not seen["after created"]:
            driver.clear(name)
            driver.create(name)
        if driver.call("start", name) == 0 and driver.await_word(rootfs.READY):
            seen["delete running"] = driver.call("delete", name)
            seen["after running"] = driver.state(name)
    finally:
        driver.clear(name)
    return seen


def hooked(driver: Driver) -> Seen:
    """Hooks at four moments, which keep what they were told."""
    name = _name()
    hooks = {stage: [_hook(driver, stage)] for stage in _STAGES}
    state = [*driver.argv, "--root", str(driver.root), "state", name]
    hooks["poststop"] = [_hook(driver, "poststop", _ASK, *state)]
    return _with_hooks(driver, hooks, _all, name)


def _all(driver: Driver, name: str, seen: Seen) -> None:
    seen["create"] = driver.create(name)
    seen["created"] = driver.state(name)
    seen["by create"] = _order(driver)
    if seen["create"]:
        return
    started = driver.call("start", name)
    seen["by start"] = _order(driver)
    if started == 0:
        driver.await_word(rootfs.READY)
    if driver.call("kill", name, "KILL") == 0:
        driver.await_status(name, STOPPED)
    seen["by end"] = _order(driver)
    driver.call("delete", name)
    seen["by delete"] = _order(driver)


def hindered(driver: Driver) -> Seen:
    """The hook createRuntime fails."""
    name = _name()
    hooks = {
        "createRuntime": [_hook(driver, "createRuntime", _FAIL)],
        "poststop": [_hook(driver, "poststop")],
    }
    return _with_hooks(driver, hooks, _only_create, name)


def impossible(driver: Driver) -> Seen:
    """A mount that no kernel can make."""
    name = _name()
    config = json.loads((driver.directory / "config.json").read_bytes())
    wrong = {"destination": "/scratch", "type": rootfs.NO_FILESYSTEM, "source": "none"}
    seen: Seen = {}
    try:
        rootfs.write_config(driver.directory, {**config, "mounts": [*config["mounts"], wrong]})
        _only_create(driver, name, seen)
    finally:
        rootfs.write_config(driver.directory, config)
        driver.clear(name)
    return seen


def _only_create(driver: Driver, name: str, seen: Seen) -> None:
    seen["create"] = driver.create(name)
    seen["state"] = driver.state(name)
    seen["order"] = _order(driver)


def _with_hooks(
    driver: Driver,
    hooks: dict[str, Any],
    live: Callable[[Driver, str, Seen], None],
    name: str,
) -> Seen:
    config = json.loads((driver.directory / "config.json").read_bytes())
    for path in (driver.directory / "order", driver.directory / "known"):
        path.unlink(missing_ok=True)
    seen: Seen = {"uts": os.readlink("/proc/self/ns/uts"), "name": name}
    try:
        rootfs.write_config(driver.directory, {**config, "hooks": hooks})
        live(driver, name, seen)
        seen["told"] = {stage: _told(driver, stage) for stage in _order(driver)}
        known = driver.directory / "known"
        seen["known"] = known.exists() and known.read_text().strip() == "0"
    finally:
        rootfs.write_config(driver.directory, config)
        driver.clear(name)
    return seen


def _hook(driver: Driver, stage: str, then: str = "", *words: str) -> dict[str, Any]:
    return {
        "path": "/bin/sh",
        "args": ["sh", "-c", _HOOK + then, "hook", stage, str(driver.directory), *words],
        "env": [f"PATH={os.environ.get('PATH', '/usr/bin:/bin')}"],
    }


def _order(driver: Driver) -> list[str]:
    path = driver.directory / "order"
    return path.read_text().split() if path.exists() else []


def _told(driver: Driver, stage: str) -> Seen:
    """What a hook was told, in which UTS namespace it ran, what the program had said by then."""
    try:
        state = json.loads((driver.directory / f"{stage}.json").read_bytes())
    except (OSError, ValueError):
        state = None
    texts = {}
    for kind in ("uts", "output"):
        path = driver.directory / f"{stage}.{kind}"
        texts[kind] = path.read_text().strip() if path.exists() else ""
    return {"state": state if isinstance(state, dict) else {}, **texts}


def _alive(pid: Any) -> bool:
    return type(pid) is int and pid > 0 and start_time(pid) != 0


def _own_namespaces(pid: Any) -> list[str]:
    """The kinds of namespaces that a process does not share with this one.

    Asked once the program runs: what a runtime has only forked may be out of sight.
    """
    if not _alive(pid):
        return []
    own = []
    for kind in KINDS:
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{pid}/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}"):
                own.append(kind)
    return own


def _name() -> str:
    return _ID.format(os.urandom(4).hex())


LIVES: dict[str, Callable[[Driver], Seen]] = {
    life.__name__: life for life in (orderly, hasty, hooked, hindered, impossible)
}
"""Name → what a runtime is put through."""
