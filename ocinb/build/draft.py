"""An image while it is being made or changed: its documents as JSON objects.

A document that exists is changed in place, so fields that we do not know survive. What is written
is always of OCI's media types: a Docker manifest has no annotations, and may not hold an OCI layer.

Spec: image-spec considerations.md#extensibility
"""

from __future__ import annotations

import copy
from typing import Any, Self

import msgspec

from ocinb.build.made import MadeLayer
from ocinb.content.store import Store
from ocinb.errors import InvalidDocument
from ocinb.frozen import Frozen
from ocinb.spec import media_types
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.digest import Digest, chain_ids
from ocinb.spec.document import encode, parse_object
from ocinb.spec.image_config import ImageConfig
from ocinb.spec.manifest import Manifest
from ocinb.spec.platform import Platform

_OCI = {
    media_types.DOCKER_MANIFEST: media_types.IMAGE_MANIFEST,
    media_types.DOCKER_MANIFEST_LIST: media_types.IMAGE_INDEX,
    media_types.DOCKER_CONFIG: media_types.IMAGE_CONFIG,
    media_types.DOCKER_LAYER_TAR: media_types.LAYER_TAR,
    media_types.DOCKER_LAYER_GZIP: media_types.LAYER_GZIP,
    media_types.DOCKER_LAYER_ZSTD: media_types.LAYER_ZSTD,
    media_types.DOCKER_FOREIGN_GZIP: media_types.NONDISTRIBUTABLE_GZIP,
}
"""Docker's media types → OCI's for the same bytes.

Spec: image-spec media-types.md#compatibility-matrix
"""


class Written(Frozen):
    """An image in the store.

    Attributes:
        descriptor: of its manifest, with the platform.
        manifest: its view.
        config: the image config's view.
    """

    descriptor: Descriptor
    manifest: Manifest
    config: ImageConfig


