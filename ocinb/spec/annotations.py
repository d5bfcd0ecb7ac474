"""Pre-defined annotation keys.

Spec: image-spec annotations.md#pre-defined-annotation-keys
"""

from __future__ import annotations

CREATED = "org.opencontainers.image.created"
AUTHORS = "org.opencontainers.image.authors"
URL = "org.opencontainers.image.url"
DOCUMENTATION = "org.opencontainers.image.documentation"
SOURCE = "org.opencontainers.image.source"
VERSION = "org.opencontainers.image.version"
REVISION = "org.opencontainers.image.revision"
VENDOR = "org.opencontainers.image.vendor"
LICENSES = "org.opencontainers.image.licenses"
REF_NAME = "org.opencontainers.image.ref.name"
TITLE = "org.opencontainers.image.title"
DESCRIPTION = "org.opencontainers.image.description"
BASE_DIGEST = "org.opencontainers.image.base.digest"
BASE_NAME = "org.opencontainers.image.base.name"

CONTAINERD_NAME = "io.containerd.image.name"
"""The full reference of an entry of index.json.

``org.opencontainers.image.ref.name`` may not hold a whole reference with every tool: skopeo and
umoci use it as a tag. Spec: none (containerd convention)
"""
