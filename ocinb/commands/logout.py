"""``logout``: forget who we are for a registry."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from ocinb.commands.registry_name import registry_name
from ocinb.commands.tree import Command
from ocinb.commands.values import Done
from ocinb.errors import CommandError
from ocinb.spec.reference import DEFAULT_REGISTRY

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.command(cls=Command)
@click.argument("registry", default=DEFAULT_REGISTRY)
@click.pass_obj
def command(session: Session, registry: str) -> Done:
    """Forget the login of a registry, docker.io if none is named."""
    from ocinb.distribution.auth_file import AuthFile, auth_files
    from ocinb.distribution.user import log_out

    host = registry_name(registry)
    files = log_out(host, map(AuthFile, auth_files(os.environ)))
    session.engine.client.forget_logins()
    if not files:
        raise CommandError(f"there is no login for {host}", hint=f"ocinb login {host} makes one")
    return Done(host, f"logged out of {host}; removed from {', '.join(map(str, files))}")
