"""Numbers, sizes and pairs as people type them behind an option."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ocinb.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable

_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?", re.IGNORECASE)
_UNITS = " kmgtp"
LARGEST = 2**63 - 1


def size(option: str, text: str) -> int:
    """Bytes of ``256m``, ``1.5g``, ``1024``: powers of 1024, as docker has it.

    Raises:
        CommandError: it is no size.
    """
    found = _SIZE.fullmatch(text)
    number = int(float(found[1]) * 1024 ** _UNITS.index(found[2].lower() or " ")) if found else -1
    if not 0 <= number <= LARGEST:
        raise CommandError(f"{option} {text} is not a size", hint="as in 512k, 256m or 2g")
    return number


def seconds(option: str, text: str) -> float:
    """Seconds of ``90``, ``1.5s``, ``10m``, ``1h30m``, ``2d``.

    Raises:
        CommandError: it is no duration.
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|[smhd]?)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise CommandError(f"{option} {text} is not a duration", hint="as in 90, 10m or 1h30m")
    units = {"": 1, "ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
    return float(sum(float(number) * units[unit] for number, unit in parts))


def pairs(option: str, texts: Iterable[str], *, bare: bool = False) -> dict[str, str]:
    """``NAME=VALUE`` each; a later one of a name has precedence.

    Args:
        bare: whether ``NAME`` alone means an empty value.

    Raises:
        CommandError: one is not of that form.
    """
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not (equals or bare):
            raise CommandError(f"{option} {text} is not NAME=VALUE")
        found[name] = value
    return found
