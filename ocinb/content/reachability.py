"""What a manifest or index leads to.

Spec: image-spec descriptor.md#properties
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ocinb.content.store import Store
from ocinb.errors import ContentError, DocumentError
from ocinb.spec import media_types
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.document import MAX_DOCUMENT, decode, encode

_LEAVES = media_types.LAYERS | media_types.CONFIGS | {media_types.EMPTY}


def children(data: bytes) -> list[Descriptor]:
    """The descriptors in a manifest or index: manifests, config, layers and subject.

    What is not such a document, or not a descriptor, leads nowhere.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return []
    if not isinstance(document, dict):
        return []
    entries: list[Any] = []
    for key in ("config", "manifests", "layers", "subject"):
        value = document.get(key)
        entries += value if isinstance(value, list) else [value]
    return [descriptor for entry in entries if (descriptor := _descriptor(entry))]


def _descriptor(entry: Any) -> Descriptor | None:
    if not isinstance(entry, dict):
        return None
    try:
        return decode(encode(entry), Descriptor, "the descriptor")
    except DocumentError:
        return None


def reachable(store: Store, starts: Iterable[Descriptor]) -> Iterator[Descriptor]:
    """All descriptors to which these lead, themselves first, each digest once.

    Blobs that are not in the store, or damaged, are yielded too and lead nowhere.

    Raises:
        StorageError: a document cannot be read now; to what it leads is not known.
    """
    seen = set()
    pending = list(starts)
    while pending:
        descriptor = pending.pop()
        if descriptor.digest in seen:
            continue
        seen.add(descriptor.digest)
        yield descriptor
        if descriptor.media_type not in _LEAVES and descriptor.size <= MAX_DOCUMENT:
            try:
                pending += children(store.read(descriptor))
            except ContentError:
                continue
