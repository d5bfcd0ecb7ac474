"""A token server of its own, so that the token flow can be taught and tested offline.

1. The registry answers 401 with ``WWW-Authenticate: Bearer realm=…,service=…,scope=…``.
2. The client asks the realm, ``GET /token?service=…&scope=…`` with its name and password (or
   none), or ``POST /token`` with a form as in OAuth 2.
3. The answer's token goes into ``Authorization: Bearer …`` of the first request, sent again.

The tokens are JSON web tokens, signed with HMAC-SHA-256 under a key that only this registry has;
anybody can read what is in them.

Spec: none (Docker convention: registry token authentication)
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
import urllib.parse
from collections.abc import Mapping
from typing import Any

from ocinb.registry.access import Scope, only_reading
from ocinb.registry.messages import Refusal, Request, Response, json_response
from ocinb.registry.passwords import Passwords, basic_credentials
from ocinb.spec.distribution import ErrorCode

PATH = "/token"
_HEADER = {"alg": "HS256", "typ": "JWT"}
_MAX_FORM = 64 * 1024


class TokenServer:
    """Gives tokens, and lets requests through that carry one (an ``Access``)."""

    def __init__(
        self,
        passwords: Passwords,
        *,
        anonymous_pull: bool = False,
        service: str = "ocinb-registry",
        lifetime: int = 300,
        key: bytes | None = None,
    ) -> None:
        """Open for business.

        Args:
            passwords: who is known.
            anonymous_pull: a token for reading is given to anybody.
            service: name of the registry in challenges and tokens.
            lifetime: seconds for which a token is good.
            key: of the signature; a random one by default.
        """
        self._passwords = passwords
        self._anonymous_pull = anonymous_pull
        self._service = service
        self._lifetime = lifetime
        self._key = key or secrets.token_bytes(32)

    def check(self, request: Request, scopes: list[Scope]) -> None:
        """Raise ``Refusal`` (401) unless the request's token allows all of ``scopes``."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        error = ""
        if scheme.lower() == "bearer":
            claims = self._claims(token.strip())
            error = "invalid_token"
            if claims and "access" in claims:
                if _covers(claims["access"], scopes):
                    return
                error = "insufficient_scope"
        raise Refusal(
            401,
            ErrorCode.UNAUTHORIZED,
            headers={"WWW-Authenticate": self._challenge(request, scopes, error)},
        )

    def _challenge(self, request: Request, scopes: list[Scope], error: str) -> str:
        parts = {"realm": f"{request.host}{PATH}", "service": self._service}
        if scopes:
            parts["scope"] = " ".join(map(str, scopes))
        if error:
            parts["error"] = error
        return "Bearer " + ",".join(f'{name}="{value}"' for name, value in parts.items())

    def handle(self, request: Request) -> Response:
        """Answer a request for a token, by GET (query) or POST (form)."""
        try:
            if request.method == "GET":
                return self._answer_query(request)
            if request.method == "POST":
                return self._answer_form(request)
            raise Refusal(405, ErrorCode.UNSUPPORTED, headers={"Allow": "GET, POST"})
        except Refusal as refusal:
            return refusal.response()

    def _answer_query(self, request: Request) -> Response:
        user = ""
        if request.headers.get("authorization"):
            credentials = basic_credentials(request.headers["authorization"])
            user = self._known(*(credentials or ("", "")))
        offline = user != "" and request.parameter("offline_token") == "true"
        return self._grant(user, request.parameters("scope"), offline, "token")

    def _answer_form(self, request: Request) -> Response:
        data = bytearray()
        for piece in request.body:
            data += piece
            if len(data) > _MAX_FORM:
                raise Refusal(413, ErrorCode.SIZE_INVALID)
        form = dict(urllib.parse.parse_qsl(data.decode("utf-8", "replace")))
        kind = form.get("grant_type")
        if kind == "password":
            user = self._known(form.get("username", ""), form.get("password", ""))
        elif kind == "refresh_token":
            claims = self._claims(form.get("refresh_token", "")) or {}
            if not claims.get("refresh"):
                raise Refusal(401, ErrorCode.UNAUTHORIZED, "the refresh token is not valid")
            user = str(claims["sub"])
        else:
            raise Refusal(400, ErrorCode.UNSUPPORTED, "grant_type is password or refresh_token")
        offline = form.get("access_type") == "offline" or kind == "refresh_token"
        return self._grant(user, form.get("scope", "").split(), offline, "access_token")

    def _known(self, user: str, password: str) -> str:
        if not user or not self._passwords.verify(user, password):
            raise Refusal(
                401,
                ErrorCode.UNAUTHORIZED,
                "name or password is wrong",
                headers={"WWW-Authenticate": f'Basic realm="{self._service}"'},
            )
        return user

    def _grant(self, user: str, texts: list[str], offline: bool, field: str) -> Response:
        asked = [scope for text in " ".join(texts).split() if (scope := Scope.parse(text))]
        granted = [scope for scope in asked if user or self._free(scope)]
        now = int(time.time())
        document: dict[str, Any] = {
            field: self._sign(
                {
                    "sub": user,
                    "nbf": now - 10,
                    "exp": now + self._lifetime,
                    "access": [
                        {"type": s.type, "name": s.name, "actions": list(s.actions)}
                        for s in granted
                    ],
                }
            ),
            "expires_in": self._lifetime,
            "issued_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
        }
        if field == "access_token":
            document["scope"] = " ".join(map(str, granted))
        if offline:
            document["refresh_token"] = self._sign({"sub": user, "refresh": True})
        return json_response(document, Cache_Control="no-store")

    def _free(self, scope: Scope) -> bool:
        return self._anonymous_pull and scope.type == "repository" and only_reading([scope])

    def _sign(self, claims: Mapping[str, Any]) -> str:
        claims = {
            "iss": self._service,
            "aud": self._service,
            "iat": int(time.time()),
            "jti": secrets.token_hex(8),
            **claims,
        }
        text = f"{_encode(_json(_HEADER))}.{_encode(_json(claims))}"
        return f"{text}.{_encode(self._signature(text))}"

    def _claims(self, token: str) -> dict[str, Any] | None:
        """What a token says, if we signed it and it has not expired."""
        text, _, signature = token.rpartition(".")
        if not hmac.compare_digest(_encode(self._signature(text)).encode(), signature.encode()):
            return None
        try:
            claims = json.loads(_decode(text.partition(".")[2]))
        except (ValueError, binascii.Error):
            return None
        return claims if claims.get("exp", float("inf")) > time.time() else None

    def _signature(self, text: str) -> bytes:
        return hmac.digest(self._key, text.encode(), hashlib.sha256)


def _covers(access: list[dict[str, Any]], scopes: list[Scope]) -> bool:
    granted = {(a["type"], a["name"], action) for a in access for action in a["actions"]}
    return all(
        (scope.type, scope.name, action) in granted or (scope.type, scope.name, "*") in granted
        for scope in scopes
        for action in scope.actions
    )


def _json(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
