"""Ports for servers that are told which one to listen on."""

from __future__ import annotations

import contextlib
import secrets
import socket

_FIRST, _MANY = 20_000, 12_000
"""Below those that the kernel chooses itself, for whoever leaves it the choice."""


def free_port() -> int:
    """A port that nobody has, and that no other test is likely to be given."""
    while True:
        port = _FIRST + secrets.randbelow(_MANY)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
