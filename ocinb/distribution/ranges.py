"""Which part of a blob an answer is."""

from __future__ import annotations

import httpx

from ocinb.distribution.decimal_text import decimal
from ocinb.errors import RegistryError


def start_of(response: httpx.Response, asked: int) -> int:
    """Where a body begins in the blob: 0 for a whole one.

    Raises:
        RegistryError: a part that was not asked for.

    Spec: distribution-spec spec.md#pulling-blobs (RFC 9110 section 14.4)
    """
    if response.status_code != 206:
        return 0
    unit, _, rest = response.headers.get("content-range", "").partition(" ")
    first = decimal(rest.strip().partition("-")[0])
    if unit != "bytes" or first is None or first > asked:
        raise RegistryError(
            f"the registry sends another part than bytes {asked:,} and following", status=206
        )
    return first
