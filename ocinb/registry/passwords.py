"""Who may come in: names with passwords, given or read from an htpasswd file."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Protocol

from ocinb.content.durable import storage_errors
from ocinb.errors import DocumentError, UnsupportedHost

_HASH = re.compile(
    r"\$2[abxy]\$(?:0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}|\{SHA\}[A-Za-z0-9+/]{27}="
)


class Passwords(Protocol):
    """Whether a person's password is right."""

    def verify(self, user: str, password: str) -> bool:
        """True where the user exists and this is the password."""
        ...


class Known:
    """Passwords that are given as they are, for lessons and tests."""

    def __init__(self, users: Mapping[str, str]) -> None:
        """``users`` is name → password."""
        self._users = dict(users)

    def verify(self, user: str, password: str) -> bool:
        """True where the user exists and this is the password; takes equal time for both."""
        right = self._users.get(user)
        same = hmac.compare_digest(password.encode(), (right or "").encode())
        return same and right is not None


class Htpasswd:
    """Passwords of an htpasswd file: bcrypt (``htpasswd -B``), or SHA-1 (``htpasswd -s``).

    Docker's registry takes bcrypt only. The file is read once.

    Raises:
        StorageError: the file cannot be read.
        DocumentError: a line is not ``name:hash`` or has another kind of hash.
        UnsupportedHost: the file has bcrypt hashes and the package bcrypt is not installed.
    """

    def __init__(self, path: Path) -> None:
        self._hashes: dict[str, str] = {}
        with storage_errors("read", path):
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.startswith("#"):
                continue
            user, colon, hashed = line.strip().partition(":")
            if not colon or not _HASH.fullmatch(hashed):
                raise DocumentError(
                    f"line {number} of {path} is not a name with a bcrypt hash",
                    hint="make the file with: htpasswd -Bbn NAME PASSWORD",
                )
            self._hashes[user] = hashed
        if any(hashed.startswith("$2") for hashed in self._hashes.values()):
            _bcrypt()

    def verify(self, user: str, password: str) -> bool:
        """True where the user exists and this is the password; takes equal time for both."""
        known = user in self._hashes
        # Who is unknown is compared with somebody else's, so that time does not tell it.
        hashed = self._hashes[user] if known else next(iter(self._hashes.values()), "")
        if hashed.startswith("{SHA}"):
            digest = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
            same = hmac.compare_digest(base64.b64encode(digest), hashed[5:].encode())
        else:
            # The algorithm takes 72 bytes of the password.
            short = password.encode()[:72]
            same = bool(hashed) and bool(_bcrypt().checkpw(short, hashed.encode()))
        return known and same


def _bcrypt() -> ModuleType:
    try:
        import bcrypt
    except ImportError as error:
        raise UnsupportedHost(
            "htpasswd files with bcrypt need the package bcrypt",
            hint="pip install 'ocinb[htpasswd]'",
        ) from error
    return bcrypt


def basic_credentials(authorization: str) -> tuple[str, str] | None:
    """Name and password of an ``Authorization: Basic`` header; None where it is not one."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    user, colon, password = text.partition(":")
    return (user, password) if colon else None
