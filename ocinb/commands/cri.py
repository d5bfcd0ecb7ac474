"""``cri``: what a kubelet asks of containerd or CRI-O."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from ocinb.commands.cri_containers import CONTAINER_COMMANDS
from ocinb.commands.cri_endpoint import ENDPOINT, client
from ocinb.commands.cri_images import IMAGE_COMMANDS
from ocinb.commands.cri_pods import POD_COMMANDS
from ocinb.commands.options import listing
from ocinb.commands.tree import Group
from ocinb.commands.values import Picture
from ocinb.errors import CommandError
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from ocinb.commands.session import Session

_VERSION = columns("what version")
_CONDITIONS = columns("condition status reason? message?")


@click.group(cls=Group)
@click.option(
    "--endpoint",
    metavar="SOCKET",
    help="Of the runtime; $CONTAINER_RUNTIME_ENDPOINT, or the first one that is here.",
)
@click.pass_context
def command(context: click.Context, endpoint: str | None) -> None:
    """Be the kubelet: pods by the Container Runtime Interface."""
    context.meta[ENDPOINT] = endpoint or os.environ.get("CONTAINER_RUNTIME_ENDPOINT", "")


@command.command()
@listing
@click.pass_obj
def version(session: Session) -> Table:
    """Show who answers, and which version of the interface it speaks."""
    with client(session) as call:
        answer = call("Version")
    rows = [
        (answer.runtime_name, answer.runtime_version),
        ("CRI", answer.runtime_api_version),
        ("kubelet's API", answer.version),
    ]
    return Table(_VERSION, rows, title="versions")


@command.command()
@listing
@click.pass_obj
def status(session: Session) -> Table:
    """Show whether the runtime and its network are ready for pods."""
    with client(session) as call:
        answer = call("Status")
    rows = [
        (each.type, "yes" if each.status else "no", each.reason, each.message)
        for each in answer.status.conditions
    ]
    ready = all(row[1] == "yes" for row in rows)
    return Table(_CONDITIONS, rows, title="status of the runtime", exit_status=0 if ready else 1)


@command.command()
@click.option("--diagram", is_flag=True, help="In a notebook: draw who asked whom for what.")
@listing
@click.pass_obj
def calls(session: Session, diagram: bool) -> Table | Picture:
    """List the calls of this session, with what was asked and answered."""
    from ocinb.calls import cri_calls

    table = cri_calls(session.recorder.events)
    if not table.rows:
        raise CommandError("no call of the CRI was made here", hint="as by cri version")
    return Picture("call_sequence", table) if diagram else table


for each in (*IMAGE_COMMANDS, *POD_COMMANDS, *CONTAINER_COMMANDS):
    command.add_command(each)
