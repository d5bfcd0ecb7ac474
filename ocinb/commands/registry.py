"""``registry``: a registry of our own, as a process that outlives its caller."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ocinb.commands.options import listing
from ocinb.commands.registry_options import registry_options
from ocinb.commands.tree import Group
from ocinb.commands.values import Done
from ocinb.errors import CommandError, UnsupportedHost
from ocinb.events import Warned
from ocinb.linux.processes import alive, start_time
from ocinb.private_directory import check_private, private_directory
from ocinb.table import Table, columns
from ocinb.temporary import temporary_place

if TYPE_CHECKING:
    from ocinb.commands.session import Session

COLUMNS = columns("address status pid:int directory serves")
PATIENCE = 10.0
"""Seconds that a registry may take to begin, or to end."""


@click.group(cls=Group)
def command() -> None:
    """A registry on this machine, for the images of this machine."""


@command.command()
@registry_options
@click.option("--demo", is_flag=True, help="Put the demo image into it, as demo:latest.")
@click.pass_obj
def up(session: Session, arguments: dict[str, Any], wished: list[str], demo: bool) -> Done:
    """Start the registry; it goes on until `registry down`.

    One that is up already is left as it is, and options that it was not started with are refused.
    """
    if demo and (arguments["read_only"] or arguments["pull_through"]):
        raise CommandError("nothing can be put into a registry that is read-only")
    root = Path(arguments["directory"] or session.settings.root / "registry").absolute()
    arguments = {**arguments, "directory": str(root)}
    running = _running(session)
    if running:
        _check_same(running, arguments, wished)
        if demo:
            _put_demo(session, running["address"], arguments)
        return Done(running["address"], f"the registry is up at {running['address']} already")
    state = _state(session)
    private_directory(state.parent)
    log = state.with_suffix(".log")
    pid = _spawn(arguments, log)
    address = _await(pid, log)
    values = {
        "address": address,
        "pid": pid,
        "started": start_time(pid),
        "directory": str(root),
        "serves": _in_words(arguments),
        "arguments": _without_passwords(arguments, os.urandom(16).hex()),
    }
    state.write_text(json.dumps(values), encoding="utf-8")
    if demo:
        _put_demo(session, address, arguments)
    return Done(address, " ".join(_sentences(session, address, arguments)))


def _without_passwords(arguments: dict[str, Any], salt: str) -> dict[str, Any]:
    """What can be written down: passwords only so that the same ones can be known again."""
    users = json.dumps(arguments["users"], sort_keys=True).encode()
    digest = hashlib.scrypt(users, salt=salt.encode(), n=1 << 14, r=8, p=1).hex()
    return {**arguments, "users": {"salt": salt, "digest": digest}}


def _check_same(running: dict[str, Any], arguments: dict[str, Any], wished: list[str]) -> None:
    """See that the registry that is up is as this one is wished for.

    Raises:
        CommandError: it was started with other options.
    """
    known = running.get("arguments") or {"users": {"salt": ""}}  # of an older ocinb's
    asked = _without_passwords(arguments, known["users"]["salt"])
    other = [f"--{name.replace('_', '-')}" for name in wished if asked[name] != known.get(name)]
    if other:
        options = ", ".join(other).replace("--users", "--user")
        raise CommandError(
            f"a registry is up at {running['address']} already, with other values of {options}: "
            "nothing is changed",
            hint="ocinb registry status tells what it serves; ocinb registry down ends it first",
        )


def _sentences(session: Session, address: str, arguments: dict[str, Any]) -> list[str]:
    """What a person should know of a registry that has just started."""
    told = [f"the registry is up at {address}, its images are in {arguments['directory']}"]
    host = arguments["host"]
    if arguments["tls"]:
        authority = Path(arguments["directory"], "tls", "ca.crt")
        place = f"~/.config/containers/certs.d/{address}/ca.crt"
        told.append(f"clients trust it with {authority} copied to {place}")
    if host not in ("127.0.0.1", "::1", "localhost"):
        open_to = "passwords are asked for" if _has_passwords(arguments) else "without a password"
        warning = f"it listens on {host}: whoever reaches this machine can use it, {open_to}"
        session.recorder(Warned(message=warning))
        told.append(warning)
    return ["; ".join(told)]


def _has_passwords(arguments: dict[str, Any]) -> bool:
    return bool(arguments["users"] or arguments["htpasswd"])


def _in_words(arguments: dict[str, Any]) -> str:
    """What makes this registry unlike a plain one, as ``tls, token, read-only``."""
    found = [name for name in ("tls", "token", "anonymous_pull", "read_only") if arguments[name]]
    if _has_passwords(arguments) and not arguments["token"]:
        found.append("passwords")
    if arguments["pull_through"]:
        found.append(f"cache of {arguments['pull_through']}")
    faults = ("slow", "drop_after", "rate_limit", "status")
    found += [f"{name} {arguments[name]}" for name in faults if arguments[name]]
    return ", ".join(found).replace("_", "-") or "everybody"


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
    """Show whether the registry is up, where, and what it asks of clients."""
    found = _running(session)
    rows = []
    if found:
        serves = found.get("serves", "")
        rows = [(found["address"], "up", found["pid"], found["directory"], serves)]
    return Table(COLUMNS, rows, title="registry")


def _state(session: Session) -> Path:
    check_private(session.settings.run_root)  # it names a process that is ended on request
    return session.settings.run_root / "registry.json"


def _running(session: Session) -> dict[str, Any] | None:
    try:
        values: dict[str, Any] = json.loads(_state(session).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return values if alive(values["pid"], values["started"]) else None


def _put_demo(session: Session, address: str, arguments: dict[str, Any]) -> None:
    """Push the demo image, as one of the registry's users and trusting its authority."""
    from ocinb.build.demo import demo_image
    from ocinb.content.store import Store
    from ocinb.distribution.client import Client
    from ocinb.distribution.credentials import FixedLogin, Login
    from ocinb.distribution.hosts import Hosts
    from ocinb.distribution.push import push
    from ocinb.distribution.trust import Trust
    from ocinb.spec.reference import Reference

    with tempfile.TemporaryDirectory(prefix="ocinb-", dir=temporary_place()) as directory:
        client = session.engine.client
        if arguments["users"] or arguments["tls"]:
            name, password = next(iter(arguments["users"].items()), ("", ""))
            login = FixedLogin(address, Login(username=name, password=password)) if name else None
            trusted = Path(directory, "certs.d", address)
            if arguments["tls"]:
                trusted.mkdir(parents=True)
                shutil.copy(Path(arguments["directory"], "tls", "ca.crt"), trusted)
            hosts = Hosts(trust=Trust([trusted.parent]))
            client = Client(credentials=login, hosts=hosts, record=session.recorder)
        store = Store(Path(directory, "store"))
        push(client, store, demo_image(store), Reference.parse(f"{address}/demo:latest"))


