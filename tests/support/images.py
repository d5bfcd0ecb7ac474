"""Small images made in a store, with real layers."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile

from ocinb.content.store import Store
from ocinb.spec import media_types
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.digest import digest_of


def layer(files: dict[str, bytes]) -> bytes:
    """An uncompressed layer with these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def plain(descriptor: Descriptor, **more: object) -> dict[str, object]:
    """A descriptor as JSON."""
    return {
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size,
        **more,
    }


def make_image(
    store: Store,
    *sizes: int,
    architecture: str = "amd64",
    docker: bool = False,
    history: list[dict[str, object]] | None = None,
) -> Descriptor:
    """An image with a layer of random bytes for each size."""
    manifest_type = media_types.DOCKER_MANIFEST if docker else media_types.IMAGE_MANIFEST
    config_type = media_types.DOCKER_CONFIG if docker else media_types.IMAGE_CONFIG
    layer_type = media_types.DOCKER_LAYER_GZIP if docker else media_types.LAYER_GZIP
    archives = [layer({f"file-{n}": os.urandom(size)}) for n, size in enumerate(sizes)]
    layers = [store.add(gzip.compress(data, 1, mtime=0), layer_type) for data in archives]
    config = {
        "architecture": architecture,
        "os": "linux",
        "created": "2024-01-01T00:00:00Z",
        "config": {"Cmd": ["/bin/true"]},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(data) for data in archives]},
        "history": history or [{"created_by": f"layer {n}"} for n in range(len(sizes))],
    }
    document = {
        "schemaVersion": 2,
        "mediaType": manifest_type,
        "config": plain(store.add(json.dumps(config).encode(), config_type)),
        "layers": [plain(descriptor) for descriptor in layers],
    }
    return store.add(json.dumps(document).encode(), manifest_type)


def make_index(store: Store, images: dict[str, Descriptor]) -> Descriptor:
    """An image index of ``architecture`` → manifest."""
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.IMAGE_INDEX,
        "manifests": [
            plain(image, platform={"os": "linux", "architecture": architecture})
            for architecture, image in images.items()
        ],
    }
    return store.add(json.dumps(document).encode(), media_types.IMAGE_INDEX)


def image_of(store: Store, files: dict[str, tuple[bytes, int]]) -> Descriptor:
    """An image of one layer with these files: path → content and mode."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, (data, mode) in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), mode
            archive.addfile(entry, io.BytesIO(data))
    blob = store.add(gzip.compress(buffer.getvalue(), 1, mtime=0), media_types.LAYER_GZIP)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(buffer.getvalue())]},
    }
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.IMAGE_MANIFEST,
        "config": plain(store.add(json.dumps(config).encode(), media_types.IMAGE_CONFIG)),
        "layers": [plain(blob)],
    }
    return store.add(json.dumps(document).encode(), media_types.IMAGE_MANIFEST)
