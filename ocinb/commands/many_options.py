"""Commands with a hundred options, of which a line gives two.

click makes a parser for each line, and then asks every option what it is, given or not: for ``run``
that was a tenth of what a container costs. Both are the same each time, so both are done once.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNCHANGING = (str, int, float, tuple, type(None))


class _Context(click.Context):
    """A line that is being understood.

    Attributes:
        asked: the parameters that click is to ask; None: all of them.
    """

    asked: list[click.Parameter] | None = None


class ManyOptions(click.Command):
    """Mixin: what is the same for every line is found out at the first."""

    context_class = _Context
    _parser: Any = None
    _absent: dict[str, Any] | None = None

    def make_parser(self, context: click.Context) -> Any:
        """As click does."""
        if self._parser is None:
            self._parser = super().make_parser(context)
        parser = copy.copy(self._parser)
        parser.ctx = context
        return parser

    def get_params(self, context: click.Context) -> list[click.Parameter]:
        """As click has them; while a line is understood, those that are to be asked for it."""
        asked = context.asked if isinstance(context, _Context) else None
        return super().get_params(context) if asked is None else asked

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """As click does."""
        given, _, _ = self.make_parser(context).parse_args(args=list(args))
        parameters = self.get_params(context)
        if any(p.is_eager and p.name in given for p in parameters):
            return super().parse_args(context, args)  # --help, which tells of all of them
        if self._absent is None:
            self._absent = self._values()
        absent = {name: value for name, value in self._absent.items() if name not in given}
        context.params.update(absent)
        for name in absent:
            context.set_parameter_source(name, ParameterSource.DEFAULT)
        asked = [p for p in parameters if p.name not in absent]
        return self._ask(context, asked, args)

    def _ask(
        self, context: click.Context, asked: list[click.Parameter], args: list[str]
    ) -> list[str]:
        assert isinstance(context, _Context)
        context.asked = asked
        try:
            return super().parse_args(context, args)
        finally:
            context.asked = None

    def _values(self) -> dict[str, Any]:
        """Name → value, for each option that is the same whenever it is not given."""
        # Nothing is asked of such a context, nor required of the line.
        nothing_given = self.context_class(self, resilient_parsing=True)
        self._ask(nothing_given, [*self._plain(nothing_given)], [])
        values = nothing_given.params
        return {name: value for name, value in values.items() if isinstance(value, _UNCHANGING)}

    def _plain(self, context: click.Context) -> Iterator[click.Parameter]:
        """The options that ask neither person nor surroundings, and share their name with none."""
        parameters = self.get_params(context)
        names = [parameter.name for parameter in parameters]
        for parameter in parameters:
            if (
                isinstance(parameter, click.Option)
                and parameter.expose_value
                and not (parameter.required or parameter.callback or parameter.envvar)
                and not (parameter.prompt or parameter.is_eager or callable(parameter.default))
                and names.count(parameter.name) == 1
            ):
                yield parameter
