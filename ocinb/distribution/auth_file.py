"""Files that hold logins: Docker's config.json and podman's auth.json.

Spec: none (Docker convention; containers-auth.json(5) for keys with namespaces)
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ocinb.distribution.credential_helper import CredentialHelper
from ocinb.distribution.credentials import Login
from ocinb.errors import AuthenticationFailed, StorageError
from ocinb.spec.reference import DEFAULT_REGISTRY

DOCKER_HUB_KEY = "https://index.docker.io/v1/"
"""How Docker names the credentials of docker.io."""

_HUB_HOSTS = (DEFAULT_REGISTRY, "index.docker.io", "registry-1.docker.io")


def auth_files(environment: Mapping[str, str]) -> list[Path]:
    """Where logins are kept for this environment, most important first.

    ``REGISTRY_AUTH_FILE`` alone where it is set; else podman's file of this session, podman's
    own, and Docker's (``DOCKER_CONFIG`` or ``~/.docker``).
    """
    if environment.get("REGISTRY_AUTH_FILE"):
        return [Path(environment["REGISTRY_AUTH_FILE"])]
    home = Path(environment.get("HOME") or Path.home())
    config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    docker = Path(environment.get("DOCKER_CONFIG") or home / ".docker")
    paths = [config / "containers" / "auth.json", docker / "config.json"]
    if environment.get("XDG_RUNTIME_DIR"):
        paths.insert(0, Path(environment["XDG_RUNTIME_DIR"]) / "containers" / "auth.json")
    return paths


class AuthFile:
    """One such file; it need not exist."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def find(self, registry: str, repository: str) -> Login | None:
        """The login for a repository: the longest namespace that has one, else a helper's.

        Raises:
            AuthenticationFailed: the file or a helper is broken.
        """
        document = self._read()
        helper = self._helper(document, registry)
        if helper is not None and "credHelpers" in document:
            return helper.get(_server(registry))
        entries = _table(document, "auths")
        for key in _keys(entries, registry, repository):
            login = self._decode(key, entries[key])
            if login is not None:
                return login
        return helper.get(_server(registry)) if helper is not None else None

    def save(self, registry: str, login: Login) -> str:
        """Keep a login, in a helper where the file names one; where it is kept now.

        The file appears as a whole and can be read by its owner only.

        Raises:
            AuthenticationFailed: the file or the helper is broken.
            StorageError: the file cannot be written.
        """
        document = self._read()
        helper = self._helper(document, registry)
        entries = document.setdefault("auths", {})
        if helper is not None:
            helper.store(_server(registry), login)
            entries[_server(registry)] = {}
            self._write(document)
            return helper.program
        for key in list(_keys(entries, registry, "")):
            del entries[key]
        pair = base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
        entry = {"auth": pair}
        if login.identity_token:
            entry["identitytoken"] = login.identity_token
        entries[_server(registry)] = entry
        self._write(document)
        return str(self.path)

    def remove(self, registry: str) -> bool:
        """Forget the login of a registry; whether there was one.

        Raises:
            AuthenticationFailed, StorageError: as ``save``.
        """
        document = self._read()
        helper = self._helper(document, registry)
        entries = _table(document, "auths")
        keys = list(_keys(entries, registry, ""))
        if helper is not None:
            helper.erase(_server(registry))
        for key in keys:
            del entries[key]
        if keys:
            self._write(document)
        return bool(keys) or helper is not None

    def _helper(self, document: dict[str, Any], registry: str) -> CredentialHelper | None:
        helpers = _table(document, "credHelpers")
        names = _HUB_HOSTS if registry == DEFAULT_REGISTRY else (registry,)
        for key in (*names, _server(registry)):
            if isinstance(helpers.get(key), str):
                return CredentialHelper(helpers[key])
        store = document.get("credsStore")
        return CredentialHelper(store) if isinstance(store, str) and store else None

    def _decode(self, key: str, entry: object) -> Login | None:
        if not isinstance(entry, dict):
            return None
        username, password = entry.get("username") or "", entry.get("password") or ""
        if entry.get("auth"):
            try:
                pair = base64.b64decode(entry["auth"], validate=True).decode().rstrip("\0")
            except (binascii.Error, ValueError, TypeError):
                pair = ""
            username, colon, password = pair.partition(":")
            if not colon:
                raise AuthenticationFailed(
                    f"the login for {key} in {self.path} is not user:password in base64",
                    hint=f"log in again: ocinb login {key.partition('/')[0]}",
                )
        token = entry.get("identitytoken") or ""
        if not (username or token):
            return None
        return Login(username=str(username), password=str(password), identity_token=str(token))

    def _read(self) -> dict[str, Any]:
        try:
            document = json.loads(self.path.read_bytes() or b"{}")
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise AuthenticationFailed(
                f"{self.path} cannot be read: {os.strerror(error.errno or 0).lower()}"
            ) from error
        except (ValueError, RecursionError) as error:
            raise AuthenticationFailed(
                f"{self.path} is not JSON", hint="mend it, or remove it and log in again"
            ) from error
        if not isinstance(document, dict):
            raise AuthenticationFailed(f"{self.path} is not a JSON object")
        return document

    def _write(self, document: dict[str, Any]) -> None:
        place = Path(os.path.realpath(self.path))  # a link stays a link
        try:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}-")
            try:
                with os.fdopen(handle, "w") as file:
                    json.dump(document, file, indent="\t")
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(temporary, place)
            except BaseException:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary)
                raise
        except OSError as error:
            reason = os.strerror(error.errno or 0).lower()
            raise StorageError(f"{place} cannot be written: {reason}") from error


class AuthFiles:
    """Several files, asked in order, as ``Credentials``."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._files = [AuthFile(path) for path in paths]

    def find(self, registry: str, repository: str) -> Login | None:
        """The first login found; see ``AuthFile.find``."""
        for file in self._files:
            login = file.find(registry, repository)
            if login is not None:
                return login
        return None


def _server(registry: str) -> str:
    return DOCKER_HUB_KEY if registry == DEFAULT_REGISTRY else registry


def _table(document: dict[str, Any], key: str) -> dict[str, Any]:
    found = document.get(key)
    return found if isinstance(found, dict) else {}


def _keys(entries: Mapping[str, Any], registry: str, repository: str) -> Iterator[str]:
    """Keys of ``auths`` for a repository, longest namespace first, then the registry itself.

    ``https://HOST/v1/`` and the like name a registry, as Docker wrote them.
    """
    parts = repository.split("/") if repository else []
    for length in range(len(parts), 0, -1):
        key = "/".join((registry, *parts[:length]))
        if key in entries:
            yield key
    hosts = set(_HUB_HOSTS if registry == DEFAULT_REGISTRY else (registry,))
    for key in entries:
        host, _, rest = key.removeprefix("https://").removeprefix("http://").partition("/")
        if host in hosts and (not rest or rest.rstrip("/") in ("v1", "v2")):
            yield key
