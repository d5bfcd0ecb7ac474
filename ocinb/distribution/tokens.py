"""Token servers: how a Bearer token is asked for and what is accepted as one.

Spec: none (Docker convention: token and OAuth2 specifications of its registry)
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Generator
from typing import Any

import httpx

from ocinb.distribution.challenge import Challenge
from ocinb.distribution.credentials import Login
from ocinb.distribution.failures import parse_errors
from ocinb.distribution.hosts import is_loopback
from ocinb.distribution.retry import RETRIED_STATUSES
from ocinb.errors import AuthenticationFailed
from ocinb.frozen import Frozen

CLIENT_ID = "ocinb"
DEFAULT_LIFETIME = 60.0
"""Seconds that a token lives where the server does not say."""

_SAFE = re.compile(r"[\x21-\x7e]+")
_MARGIN = 5.0


class Token(Frozen):
    """A Bearer token with its end on our own clock, and what may renew it."""

    value: str
    until: float
    refresh_token: str = ""

    def __repr__(self) -> str:
        return "Token(***)"

    @property
    def header(self) -> str:
        """The value of an ``Authorization`` header."""
        return f"Bearer {self.value}"

    @property
    def is_old(self) -> bool:
        """Whether it ends within seconds."""
        return time.monotonic() > self.until


class TokenServerFault(httpx.TransportError):
    """A token server that may answer better when asked again."""


class TokenRequest(Frozen):
    """What a token is for; equal requests share a token."""

    realm: str
    service: str
    scopes: tuple[str, ...]
    username: str

    def ask(
        self, registry: str, login: Login | None, refresh: str | None
    ) -> Generator[httpx.Request, httpx.Response, Token]:
        """The exchange that brings a token.

        By ``GET`` with Basic credentials or none; by OAuth2 ``POST`` where we hold an identity or
        refresh token, or where the server has no ``GET``.

        Raises:
            AuthenticationFailed: the server refuses, or answers something else than a token.
        """
        refresh = (login.identity_token if login else "") or refresh
        if refresh:
            response = yield self._post(grant_type="refresh_token", refresh_token=refresh)
            if response.status_code != 200 and login and login.password:
                response.read()
                response = yield self._get(login)
        else:
            response = yield self._get(login)
            if response.status_code in (404, 405) and login:
                response.read()
                response = yield self._post(
                    grant_type="password", username=login.username, password=login.password
                )
        return self._read(registry, login, response)

    def _get(self, login: Login | None) -> httpx.Request:
        parameters = [("service", self.service)] if self.service else []
        parameters += [("scope", scope) for scope in self.scopes]
        if login:
            parameters += [("account", login.username), ("client_id", CLIENT_ID)]
        headers = {"accept": "application/json", "accept-encoding": "identity"}
        if login:
            headers["authorization"] = login.basic
        url = httpx.URL(self.realm)
        for name, value in parameters:
            url = url.copy_add_param(name, value)
        return httpx.Request("GET", url, headers=headers)

    def _post(self, **form: str) -> httpx.Request:
        form |= {"service": self.service, "client_id": CLIENT_ID}
        if self.scopes:
            form["scope"] = " ".join(self.scopes)
        headers = {"accept": "application/json", "accept-encoding": "identity"}
        return httpx.Request("POST", self.realm, data=form, headers=headers)

    def _read(self, registry: str, login: Login | None, response: httpx.Response) -> Token:
        body = response.read()
        host = httpx.URL(self.realm).host
        if response.status_code in RETRIED_STATUSES:
            raise TokenServerFault(f"its token server {host} answers {response.status_code}")
        if response.status_code != 200:
            raise _refused(registry, host, login, response.status_code, body)
        document = _object(body)
        value = document.get("token") or document.get("access_token")
        if not isinstance(value, str) or not _SAFE.fullmatch(value):
            raise AuthenticationFailed(
                f"the token server {host} of registry {registry} answers without a usable token"
            )
        lifetime, refresh = document.get("expires_in"), document.get("refresh_token")
        if not isinstance(lifetime, int | float) or lifetime <= 0:
            lifetime = DEFAULT_LIFETIME
        return Token(
            value=value,
            until=time.monotonic() + min(lifetime, 86400.0) - _MARGIN,
            refresh_token=refresh if isinstance(refresh, str) else "",
        )


def token_server(
    registry: str, url: httpx.URL, challenge: Challenge, login: Login | None
) -> httpx.URL:
    """The URL of the challenge's realm, if it may be asked.

    Credentials go to an https realm only; or, from a registry spoken to by plain http, to a
    realm on the same host.

    Raises:
        AuthenticationFailed: it may not.
    """
    text = challenge.parameters["realm"]
    try:
        realm = httpx.URL(text)
    except (httpx.InvalidURL, ValueError) as error:
        raise _bad_realm(registry, text, "is not a URL") from error
    if realm.scheme not in ("http", "https") or not realm.host:
        raise _bad_realm(registry, text, "is not a URL of http or https")
    if realm.scheme == "http":
        if url.scheme == "https":
            raise _bad_realm(registry, text, "is spoken to by plain http")
        same = realm.host == url.host or (is_loopback(realm.host) and is_loopback(url.host))
        if login and not same:
            raise _bad_realm(registry, text, "is another host, spoken to by plain http")
    return realm.copy_with(userinfo=b"", fragment=None)


def _bad_realm(registry: str, realm: str, why: str) -> AuthenticationFailed:
    return AuthenticationFailed(
        f"registry {registry} sends us to the token server {realm[:100]!r}, which {why}",
        hint="no credentials were sent there",
    )


def _refused(
    registry: str, host: str, login: Login | None, status: int, body: bytes
) -> AuthenticationFailed:
    if status in (400, 401, 403) and login:
        return AuthenticationFailed(
            f"registry {registry} does not accept the login of {login.username or 'its token'}",
            hint=f"log in again: ocinb login {registry}",
        )
    if status in (401, 403):
        return AuthenticationFailed(
            f"registry {registry} wants a login", hint=f"ocinb login {registry}"
        )
    told = "; ".join(message or code for code, message in parse_errors(body))
    return AuthenticationFailed(
        f"the token server {host} of registry {registry} answers {status}"
        + (f": {told}" if told else "")
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
