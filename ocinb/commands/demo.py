"""``demo``: from a name to a process, offline, step by step, and nothing left behind."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shlex
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ocinb.commands.tree import Command
from ocinb.commands.values import Heading, Narration, Picture, Said
from ocinb.errors import ContainerError, UnsupportedHost
from ocinb.layer.diff_id import compute_diff_id
from ocinb.settings import Settings
from ocinb.spec.digest import Digest, check
from ocinb.table import Table, columns, human_bytes, human_duration
from ocinb.temporary import temporary_place

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from ocinb.commands.session import Output, Session
    from ocinb.container import Container
    from ocinb.engine.engine import Engine
    from ocinb.engine.images import LocalImage
    from ocinb.image import Image
    from ocinb.spec.reference import Reference

DESCRIPTORS = columns("what media_type size:bytes digest:digest platform")
LEDGER = columns("layer:int digest:digest diff_id:digest chain_id:digest verdict")


@click.command(cls=Command)
@click.option("--keep", metavar="DIR", help="Keep everything in this directory, to look at it.")
@click.pass_obj
def command(session: Session, keep: str | None) -> Narration:
    """Take one image all the way, from a registry to a process.

    It needs no Internet: the image is made from files of this machine, and the registry is
    ocinb's own.
    """
    return Narration(_tell(session, keep))


def _tell(session: Session, keep: str | None) -> Iterator[Any]:
    with contextlib.ExitStack() as stack:
        if keep:
            place = Path(keep).absolute()
            place.mkdir(parents=True, exist_ok=True)
        else:
            place = Path(stack.enter_context(_temporary()))
        engine = stack.enter_context(_engine(session, place))
        yield from _Walk(engine, place, session.output, stack).parts()
        if keep:
            yield Said(f"Everything is in {place}.")


@contextlib.contextmanager
def _temporary() -> Iterator[str]:
    """A directory that is removed whatever owners and modes its layers have."""
    from ocinb.overlay.trees import remove_tree

    place = tempfile.mkdtemp(prefix="ocinb-demo-", dir=temporary_place())
    try:
        yield place
    finally:
        remove_tree(place)


@contextlib.contextmanager
def _engine(session: Session, place: Path) -> Iterator[Engine]:
    """An engine of the demo's own; what it mounted is unmounted."""
    from ocinb.engine.engine import Engine

    values = {**dict(session.settings), "root": place / "root", "run_root": place / "run"}
    engine = Engine(Settings(**values), session.recorder)
    try:
        yield engine
    finally:
        for mount in engine.mounts.list():
            engine.mounts.unmount(mount.target)


