"""Choosing paths by patterns, as a person types them."""

from __future__ import annotations

import re

_MAGIC = re.compile(r"[*?[]")
_TOKEN = re.compile(
    r"(?P<deep>\*\*/?)|(?P<star>\*)|(?P<one>\?)|\[(?P<set>[!^]?\]?[^]/]*)\]|(?P<c>.)", re.S
)


def is_pattern(text: str) -> bool:
    """Whether it has any of ``*``, ``?``, ``[``."""
    return _MAGIC.search(text) is not None


def clean(text: str) -> str:
    """A path without leading, trailing and double slashes, and without ``.``."""
    return "/".join(part for part in text.split("/") if part not in ("", "."))


def compiled(pattern: str) -> re.Pattern[str]:
    """What a pattern matches, as a regular expression for whole clean paths.

    ``*`` and ``?`` stand for anything but a slash, ``**`` for anything, ``[a-z]`` and ``[!a-z]``
    for one character. Without a slash the pattern is one for names, in any directory.
    """
    anywhere = "/" not in pattern
    parts = ["(?:.*/)?" if anywhere else ""]
    for token in _TOKEN.finditer(clean(pattern)):
        if token["deep"]:
            parts.append("(?:.*/)?" if token["deep"].endswith("/") else ".*")
        elif token["star"]:
            parts.append("[^/]*")
        elif token["one"]:
            parts.append("[^/]")
        elif token["set"] is not None:
            parts.append(_set(token["set"]))
        else:
            parts.append(re.escape(token["c"]))
    return re.compile("".join(parts), re.S)


def _set(text: str) -> str:
    negated = text[:1] in ("!", "^")
    body = "".join(c if c == "-" else re.escape(c) for c in text[negated:])
    source = f"(?!/)[{'^' if negated else ''}{body}]"
    try:
        re.compile(source)
    except re.error:  # as [z-a]: no character lies between them
        return "(?!)"
    return source