class Draft:
    """An image that can be changed.

    Attributes:
        manifest: the JSON object of the manifest; ``config`` and ``layers`` are set on writing.
        config: the JSON object of the image config.
        layers: descriptors as JSON objects, bottom to top.
    """

    def __init__(self, manifest: dict[str, Any], config: dict[str, Any]) -> None:
        self.manifest = manifest
        self.config = config
        self.layers: list[dict[str, Any]] = list(manifest.get("layers") or ())
        self._config_bytes = b""  # as it was loaded, kept where nothing in it changes

    @classmethod
    def scratch(cls, platform: Platform) -> Self:
        """An image with nothing in it."""
        config: dict[str, Any] = {"architecture": platform.architecture, "os": platform.os}
        if platform.variant:
            config["variant"] = platform.variant
        config |= {"config": {}, "rootfs": {"type": "layers", "diff_ids": []}, "history": []}
        return cls({"schemaVersion": 2}, config)

    @classmethod
    def load(cls, store: Store, manifest: Descriptor) -> Self:
        """An image of the store.

        Raises:
            InvalidDocument: its documents are malformed, do not agree, or are an artifact's.
            BlobNotFound, DigestMismatch.
        """
        data = store.read(manifest)
        view = Manifest.parse(data, manifest.media_type)
        if not view.is_image:
            raise InvalidDocument(f"{manifest.digest} is not an image but an artifact")
        raw = store.read(view.config)
        config = ImageConfig.parse(raw)
        if len(view.layers) != len(config.rootfs.diff_ids):
            raise InvalidDocument(
                f"{manifest.digest} has {len(view.layers)} layers, its config "
                f"{len(config.rootfs.diff_ids)} diffIDs",
                path="$.layers",
                citation="image-spec config.md#layer-diffid",
            )
        draft = cls(parse_object(data, "the image manifest"), parse_object(raw, "the image config"))
        draft._config_bytes = raw
        return draft

    def copy(self) -> Draft:
        """Another draft that can be changed without changing this one."""
        manifest = {**copy.deepcopy(self.manifest), "layers": copy.deepcopy(self.layers)}
        copied = Draft(manifest, copy.deepcopy(self.config))
        copied._config_bytes = self._config_bytes
        return copied

    @property
    def execution(self) -> dict[str, Any]:
        """The execution parameters, made where the document has none."""
        if not isinstance(self.config.get("config"), dict):
            self.config["config"] = {}
        found: dict[str, Any] = self.config["config"]
        return found

    @property
    def history(self) -> list[dict[str, Any]]:
        """What made the layers, made where the document has none."""
        if not isinstance(self.config.get("history"), list):
            self.config["history"] = []
        found: list[dict[str, Any]] = self.config["history"]
        return found

    @property
    def diff_ids(self) -> list[str]:
        """Of the layers, bottom to top."""
        found: list[str] = self.config["rootfs"]["diff_ids"]
        return found

    @property
    def chain_ids(self) -> list[Digest]:
        """The chainID of each layer, bottom to top. Spec: image-spec config.md#layer-chainid"""
        return chain_ids([Digest(text) for text in self.diff_ids])

    def add(
        self,
        layer: MadeLayer | None,
        *,
        created: str,
        created_by: str,
        comment: str = "",
        author: str = "",
    ) -> None:
        """Put a layer on top, or only a line of history where a step made none.

        Spec: image-spec config.md#properties (history)
        """
        line: dict[str, Any] = {"created": created, "created_by": created_by}
        if author:
            line["author"] = author
        if comment:
            line["comment"] = comment
        if layer is None:
            line["empty_layer"] = True
        else:
            self.layers.append(plain(layer.descriptor))
            self.diff_ids.append(layer.diff_id)
        self._complete_history(without=1 if layer else 0)
        self.history.append(line)
        self.config["created"] = created

    def _complete_history(self, without: int) -> None:
        """Where the base has layers that no line of history tells of, they get empty lines."""
        told = sum(not line.get("empty_layer") for line in self.history)
        missing = len(self.diff_ids) - without - told
        if self.history and missing > 0:
            self.history.extend({"comment": "not told"} for _ in range(missing))

    def annotate(self, annotations: dict[str, str | None]) -> None:
        """Set annotations of the manifest; None removes one.

        Spec: image-spec annotations.md
        """
        set_annotations(self.manifest, annotations)

    def write(self, store: Store) -> Written:
        """The image's documents as blobs of the store; it gets no name.

        Raises:
            InvalidDocument: what was put into them is not valid. StorageError: the disk refused.
        """
        raw = self._encoded_config()
        config = ImageConfig.parse(raw)
        described = store.add(raw, media_types.IMAGE_CONFIG)
        kept = self.manifest.get("config") or {}
        unknown = {
            k: v for k, v in kept.items() if k not in ("digest", "size", "mediaType", "data")
        }
        document = {
            **{"schemaVersion": 2, "mediaType": ""},
            **self.manifest,
            "mediaType": media_types.IMAGE_MANIFEST,
            "config": {**plain(described), **unknown},
            "layers": [as_oci(layer) for layer in self.layers],
        }
        data = encode(document)
        manifest = Manifest.parse(data, media_types.IMAGE_MANIFEST)
        descriptor = store.add(data, media_types.IMAGE_MANIFEST, platform=config.platform)
        return Written(descriptor=descriptor, manifest=manifest, config=config)

    def _encoded_config(self) -> bytes:
        loaded = self._config_bytes
        if loaded and parse_object(loaded, "the image config") == self.config:
            return loaded
        if not self.config.get("history"):
            self.config.pop("history", None)
        return encode(self.config)


def set_annotations(document: dict[str, Any], annotations: dict[str, str | None]) -> None:
    """Set annotations of a manifest, index or descriptor; None removes one."""
    kept = {**(document.get("annotations") or {}), **annotations}
    document["annotations"] = {key: value for key, value in kept.items() if value is not None}
    if not document["annotations"]:
        del document["annotations"]


def as_oci(descriptor: dict[str, Any]) -> dict[str, Any]:
    """The same descriptor with OCI's media type in the place of Docker's."""
    kind = descriptor["mediaType"]
    return {**descriptor, "mediaType": _OCI.get(kind, kind)}


def plain(descriptor: Descriptor) -> dict[str, Any]:
    """A descriptor as a JSON object."""
    built: dict[str, Any] = msgspec.to_builtins(descriptor, enc_hook=str)
    return built


def layer_of(draft: Draft, number: int) -> MadeLayer:
    """A layer of an image, counted from 0 at the bottom."""
    made = msgspec.convert(draft.layers[number], Descriptor, dec_hook=_digest)
    return MadeLayer(descriptor=made, diff_id=Digest(draft.diff_ids[number]), entries=0)


def _digest(kind: type, value: Any) -> Any:
    if kind is Digest:
        return Digest(value)
    raise NotImplementedError(f"no rule to read {kind}")
