"""Reading JSON documents of the image specification into typed views.

The raw bytes stay the truth for everything addressed by digest: a view is for reading, and a
document is rewritten from its JSON object, so that unknown fields survive
(image-spec considerations.md#extensibility).
"""

from __future__ import annotations

import json
import re
from typing import Any, TypeVar

import msgspec

from ocinb.errors import DocumentError, InvalidDocument
from ocinb.spec.digest import Digest

MAX_DOCUMENT = 4 * 1024 * 1024
"""Bytes of the largest manifest, index or config that is read.

Spec: distribution-spec spec.md#pushing-manifests
"""

T = TypeVar("T")

_AT_PATH = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>.*)`)?$", re.DOTALL)


class View(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Base of the typed views. JSON names are camelCase, Python names snake_case."""


def decode(data: bytes, kind: type[T], what: str) -> T:
    """The typed view of a JSON document; unknown fields are ignored, duplicate keys are not.

    Args:
        data: the raw bytes.
        kind: a ``View``.
        what: how the document is called in an error, as in ``image manifest sha256:…``.

    Raises:
        InvalidDocument: not JSON, too large, or a field of the wrong type or missing; ``path``
            names the field.
    """
    if len(data) > MAX_DOCUMENT:
        raise InvalidDocument(
            f"{what} is {len(data):,} bytes, more than the limit of {MAX_DOCUMENT:,}",
            citation="distribution-spec spec.md#pushing-manifests",
        )
    try:
        return msgspec.json.decode(data, type=kind, dec_hook=_decode_digest)
    except msgspec.ValidationError as error:
        match = _AT_PATH.match(str(error))
        assert match is not None  # the pattern matches every text
        path = (match["path"] or "$").replace("[...]", "[*]")
        raise InvalidDocument(
            f"{what} is not valid at {path}: {_lower_first(match['what'])}", path=path
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidDocument(f"{what} is not JSON: {_lower_first(str(error))}") from error


def parse_object(data: bytes, what: str) -> dict[str, Any]:
    """The JSON object of a document with all its fields, for rewriting.

    Raises:
        InvalidDocument: not JSON, not an object, or too large.
    """
    if len(data) > MAX_DOCUMENT:
        raise InvalidDocument(f"{what} is {len(data):,} bytes, more than {MAX_DOCUMENT:,}")
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidDocument(f"{what} is not JSON: {_lower_first(str(error))}") from error
    if not isinstance(value, dict):
        raise InvalidDocument(f"{what} is not a JSON object")
    return value


def encode(document: object) -> bytes:
    """A document as compact JSON bytes: deterministic for equal input, fields in their order."""
    if isinstance(document, msgspec.Struct):
        return msgspec.json.encode(document, enc_hook=str)
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _decode_digest(kind: type, value: Any) -> Any:
    if kind is Digest:
        try:
            return Digest(value)
        except DocumentError as error:
            raise ValueError(error.message) from error
    raise NotImplementedError(f"no rule to read {kind}")


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
