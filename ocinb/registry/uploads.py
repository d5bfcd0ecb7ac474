"""Uploads: a blob in one request or in chunks.

Spec: distribution-spec spec.md#pushing-blobs
"""

from __future__ import annotations

import re
import time
import uuid

from ocinb.content.writer import Abort, BlobWriter
from ocinb.errors import DigestMismatch
from ocinb.registry.blobs import created_blob, mount_blob
from ocinb.registry.call import Call, Storage, parse_digest
from ocinb.registry.messages import Refusal, Response
from ocinb.registry.repositories import repositories
from ocinb.spec.digest import ENCODED_LENGTH, Digest
from ocinb.spec.distribution import ErrorCode

_CONTENT_RANGE = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")
"""Spec: distribution-spec spec.md#pushing-a-blob-in-chunks"""

_IDENTIFIER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

PATIENCE = 5.0
"""Seconds for which a request waits for another one that writes to the same upload."""

LIFETIME = 24 * 3600.0
"""Seconds after which an upload that nobody went on with is removed."""


def start_upload(call: Call) -> Response:
    """end-4a: open an upload.

    Spec: distribution-spec spec.md#post-then-put
    """
    algorithm = call.request.parameter("digest-algorithm") or "sha256"
    if algorithm not in ENCODED_LENGTH:
        raise Refusal(
            400, ErrorCode.DIGEST_INVALID, f"{algorithm[:40]!r} is not an algorithm we support"
        )
    identifier = _open_session(call, algorithm)
    headers = _progress(call, identifier, 0)
    if call.minimum_chunk:
        headers["OCI-Chunk-Min-Length"] = str(call.minimum_chunk)
    return Response(202, headers)


def _open_session(call: Call, algorithm: str) -> str:
    identifier = str(uuid.uuid4())
    call.repository.open_upload(identifier, algorithm)
    return identifier


def push_at_once(call: Call) -> Response:
    """end-4b: a whole blob in one POST.

    Spec: distribution-spec spec.md#single-post
    """
    digest = parse_digest(call.request.parameter("digest"))
    identifier = _open_session(call, digest.algorithm)
    try:
        with _writer(call, identifier, digest.algorithm) as writer:
            _receive(call, writer)
            return _commit(call, identifier, writer, digest)
    finally:
        _forget(call, identifier)


def mount_or_start(call: Call) -> Response:
    """end-11: mount a blob, or open an upload where that is not possible.

    Spec: distribution-spec spec.md#mounting-a-blob-from-another-repository
    """
    return mount_blob(call) or start_upload(call)


def push_chunk(call: Call) -> Response:
    """end-5: append a chunk.

    Spec: distribution-spec spec.md#pushing-a-blob-in-chunks
    """
    with _session(call) as writer:
        try:
            _receive(call, writer)
        finally:
            offset = writer.offset
            call.storage.sessions.put(call.reference, writer.state())
    return Response(202, _progress(call, call.reference, offset))


def close_upload(call: Call) -> Response:
    """end-6: append the last chunk, if the request has one, verify, and keep the blob.

    A wrong order (416) leaves the upload open; a wrong digest ends it.

    Spec: distribution-spec spec.md#pushing-a-blob-in-chunks
    """
    digest = parse_digest(call.request.parameter("digest"))
    with _session(call) as writer:
        try:
            _receive(call, writer)
        except BaseException:
            call.storage.sessions.put(call.reference, writer.state())
            raise
        return _commit(call, call.reference, writer, digest)


def upload_status(call: Call) -> Response:
    """end-13: how far an upload is.

    Spec: distribution-spec spec.md#pushing-a-blob-in-chunks
    """
    _algorithm(call)
    path = call.store.upload_path(call.reference)
    offset = path.stat().st_size if path.exists() else 0
    return Response(204, _progress(call, call.reference, offset))


def cancel_upload(call: Call) -> Response:
    """end-14: give an upload up.

    Spec: distribution-spec spec.md#endpoints (end-14, in the text after 1.1.1)
    """
    with _session(call) as writer:
        writer.discard()
    _forget(call, call.reference)
    return Response(204)


