"""Authentication as a generator: each request may need a token first, or a second try.

Tokens are kept in memory only, one for each (token server, service, scopes, user).

Spec: none (Docker convention: the token specification of its registry, and RFC 7617)
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Generator

import httpx

from ocinb.distribution.challenge import Challenge, challenges, preferred
from ocinb.distribution.credentials import Anonymous, Credentials, Login
from ocinb.distribution.tokens import Token, TokenRequest, token_server
from ocinb.frozen import Frozen

Flow = Generator[httpx.Request, httpx.Response, None]
Asking = Generator[httpx.Request, httpx.Response, str | None]


class Access(Frozen):
    """What a request needs.

    Attributes:
        registry: ``host[:port]`` whose credentials may be used.
        repository: for credentials that are given by namespace.
        scopes: as in ``repository:library/nginx:pull``.
    """

    registry: str
    repository: str
    scopes: tuple[str, ...]


class Authority:
    """The challenges and tokens of one client; may be used from several threads."""

    def __init__(self, credentials: Credentials | None = None) -> None:
        self._credentials = credentials or Anonymous()
        self._logins: dict[tuple[str, str], Login | None] = {}
        self._challenges: dict[str, Challenge] = {}
        self._scopes: dict[tuple[str, tuple[str, ...]], tuple[str, ...]] = {}
        self._tokens: dict[TokenRequest, Token] = {}
        self._refresh: dict[tuple[str, str, str], str] = {}
        self._locks: defaultdict[TokenRequest, threading.Lock] = defaultdict(threading.Lock)

    def forget(self) -> None:
        """Begin anew: look up logins again, ask for tokens again."""
        for known in (self._logins, self._challenges, self._scopes, self._tokens, self._refresh):
            known.clear()

    def auth(self, access: Access) -> RegistryAuth:
        """What httpx calls for a request that needs this access."""
        return RegistryAuth(self, access)

    def login(self, access: Access) -> Login | None:
        """The login for this access, looked up once."""
        key = (access.registry, access.repository)
        if key not in self._logins:
            self._logins[key] = self._credentials.find(*key)
        return self._logins[key]

    def known(self, access: Access, url: httpx.URL) -> Asking:
        """The ``Authorization`` that will be wanted, as far as an earlier answer told."""
        challenge = self._challenges.get(access.registry)
        if challenge is None:
            return None
        return (yield from self._meet(challenge, access, url, stale=None))

    def challenged(
        self, access: Access, url: httpx.URL, response: httpx.Response, used: str | None
    ) -> Asking:
        """The ``Authorization`` that a 401 asks for; None where we cannot give it."""
        challenge = preferred(challenges(response.headers.get_list("www-authenticate")))
        if challenge is None:
            return None
        self._challenges[access.registry] = challenge
        asked = challenge.parameters.get("scope", "").split()
        self._scopes[access.registry, access.scopes] = tuple(sorted({*asked, *access.scopes}))
        return (yield from self._meet(challenge, access, url, stale=used))

    def _meet(
        self, challenge: Challenge, access: Access, url: httpx.URL, stale: str | None
    ) -> Asking:
        login = self.login(access)
        if challenge.scheme == "basic":
            header = login.basic if login and login.password else None
            return None if header == stale else header
        scopes = self._scopes.get((access.registry, access.scopes), access.scopes)
        request = TokenRequest(
            realm=str(token_server(access.registry, url, challenge, login)),
            service=challenge.parameters.get("service", ""),
            scopes=scopes,
            username=login.username if login else "",
        )
        with self._locks[request]:
            token = self._tokens.get(request)
            if token is None or token.is_old or token.header == stale:
                holder = (request.realm, request.service, request.username)
                token = yield from request.ask(access.registry, login, self._refresh.get(holder))
                self._tokens[request] = token
                if token.refresh_token:
                    self._refresh[holder] = token.refresh_token
        return None if token.header == stale else token.header


class RegistryAuth(httpx.Auth):
    """The flow of one request: perhaps a token, the request, perhaps a token and it again."""

    def __init__(self, authority: Authority, access: Access) -> None:
        self._authority = authority
        self._access = access

    @property
    def username(self) -> str | None:
        """Who we say we are; None for nobody in particular."""
        login = self._authority.login(self._access)
        return (login.username or "the token's owner") if login else None

    def auth_flow(self, request: httpx.Request) -> Flow:
        """Called by httpx; token requests pass through the same client."""
        used = yield from self._authority.known(self._access, request.url)
        if used:
            request.headers["authorization"] = used
        response = yield request
        if response.status_code != 401:
            return
        header = yield from self._authority.challenged(self._access, request.url, response, used)
        if header:
            request.headers["authorization"] = header
            yield request