class _Walk:
    """The stages of the demo, each a part of the narration."""

    def __init__(
        self, engine: Engine, place: Path, output: Output | None, stack: contextlib.ExitStack
    ) -> None:
        self._engine = engine
        self._place = place
        self._output = output
        self._stack = stack

    def parts(self) -> Iterator[Any]:
        """Everything in order."""
        reference = yield from self._publish()
        yield from self._ask(reference)
        image = yield from self._pull(reference)
        yield from self._verify(image)
        yield Heading("5. The layers")
        yield Picture("layer_stack", image.layer_table())
        yield from self._mount(image)
        yield from self._bundle(image.local)
        yield from self._run(image.local)

    def _publish(self) -> Generator[Any, None, Reference]:
        from ocinb.build.demo import demo_image
        from ocinb.content.store import Store
        from ocinb.distribution.push import push
        from ocinb.registry.serve import RegistryServer
        from ocinb.spec.reference import Reference

        yield Heading("1. An image, and a registry to keep it")
        kitchen = Store(self._place / "kitchen")
        index = demo_image(kitchen)
        yield Said("An image is made from a shell and a few programs of this machine.")
        server = self._stack.enter_context(RegistryServer(self._place / "registry"))
        reference = Reference.parse(f"{server.address}/demo:1.0")
        push(self._engine.client, kitchen, index, reference)
        yield Said(f"It is pushed by HTTP to a registry of ours, as {reference}.")
        return reference

    def _ask(self, reference: Reference) -> Iterator[Any]:
        from ocinb.spec.image_index import ImageIndex
        from ocinb.spec.manifest import Manifest
        from ocinb.spec.platform import Platform

        client = self._engine.client
        yield Heading("2. What does the name point at?")
        tags = client.tags(reference)
        yield Said(f"Tags of {reference.name}: {', '.join(tags)}.")
        fetched = client.get_manifest(reference)
        index = ImageIndex.parse(fetched.data, fetched.descriptor.media_type)
        rows = [_row("image index", fetched.descriptor)]
        rows += [_row("manifest", manifest) for manifest in index.manifests]
        yield Table(DESCRIPTORS, rows, title="the image index")
        host = str(Platform.host())
        ours = next(found for found in index.manifests if str(found.platform) == host)
        fetched = client.get_manifest(reference.with_digest(ours.digest), ours)
        manifest = Manifest.parse(fetched.data, ours.media_type)
        yield Said(f"This machine is {host}. The manifest for it names a config and the layers:")
        rows = [_row("config", manifest.config)]
        rows += [_row(f"layer {n}", layer) for n, layer in enumerate(manifest.layers, 1)]
        yield Table(DESCRIPTORS, rows, title="the image manifest")

    def _pull(self, reference: Reference) -> Generator[Any, None, Image]:
        from ocinb.image import Image

        yield Heading("3. Pull: the layers in parallel, unpacked as they come")
        local = self._engine.images.pull(str(reference))
        yield Said(
            f"{human_bytes(local.pulled)} came over the network in "
            f"{human_duration(local.seconds)}, unpacking included."
        )
        image = Image(self._engine, local)
        yield image.facts()
        return image

    def _verify(self, image: Image) -> Iterator[Any]:
        yield Heading("4. Every digest computed again")
        config = image.local.config
        rows = []
        for number, (layer, diff_id, chain_id) in enumerate(
            zip(
                image.local.manifest.layers,
                config.rootfs.diff_ids,
                config.chain_ids,
                strict=True,
            ),
            1,
        ):
            check(layer.digest, self._blob_digest(layer.digest), f"layer {number}")
            with self._engine.store.open(layer.digest) as blob:
                found = compute_diff_id(blob, layer.media_type)
            check(diff_id, found, f"the uncompressed layer {number}")
            rows.append((number, layer.digest, diff_id, chain_id, "both agree"))
        yield Table(LEDGER, rows, title="digests")
        yield Said(
            "digest: of the blob that is fetched. diff_id: of the archive inside it, once it is "
            "uncompressed. chain_id: of this layer with all below it."
        )

    def _blob_digest(self, digest: Digest) -> Digest:
        with self._engine.store.path(digest).open("rb") as blob:
            found = hashlib.file_digest(blob, digest.algorithm)
        return Digest(f"{digest.algorithm}:{found.hexdigest()}")

    def _mount(self, image: Image) -> Iterator[Any]:
        yield Heading("6. The layers as one tree")
        mount = image.mount()
        yield Said(f"{mount.target} shows {len(mount.layers)} layers by {mount.kind}.")
        if mount.kind != "overlay":
            yield Said(f"What was tried, the best that works first: {mount.why}.")
        yield Said(f"In it: {' '.join(sorted(os.listdir(mount.target)))}")
        gone = not os.path.lexists(f"{mount.target}/etc/motd")
        kept = " ".join(sorted(os.listdir(f"{mount.target}/usr/share/demo")))
        yield Said(
            f"/etc/motd is {'hidden by a whiteout' if gone else 'there'}; /usr/share/demo is "
            f"opaque and holds: {kept}; /srv/notes was a file and is a directory now."
        )
        self._engine.mounts.unmount(mount.target)

    def _bundle(self, local: LocalImage) -> Iterator[Any]:
        from ocinb.bundle.options import ContainerOptions
        from ocinb.engine.planning import bundle_of

        yield Heading("7. The bundle: what the runtime is told")
        path = bundle_of(self._engine, local, ContainerOptions(), self._place / "bundle")
        config = json.loads(path.read_text(encoding="utf-8"))
        yield Said(f"{path}, {human_bytes(path.stat().st_size)}. Its main points:")
        yield Table(columns("field value"), _main_points(config), title="config.json")

    def _run(self, local: LocalImage) -> Iterator[Any]:
        from ocinb.container import Container
        from ocinb.engine.engine import Finished

        yield Heading("8. The process")
        yield Said(f"The container's own output, by the runtime {self._engine.settings.runtime}:")
        try:
            done = self._engine.run(local, output=self._output, name="demo", keep=True)
        except UnsupportedHost as error:
            yield Said(f"It cannot be run here: {error.message}.")
            if error.hint:
                yield Said(f"What would enable it: {error.hint}.")
            return
        container = Container.of(self._engine, done, local.name, kept=True)
        if isinstance(done, Finished) and done.interrupted:
            raise KeyboardInterrupt
        yield from _life(container)
        container.delete()
        if container.exit_status:
            raise ContainerError(f"the demo's program ended with status {container.exit_status}")


def _life(container: Container) -> Iterator[Any]:
    yield Heading("9. Its life, in the order of the specification")
    yield Picture("lifecycle_line", container.lifecycle_table())
    yield Said(f"{container.name} ended with exit status {container.exit_status}.")


def _row(what: str, descriptor: Any) -> tuple[Any, ...]:
    platform = str(descriptor.platform) if descriptor.platform else ""
    return (what, descriptor.media_type, descriptor.size, descriptor.digest, platform)


def _main_points(config: dict[str, Any]) -> list[tuple[str, str]]:
    process = config["process"]
    user = process["user"]
    return [
        ("ociVersion", config["ociVersion"]),
        ("root.path", config["root"]["path"]),
        ("process.args", shlex.join(process["args"])),
        ("process.cwd", process["cwd"]),
        ("process.user", f"{user['uid']}:{user['gid']}"),
        ("process.env", " ".join(process["env"])),
        ("mounts", " ".join(mount["destination"] for mount in config["mounts"])),
        ("linux.namespaces", " ".join(n["type"] for n in config["linux"]["namespaces"])),
        (
            "process.capabilities",
            " ".join(process.get("capabilities", {}).get("bounding", [])) or "none",
        ),
    ]
