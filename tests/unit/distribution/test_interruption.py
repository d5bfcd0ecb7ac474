"""Ctrl-C, kill -9, and going on later."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ocinb.content.gc import collect
from ocinb.content.store import Store
from ocinb.distribution.cancel import Cancel, Cancelled
from ocinb.distribution.client import Client
from ocinb.distribution.network import Network
from ocinb.distribution.pull import pull
from ocinb.distribution.workers import run_together
from ocinb.errors import RegistryError
from ocinb.spec.digest import Digest
from tests.support.scripted_registry import (
    Reply,
    Request,
    Script,
    ScriptedRegistry,
    ServedImage,
    endless,
    is_layer,
    replace,
)
from tests.support.workplace import until

PULL = """
import sys
from ocinb.content.store import Store
from ocinb.distribution.client import Client
from ocinb.distribution.pull import pull
from ocinb.spec.reference import Reference
store = Store(sys.argv[1])
print("ready", flush=True)
try:
    pull(Client(), store, Reference.parse(sys.argv[2]))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def start(store: Store, registry: ScriptedRegistry) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", PULL, str(store.root), str(registry.reference())],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def slow(image: ServedImage, piece: int, pause: float) -> Script:
    """Serves layers in small pieces, with a pause after each."""

    def script(request: Request) -> Reply:
        reply = image(request)
        if reply.status not in (200, 206) or "/blobs/" not in request.path:
            return reply
        data = reply.body
        assert isinstance(data, bytes)

        def pieces() -> object:
            for at in range(0, len(data), piece):
                yield data[at : at + piece]
                time.sleep(pause)

        return replace(reply, body=pieces(), length=len(data))

    return script


def test_ctrl_c_stops_threads_that_wait_and_the_next_pull_goes_on(
    store: Store, client: Client
) -> None:
    image = ServedImage(50_000, 50_000, 50_000)

    def half(request: Request) -> Reply:
        reply = image(request)
        if not any(is_layer(image, request, number) for number in range(3)):
            return reply
        assert isinstance(reply.body, bytes)
        return replace(reply, body=_then_silence(reply.body[:25_000]), length=len(reply.body))

    def written() -> list[int]:
        parts = store.ingest.glob("sha256-*")
        return [part.stat().st_size for part in parts if part.suffix != ".lock"]

    with ScriptedRegistry(half) as registry:
        process = start(store, registry)
        until(lambda: written() == [25_000] * 3)
        process.send_signal(signal.SIGINT)
        # Without a cancel flag the threads would wait for a minute.
        assert process.communicate(timeout=30)[0] == "interrupted\n"
        assert not store.names.items()
        registry.script = image
        pull(client, store, registry.reference())
        resumed = [r.headers["range"] for r in registry.requests if "range" in r.headers]
    assert resumed == ["bytes=25000-"] * 3


def _then_silence(data: bytes) -> object:
    yield data
    yield from endless(b"", pause=0.05)


@pytest.mark.slow
def test_a_pull_that_is_killed_twenty_times_downloads_hardly_more_than_the_image(
    store: Store, client: Client
) -> None:
    image = ServedImage(*[2_000_000] * 5)
    chance = random.Random(20)
    with ScriptedRegistry(slow(image, 10_000, 0.02)) as registry:
        kills = 0
        for _ in range(20):
            process = start(store, registry)
            try:
                process.wait(chance.uniform(0.02, 0.25))
                break
            except subprocess.TimeoutExpired:
                os.kill(process.pid, signal.SIGKILL)
                kills += 1
            finally:
                process.communicate()
        registry.script = image
        pull(client, store, registry.reference())
        sent = registry.sent
    assert kills == 20
    for layer in image.layers:
        digest = str(layer["digest"])
        held = store.root / "blobs" / digest.replace(":", "/")
        assert held.read_bytes() == image.blobs[digest]
    documents = 21 * (len(image.documents["1"][0]) + int(str(image.config["size"])))
    assert sent <= 1.2 * image.size + documents


def test_a_partial_blob_that_was_damaged_on_disk_is_fetched_again(
    store: Store, client: Client
) -> None:
    image = ServedImage(100_000)
    digest = Digest(str(image.layers[0]["digest"]))
    with store.blob(digest, 100_000) as writer:
        writer.write(b"damaged" * 5_000)
    with ScriptedRegistry(image) as registry:
        pull(client, store, registry.reference())
        asked = [r.headers.get("range") for r in registry.requests if is_layer(image, r)]
    assert asked == ["bytes=35000-", None]
    assert store.path(digest).read_bytes() == image.blobs[digest]


def test_the_first_failure_stops_the_others_and_is_the_one_that_is_told() -> None:
    network = Network()

    def fails() -> None:
        raise RegistryError("it broke", status=500)

    def waits() -> None:
        network.cancel.sleep(600)

    with pytest.raises(RegistryError, match="it broke"):
        run_together(network, [waits, fails, waits, *[waits] * 20])


def test_results_come_in_the_order_of_the_tasks() -> None:
    def task(number: int) -> int:
        time.sleep(0.01 * (3 - number))
        return number

    assert run_together(Network(), [lambda n=n: task(n) for n in range(4)]) == [0, 1, 2, 3]


def test_a_failure_of_on_layer_ends_the_pull(store: Store, client: Client) -> None:
    image = ServedImage(1000, 1000)

    def refuse(number: int, layer: object) -> None:
        raise RuntimeError(f"layer {number}")

    with ScriptedRegistry(image) as registry, pytest.raises(RuntimeError, match="layer"):
        pull(client, store, registry.reference(), on_layer=refuse)
    assert not store.names.items()


def test_garbage_collection_leaves_a_pull_alone_until_the_image_has_its_name(
    store: Store, client: Client
) -> None:
    image = ServedImage(1000, 2000, 3000)

    def collect_now(number: int, layer: object) -> None:
        collect(store, grace=0, partial_grace=0)

    with ScriptedRegistry(image) as registry:
        pulled = pull(client, store, registry.reference(), on_layer=collect_now)
    collect(store, grace=0)
    assert all(store.has(layer.digest) for layer in pulled.manifest.layers)


def test_a_flag_ends_a_sleep() -> None:
    cancel = Cancel()
    threading.Timer(0.05, cancel.set).start()
    with pytest.raises(Cancelled):
        cancel.sleep(60)


def test_two_pulls_of_one_image_at_once_share_the_work(tmp_path: Path, client: Client) -> None:
    image = ServedImage(300_000)
    store = Store(tmp_path / "shared")
    with ScriptedRegistry(slow(image, 10_000, 0.005)) as registry:
        pulls = [
            threading.Thread(target=pull, args=(client, store, registry.reference()))
            for _ in range(3)
        ]
        for thread in pulls:
            thread.start()
        for thread in pulls:
            thread.join()
        fetched = [request for request in registry.requests if is_layer(image, request)]
    assert len(fetched) == 1
    assert len(store.names.items()) == 1
