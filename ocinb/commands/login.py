"""``login``: let a registry know who we are, from now on."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ocinb.commands.registry_name import registry_name
from ocinb.commands.tree import Command
from ocinb.commands.values import Done
from ocinb.errors import CommandError
from ocinb.spec.reference import DEFAULT_REGISTRY

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocinb.commands.session import Session

_NOBODY = "--password-stdin takes it from standard input"


@click.command(cls=Command)
@click.argument("registry", default=DEFAULT_REGISTRY)
@click.option("-u", "--username", metavar="NAME", help="Asked for if not given.")
@click.option("--password-stdin", is_flag=True, help="Take the password from standard input.")
@click.pass_obj
def command(session: Session, registry: str, username: str | None, password_stdin: bool) -> Done:
    """Log in to a registry, docker.io if none is named.

    The password is asked for without being shown, in a notebook too, and is never an option: it
    would stand in the shell's history or in the notebook. The login is kept where docker, podman
    and skopeo find it, or by the credential helper that is configured there.
    """
    from ocinb.distribution.auth_file import AuthFile, auth_files
    from ocinb.distribution.credentials import Login
    from ocinb.distribution.user import log_in, user_hosts

    host = registry_name(registry)
    name = username or _ask_name(host, password_stdin)
    password = _from_standard_input() if password_stdin else _ask_password(host, name)
    hosts = user_hosts(os.environ, session.settings.insecure_registries)
    file = AuthFile(_place(auth_files(os.environ)))
    login = Login(username=name, password=password)
    kept = log_in(host, login, file, hosts, session.recorder)
    session.engine.client.forget_logins()
    where = f"in {kept}, not encrypted" if kept == str(file.path) else f"by {kept}"
    return Done(host, f"logged in to {host} as {name}; the login is kept {where}")


def _place(paths: list[Path]) -> Path:
    """The first file that there is; else Docker's, which stands last and which all others read."""
    return next((path for path in paths if path.is_file()), paths[-1])


def _ask_name(host: str, password_stdin: bool) -> str:
    if password_stdin or not _can_ask():
        raise CommandError("login needs a name", hint="give it by --username NAME")
    name = _asked(input, f"user name for {host}: ").strip()
    if not name:
        raise CommandError("login needs a name")
    return name


def _ask_password(host: str, name: str) -> str:
    if not _can_ask():
        raise CommandError(
            "there is no terminal to ask for the password",
            hint=_NOBODY,
        )
    password = _asked(getpass.getpass, f"password of {name} for {host}: ")
    if not password:
        raise CommandError("login needs a password")
    return password


def _asked(ask: Callable[[str], str], prompt: str) -> str:
    """An answer; CommandError where nobody gives one, as in a notebook that runs by itself."""
    try:
        return ask(prompt)
    except (EOFError, NotImplementedError):
        raise CommandError("login was not answered", hint=_NOBODY) from None


def _from_standard_input() -> str:
    password = sys.stdin.read().rstrip("\r\n")
    if not password:
        raise CommandError("there is no password on standard input")
    return password


def _can_ask() -> bool:
    """Whether somebody is there: a terminal, or a notebook, whose kernel replaces getpass."""
    own = getattr(getpass, "unix_getpass", None)
    return getpass.getpass is not own or sys.stdin.isatty()