def _spawn(arguments: dict[str, Any], log: Path) -> int:
    """Start the process; its arguments go by a file without a name, for there are passwords."""
    given = os.memfd_create("registry-arguments")
    try:
        os.write(given, json.dumps(arguments).encode())
        os.lseek(given, 0, os.SEEK_SET)
        argv = [sys.executable, "-m", "ocinb.local_registry"]
        actions = [
            (os.POSIX_SPAWN_DUP2, given, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        return os.posix_spawn(argv[0], argv, os.environ, file_actions=actions, setsid=True)
    finally:
        os.close(given)


def _await(pid: int, log: Path) -> str:
    """The registry's address, once it listens.

    Raises:
        UnsupportedHost: it ended, or does not listen in time.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        ended = _ended(pid)
        said = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        if ended:
            last = said.strip().splitlines()
            reason = last[-1].removeprefix("error: ") if last else "it said nothing"
            raise UnsupportedHost(
                f"the registry did not start: {reason}", hint="--port chooses another port"
            )
        if said.endswith("\n") and not said.startswith("error: "):
            return said.splitlines()[-1]
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            raise UnsupportedHost("the registry does not listen", hint=f"see {log}")
        time.sleep(0.02)


def _ended(pid: int) -> bool:
    """Whether a process has ended; collects it where it is our own child."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return start_time(pid) == 0
