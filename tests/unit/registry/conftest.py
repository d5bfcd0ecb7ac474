"""A registry without a socket, and how a test talks to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ocinb.registry.app import Registry
from ocinb.registry.messages import Request, Response
from ocinb.spec import media_types
from ocinb.spec.digest import Digest, digest_of
from tests.support.empty import EMPTY_DESCRIPTOR, EMPTY_JSON


class Caller:
    """Sends requests to ``Registry.handle`` and pushes small things through the real endpoints."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    def __call__(
        self, method: str, path: str, body: bytes = b"", /, *query: tuple[str, str], **headers: str
    ) -> Response:
        named = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        if body:
            named.setdefault("content-length", str(len(body)))
        pieces = [body] if body else []
        request = Request(method, path, query, named, pieces, "http://test:5000")
        return self.registry.handle(request)

    def push_blob(self, name: str, data: bytes, algorithm: str = "sha256") -> Digest:
        digest = digest_of(data, algorithm)
        response = self("POST", f"/v2/{name}/blobs/uploads/", data, ("digest", digest))
        assert response.status == 201, response.content()
        return digest

    def push_manifest(self, name: str, reference: str, **fields: Any) -> Digest:
        """An artifact's manifest with an empty config; the blobs it needs are pushed first."""
        self.push_blob(name, EMPTY_JSON)
        data = manifest(**fields)
        response = self("PUT", f"/v2/{name}/manifests/{reference}", data)
        assert response.status == 201, response.content()
        return Digest(response.headers["Docker-Content-Digest"])


def manifest(**fields: Any) -> bytes:
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.IMAGE_MANIFEST,
        "config": {
            "mediaType": EMPTY_DESCRIPTOR.media_type,
            "digest": EMPTY_DESCRIPTOR.digest,
            "size": EMPTY_DESCRIPTOR.size,
        },
        "layers": [],
        **fields,
    }
    return json.dumps(document).encode()


def codes(response: Response) -> list[str]:
    """The error codes of a body, whose form is checked."""
    errors = json.loads(response.content())["errors"]
    assert all(set(error) <= {"code", "message", "detail"} for error in errors)
    assert response.headers["Content-Length"] == str(len(response.content()))
    return [error["code"] for error in errors]


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry")


@pytest.fixture
def call(registry: Registry) -> Caller:
    return Caller(registry)
