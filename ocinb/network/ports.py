"""A port of a container, and the port of this machine that leads to it."""

from __future__ import annotations

from ocinb.frozen import Frozen
from ocinb.network.subnets import version_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

LOOPBACK = "127.0.0.1"
EVERYWHERE = ("0.0.0.0", "::")
"""What opens a port to everybody, by either version of the Internet protocol."""


class PublishedPort(Frozen):
    """A port of a container, and the one that leads to it.

    Attributes:
        host_ip: the address of this machine.
        host_port: its port; 0: any that is free.
        port: the container's.
        protocol: ``tcp`` or ``udp``.
    """

    host_ip: str
    host_port: int
    port: int
    protocol: str = "tcp"

    def __str__(self) -> str:
        ip = f"[{self.host_ip}]" if self.version == 6 else self.host_ip
        return f"{ip}:{self.host_port}->{self.port}/{self.protocol}"

    @property
    def version(self) -> int:
        """Of the Internet protocol, on this machine's side."""
        return version_of(self.host_ip)

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host_ip.startswith("127.") or self.host_ip == "::1"

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> PublishedPort:
        """The port that a JSON object holds."""
        return cls(**{name: document[name] for name in cls._fields})
