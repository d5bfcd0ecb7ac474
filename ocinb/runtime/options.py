"""The command line's options, read: a table a command, no ``argparse``, whose import costs more
than the rest of the runtime together.
"""

from __future__ import annotations

from ocinb.errors import CommandError
from ocinb.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class Option(Frozen):
    """An option.

    Attributes:
        names: as in ``("--bundle", "-b")``; the first is the one it is known by.
        value: what its value is called in the help; empty for a switch.
        help: one line.
        many: it may be given several times.
    """

    names: tuple[str, ...]
    value: str = ""
    help: str = ""
    many: bool = False

    @property
    def key(self) -> str:
        """``--pid-file`` is ``pid_file``."""
        return self.names[0].lstrip("-").replace("-", "_")


class Parsed:
    """What was on the command line.

    Attributes:
        arguments: those that are no options, in order.
    """

    def __init__(self, options: Sequence[Option]) -> None:
        self._texts: dict[str, list[str]] = {option.key: [] for option in options}
        self.arguments: list[str] = []

    def add(self, key: str, value: str) -> None:
        """Note an option."""
        self._texts[key].append(value)

    def text(self, key: str, default: str = "") -> str:
        """The last value of an option."""
        values = self._texts[key]
        return values[-1] if values else default

    def texts(self, key: str) -> list[str]:
        """All values of an option."""
        return self._texts[key]

    def given(self, key: str) -> bool:
        """Whether a switch was given (and not with ``=false``)."""
        return self.text(key, "false") not in ("false", "0")

    def number(self, key: str, default: int) -> int:
        """The value of an option that is a number.

        Raises:
            CommandError: it is none.
        """
        text = self.text(key)
        if not text:
            return default
        try:
            return int(text)
        except ValueError:
            raise CommandError(f"--{key.replace('_', '-')} takes a number, not {text!r}") from None


def parse(
    words: Sequence[str], options: Sequence[Option], *, what: str, stop: bool = False
) -> tuple[Parsed, list[str]]:
    """Read options and arguments.

    Args:
        words: of the command line.
        options: that are known here.
        what: whose options they are, for errors.
        stop: end at the first word that is no option, and return it with the rest; used for
            global options, and for ``exec``, whose arguments have options of their own.

    Raises:
        CommandError: an unknown option, or one without its value.
    """
    known = {name: option for option in options for name in option.names}
    # runc takes one dash or two before a long name, as Go programs do.
    known |= {name[1:]: option for name, option in known.items() if name.startswith("--")}
    parsed = Parsed(options)
    rest = list(words)
    while rest:
        word = rest[0]
        if not word.startswith("-") or word == "-":
            if stop:
                return parsed, rest
            parsed.arguments.append(rest.pop(0))
            continue
        rest.pop(0)
        if word == "--":
            return parsed, rest
        name, equals, value = word.partition("=")
        option = known.get(name)
        if option is None:
            raise CommandError(f"{what} has no option {name}", hint=f"{what} --help lists them")
        if not option.value:
            value = value if equals else "true"
        elif not equals:
            if not rest:
                raise CommandError(f"{what}: option {name} needs a value ({option.value})")
            value = rest.pop(0)
        parsed.add(option.key, value)
    return parsed, rest
