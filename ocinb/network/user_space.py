"""Ways out for an ordinary user's container: a program that speaks for it, or published ports.

An ordinary user may not touch the network of this machine, but is the superuser of the
container's own namespace. pasta and slirp4netns give it an interface there and send what comes
out of it through ordinary sockets. Without either, our proxy still serves published ports.
"""

from __future__ import annotations

import os
import shutil
from typing import Any

from ocinb.errors import UnsupportedHost

KINDS = ("slirp4netns", "pasta")
"""In the order in which they are tried: pasta carries more, but takes 0.2 s to begin, not 10 ms."""

SLIRP_SERVER = "10.0.2.3"
"""The name server that slirp4netns is for its container."""

_PACKAGES = {"pasta": "passt", "slirp4netns": "slirp4netns"}
_TUN = "/dev/net/tun"
ENABLE_TUN = f"the superuser must let users open {_TUN} (chmod 666 {_TUN})"
INSTALL = "install pasta or slirp4netns (Debian: apt-get install passt)"


def choose(wanted: str | None, warnings: list[str]) -> dict[str, Any]:
    """Which program it is to be: ``kind`` and ``program`` of ``network.json``.

    Args:
        wanted: one of ``KINDS``, or None: any, or else published ports only.
        warnings: gets a sentence where there is no way out.

    Raises:
        UnsupportedHost: the one that was wanted does not work here.
    """
    problem = tun_problem()
    for kind in KINDS if wanted is None else (wanted,):
        program = shutil.which(kind)
        if program and not problem:
            return {"kind": kind, "program": program}
        if wanted:
            raise UnsupportedHost(
                f"--network {kind}: {problem or f'there is no program {kind} on PATH'}",
                hint=f"open {_TUN} to users" if problem else f"apt-get install {_PACKAGES[kind]}",
            )
    why = problem or "neither pasta nor slirp4netns is installed"
    warnings.append(
        f"the container reaches nothing outside itself ({why}); published ports do lead to it"
    )
    return {"kind": "ports", "program": ""}


def tun_problem() -> str:
    """Why no interface can be made for a program; empty where it can."""
    try:
        os.close(os.open(_TUN, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return f"{_TUN}: {os.strerror(error.errno or 0).lower()}"
    return ""
