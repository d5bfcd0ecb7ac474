"""Manifests, indexes and configs: read into views, refused with the path of the field."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.errors import DigestMismatch, InvalidDocument, SizeMismatch
from ocinb.spec import media_types
from ocinb.spec.descriptor import describe
from ocinb.spec.document import MAX_DOCUMENT, parse_object
from ocinb.spec.image_config import ImageConfig
from ocinb.spec.image_index import ImageIndex
from ocinb.spec.manifest import Manifest
from ocinb.spec.platform import Platform, rank

DIGEST = "sha256:" + "a" * 64
CONFIG = {"mediaType": media_types.IMAGE_CONFIG, "digest": DIGEST, "size": 2}
LAYER = {"mediaType": media_types.LAYER_GZIP, "digest": DIGEST, "size": 1}
MANIFEST = {"schemaVersion": 2, "config": CONFIG, "layers": [LAYER]}
IMAGE_CONFIG = {
    "architecture": "amd64",
    "os": "linux",
    "rootfs": {"type": "layers", "diff_ids": [DIGEST]},
}


def raw(document: object) -> bytes:
    return json.dumps(document).encode()


def test_a_manifest_is_read_and_unknown_fields_are_ignored() -> None:
    manifest = Manifest.parse(raw({**MANIFEST, "x.unknown": 1}), media_types.IMAGE_MANIFEST)
    assert manifest.is_image
    assert manifest.layers[0].media_type == media_types.LAYER_GZIP


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"config": None}, "$.config"),
        ({"layers": {}}, "$.layers"),
        ({"layers": [LAYER, {**LAYER, "digest": "sha256:12"}]}, "$.layers[*].digest"),
        ({"layers": [{**LAYER, "size": "1"}]}, "$.layers[*].size"),
        ({"layers": [{**LAYER, "size": -1}]}, "$.layers[*]"),
        ({"schemaVersion": 1}, "$.schemaVersion"),
        ({"annotations": {"a": 1}}, "$.annotations[*]"),
        ({"manifests": []}, "$.manifests"),
    ],
)
def test_a_broken_manifest_is_refused_with_the_fields_path(
    change: dict[str, Any], path: str
) -> None:
    with pytest.raises(InvalidDocument) as caught:
        Manifest.parse(raw({**MANIFEST, **change}))
    assert caught.value.path.replace("[0]", "[*]").replace("[1]", "[*]") == path


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"nul", b"\xff\xfe", b"[" * 100_000])
def test_what_is_not_a_json_object_is_refused(data: bytes) -> None:
    for parse in (Manifest.parse, ImageIndex.parse, ImageConfig.parse):
        with pytest.raises(InvalidDocument):
            parse(data)
    with pytest.raises(InvalidDocument):
        parse_object(data, "the manifest")


def test_a_document_over_the_limit_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(InvalidDocument, match="more than the limit"):
        Manifest.parse(b" " * (MAX_DOCUMENT + 1))


def test_a_document_is_never_read_as_two_things() -> None:
    both = {**MANIFEST, "manifests": [], "mediaType": media_types.IMAGE_INDEX}
    with pytest.raises(InvalidDocument, match="at the same time"):
        ImageIndex.parse(raw(both))
    with pytest.raises(InvalidDocument, match="but was offered as"):
        ImageIndex.parse(raw(both), media_types.IMAGE_MANIFEST)


def test_null_is_the_same_as_absent_in_an_image_config() -> None:
    config = ImageConfig.parse(raw({**IMAGE_CONFIG, "config": None, "history": None}))
    assert config.execution.env is None
    assert str(config.platform) == "linux/amd64"


def test_history_is_matched_to_layers_without_the_empty_ones() -> None:
    history = [{"created_by": "FROM"}, {"created_by": "ENV", "empty_layer": True}]
    config = ImageConfig.parse(raw({**IMAGE_CONFIG, "history": history}))
    assert [entry.created_by for entry in config.layer_history()] == ["FROM"]
    assert len(ImageConfig.parse(raw(IMAGE_CONFIG)).layer_history()) == 1


def test_a_descriptor_verifies_size_and_digest() -> None:
    descriptor = describe(b"hello", "text/plain")
    descriptor.verify(b"hello")
    with pytest.raises(SizeMismatch):
        descriptor.verify(b"hello!")
    with pytest.raises(DigestMismatch):
        descriptor.verify(b"jello")


def test_embedded_content_is_verified() -> None:
    descriptor = describe(b"{}", media_types.EMPTY, data="e30=")
    assert descriptor.embedded() == b"{}"
    with pytest.raises(DigestMismatch):
        describe(b"[]", media_types.EMPTY, data="e30=").embedded()
    with pytest.raises(InvalidDocument, match="not base64"):
        describe(b"{}", media_types.EMPTY, data="?").embedded()


@pytest.mark.parametrize(
    ("wanted", "offered", "expected"),
    [
        ("linux/amd64", ["linux/arm64", "linux/amd64"], "linux/amd64"),
        ("linux/amd64", ["linux/386", "linux/arm64"], "linux/386"),
        ("linux/arm64", ["linux/arm/v7", "linux/arm64/v8"], "linux/arm64/v8"),
        ("linux/arm64", ["linux/arm/v6", "linux/arm/v7"], "linux/arm/v7"),
        ("linux/arm/v7", ["linux/arm/v8", "linux/arm/v6", "linux/arm/v5"], "linux/arm/v6"),
        ("linux/amd64", ["linux/amd64/v3", "linux/amd64"], "linux/amd64"),
        ("linux/amd64", ["windows/amd64", "linux/s390x"], None),
        ("linux/riscv64", ["linux/riscv64"], "linux/riscv64"),
    ],
)
def test_the_best_platform_wins(wanted: str, offered: list[str], expected: str | None) -> None:
    ranks = {text: rank(Platform.parse(wanted), Platform.parse(text)) for text in offered}
    fitting = {text: value for text, value in ranks.items() if value is not None}
    assert (min(fitting, key=lambda text: fitting[text]) if fitting else None) == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["schemaVersion", "config", "layers", "mediaType", "digest", "size", "rootfs", "os"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(json_values)
def test_any_json_is_a_document_or_an_invalid_document(value: object) -> None:
    for parse in (Manifest.parse, ImageIndex.parse, ImageConfig.parse):
        try:
            parse(raw(value))
        except InvalidDocument as error:
            assert error.path.startswith("$")
