"""Kill -9 at random points of pull and unpack: what is visible is whole, gc reclaims the rest.

``OCINB_CRASH_ROUNDS=50`` for more rounds.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ocinb.content.store import Store
from ocinb.content.verify import faults
from ocinb.engine.engine import Engine
from ocinb.engine.garbage import collect_garbage
from ocinb.errors import NameNotFound
from ocinb.layer.index import LayerIndex
from ocinb.layer.index_walk import index_directory
from ocinb.layer.stack import Stack
from ocinb.registry.serve import RegistryServer
from ocinb.settings import Settings
from tests.support.archives import Member, directory, member
from tests.support.layered import name_image

ROUNDS = int(os.environ.get("OCINB_CRASH_ROUNDS", "8"))

_PULL = """
import sys
from pathlib import Path
from ocinb.engine.engine import Engine
from ocinb.settings import Settings
engine = Engine(Settings(root=Path(sys.argv[1]), run_root=Path(sys.argv[2])))
engine.client
from ocinb.distribution.pull import pull
print(flush=True)
engine.images.pull(sys.argv[3])
print("done", flush=True)
"""


def layers(source: random.Random) -> list[list[Member]]:
    """Three layers: many small files, some large ones, some removed."""
    small = [member(f"d{n % 50}/f{n}", data=source.randbytes(500)) for n in range(3000)]
    large = [member(f"large/{n}", data=source.randbytes(1_500_000)) for n in range(6)]
    removed = [directory("d1"), *(member(f"d{n % 50}/.wh.f{n}") for n in range(0, 3000, 30))]
    return [small, large, removed]


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """Two images in a registry that have their first layer in common."""
    from ocinb.distribution.push import push
    from ocinb.spec.reference import Reference

    root = tmp_path_factory.mktemp("source")
    engine = Engine(Settings(root=root / "root", run_root=root / "run"))
    first = layers(random.Random(1))
    second = [first[0], *layers(random.Random(2))[1:]]
    with RegistryServer(root / "registry") as registry:
        found = []
        for name, image in (("a", first), ("b", second)):
            reference = f"{registry.address}/{name}:1"
            name_image(engine.store, reference, image)
            push(
                engine.client,
                engine.store,
                engine.store.names.get(reference),
                Reference.parse(reference),
            )
            found.append(reference)
        yield found


def check(settings: Settings) -> None:
    """Everything that can be found by its name is whole."""
    engine = Engine(settings)
    assert list(faults(engine.store)) == []
    for name, _ in engine.store.names.items():
        chain_ids = engine.images.get(name).config.chain_ids
        assert all(engine.layers.get(chain_id) for chain_id in chain_ids), "named before unpacked"
    for chain_id in engine.layers.chain_ids():
        path = engine.layers.get(chain_id)
        assert path is not None
        (record,) = engine.layers.root.glob(f"records/{chain_id.encoded}.index")
        written, found = LayerIndex.decode(record.read_bytes()), index_directory(path)
        assert [written.row(n)[:8] for n in range(len(written))] == [
            found.row(n)[:8] for n in range(len(found))
        ]


@pytest.mark.slow
@pytest.mark.timeout(60 + 12 * ROUNDS)
def test_whatever_is_visible_is_whole_and_the_rest_is_reclaimed(tmp_path: Path, names) -> None:
    settings = Settings(root=tmp_path / "root", run_root=tmp_path / "run")
    chance = random.Random(5)
    argv = [sys.executable, "-c", _PULL, settings.root, settings.run_root]
    taken = _whole_pull([*argv, names[0]])
    collect_garbage(Engine(settings), grace=0)
    interrupted = 0
    for number in range(ROUNDS):
        _forget_at_times(settings, chance, names)
        with subprocess.Popen([*argv, names[number % 2]], stdout=subprocess.PIPE) as process:
            assert process.stdout
            process.stdout.readline()
            time.sleep(chance.uniform(0, taken))
            process.kill()
            if process.stdout.read():
                taken *= 0.7  # it was over before: this machine has become quicker
            else:
                interrupted += 1
        check(settings)
        if number % 3 == 2:
            _nothing_but_the_images_is_left(settings)
    assert interrupted, "it was never killed in the middle"
    for name in names:
        Engine(settings).images.pull(name)
    check(settings)
    _nothing_but_the_images_is_left(settings)


def _whole_pull(argv: list[object]) -> float:
    """Seconds of one that is not killed."""
    with subprocess.Popen(list(map(str, argv)), stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        start = time.monotonic()
        assert process.stdout.read() == b"done\n"
        return time.monotonic() - start


def _forget_at_times(settings: Settings, chance: random.Random, names: list[str]) -> None:
    """Names go, and sometimes all that they led to."""
    engine = Engine(settings)
    for name in names:
        try:
            engine.store.names.remove(name)
        except NameNotFound:
            continue
    if chance.random() < 0.7:
        collect_garbage(engine, grace=0)


def _nothing_but_the_images_is_left(settings: Settings) -> None:
    engine = Engine(settings)
    collect_garbage(engine, grace=0)
    store = Store(settings.store)
    kept = set()
    chains = set()
    for name, _ in store.names.items():
        image = engine.images.get(name)
        kept |= {image.manifest_descriptor.digest, image.manifest.config.digest}
        kept |= {layer.digest for layer in image.manifest.layers}
        chains |= set(image.config.chain_ids)
        Stack([engine.layers.index(chain_id) for chain_id in image.config.chain_ids])
    assert set(store.digests()) == kept
    assert set(engine.layers.chain_ids()) == chains
    assert {path.suffix for path in store.ingest.iterdir()} <= {".lock"}
    root = engine.layers.root
    assert list((root / "partial").iterdir()) == []
    stems = {path.name.partition(".")[0] for path in (root / "records").iterdir()}
    assert stems == {chain_id.encoded for chain_id in chains}
