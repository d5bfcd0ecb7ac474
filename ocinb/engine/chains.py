"""Which unpacked layers images need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocinb.errors import ContentError, DocumentError
from ocinb.spec.image_config import ImageConfig
from ocinb.spec.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ocinb.content.store import Store
    from ocinb.spec.descriptor import Descriptor
    from ocinb.spec.digest import Digest


def chains(store: Store, descriptors: Iterable[Descriptor]) -> set[Digest]:
    """The chainIDs of all images among these descriptors.

    Raises:
        StorageError: a document cannot be read now; of what layers it is, is not known.
    """
    found: set[Digest] = set()
    for descriptor in descriptors:
        if descriptor.is_manifest:
            found.update(_of_manifest(store, descriptor))
    return found


def _of_manifest(store: Store, descriptor: Descriptor) -> tuple[Digest, ...]:
    try:
        manifest = Manifest.parse(store.read(descriptor), descriptor.media_type)
        if not manifest.is_image:
            return ()
        return ImageConfig.parse(store.read(manifest.config)).chain_ids
    except (ContentError, DocumentError):
        return ()  # of another platform, and not here
