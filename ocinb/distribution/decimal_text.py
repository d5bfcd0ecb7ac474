"""Numbers in headers, which may be anything."""

from __future__ import annotations


def decimal(text: str | None) -> int | None:
    """The number that a header's value is: ASCII digits, as many as a file can have bytes."""
    if text is None:
        return None
    digits = text.strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None
