"""Whatever a registry puts into its documents, a pull ends in an image or an error of ours."""

from __future__ import annotations

import copy
import json
import tempfile
from pathlib import Path
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocinb.content.store import Store
from ocinb.distribution.client import Client
from ocinb.distribution.pull import pull
from ocinb.distribution.retry import RetryPolicy
from ocinb.errors import OcinbError
from ocinb.spec import media_types
from ocinb.spec.platform import Platform
from ocinb.spec.reference import Reference
from tests.support.scripted_registry import Request, ServedImage

TYPES = (media_types.IMAGE_INDEX, media_types.IMAGE_MANIFEST, media_types.DOCKER_MANIFEST_V1)
TEXTS = ("", "x", "²", "sha256:", "md5:0", *TYPES)
ODD = st.sampled_from([None, True, -1, 0, 2**63, 1e308, [], {}, [[]], {"a": {}}, *TEXTS])
"""Values for any field, right or wrong."""


def places(document: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value of a document."""
    keys = document if isinstance(document, dict) else range(len(document))
    found = []
    for key in keys:
        found.append((*way, key))
        if isinstance(document[key], dict | list):
            found += places(document[key], (*way, key))
    return found


def changed(document: Any, data: st.DataObject) -> Any:
    """The document with up to three of its values replaced or removed."""
    document = copy.deepcopy(document)
    for _ in range(data.draw(st.integers(0, 3))):
        ways = places(document)
        if not ways:
            break
        *way, last = data.draw(st.sampled_from(ways))
        target = document
        for key in way:
            target = target[key]
        if data.draw(st.booleans()):
            target[last] = copy.deepcopy(data.draw(ODD))
        else:
            del target[last]
    return document


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_of_a_pull(data: st.DataObject) -> None:
    image = ServedImage(50)
    config = json.loads(image.blobs[str(image.config["digest"])])
    blob = image.blob(json.dumps(changed(config, data)).encode(), media_types.IMAGE_CONFIG)
    manifest = changed({**image.manifest, "config": blob}, data)
    entry = image.document(manifest, media_types.IMAGE_MANIFEST, tag="1")
    if data.draw(st.booleans()):
        platform = {"os": "linux", "architecture": "amd64"}
        index = {
            "schemaVersion": 2,
            "mediaType": media_types.IMAGE_INDEX,
            "manifests": [{**entry, "platform": platform}],
        }
        image.document(changed(index, data), media_types.IMAGE_INDEX, tag="1")

    def answer(request: httpx.Request) -> httpx.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        reply = image(Request(request.method, request.url.path, headers))
        assert isinstance(reply.body, bytes)
        return httpx.Response(reply.status, headers=reply.headers, content=reply.body)

    client = Client(transport=httpx.MockTransport(answer), policy=RetryPolicy(attempts=1))
    with tempfile.TemporaryDirectory() as directory:
        store = Store(Path(directory))
        reference = Reference.parse("registry.example/demo:1")
        try:
            pull(client, store, reference, Platform(os="linux", architecture="amd64"))
        except OcinbError as error:
            assert error.message
            assert not store.names.items()
        else:
            assert store.names.get(str(reference))
