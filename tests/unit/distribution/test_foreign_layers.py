"""Layers that a manifest says are elsewhere: the addresses in it are never asked."""

from __future__ import annotations

import json

import pytest

from ocinb.content.store import Store
from ocinb.distribution.client import Client
from ocinb.distribution.credentials import FixedLogin, Login
from ocinb.distribution.pull import pull
from ocinb.errors import RegistryError
from ocinb.spec import media_types
from tests.support.scripted_registry import Reply, Request, Script, ScriptedRegistry, ServedImage

FOREIGN = sorted(media_types.FOREIGN)


def elsewhere(image: ServedImage, url: str, media_type: str) -> dict[str, object]:
    """Let the image's manifest say that its first layer is at ``url``."""
    layer = {**image.layers[0], "mediaType": media_type, "urls": [url]}
    manifest = {**image.manifest, "layers": [layer, *image.layers[1:]]}
    image.document(manifest, media_types.IMAGE_MANIFEST, tag="1")
    return layer


def guarded(image: ServedImage) -> Script:
    """Wants a password for everything."""

    def script(request: Request) -> Reply:
        if "authorization" not in request.headers:
            return Reply(status=401, headers={"www-authenticate": 'Basic realm="x"'})
        return image(request)

    return script


@pytest.mark.parametrize("media_type", [*FOREIGN, media_types.LAYER_GZIP])
def test_an_address_in_a_manifest_gets_no_request_and_no_credentials(
    media_type: str, store: Store
) -> None:
    image = ServedImage(1000, 2000)
    with (
        ScriptedRegistry(guarded(image)) as registry,
        ScriptedRegistry(lambda request: Reply(body=b"x" * 1000)) as other,
    ):
        url = f"http://{other.address}/layer"
        layer = elsewhere(image, url, media_type)
        del image.blobs[str(layer["digest"])]
        login = FixedLogin(registry.address, Login(username="ann", password="secret"))
        with Client(credentials=login) as client, pytest.raises(RegistryError) as raised:
            pull(client, store, registry.reference())
        assert other.requests == []
    assert raised.value.message.endswith(f"has no layer {layer['digest']} but offers it at {url}")
    assert "not followed" in str(raised.value.hint)
    assert not store.names.items()


@pytest.mark.parametrize("media_type", FOREIGN)
def test_a_registry_that_has_such_a_layer_is_asked_for_it(
    media_type: str, client: Client, store: Store
) -> None:
    image = ServedImage(1000)
    layer = elsewhere(image, "http://127.0.0.1:1/layer", media_type)
    with ScriptedRegistry(image) as registry:
        pulled = pull(client, store, registry.reference())
    assert pulled.manifest.layers[0].digest == layer["digest"]
    assert store.read(pulled.manifest.layers[0]) == image.blobs[str(layer["digest"])]
    assert json.loads(store.read(pulled.target))["layers"][0]["urls"]
