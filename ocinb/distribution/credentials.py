"""Who we are, for a registry."""

from __future__ import annotations

import base64
from typing import Protocol

from ocinb.frozen import Frozen


class Login(Frozen):
    """A user name with a password, or an identity token in its place.

    Neither is ever shown: not in ``repr``, not in an event or error.
    """

    username: str
    password: str = ""
    identity_token: str = ""

    def __repr__(self) -> str:
        return f"Login(username={self.username!r}, password=***)"

    @property
    def basic(self) -> str:
        """The value of an ``Authorization`` header."""
        pair = f"{self.username}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"


class Credentials(Protocol):
    """Where logins are found."""

    def find(self, registry: str, repository: str) -> Login | None:
        """The login for a repository of a registry (``host[:port]``); None: nobody in particular.

        Raises:
            AuthenticationFailed: there may be one, but it cannot be read.
        """
        ...


class Anonymous:
    """No logins at all."""

    def find(self, registry: str, repository: str) -> Login | None:  # noqa: ARG002 (protocol)
        """Nobody."""
        return None


class FixedLogin:
    """One login for one registry; nobody for all others."""

    def __init__(self, registry: str, login: Login) -> None:
        self._registry = registry
        self._login = login

    def find(self, registry: str, repository: str) -> Login | None:  # noqa: ARG002 (protocol)
        """The login, where it is that registry."""
        return self._login if registry == self._registry else None
