"""``conform``: which rules of the runtime specification OCI runtimes keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.options import listing
from ocinb.commands.tree import Command

if TYPE_CHECKING:
    from ocinb.table import Table


@click.command(cls=Command)
@click.argument("runtime", nargs=-1, required=True)
@click.option(
    "--part",
    "parts",
    multiple=True,
    metavar="PART",
    help="life, order, environment, process or hooks; may be repeated.",
)
@listing
def command(runtime: tuple[str, ...], parts: tuple[str, ...]) -> Table:
    """Try which rules of the specification OCI runtimes keep.

    RUNTIME is ocinb, runc, crun, or the path of a program. It is put through a few short lives of
    containers by its command line. A row for each rule, with its section: ✓, or ✗ and what is
    wrong. These are some rules and not all of them.
    """
    from ocinb.course.conformance import conformance

    return conformance(runtime, parts)
