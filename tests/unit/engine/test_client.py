"""The engine speaks to registries as this user has configured it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocinb.content.store import Store
from ocinb.distribution.auth_file import AuthFile
from ocinb.distribution.client import Client
from ocinb.distribution.credentials import FixedLogin, Login
from ocinb.distribution.push import push
from ocinb.engine import Engine
from ocinb.errors import AuthenticationFailed
from ocinb.registry.access import Basic
from ocinb.registry.passwords import Known
from ocinb.registry.serve import RegistryServer
from ocinb.settings import Settings
from ocinb.spec.reference import Reference
from tests.support.images import make_image

ANN = Login(username="ann", password="correct-horse")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory of the test's own, in which nothing is configured."""
    for name in ("REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_it_has_the_logins_of_this_user(home: Path) -> None:
    source = Store(home / "source")
    image = make_image(source, 1000)
    people = Known({ANN.username: ANN.password})
    with RegistryServer(home / "registry", access=Basic(people)) as registry:
        name = f"{registry.address}/app:1"
        with Client(credentials=FixedLogin(registry.address, ANN)) as client:
            push(client, source, image, Reference.parse(name))
        settings = Settings(root=home / "root", run_root=home / "run")
        with pytest.raises(AuthenticationFailed, match="wants a login"):
            Engine(settings).client.get_manifest(Reference.parse(name))
        AuthFile(home / ".docker" / "config.json").save(registry.address, ANN)
        fetched = Engine(settings).client.get_manifest(Reference.parse(name))
    assert fetched.descriptor.digest == image.digest


def test_it_has_the_mirrors_of_this_user(home: Path) -> None:
    source = Store(home / "source")
    image = make_image(source, 1000)
    with RegistryServer(home / "registry") as registry:
        with Client() as client:
            push(client, source, image, Reference.parse(f"{registry.address}/library/app:1"))
        conf = home / ".config/containers/registries.conf"
        conf.parent.mkdir(parents=True)
        conf.write_text(
            '[[registry]]\nlocation = "docker.io"\n'
            f'[[registry.mirror]]\nlocation = "{registry.address}"\n'
        )
        engine = Engine(Settings(root=home / "root", run_root=home / "run"))
        fetched = engine.client.get_manifest(Reference.parse("app:1"))
    assert fetched.descriptor.digest == image.digest
