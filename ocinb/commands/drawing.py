"""Commands whose answer is a picture: a diagram in a notebook, its rows in a shell."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import click

from ocinb.commands.values import Json, Picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocinb.table import Table

    Decorated = Callable[..., Any]


def drawing(kind: str) -> Callable[[Decorated], Decorated]:
    """A command that returns a ``Table`` to be drawn: adds ``--format diagram|table|json``.

    Args:
        kind: see ``values.Picture``.
    """

    def decorate(function: Decorated) -> Decorated:
        @functools.wraps(function)
        def run(*args: Any, format: str, **values: Any) -> Any:
            table: Table = function(*args, **values)
            if format == "json":
                return Json(table.records())
            return table if format == "table" else Picture(kind, table)

        return click.option(
            "--format",
            type=click.Choice(["diagram", "table", "json"]),
            default="diagram",
            help="table: the rows, in a notebook too; json: for scripts.",
        )(run)

    return decorate
