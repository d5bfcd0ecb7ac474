"""``WWW-Authenticate``: what a registry wants to see before it answers.

Spec: none (RFC 9110 section 11.6.1; the Bearer parameters are Docker's token specification)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ocinb.frozen import Frozen

_SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9._~+-]*)(?:\s+|$|(?=,))")
_PARAMETER = re.compile(
    r'\s*([A-Za-z][A-Za-z0-9_-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))\s*(?:,|$)'
)
_LONGEST = 8192


class Challenge(Frozen):
    """One way to authenticate that the registry offers.

    Attributes:
        scheme: lower case: ``bearer``, ``basic``.
        parameters: names in lower case.
    """

    scheme: str
    parameters: Mapping[str, str]


def challenges(headers: Iterable[str]) -> list[Challenge]:
    """All challenges of all ``WWW-Authenticate`` headers, in order; what is malformed ends it."""
    found: list[Challenge] = []
    for header in headers:
        text, position = header[:_LONGEST], 0
        while position < len(text):
            scheme = _SCHEME.match(text, position)
            if scheme is None:
                break
            position = scheme.end()
            parameters: dict[str, str] = {}
            while parameter := _PARAMETER.match(text, position):
                name, quoted, plain = parameter.groups()
                value = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
                parameters.setdefault(name.lower(), value)
                position = parameter.end()
            found.append(Challenge(scheme=scheme[1].lower(), parameters=parameters))
            while position < len(text) and text[position] in ", ":
                position += 1
    return found


def preferred(offered: list[Challenge]) -> Challenge | None:
    """The best of the challenges that we can meet: a token rather than a password."""
    for scheme in ("bearer", "basic"):
        for challenge in offered:
            if challenge.scheme == scheme and (
                scheme == "basic" or challenge.parameters.get("realm")
            ):
                return challenge
    return None
