"""Images of hand-made archives, named in an engine's store."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ocinb.content.store import Store
from ocinb.spec import media_types
from ocinb.spec.digest import digest_of
from ocinb.spec.platform import Platform
from tests.support.archives import Member, archive
from tests.support.images import plain


def name_image(
    store: Store,
    name: str,
    layers: Sequence[Sequence[Member]],
    *,
    steps: Sequence[str] = (),
    config: dict[str, object] | None = None,
) -> None:
    """An image of these layers, uncompressed; ``steps`` are its history lines."""
    archives = [archive(members) for members in layers]
    document = {
        "architecture": Platform.host().architecture,
        "os": "linux",
        "config": config or {},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(raw) for raw in archives]},
        "history": [{"created_by": step} for step in steps],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": media_types.IMAGE_MANIFEST,
        "config": plain(store.add(json.dumps(document).encode(), media_types.IMAGE_CONFIG)),
        "layers": [plain(store.add(raw, media_types.LAYER_TAR)) for raw in archives],
    }
    store.names.set(name, store.add(json.dumps(manifest).encode(), media_types.IMAGE_MANIFEST))
