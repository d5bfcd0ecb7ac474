"""A real Debian image, from debootstrap by umoci and skopeo through two registries to a process.

Nothing on the way in is ours: the root file system, the layers, the push. What ocinb makes of
them is compared with what umoci makes of them, and its runtime with runc.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ocinb.bundle.options import ContainerOptions
from ocinb.engine.engine import Engine, Finished
from ocinb.engine.planning import bundle_of
from ocinb.registry import RegistryServer
from ocinb.settings import Settings
from tests.support.debian import TAG, debian_layout, run
from tests.support.docker_registry import docker_registry
from tests.support.peers import require
from tests.support.tree import Facts, differences, snapshot

pytestmark = [pytest.mark.root, pytest.mark.peer, pytest.mark.slow, pytest.mark.timeout(600)]

QUESTION = "cat /etc/os-release; id; hostname"


@pytest.fixture(scope="module")
def umoci_tree(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    bundle = tmp_path_factory.mktemp("umoci") / "bundle"
    run(require("umoci"), "unpack", "--image", f"{debian_layout()}:{TAG}", bundle)
    return snapshot(bundle / "rootfs")


@pytest.fixture(scope="module", params=["docker-registry", "ocinb"])
def pulled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Engine, str]]:
    """An engine that has pulled the image from a registry, and the image's name there."""
    directory = tmp_path_factory.mktemp(request.param)
    server = (
        docker_registry(directory / "registry")
        if request.param == "docker-registry"
        else RegistryServer(directory / "registry")
    )
    with server as registry:
        name = f"{registry.address}/debian:{TAG}"
        source, target = f"oci:{debian_layout()}:{TAG}", f"docker://{name}"
        skopeo = (require("skopeo"), "--insecure-policy", "copy", "--dest-tls-verify=false")
        run(*skopeo, source, target)
        engine = Engine(Settings(root=directory / "root", run_root=directory / "run"))
        engine.images.pull(name)
        yield engine, name


def test_the_mounted_tree_is_umocis_file_by_file(
    pulled: tuple[Engine, str], umoci_tree: Facts, tmp_path: Path
) -> None:
    engine, name = pulled
    mount = engine.images.mount(engine.images.get(name), tmp_path / "tree")
    try:
        assert mount.kind == "overlay"
        ours = snapshot(tmp_path / "tree")
    finally:
        engine.mounts.unmount(tmp_path / "tree")
    assert len(ours) > 3000
    assert differences(ours, umoci_tree) == []


def test_the_bundles_tree_is_umocis_file_by_file(
    pulled: tuple[Engine, str], umoci_tree: Facts, tmp_path: Path
) -> None:
    engine, name = pulled
    bundle = tmp_path / "bundle"
    bundle_of(engine, engine.images.get(name), ContainerOptions(), bundle)
    assert differences(snapshot(bundle / "rootfs"), umoci_tree) == []


def test_bash_says_the_same_by_our_runtime_and_by_runc(pulled: tuple[Engine, str]) -> None:
    engine, name = pulled
    require("runc")
    said = {}
    for runtime in ("ocinb", "runc"):
        output: list[bytes] = []
        finished = engine.run(
            engine.images.get(name),
            ContainerOptions(args=["/bin/bash", "-c", QUESTION], hostname="debian"),
            runtime=runtime,
            output=lambda data, _, output=output: output.append(data),  # type: ignore[misc]
        )
        assert isinstance(finished, Finished)
        assert finished.exit_status == 0
        said[runtime] = b"".join(output).decode()
    assert 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"' in said["ocinb"]
    assert "uid=0(root) gid=0(root)" in said["ocinb"]
    assert said["ocinb"].endswith("\ndebian\n")
    assert said["ocinb"] == said["runc"]
