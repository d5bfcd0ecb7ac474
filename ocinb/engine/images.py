"""Images as the engine has them: pulled, found again, unpacked."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ocinb.content.gc import collect
from ocinb.content.short_names import resolve
from ocinb.content.store import Store
from ocinb.content.unchanged import Unchanged, identities
from ocinb.engine.unpacking import Unpacking
from ocinb.errors import (
    BlobNotFound,
    DigestMismatch,
    DistributionError,
    DocumentError,
    LayerError,
    NameNotFound,
    OcinbError,
    PlatformNotFound,
    StorageError,
)
from ocinb.events import LayerUnpacking
from ocinb.frozen import Frozen
from ocinb.layer.unpacked import UnpackedLayers
from ocinb.private_directory import private_directory
from ocinb.spec import media_types
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.digest import Digest
from ocinb.spec.image_config import ImageConfig
from ocinb.spec.image_index import ImageIndex
from ocinb.spec.manifest import Manifest
from ocinb.spec.platform import Platform, check_platform, rank
from ocinb.spec.reference import Reference

if TYPE_CHECKING:
    from ocinb.distribution.client import Client
    from ocinb.engine.rung import Rung
    from ocinb.events import Record
    from ocinb.overlay.manager import MountManager
    from ocinb.overlay.records import Mount
    from ocinb.settings import Settings


_DEEPEST = 4
"""Indexes that may stand in each other."""


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
        settings: directories.
        mounts: where trees that people look at are shown.
        client: makes the client when it is needed.
        record: told when a layer begins to be unpacked.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        layers: UnpackedLayers,
        mounts: MountManager,
        client: Callable[[], Client],
        record: Record,
    ) -> None:
        self._settings = settings
        self._store = store
        self._layers = layers
        self._mounts = mounts
        self._client = client
        self._record = record
        self._unchanged = Unchanged()

    def pull(self, reference: str, platform: str | Platform | None = None) -> LocalImage:
        """Bring an image from its registry; each layer is unpacked while later ones come.

        The image is named only when all of its layers are unpacked.

        Args:
            reference: as docker has it.
            platform: as in ``linux/arm64``; None: this machine's.

        Raises:
            DistributionError, ContentError, DocumentError, LayerError, StorageError.
        """
        from ocinb.distribution.pull import pull

        unpacking = Unpacking(self._add_layer)
        try:
            pulled = pull(
                self._client(),
                self._store,
                Reference.parse(reference),
                _platform(platform),
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

    def get(self, reference: str, platform: str | Platform | None = None) -> LocalImage:
        """An image that is in the store. Arguments as for ``pull``, but short names find more.

        Raises:
            NameNotFound: no image of that name. AmbiguousName: several could be meant.
            PlatformNotFound: not for this platform.
            BlobNotFound: a document of it is missing. DistributionError: it cannot be run.
        """
        name, wanted = resolve(self._store.names, reference), _platform(platform)
        target = self._store.names.get(name)
        key = (name, wanted)
        known: LocalImage | None = self._unchanged.get(key)
        if known is not None and known.target == target:
            return known
        chain = self._chain(target, wanted or Platform.host(), name)
        descriptor, seen = chain[-1], self._identities(chain)
        try:
            manifest = Manifest.parse(self._store.read(descriptor), descriptor.media_type)
            if not manifest.is_image:
                raise DistributionError(f"{name} is not an image but an artifact")
            seen |= self._identities([manifest.config])
            config = ImageConfig.parse(self._store.read(manifest.config))
        except BlobNotFound as error:
            raise _not_pulled(name, wanted or Platform.host(), target, error) from error
        if wanted is not None and not target.is_index:
            check_platform(name, wanted, config.platform)
        _check_layers(manifest, config)
        found = LocalImage(
            name=name,
            target=target,
            manifest_descriptor=descriptor,
            manifest=manifest,
            config=config,
        )
        self._unchanged.keep(key, found, seen)
        return found

    def _identities(self, documents: Sequence[Descriptor]) -> dict[str, tuple[int, ...] | None]:
        return identities(str(self._store.path(document.digest)) for document in documents)

    def available(self, reference: str | LocalImage) -> LocalImage:
        """An image from the store, or else from its registry; errors as for both."""
        if isinstance(reference, LocalImage):
            return reference
        try:
            return self.get(reference)
        except NameNotFound:
            return self.pull(reference)

    def all(self) -> list[LocalImage]:
        """The images in the store that can be run on this machine, in the order of their names."""
        found = []
        for name, _ in sorted(self._store.names.items(), key=lambda item: item[0]):
            try:
                found.append(self.get(name))
            except OcinbError:
                continue  # of another platform only, an artifact, or incomplete
        return found

    def unpack(self, image: LocalImage) -> list[Path]:
        """The directories of the image's layers, bottom to top; made where they are missing.

        Raises:
            BlobNotFound, DigestMismatch, LayerError, StorageError.
        """
        directories: list[Path] = []
        for number in range(len(image.manifest.layers)):
            directories.append(self._add_layer(image.manifest, image.config, number, directories))
        return directories

    def layers_for(self, image: LocalImage, rung: Rung) -> list[Path]:
        """What a container's tree is stacked of, bottom to top; errors as for ``unpack``."""
        layers = self.unpack(image)
        if layers and os.geteuid() and rung.user_namespace and not rung.one_id:
            from ocinb.engine.owned_layer import owned_layer

            owned = owned_layer(self._settings.owned, self._layers, image.config.chain_ids)
            layers += [owned] if owned is not None else []
        return layers

    def mount(self, image: LocalImage, target: str | os.PathLike[str] | None = None) -> Mount:
        """Show the layers of an image as one read-only tree, until that is unmounted.

        Programs in it give nobody the power of their owner, and its device nodes open nothing.

        Args:
            image: from ``pull`` or ``get``.
            target: a directory; None: one of our own.

        Raises:
            BundleError: something is mounted there. SyscallError, UnsupportedHost, StorageError.
        """
        if target is None:
            digest = image.manifest_descriptor.digest
            trees = self._settings.root / "trees"
            private_directory(trees)
            target = trees / f"{digest.short}-{os.urandom(3).hex()}"
        return self._mounts.mount(self.unpack(image), target, keep=True)

    def _add_layer(
        self, manifest: Manifest, config: ImageConfig, number: int, lowers: Sequence[Path]
    ) -> Path:
        """Unpack one layer of an image on those below it.

        Spec: image-spec config.md#layer-chainid
        """
        layer, chain_id = manifest.layers[number], config.chain_ids[number]
        diff_id = config.rootfs.diff_ids[number]
        found = self._layers.reuse(chain_id, layer, diff_id)
        if found is not None:
            return found
        with self._blob(layer) as blob:
            self._record(LayerUnpacking(digest=layer.digest, size=layer.size))
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

    def _chain(self, target: Descriptor, platform: Platform, name: str) -> list[Descriptor]:
        """From what a name points at to the manifest for a platform."""
        chain = [target]
        while (descriptor := chain[-1]).is_index:
            index = ImageIndex.parse(self._store.read(descriptor), descriptor.media_type)
            ranked = [
                (place, number)
                for number, offered in enumerate(index.manifests)
                if (place := _place(platform, offered)) is not None
            ]
            if not ranked or len(chain) > _DEEPEST:
                raise PlatformNotFound(
                    f"{name} has no manifest for {platform}",
                    hint="ocinb manifest shows the platforms that it has",
                )
            chain.append(index.manifests[min(ranked)[1]])
        return chain


def _not_pulled(
    name: str, wanted: Platform, target: Descriptor, error: BlobNotFound
) -> BlobNotFound:
    """What to say of an image that is in the store by name, or for other platforms, only."""
    what = f"for {wanted} " if target.is_index else ""
    return BlobNotFound(
        f"{name} {what}is not in the store: {error.message}",
        hint=f"ocinb pull{f' --platform {wanted}' if target.is_index else ''} {name} brings it",
    )


def _check_layers(manifest: Manifest, config: ImageConfig) -> None:
    # httpx is not imported for an image that is here already.
    from ocinb.distribution.pull import check_layers

    check_layers(manifest, config)


def _place(wanted: Platform, offered: Descriptor) -> int | None:
    if not (offered.is_index or offered.is_manifest):
        return None
    return 0 if offered.platform is None else rank(wanted, offered.platform)


def _platform(platform: str | Platform | None) -> Platform | None:
    return Platform.parse(platform) if isinstance(platform, str) else platform
