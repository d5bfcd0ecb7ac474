"""``ocinb.Registry``: in a thread, with all that can be asked of it."""

from __future__ import annotations

from pathlib import Path

import pytest

import ocinb
from ocinb.content.store import Store
from ocinb.distribution.client import Client
from ocinb.distribution.credentials import FixedLogin, Login
from ocinb.distribution.hosts import Hosts
from ocinb.distribution.pull import pull
from ocinb.distribution.push import push
from ocinb.distribution.referrers import put_with_subject, referrers
from ocinb.distribution.retry import RetryPolicy
from ocinb.distribution.trust import Trust
from ocinb.errors import AuthenticationFailed, CommandError, RegistryError, UnsupportedHost
from ocinb.events import Exchange, Recorder, Warned
from ocinb.registry.faults import FaultPlan
from ocinb.spec import media_types
from ocinb.spec.descriptor import Descriptor, describe
from ocinb.spec.document import encode, parse_object
from ocinb.spec.reference import Reference
from tests.support.images import make_image, plain
from tests.support.scripted_registry import Reply, ScriptedRegistry

ANN = Login(username="ann", password="secret")


@pytest.fixture
def source(tmp_path: Path) -> Store:
    return Store(tmp_path / "source")


@pytest.fixture
def image(source: Store) -> Descriptor:
    return make_image(source, 50_000, 200)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def test_without_arguments_it_is_open_and_leaves_nothing(
    source: Store, image: Descriptor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with ocinb.Registry() as registry:
        assert registry.address.startswith("127.0.0.1:")
        with Client() as client:
            push(client, source, image, Reference.parse(f"{registry.address}/app:1"))
            assert client.catalog(registry.address) == ["app"]
        assert list(tmp_path.glob("ocinb-*/repositories/app"))
    assert not list(tmp_path.glob("ocinb-*"))


@pytest.mark.parametrize("token", [False, True])
def test_users_come_in_with_their_passwords(token: bool, source: Store, image: Descriptor) -> None:
    recorder = Recorder()
    with ocinb.Registry(users={"ann": "secret"}, token=token, record=recorder) as registry:
        reference = Reference.parse(f"{registry.address}/app:1")
        with Client() as nobody, pytest.raises(AuthenticationFailed):
            push(nobody, source, image, reference)
        with Client(credentials=FixedLogin(registry.address, ANN)) as client:
            push(client, source, image, reference)
    assert any("/token" in e.url for e in recorder.of(Exchange)) == token
    assert "secret" not in repr(recorder.events)


def test_tls_with_an_authority_of_its_own(source: Store, image: Descriptor, tmp_path: Path) -> None:
    with ocinb.Registry(tmp_path / "registry", tls=True) as registry:
        directory = tmp_path / "certs.d" / registry.address
        directory.mkdir(parents=True)
        assert registry.authority is not None
        (directory / "ca.crt").write_bytes(registry.authority.read_bytes())
        with Client(hosts=Hosts(trust=Trust([directory.parent]))) as client:
            push(client, source, image, Reference.parse(f"{registry.address}/app:1"))


def test_faults_can_be_changed_while_it_runs(
    source: Store, image: Descriptor, tmp_path: Path
) -> None:
    policy = RetryPolicy(attempts=2, first_delay=0.001)
    with ocinb.Registry(status=503, times=1) as registry, Client(policy=policy) as client:
        reference = Reference.parse(f"{registry.address}/app:1")
        client.ping(registry.address)
        push(client, source, image, reference)
        registry.faults = FaultPlan(status=500)
        with pytest.raises(RegistryError, match="answers 500"):
            pull(client, Store(tmp_path / "target"), reference)


def test_a_cache_of_another_registry_serves_it_and_keeps_it(
    source: Store, image: Descriptor, tmp_path: Path
) -> None:
    with ocinb.Registry() as behind, Client() as client:
        origin = Reference.parse(f"{behind.address}/team/app:1")
        push(client, source, image, origin)
        document = parse_object(source.read(image), "it")
        signature = encode(document | {"subject": plain(image)})
        made = describe(signature, media_types.IMAGE_MANIFEST)
        put_with_subject(client, origin.with_digest(made.digest), signature, made)
        cache = ocinb.Registry(tmp_path / "cache", pull_through=f"{behind.address}/team")
        with cache:
            reference = Reference.parse(f"{cache.address}/app:1")
            pulled = pull(client, Store(tmp_path / "one"), reference)
            assert pulled.manifest_descriptor.digest == image.digest
            assert client.tags(reference) == ["1"]
            (found,) = referrers(client, reference, image.digest)
            assert found.digest == made.digest
            with pytest.raises(RegistryError, match="has no tag 2"):
                pull(client, Store(tmp_path / "x"), Reference.parse(f"{cache.address}/app:2"))
            behind.close()
            pulled = pull(client, Store(tmp_path / "two"), reference)
            assert pulled.manifest_descriptor.digest == image.digest


def test_a_cache_reads_with_the_logins_of_this_user(
    source: Store, image: Descriptor, tmp_path: Path
) -> None:
    from ocinb.distribution.auth_file import AuthFile

    with ocinb.Registry(users={"ann": "secret"}, token=True) as behind:
        with Client(credentials=FixedLogin(behind.address, ANN)) as client:
            push(client, source, image, Reference.parse(f"{behind.address}/app:1"))
        AuthFile(tmp_path / "home/.docker/config.json").save(behind.address, ANN)
        with ocinb.Registry(pull_through=behind.address) as cache, Client() as nobody:
            pull(nobody, Store(tmp_path / "one"), Reference.parse(f"{cache.address}/app:1"))


@pytest.mark.parametrize(
    "reply",
    [
        Reply(headers={"docker-content-digest": "md5:" + "0" * 32}, body=b"{}"),
        Reply(body=b"no JSON"),
        Reply(status=400),
        Reply(status=401),
    ],
    ids=["digest", "document", "400", "401"],
)
def test_a_cache_of_something_broken_says_so(reply: Reply, tmp_path: Path) -> None:
    policy = RetryPolicy(attempts=1)
    with ScriptedRegistry(lambda request: reply) as behind:
        cache = ocinb.Registry(pull_through=behind.address)
        with cache, Client(policy=policy) as client, pytest.raises(RegistryError) as raised:
            pull(client, Store(tmp_path / "one"), Reference.parse(f"{cache.address}/app:1"))
    assert raised.value.status == 502
    assert "the registry behind this one" in raised.value.message


def test_listening_on_more_than_loopback_is_warned_of() -> None:
    recorder = Recorder()
    with ocinb.Registry(host="0.0.0.0", record=recorder):
        pass
    (warning,) = recorder.of(Warned)
    assert "listens on 0.0.0.0: anybody who reaches it can change its images" in warning.message


def test_what_does_not_go_together_is_told() -> None:
    with pytest.raises(CommandError, match="make sense with passwords only"):
        ocinb.Registry(token=True)
    with pytest.raises(CommandError, match="users and an htpasswd file"):
        ocinb.Registry(users={"a": "b"}, htpasswd="x")
    with ocinb.Registry() as registry:
        port = int(registry.address.rpartition(":")[2])
        with pytest.raises(UnsupportedHost, match="cannot listen"):
            ocinb.Registry(port=port)
