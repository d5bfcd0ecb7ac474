"""Words of a Dockerfile: split, with variables filled in and quotes taken away.

Spec: none (Dockerfile reference, environment replacement)
"""

from __future__ import annotations

from collections.abc import Callable

from ocinb.errors import BuildError

Lookup = Callable[[str], str | None]
"""Name of a variable → its value, or None where it is not set."""

_SPECIAL = "@*#!?-$"


def words(text: str, escape: str = "\\") -> list[str]:
    """Split at white space that is not quoted; quotes and escapes stay as they are."""
    found: list[str] = []
    word, quote, place = "", "", 0
    while place < len(text):
        char = text[place]
        if char == escape and quote != "'" and place + 1 < len(text):
            word, place = word + text[place : place + 2], place + 2
            continue
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char.isspace():
            if word:
                found.append(word)
            word, place = "", place + 1
            continue
        word, place = word + char, place + 1
    return [*found, word] if word else found


def expand(text: str, lookup: Lookup, escape: str = "\\", *, quotes: bool = True) -> str:
    """Fill in ``$NAME``, ``${NAME}`` and ``${NAME:-default}`` (``-``, ``+``, ``?``; ``:`` counts
    an empty value as not set), take quotes and escapes away.

    Args:
        lookup: a variable that is not set is empty.
        escape: the escape character.
        quotes: whether quotes mean something; in the text of a heredoc they do not.

    Raises:
        BuildError: something is not closed, a modifier is unknown, or ``${NAME?message}`` says
            that it must be set.
    """
    return _Expansion(text, lookup, escape, quotes).all()


class _Expansion:
    """One pass over a text."""

    def __init__(self, text: str, lookup: Lookup, escape: str, quotes: bool) -> None:
        self._text = text
        self._lookup = lookup
        self._escape = escape
        self._quotes = quotes
        self._place = 0

    def all(self) -> str:
        return self._until("")

    def _peek(self) -> str:
        return self._text[self._place : self._place + 1]

    def _take(self) -> str:
        char = self._peek()
        self._place += 1
        return char

    def _until(self, end: str) -> str:
        """Everything up to a character that is not quoted, which is taken, too."""
        made: list[str] = []
        while (char := self._take()) and char != end:
            if char == "'" and self._quotes:
                made.append(self._single())
            elif char == '"' and self._quotes:
                made.append(self._double())
            elif char == "$":
                made.append(self._dollar())
            elif char == self._escape:
                made.append(self._escaped())
            else:
                made.append(char)
        if end and not char:
            raise BuildError(f"{self._text!r} has a {end} missing")
        return "".join(made)

    def _escaped(self) -> str:
        following = self._take()
        if self._quotes or following in (self._escape, "$"):
            return following or self._escape
        return self._escape + following

    def _single(self) -> str:
        end = self._text.find("'", self._place)
        if end < 0:
            raise BuildError(f"{self._text!r} has a single quote that is not closed")
        found = self._text[self._place : end]
        self._place = end + 1
        return found

    def _double(self) -> str:
        made: list[str] = []
        while (char := self._take()) != '"':
            if not char:
                raise BuildError(f"{self._text!r} has a double quote that is not closed")
            if char == "$":
                made.append(self._dollar())
            elif char == self._escape:
                following = self._take()
                plain = following in ('"', "$", self._escape)
                made.append(following if plain else self._escape + following)
            else:
                made.append(char)
        return "".join(made)

    def _dollar(self) -> str:
        if self._peek() == "{":
            self._place += 1
            return self._braces()
        name = self._name()
        return (self._lookup(name) or "") if name else "$"

    def _braces(self) -> str:
        name = self._name()
        modifier = self._take()
        if not name or not modifier:
            raise BuildError(f"{self._text!r} has a ${{…}} without a name or an end")
        value = self._lookup(name)
        if modifier == "}":
            return value or ""
        missing = value is None
        if modifier == ":":
            missing, modifier = not value, self._take()
        if modifier not in ("-", "+", "?"):
            raise BuildError(
                f"{self._text!r} has ${{{name}…}} with a modifier that is not supported",
                hint="-, + and ? are, each also behind a colon",
            )
        word = self._until("}")
        if modifier == "+":
            return "" if missing else word
        if modifier == "?" and missing:
            raise BuildError(f"{name} must be set: {word or 'it is not'}")
        return word if missing else value or ""

    def _name(self) -> str:
        start = self._place
        first = self._peek()
        if first and first in _SPECIAL:
            self._place += 1
        elif first.isascii() and first.isdigit():
            while self._peek().isascii() and self._peek().isdigit():
                self._place += 1
        else:
            while (char := self._peek()) and char.isascii() and (char.isalnum() or char == "_"):
                self._place += 1
        return self._text[start : self._place]
