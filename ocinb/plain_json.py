"""JSON by the interpreter's own C code, without the ``json`` package around it.

``json`` imports ``re``, and with it ``enum``, ``functools`` and ``collections``: 5 to 7 ms, as much
as the start of the Python interpreter, for regular expressions that only a Python without the C
code would need. The runtime starts once for each container operation. What the C code cannot
do, or refuses, goes to ``json``: so its errors are the errors here.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_WHITESPACE = " \t\n\r"
_CONSTANTS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


class _Reading:
    """What the C scanner wants to know, as ``json.JSONDecoder`` has it."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = _CONSTANTS.__getitem__
    memo: dict[str, str] = {}  # noqa: RUF012  # asked for, and used by nobody


try:
    import _json

    _quote: Any = _json.encode_basestring_ascii
except (ImportError, AttributeError):
    _quote = None  # another Python, with other insides


def _accelerated() -> tuple[Callable[[str, int], tuple[Any, int]], Callable[..., Any]] | None:
    try:
        write = _json.make_encoder(None, _refuse, _quote, None, ": ", ", ", False, False, True)
        reading: Any = _Reading()
        return _json.make_scanner(reading), write
    except (NameError, AttributeError, TypeError):
        return None


def _refuse(value: object) -> object:
    raise TypeError(f"{type(value).__name__} is no JSON")


_QUICK = _accelerated()


def loads(text: str | bytes) -> Any:
    """The value that a document holds, as ``json.loads`` has it.

    Raises:
        ValueError: it is not JSON (``json.JSONDecodeError``), or not UTF-8.
        RecursionError: it is nested too deeply.
    """
    if isinstance(text, bytes):
        text = text.decode()
    if _QUICK:
        start = len(text) - len(text.lstrip(_WHITESPACE))
        try:
            value, end = _QUICK[0](text, start)
        except (StopIteration, ValueError, SystemError):
            # The last is what it comes to where the package with the right error is not there.
            end = -1
        if end >= 0 and not text[end:].strip(_WHITESPACE):
            return value
    import json

    return json.loads(text)


def dumps(value: object) -> str:
    """The document of a value in one line, as ``json.dumps`` has it."""
    if _QUICK:
        return "".join(_QUICK[1](value, 0))
    import json

    return json.dumps(value)


quoted: Callable[[str], str] = _quote or dumps
"""A string as JSON."""


def pretty(value: object, indent: str = "  ", margin: str = "") -> str:
    """The document of a value for people to read, as ``json.dumps(value, indent=…)`` has it."""
    inner = margin + indent
    if isinstance(value, dict) and value:
        items = [f"{dumps(str(key))}: {pretty(item, indent, inner)}" for key, item in value.items()]
        brackets = "{}"
    elif isinstance(value, list | tuple) and value:
        items, brackets = [pretty(item, indent, inner) for item in value], "[]"
    else:
        return dumps(value)
    lines = f",\n{inner}".join(items)
    return f"{brackets[0]}\n{inner}{lines}\n{margin}{brackets[1]}"