def expire(storage: Storage, now: float | None = None) -> int:
    """Remove uploads that nobody went on with for a day; their count.

    Spec: distribution-spec spec.md#endpoints (end-14, in the text after 1.1.1)
    """
    now, count = time.time() if now is None else now, 0
    for repository in repositories(storage.repositories, even_empty=True):
        for identifier, started in list(repository.uploads()):
            partial = storage.store.upload_path(identifier)
            last = partial.stat().st_mtime if partial.exists() else started
            if now - max(last, started) > LIFETIME:
                partial.unlink(missing_ok=True)
                repository.close_upload(identifier)
                count += 1
    return count


def _algorithm(call: Call) -> str:
    """The hash algorithm of the upload in the path; refuses where there is no such upload."""
    if _IDENTIFIER.fullmatch(call.reference):
        algorithm = call.repository.upload_algorithm(call.reference)
        if algorithm:
            return algorithm
    raise Refusal(404, ErrorCode.BLOB_UPLOAD_UNKNOWN)


def _session(call: Call) -> BlobWriter:
    return _writer(call, call.reference, _algorithm(call))


def _writer(call: Call, identifier: str, algorithm: str) -> BlobWriter:
    deadline = time.monotonic() + PATIENCE
    try:
        return call.store.upload(
            identifier,
            algorithm,
            resume=call.storage.sessions.take(identifier),
            waiting=lambda: time.monotonic() < deadline,
        )
    except Abort:
        raise Refusal(
            409, ErrorCode.BLOB_UPLOAD_INVALID, "another request is writing to this upload"
        ) from None


def _receive(call: Call, writer: BlobWriter) -> None:
    """Append the request's body, which must go on where the upload stands.

    Raises:
        Refusal: 416 for the wrong place, 400 for a length other than announced; the upload is
            then as it was before.
    """
    mark = writer.mark()
    start = mark.offset
    announced = _announced(call, start)
    for piece in call.request.body:
        if announced is not None and writer.offset + len(piece) > start + announced:
            writer.rewind(mark)
            raise _wrong_length(announced)
        writer.write(piece)
    if announced is not None and writer.offset != start + announced:
        writer.rewind(mark)
        raise _wrong_length(announced)


def _announced(call: Call, offset: int) -> int | None:
    """The length of the chunk by its headers.

    Spec: distribution-spec spec.md#pushing-a-blob-in-chunks
    """
    length = call.request.content_length
    text = call.request.headers.get("content-range")
    if text is None:
        return length
    match = _CONTENT_RANGE.fullmatch(text.strip().removeprefix("bytes").lstrip(" ="))
    if not match or int(match[2]) + 1 < int(match[1]):
        raise Refusal(
            400, ErrorCode.BLOB_UPLOAD_INVALID, f"{text[:40]!r} is not a Content-Range like 0-99"
        )
    first, last = int(match[1]), int(match[2])
    if first != offset:
        raise Refusal(
            416,
            ErrorCode.BLOB_UPLOAD_INVALID,
            f"the chunk begins at {first}, expected is {offset}",
            headers=_progress(call, call.reference, offset),
        )
    if length is not None and length != last - first + 1:
        raise _wrong_length(last - first + 1)
    return last - first + 1


def _wrong_length(announced: int) -> Refusal:
    return Refusal(
        400, ErrorCode.SIZE_INVALID, f"the body has not the {announced} bytes that were announced"
    )


def _commit(call: Call, identifier: str, writer: BlobWriter, digest: Digest) -> Response:
    try:
        writer.commit(digest)
    except DigestMismatch as error:
        _forget(call, identifier)
        raise Refusal(400, ErrorCode.DIGEST_INVALID, error.message) from error
    call.repository.link_blob(digest)
    _forget(call, identifier)
    return created_blob(call, digest)


def _forget(call: Call, identifier: str) -> None:
    call.storage.sessions.take(identifier)
    call.repository.close_upload(identifier)


def _progress(call: Call, identifier: str, offset: int) -> dict[str, str]:
    return {
        "Location": f"/v2/{call.repository.name}/blobs/uploads/{identifier}",
        "Range": f"0-{max(offset - 1, 0)}",
        "Docker-Upload-UUID": identifier,
    }
