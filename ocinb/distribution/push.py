"""Push: from the store to a name in a registry."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator

from ocinb.content.store import Store
from ocinb.distribution.client import Client
from ocinb.distribution.referrers import put_with_subject
from ocinb.distribution.upload import Upload
from ocinb.distribution.workers import run_together
from ocinb.errors import RegistryError
from ocinb.spec import media_types
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.image_index import ImageIndex
from ocinb.spec.manifest import Manifest
from ocinb.spec.reference import Reference

READ = 1024 * 1024
"""Bytes read from disk at once."""


def push(
    client: Client,
    store: Store,
    source: Descriptor,
    reference: Reference,
    *,
    chunk: int | None = None,
    mount_from: Iterable[str] = (),
) -> Descriptor:
    """Bring an image or index with all it points at to a registry; what the name points at now.

    Blobs first, children before the index that names them, the name last. What the registry has
    is not sent again. Of an index, the images that the store does not have are left out of the
    transfer; a registry may refuse the index then.

    Args:
        chunk: bytes of each chunk of a blob; None sends each blob in one request.
        mount_from: repositories of the same registry that may have some of the blobs.

    Raises:
        BlobNotFound: the store has only a part of an image.
        RegistryUnreachable, RegistryError, AuthenticationFailed.

    Spec: distribution-spec spec.md#push
    """
    data, candidates = store.read(source), tuple(mount_from)
    absent = 0
    if source.is_index:
        for child in ImageIndex.parse(data, source.media_type).manifests:
            if store.has(child.digest):
                where = reference.with_digest(child.digest)
                push(client, store, child, where, chunk=chunk, mount_from=candidates)
            else:
                absent += 1
    else:
        tasks = [
            Upload(
                client,
                reference,
                blob,
                functools.partial(_bytes_of, store, blob),
                chunk=chunk,
                mount_from=candidates,
            ).run
            for blob in blobs_of(Manifest.parse(data, source.media_type))
            if store.has(blob.digest) or blob.media_type not in media_types.FOREIGN
        ]
        run_together(client.network, tasks)
    try:
        put_with_subject(client, reference, data, source)
    except RegistryError as error:
        if not absent:
            raise
        raise _incomplete(error, reference, absent) from error
    return source


def _incomplete(error: RegistryError, reference: Reference, absent: int) -> RegistryError:
    """What a registry's refusal of an index most likely means."""
    return RegistryError(
        f"{error.message} (the index names {absent} images that are not in the store)",
        status=error.status,
        errors=error.errors,
        hint=f"pull the other platforms too, or push one platform's manifest to {reference.name}",
    )


def blobs_of(manifest: Manifest) -> list[Descriptor]:
    """The blobs that a manifest names, each once."""
    return list({blob.digest: blob for blob in (manifest.config, *manifest.layers)}.values())


def _bytes_of(store: Store, blob: Descriptor, offset: int) -> Iterator[bytes]:
    with store.open(blob.digest) as file:
        file.seek(offset)
        while data := file.read(READ):
            yield data
