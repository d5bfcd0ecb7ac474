"""Images from archives: an OCI layout, or what ``docker save`` writes, old and new.

Spec: image-spec image-layout.md#content; none (Docker convention) for docker-archive
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from ocinb.content.archive_files import Files, document, open_files
from ocinb.content.reachability import children
from ocinb.content.store import Store
from ocinb.errors import BlobNotFound, ContentError, DigestMismatch, DocumentError, InvalidDocument
from ocinb.spec import media_types
from ocinb.spec.annotations import CONTAINERD_NAME, REF_NAME
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.digest import Digest
from ocinb.spec.document import decode, encode
from ocinb.spec.image_config import ImageConfig
from ocinb.spec.image_index import ImageIndex
from ocinb.spec.image_layout import INDEX_FILE, LAYOUT_FILE, blob_path, check_layout
from ocinb.spec.reference import Reference

DOCKER_MANIFEST_FILE = "manifest.json"

_LAYER_MAGIC = (
    (b"\x1f\x8b", media_types.LAYER_GZIP),
    (b"\x28\xb5\x2f\xfd", media_types.LAYER_ZSTD),
)


def load(
    store: Store, source: Path | str, *, name: str | None = None, called: str = ""
) -> list[str]:
    """Take the images of an archive into the store.

    Args:
        store: where to.
        source: a directory or a tar file, which may be compressed.
        name: repository for images that have only a tag in the archive, and for one that has no
            name; by default ``localhost/`` and the name of the file.
        called: what people know the archive as; by default its path.

    Returns:
        The names under which the images are in the store.

    Raises:
        ContentError: it is not an image archive, or damaged; no name was set.
        DocumentError: a document in it breaks its specification.
        StorageError: it cannot be read, or the store cannot be written.
    """
    source = Path(source)
    called = called or str(source)
    repository = Reference.parse(name or f"localhost/{_repository_of(source)}").name
    with store.lease(), open_files(source, store.ingest, called) as files:
        layout = document(files, LAYOUT_FILE)
        if layout is not None:
            check_layout(layout)
            found = _from_layout(store, files, repository)
        elif files.size(DOCKER_MANIFEST_FILE) is not None:
            found = _from_docker(store, files, repository)
        else:
            raise ContentError(
                f"{called} is not an image archive",
                hint=f"it has neither {LAYOUT_FILE} nor {DOCKER_MANIFEST_FILE}",
            )
        for image, descriptor in found:
            store.names.set(image, descriptor)
    return [image for image, _ in found]


def _repository_of(source: Path) -> str:
    stem = source.name.lower()
    for suffix in (".gz", ".xz", ".bz2", ".tgz", ".tar"):
        stem = stem.removesuffix(suffix)
    kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in stem).strip("-")
    return kept or "image"


def _from_layout(store: Store, files: Files, repository: str) -> list[tuple[str, Descriptor]]:
    data = document(files, INDEX_FILE)
    if data is None:
        raise ContentError(f"the archive has no {INDEX_FILE}")
    entries = decode(data, ImageIndex, INDEX_FILE).manifests
    for entry in entries:
        _copy_blobs(store, files, entry)
    return [(_layout_name(entry, repository, len(entries) == 1), entry) for entry in entries]


def _layout_name(entry: Descriptor, repository: str, alone: bool) -> str:
    """The full name of an entry: containerd's, else a whole reference, else a tag."""
    properties = entry.annotations or {}
    whole, short = properties.get(CONTAINERD_NAME), properties.get(REF_NAME)
    if whole or (short and set(short) & set("/:@")):
        return str(Reference.parse(whole or short or ""))
    if short or alone:
        return str(Reference.parse(f"{repository}:{short or 'latest'}"))
    return str(Reference.parse(f"{repository}@{entry.digest}"))


