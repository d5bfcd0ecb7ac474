"""Docker schema 1 images become OCI images when they are pulled.

They have neither sizes nor diffIDs, so that every layer is fetched and unpacked to be hashed
before there is a manifest. The layers' blobs stay as they are.

Spec: none (Docker convention)
"""

from __future__ import annotations

import functools
import hashlib

from ocinb.content.store import Store
from ocinb.distribution.client import Client
from ocinb.distribution.download import download
from ocinb.distribution.manifests import Fetched
from ocinb.distribution.resolve import Resolved
from ocinb.distribution.workers import run_together
from ocinb.errors import RegistryError
from ocinb.layer.compression import chunks, compression_of
from ocinb.spec import media_types
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.digest import Digest
from ocinb.spec.docker_schema1 import Schema1
from ocinb.spec.document import encode
from ocinb.spec.manifest import Manifest
from ocinb.spec.reference import Reference

_MEDIA_TYPES = {
    "none": media_types.LAYER_TAR,
    "gzip": media_types.LAYER_GZIP,
    "zstd": media_types.LAYER_ZSTD,
}


def convert(
    client: Client, store: Store, reference: Reference, fetched: Fetched
) -> tuple[Resolved, int]:
    """Bring the layers of a schema 1 manifest into the store; the manifest made, bytes received.

    The same image gives the same manifest each time.

    Raises:
        InvalidDocument: a part of the manifest is malformed.
        LayerError: a layer's compression is damaged.
        RegistryError, RegistryUnreachable, DigestMismatch, StorageError.
    """
    schema1 = Schema1.parse(fetched.data)
    digests = schema1.layers()
    distinct = list(dict.fromkeys(digests))
    tasks = [functools.partial(_layer, client, store, reference, digest) for digest in distinct]
    done = dict(zip(distinct, run_together(client.network, tasks), strict=True))
    diff_ids = [done[digest][1] for digest in digests]
    config = store.add(schema1.image_config(diff_ids), media_types.IMAGE_CONFIG)
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.IMAGE_MANIFEST,
        "config": _plain(config),
        "layers": [_plain(done[digest][0]) for digest in digests],
    }
    data = encode(document)
    made = Fetched(data=data, descriptor=store.add(data, media_types.IMAGE_MANIFEST))
    manifest = Manifest.parse(data, media_types.IMAGE_MANIFEST)
    resolved = Resolved(target=made, indexes=(), fetched=made, manifest=manifest)
    return resolved, sum(received for _, _, received in done.values())


def _layer(
    client: Client, store: Store, reference: Reference, digest: Digest
) -> tuple[Descriptor, Digest, int]:
    """Fetch a layer; its descriptor, its diffID, bytes received."""
    size = client.head_blob(reference, digest)
    if size is None or size < 0:
        raise RegistryError(
            f"{reference.name} has no blob {digest}, or does not tell its size", status=404
        )
    blob = Descriptor(media_type=media_types.LAYER_GZIP, digest=digest, size=size)
    received = download(client, store, reference, blob)
    with store.open(digest) as file:
        compression = compression_of(file.read(16), None)
        file.seek(0)
        hasher = hashlib.sha256()
        for chunk in chunks(file, None, what=f"layer {digest}"):
            client.network.cancel.check()
            hasher.update(chunk)
    descriptor = Descriptor(media_type=_MEDIA_TYPES[compression], digest=digest, size=size)
    return descriptor, Digest(f"sha256:{hasher.hexdigest()}"), received


def _plain(descriptor: Descriptor) -> dict[str, object]:
    return {
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size,
    }
