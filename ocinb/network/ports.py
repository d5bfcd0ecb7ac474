"""A port of a container, and the port of this machine that leads to it."""

from __future__ import annotations

from ocinb.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

LOOPBACK = "127.0.0.1"
EVERYWHERE = "0.0.0.0"


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
        return f"{self.host_ip}:{self.host_port}->{self.port}/{self.protocol}"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host_ip.startswith("127.")

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> PublishedPort:
        """The port that a JSON object holds."""
        return cls(**{name: document[name] for name in cls._fields})
