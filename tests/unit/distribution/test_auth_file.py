"""Logins in Docker's config.json, podman's auth.json, and credential helpers."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import pytest

from ocinb.distribution.auth_file import AuthFile, AuthFiles, auth_files
from ocinb.distribution.credentials import Login
from ocinb.errors import AuthenticationFailed, StorageError


def pair(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def written(tmp_path: Path, document: object) -> AuthFile:
    path = tmp_path / "config.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return AuthFile(path)


@pytest.mark.parametrize(
    ("key", "registry"),
    [
        ("registry.example:5000", "registry.example:5000"),
        ("https://registry.example", "registry.example"),
        ("https://registry.example/v2/", "registry.example"),
        ("https://index.docker.io/v1/", "docker.io"),
        ("docker.io", "docker.io"),
    ],
)
def test_the_ways_in_which_a_registry_is_named(key: str, registry: str, tmp_path: Path) -> None:
    file = written(tmp_path, {"auths": {key: pair("ann", "a:b")}})
    assert file.find(registry, "team/app") == Login(username="ann", password="a:b")
    assert file.find("other.example", "team/app") is None


def test_the_longest_namespace_has_the_login(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        {
            "auths": {
                "quay.io": pair("all", "1"),
                "quay.io/team": pair("team", "2"),
                "quay.io/team/app": pair("app", "3"),
                "quay.io/tea": pair("no", "4"),
            }
        },
    )
    found = {name: file.find("quay.io", name) for name in ("team/app", "team/x", "tea-m/app")}
    assert {name: login and login.username for name, login in found.items()} == {
        "team/app": "app",
        "team/x": "team",
        "tea-m/app": "all",
    }


def test_an_identity_token_is_a_login(tmp_path: Path) -> None:
    entry = {**pair("00000000-0000-0000-0000-000000000000", ""), "identitytoken": "t"}
    login = written(tmp_path, {"auths": {"a.example": entry}}).find("a.example", "x")
    assert login is not None
    assert login.identity_token == "t"
    assert "t'" not in repr(login)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "is not JSON"),
        ("[]", "is not a JSON object"),
        ({"auths": {"a.example": {"auth": "%%%"}}}, "not user:password in base64"),
        ({"auths": {"a.example": {"auth": "YQ=="}}}, "not user:password in base64"),
        ({"auths": {"a.example": {"auth": 5}}}, "not user:password in base64"),
        ({"credsStore": "../evil"}, "not the name of a credential helper"),
        ({"credsStore": "no-such-helper-here"}, "is not installed"),
    ],
)
def test_what_is_broken_is_said(content: object, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(AuthenticationFailed, match=sentence):
        written(tmp_path, content).find("a.example", "x")


def test_no_file_is_no_login(tmp_path: Path) -> None:
    assert AuthFiles([tmp_path / "none.json"]).find("a.example", "x") is None


def test_a_login_is_kept_for_its_owner_only_and_other_fields_survive(tmp_path: Path) -> None:
    file = written(tmp_path, {"HttpHeaders": {"X": "1"}, "auths": {"b.example": pair("b", "b")}})
    assert file.save("docker.io", Login(username="ann", password="secret")) == str(file.path)
    document = json.loads(file.path.read_text())
    assert document["HttpHeaders"] == {"X": "1"}
    assert set(document["auths"]) == {"b.example", "https://index.docker.io/v1/"}
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]
    assert file.find("docker.io", "library/x") == Login(username="ann", password="secret")
    assert file.remove("docker.io")
    assert not file.remove("docker.io")
    assert file.find("docker.io", "library/x") is None
    assert file.find("b.example", "x") is not None


def test_directories_are_made_and_a_link_stays_one(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "config.json"
    real.parent.mkdir()
    real.write_text("{}")
    link = tmp_path / "home" / "config.json"
    link.parent.mkdir()
    link.symlink_to(real)
    AuthFile(link).save("a.example", Login(username="a", password="b"))
    assert link.is_symlink()
    assert "a.example" in real.read_text()
    new = tmp_path / "new" / "deep" / "auth.json"
    AuthFile(new).save("a.example", Login(username="a", password="b"))
    assert new.exists()


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises((StorageError, AuthenticationFailed)):
        AuthFile(tmp_path / "file" / "auth.json").save("a.example", Login(username="a"))


HELPER = """#!/bin/sh
read line
printf '%s' "$line" > "$0.$1"
case $1 in
get) case $line in
  known.example) echo '{"ServerURL":"x","Username":"ann","Secret":"s"}';;
  token.example) echo '{"ServerURL":"x","Username":"<token>","Secret":"idt"}';;
  broken.example) echo 'hello';;
  locked.example) echo 'the key ring is locked' >&2; exit 3;;
  *) echo 'credentials not found in native keychain'; exit 1;;
  esac;;
esac
"""


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "bin" / "docker-credential-test"
    program.parent.mkdir()
    program.write_text(HELPER)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return program


@pytest.mark.parametrize("key", ["credsStore", "credHelpers"])
def test_a_helper_is_asked(key: str, helper: Path, tmp_path: Path) -> None:
    hosts = ("known", "token", "broken", "locked", "unknown")
    value = "test" if key == "credsStore" else {f"{host}.example": "test" for host in hosts}
    file = written(tmp_path, {key: value})
    assert file.find("known.example", "x") == Login(username="ann", password="s")
    assert file.find("token.example", "x") == Login(username="", identity_token="idt")
    assert file.find("unknown.example", "x") is None
    with pytest.raises(AuthenticationFailed, match="not a login in JSON"):
        file.find("broken.example", "x")
    with pytest.raises(AuthenticationFailed, match="the key ring is locked"):
        file.find("locked.example", "x")


def test_a_helper_keeps_and_forgets(helper: Path, tmp_path: Path) -> None:
    file = written(tmp_path, {"credsStore": "test"})
    assert file.save("a.example", Login(username="ann", password="s")) == helper.name
    stored = json.loads(Path(f"{helper}.store").read_text())
    assert stored == {"ServerURL": "a.example", "Username": "ann", "Secret": "s"}
    assert '"s"' not in file.path.read_text()
    assert file.remove("a.example")
    assert Path(f"{helper}.erase").read_text() == "a.example"


def test_where_logins_are_looked_for() -> None:
    home = {"HOME": "/home/ann"}
    assert auth_files({**home, "REGISTRY_AUTH_FILE": "/x"}) == [Path("/x")]
    assert auth_files({**home, "XDG_RUNTIME_DIR": "/run/user/1"}) == [
        Path("/run/user/1/containers/auth.json"),
        Path("/home/ann/.config/containers/auth.json"),
        Path("/home/ann/.docker/config.json"),
    ]
    assert auth_files({**home, "DOCKER_CONFIG": "/d"})[-1] == Path("/d/config.json")
