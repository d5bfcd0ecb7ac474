"""Manifests: fetching, pushing, deleting.

Spec: distribution-spec spec.md#pulling-manifests and spec.md#pushing-manifests
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from ocinb.errors import BlobNotFound, DocumentError
from ocinb.registry.call import Call, check_tag, parse_digest
from ocinb.registry.messages import Refusal, Response
from ocinb.spec import media_types
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.digest import Digest, digest_of
from ocinb.spec.distribution import ErrorCode
from ocinb.spec.document import MAX_DOCUMENT
from ocinb.spec.image_index import ImageIndex
from ocinb.spec.manifest import Manifest

SCHEMA_1 = frozenset(
    {media_types.DOCKER_MANIFEST_V1, media_types.DOCKER_MANIFEST_V1_SIGNED, "application/json"}
)
"""Spec: none (Docker convention)"""

MAX_TAGS = 100


def get_manifest(call: Call) -> Response:
    """end-3: the bytes of a manifest, exactly as they were pushed.

    Spec: distribution-spec spec.md#pulling-manifests
    """
    descriptor = find(call)
    headers = {
        "Content-Type": descriptor.media_type,
        "Docker-Content-Digest": descriptor.digest,
        "ETag": f'"{descriptor.digest}"',
        "Content-Length": str(descriptor.size),
    }
    if call.request.headers.get("if-none-match") == headers["ETag"]:
        del headers["Content-Length"]
        return Response(304, headers)
    if call.request.method == "HEAD":
        return Response(200, headers)
    try:
        return Response(200, headers, call.store.read(descriptor))
    except BlobNotFound:
        raise unknown_manifest(call) from None


def find(call: Call) -> Descriptor:
    """The manifest that the path's tag or digest means.

    Raises:
        Refusal: ``MANIFEST_UNKNOWN`` or ``NAME_UNKNOWN``.
    """
    if ":" in call.reference:
        digest: Digest | None = call.digest()
    else:
        digest = call.repository.tag(check_tag(call.reference, call.malformed))
    descriptor = digest and call.repository.manifest(digest)
    if not descriptor:
        raise unknown_manifest(call)
    return descriptor


def unknown_manifest(call: Call) -> Refusal:
    """The refusal for a manifest that the repository has not, or a repository that is not."""
    refusal = Refusal(404, ErrorCode.MANIFEST_UNKNOWN, detail={"reference": call.reference[:200]})
    if not call.repository.exists():
        refusal.and_also(ErrorCode.NAME_UNKNOWN, "", {"name": call.repository.name})
    return refusal


def delete_manifest(call: Call) -> Response:
    """end-9: forget a tag; or a manifest, with every tag that points at it.

    Spec: distribution-spec spec.md#deleting-manifests
    """
    if ":" not in call.reference:
        if not call.repository.unlink_tag(check_tag(call.reference, call.malformed)):
            raise unknown_manifest(call)
        return Response(202)
    descriptor = find(call)
    try:
        subject = _subject(call.store.read(descriptor))
    except BlobNotFound:
        subject = None
    call.repository.unlink_manifest(descriptor.digest, subject)
    return Response(202)


def put_manifest(call: Call) -> Response:
    """end-7: keep a manifest and let tags point at it.

    Spec: distribution-spec spec.md#pushing-manifests
    """
    tags = [check_tag(tag, 400) for tag in call.request.parameters("tag")]
    if len(tags) > MAX_TAGS:
        raise Refusal(414, ErrorCode.MANIFEST_INVALID, f"more than {MAX_TAGS} tags at once")
    expected = call.digest() if ":" in call.reference else None
    if not expected:
        tags.insert(0, check_tag(call.reference, call.malformed))
    data = _body(call)
    media_type, view = _understand(call, data)
    _check_references(call, view)
    descriptor = _keep(call, data, media_type, expected)
    headers = {
        "Location": f"/v2/{call.repository.name}/manifests/{call.reference}",
        "Docker-Content-Digest": descriptor.digest,
    }
    call.repository.link_manifest(descriptor)
    if view and view.subject:
        call.repository.link_referrer(view.subject.digest, _referrer(descriptor, view))
        headers["OCI-Subject"] = view.subject.digest
    for tag in tags:
        call.repository.set_tag(tag, descriptor.digest)
    if call.request.parameter("tag") is not None:
        headers["OCI-Tag"] = ", ".join(tags)
    return Response(201, headers)


def _body(call: Call) -> bytes:
    """The request's body, of at most 4 MiB.

    Spec: distribution-spec spec.md#pushing-manifests (maximum manifest size)
    """
    too_large = Refusal(413, ErrorCode.SIZE_INVALID, f"a manifest has at most {MAX_DOCUMENT} bytes")
    if (call.request.content_length or 0) > MAX_DOCUMENT:
        raise too_large
    data = bytearray()
    for piece in call.request.body:
        data += piece
        if len(data) > MAX_DOCUMENT:
            raise too_large
    return bytes(data)


def _understand(call: Call, data: bytes) -> tuple[str, Manifest | ImageIndex | None]:
    """Media type and view of a manifest; no view of the old schema 1.

    Raises:
        Refusal: ``MANIFEST_INVALID``.
    """
    media_type = call.header("content-type") or _own_media_type(data)
    try:
        return media_type, _view(data, media_type)
    except DocumentError as error:
        path = getattr(error, "path", "$")
        raise Refusal(
            400, ErrorCode.MANIFEST_INVALID, error.message, detail={"path": path}
        ) from error


def _keep(call: Call, data: bytes, media_type: str, expected: Digest | None) -> Descriptor:
    algorithm = expected.algorithm if expected else "sha256"
    actual = digest_of(data, algorithm)
    if expected and actual != expected:
        raise Refusal(400, ErrorCode.DIGEST_INVALID, f"the manifest has digest {actual}")
    return call.store.add(data, media_type, algorithm=algorithm)


def _view(data: bytes, media_type: str) -> Manifest | ImageIndex | None:
    if media_type in media_types.INDEXES:
        return ImageIndex.parse(data, media_type)
    if media_type in media_types.MANIFESTS:
        return Manifest.parse(data, media_type)
    if media_type in SCHEMA_1 and _object(data).get("schemaVersion") == 1:
        return None
    raise DocumentError(f"{media_type[:100]!r} is not a media type of manifests")


def _own_media_type(data: bytes) -> str:
    """What a manifest says of itself, where the client did not say it."""
    document = _object(data)
    own = document.get("mediaType")
    if isinstance(own, str):
        return own
    return media_types.IMAGE_INDEX if "manifests" in document else media_types.IMAGE_MANIFEST


def _object(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _check_references(call: Call, view: Manifest | ImageIndex | None) -> None:
    """Refuse a manifest that refers to what the repository has not, except as ``subject``.

    Spec: distribution-spec spec.md#push
    """
    missing = [descriptor for descriptor in _needed(view) if not _has(call, descriptor)]
    if not missing:
        return
    refusal = Refusal(404, ErrorCode.MANIFEST_BLOB_UNKNOWN, detail={"digest": missing[0].digest})
    for descriptor in missing[1:20]:
        refusal.and_also(ErrorCode.MANIFEST_BLOB_UNKNOWN, "", {"digest": descriptor.digest})
    raise refusal


def _needed(view: Manifest | ImageIndex | None) -> Iterable[Descriptor]:
    if isinstance(view, Manifest):
        yield view.config
        yield from (d for d in view.layers if d.media_type not in media_types.FOREIGN)
    elif view:
        yield from view.manifests


def _has(call: Call, descriptor: Descriptor) -> bool:
    repository = call.repository
    if descriptor.is_index or descriptor.is_manifest:
        return repository.manifest(descriptor.digest) is not None
    # An index may also list other things, as build caches do.
    return repository.has_blob(descriptor.digest) or bool(repository.manifest(descriptor.digest))


def _referrer(descriptor: Descriptor, view: Manifest | ImageIndex) -> Descriptor:
    """The descriptor as it is listed among the referrers.

    Spec: distribution-spec spec.md#listing-referrers
    """
    artifact_type = view.artifact_type or None
    if not artifact_type and isinstance(view, Manifest):
        artifact_type = view.config.media_type
    return msgspec.structs.replace(
        descriptor, artifact_type=artifact_type, annotations=view.annotations or None
    )


def _subject(data: bytes) -> Digest | None:
    subject = _object(data).get("subject")
    if not isinstance(subject, dict):
        return None
    return parse_digest(subject.get("digest"))
