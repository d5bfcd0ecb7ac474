"""A person's client: logging in and out, with our own registry and its token server."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocinb.content.store import Store
from ocinb.distribution.auth_file import AuthFile
from ocinb.distribution.client import Client
from ocinb.distribution.credentials import Login
from ocinb.distribution.hosts import Hosts
from ocinb.distribution.pull import pull
from ocinb.distribution.push import push
from ocinb.distribution.retry import RetryPolicy
from ocinb.distribution.user import log_in, log_out, user_client, user_hosts
from ocinb.errors import AuthenticationFailed, InvalidDocument
from ocinb.events import Exchange, Recorder
from ocinb.registry.access import Access, Basic
from ocinb.registry.faults import FaultPlan
from ocinb.registry.passwords import Known
from ocinb.registry.serve import RegistryServer
from ocinb.registry.tokens import TokenServer
from ocinb.spec.reference import Reference
from tests.support.images import make_image

PEOPLE = Known({"ann": "correct-horse"})
ANN = Login(username="ann", password="correct-horse")


@pytest.mark.parametrize("access", [Basic(PEOPLE), TokenServer(PEOPLE)], ids=["basic", "token"])
def test_logging_in_pushing_pulling_logging_out(access: Access, tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "DOCKER_CONFIG": str(tmp_path / "docker")}
    source, target = Store(tmp_path / "source"), Store(tmp_path / "target")
    image = make_image(source, 50_000, 100)
    recorder = Recorder()
    with RegistryServer(tmp_path / "registry", access=access) as registry:
        reference = Reference.parse(f"{registry.address}/team/app:1")
        file = AuthFile(tmp_path / "docker" / "config.json")
        hosts = user_hosts(environment)
        with pytest.raises(AuthenticationFailed, match="does not accept the login of ann"):
            log_in(registry.address, Login(username="ann", password="wrong"), file, hosts)
        assert not file.path.exists()
        assert log_in(registry.address, ANN, file, hosts) == str(file.path)
        with user_client(environment, record=recorder) as client:
            push(client, source, image, reference)
            pull(client, target, reference)
        assert log_out(registry.address, [file]) == [file.path]
        with (
            user_client(environment) as nobody,
            pytest.raises(AuthenticationFailed, match="wants a login"),
        ):
            pull(nobody, Store(tmp_path / "none"), reference)
    assert "correct-horse" not in repr(recorder.events)
    tokens = [e for e in recorder.of(Exchange) if "/token" in e.url]
    assert len(tokens) <= 2  # one to push with, one to pull with, for all requests


@pytest.mark.parametrize(
    "plan",
    [
        FaultPlan(status=503, times=2),
        FaultPlan(status=429, times=1, path="/blobs/"),
        FaultPlan(drop_after=20_000, path="/blobs/"),
    ],
    ids=["503", "429", "cut"],
)
def test_our_own_registry_with_faults(plan: FaultPlan, tmp_path: Path) -> None:
    source, target = Store(tmp_path / "source"), Store(tmp_path / "target")
    image = make_image(source, 100_000)
    policy = RetryPolicy(attempts=4, first_delay=0.001)
    with RegistryServer(tmp_path / "registry") as registry, Client(policy=policy) as client:
        reference = Reference.parse(f"{registry.address}/faulty:1")
        push(client, source, image, reference)
        registry.faults.plan = plan
        assert pull(client, target, reference).manifest_descriptor.digest == image.digest


def test_the_configuration_that_is_read(tmp_path: Path) -> None:
    own = tmp_path / ".config" / "containers" / "registries.conf"
    own.parent.mkdir(parents=True)
    own.write_text('[[registry]]\nlocation = "own.example"\ninsecure = true\n')
    assert user_hosts({"HOME": str(tmp_path)}).is_insecure("own.example")
    other = tmp_path / "other.conf"
    other.write_text("[[")
    with pytest.raises(InvalidDocument, match=r"other\.conf is not TOML"):
        user_hosts({"HOME": str(tmp_path), "OCINB_REGISTRIES_CONF": str(other)})
    assert Hosts(["a.example"]).is_insecure("a.example:5000")
