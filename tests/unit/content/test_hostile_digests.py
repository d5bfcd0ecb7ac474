"""Digests that are paths: what a stranger writes is never a part of a path."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from ocinb.content.store import Store
from ocinb.content.verify import faults
from ocinb.distribution.client import Client
from ocinb.distribution.pull import pull
from ocinb.errors import DocumentError, OcinbError
from ocinb.spec import media_types
from ocinb.spec.digest import Digest
from tests.support.scripted_registry import ScriptedRegistry, ServedImage

PATHS = [
    "sha256:../../../../secret",
    "sha256:" + "../" * 20 + "etc/passwd",
    "../../secret:" + "0" * 64,
    "sha256/../../secret:" + "0" * 64,
    "sha256:/secret",
    "sha256:" + "0" * 63 + "/",
    "sha256:" + "0" * 64 + "\n",
    "sha256:" + "0" * 64 + "/../../../secret",
    "sha256:%2e%2e%2fsecret",
    "sha256:",
    ":" + "0" * 64,
]


@pytest.mark.parametrize("text", PATHS)
def test_2024_3727_a_digest_that_is_a_path_reaches_no_file(text: str, tmp_path: Path) -> None:
    store = Store(tmp_path / "a/store")
    for secret in (tmp_path / "secret", tmp_path / "a/secret"):
        secret.write_text("secret")
    with pytest.raises(DocumentError):
        store.open(Digest(text)).close()


@pytest.mark.parametrize("text", PATHS)
@pytest.mark.parametrize("field", ["config", "layers"])
def test_a_manifest_with_such_a_digest_is_refused_and_asks_for_nothing(
    text: str, field: str, tmp_path: Path
) -> None:
    store = Store(tmp_path / "a/store")
    image = ServedImage(1000)
    wrong = {**image.layers[0], "digest": text}
    manifest = {**image.manifest, field: [wrong] if field == "layers" else wrong}
    image.document(manifest, media_types.IMAGE_MANIFEST, tag="1")
    with ScriptedRegistry(image) as registry, Client() as client:
        with pytest.raises(OcinbError) as raised:
            pull(client, store, registry.reference())
        asked = [request.path for request in registry.requests]
    assert "\n" not in raised.value.message
    assert not any("/blobs/" in path for path in asked)
    assert not store.names.items()


@pytest.mark.parametrize("text", PATHS)
def test_a_layout_with_such_a_digest_opens_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    store = Store(tmp_path / "a/store")
    name = {"org.opencontainers.image.ref.name": "x"}
    entry = {"mediaType": media_types.IMAGE_MANIFEST, "digest": text, "size": 6}
    index = {"schemaVersion": 2, "manifests": [{**entry, "annotations": name}]}
    (store.root / "index.json").write_text(json.dumps(index))
    with pytest.raises(OcinbError):
        list(faults(store))
    with pytest.raises(OcinbError):
        store.names.get("x")


def test_two_digests_of_the_same_bytes_are_two_names(tmp_path: Path) -> None:
    store = Store(tmp_path)
    one = store.add(b"x", "text/plain")
    two = store.add(b"x", "text/plain", algorithm="sha512")
    assert one.digest != two.digest
    assert store.read(two) == store.read(one) == b"x"
    assert two.digest.encoded == hashlib.sha512(b"x").hexdigest()
