"""Our registry with podman: what it pushes it pulls, as the image it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocinb.content.store import Store
from ocinb.registry import RegistryServer
from tests.support.docker_registry import docker_registry
from tests.support.images import make_image
from tests.support.podman import Podman

pytestmark = [pytest.mark.peer, pytest.mark.root, pytest.mark.slow]


def test_podman_pulls_pushes_and_pulls_again(tmp_path: Path) -> None:
    podman = Podman(tmp_path / "podman")
    store = Store(tmp_path / "source")
    store.names.set("app", make_image(store, 500_000, 300))
    with (
        RegistryServer(tmp_path / "ours") as ours,
        docker_registry(tmp_path / "peer") as peer,
    ):
        podman("pull", "--quiet", f"--signature-policy={podman.policy}", f"oci:{store.root}:app")
        (image,) = podman("images", "--quiet", "--no-trunc").stdout.split()
        for address in (ours.address, peer.address):
            podman.push(image, f"{address}/team/app:1")
        podman("rmi", "--force", image)
        identifiers = set()
        for address in (ours.address, peer.address):
            podman.pull(f"{address}/team/app:1")
            found = json.loads(podman("inspect", f"{address}/team/app:1").stdout)[0]
            identifiers.add(f"sha256:{found['Id']}")
            podman("rmi", "--force", found["Id"])
    assert identifiers == {image}
