"""--platform is believed of no image, and what is missing for it is named, or brought."""

from __future__ import annotations

import pytest

from ocinb.build.demo import demo_image
from ocinb.content.store import Store
from ocinb.errors import (
    BlobNotFound,
    ContainerError,
    ContainerExists,
    NetworkError,
    PlatformNotFound,
)
from ocinb.local_registry import Registry
from ocinb.spec.platform import Platform
from tests.support.archives import member
from tests.support.door import Door
from tests.support.layered import name_image

HERE, OTHER = str(Platform.host()), "linux/s390x"


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """It has ``demo``, an index for amd64 and arm64, and ``single``, a manifest."""
    with Registry() as registry:
        door = Door(tmp_path_factory.mktemp("filling"))
        store = Store(door.session.settings.store)
        store.names.set(f"{registry.address}/demo:latest", demo_image(store))
        name_image(store, f"{registry.address}/single:latest", [[member("a", data=b"a")]])
        for name in ("demo", "single"):
            door("push", f"{registry.address}/{name}")
        yield registry.address


@pytest.fixture
def door(tmp_path):
    return Door(tmp_path)


def test_an_image_of_one_platform_is_not_taken_for_another(door, registry):
    single = f"{registry}/single"
    said = f"{single}:latest is for {HERE} only, not for {OTHER}"
    with pytest.raises(PlatformNotFound) as caught:
        door("pull", "--platform", OTHER, single)
    assert caught.value.message == said
    assert door("images", "--quiet") == []
    door("pull", single)
    for words in (["inspect"], ["run", "--show-config"], ["layers"]):
        with pytest.raises(PlatformNotFound) as caught:
            door(*words, "--platform", OTHER, single)
        assert caught.value.message == said
    assert door("inspect", "--platform", HERE, single)["platform"] == HERE


def test_a_platform_that_was_not_pulled_is_named_with_the_way_to_it(door, registry):
    demo, missing = f"{registry}/demo", "linux/arm64" if "amd64" in HERE else "linux/amd64"
    door("pull", demo)
    for words in (["inspect"], ["run", "--pull", "never", "--show-config"]):
        with pytest.raises(BlobNotFound) as caught:
            door(*words, "--platform", missing, demo)
        wanted = f"{demo}:latest for {missing}"
        assert caught.value.message.startswith(f"{wanted}")
        assert "is not in the store: " in caught.value.message
        assert caught.value.hint.startswith(f"ocinb pull --platform {missing}")
    # Who wants to run it has it brought, as docker and podman do.
    config = door("run", "--show-config", "--platform", missing, demo)
    assert config["annotations"]["org.opencontainers.image.architecture"] in missing
    with pytest.raises(PlatformNotFound, match=f"has no manifest for {OTHER}"):
        door("run", "--platform", OTHER, demo)


@pytest.mark.root
def test_nothing_is_pulled_for_a_container_that_cannot_be(door, registry):
    demo = f"{registry}/demo"
    for options, kind in (
        (["--name", "not/a/name"], ContainerError),
        (["--network", "nowhere"], NetworkError),
        (["--network", "none", "--publish", "80:80"], NetworkError),
    ):
        for verb in ("run", "create"):
            with pytest.raises(kind):
                door(verb, *options, demo)
    assert door("images", "--quiet") == []
    name_image(
        Store(door.session.settings.store), "localhost/x:latest", [[member("a", mode=0o755)]]
    )
    door("create", "--name", "taken", "x", "/a")
    with pytest.raises(ContainerExists, match="there is a container taken already"):
        door("run", "--name", "taken", demo)
    assert door("images", "--quiet") == ["localhost/x"]
    door("rm", "--force", "taken")
