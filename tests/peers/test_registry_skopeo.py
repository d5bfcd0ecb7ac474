"""Our registry with skopeo, and with Debian's docker-registry on the other end."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocinb.content.store import Store
from ocinb.registry import RegistryServer
from ocinb.registry.access import Access, Basic
from ocinb.registry.passwords import Known
from ocinb.registry.tokens import TokenServer
from ocinb.spec.digest import Digest
from tests.support.docker_registry import docker_registry
from tests.support.images import make_image, make_index
from tests.support.peers import require

pytestmark = pytest.mark.peer
KNOWN = Known({"ann": "secret"})


def skopeo(*argv: str | Path, fails: bool = False) -> str:
    """Run skopeo, without a policy of this machine's; its output, or its complaint."""
    command = [require("skopeo"), "--insecure-policy", *map(str, argv)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert bool(done.returncode) == fails, done.stdout + done.stderr
    return done.stderr if fails else done.stdout


def copy(source: str, target: str, *options: str) -> None:
    plain = ["--src-tls-verify=false", "--dest-tls-verify=false"]
    skopeo("copy", "--quiet", *plain, *options, source, target)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RegistryServer]:
    with RegistryServer(tmp_path / "registry") as running:
        yield running


@pytest.fixture
def source(tmp_path: Path) -> Store:
    """An image layout with the image ``app`` and the index ``multi``."""
    store = Store(tmp_path / "source")
    store.names.set("app", make_image(store, 2_000_000, 300))
    images = {name: make_image(store, 1000, architecture=name) for name in ("amd64", "arm64")}
    store.names.set("multi", make_index(store, images))
    return store


def assert_same(source: Store, target: Store, name: str, target_name: str) -> None:
    """Both layouts have the same bytes for the name and for all below it."""
    pending = [source.names.get(name).digest]
    assert target.names.get(target_name).digest == pending[0]
    while pending:
        digest = pending.pop()
        data = source.path(digest).read_bytes()
        assert target.path(digest).read_bytes() == data
        if data.startswith(b"{"):
            document = json.loads(data)
            below = [document.get("config"), *document.get("layers", ())]
            below += document.get("manifests", ())
            pending += [Digest(entry["digest"]) for entry in below if entry and "digest" in entry]


@pytest.mark.parametrize("name", ["app", "multi"])
def test_what_skopeo_pushes_it_gets_back(
    server: RegistryServer, source: Store, tmp_path: Path, name: str
) -> None:
    image = f"docker://{server.address}/team/{name}:1"
    copy(f"oci:{source.root}:{name}", image, "--all")
    copy(image, f"oci:{tmp_path}/back:{name}", "--all")
    assert_same(source, Store(tmp_path / "back"), name, name)


@pytest.mark.parametrize("name", ["app", "multi"])
def test_from_ours_to_docker_registry_and_back(
    server: RegistryServer, source: Store, tmp_path: Path, name: str
) -> None:
    with docker_registry(tmp_path / "peer") as peer:
        ours, theirs = f"docker://{server.address}/a/{name}", f"docker://{peer.address}/b/{name}"
        copy(f"oci:{source.root}:{name}", f"{ours}:1", "--all")
        copy(f"{ours}:1", f"{theirs}:1", "--all")
        copy(f"{theirs}:1", f"{ours}:2", "--all")
    copy(f"{ours}:2", f"oci:{tmp_path}/back:{name}", "--all")
    assert_same(source, Store(tmp_path / "back"), name, name)


def test_dockers_manifest_format(server: RegistryServer, source: Store, tmp_path: Path) -> None:
    image = f"docker://{server.address}/app:docker"
    copy(f"oci:{source.root}:app", image, "--format=v2s2")
    raw = json.loads(skopeo("inspect", "--tls-verify=false", "--raw", image))
    assert raw["mediaType"] == "application/vnd.docker.distribution.manifest.v2+json"
    copy(image, f"dir:{tmp_path}/dir")


def test_inspect_list_and_delete(server: RegistryServer, source: Store) -> None:
    image = f"docker://{server.address}/app"
    for tag in ("b", "a"):
        copy(f"oci:{source.root}:app", f"{image}:{tag}")
    listed = json.loads(skopeo("list-tags", "--tls-verify=false", image))
    assert listed["Tags"] == ["a", "b"]
    inspected = json.loads(skopeo("inspect", "--tls-verify=false", f"{image}:a"))
    assert inspected["Digest"] == source.names.get("app").digest
    skopeo("delete", "--tls-verify=false", f"{image}:a")
    complaint = skopeo("inspect", "--tls-verify=false", f"{image}:a", fails=True)
    assert "manifest unknown" in complaint


def test_a_blob_that_the_registry_has_elsewhere_is_mounted(
    server: RegistryServer, source: Store
) -> None:
    copy(f"oci:{source.root}:app", f"docker://{server.address}/one:1")
    before = set(server.registry.store.digests())
    copy(f"docker://{server.address}/one:1", f"docker://{server.address}/two:1")
    assert set(server.registry.store.digests()) == before


@pytest.mark.parametrize("kind", [Basic, TokenServer])
def test_with_a_password(tmp_path: Path, source: Store, kind: type[Basic | TokenServer]) -> None:
    access: Access = kind(KNOWN, anonymous_pull=True)
    with RegistryServer(tmp_path / "guarded", access=access) as server:
        image = f"docker://{server.address}/app:1"
        complaint = skopeo(
            "copy", "--dest-tls-verify=false", f"oci:{source.root}:app", image, fails=True
        )
        assert "unauthorized" in complaint or "authentication required" in complaint
        copy(f"oci:{source.root}:app", image, "--dest-creds=ann:secret")
        if kind is TokenServer:
            skopeo("inspect", "--tls-verify=false", image)
        skopeo("inspect", "--tls-verify=false", "--creds=ann:secret", image)


def test_over_tls_with_the_authority_we_made(tmp_path: Path, source: Store) -> None:
    with RegistryServer(tmp_path / "tls", tls=True) as server:
        assert server.certificates
        image = f"docker://{server.address}/app:1"
        trusted = tmp_path / "trusted"
        trusted.mkdir()
        (trusted / "ca.crt").write_bytes(server.certificates.authority.read_bytes())
        skopeo("copy", f"--dest-cert-dir={trusted}", f"oci:{source.root}:app", image)
        skopeo("inspect", f"--cert-dir={trusted}", image)
        assert "certificate" in skopeo("inspect", image, fails=True)


def test_the_registrys_directory_is_itself_an_image_layout(
    server: RegistryServer, source: Store
) -> None:
    copy(f"oci:{source.root}:app", f"docker://{server.address}/app:1")
    store = server.registry.store
    store.names.set("app", source.names.get("app"))
    inspected = json.loads(skopeo("inspect", f"oci:{store.root}:app"))
    assert inspected["Digest"] == source.names.get("app").digest
