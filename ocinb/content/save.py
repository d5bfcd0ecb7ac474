"""Images into an archive that both an OCI tool and ``docker load`` read.

The tar is an image layout, with Docker's ``manifest.json`` beside ``index.json``. It is the same
bytes for the same images: no times, no owners, files in order of their names.

Spec: image-spec image-layout.md#content; none (Docker convention) for manifest.json
"""

from __future__ import annotations

import io
import os
import secrets
import shutil
import tarfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from ocinb.content.durable import storage_errors
from ocinb.content.load import DOCKER_MANIFEST_FILE
from ocinb.content.names import EMPTY_INDEX
from ocinb.content.reachability import reachable
from ocinb.content.store import Store
from ocinb.errors import BlobNotFound, ContentError
from ocinb.spec import media_types
from ocinb.spec.annotations import CONTAINERD_NAME, REF_NAME
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.digest import Digest
from ocinb.spec.document import encode
from ocinb.spec.image_layout import BLOBS, INDEX_FILE, LAYOUT_DOCUMENT, LAYOUT_FILE, blob_path
from ocinb.spec.manifest import Manifest
from ocinb.spec.reference import Reference

_OPTIONAL = media_types.FOREIGN | media_types.MANIFESTS | media_types.INDEXES


def save(store: Store, names: Sequence[str], target: Path | str) -> int:
    """Write images into a tar file, which appears whole or not at all.

    Args:
        store: where they are.
        names: which ones.
        target: the tar file, made or replaced.

    Returns:
        Bytes of the archive.

    Raises:
        NameNotFound: an image is not in the store.
        BlobNotFound: a layer or config of one is not.
        StorageError: the disk refused.
    """
    target = Path(target)
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    with storage_errors("write", target):
        try:
            with beside.open("xb") as file:
                write_archive(store, names, file)
                file.flush()
                os.fsync(file.fileno())
                size = file.tell()
            beside.replace(target)
        except BaseException:
            with suppress(FileNotFoundError):
                beside.unlink()
            raise
    return size


def save_directory(store: Store, names: Sequence[str], target: Path | str) -> int:
    """Write images as an image layout in a new directory, which appears whole or not at all.

    Args and errors as ``save``; ContentError: something is there already.

    Returns:
        Bytes of the blobs.

    Spec: image-spec image-layout.md#content
    """
    target = Path(target)
    images = [(name, store.names.get(name)) for name in names]
    blobs = _blobs(store, images)
    if os.path.lexists(target):
        raise ContentError(f"{target} is there already", hint="choose a new directory")
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    with storage_errors("write", target):
        try:
            for digest in blobs:
                place = beside / blob_path(digest)
                place.parent.mkdir(parents=True, exist_ok=True)
                with store.open(digest) as source, place.open("xb") as file:
                    shutil.copyfileobj(source, file, 1 << 20)
                    file.flush()
                    os.fsync(file.fileno())
            (beside / INDEX_FILE).write_bytes(_index(images))
            (beside / LAYOUT_FILE).write_bytes(LAYOUT_DOCUMENT)
            beside.rename(target)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
    return sum(store.size(digest) for digest in blobs)


def _index(images: list[tuple[str, Descriptor]]) -> bytes:
    return encode({**EMPTY_INDEX, "manifests": [_entry(*image) for image in images]})


def write_archive(store: Store, names: Sequence[str], stream: BinaryIO) -> None:
    """Write images as a tar into a stream that need not be seekable; see ``save``."""
    images = [(name, store.names.get(name)) for name in names]
    blobs = _blobs(store, images)
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        # A layout has the directory; some readers want to see it among the entries.
        for name in sorted({BLOBS, *(f"{BLOBS}/{digest.algorithm}" for digest in blobs)}):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        for digest in blobs:
            with store.open(digest) as file:
                _add(archive, blob_path(digest), file, store.size(digest))
        for name, data in (
            (INDEX_FILE, _index(images)),
            (DOCKER_MANIFEST_FILE, encode(_docker_manifest(store, images))),
            (LAYOUT_FILE, LAYOUT_DOCUMENT),
        ):
            _add(archive, name, io.BytesIO(data), len(data))


def _add(archive: tarfile.TarFile, name: str, file: Any, size: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o644
    archive.addfile(entry, file)


def _blobs(store: Store, images: list[tuple[str, Descriptor]]) -> list[Digest]:
    found = set()
    for name, target in images:
        for descriptor in reachable(store, [target]):
            if store.has(descriptor.digest):
                found.add(descriptor.digest)
            elif descriptor == target or descriptor.media_type not in _OPTIONAL:
                raise BlobNotFound(f"{name} needs blob {descriptor.digest}, which is not there")
    return sorted(found)


def _entry(name: str, target: Descriptor) -> dict[str, Any]:
    entry = msgspec.to_builtins(target, enc_hook=str)
    named = {CONTAINERD_NAME: name, REF_NAME: name}
    return {**entry, "annotations": {**entry.get("annotations", {}), **named}}


def _docker_manifest(store: Store, images: list[tuple[str, Descriptor]]) -> list[dict[str, Any]]:
    """For each image that is one manifest, or an index of which one is here: where it lies."""
    entries = []
    for name, target in images:
        for descriptor in reachable(store, [target]):
            if not (descriptor.is_manifest and store.has(descriptor.digest)):
                continue
            manifest = Manifest.parse(store.read(descriptor))
            if not manifest.is_image:
                continue
            layers = [d for d in manifest.layers if d.media_type not in media_types.FOREIGN]
            entries.append(
                {
                    "Config": blob_path(manifest.config.digest),
                    "RepoTags": [name] if Reference.parse(name).tag else [],
                    "Layers": [blob_path(layer.digest) for layer in layers],
                }
            )
            break
    return entries
