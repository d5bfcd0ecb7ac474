"""Options that several commands share, and how ``--format`` and ``--quiet`` change a value."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import click

from ocinb.commands.values import Document, Json, Lines
from ocinb.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    Decorated = Callable[..., Any]

platform_option = click.option(
    "--platform", metavar="OS/ARCH[/VARIANT]", help="Take the image for this platform."
)
runtime_option = click.option(
    "--runtime", metavar="RUNTIME", help="ocinb, runc, crun, proot, fakechroot, or a path."
)
grace_option = click.option(
    "-t",
    "--time",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Until KILL; if not given as run --stop-timeout said, else 10.",
)
sig_proxy_option = click.option(
    "--sig-proxy",
    type=bool,
    default=True,
    metavar="true|false",
    help="Whether signals that are sent to ocinb go to the program; true if not given.",
)
names_only = click.option("-q", "--quiet", is_flag=True, help="Only the names.")
"""Above ``listing``: the table's key column alone, as podman's ``--quiet``."""

never_asking = click.option(
    "-f",
    "--force",
    is_flag=True,
    expose_value=False,
    help="Without a question; none is asked anyway.",
)
"""For who types it out of habit: docker and podman ask before they prune."""


def listing(function: Decorated) -> Decorated:
    """A command that returns a ``Table``: adds ``--format table|json``; see ``names_only``.

    What is no table, as of a command that goes on and on, stays as it is.
    """

    @functools.wraps(function)
    def run(*args: Any, format: str, quiet: bool = False, **values: Any) -> Any:
        table = function(*args, **values)
        if not isinstance(table, Table):
            return table
        if quiet:
            return Lines(str(value) for value in table.column(table.key))
        return Json(table.records()) if format == "json" else table

    return click.option(
        "--format",
        type=click.Choice(["table", "json"]),
        default="table",
        help="json: for scripts; keys stay the same.",
    )(run)


def inspecting(function: Decorated) -> Decorated:
    """A command that returns a ``Document``, or a list of them as ``Json``.

    It adds ``--format json``, for uncoloured JSON.
    """

    @functools.wraps(function)
    def run(*args: Any, format: str, **values: Any) -> Any:
        document: Document | Json = function(*args, **values)
        return (
            Json(dict(document))
            if format == "json" and isinstance(document, Document)
            else document
        )

    return click.option(
        "--format",
        type=click.Choice(["document", "json"]),
        default="document",
        help="json: for scripts, never coloured.",
    )(run)
