"""An option of the command line that says which fields of config.json it sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Decorated = Callable[..., Any]


class FieldOption(click.Option):
    """An option whose help ends in the fields that it sets.

    Args:
        declarations: as click has them, as in ``"-e", "--env"``.
        sets: fields of config.json, separated by spaces; empty for one that only the engine reads.

    Attributes:
        sets: the fields.
    """

    def __init__(self, *declarations: str, sets: str = "", **attributes: Any) -> None:
        super().__init__(declarations, **attributes)
        self.sets = tuple(sets.split())

    def get_help_record(self, context: click.Context) -> tuple[str, str] | None:
        """As click has it, and the fields."""
        record = super().get_help_record(context)
        if record is None or not self.sets:
            return record
        return record[0], f"{record[1]} [{', '.join(self.sets)}]"


def with_options(function: Decorated, options: Iterable[click.Option]) -> Decorated:
    """A function to which options were added, as ``click.option`` does for one."""
    wanted: Any = function
    wanted.__click_params__ = [*getattr(function, "__click_params__", []), *reversed([*options])]
    return function
