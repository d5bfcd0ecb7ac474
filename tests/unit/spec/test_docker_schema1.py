"""Docker's first manifest: signatures, layers, and the image config that is made of it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from ocinb.errors import DocumentError, InvalidDocument
from ocinb.spec.digest import digest_of
from ocinb.spec.docker_schema1 import Schema1, unwrap
from ocinb.spec.image_config import ImageConfig

BASE, EMPTY, TOP = (digest_of(name) for name in (b"base", b"empty", b"top"))
DOCUMENT: dict[str, Any] = {
    "schemaVersion": 1,
    "name": "library/demo",
    "tag": "1",
    "architecture": "amd64",
    "fsLayers": [{"blobSum": TOP}, {"blobSum": EMPTY}, {"blobSum": BASE}],
    "history": [
        {
            "v1Compatibility": json.dumps(
                {
                    "id": "3",
                    "parent": "2",
                    "architecture": "amd64",
                    "os": "linux",
                    "created": "2015-01-03T00:00:00Z",
                    "config": {"Cmd": ["sh"], "Env": ["A=b"]},
                    "container_config": {"Cmd": ["/bin/sh", "-c", "make"]},
                }
            )
        },
        {"v1Compatibility": json.dumps({"id": "2", "throwaway": True, "author": "ann"})},
        {"v1Compatibility": json.dumps({"id": "1", "created": "2015-01-01T00:00:00Z"})},
    ],
}
PRETTY = json.dumps(DOCUMENT, indent=3).encode()
EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int, size: int) -> str:
    return b64(value.to_bytes(size, "big"))


def signed(payload: bytes = PRETTY, kind: str = "ES256", shown: bytes | None = None) -> bytes:
    """The payload with a signature spliced in before its closing brace."""
    length = payload.rindex(b"}")
    length = len(payload[:length].rstrip())
    header = {"formatLength": length, "formatTail": b64(payload[length:]), "time": "now"}
    protected = b64(json.dumps(header).encode())
    data = f"{protected}.{b64(payload)}".encode()
    if kind == "ES256":
        r, s = decode_dss_signature(EC_KEY.sign(data, ec.ECDSA(hashes.SHA256())))
        point = EC_KEY.public_key().public_numbers()
        key = {"kty": "EC", "crv": "P-256", "kid": "A:B"}
        key |= {"x": number(point.x, 32), "y": number(point.y, 32)}
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    else:
        signature = RSA_KEY.sign(data, padding.PKCS1v15(), hashes.SHA256())
        numbers = RSA_KEY.public_key().public_numbers()
        key = {"kty": "RSA", "kid": "R", "e": number(numbers.e, 3), "n": number(numbers.n, 256)}
    entry = {
        "header": {"jwk": key, "alg": kind},
        "signature": b64(signature),
        "protected": protected,
    }
    head = (shown or payload)[:length]
    return head + b',"signatures":' + json.dumps([entry]).encode() + payload[length:]


@pytest.mark.parametrize("kind", ["ES256", "RS256"])
def test_a_signed_manifest_is_what_was_signed(kind: str) -> None:
    unwrapped = unwrap(signed(kind=kind))
    assert unwrapped.payload == PRETTY
    assert unwrapped.keys == ("A:B" if kind == "ES256" else "R",)


def test_an_unsigned_manifest_is_itself() -> None:
    assert unwrap(PRETTY) == unwrap(unwrap(PRETTY).payload)
    assert unwrap(PRETTY).keys == ()


def test_a_change_after_the_signature_is_noticed() -> None:
    changed = signed().replace(TOP.encode(), digest_of(b"evil").encode())
    with pytest.raises(InvalidDocument, match=r"signature .* is not valid"):
        unwrap(changed)


def test_a_document_that_shows_other_than_was_signed_is_refused() -> None:
    """A field behind the signatures is in the document, and not in what was signed."""
    data = signed()
    sneaky = data[: data.rindex(b"}")] + b',"name":"library/other"}'
    with pytest.raises(InvalidDocument, match="another document"):
        unwrap(sneaky)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda entry: entry.pop("protected"),
        lambda entry: entry.pop("header"),
        lambda entry: entry.update(signature="%%%"),
        lambda entry: entry.update(signature=b64(b"\1" * 64)),
        lambda entry: entry.update(signature=b64(b"\1" * 63)),
        lambda entry: entry["header"].update(alg="none"),
        lambda entry: entry["header"]["jwk"].update(x=number(1, 32)),
        lambda entry: entry["header"]["jwk"].update(crv="P-384"),
        lambda entry: entry.update(protected=b64(b'{"formatLength":1000000,"formatTail":"fQ"}')),
        lambda entry: entry.update(protected=b64(b"[]")),
    ],
)
def test_a_malformed_signature_is_refused(spoil: Any) -> None:
    document = json.loads(signed())
    spoil(document["signatures"][0])
    with pytest.raises(InvalidDocument, match="signature"):
        unwrap(json.dumps(document).encode())


@pytest.mark.parametrize("signatures", [[], {}, "x", [5], [[]]])
def test_signatures_of_another_shape_are_refused(signatures: object) -> None:
    with pytest.raises(InvalidDocument, match="signature"):
        unwrap(json.dumps({**DOCUMENT, "signatures": signatures}).encode())


def test_layers_are_bottom_first_without_the_empty_ones() -> None:
    assert Schema1.parse(PRETTY).layers() == [BASE, TOP]


def test_the_image_config_is_complete() -> None:
    diff_ids = [digest_of(b"1"), digest_of(b"2")]
    data = Schema1.parse(PRETTY).image_config(diff_ids)
    config = ImageConfig.parse(data)
    assert list(config.rootfs.diff_ids) == diff_ids
    assert config.execution.cmd == ("sh",)
    assert config.history is not None
    assert [bool(entry.empty_layer) for entry in config.history] == [False, True, False]
    assert config.history[2].created_by == "/bin/sh -c make"
    assert config.history[1].author == "ann"
    assert not {"id", "parent"} & set(json.loads(data))
    assert Schema1.parse(PRETTY).image_config(diff_ids) == data


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"schemaVersion": 2}, "schemaVersion 2, not 1"),
        ({"fsLayers": []}, "0 fsLayers"),
        ({"history": []}, "and 0 history entries"),
        ({"fsLayers": [{"blobSum": "md5:x"}] * 3}, "fsLayers"),
        ({"history": [{"v1Compatibility": 5}] * 3}, "history"),
    ],
)
def test_a_broken_manifest_is_told_by_field(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidDocument, match=sentence):
        Schema1.parse(json.dumps({**DOCUMENT, **change}).encode())


@given(st.text(max_size=50))
def test_any_v1_compatibility_is_read_or_refused(text: str) -> None:
    document = {**DOCUMENT, "history": [{"v1Compatibility": text}] * 3}
    manifest = Schema1.parse(json.dumps(document).encode())
    try:
        ImageConfig.parse(manifest.image_config([]))
    except DocumentError as error:
        assert error.message
