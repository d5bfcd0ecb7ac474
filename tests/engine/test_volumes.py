"""Volumes that an image asks for. Spec: image-spec conversion.md#optional-fields"""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from ocinb.bundle.options import ContainerOptions as Options
from ocinb.engine import Engine
from ocinb.engine.images import LocalImage
from ocinb.engine.plain_bundle import make_bundle
from ocinb.engine.planning import bundle_of
from ocinb.errors import BundleError
from ocinb.events import ignore
from tests.support.workplace import until

BIND = ["rbind"]


def image(engine: Engine, *volumes: str) -> LocalImage:
    """The demo image, as if it asked for these."""
    local = engine.images.get("demo")
    config = local.config
    asked = msgspec.structs.replace(config.config, volumes={path: {} for path in volumes})
    changed = msgspec.structs.replace(config, config=asked)
    return LocalImage(**dict(local) | {"config": changed})


def output(engine: Engine, local: LocalImage, script: str, **options: object) -> str:
    written = bytearray()
    runtime = options.pop("runtime", None)
    engine.run(
        local,
        Options(args=["sh", "-c", script], **options),  # type: ignore[arg-type]
        runtime=runtime,  # type: ignore[arg-type]
        output=lambda data, _: written.extend(data),
    )
    return written.decode()


@pytest.mark.root
@pytest.mark.peer
def test_a_volume_is_a_mount_with_what_the_image_has_there(engine: Engine, runtime: str) -> None:
    local = image(engine, "/etc", "/data/new")
    script = "echo x > /etc/written && cat /etc/os-release; ls -d /data/new; cat /proc/self/mounts"
    said = output(engine, local, script, read_only=True, runtime=runtime)
    assert 'NAME="ocinb demo"' in said
    mounted = {line.split()[1] for line in said.splitlines() if line.count(" ") == 5}
    assert {"/etc", "/data/new"} <= mounted


@pytest.mark.root
def test_a_persons_mount_takes_its_place(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    mount = {"destination": "/data/", "type": "bind", "source": str(tmp_path), "options": BIND}
    assert output(engine, image(engine, "/data"), "ls /data", mounts=[mount]) == "mine\n"


@pytest.mark.root
def test_volumes_go_with_the_container(engine: Engine) -> None:
    output(engine, image(engine, "/data"), "echo x > /data/file")
    # Its monitor removes the files, a moment later.
    until(lambda: list(engine.settings.containers.glob("*/*")) == [])
    assert output(engine, image(engine, "/data"), "ls /data") == ""


def test_a_bundle_has_its_volumes_in_it(engine: Engine, place: Path) -> None:
    path = bundle_of(engine, image(engine, "/usr/share/demo", "/usr"), Options(), place / "bundle")
    added = [
        m for m in json.loads(path.read_text())["mounts"] if m["destination"].startswith("/usr")
    ]
    assert [m["destination"] for m in added] == ["/usr", "/usr/share/demo"]
    assert (place / "bundle/volumes/1/new").exists()
    assert [m["source"] for m in added] == [str(place / f"bundle/volumes/{n}") for n in (0, 1)]


def test_links_of_the_image_do_not_lead_to_the_host(engine: Engine, place: Path) -> None:
    secret = place / "secret"
    secret.mkdir()
    (secret / "key").touch()
    local = engine.images.get("demo")
    layers = [*engine.images.unpack(local), place / "top"]
    (place / "top").mkdir()
    (place / "top/data").symlink_to(secret)

    config = image(engine, "/data").config
    make_bundle(
        place / "bundle", config, layers, Options(), engine.volumes, engine.networks, ignore
    )
    assert list((place / "bundle/volumes/0").iterdir()) == []


@pytest.mark.parametrize("volumes", [["/"], [f"/v{n}" for n in range(101)]], ids=["root", "many"])
def test_a_place_that_is_none_is_refused(engine: Engine, place: Path, volumes: list[str]) -> None:
    with pytest.raises(BundleError, match="volume"):
        bundle_of(engine, image(engine, *volumes), Options(), place / "bundle")
    assert not (place / "bundle").exists()
