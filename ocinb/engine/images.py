"""Images as the engine has them: pulled, found again, unpacked."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ocinb.content.gc import collect
from ocinb.content.store import Store
from ocinb.errors import (
    BlobNotFound,
    DigestMismatch,
    DistributionError,
    DocumentError,
    LayerError,
    PlatformNotFound,
    StorageError,
)
from ocinb.events import LayerUnpacking
from ocinb.frozen import Frozen
from ocinb.layer.unpacked import UnpackedLayers
from ocinb.spec import media_types
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.digest import Digest
from ocinb.spec.image_config import ImageConfig
from ocinb.spec.image_index import ImageIndex
from ocinb.spec.manifest import Manifest
from ocinb.spec.platform import Platform, rank
from ocinb.spec.reference import Reference

if TYPE_CHECKING:
    from ocinb.distribution.client import Client
    from ocinb.events import Record


class LocalImage(Frozen):
    """An image in the store, for one platform.

    Attributes:
        name: whole, as in ``docker.io/library/demo:latest``.
        target: what the name points at: an index or a manifest.
        manifest_descriptor: of the manifest for the platform.
        manifest: its view.
        config: the image config.
        pulled: bytes that came over the network, if it was just pulled.
        seconds: how long pulling and unpacking took, if it was just pulled.
        rate_limit: ``ratelimit-*`` headers that the registry sent with the pull, as Docker Hub's.
    """

    name: str
    target: Descriptor
    manifest_descriptor: Descriptor
    manifest: Manifest
    config: ImageConfig
    pulled: int = 0
    seconds: float = 0.0
    rate_limit: tuple[tuple[str, str], ...] = ()


class Images:
    """The images of a store, and their unpacked layers.

    Args:
        client: makes the client when it is needed.
        record: told when a layer begins to be unpacked.
    """

    def __init__(
        self, store: Store, layers: UnpackedLayers, client: Callable[[], Client], record: Record
    ) -> None:
        self._store = store
        self._layers = layers
        self._client = client
        self._record = record

    def pull(self, reference: Reference, platform: Platform | None) -> LocalImage:
        """Bring an image from its registry; each layer is unpacked while later ones come.

        The image is named only when all of its layers are unpacked.

        Raises:
            DistributionError, ContentError, DocumentError, LayerError, StorageError.
        """
        from ocinb.distribution.pull import pull

        unpacking = _Unpacking(self._add_layer)
        try:
            pulled = pull(
                self._client(),
                self._store,
                reference,
                platform,
                on_manifest=unpacking.begin,
                on_layer=unpacking.arrived,
            )
        except (LayerError, DigestMismatch):
            unpacking.stop()
            self._forget(unpacking.blobs)
            raise
        finally:
            unpacking.stop()
        return LocalImage(
            name=pulled.name,
            target=pulled.target,
            manifest_descriptor=pulled.manifest_descriptor,
            manifest=pulled.manifest,
            config=pulled.config,
            pulled=pulled.downloaded,
            seconds=pulled.seconds,
            rate_limit=pulled.rate_limit,
        )

    def _forget(self, blobs: frozenset[Digest]) -> None:
        """Remove an image's blobs that cannot be unpacked, but what other images have too."""
        with contextlib.suppress(DocumentError, StorageError):
            collect(self._store, grace=0, only=blobs)

    def get(self, reference: Reference, platform: Platform | None) -> LocalImage:
        """An image that is in the store.

        Raises:
            NameNotFound: no image of that name. PlatformNotFound: not for this platform.
            BlobNotFound: a document of it is missing. DistributionError: it cannot be run.
        """
        name = str(reference)
        target = self._store.names.get(name)
        descriptor = self._manifest_of(target, platform or Platform.host(), name)
        manifest = Manifest.parse(self._store.read(descriptor), descriptor.media_type)
        if not manifest.is_image:
            raise DistributionError(f"{name} is not an image but an artifact")
        config = ImageConfig.parse(self._store.read(manifest.config))
        _check_layers(manifest, config)
        return LocalImage(
            name=name,
            target=target,
            manifest_descriptor=descriptor,
            manifest=manifest,
            config=config,
        )

    def unpack(self, image: LocalImage) -> list[Path]:
        """The directories of the image's layers, bottom to top; made where they are missing.

        Raises:
            BlobNotFound, DigestMismatch, LayerError, StorageError.
        """
        directories: list[Path] = []
        for number in range(len(image.manifest.layers)):
            directories.append(self._add_layer(image.manifest, image.config, number, directories))
        return directories

    def _add_layer(
        self, manifest: Manifest, config: ImageConfig, number: int, lowers: Sequence[Path]
    ) -> Path:
        """Unpack one layer of an image on those below it.

        Spec: image-spec config.md#layer-chainid
        """
        layer, chain_id = manifest.layers[number], config.chain_ids[number]
        with self._blob(layer) as blob:
            if self._layers.get(chain_id) is None:
                self._record(LayerUnpacking(digest=layer.digest, size=layer.size))
            diff_id = config.rootfs.diff_ids[number]
            return self._layers.add(chain_id, layer, diff_id, blob, lowers)

    def _blob(self, layer: Descriptor) -> BinaryIO:
        """Spec: image-spec layer.md#non-distributable-layers"""
        try:
            return self._store.open(layer.digest)
        except BlobNotFound as error:
            if layer.media_type not in media_types.FOREIGN:
                raise
            raise BlobNotFound(
                f"layer {layer.digest} is not distributable, and not in the store",
                hint="addresses in manifests are not followed; ask for an image that has all its "
                "layers in the registry",
                citation="image-spec layer.md#non-distributable-layers",
            ) from error

    def _manifest_of(self, target: Descriptor, platform: Platform, name: str) -> Descriptor:
        descriptor, depth = target, 0
        while descriptor.is_index:
            index = ImageIndex.parse(self._store.read(descriptor), descriptor.media_type)
            ranked = [
                (place, number)
                for number, offered in enumerate(index.manifests)
                if (place := _place(platform, offered)) is not None
            ]
            depth += 1
            if not ranked or depth > 4:
                raise PlatformNotFound(
                    f"{name} has no manifest for {platform}",
                    hint="ocinb manifest shows the platforms that it has",
                )
            descriptor = index.manifests[min(ranked)[1]]
        return descriptor


