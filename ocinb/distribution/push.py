"""Push: from the store to a name in a registry."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator

from ocinb.content.store import Store
from ocinb.distribution.client import Client
from ocinb.distribution.transport import Body
from ocinb.distribution.workers import run_together
from ocinb.events import BlobDone, BlobProgress
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.image_index import ImageIndex
from ocinb.spec.manifest import Manifest
from ocinb.spec.reference import Reference

CHUNK = 1024 * 1024
"""Bytes read from disk at once."""


def push(client: Client, store: Store, source: Descriptor, reference: Reference) -> Descriptor:
    """Bring an image or index with all it points at to a registry; what is there now.

    Blobs first, children before the index that names them, the name last. What the registry has
    is not sent again.

    Raises:
        BlobNotFound: the store has only a part of the image.
        RegistryUnreachable, RegistryError, AuthenticationFailed.

    Spec: distribution-spec spec.md#push
    """
    data = store.read(source)
    if source.is_index:
        for child in ImageIndex.parse(data, source.media_type).manifests:
            if store.has(child.digest):
                push(client, store, child, reference.with_digest(child.digest))
    else:
        manifest = Manifest.parse(data, source.media_type)
        blobs = {blob.digest: blob for blob in (manifest.config, *manifest.layers)}
        tasks = [
            functools.partial(push_blob, client, store, reference, blob) for blob in blobs.values()
        ]
        run_together(client.network, tasks)
    client.put_manifest(reference, data, source.media_type)
    return source


def push_blob(client: Client, store: Store, reference: Reference, blob: Descriptor) -> None:
    """Bring one blob to the registry unless it is there."""
    started = time.monotonic()
    source = "registry"
    if client.head_blob(reference, blob.digest) is None:
        session = client.start_upload(reference)
        if session is not None:
            source = "network"
            body = Body(blob.size, lambda: _chunks(client, store, blob))
            client.finish_upload(session, blob.digest, body)
    client.record(
        BlobDone(
            digest=blob.digest,
            size=blob.size,
            source=source,
            seconds=time.monotonic() - started,
        )
    )


def _chunks(client: Client, store: Store, blob: Descriptor) -> Iterator[bytes]:
    done = 0
    with store.open(blob.digest) as file:
        while data := file.read(CHUNK):
            done += len(data)
            yield data
            client.record(
                BlobProgress(digest=blob.digest, done=done, total=blob.size, action="uploading")
            )
