"""What the token server's answers say, to the letter: other registries' clients read them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest

from ocinb.registry import tokens
from ocinb.registry.app import Registry
from ocinb.registry.messages import Response
from ocinb.registry.passwords import Known
from ocinb.registry.tokens import TokenServer
from tests.unit.registry.conftest import Caller, codes

KEY = b"only this registry has it"
PEOPLE = Known({"ann": "secret"})
ANN = "Basic " + base64.b64encode(b"ann:secret").decode()
NOW = 1_700_000_000.5


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What the token server takes for the time; ``now`` is set."""
    real = tokens.time
    clock = SimpleNamespace(
        now=NOW, time=lambda: clock.now, gmtime=real.gmtime, strftime=real.strftime
    )
    monkeypatch.setattr(tokens, "time", clock)
    return clock


@pytest.fixture
def call(tmp_path: Path, clock: SimpleNamespace) -> Caller:
    return Caller(Registry(tmp_path, access=TokenServer(PEOPLE, service="here", key=KEY)))


def get(call: Caller, *query: tuple[str, str], **headers: str) -> Response:
    return call("GET", "/token", b"", ("service", "here"), *query, **headers)


def given(call: Caller, scope: str) -> dict:
    return json.loads(get(call, ("scope", scope), authorization=ANN).content())


def post(call: Caller, **fields: str) -> Response:
    return call("POST", "/token", urlencode(fields).encode())


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_a_token_is_a_json_web_token_that_others_can_check(call: Caller) -> None:
    """Spec: none (RFC 7515, RFC 7518 section 3.2)"""
    header, claims, signature = given(call, "repository:a:pull")["token"].split(".")
    assert json.loads(decoded(header)) == {"alg": "HS256", "typ": "JWT"}
    signed = hmac.digest(KEY, f"{header}.{claims}".encode(), hashlib.sha256)
    assert decoded(signature) == signed


def test_what_a_token_claims(call: Caller) -> None:
    scopes = "repository:a/b:pull,push registry:catalog:*"
    token = given(call, scopes)["token"]
    claims = json.loads(decoded(token.split(".")[1]))
    assert re.fullmatch("[0-9a-f]{16}", claims.pop("jti"))
    assert claims == {
        "iss": "here",
        "aud": "here",
        "sub": "ann",
        "iat": 1_700_000_000,
        "nbf": 1_699_999_990,
        "exp": 1_700_000_300,
        "access": [
            {"type": "repository", "name": "a/b", "actions": ["pull", "push"]},
            {"type": "registry", "name": "catalog", "actions": ["*"]},
        ],
    }
    assert token != given(call, scopes)["token"]


def test_what_comes_with_a_token(call: Caller) -> None:
    response = get(call, ("scope", "repository:a:pull"), authorization=ANN)
    assert response.headers["Cache-Control"] == "no-store"
    document = json.loads(response.content())
    assert document.pop("token")
    assert document == {"expires_in": 300, "issued_at": "2023-11-14T22:13:20Z"}


def test_what_comes_with_the_token_of_a_form(call: Caller) -> None:
    fields = {"grant_type": "password", "username": "ann", "password": "secret"}
    scopes = "repository:a:pull nonsense repository:b:pull"
    document = json.loads(post(call, **fields, scope=scopes).content())
    assert document.pop("access_token")
    assert document == {
        "expires_in": 300,
        "issued_at": "2023-11-14T22:13:20Z",
        "scope": "repository:a:pull repository:b:pull",
    }


@pytest.mark.parametrize("wanted", ["true", "false"])
@pytest.mark.parametrize("user", ["ann", ""])
def test_a_refresh_token_is_for_who_is_known_and_asks_for_one(
    call: Caller, user: str, wanted: str
) -> None:
    headers = {"authorization": ANN} if user else {}
    document = json.loads(get(call, ("offline_token", wanted), **headers).content())
    assert ("refresh_token" in document) == (user == "ann" and wanted == "true")


def test_a_refresh_token_is_the_persons_who_got_it(call: Caller) -> None:
    first = json.loads(get(call, ("offline_token", "true"), authorization=ANN).content())
    again = post(call, grant_type="refresh_token", refresh_token=first["refresh_token"])
    document = json.loads(again.content())
    claims = json.loads(decoded(document["access_token"].split(".")[1]))
    assert claims["sub"] == "ann"
    assert document["refresh_token"]


