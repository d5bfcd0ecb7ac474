"""An image as a person holds it: its documents, its layers as a table, and what it can do."""

from __future__ import annotations

import re
import shlex
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ocinb.changes import Changes, stack_changes
from ocinb.container import Container
from ocinb.spec.document import parse_object
from ocinb.spec.reference import Reference
from ocinb.table import Table, columns, human_ago, human_bytes, human_duration, parse_rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

    import pandas as pd

    from ocinb.engine.engine import Engine
    from ocinb.engine.images import LocalImage
    from ocinb.overlay.records import Mount

LAYER_COLUMNS = columns(
    "layer:int created_by digest:digest size:bytes unpacked:bytes added:int changed:int "
    "deleted:int diff_id:digest? chain_id:digest? media_type? whiteouts? created:time?"
)
"""``layer`` counts from the base, 1; ``size`` is what is downloaded, ``unpacked`` the archive's
bytes; ``added``, ``changed`` and ``deleted`` count paths against the layers below; the columns
are told in ``changes.Changes``."""

HISTORY_COLUMNS = columns("created:time created_by empty_layer layer:int comment author?")


_LIMIT = re.compile(r"([0-9]{1,9})(?:;w=([0-9]{1,9}))?", re.ASCII)


class Image:
    """An image in the store.

    Attributes:
        name: its whole name there, as in ``docker.io/library/demo:latest``.
        local: the descriptors and typed views, as the engine has them.
    """

    def __init__(self, engine: Engine, local: LocalImage) -> None:
        self._engine = engine
        self.local = local

    @property
    def name(self) -> str:
        """The whole name in the store."""
        return self.local.name

    @property
    def digest(self) -> str:
        """The digest of what the name points at: an index, or a manifest."""
        return self.local.target.digest

    @property
    def size(self) -> int:
        """Bytes of config and layers as they are downloaded."""
        manifest = self.local.manifest
        return manifest.config.size + sum(layer.size for layer in manifest.layers)

    @property
    def manifest(self) -> dict[str, Any]:
        """The image manifest with all its fields. Spec: image-spec manifest.md"""
        descriptor = self.local.manifest_descriptor
        return parse_object(self._engine.store.read(descriptor), "the image manifest")

    @property
    def config(self) -> dict[str, Any]:
        """The image config with all its fields. Spec: image-spec config.md"""
        data = self._engine.store.read(self.local.manifest.config)
        return parse_object(data, "the image config")

    @property
    def layers(self) -> pd.DataFrame:
        """A row for each layer, bottom to top; see ``LAYER_COLUMNS``."""
        return self.layer_table().to_frame()

    @property
    def history(self) -> pd.DataFrame:
        """What made each layer, and the steps that made none; oldest first."""
        return self.history_table().to_frame()

    @cached_property
    def changes(self) -> list[Changes]:
        """What each layer changes, bottom to top; the layers are read once."""
        return list(stack_changes(self.local.manifest.layers, self._engine.store.open))

    def mount(self, target: str | PathLike[str] | None = None) -> Mount:
        """Show the layers as one read-only tree; see ``Mount.target`` for where.

        Args:
            target: a directory; one of our own if not given.
        """
        return self._engine.mount(self.local, target)

    def run(self, *args: str, **options: Any) -> Container:
        """Run a container of this image and wait for it.

        Args:
            args: the command, in place of the image's.
            options: as ``Container.run`` takes them.
        """
        return Container.run(self._engine, self.local, *args, **options)

    def layer_table(self) -> Table:
        """``layers`` as a plain table."""
        image, config = self.local, self.local.config
        rows = [
            (
                number,
                history.created_by or "",
                layer.digest,
                layer.size,
                change.size,
                change.added,
                change.changed,
                change.deleted,
                diff_id,
                chain_id,
                layer.media_type,
                ", ".join(change.whiteouts),
                parse_rfc3339(history.created),
            )
            for number, (layer, change, diff_id, chain_id, history) in enumerate(
                zip(
                    image.manifest.layers,
                    self.changes,
                    config.rootfs.diff_ids,
                    config.chain_ids,
                    config.layer_history(),
                    strict=True,
                ),
                start=1,
            )
        ]
        return Table(LAYER_COLUMNS, rows, title=f"{self._short_name}, {config.platform}")

    def history_table(self) -> Table:
        """``history`` as a plain table."""
        rows, layer = [], 0
        for entry in self.local.config.history or ():
            layer += not entry.empty_layer
            rows.append(
                (
                    parse_rfc3339(entry.created),
                    entry.created_by or "",
                    "yes" if entry.empty_layer else "",
                    None if entry.empty_layer else layer,
                    entry.comment or "",
                    entry.author or "",
                )
            )
        return Table(HISTORY_COLUMNS, rows, title=f"history of {self._short_name}")

    def facts(self) -> Table:
        """The main points, as names and values."""
        config, run = self.local.config, self.local.config.execution
        created = parse_rfc3339(config.created)
        rows = [
            ("name", self.name),
            ("digest", self.digest),
            ("platform", str(config.platform)),
            ("layers", f"{len(self.local.manifest.layers)}, {human_bytes(self.size)} to download"),
            ("created", f"{config.created} ({human_ago(created, time.time())})" if created else ""),
            ("entrypoint", _command(run.entrypoint)),
            ("command", _command(run.cmd)),
            ("user", run.user or ""),
            ("directory", run.working_dir or ""),
            ("environment", " ".join(run.env or ())),
            ("pulls left", self.allowance),
            ("labels", " ".join(f"{k}={v}" for k, v in (run.labels or {}).items())),
        ]
        return Table(columns("name value"), [row for row in rows if row[1]], title=self.name)

    @property
    def allowance(self) -> str:
        """What the registry said of its limit when the image was pulled; empty where it did not.

        As in ``76 of 100 pulls left in 6 h 0 min``. Spec: none (Docker Hub's convention)
        """
        return allowance(self.local.rate_limit)

    @property
    def _short_name(self) -> str:
        return Reference.parse(self.name).familiar

    def __repr__(self) -> str:
        layers = len(self.local.manifest.layers)
        return f"<Image {self.name}: {layers} layers, {human_bytes(self.size)}>"


def allowance(headers: Iterable[tuple[str, str]]) -> str:
    """``ratelimit-limit: 100;w=21600`` and ``ratelimit-remaining: 76;w=21600`` in words."""
    told = dict(headers)
    limit = _LIMIT.fullmatch(told.get("ratelimit-limit", ""))
    left = _LIMIT.fullmatch(told.get("ratelimit-remaining", ""))
    if limit is None or left is None:
        return ""
    within = f" in {human_duration(int(limit[2]))}" if limit[2] else ""
    return f"{left[1]} of {limit[1]} pulls left{within}"


def _command(words: tuple[str, ...] | None) -> str:
    return shlex.join(words or ())