def _check_layers(manifest: Manifest, config: ImageConfig) -> None:
    # httpx is not imported for an image that is here already.
    from ocinb.distribution.pull import check_layers

    check_layers(manifest, config)


class _Unpacking:
    """Unpacks layers bottom to top in a thread of its own, each as soon as it is there.

    A layer may hold hard links into those below it, so the order cannot be changed; inflating
    and hashing let other threads run, so downloads go on meanwhile.

    Attributes:
        blobs: config and layers of the image.
    """

    def __init__(
        self, add_layer: Callable[[Manifest, ImageConfig, int, Sequence[Path]], Path]
    ) -> None:
        self._add_layer = add_layer
        self._changed = threading.Condition()
        self._there: set[int] = set()
        self._stopped = False
        self.blobs: frozenset[Digest] = frozenset()
        self._failure: BaseException | None = None
        self._thread: threading.Thread | None = None

    def begin(self, manifest: Manifest, config: ImageConfig) -> None:
        """Manifest and config are known: wait for the layers."""
        self._count = len(manifest.layers)
        self.blobs = frozenset(blob.digest for blob in (manifest.config, *manifest.layers))
        self._thread = threading.Thread(
            target=self._work, args=(manifest, config), name="unpack", daemon=True
        )
        self._thread.start()

    def arrived(self, number: int, _: Descriptor) -> None:
        """The blob of a layer is in the store.

        The last one to arrive waits until all are unpacked, so that no image gets a name whose
        layers cannot be unpacked.

        Raises:
            OcinbError: whatever went wrong with unpacking; it ends the pull.
        """
        with self._changed:
            self._there.add(number)
            self._changed.notify_all()
            last = len(self._there) == self._count
        thread = self._thread
        while last and thread is not None and thread.is_alive() and not self._stopped:
            thread.join(0.1)
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """End the thread: the pull is over, or failed."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _work(self, manifest: Manifest, config: ImageConfig) -> None:
        done: list[Path] = []
        try:
            for number in range(self._count):
                with self._changed:
                    while not self._stopped and number not in self._there:
                        self._changed.wait()
                if self._stopped:
                    return
                done.append(self._add_layer(manifest, config, number, done))
        except BaseException as error:  # the thread that pulls raises it
            self._failure = error


def _place(wanted: Platform, offered: Descriptor) -> int | None:
    if not (offered.is_index or offered.is_manifest):
        return None
    return 0 if offered.platform is None else rank(wanted, offered.platform)
