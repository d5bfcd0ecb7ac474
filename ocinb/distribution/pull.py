"""Pull: from a name in a registry to a named image in the store."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

from ocinb.content.store import Store
from ocinb.distribution.client import Client
from ocinb.distribution.download import download, keep
from ocinb.distribution.failures import printable
from ocinb.distribution.resolve import Resolved, fetch_target, resolve
from ocinb.distribution.schema1 import convert
from ocinb.distribution.workers import run_together
from ocinb.errors import DistributionError, InvalidDocument, RegistryError
from ocinb.events import BlobProgress
from ocinb.frozen import Frozen
from ocinb.spec import media_types
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.document import MAX_DOCUMENT
from ocinb.spec.image_config import ImageConfig
from ocinb.spec.manifest import Manifest
from ocinb.spec.platform import Platform, check_platform
from ocinb.spec.reference import Reference


class Pulled(Frozen):
    """What a pull brought.

    Attributes:
        name: the image's name in the store.
        target: what the name points at, an index or a manifest; where the registry has a Docker
            schema 1 manifest, the OCI manifest that was made of it.
        manifest_descriptor: of the manifest that was chosen.
        manifest: its view.
        config: the image's config.
        seconds: how long it took.
        downloaded: bytes of blobs and manifests that came over the network.
        rate_limit: the registry's ``ratelimit-*`` headers, as Docker Hub sends them.
    """

    name: str
    target: Descriptor
    manifest_descriptor: Descriptor
    manifest: Manifest
    config: ImageConfig
    seconds: float
    downloaded: int
    rate_limit: tuple[tuple[str, str], ...] = ()


def pull(
    client: Client,
    store: Store,
    reference: Reference,
    platform: Platform | None = None,
    *,
    on_manifest: Callable[[Manifest, ImageConfig], None] | None = None,
    on_layer: Callable[[int, Descriptor], None] | None = None,
) -> Pulled:
    """Bring an image into the store, then name it.

    Layers come in parallel. Whatever happens, the store holds verified blobs only, the name
    appears last, and a later pull goes on where this one stopped.

    Args:
        platform: in place of this machine's.
        on_manifest: called with manifest and config before the first layer is asked for.
        on_layer: called in a worker's thread with number and descriptor of each layer once its
            blob is in the store; what it raises ends the pull.

    Raises:
        PlatformNotFound, InvalidDocument, DigestMismatch, SizeMismatch, RegistryUnreachable,
        RegistryError, AuthenticationFailed, StorageError.
    """
    # Until the name is set, garbage collection must leave alone what nothing leads to yet.
    with store.lease():
        return _pull(client, store, reference, platform, on_manifest, on_layer)


def _pull(
    client: Client,
    store: Store,
    reference: Reference,
    platform: Platform | None,
    on_manifest: Callable[[Manifest, ImageConfig], None] | None,
    on_layer: Callable[[int, Descriptor], None] | None,
) -> Pulled:
    started = time.monotonic()
    target = fetch_target(client, reference)
    if target.descriptor.media_type in media_types.SCHEMA1:
        resolved, received = convert(client, store, reference, target)
    else:
        resolved, received = resolve(client, reference, platform, target=target), 0
    manifest = resolved.manifest
    _check_image(reference, manifest)

    def layer(number: int, descriptor: Descriptor) -> int:
        received = _layer(client, store, reference, descriptor)
        if on_layer is not None:
            on_layer(number, descriptor)
        return received

    received += download(client, store, reference, manifest.config)
    config = ImageConfig.parse(store.read(manifest.config))
    check_layers(manifest, config)
    if platform is not None and not resolved.target.descriptor.is_index:
        check_platform(str(reference), platform, config.platform)
    for found in manifest.layers:  # so that a display has them in this order
        size, digest = found.size, found.digest
        client.record(BlobProgress(digest=digest, done=0, total=size, action="waiting"))
    if on_manifest is not None:
        on_manifest(manifest, config)
    tasks = [functools.partial(layer, n, found) for n, found in enumerate(manifest.layers)]
    received += sum(run_together(client.network, tasks))
    name = _keep(store, reference, resolved)
    documents = {fetched.data for fetched in (target, *resolved.indexes, resolved.fetched)}
    return Pulled(
        name=name,
        target=resolved.target.descriptor,
        manifest_descriptor=resolved.fetched.descriptor,
        manifest=manifest,
        config=config,
        seconds=time.monotonic() - started,
        downloaded=received + sum(map(len, documents)),
        rate_limit=tuple(h for h in target.headers if "ratelimit" in h[0]),
    )


def _layer(client: Client, store: Store, reference: Reference, layer: Descriptor) -> int:
    """Bring a layer into the store; the bytes received.

    The addresses in a descriptor's ``urls`` are never asked: a manifest is whoever's wrote it, so
    they may lead into the network that we are in, and clients that followed them gave the
    registry's credentials away (CVE-2020-15157). Layers that a registry need not hold are asked
    of it like all others.

    Spec: image-spec descriptor.md#properties (urls, which MAY be used)
    """
    try:
        return download(client, store, reference, layer)
    except RegistryError as error:
        if error.status != 404 or not (layer.urls or layer.media_type in media_types.FOREIGN):
            raise
        there = f" but offers it at {printable(layer.urls[0])}" if layer.urls else ""
        raise RegistryError(
            f"registry {reference.registry} has no layer {layer.digest}{there}",
            status=error.status,
            errors=error.errors,
            hint="addresses in manifests are not followed; ask for an image that has all its layers"
            " in the registry",
            citation="image-spec layer.md#non-distributable-layers",
        ) from error


def _check_image(reference: Reference, manifest: Manifest) -> None:
    if not manifest.is_image:
        kind = manifest.artifact_type or manifest.config.media_type
        raise DistributionError(
            f"{reference} is not an image but an artifact of type {kind}",
            hint="artifacts cannot be run; their manifest can be looked at",
        )
    if manifest.config.size > MAX_DOCUMENT:
        raise InvalidDocument(
            f"the image config has {manifest.config.size:,} bytes, more than {MAX_DOCUMENT:,}",
            path="$.config.size",
        )


def check_layers(manifest: Manifest, config: ImageConfig) -> None:
    """Raise ``InvalidDocument`` unless config and manifest speak of as many layers.

    Spec: image-spec config.md#properties (rootfs)
    """
    if len(manifest.layers) != len(config.rootfs.diff_ids):
        raise InvalidDocument(
            f"the manifest has {len(manifest.layers)} layers, "
            f"its config {len(config.rootfs.diff_ids)} diffIDs",
            path="$.rootfs.diff_ids",
            citation="image-spec config.md#properties",
        )


def _keep(store: Store, reference: Reference, resolved: Resolved) -> str:
    for fetched in (*resolved.indexes, resolved.fetched):
        keep(store, fetched.data, fetched.descriptor)
    name = str(reference)
    store.names.set(name, resolved.target.descriptor)
    return name
