"""Whether what lies in the store is what its names say.

Spec: image-spec descriptor.md#verification
"""

from __future__ import annotations

from collections.abc import Iterator

from ocinb.content.reachability import reachable
from ocinb.content.store import Store
from ocinb.content.writer import check_file
from ocinb.errors import BlobNotFound, ContentError, OcinbError, StorageError
from ocinb.spec import media_types


def faults(store: Store) -> Iterator[OcinbError]:
    """Read every blob; an error for each that is damaged, and for each that a name lacks.

    Layers that need not be distributed, and manifests for other platforms, may be absent
    (image-spec image-layout.md#blobs).
    """
    for digest in sorted(store.digests()):
        try:
            check_file(store.path(digest), digest)
        except (ContentError, StorageError) as error:
            yield error
    for name, target in store.names.items():
        optional = media_types.FOREIGN | media_types.MANIFESTS | media_types.INDEXES
        try:
            led_to = list(reachable(store, [target]))
        except StorageError as error:
            yield error
            continue
        for descriptor in led_to:
            wanted = descriptor == target or descriptor.media_type not in optional
            if wanted and not store.has(descriptor.digest):
                yield BlobNotFound(f"{name} needs blob {descriptor.digest}, which is not there")
