"""Access control: what a request needs, and who is let through.

Spec: none (Docker convention); the specification leaves authentication out
(distribution-spec spec.md#determining-support).
"""

from __future__ import annotations

from typing import Protocol

from ocinb.frozen import Frozen
from ocinb.registry.messages import Refusal, Request
from ocinb.registry.passwords import Passwords, basic_credentials
from ocinb.registry.routes import CATALOG, Route
from ocinb.spec.distribution import ErrorCode

_ACTIONS = {
    "GET": ("pull",),
    "HEAD": ("pull",),
    "POST": ("pull", "push"),
    "PATCH": ("pull", "push"),
    "PUT": ("pull", "push"),
    "DELETE": ("delete",),
}


class Scope(Frozen):
    """What is asked for, as tokens name it: ``repository:a/b:pull,push``.

    Attributes:
        type: ``repository`` or ``registry``.
        name: the repository, or ``catalog``.
        actions: ``pull``, ``push``, ``delete``, or ``*``.
    """

    type: str
    name: str
    actions: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Scope | None:
        """Read the text form; None where it is not one."""
        kind, _, rest = text.partition(":")
        name, colon, actions = rest.rpartition(":")
        if not (kind and name and colon and actions):
            return None
        return cls(type=kind, name=name, actions=tuple(actions.split(",")))

    def __str__(self) -> str:
        return f"{self.type}:{self.name}:{','.join(self.actions)}"


class Access(Protocol):
    """Lets a request through, or refuses it."""

    def check(self, request: Request, scopes: list[Scope]) -> None:
        """Raise ``Refusal`` (401 with a challenge) unless the request may do all of this."""
        ...


class Basic:
    """Name and password in each request."""

    def __init__(self, passwords: Passwords, *, anonymous_pull: bool = False) -> None:
        """``anonymous_pull`` lets anybody read."""
        self._passwords = passwords
        self._anonymous_pull = anonymous_pull

    def check(self, request: Request, scopes: list[Scope]) -> None:
        """Raise ``Refusal`` unless the password is right, or only reading is asked and free."""
        credentials = basic_credentials(request.headers.get("authorization", ""))
        if credentials and self._passwords.verify(*credentials):
            return
        # end-1 needs nothing, but a client that is let in there never shows its password later.
        if not credentials and self._anonymous_pull and scopes and only_reading(scopes):
            return
        raise Refusal(
            401,
            ErrorCode.UNAUTHORIZED,
            headers={"WWW-Authenticate": 'Basic realm="ocinb registry"'},
        )


def only_reading(scopes: list[Scope]) -> bool:
    """Whether nothing but pulling is asked for."""
    return all(scope.actions == ("pull",) for scope in scopes)


def needed_scopes(request: Request, route: Route) -> list[Scope]:
    """What a request needs; nothing for end-1, which only asks who is there."""
    if route.endpoint is CATALOG:
        return [Scope(type="registry", name="catalog", actions=("*",))]
    if not route.name:
        return []
    # Who gives up an upload deletes nothing.
    actions = ("pull", "push") if route.endpoint.id == "end-14" else _ACTIONS[request.method]
    scopes = [Scope(type="repository", name=route.name, actions=actions)]
    source = request.parameter("from")
    if source and request.parameter("mount"):
        scopes.append(Scope(type="repository", name=source, actions=("pull",)))
    return scopes
