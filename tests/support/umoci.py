"""umoci as a second opinion on what layers mean."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from ocinb.content.store import Store
from ocinb.spec import media_types
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.digest import digest_of
from ocinb.spec.document import encode
from ocinb.spec.image_config import ImageConfig, RootFS
from ocinb.spec.manifest import Manifest
from ocinb.spec.platform import Platform


def image_of(layout: Path, archives: Sequence[bytes]) -> None:
    """An image layout with one image, tag ``t``, of these uncompressed archives."""
    store = Store(layout)
    host = Platform.host()
    layers = tuple(store.add(raw, media_types.LAYER_TAR) for raw in archives)
    config = ImageConfig(
        architecture=host.architecture,
        os="linux",
        rootfs=RootFS(type="layers", diff_ids=tuple(digest_of(raw) for raw in archives)),
    )
    manifest = Manifest(
        schema_version=2,
        media_type=media_types.IMAGE_MANIFEST,
        config=store.add(encode(config), media_types.IMAGE_CONFIG),
        layers=layers,
    )
    described: Descriptor = store.add(
        encode(manifest),
        media_types.IMAGE_MANIFEST,
        annotations={"org.opencontainers.image.ref.name": "t"},
    )
    index = {"schemaVersion": 2, "manifests": [described]}
    import msgspec

    (layout / "index.json").write_bytes(msgspec.json.encode(index, enc_hook=str))


def unpack(archives: Sequence[bytes], work: Path) -> Path | str:
    """The root filesystem that umoci makes of the layers, or what it says against them."""
    work.mkdir()
    image_of(work / "layout", archives)
    argv = ["umoci", "unpack", "--image", f"{work / 'layout'}:t", work / "bundle"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return work / "bundle/rootfs" if done.returncode == 0 else done.stderr
