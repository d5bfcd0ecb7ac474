"""Credential helpers: programs ``docker-credential-NAME`` that keep logins.

Spec: none (Docker convention)
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import Any

from ocinb.distribution.credentials import Login
from ocinb.errors import AuthenticationFailed

TIMEOUT = 60.0
"""Seconds; a helper may ask a person to unlock a key ring."""

TOKEN_USER = "<token>"
"""User name that says that the secret is an identity token."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_NOT_FOUND = "credentials not found"


class CredentialHelper:
    """One helper, by the name that config.json gives it: ``pass`` is docker-credential-pass.

    Raises:
        AuthenticationFailed: the name is not one of a program.
    """

    def __init__(self, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise AuthenticationFailed(f"{name!r} is not the name of a credential helper")
        self.program = f"docker-credential-{name}"

    def get(self, server: str) -> Login | None:
        """The login that the helper keeps for a server, if any.

        Raises:
            AuthenticationFailed: the helper is missing, fails, or answers something else.
        """
        output, error = self._run("get", server.encode())
        if error is not None:
            if _NOT_FOUND in error.lower():
                return None
            raise self._failure("get", error)
        try:
            answer: Any = json.loads(output)
            username, secret = answer["Username"], answer["Secret"]
        except (ValueError, TypeError, KeyError, RecursionError) as malformed:
            raise self._failure("get", "its output is not a login in JSON") from malformed
        if not isinstance(username, str) or not isinstance(secret, str):
            raise self._failure("get", "its output is not a login in JSON")
        if username == TOKEN_USER:
            return Login(username="", identity_token=secret)
        return Login(username=username, password=secret) if username or secret else None

    def store(self, server: str, login: Login) -> None:
        """Let the helper keep a login.

        Raises:
            AuthenticationFailed: it does not.
        """
        document = {
            "ServerURL": server,
            "Username": TOKEN_USER if login.identity_token else login.username,
            "Secret": login.identity_token or login.password,
        }
        _, error = self._run("store", json.dumps(document).encode())
        if error is not None:
            raise self._failure("store", error)

    def erase(self, server: str) -> None:
        """Let the helper forget a login; it may not have had it.

        Raises:
            AuthenticationFailed: it fails.
        """
        _, error = self._run("erase", server.encode())
        if error is not None and _NOT_FOUND not in error.lower():
            raise self._failure("erase", error)

    def _run(self, action: str, data: bytes) -> tuple[bytes, str | None]:
        """Output, and what went wrong in the helper's words, None where nothing did."""
        try:
            done = subprocess.run(
                [self.program, action],
                input=data,
                capture_output=True,
                timeout=TIMEOUT,
                check=False,
            )
        except FileNotFoundError:
            raise AuthenticationFailed(
                f"the credential helper {self.program} is not installed",
                hint="install it, or take its name out of config.json (credHelpers, credsStore)",
            ) from None
        except subprocess.TimeoutExpired:
            raise self._failure(action, f"no answer in {TIMEOUT:.0f} seconds") from None
        except OSError as error:
            raise self._failure(action, os.strerror(error.errno or 0).lower()) from error
        if done.returncode == 0:
            return done.stdout, None
        told = (done.stdout if action == "get" else b"").strip() or done.stderr.strip()
        told = told or done.stdout.strip()
        text = told.decode(errors="replace").splitlines()[0][:200] if told else ""
        return b"", text or f"exit status {done.returncode}"

    def _failure(self, action: str, why: str) -> AuthenticationFailed:
        return AuthenticationFailed(
            f"the credential helper {self.program} failed to {action} the login: {why}",
            hint=f"try it by hand: echo HOST | {self.program} {action}",
        )
