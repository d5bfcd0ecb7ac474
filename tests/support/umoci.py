"""umoci as a second opinion on what layers mean."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ocinb.content.store import Store
from ocinb.spec import annotations as keys
from ocinb.spec import media_types
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.digest import Digest, digest_of
from ocinb.spec.document import encode
from ocinb.spec.image_config import ImageConfig, RootFS
from ocinb.spec.image_index import ImageIndex
from ocinb.spec.manifest import Manifest
from ocinb.spec.platform import Platform


def image_of_blobs(layout: Path, layers: Sequence[tuple[Descriptor, Digest, Path]]) -> None:
    """An image layout with one image, tag ``t``, of layers ``(descriptor, diffID, blob)``."""
    store = Store(layout)
    for layer, _, blob in layers:
        shutil.copyfile(blob, store.path(layer.digest))
    _describe(store, [layer for layer, _, _ in layers], [diff_id for _, diff_id, _ in layers])


def image_of(layout: Path, archives: Sequence[bytes]) -> None:
    """An image layout with one image, tag ``t``, of these uncompressed archives."""
    store = Store(layout)
    layers = [store.add(raw, media_types.LAYER_TAR) for raw in archives]
    _describe(store, layers, [digest_of(raw) for raw in archives])


def _describe(store: Store, layers: Sequence[Descriptor], diff_ids: Sequence[Digest]) -> None:
    host = Platform.host()
    config = ImageConfig(
        architecture=host.architecture,
        os="linux",
        rootfs=RootFS(type="layers", diff_ids=tuple(diff_ids)),
    )
    manifest = Manifest(
        schema_version=2,
        media_type=media_types.IMAGE_MANIFEST,
        config=store.add(encode(config), media_types.IMAGE_CONFIG),
        layers=tuple(layers),
    )
    described = store.add(
        encode(manifest),
        media_types.IMAGE_MANIFEST,
        annotations={keys.REF_NAME: "t"},
    )
    index = ImageIndex(schema_version=2, manifests=(described,))
    (store.root / "index.json").write_bytes(encode(index))


def unpack(archives: Sequence[bytes], work: Path) -> Path | str:
    """The root filesystem that umoci makes of the layers, or what it says against them."""
    work.mkdir()
    image_of(work / "layout", archives)
    argv = ["umoci", "unpack", "--image", f"{work / 'layout'}:t", work / "bundle"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return work / "bundle/rootfs" if done.returncode == 0 else done.stderr
