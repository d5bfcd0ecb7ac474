"""An image as a person holds it: its documents, its layers as a table, and what it can do."""

from __future__ import annotations

import re
import shlex
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ocinb.build.run_options import with_parents
from ocinb.container import Container
from ocinb.engine.looking import Looked, look_into, look_into_container
from ocinb.errors import ContainerNotFound, NameNotFound
from ocinb.insight.compare import diff_table
from ocinb.insight.comparison import compare_images
from ocinb.insight.contents import Contents
from ocinb.insight.files import files_table, tree_table
from ocinb.insight.graph import graph_table
from ocinb.insight.layers import layers_table, sharing
from ocinb.insight.ledger import ledger_table
from ocinb.insight.origin import origin_table, why_table
from ocinb.insight.waste import waste_table
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

    @property
    def waste(self) -> pd.DataFrame:
        """Files that a later layer hides; see ``insight.waste.WASTE_COLUMNS``."""
        return self.waste_table().to_frame()

    def files(self, *patterns: str, layer: int | None = None) -> pd.DataFrame:
        """The files; see ``files_table``, and ``insight.files.FILE_COLUMNS``."""
        return self.files_table(*patterns, layer=layer).to_frame()

    def tree(self, path: str = "/", depth: int | None = 2) -> pd.DataFrame:
        """A directory as a tree; see ``insight.files.TREE_COLUMNS``."""
        return self.tree_table(path, depth).to_frame()

    def why(self, path: str | None = None) -> pd.DataFrame:
        """Which layer put a path there and which hid it; without a path, for each in a row."""
        return self.why_table(path).to_frame()

    @property
    def ledger(self) -> pd.DataFrame:
        """Every digest, computed anew; see ``insight.ledger.LEDGER_COLUMNS``."""
        return self.ledger_table().to_frame()

    @property
    def graph(self) -> pd.DataFrame:
        """What the name leads to; see ``insight.graph.GRAPH_COLUMNS``."""
        return self.graph_table().to_frame()

    def compare(self, other: Image) -> pd.DataFrame:
        """This image beside another; see ``insight.comparison.COMPARISON_COLUMNS``."""
        return self.compare_table(other).to_frame()

    def diff(self, other: Image | Container | str, *, times: bool = False) -> pd.DataFrame:
        """What the other does not have in common with this image; see ``diff_table``."""
        return self.diff_table(other, times=times).to_frame()

    def read(self, path: str, layer: int | None = None) -> bytes:
        """The content of a file, links followed inside the image.

        Args:
            path: as in the container.
            layer: number of a layer, the base being 1: its own file, whether seen or not.

        Raises:
            LayerError: nothing is there, or no regular file. StorageError: it cannot be read.
        """
        with self.contents() as contents:
            return b"".join(contents.pieces(contents.find(path, layer)))

    @cached_property
    def looked(self) -> Looked:
        """The indexes of the layers, which are unpacked where they are not yet; read once."""
        return look_into(self._engine, self.local)

    def contents(self) -> Contents:
        """What the layers hold; a context manager."""
        return _contents(self.looked)

    def mount(self, target: str | PathLike[str] | None = None) -> Mount:
        """Show the layers as one read-only tree; see ``Mount.target`` for where.

        Args:
            target: a directory; one of our own if not given.
        """
        return self._engine.images.mount(self.local, target)

    def run(self, *args: str, **options: Any) -> Container:
        """Run a container of this image and wait for it.

        Args:
            args: the command, in place of the image's.
            options: as ``Container.run`` takes them.
        """
        return Container.run(self._engine, self.local, *args, **options)

    def layer_table(self) -> Table:
        """``layers`` as a plain table; see ``insight.layers.LAYER_COLUMNS``."""
        title = f"{self._short_name}, {self.local.config.platform}"
        summary = self._engine.layers.summary
        shared = sharing(self._engine.store, self.name)
        return layers_table(self.local, self.looked.stack, summary, title, shared)

    def files_table(self, *patterns: str, layer: int | None = None) -> Table:
        """The files that the container sees, or those of one layer with its whiteouts.

        Args:
            patterns: paths, with all beneath them, or patterns as ``*.so`` or ``/etc/**/*.d``;
                see ``insight.patterns``.
            layer: number of a layer, the base being 1.

        Raises:
            LayerError: there is no such path, or no such layer.
        """
        title = f"files of {self._short_name}" + (f", layer {layer}" if layer else "")
        with self.contents() as contents:
            return files_table(contents, patterns, layer, title)

    def tree_table(self, path: str = "/", depth: int | None = 2) -> Table:
        """``tree`` as a plain table."""
        with self.contents() as contents:
            return tree_table(contents, path, depth, f"{path} of {self._short_name}")

    def waste_table(self) -> Table:
        """``waste`` as a plain table."""
        with self.contents() as contents:
            return waste_table(contents, self._steps, f"waste of {self._short_name}")

    def why_table(self, path: str | None = None) -> Table:
        """``why`` as a plain table; see ``insight.origin``."""
        with self.contents() as contents:
            if path is None:
                return origin_table(contents, f"origins in {self._short_name}")
            return why_table(contents, path, self._steps, f"{path} of {self._short_name}")

    def lookup_table(self, path: str) -> Table:
        """``why`` of a path with a row for every layer: what a look-up passes on its way down."""
        with self.contents() as contents:
            title = f"{path} of {self._short_name}"
            return why_table(contents, path, self._steps, title, every=True)

    def ledger_table(self) -> Table:
        """``ledger`` as a plain table. It reads every blob."""
        title = f"digests of {self._short_name}"
        return ledger_table(self._engine.store, self.local, title)

    def graph_table(self) -> Table:
        """``graph`` as a plain table."""
        title = f"what {self._short_name} leads to"
        return graph_table(self._engine.store, self.local.target, title)

    def compare_table(self, other: Image) -> Table:
        """``compare`` as a plain table."""
        with self.contents() as first, other.contents() as second:
            return compare_images(
                (first, second),
                (self.config, other.config),
                (self.local.manifest.layers, other.local.manifest.layers),
                (self._short_name, other._short_name),
            )

    def diff_table(self, other: Image | Container | str, *, times: bool = False) -> Table:
        """What has to change in this image to make the other one of it.

        Args:
            other: an image, a container, or the name of either in the store.
            times: whether another modification time alone is a change.
        """
        if isinstance(other, str):
            other = _named(self._engine, other)
        mount_points: frozenset[str] = frozenset()
        if isinstance(other, Container):
            looked = look_into_container(self._engine, other.id)
            configs = None
            mount_points = with_parents(looked.mount_points) | {""}
        else:
            looked = other.looked
            configs = self.config, other.config
        layers = self.local.manifest.layers, looked.image.manifest.layers
        title = f"from {self._short_name} to {_short(other.name)}"
        with self.contents() as before, _contents(looked) as after:
            return diff_table(
                before,
                after,
                configs=configs,
                layers=layers,
                times=times,
                unless_filled=mount_points,
                title=title,
            )

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
        return _short(self.name)

    @property
    def _steps(self) -> list[str]:
        """The history line of each layer, bottom to top."""
        return [entry.created_by or "" for entry in self.local.config.layer_history()]

    def __repr__(self) -> str:
        layers = len(self.local.manifest.layers)
        return f"<Image {self.name}: {layers} layers, {human_bytes(self.size)}>"


def _short(name: str) -> str:
    """A name as people write it; a container's is one already."""
    return Reference.parse(name).familiar


def _contents(looked: Looked) -> Contents:
    diff_ids = looked.image.config.rootfs.diff_ids
    return Contents(looked.stack, looked.directories, looked.names, diff_ids)


def _named(engine: Engine, name: str) -> Image | Container:
    """A container, or else an image in the store.

    Raises:
        NameNotFound: neither.
    """
    try:
        return Container.find(engine, name)
    except ContainerNotFound:
        pass
    try:
        return Image(engine, engine.images.get(name))
    except NameNotFound as error:
        raise NameNotFound(
            f"there is no image and no container {name}",
            hint="ocinb images and ocinb ps --all list them",
        ) from error


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
