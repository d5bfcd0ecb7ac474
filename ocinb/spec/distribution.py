"""The tables of the distribution specification: endpoints and error codes.

Spec: distribution-spec spec.md#endpoints and spec.md#error-codes
"""

from __future__ import annotations

from enum import StrEnum

from ocinb.frozen import Frozen


class Endpoint(Frozen):
    """A row of the endpoint table.

    Attributes:
        id: as in the specification, ``end-1`` … ``end-14``.
        methods: HTTP methods.
        path: with ``<name>``, ``<digest>`` and ``<reference>`` as the specification writes them.
        query: parameters that tell the variant from its siblings.
        success: statuses of success.
        failure: statuses of failure that the specification names.
        purpose: what it is for.
    """

    id: str
    methods: tuple[str, ...]
    path: str
    query: tuple[str, ...] = ()
    success: tuple[int, ...]
    failure: tuple[int, ...]
    purpose: str


def _row(
    id: str,
    methods: str,
    path: str,
    success: tuple[int, ...],
    failure: tuple[int, ...],
    purpose: str,
    query: tuple[str, ...] = (),
) -> Endpoint:
    return Endpoint(
        id=id,
        methods=tuple(methods.split()),
        path=path,
        query=query,
        success=success,
        failure=failure,
        purpose=purpose,
    )


ENDPOINTS = (
    _row("end-1", "GET", "/v2/", (200,), (404, 401), "is this a registry of the specification"),
    _row("end-2", "GET HEAD", "/v2/<name>/blobs/<digest>", (200,), (404,), "fetch a blob"),
    _row("end-3", "GET HEAD", "/v2/<name>/manifests/<reference>", (200,), (404,), "fetch a manifest"),
    _row("end-4a", "POST", "/v2/<name>/blobs/uploads/", (202,), (404,), "open an upload"),
    _row("end-4b", "POST", "/v2/<name>/blobs/uploads/", (201, 202), (404, 400), "push a blob in one request", ("digest",)),
    _row("end-5", "PATCH", "/v2/<name>/blobs/uploads/<reference>", (202,), (404, 416), "push a chunk"),
    _row("end-6", "PUT", "/v2/<name>/blobs/uploads/<reference>", (201,), (404, 400), "close an upload", ("digest",)),
    _row("end-7", "PUT", "/v2/<name>/manifests/<reference>", (201,), (404, 413), "push a manifest"),
    _row("end-8a", "GET", "/v2/<name>/tags/list", (200,), (404,), "list tags"),
    _row("end-8b", "GET", "/v2/<name>/tags/list", (200,), (404,), "list a page of tags", ("n", "last")),
    _row("end-9", "DELETE", "/v2/<name>/manifests/<reference>", (202,), (404, 400, 405), "delete a tag or manifest"),
    _row("end-10", "DELETE", "/v2/<name>/blobs/<digest>", (202,), (404, 400, 405), "delete a blob"),
    _row("end-11", "POST", "/v2/<name>/blobs/uploads/", (201, 202), (404,), "mount a blob of another repository", ("mount", "from")),
    _row("end-12a", "GET", "/v2/<name>/referrers/<digest>", (200,), (404, 400), "list referrers"),
    _row("end-12b", "GET", "/v2/<name>/referrers/<digest>", (200,), (404, 400), "list referrers of a type", ("artifactType",)),
    _row("end-13", "GET", "/v2/<name>/blobs/uploads/<reference>", (204,), (404,), "how far is an upload"),
    _row("end-14", "DELETE", "/v2/<name>/blobs/uploads/<reference>", (204,), (404, 400), "cancel an upload"),
)  # fmt: skip
"""Spec: distribution-spec spec.md#endpoints (end-14 stands in the text after 1.1.1)."""


class ErrorCode(StrEnum):
    """Codes of the error body. Spec: distribution-spec spec.md#error-codes"""

    BLOB_UNKNOWN = "BLOB_UNKNOWN"
    BLOB_UPLOAD_INVALID = "BLOB_UPLOAD_INVALID"
    BLOB_UPLOAD_UNKNOWN = "BLOB_UPLOAD_UNKNOWN"
    DIGEST_INVALID = "DIGEST_INVALID"
    MANIFEST_BLOB_UNKNOWN = "MANIFEST_BLOB_UNKNOWN"
    MANIFEST_INVALID = "MANIFEST_INVALID"
    MANIFEST_UNKNOWN = "MANIFEST_UNKNOWN"
    NAME_INVALID = "NAME_INVALID"
    NAME_UNKNOWN = "NAME_UNKNOWN"
    SIZE_INVALID = "SIZE_INVALID"
    UNAUTHORIZED = "UNAUTHORIZED"
    DENIED = "DENIED"
    UNSUPPORTED = "UNSUPPORTED"
    TOOMANYREQUESTS = "TOOMANYREQUESTS"


DESCRIPTIONS = {
    ErrorCode.BLOB_UNKNOWN: "blob unknown to registry",
    ErrorCode.BLOB_UPLOAD_INVALID: "blob upload invalid",
    ErrorCode.BLOB_UPLOAD_UNKNOWN: "blob upload unknown to registry",
    ErrorCode.DIGEST_INVALID: "provided digest did not match uploaded content",
    ErrorCode.MANIFEST_BLOB_UNKNOWN: "manifest references a manifest or blob unknown to registry",
    ErrorCode.MANIFEST_INVALID: "manifest invalid",
    ErrorCode.MANIFEST_UNKNOWN: "manifest unknown to registry",
    ErrorCode.NAME_INVALID: "invalid repository name",
    ErrorCode.NAME_UNKNOWN: "repository name not known to registry",
    ErrorCode.SIZE_INVALID: "provided length did not match content length",
    ErrorCode.UNAUTHORIZED: "authentication required",
    ErrorCode.DENIED: "requested access to the resource is denied",
    ErrorCode.UNSUPPORTED: "the operation is unsupported",
    ErrorCode.TOOMANYREQUESTS: "too many requests",
}
"""Spec: distribution-spec spec.md#error-codes"""