def _copy_blobs(store: Store, files: Files, start: Descriptor) -> None:
    """Copy what an entry leads to; manifests of an index may be absent, the rest may not."""
    pending, seen = [(start, True)], set()
    while pending:
        descriptor, required = pending.pop()
        if descriptor.digest in seen:
            continue
        seen.add(descriptor.digest)
        path = blob_path(descriptor.digest)
        if files.size(path) is not None:
            _copy(store, files, path, descriptor.digest, descriptor.size)
        elif not store.has(descriptor.digest):
            if required and descriptor.media_type not in media_types.FOREIGN:
                raise BlobNotFound(f"the archive lacks blob {descriptor.digest}")
            continue
        if descriptor.is_index or descriptor.is_manifest:
            below = children(store.read(descriptor))
            pending += [(child, not (child.is_manifest or child.is_index)) for child in below]


def _copy(store: Store, files: Files, path: str, digest: Digest, size: int) -> None:
    with store.blob(digest, size) as writer:
        if writer.present:
            return
        writer.rewind()
        for piece in files.pieces(path):
            writer.write(piece)
        writer.commit()


def _from_docker(store: Store, files: Files, repository: str) -> list[tuple[str, Descriptor]]:
    """Images of ``manifest.json``: for each an OCI manifest is made, since Docker keeps none.

    Spec: none (Docker convention)
    """
    data = document(files, DOCKER_MANIFEST_FILE) or b""
    found = []
    for entry in _docker_entries(data):
        manifest = _docker_image(store, files, entry)
        tags = entry.get("RepoTags") or [f"{repository}:latest"]
        found += [(str(Reference.parse(str(tag))), manifest) for tag in tags]
    return found


def _docker_entries(data: bytes) -> list[dict[str, Any]]:
    try:
        entries = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidDocument(f"{DOCKER_MANIFEST_FILE} is not JSON: {error}") from error
    for number, entry in enumerate(entries if isinstance(entries, list) else [None]):
        fields = entry if isinstance(entry, dict) else {}
        layers = fields.get("Layers")
        if not isinstance(fields.get("Config"), str) or not isinstance(layers, list | None):
            raise InvalidDocument(
                f"{DOCKER_MANIFEST_FILE} is not a list of images", path=f"$[{number}]"
            )
    return list(entries)


def _docker_image(store: Store, files: Files, entry: dict[str, Any]) -> Descriptor:
    config_data = document(files, entry["Config"])
    if config_data is None:
        raise ContentError(f"the archive lacks {entry['Config']}, the config of an image")
    config = ImageConfig.parse(config_data)
    paths = [str(path) for path in entry.get("Layers") or ()]
    if len(paths) != len(config.rootfs.diff_ids):
        raise DocumentError(
            f"{entry['Config']} has {len(config.rootfs.diff_ids)} diff_ids for {len(paths)} layers"
        )
    layers = [
        _docker_layer(store, files, path, diff_id)
        for path, diff_id in zip(paths, config.rootfs.diff_ids, strict=True)
    ]
    document_ = {
        "schemaVersion": 2,
        "mediaType": media_types.IMAGE_MANIFEST,
        "config": _plain(store.add(config_data, media_types.IMAGE_CONFIG)),
        "layers": [_plain(layer) for layer in layers],
    }
    return store.add(encode(document_), media_types.IMAGE_MANIFEST)


def _docker_layer(store: Store, files: Files, path: str, diff_id: Digest) -> Descriptor:
    """A layer as it lies in the archive. What a compressed one holds is verified on unpacking."""
    size = files.size(path)
    if size is None:
        raise ContentError(f"the archive lacks {path}, a layer")
    head = next(files.pieces(path), b"")
    media_type = next((kind for magic, kind in _LAYER_MAGIC if head.startswith(magic)), None)
    if media_type is None:
        try:
            _copy(store, files, path, diff_id, size)
        except DigestMismatch as error:
            raise DigestMismatch(f"layer {path} of the archive: {error}") from error
        return Descriptor(media_type=media_types.LAYER_TAR, digest=diff_id, size=size)
    digest = _digest(files, path)
    _copy(store, files, path, digest, size)
    return Descriptor(media_type=media_type, digest=digest, size=size)


def _digest(files: Files, path: str) -> Digest:
    hasher = hashlib.sha256()
    for piece in files.pieces(path):
        hasher.update(piece)
    return Digest(f"sha256:{hasher.hexdigest()}")


def _plain(descriptor: Descriptor) -> dict[str, Any]:
    return {
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size,
    }
