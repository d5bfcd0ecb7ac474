"""The image layout: how blobs and names lie in a directory.

Spec: image-spec image-layout.md
"""

from __future__ import annotations

from ocinb.errors import InvalidDocument
from ocinb.spec.digest import Digest
from ocinb.spec.document import View, decode

LAYOUT_FILE = "oci-layout"
INDEX_FILE = "index.json"
BLOBS = "blobs"
LAYOUT_VERSION = "1.0.0"
LAYOUT_DOCUMENT = b'{"imageLayoutVersion":"1.0.0"}'
"""Spec: image-spec image-layout.md#oci-layout-file"""


class Layout(View, frozen=True, kw_only=True):
    """The document ``oci-layout``. Spec: image-spec image-layout.md#oci-layout-file"""

    image_layout_version: str


def check_layout(data: bytes) -> None:
    """Raise ``InvalidDocument`` unless ``data`` is an ``oci-layout`` of a version we read."""
    version = decode(data, Layout, LAYOUT_FILE).image_layout_version
    if version.split(".")[0] != LAYOUT_VERSION.split(".", maxsplit=1)[0]:
        raise InvalidDocument(
            f"{LAYOUT_FILE} has imageLayoutVersion {version}, supported is {LAYOUT_VERSION}",
            path="$.imageLayoutVersion",
        )


def blob_path(digest: Digest) -> str:
    """Where a blob lies, relative to the layout. Spec: image-spec image-layout.md#blobs"""
    return f"{BLOBS}/{digest.algorithm}/{digest.encoded}"
