"""What a person types to publish ports.

Spec: none (Docker convention), except that a port is published on the loopback address only,
unless another address is named
"""

from __future__ import annotations

import re

from ocinb.errors import NetworkError
from ocinb.network.ports import EVERYWHERE, LOOPBACK, PublishedPort
from ocinb.network.subnets import to_number, to_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

PROTOCOLS = ("tcp", "udp")
MOST = 1000
"""Ports of one container; more are a mistake in a range."""

_FORM = re.compile(
    r"(?:(?P<ip>\d+\.\d+\.\d+\.\d+|\[[^\]]*\]|[^:/\[\]]*[^:/\[\]\d-][^:/\[\]]*):)?"
    r"(?:(?P<host>\d*(?:-\d+)?):)?"
    r"(?P<port>\d+(?:-\d+)?)"
    r"(?:/(?P<protocol>[a-zA-Z]+))?"
)
_HINT = "[ADDRESS:][PORT:]PORT[/tcp|udp], as in 8080:80, 0.0.0.0:8080:80 or 9000-9010:9000-9010"


def parse(text: str) -> list[PublishedPort]:
    """The ports of one ``--publish``: a range is as many.

    Raises:
        NetworkError: it is not of that form, or a number is not a port's.
    """
    form = _FORM.fullmatch(text)
    if form is None:
        raise NetworkError(f"--publish {text} is not a port", hint=_HINT)
    protocol = (form["protocol"] or "tcp").lower()
    if protocol not in PROTOCOLS:
        raise NetworkError(f"--publish {text}: {protocol} is not tcp or udp")
    inside = _range(text, form["port"])
    outside = _range(text, form["host"]) if form["host"] else None
    if outside is not None and len(outside) != len(inside):
        raise NetworkError(
            f"--publish {text}: {len(outside)} ports of this machine cannot lead to "
            f"{len(inside)} of the container",
            hint="both ranges must be of one length",
        )
    ip = _address(text, form["ip"])
    numbers = outside or [0] * len(inside)
    return [
        PublishedPort(host_ip=ip, host_port=number, port=port, protocol=protocol)
        for number, port in zip(numbers, inside, strict=True)
    ]


def parse_all(texts: Iterable[str]) -> list[PublishedPort]:
    """The ports of every ``--publish``.

    Raises:
        NetworkError: one is malformed, two want the same port, or there are too many.
    """
    found = [port for text in texts for port in parse(text)]
    if len(found) > MOST:
        raise NetworkError(f"{len(found):,} published ports are more than {MOST:,}")
    taken: dict[tuple[str, int, int], PublishedPort] = {}
    for port in found:
        before = taken.setdefault((port.protocol, port.version, port.host_port), port)
        both = {before.host_ip, port.host_ip}
        same = len(both) == 1 or not both.isdisjoint(EVERYWHERE)
        if before is not port and port.host_port and same:
            raise NetworkError(
                f"port {port.host_port}/{port.protocol} of this machine is published twice"
            )
    return found


def exposed(text: str) -> PublishedPort | None:
    """The port of an image's ``ExposedPorts`` key such as ``80/tcp``, on any free port of ours.

    Spec: image-spec config.md#properties (ExposedPorts)
    """
    number, _, protocol = text.partition("/")
    protocol = protocol or "tcp"
    if not (number.isascii() and number.isdigit() and 0 < int(number) < 65536):
        return None
    if protocol not in PROTOCOLS:
        return None
    return PublishedPort(host_ip=LOOPBACK, host_port=0, port=int(number), protocol=protocol)


def _range(text: str, numbers: str) -> list[int]:
    first, dash, last = numbers.partition("-")
    if not first:
        raise NetworkError(f"--publish {text} is not a port", hint=_HINT)
    low, high = int(first), int(last if dash else first)
    if not 0 < low <= high < 65536:
        raise NetworkError(
            f"--publish {text}: {numbers} is not a port or a range of ports",
            hint="ports are 1 to 65535",
        )
    return list(range(low, high + 1))


def _address(text: str, ip: str | None) -> str:
    if not ip:
        return LOOPBACK
    if ip == "localhost":
        return LOOPBACK
    if ip.startswith("["):
        number = to_number(ip[1:-1], 6)
        if number is not None:
            return to_text(number, 6)
    parts = ip.split(".")
    if len(parts) != 4 or any(not p.isdigit() or int(p) > 255 or len(p) > 3 for p in parts):
        raise NetworkError(
            f"--publish {text}: {ip} is not an address of this machine",
            hint=f"{LOOPBACK} is what is taken without one, 0.0.0.0 opens it to everybody; "
            "addresses of IPv6 stand in brackets: [::1], [::]",
        )
    return ".".join(str(int(part)) for part in parts)
