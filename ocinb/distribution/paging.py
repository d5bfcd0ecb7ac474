"""Lists that come in pages, each with a ``Link`` to the next.

Spec: distribution-spec spec.md#listing-tags
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec

from ocinb.distribution.outgoing import Outgoing
from ocinb.distribution.transport import Transport
from ocinb.errors import InvalidDocument, RegistryError
from ocinb.spec.document import MAX_DOCUMENT, parse_object

MAX_PAGES = 10_000

_NEXT = re.compile(r'<([^<>]*)>[^<>,]*;\s*rel="?next"?', re.IGNORECASE)


def pages(
    transport: Transport, first: Outgoing, what: str, *, or_404: bool = False
) -> Iterator[tuple[dict[str, Any], httpx.Headers]]:
    """The JSON object and headers of each page. With ``or_404``, no page at all where it is 404.

    Raises:
        RegistryError: a page leads to another host, to itself, or on for ever.
        InvalidDocument: a page is not a JSON object.
    """
    call, seen = first, {first.url}
    expect = (200, 404) if or_404 else (200,)
    for _ in range(MAX_PAGES):
        response, data = transport.fetch(call, expect=expect, limit=MAX_DOCUMENT, what=what)
        if response.status_code == 404:
            return
        yield parse_object(data, what), response.headers
        following = _following(call, response)
        if following is None:
            return
        if following in seen:
            raise RegistryError(f"{what} leads back to a page that was read", status=200)
        seen.add(following)
        call = Outgoing(**(dict(call) | {"url": following}))
    raise RegistryError(f"{what} has more than {MAX_PAGES:,} pages", status=200)


def _following(call: Outgoing, response: httpx.Response) -> httpx.URL | None:
    link = _NEXT.search(response.headers.get("link", "")[:8192])
    if link is None:
        return None
    try:
        url = call.url.join(link[1])
    except (httpx.InvalidURL, ValueError):
        url = httpx.URL("")
    if (url.scheme, url.host, url.port) != (call.url.scheme, call.url.host, call.url.port):
        raise RegistryError(
            f"registry {call.registry} links the next page to {link[1][:80]!r}",
            status=200,
            hint="a list goes on at the same host; it was not followed",
        )
    return url


def texts(document: dict[str, Any], key: str, what: str) -> list[str]:
    """A list of strings in a page; ``null`` is an empty one, as some registries write it.

    Raises:
        InvalidDocument: something else.
    """
    try:
        return msgspec.convert(document.get(key) or [], list[str])
    except msgspec.ValidationError as error:
        raise InvalidDocument(f"{what} has no list of names in {key}", path=f"$.{key}") from error
