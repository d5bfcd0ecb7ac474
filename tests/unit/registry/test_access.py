"""Passwords and tokens."""

from __future__ import annotations

import base64
import json
import re
import sys
from pathlib import Path
from urllib.parse import urlencode

import bcrypt
import pytest

from ocinb.errors import DocumentError, StorageError, UnsupportedHost
from ocinb.registry.access import Basic, Scope
from ocinb.registry.app import Registry
from ocinb.registry.messages import Response
from ocinb.registry.passwords import Htpasswd, Known
from ocinb.registry.tokens import TokenServer
from tests.unit.registry.conftest import Caller, codes

KNOWN = Known({"ann": "secret", "bob": "pässword:with:colons"})


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


ANN = basic("ann", "secret")


@pytest.fixture
def guarded(tmp_path: Path) -> Caller:
    return Caller(Registry(tmp_path, access=Basic(KNOWN)))


def test_a_right_password_opens(guarded: Caller) -> None:
    assert guarded("GET", "/v2/", authorization=ANN).status == 200
    assert guarded("GET", "/v2/", authorization=basic("bob", "pässword:with:colons")).status == 200
    assert guarded("POST", "/v2/a/blobs/uploads/", authorization=ANN).status == 202


@pytest.mark.parametrize(
    "header",
    [
        "",
        basic("ann", "wrong"),
        basic("nobody", "secret"),
        basic("", ""),
        "Basic !!!",
        "Basic " + base64.b64encode(b"\xff\xfe").decode(),
        "Basic " + base64.b64encode(b"no-colon").decode(),
        "Bearer x",
        "Basic",
        ANN.replace("Basic", "Digest"),
        ANN.replace("Basic ", "Basic !"),
    ],
)
def test_anything_else_is_asked_for_one(guarded: Caller, header: str) -> None:
    response = guarded("GET", "/v2/", authorization=header)
    assert (response.status, codes(response)) == (401, ["UNAUTHORIZED"])
    assert response.headers["WWW-Authenticate"].startswith("Basic realm=")


def test_reading_may_be_free(tmp_path: Path) -> None:
    call = Caller(Registry(tmp_path, access=Basic(KNOWN, anonymous_pull=True)))
    assert call("GET", "/v2/a/manifests/1").status == 404
    assert call("GET", "/v2/").status == 401  # so that who has a password shows it
    assert call("POST", "/v2/a/blobs/uploads/").status == 401
    assert call("GET", "/v2/a/manifests/1", authorization=basic("ann", "no")).status == 401


def test_behind_a_password_a_mount_needs_its_source(tmp_path: Path) -> None:
    open_door = Caller(Registry(tmp_path))
    digest = open_door.push_blob("secret", b"x")
    call = Caller(Registry(tmp_path, access=Basic(KNOWN)))
    path = "/v2/mine/blobs/uploads/"
    assert call("POST", path, b"", ("mount", digest), authorization=ANN).status == 202
    from_there = (("mount", digest), ("from", "secret"))
    assert call("POST", path, b"", *from_there, authorization=ANN).status == 201