def test_a_token_is_good_until_its_second(call: Caller, clock: SimpleNamespace) -> None:
    bearer = f"Bearer {given(call, 'repository:a:pull')['token']}"
    clock.now = 1_700_000_299.9
    assert call("GET", "/v2/a/tags/list", authorization=bearer).status == 404
    clock.now = 1_700_000_300.0
    assert call("GET", "/v2/a/tags/list", authorization=bearer).status == 401


def test_the_challenges_to_the_letter(call: Caller) -> None:
    """Spec: none (RFC 6750 section 3)"""
    first = call("GET", "/v2/a/tags/list")
    said = 'Bearer realm="http://test:5000/token",service="here",scope="repository:a:pull"'
    assert first.headers["WWW-Authenticate"] == said
    assert codes(first) == ["UNAUTHORIZED"]
    other = f"Bearer {given(call, 'repository:b:pull')['token']}"
    second = call("GET", "/v2/a/tags/list", authorization=other)
    assert second.headers["WWW-Authenticate"] == f'{said},error="insufficient_scope"'
    assert codes(second) == ["UNAUTHORIZED"]


def test_the_scheme_is_in_any_case_and_blanks_do_not_matter(call: Caller) -> None:
    token = given(call, "repository:a:pull")["token"]
    assert call("GET", "/v2/a/tags/list", authorization=f"bEARER   {token} ").status == 404


def test_everything_of_a_repository_is_each_of_its_actions(call: Caller) -> None:
    bearer = f"Bearer {given(call, 'repository:a:*')['token']}"
    assert call("POST", "/v2/a/blobs/uploads/", authorization=bearer).status == 202
    assert call("POST", "/v2/b/blobs/uploads/", authorization=bearer).status == 401


def test_nothing_is_free_unless_that_was_said(call: Caller) -> None:
    document = json.loads(get(call, ("scope", "repository:a:pull")).content())
    assert json.loads(decoded(document["token"].split(".")[1]))["access"] == []


@pytest.mark.parametrize("scope", ["registry:catalog:pull", "repository:a:push", "repository:a:*"])
def test_what_is_free_is_to_read_repositories(tmp_path: Path, scope: str) -> None:
    call = Caller(Registry(tmp_path, access=TokenServer(PEOPLE, anonymous_pull=True)))
    token = json.loads(get(call, ("scope", scope)).content())["token"]
    assert json.loads(decoded(token.split(".")[1]))["access"] == []


def test_who_is_refused_is_told_how_to_come_in(call: Caller) -> None:
    for refused in (
        get(call, authorization=ANN[:-4]),
        post(call, grant_type="password", username="ann", password="wrong"),
        post(call, grant_type="password", password="secret"),
    ):
        assert (refused.status, codes(refused)) == (401, ["UNAUTHORIZED"])
        assert refused.headers["WWW-Authenticate"] == 'Basic realm="here"'
    assert codes(post(call, grant_type="refresh_token", refresh_token="x")) == ["UNAUTHORIZED"]
    assert codes(post(call, grant_type="implicit")) == ["UNSUPPORTED"]


def test_other_methods_are_told_which_there_are(call: Caller) -> None:
    refused = call("PUT", "/token")
    assert (refused.status, codes(refused)) == (405, ["UNSUPPORTED"])
    assert refused.headers["Allow"] == "GET, POST"


def test_a_form_that_is_no_text_is_one_that_asks_for_nothing(call: Caller) -> None:
    refused = call("POST", "/token", b"\xff\xfe=1&grant_type=\xff%ff")
    assert (refused.status, codes(refused)) == (400, ["UNSUPPORTED"])


def test_a_form_has_64_kilobytes_at_most(call: Caller) -> None:
    fields = b"grant_type=password&username=ann&password=secret&more="
    most = fields + b"x" * (65536 - len(fields))
    assert call("POST", "/token", most).status == 200
    refused = call("POST", "/token", most + b"x")
    assert (refused.status, codes(refused)) == (413, ["SIZE_INVALID"])
