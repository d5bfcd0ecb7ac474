"""Docker's first manifest, image manifest version 2 schema 1, and how it becomes an OCI image.

Layers and history stand top first. Each history entry is the text of an older document; the
first one is the image's config. There are neither sizes nor diffIDs. A signed manifest is the
document with ``signatures`` spliced in before its end: its digest is of what was signed.

Spec: none (Docker convention: manifest-v2-1.md and the JSON signatures of libtrust)
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any

from ocinb.errors import DocumentError, InvalidDocument
from ocinb.frozen import Frozen
from ocinb.spec.digest import Digest
from ocinb.spec.document import View, decode, encode, parse_object
from ocinb.spec.json_web_signature import verify_signature

_V1_ONLY = frozenset(
    {"id", "parent", "parent_id", "layer_id", "Size", "throwaway", "history", "rootfs"}
)
"""Fields of a v1Compatibility document that an image config does not have, or has otherwise."""

MAX_LAYERS = 10_000


class FsLayer(View, frozen=True, kw_only=True):
    """A layer blob; ``blob_sum`` is the digest of its compressed bytes."""

    blob_sum: Digest


class HistoryEntry(View, frozen=True, kw_only=True):
    """A layer's older document, as text."""

    v1_compatibility: str = ""

    @property
    def document(self) -> dict[str, Any]:
        """The text as JSON object.

        Raises:
            InvalidDocument: it is something else.
        """
        return parse_object(self.v1_compatibility.encode(), "v1Compatibility")


class Schema1(View, frozen=True, kw_only=True):
    """A schema 1 manifest, signed or not."""

    schema_version: int
    fs_layers: tuple[FsLayer, ...]
    history: tuple[HistoryEntry, ...]
    name: str = ""
    tag: str = ""
    architecture: str = ""

    @classmethod
    def parse(cls, data: bytes) -> Schema1:
        """The view of a signed or unsigned manifest.

        Raises:
            InvalidDocument: with the path of the field.
        """
        manifest = decode(data, cls, "the schema 1 manifest")
        if manifest.schema_version != 1:
            raise InvalidDocument(
                f"the manifest has schemaVersion {manifest.schema_version}, not 1",
                path="$.schemaVersion",
            )
        if not manifest.fs_layers or len(manifest.fs_layers) != len(manifest.history):
            raise InvalidDocument(
                f"the schema 1 manifest has {len(manifest.fs_layers)} fsLayers "
                f"and {len(manifest.history)} history entries",
                path="$.history",
                hint="there must be one for each, and at least one",
            )
        if len(manifest.fs_layers) > MAX_LAYERS:
            raise InvalidDocument(
                f"the schema 1 manifest has more than {MAX_LAYERS:,} layers", path="$.fsLayers"
            )
        return manifest

    def layers(self) -> list[Digest]:
        """The blobs of the layers that hold something, bottom to top."""
        pairs = zip(self.fs_layers, self.history, strict=True)
        kept = [layer.blob_sum for layer, entry in pairs if not entry.document.get("throwaway")]
        return kept[::-1]

    def image_config(self, diff_ids: Sequence[Digest]) -> bytes:
        """The OCI image config, given the diffIDs of ``layers()``.

        Raises:
            InvalidDocument: the top entry has no architecture, or is no object.
        """
        documents = [entry.document for entry in self.history]
        top = {key: value for key, value in documents[0].items() if key not in _V1_ONLY}
        top.setdefault("architecture", self.architecture or "amd64")
        top.setdefault("os", "linux")
        top["rootfs"] = {"type": "layers", "diff_ids": list(diff_ids)}
        top["history"] = [_history(document) for document in reversed(documents)]
        return encode(top)


def _history(document: dict[str, Any]) -> dict[str, Any]:
    """An entry of the image config's history. Spec: image-spec config.md#properties (history)"""
    entry = {key: document[key] for key in ("created", "author", "comment") if document.get(key)}
    made = document.get("container_config")
    command = made.get("Cmd") if isinstance(made, dict) else None
    if isinstance(command, list):
        entry["created_by"] = " ".join(map(str, command))
    if document.get("throwaway"):
        entry["empty_layer"] = True
    return entry


class Signed(Frozen):
    """A schema 1 manifest without its signatures.

    Attributes:
        payload: the bytes that were signed; the manifest's digest is of these.
        keys: the key identifiers of the signatures, all verified; none of an unsigned manifest.
    """

    payload: bytes
    keys: tuple[str, ...]


def unwrap(data: bytes) -> Signed:
    """Verify the signatures and take them off; an unsigned manifest stays as it is.

    The keys stand in the signatures themselves: they tell that nothing was changed since, and
    not who signed.

    Raises:
        InvalidDocument: a signature is malformed or wrong, or two of them are of other bytes.
    """
    signatures = parse_object(data, "the schema 1 manifest").get("signatures")
    if signatures is None:
        return Signed(payload=data, keys=())
    if not isinstance(signatures, list) or not signatures:
        raise InvalidDocument("the signatures are not a list", path="$.signatures")
    payloads, keys = set(), []
    for number, signature in enumerate(signatures[:16]):
        path = f"$.signatures[{number}]"
        try:
            payload, key = _verified(data, signature)
        except (KeyError, TypeError, ValueError, DocumentError) as error:
            told = error.message if isinstance(error, DocumentError) else "it is malformed"
            raise InvalidDocument(
                f"a signature of the schema 1 manifest is not valid: {told}",
                path=path,
                hint="the manifest was changed or damaged after it was signed",
            ) from error
        payloads.add(payload)
        keys.append(key)
    if len(payloads) != 1:
        raise InvalidDocument("the signatures are of different bytes", path="$.signatures")
    return Signed(payload=payloads.pop(), keys=tuple(keys))


def _verified(data: bytes, signature: dict[str, Any]) -> tuple[bytes, str]:
    """The payload of one signature, and its key's identifier."""
    protected = str(signature["protected"])
    header = json.loads(decode_base64url(protected))
    length, tail = header["formatLength"], decode_base64url(header["formatTail"])
    if not isinstance(length, int) or not 0 <= length <= len(data):
        raise ValueError("formatLength is outside the document")
    payload = data[:length] + tail
    # Whoever reads the payload and whoever reads the document must see the same image.
    outer, inner = json.loads(data), json.loads(payload)
    outer.pop("signatures")
    if outer != inner:
        raise InvalidDocument("the signed bytes are another document")
    signed = f"{protected}.{_base64url(payload)}".encode()
    key = signature["header"]["jwk"]
    verify_signature(
        signature["header"]["alg"], key, signed, decode_base64url(signature["signature"])
    )
    return payload, str(key.get("kid", ""))


def decode_base64url(text: str) -> bytes:
    """Bytes of unpadded base64url.

    Raises:
        ValueError: it is something else.
    """
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64url") from error


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