def hashed(password: bytes) -> str:
    """As ``htpasswd -B`` writes it."""
    return bcrypt.hashpw(password, bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$")


BOB = "bob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n"
"""His password is ``secret``."""


def test_an_htpasswd_file(tmp_path: Path) -> None:
    path = tmp_path / "htpasswd"
    path.write_text(f"# people\n\nann:{hashed(b'her own')}\n{BOB}")
    passwords = Htpasswd(path)
    assert passwords.verify("ann", "her own")
    assert passwords.verify("bob", "secret")
    assert not passwords.verify("ann", "secret")
    assert not passwords.verify("ann", "Her own")
    assert not passwords.verify("bob", "her own")
    assert not passwords.verify("bob", "")
    assert not passwords.verify("eve", "her own")


def test_of_a_long_password_72_bytes_count(tmp_path: Path) -> None:
    path = tmp_path / "htpasswd"
    path.write_text(f"ann:{hashed(b'x' * 72)}\n")
    assert Htpasswd(path).verify("ann", "x" * 100)
    assert not Htpasswd(path).verify("ann", "x" * 71)


def test_without_the_package_only_bcrypt_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "htpasswd"
    path.write_text(f"{BOB}ann:{hashed(b'secret')}\n")
    monkeypatch.setitem(sys.modules, "bcrypt", None)
    with pytest.raises(UnsupportedHost, match="need the package bcrypt") as caught:
        Htpasswd(path)
    assert caught.value.hint == "pip install 'ocinb[htpasswd]'"
    path.write_text(BOB)
    assert Htpasswd(path).verify("bob", "secret")


SALT_AND_HASH = "./" + "a" * 51


@pytest.mark.parametrize(
    "line",
    [
        "ann",
        "ann:secret",
        "ann:$apr1$x$y",
        "ann:$2y$05$cut-short",
        f"ann:$2y$03${SALT_AND_HASH}",
        f"ann:$2y$32${SALT_AND_HASH}",
        f"ann:$2y$05${SALT_AND_HASH}:more",
        "ann:{SHA}cut",
        "ann:\udcff",
    ],
)
def test_an_htpasswd_file_of_another_kind(tmp_path: Path, line: str) -> None:
    path = tmp_path / "htpasswd"
    path.write_text(line, errors="surrogateescape")
    with pytest.raises(DocumentError, match="line 1"):
        Htpasswd(path)


@pytest.mark.parametrize("user", ["ann", "nobody", ""])
def test_an_unknown_name_is_compared_too_so_that_time_does_not_tell_it(
    user: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "htpasswd"
    file.write_text(f"ann:{bcrypt.hashpw(b'secret', bcrypt.gensalt(4)).decode()}\n")
    known, compared = Htpasswd(file), []
    compare = bcrypt.checkpw

    def checkpw(password: bytes, hashed: bytes) -> bool:
        compared.append(password)
        return compare(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", checkpw)
    assert known.verify(user, "secret") == (user == "ann")
    assert compared == [b"secret"]


def test_without_anybody_in_it_nobody_comes_in(tmp_path: Path) -> None:
    file = tmp_path / "htpasswd"
    file.write_text("# nobody yet\n")
    assert not Htpasswd(file).verify("", "")


def test_an_htpasswd_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot read .*: no such file"):
        Htpasswd(tmp_path / "nothing")


# The token flow.


class Tokens(Caller):
    """Does what a client does: reads the challenge, gets a token, asks again."""

    def challenge(self, response: Response) -> dict[str, str]:
        assert response.status == 401
        header = response.headers["WWW-Authenticate"]
        assert header.startswith("Bearer ")
        return dict(re.findall(r'(\w+)="([^"]*)"', header))

    def token(self, scope: str, **headers: str) -> str:
        response = self("GET", "/token", b"", ("service", "s"), ("scope", scope), **headers)
        assert response.status == 200
        return json.loads(response.content())["token"]


@pytest.fixture
def call(tmp_path: Path) -> Tokens:
    return Tokens(Registry(tmp_path, access=TokenServer(KNOWN, anonymous_pull=True)))


def test_who_may_push_may_give_up_an_upload(call: Tokens) -> None:
    token = call.token("repository:a:pull,push", authorization=ANN)
    bearer = {"authorization": f"Bearer {token}"}
    opened = call("POST", "/v2/a/blobs/uploads/", **bearer)
    assert call("DELETE", opened.headers["Location"], **bearer).status == 204
    digest = call.registry.store.add(b"x", "a/b").digest
    assert call("DELETE", f"/v2/a/blobs/{digest}", **bearer).status == 401


def claims(token: str) -> dict:
    middle = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))


def test_the_challenge_says_where_and_what_for(call: Tokens) -> None:
    told = call.challenge(call("POST", "/v2/a/b/blobs/uploads/"))
    assert told["realm"] == "http://test:5000/token"
    assert told["service"] == "ocinb-registry"
    assert told["scope"] == "repository:a/b:pull,push"
    assert "scope" not in call.challenge(call("GET", "/v2/"))


DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/v2/a/b/manifests/1", "repository:a/b:pull"),
        ("HEAD", "/v2/a/b/manifests/1", "repository:a/b:pull"),
        ("PUT", "/v2/a/b/manifests/1", "repository:a/b:pull,push"),
        ("DELETE", "/v2/a/b/manifests/1", "repository:a/b:delete"),
        ("GET", f"/v2/a/b/blobs/{DIGEST}", "repository:a/b:pull"),
        ("HEAD", f"/v2/a/b/blobs/{DIGEST}", "repository:a/b:pull"),
        ("DELETE", f"/v2/a/b/blobs/{DIGEST}", "repository:a/b:delete"),
        ("POST", "/v2/a/b/blobs/uploads/", "repository:a/b:pull,push"),
        ("PATCH", "/v2/a/b/blobs/uploads/x", "repository:a/b:pull,push"),
        ("PUT", "/v2/a/b/blobs/uploads/x", "repository:a/b:pull,push"),
        ("GET", "/v2/a/b/blobs/uploads/x", "repository:a/b:pull"),
        ("DELETE", "/v2/a/b/blobs/uploads/x", "repository:a/b:pull,push"),
        ("GET", "/v2/_catalog", "registry:catalog:*"),
    ],
)
def test_what_each_request_needs(call: Tokens, method: str, path: str, scope: str) -> None:
    assert call.challenge(call(method, path))["scope"] == scope


def test_a_source_alone_is_no_mount(call: Tokens) -> None:
    asked = call("POST", "/v2/a/blobs/uploads/", b"", ("from", "secret"))
    assert call.challenge(asked)["scope"] == "repository:a:pull,push"


def test_reading_is_free_only_where_that_was_said(tmp_path: Path) -> None:
    for access in (Basic(KNOWN), TokenServer(KNOWN)):
        closed = Caller(Registry(tmp_path, access=access))
        assert closed("GET", "/v2/a/tags/list").status == 401


