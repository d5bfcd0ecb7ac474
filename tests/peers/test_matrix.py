"""Every client with every registry, in both directions: the image that goes in comes out."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocinb.content.store import Store
from ocinb.distribution.client import Client
from ocinb.distribution.pull import pull
from ocinb.distribution.push import push
from ocinb.registry.serve import RegistryServer
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.reference import Reference
from tests.support.docker_registry import docker_registry
from tests.support.images import make_image
from tests.support.peers import require
from tests.support.podman import Podman

pytestmark = [pytest.mark.peer, pytest.mark.root, pytest.mark.slow]

CLIENTS = ("ocinb", "skopeo", "podman")


class Clients:
    """What each client does with a name; pulling gives the digest of the image's config."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._count = 0
        self.podman = Podman(directory / "podman")

    def _fresh(self) -> Path:
        self._count += 1
        return self._directory / f"layout-{self._count}"

    def push_ocinb(self, source: Store, image: Descriptor, name: str) -> None:
        with Client() as client:
            push(client, source, image, Reference.parse(name))

    def pull_ocinb(self, name: str) -> str:
        with Client() as client:
            return pull(client, Store(self._fresh()), Reference.parse(name)).manifest.config.digest

    def push_skopeo(self, source: Store, image: Descriptor, name: str) -> None:
        self._skopeo("--dest-tls-verify=false", f"oci:{source.root}:app", f"docker://{name}")

    def pull_skopeo(self, name: str) -> str:
        layout = self._fresh()
        self._skopeo("--src-tls-verify=false", f"docker://{name}", f"oci:{layout}:app")
        store = Store(layout)
        return json.loads(store.read(store.names.get("app")))["config"]["digest"]

    def push_podman(self, source: Store, image: Descriptor, name: str) -> None:
        policy = f"--signature-policy={self.podman.policy}"
        self.podman("pull", "--quiet", policy, f"oci:{source.root}:app")
        identifier = json.loads(source.read(image))["config"]["digest"]
        self.podman.push(identifier, name)
        self.podman("rmi", "--all", "--force")

    def pull_podman(self, name: str) -> str:
        self.podman.pull(name)
        (found,) = self.podman("images", "--quiet", "--no-trunc").stdout.split()
        self.podman("rmi", "--all", "--force")
        return found

    @staticmethod
    def _skopeo(*words: str) -> None:
        subprocess.run([require("skopeo"), "--insecure-policy", "copy", "-q", *words], check=True)


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Clients:
    return Clients(tmp_path_factory.mktemp("clients"))


@pytest.fixture(scope="module", params=["ocinb.registry", "docker-registry"])
def address(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    root = tmp_path_factory.mktemp("registry")

    serve = RegistryServer if request.param == "ocinb.registry" else docker_registry
    with serve(root) as registry:
        yield registry.address


@pytest.mark.parametrize("pusher", CLIENTS)
def test_what_one_pushes_all_pull(
    pusher: str, address: str, clients: Clients, tmp_path: Path
) -> None:
    source = Store(tmp_path / "source")
    image = make_image(source, 300_000, 200)
    source.names.set("app", image)
    name = f"{address}/from-{pusher}:1"
    getattr(clients, f"push_{pusher}")(source, image, name)
    pulled = {puller: getattr(clients, f"pull_{puller}")(name) for puller in CLIENTS}
    config = json.loads(source.read(image))["config"]["digest"]
    assert pulled == dict.fromkeys(CLIENTS, config)
