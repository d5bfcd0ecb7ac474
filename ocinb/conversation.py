"""The HTTP exchanges of a session as a listing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocinb.events import Exchange
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from collections.abc import Iterable

COLUMNS = columns(
    "time:clock method url endpoint status:int sent:bytes received:bytes took:duration attempt:int "
    "reused? party? failure?"
)
"""``time`` is when the request was sent; ``endpoint`` is the specification's name, empty for token
servers and ``_catalog``; ``status`` is missing where no answer came; ``sent`` and ``received`` are
bytes of bodies; ``attempt`` counts from 1; ``reused`` tells whether the connection was open
already; ``party`` is what was asked: registry, mirror, storage (to which a registry redirects) or
token server; ``failure`` is what went wrong on the wire, or empty."""

HEADER_COLUMNS = columns("request_headers response_headers")
"""Headers, a ``name: value`` each, separated by line breaks; secrets are masked."""


def conversation(events: Iterable[Any], *, headers: bool = False) -> Table:
    """The exchanges among these events, in the order in which they began.

    Args:
        headers: with the columns of ``HEADER_COLUMNS``.
    """
    exchanges = sorted(
        (event for event in events if isinstance(event, Exchange)),
        key=lambda exchange: exchange.time - exchange.seconds,
    )
    rows = [_row(exchange) + (_headers(exchange) if headers else ()) for exchange in exchanges]
    return Table(
        COLUMNS + (HEADER_COLUMNS if headers else ()),
        rows,
        title="the conversation with " + _hosts(exchanges) if exchanges else "no conversation",
        key="url",
    )


def _row(exchange: Exchange) -> tuple[Any, ...]:
    return (
        exchange.time - exchange.seconds,
        exchange.method,
        exchange.url,
        exchange.endpoint,
        exchange.status or None,
        exchange.request_bytes,
        exchange.response_bytes,
        exchange.seconds,
        exchange.attempt,
        "yes" if exchange.reused else "",
        exchange.party,
        exchange.error,
    )


def _headers(exchange: Exchange) -> tuple[str, str]:
    sides = (exchange.request_headers, exchange.response_headers)
    request, response = ("\n".join(f"{name}: {value}" for name, value in side) for side in sides)
    return request, response


def _hosts(exchanges: list[Exchange]) -> str:
    names = dict.fromkeys(host_of(exchange.url) for exchange in exchanges)
    return ", ".join(names)


def host_of(url: str) -> str:
    """``host[:port]`` of a URL."""
    return url.partition("://")[2].partition("/")[0]