def test_a_token_opens_what_it_was_given_for(call: Tokens) -> None:
    bearer = f"Bearer {call.token('repository:a/b:pull,push', authorization=ANN)}"
    assert call("POST", "/v2/a/b/blobs/uploads/", authorization=bearer).status == 202
    other = call("POST", "/v2/c/blobs/uploads/", authorization=bearer)
    assert call.challenge(other)["error"] == "insufficient_scope"
    assert call("GET", "/v2/", authorization=bearer).status == 200


def test_a_mount_needs_both_repositories(call: Tokens) -> None:
    query = (("mount", "sha256:" + "0" * 64), ("from", "b"))
    told = call.challenge(call("POST", "/v2/a/blobs/uploads/", b"", *query))
    assert told["scope"] == "repository:a:pull,push repository:b:pull"
    bearer = f"Bearer {call.token(told['scope'], authorization=ANN)}"
    assert call("POST", "/v2/a/blobs/uploads/", b"", *query, authorization=bearer).status == 202


def test_anybody_may_get_a_token_for_reading(call: Tokens) -> None:
    token = call.token("repository:a:pull")
    assert claims(token)["access"] == [{"type": "repository", "name": "a", "actions": ["pull"]}]
    assert call("GET", "/v2/a/tags/list", authorization=f"Bearer {token}").status == 404
    writing = call.token("repository:a:pull,push")
    assert claims(writing)["access"] == []


@pytest.mark.parametrize("header", [basic("ann", "x"), "Basic !", "Bearer x"])
def test_wrong_credentials_get_no_token(call: Tokens, header: str) -> None:
    scope = ("scope", "repository:a:pull")
    assert call("GET", "/token", b"", scope, authorization=header).status == 401


@pytest.mark.parametrize("change", ["x", "", ".", "..", "a.b.c"])
def test_a_token_that_we_did_not_sign(call: Tokens, change: str) -> None:
    good = call.token("repository:a:pull")
    forged = good[:-5] + change if change == "x" else change
    response = call("GET", "/v2/a/tags/list", authorization=f"Bearer {forged}")
    assert call.challenge(response)["error"] == "invalid_token"


def test_an_old_token_is_not_good_any_more(tmp_path: Path) -> None:
    call = Tokens(Registry(tmp_path, access=TokenServer(KNOWN, lifetime=-1)))
    token = call.token("repository:a:pull", authorization=ANN)
    response = call("GET", "/v2/a/tags/list", authorization=f"Bearer {token}")
    assert call.challenge(response)["error"] == "invalid_token"


def form(call: Tokens, **fields: str) -> Response:
    return call("POST", "/token", urlencode(fields).encode())


def test_the_oauth_form_gives_a_refresh_token(call: Tokens) -> None:
    scope = "repository:a:pull,push"
    response = form(
        call,
        grant_type="password",
        username="ann",
        password="secret",
        scope=scope,
        access_type="offline",
    )
    first = json.loads(response.content())
    assert (first["scope"], first["expires_in"]) == (scope, 300)
    again = form(
        call, grant_type="refresh_token", refresh_token=first["refresh_token"], scope=scope
    )
    second = json.loads(again.content())
    bearer = f"Bearer {second['access_token']}"
    assert call("POST", "/v2/a/blobs/uploads/", authorization=bearer).status == 202
    # A refresh token is not a token, and a token is not a refresh token.
    misused = f"Bearer {first['refresh_token']}"
    assert call("POST", "/v2/a/blobs/uploads/", authorization=misused).status == 401
    wrong = form(call, grant_type="refresh_token", refresh_token=first["access_token"])
    assert wrong.status == 401


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 400),
        ({"grant_type": "client_credentials"}, 400),
        ({"grant_type": "password", "username": "ann", "password": "x"}, 401),
        ({"grant_type": "refresh_token"}, 401),
    ],
)
def test_a_form_that_is_not_right(call: Tokens, fields: dict[str, str], status: int) -> None:
    assert form(call, **fields).status == status


def test_other_requests_to_the_token_server(call: Tokens) -> None:
    assert call("DELETE", "/token").status == 405
    assert call("POST", "/token", b"x" * 100_000).status == 413


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("repository:a/b:pull", ("repository", "a/b", ("pull",))),
        ("repository:h:5000/a:pull,push", ("repository", "h:5000/a", ("pull", "push"))),
        ("registry:catalog:*", ("registry", "catalog", ("*",))),
    ],
)
def test_scopes_are_read_and_written(text: str, scope: tuple) -> None:
    read = Scope.parse(text)
    assert read
    assert (read.type, read.name, read.actions) == scope
    assert str(read) == text


@pytest.mark.parametrize("text", ["", "repository", "repository:a", "a::", ":a:pull"])
def test_what_is_no_scope(text: str) -> None:
    assert Scope.parse(text) is None
