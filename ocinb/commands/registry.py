"""``registry``: a registry of our own, as a process that outlives its caller."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ocinb.commands.options import listing
from ocinb.commands.tree import Group
from ocinb.commands.values import Done
from ocinb.errors import CommandError, OcinbError, UnsupportedHost
from ocinb.linux.processes import alive, start_time
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from ocinb.commands.session import Session

COLUMNS = columns("address status pid:int directory")
PORT = 5000
PATIENCE = 10.0
"""Seconds that a registry may take to begin, or to end."""


@click.group(cls=Group)
def command() -> None:
    """A registry on this machine, for the images of this machine."""


@command.command()
@click.option("--port", type=click.IntRange(1, 65535), default=PORT, show_default=True)
@click.option("--directory", metavar="DIR", help="Where it keeps its images.")
@click.option("--demo", is_flag=True, help="Put the demo image into it, as demo:latest.")
@click.pass_obj
def up(session: Session, port: int, directory: str | None, demo: bool) -> Done:
    """Start the registry; it goes on until `registry down`."""
    running = _running(session)
    if running:
        if demo:
            _put_demo(session, running["address"])
        return Done(running["address"], f"the registry is up at {running['address']} already")
    root = Path(directory or session.settings.root / "registry").absolute()
    address = f"127.0.0.1:{port}"
    state = _state(session)
    state.parent.mkdir(parents=True, exist_ok=True)
    log = state.with_suffix(".log")
    pid = _spawn(root, port, log)
    _await(session, pid, address, log)
    values = {
        "address": address,
        "pid": pid,
        "started": start_time(pid),
        "directory": str(root),
    }
    state.write_text(json.dumps(values), encoding="utf-8")
    if demo:
        _put_demo(session, address)
    return Done(address, f"the registry is up at {address}, its images are in {root}")


@command.command()
@click.pass_obj
def down(session: Session) -> Done:
    """Stop the registry; its images stay."""
    running = _running(session)
    if not running:
        raise CommandError("no registry of ours is up", hint="start one with registry up")
    os.kill(running["pid"], signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE
    while not _ended(running["pid"]):
        if time.monotonic() > deadline:
            os.kill(running["pid"], signal.SIGKILL)
        time.sleep(0.02)
    _state(session).unlink(missing_ok=True)
    return Done(running["address"], f"the registry at {running['address']} is down")


@command.command()
@listing
@click.pass_obj
def status(session: Session) -> Table:
    """Show whether the registry is up, and where."""
    found = _running(session)
    rows = [(found["address"], "up", found["pid"], found["directory"])] if found else []
    return Table(COLUMNS, rows, title="registry")


def _state(session: Session) -> Path:
    return session.settings.run_root / "registry.json"


def _running(session: Session) -> dict[str, Any] | None:
    try:
        values: dict[str, Any] = json.loads(_state(session).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return values if alive(values["pid"], values["started"]) else None


def _put_demo(session: Session, address: str) -> None:
    from ocinb.build.demo import demo_image
    from ocinb.content.store import Store
    from ocinb.distribution.push import push
    from ocinb.spec.reference import Reference

    with tempfile.TemporaryDirectory(prefix="ocinb-") as directory:
        store = Store(directory)
        reference = Reference.parse(f"{address}/demo:latest")
        push(session.engine.client, store, demo_image(store), reference)


def _spawn(root: Path, port: int, log: Path) -> int:
    argv = [sys.executable, "-m", "ocinb.registry", "--root", str(root), "--port", str(port)]
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return os.posix_spawn(argv[0], argv, os.environ, file_actions=actions, setsid=True)


def _await(session: Session, pid: int, address: str, log: Path) -> None:
    """Return once the registry answers.

    Raises:
        UnsupportedHost: it ended, or does not answer in time.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        if _ended(pid):
            last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise UnsupportedHost(
                f"the registry did not start: {last[-1] if last else 'it said nothing'}",
                hint="--port chooses another port",
            )
        try:
            session.engine.client.ping(address)
        except OcinbError as error:
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                raise UnsupportedHost(f"the registry at {address} does not answer") from error
            time.sleep(0.05)
        else:
            return


def _ended(pid: int) -> bool:
    """Whether a process has ended; collects it where it is our own child."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return start_time(pid) == 0
