"""Moments as people type them: a time, or how long ago."""

from __future__ import annotations

import time

from ocinb.commands.quantities import seconds
from ocinb.errors import CommandError
from ocinb.table import parse_rfc3339


def moment(option: str, text: str | None) -> float | None:
    """Seconds since the epoch of ``10m`` (ago), an RFC 3339 time, or seconds since the epoch.

    Raises:
        CommandError: it is none of them.
    """
    if text is None:
        return None
    if (found := parse_rfc3339(text)) is not None:
        return found
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    # What is too large for "so many seconds ago" is a time, as date +%s gives it.
    if number > 10**8:
        return number
    try:
        return time.time() - seconds(option, text)
    except CommandError:
        raise CommandError(
            f"{option} {text} is not a time", hint="as in 10m (ago), or 2026-11-27T01:00:00Z"
        ) from None
