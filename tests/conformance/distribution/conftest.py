"""The registries that are held to the specification, and small things to push to them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from ocinb.registry.serve import RegistryServer
from ocinb.spec import media_types
from ocinb.spec.digest import digest_of
from tests.support.docker_registry import docker_registry
from tests.support.empty import EMPTY_DESCRIPTOR, EMPTY_JSON

ALL = frozenset({"referrers", "order", "tag-deletion", "tag-lists", "sha512", "limit"})
"""What Debian's registry, version 2.8 and older than the specification, does not do: the
referrers list; 416 for chunks out of order; deleting tags; order and pages of tags; sha512;
413 for a manifest over the limit."""

_numbers = itertools.count()


@dataclass
class Repository:
    """A repository of its own for each test, spoken to by plain HTTP requests."""

    http: httpx.Client
    claims: frozenset[str]
    request: pytest.FixtureRequest
    name: str = field(default_factory=lambda: f"conformance/test{next(_numbers)}")

    def requires(self, claim: str) -> None:
        """Expect the test to fail where the registry does not claim this, and to do so surely."""
        if claim not in self.claims:
            why = f"docker-registry does not claim {claim}"
            self.request.applymarker(pytest.mark.xfail(reason=why, strict=True))

    def __call__(self, method: str, path: str, body: bytes = b"", **options: Any) -> httpx.Response:
        url = path if path.startswith(("/", "http")) else f"/v2/{self.name}/{path}"
        return self.http.request(method, url, content=body, **options)

    def start(self) -> str:
        """Open an upload; its location."""
        response = self("POST", "blobs/uploads/")
        assert response.status_code == 202
        return response.headers["location"]

    def push_blob(self, data: bytes) -> str:
        """POST, then PUT; the digest."""
        digest = digest_of(data)
        location = httpx.URL(self.start()).copy_merge_params({"digest": digest})
        assert self("PUT", str(location), data).status_code == 201
        return digest

    def push_manifest(self, reference: str, **fields: Any) -> httpx.Response:
        """Push an artifact's manifest, and before it the empty config."""
        self.push_blob(EMPTY_JSON)
        return self.put(reference, manifest(**fields))

    def put(
        self, reference: str, data: bytes, media_type: str = media_types.IMAGE_MANIFEST
    ) -> httpx.Response:
        return self("PUT", f"manifests/{reference}", data, headers={"content-type": media_type})

    def get(self, reference: str, method: str = "GET") -> httpx.Response:
        accept = {"accept": ", ".join([media_types.IMAGE_MANIFEST, media_types.IMAGE_INDEX])}
        path = reference if "/" in reference else f"manifests/{reference}"
        return self(method, path, headers=accept)


def manifest(**fields: Any) -> bytes:
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.IMAGE_MANIFEST,
        "config": descriptor(EMPTY_JSON, EMPTY_DESCRIPTOR.media_type),
        "layers": [],
        **fields,
    }
    return json.dumps(document).encode()


def descriptor(data: bytes, media_type: str = media_types.IMAGE_MANIFEST) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}


@pytest.fixture(
    scope="package",
    params=["ours", pytest.param("docker-registry", marks=pytest.mark.peer)],
)
def registry(request, tmp_path_factory) -> Iterator[tuple[str, frozenset[str]]]:
    root = tmp_path_factory.mktemp("registry")
    if request.param == "ours":
        with RegistryServer(root) as server:
            yield server.address, ALL
    else:
        with docker_registry(root) as peer:
            yield peer.address, frozenset()


@pytest.fixture
def repository(
    request: pytest.FixtureRequest, registry: tuple[str, frozenset[str]]
) -> Iterator[Repository]:
    address, claims = registry
    with httpx.Client(base_url=f"http://{address}", timeout=30) as http:
        yield Repository(http, claims, request)
