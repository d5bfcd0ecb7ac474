"""Pulling: downloaded and unpacked side by side, or not there at all."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocinb.content.store import Store
from ocinb.engine import Engine
from ocinb.errors import DigestMismatch, LayerError, NameNotFound, OcinbError
from ocinb.events import BlobDone, ImageNamed, LayerApplied, Recorder
from ocinb.registry import RegistryServer
from ocinb.settings import Settings
from ocinb.spec import media_types
from ocinb.spec.digest import Digest, digest_of
from ocinb.spec.document import encode
from ocinb.spec.image_config import Execution, ImageConfig, RootFS
from ocinb.spec.manifest import Manifest
from ocinb.spec.platform import Platform
from tests.support import archives


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RegistryServer]:
    with RegistryServer(tmp_path / "registry") as running:
        yield running


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def engine(tmp_path: Path, recorder: Recorder) -> Iterator[Engine]:
    made = Engine(Settings(root=tmp_path / "root", run_root=tmp_path / "run"), recorder)
    yield made
    made.client.close()


def image(
    server: RegistryServer, tmp_path: Path, *layers: bytes, diff_ids: list[Digest] | None = None
) -> str:
    """The name of an image in the registry, made of uncompressed archives."""
    from ocinb.distribution.client import Client
    from ocinb.distribution.push import push
    from ocinb.spec.reference import Reference

    store = Store(tmp_path / "kitchen")
    host = Platform.host()
    config = ImageConfig(
        architecture=host.architecture,
        os=host.os,
        rootfs=RootFS(
            type="layers", diff_ids=tuple(diff_ids or [digest_of(layer) for layer in layers])
        ),
        config=Execution(cmd=("/bin/true",)),
    )
    manifest = Manifest(
        schema_version=2,
        media_type=media_types.IMAGE_MANIFEST,
        config=store.add(encode(config), media_types.IMAGE_CONFIG),
        layers=tuple(
            store.add(gzip.compress(layer, mtime=0), media_types.LAYER_GZIP) for layer in layers
        ),
    )
    descriptor = store.add(encode(manifest), media_types.IMAGE_MANIFEST)
    name = f"{server.address}/test:1"
    with Client() as client:
        push(client, store, descriptor, Reference.parse(name))
    return name


def test_a_pulled_image_is_unpacked_and_named_last(
    engine: Engine, recorder: Recorder, server: RegistryServer, tmp_path: Path
) -> None:
    low = archives.archive([archives.member("a", data=b"low"), archives.member("b")])
    high = archives.archive([archives.member(".wh.b"), archives.hardlink("c", "a")])
    name = image(server, tmp_path, low, high)
    pulled = engine.images.pull(name)
    kinds = [type(event) for event in recorder.events]
    assert kinds.count(LayerApplied) == 2
    assert kinds.index(ImageNamed) > max(n for n, k in enumerate(kinds) if k is LayerApplied)
    assert pulled.pulled > 0
    # What is there is found again, and neither downloaded nor unpacked another time.
    recorder.events.clear()
    assert engine.images.get(name).manifest_descriptor == pulled.manifest_descriptor
    directories = engine.images.unpack(pulled)
    assert (directories[1] / "c").read_bytes() == b"low"
    assert [event.reused for event in recorder.of(LayerApplied)] == [True, True]
    assert list(recorder.of(BlobDone)) == []
    assert [found.name for found in engine.images.all()] == [name]


def test_layers_are_unpacked_bottom_to_top_however_they_arrive(
    engine: Engine, recorder: Recorder, server: RegistryServer, tmp_path: Path
) -> None:
    large = archives.archive([archives.member("large", data=bytes(range(256)) * 40_000)])
    small = [archives.archive([archives.hardlink(f"link-{n}", "large")]) for n in range(6)]
    pulled = engine.images.pull(image(server, tmp_path, large, *small))
    applied = [event.digest for event in recorder.of(LayerApplied)]
    assert applied == [layer.digest for layer in pulled.manifest.layers]


@pytest.mark.parametrize(
    ("layer", "error"),
    [
        (archives.archive([archives.member("../out")]), LayerError),
        (archives.archive([archives.member("a")])[:300], LayerError),
    ],
    ids=["a path that leads out", "an archive cut short"],
)
def test_an_image_with_a_bad_layer_gets_no_name(
    engine: Engine, server: RegistryServer, tmp_path: Path, layer: bytes, error: type[OcinbError]
) -> None:
    good = archives.archive([archives.member("a")])
    name = image(server, tmp_path, good, layer)
    with pytest.raises(error):
        engine.images.pull(name)
    with pytest.raises(NameNotFound):
        engine.images.get(name)
    assert len(engine.layers.chain_ids()) <= 1
    assert list((engine.settings.layers / "partial").glob("*")) == []


def test_a_layer_that_is_not_what_the_config_says_is_refused(
    engine: Engine, server: RegistryServer, tmp_path: Path
) -> None:
    layer = archives.archive([archives.member("a")])
    name = image(server, tmp_path, layer, diff_ids=[digest_of(b"another")])
    with pytest.raises(DigestMismatch):
        engine.images.pull(name)
    with pytest.raises(NameNotFound):
        engine.images.get(name)
    assert engine.layers.chain_ids() == []
