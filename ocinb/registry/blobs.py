"""Blobs: fetching, ranges, mounting, deleting.

Spec: distribution-spec spec.md#pulling-blobs
"""

from __future__ import annotations

import os
import re

from ocinb.content.durable import storage_errors
from ocinb.registry.call import Call, parse_digest
from ocinb.registry.messages import FileSlice, Refusal, Response
from ocinb.spec.digest import Digest
from ocinb.spec.distribution import ErrorCode
from ocinb.spec.reference import REPOSITORY

_RANGE = re.compile(r"bytes=(?:(?P<first>\d{1,18})-(?P<last>\d{0,18})|-(?P<suffix>\d{1,18}))")

SMALL = 64 * 1024
"""Bytes up to which a blob is read before the answer begins, to save a turn of the event loop."""


def get_blob(call: Call) -> Response:
    """end-2: the bytes of a blob, or a range of them.

    Spec: distribution-spec spec.md#pulling-blobs
    """
    digest = call.digest()
    file = _open(call, digest)
    try:
        size = os.fstat(file).st_size
        first, length = _asked_range(call, digest, size) or (0, size)
    except BaseException:
        os.close(file)
        raise
    headers = {
        "Content-Type": "application/octet-stream",
        "Docker-Content-Digest": digest,
        "ETag": f'"{digest}"',
        "Accept-Ranges": "bytes",
        "Content-Length": str(length),
    }
    status = 200
    if length != size:
        status = 206
        headers["Content-Range"] = f"bytes {first}-{first + length - 1}/{size}"
    body = FileSlice(file, first, length)
    if call.request.method == "HEAD":
        body.close()
        return Response(status, headers)
    return Response(status, headers, b"".join(body) if length <= SMALL else body)


def _open(call: Call, digest: Digest) -> int:
    if call.repository.has_blob(digest):
        path = call.store.path(digest)
        with storage_errors("read", path):
            try:
                return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                pass
    raise unknown_blob(digest)


def unknown_blob(digest: Digest) -> Refusal:
    """The refusal for a blob that the repository has not."""
    return Refusal(404, ErrorCode.BLOB_UNKNOWN, detail={"digest": digest})


def _asked_range(call: Call, digest: Digest, size: int) -> tuple[int, int] | None:
    """First byte and length of the range asked for; None for the whole blob.

    A header that is malformed or has several ranges is ignored, as RFC 9110 allows.

    Raises:
        Refusal: 416, the range lies behind the end.
    """
    match = _RANGE.fullmatch(call.request.headers.get("range", "").replace(" ", ""))
    if_range = call.request.headers.get("if-range", f'"{digest}"')
    if not match or if_range != f'"{digest}"':
        return None
    if match["suffix"]:
        length = min(int(match["suffix"]), size)
        first = size - length
    else:
        first = int(match["first"])
        last = min(int(match["last"] or size - 1), size - 1)
        if match["last"] and int(match["last"]) < first:
            return None
        length = last - first + 1
    if length <= 0:
        raise Refusal(
            416,
            ErrorCode.SIZE_INVALID,
            f"the blob has {size} bytes",
            headers={"Content-Range": f"bytes */{size}"},
        )
    return first, length


def delete_blob(call: Call) -> Response:
    """end-10: the blob belongs to this repository no longer.

    Its bytes stay while other repositories have it, and until garbage is collected.

    Spec: distribution-spec spec.md#deleting-blobs
    """
    digest = call.digest()
    if not call.repository.unlink_blob(digest):
        raise unknown_blob(digest)
    return Response(202)


def mount_blob(call: Call) -> Response | None:
    """end-11: let a blob of another repository belong to this one; None where it cannot be.

    Without ``from`` the blob is looked for in the whole registry, unless access is controlled:
    then it would tell strangers what other repositories hold.

    Spec: distribution-spec spec.md#mounting-a-blob-from-another-repository
    """
    digest = parse_digest(call.request.parameter("mount"))
    source = call.request.parameter("from")
    if source:
        known = bool(REPOSITORY.fullmatch(source)) and call.storage.repository(source).has_blob(
            digest
        )
    else:
        known = call.open
    if not known or not call.store.claim(digest):
        return None
    call.repository.link_blob(digest)
    return created_blob(call, digest)


def created_blob(call: Call, digest: Digest) -> Response:
    """The answer when a blob has come to the repository."""
    return Response(
        201,
        {
            "Location": f"/v2/{call.repository.name}/blobs/{digest}",
            "Docker-Content-Digest": digest,
        },
    )
