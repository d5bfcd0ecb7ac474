"""A command with subcommands that does something by itself, too: ``tags REPO``, ``tags delete``."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from ocinb.commands.tree import Group


class DefaultGroup(Group):
    """Runs its command ``show`` where the first word is none of its commands.

    Attributes:
        default: the command that is run.
    """

    default = "show"

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """As ``Group`` does, with the default put before what is no command's name."""
        first = args[0] if args else ""
        if first and first not in (*self.commands, *self.get_help_option_names(context)):
            args = [self.default, *args]
        return super().parse_args(context, args)

    def shell_complete(self, context: click.Context, incomplete: str) -> list[CompletionItem]:
        """Its commands, and in the place of the default what that takes."""
        default = self.commands[self.default]
        first = next((p for p in default.params if isinstance(p, click.Argument)), None)
        found = super().shell_complete(context, incomplete)
        found = [item for item in found if item.value != self.default]
        return found + (first.shell_complete(context, incomplete) if first else [])
