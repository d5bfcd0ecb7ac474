"""What a half-typed word may become; nothing is run, fetched, unpacked or changed for it.

A parameter is completed by its name: ``image`` is the name of an image in every command. The
shell's completion and the notebook's Tab both ask here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem, ShellComplete

from ocinb.commands.candidates import ARGUMENTS, OPTIONS
from ocinb.errors import OcinbError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ocinb.commands.candidates import Words
    from ocinb.commands.session import Session

MOST = 500
"""Words that are offered; a list that is longer helps nobody."""


def complete(
    root: click.Command, arguments: Sequence[str], incomplete: str, session: Session | None = None
) -> list[str]:
    """What may stand in the place of the last word.

    Args:
        root: the tree of commands.
        arguments: the words before it, behind the program's name.
        incomplete: the word as far as it is typed.
        session: whose store and containers are looked at.
    """
    engine = ShellComplete(root, {"obj": session}, "ocinb", "")
    try:
        items = engine.get_completions(list(arguments), incomplete)
    except (OcinbError, click.ClickException, OSError):
        return []  # what stands before it is wrong: it will be told when the line is run
    return list(dict.fromkeys(str(item.value) for item in items))


def teach(parameters: Iterable[click.Parameter]) -> None:
    """Let each parameter be completed according to its name."""
    for parameter in parameters:
        by_name = OPTIONS if isinstance(parameter, click.Option) else ARGUMENTS
        words = by_name.get(parameter.name or "")
        kind = _KINDS.get(type(parameter.type))
        if words is not None and kind is not None:
            parameter.type = kind(words)


class _Taught:
    """Mixin for a type of click: completed by a function of ours."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def shell_complete(
        self, context: click.Context, _parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """As click asks for it."""
        found: list[CompletionItem] = []
        try:
            for word in self._words(_session(context), context, incomplete):
                if word.startswith(incomplete):
                    found.append(CompletionItem(word))
                if len(found) == MOST:
                    break
        except (OcinbError, OSError):
            return []  # no store yet, a document that is missing, an image of another platform
        return found


class _Text(_Taught, click.types.StringParamType):
    """A text."""


class _Number(_Taught, click.types.IntParamType):
    """A number."""


class _Words(_Taught, click.types.UnprocessedParamType):
    """The words of a container's command."""


_KINDS: dict[type, Callable[[Words], Any]] = {
    click.types.StringParamType: _Text,
    click.types.IntParamType: _Number,
    click.types.UnprocessedParamType: _Words,
}


def _session(context: click.Context) -> Session:
    from ocinb.commands.session import Session

    top = context.find_root()
    session: Session = context.obj or Session()
    return session.at(top.params.get("root"), top.params.get("run_root"))
