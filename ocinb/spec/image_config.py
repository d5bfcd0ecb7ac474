"""The image config: how an image wants to be run, and the diffIDs of its layers.

Spec: image-spec config.md
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import msgspec

from ocinb.errors import InvalidDocument
from ocinb.spec.digest import Digest, chain_ids
from ocinb.spec.document import View, decode
from ocinb.spec.platform import Platform


class Execution(View, frozen=True, kw_only=True, rename="pascal"):
    """The execution parameters, ``config`` in the document.

    Spec: image-spec config.md#properties (config)
    """

    user: str | None = None
    exposed_ports: dict[str, Any] | None = None
    env: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    volumes: dict[str, Any] | None = None
    working_dir: str | None = None
    labels: dict[str, str] | None = None
    stop_signal: str | None = None
    healthcheck: dict[str, Any] | None = None


class RootFS(View, frozen=True, kw_only=True, rename=None):
    """The layers' content. Spec: image-spec config.md#properties (rootfs)"""

    type: str
    diff_ids: tuple[Digest, ...]


class History(View, frozen=True, kw_only=True, rename=None):
    """What made a layer. Spec: image-spec config.md#properties (history)"""

    created: str | None = None
    author: str | None = None
    created_by: str | None = None
    comment: str | None = None
    empty_layer: bool | None = None


class ImageConfig(View, frozen=True, kw_only=True, rename=None, dict=True):
    """An image config. Spec: image-spec config.md#properties"""

    architecture: str
    os: str
    rootfs: RootFS
    created: str | None = None
    author: str | None = None
    os_version: str | None = msgspec.field(name="os.version", default=None)
    os_features: tuple[str, ...] | None = msgspec.field(name="os.features", default=None)
    variant: str | None = None
    config: Execution | None = None
    history: tuple[History, ...] | None = None

    @classmethod
    def parse(cls, data: bytes) -> ImageConfig:
        """The view of raw bytes.

        Raises:
            InvalidDocument: with the path of the field.
        """
        config = decode(data, cls, "the image config")
        if config.rootfs.type != "layers":
            raise InvalidDocument(
                f"rootfs.type is {config.rootfs.type!r}, not 'layers'",
                path="$.rootfs.type",
                citation="image-spec config.md#properties",
            )
        return config

    @property
    def execution(self) -> Execution:
        """``config``, or one without values where the document has none."""
        return self.config or Execution()

    @property
    def platform(self) -> Platform:
        """The platform that the image says it is for."""
        return Platform(
            architecture=self.architecture,
            os=self.os,
            os_version=self.os_version,
            os_features=self.os_features,
            variant=self.variant,
        )

    @cached_property
    def chain_ids(self) -> tuple[Digest, ...]:
        """The chainID of each layer, bottom to top. Spec: image-spec config.md#layer-chainid"""
        return tuple(chain_ids(self.rootfs.diff_ids))

    def layer_history(self) -> list[History]:
        """One history entry for each layer, empty layers left out, padded where missing."""
        made = [entry for entry in self.history or () if not entry.empty_layer]
        missing = len(self.rootfs.diff_ids) - len(made)
        return (made + [History()] * max(missing, 0))[: len(self.rootfs.diff_ids)]
