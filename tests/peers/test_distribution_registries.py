"""Our client with registries that are real: Debian's docker-registry and our own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ocinb.content.store import Store
from ocinb.distribution.auth_file import AuthFile, AuthFiles
from ocinb.distribution.client import Client
from ocinb.distribution.copy import copy
from ocinb.distribution.credentials import FixedLogin, Login
from ocinb.distribution.hosts import Hosts
from ocinb.distribution.pull import pull
from ocinb.distribution.push import push
from ocinb.distribution.referrers import delete_manifest, put_with_subject, referrers
from ocinb.distribution.registries_conf import RegistriesConf
from ocinb.distribution.retry import RetryPolicy
from ocinb.distribution.trust import Trust
from ocinb.errors import AuthenticationFailed, RegistryError, RegistryUnreachable
from ocinb.events import BlobDone, Exchange, Recorder
from ocinb.registry.serve import RegistryServer
from ocinb.spec import media_types
from ocinb.spec.descriptor import Descriptor, describe
from ocinb.spec.digest import Digest
from ocinb.spec.image_config import ImageConfig
from ocinb.spec.platform import Platform
from ocinb.spec.reference import Reference
from tests.support.docker_registry import DockerRegistry, docker_registry
from tests.support.images import make_image, make_index, plain
from tests.support.peers import require

pytestmark = pytest.mark.peer
QUICK = RetryPolicy(attempts=3, first_delay=0.01)
AMD64 = Platform(os="linux", architecture="amd64")


@contextmanager
def ours(root: Path) -> Iterator[str]:
    with RegistryServer(root) as server:
        yield server.address


@contextmanager
def debians(root: Path) -> Iterator[str]:
    with docker_registry(root) as registry:
        yield registry.address


@pytest.fixture(scope="module", params=[ours, debians], ids=["ours", "docker-registry"])
def address(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    with request.param(tmp_path_factory.mktemp("registry")) as found:
        yield found


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def client(recorder: Recorder) -> Iterator[Client]:
    with Client(record=recorder, policy=QUICK) as made:
        yield made


@pytest.fixture
def source(tmp_path: Path) -> Store:
    return Store(tmp_path / "source")


@pytest.fixture
def target(tmp_path: Path) -> Store:
    return Store(tmp_path / "target")


def same_image(source: Store, target: Store, image: Descriptor) -> None:
    document = json.loads(source.read(image))
    for entry in (document["config"], *document["layers"]):
        digest = Digest(entry["digest"])
        assert target.path(digest).read_bytes() == source.path(digest).read_bytes()
    assert target.read(image) == source.read(image)


@pytest.mark.parametrize("chunk", [None, 70_000], ids=["monolithic", "chunked"])
@pytest.mark.parametrize("docker", [False, True], ids=["oci", "docker"])
def test_what_is_pushed_is_pulled_byte_for_byte(
    chunk: int | None, docker: bool, address: str, client: Client, source: Store, target: Store
) -> None:
    image = make_image(source, 300_000, 200, docker=docker)
    reference = Reference.parse(f"{address}/team/app:{chunk}-{docker}")
    push(client, source, image, reference, chunk=chunk)
    ready: list[int] = []
    pulled = pull(client, target, reference, on_layer=lambda number, layer: ready.append(number))
    assert pulled.manifest_descriptor.digest == image.digest
    assert sorted(ready) == [0, 1]
    assert target.names.get(str(reference)).digest == image.digest
    same_image(source, target, image)


def test_an_index_is_pushed_whole_and_one_platform_is_pulled(
    address: str, client: Client, source: Store, target: Store
) -> None:
    images = {name: make_image(source, 100, architecture=name) for name in ("amd64", "s390x")}
    index = make_index(source, images)
    reference = Reference.parse(f"{address}/multi:1")
    push(client, source, index, reference)
    pulled = pull(client, target, reference, AMD64)
    assert pulled.target.digest == index.digest
    assert pulled.manifest_descriptor.digest == images["amd64"].digest
    assert target.has(index.digest)
    assert not target.has(images["s390x"].digest)
    other = pull(client, target, reference, Platform(os="linux", architecture="s390x"))
    assert other.config.architecture == "s390x"


def test_an_index_of_which_a_part_is_missing_says_so_where_it_is_refused(
    address: str, client: Client, source: Store, target: Store
) -> None:
    images = {name: make_image(source, 100, architecture=name) for name in ("amd64", "s390x")}
    reference = Reference.parse(f"{address}/part:1")
    push(client, source, make_index(source, images), reference)
    pulled = pull(client, target, reference, AMD64)
    with pytest.raises(RegistryError, match="names 1 images that are not in the store"):
        push(client, target, pulled.target, Reference.parse(f"{address}/part-of:1"))


def test_what_is_there_is_not_sent_and_what_is_near_is_mounted(
    address: str, client: Client, source: Store, recorder: Recorder
) -> None:
    image = make_image(source, 5000)
    push(client, source, image, Reference.parse(f"{address}/one:1"))
    push(client, source, image, Reference.parse(f"{address}/one:2"))
    push(client, source, image, Reference.parse(f"{address}/two:1"), mount_from=["one"])
    sources = [done.source for done in recorder.of(BlobDone)]
    assert sources == ["network"] * 2 + ["registry"] * 2 + ["mounted"] * 2


def test_a_second_pull_fetches_nothing_but_the_manifest(
    address: str, client: Client, source: Store, target: Store
) -> None:
    image = make_image(source, 5000)
    reference = Reference.parse(f"{address}/again:1")
    push(client, source, image, reference)
    pull(client, target, reference)
    assert pull(client, target, reference).downloaded == image.size


def test_tags_are_listed_and_deleted(address: str, client: Client, source: Store) -> None:
    image = make_image(source, 100)
    for tag in ("1.0", "1.1", "2.0"):
        push(client, source, image, Reference.parse(f"{address}/tagged:{tag}"))
    reference = Reference.parse(f"{address}/tagged:1.0")
    assert sorted(client.tags(reference)) == ["1.0", "1.1", "2.0"]
    assert "tagged" in client.catalog(address)
    with pytest.raises(RegistryError) as raised:
        pull(client, source, Reference.parse(f"{address}/tagged:1.2"))
    assert raised.value.message == f"{address}/tagged has no tag 1.2"
    assert "1.1" in (raised.value.hint or "")
    assert f"ocinb tags {address}/tagged" in (raised.value.hint or "")
    delete_manifest(client, reference.with_digest(image.digest))
    assert client.head_manifest(reference) is None


def test_an_unknown_repository_is_told_from_an_unknown_tag(
    address: str, client: Client, source: Store
) -> None:
    with pytest.raises(RegistryError, match=f"registry {address} has no repository no/such"):
        pull(client, source, Reference.parse(f"{address}/no/such:1"))


def test_referrers_are_found_with_and_without_the_api(
    address: str, client: Client, source: Store
) -> None:
    reference = Reference.parse(f"{address}/signed:1")
    image = make_image(source, 100)
    push(client, source, image, reference)
    document = json.loads(source.read(image)) | {
        "artifactType": "application/x.signature",
        "subject": plain(image),
    }
    data = json.dumps(document).encode()
    descriptor = describe(data, media_types.IMAGE_MANIFEST)
    put_with_subject(client, reference.with_digest(descriptor.digest), data, descriptor)
    (found,) = referrers(client, reference, image.digest)
    assert found.digest == descriptor.digest
    assert found.artifact_type == "application/x.signature"
    assert referrers(client, reference, image.digest, "application/x.other") == []


def test_an_image_is_copied_and_only_once(
    address: str, client: Client, source: Store, target: Store, tmp_path: Path
) -> None:
    image = make_image(source, 50_000, 100)
    start = Reference.parse(f"{address}/copy/from:1")
    push(client, source, image, start)
    with ours(tmp_path / "other") as other:
        end = Reference.parse(f"{other}/copy/to:1")
        assert copy(client, start, end).transferred == 3
        again = copy(client, start, end)
        assert (again.transferred, again.mounted, again.present) == (0, 0, 0)
        pull(client, target, end)
    same_image(source, target, image)
    near = copy(client, start, Reference.parse(f"{address}/copy/near:1"))
    assert (near.transferred, near.mounted) == (0, 3)


def test_skopeo_reads_what_we_push_and_we_read_what_it_pushes(
    address: str, client: Client, source: Store, target: Store, tmp_path: Path
) -> None:
    skopeo = [require("skopeo"), "--insecure-policy", "copy", "-q"]
    image = make_image(source, 20_000, 300)
    push(client, source, image, Reference.parse(f"{address}/skopeo:ours"))
    layout = f"oci:{tmp_path}/layout:x"
    subprocess.run(
        [*skopeo, "--src-tls-verify=false", f"docker://{address}/skopeo:ours", layout], check=True
    )
    subprocess.run(
        [*skopeo, "--dest-tls-verify=false", layout, f"docker://{address}/skopeo:theirs"],
        check=True,
    )
    pulled = pull(client, target, Reference.parse(f"{address}/skopeo:theirs"))
    assert [layer.digest for layer in pulled.manifest.layers] == [
        layer["digest"] for layer in json.loads(source.read(image))["layers"]
    ]


def test_each_exchange_is_told(
    address: str, client: Client, source: Store, recorder: Recorder
) -> None:
    push(client, source, make_image(source, 100), Reference.parse(f"{address}/told:1"))
    told = list(recorder.of(Exchange))
    assert {exchange.endpoint for exchange in told} == {"end-2", "end-4a", "end-6", "end-7"}
    assert all(exchange.seconds > 0 and exchange.status for exchange in told)
    assert any(exchange.reused for exchange in told)


ANN = Login(username="ann", password="correct-horse")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    root = tmp_path_factory.mktemp("guarded")
    with docker_registry(root, login=(ANN.username, ANN.password), tls=True) as registry:
        yield registry


@pytest.fixture
def certs(guarded: DockerRegistry, tmp_path: Path) -> Path:
    directory = tmp_path / "certs.d" / guarded.address
    directory.mkdir(parents=True)
    (directory / "ca.crt").write_bytes(guarded.ca)
    return directory.parent


def test_a_registry_with_tls_and_a_password(
    guarded: DockerRegistry, certs: Path, source: Store, target: Store, tmp_path: Path
) -> None:
    file = AuthFile(tmp_path / "auth.json")
    file.save(guarded.address, ANN)
    client = Client(credentials=AuthFiles([file.path]), hosts=Hosts(trust=Trust([certs])))
    image = make_image(source, 2_000_000, 100)
    reference = Reference.parse(f"{guarded.address}/secret/app:1")
    push(client, source, image, reference)
    pull(client, target, reference)
    same_image(source, target, image)


def test_a_wrong_password_and_none_at_all(guarded: DockerRegistry, certs: Path) -> None:
    hosts = Hosts(trust=Trust([certs]))
    with pytest.raises(AuthenticationFailed, match=f"registry {guarded.address} wants a login"):
        Client(hosts=hosts).ping(guarded.address)
    wrong = FixedLogin(guarded.address, Login(username="ann", password="wrong"))
    with pytest.raises(AuthenticationFailed, match="does not accept the login of ann"):
        Client(hosts=hosts, credentials=wrong).ping(guarded.address)
    Client(hosts=hosts, credentials=FixedLogin(guarded.address, ANN)).ping(guarded.address)


def test_a_certificate_of_an_unknown_authority_is_refused(
    guarded: DockerRegistry, tmp_path: Path
) -> None:
    (tmp_path / guarded.address).mkdir()  # speak TLS, but trust nobody in particular
    client = Client(hosts=Hosts(trust=Trust([tmp_path])), policy=QUICK)
    with pytest.raises(RegistryUnreachable, match="certificate that is not trusted"):
        client.ping(guarded.address)


def test_a_certificate_is_not_verified_where_that_is_configured(
    guarded: DockerRegistry, tmp_path: Path
) -> None:
    (tmp_path / "conf").write_text(
        f'[[registry]]\nlocation = "{guarded.address}"\nskip-verify = true\n'
    )
    hosts = Hosts(conf=RegistriesConf.read(tmp_path / "conf"))
    with Client(hosts=hosts, credentials=FixedLogin(guarded.address, ANN)) as client:
        client.ping(guarded.address)


def test_plain_http_to_tls_and_tls_to_plain_http(guarded: DockerRegistry, tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="speaks HTTPS, but was spoken to by plain HTTP"):
        Client().ping(guarded.address)
    with ours(tmp_path / "plain") as plain_address:
        (tmp_path / plain_address).mkdir()
        client = Client(hosts=Hosts(trust=Trust([tmp_path])), policy=QUICK)
        with pytest.raises(RegistryUnreachable) as raised:
            client.ping(plain_address)
    assert "answers by plain HTTP, not by HTTPS" in raised.value.message
    assert f"OCINB_INSECURE_REGISTRIES={plain_address}" in (raised.value.hint or "")


def test_a_schema_1_manifest_of_docker_registry_becomes_the_image_it_was(
    tmp_path: Path, source: Store, target: Store
) -> None:
    history: list[dict[str, object]] = [
        {"created_by": "first"},
        {"created_by": "nothing", "empty_layer": True},
        {"created_by": "second"},
    ]
    image = make_image(source, 3000, 4000, docker=True, history=history)
    with docker_registry(tmp_path / "old", schema1=True) as registry, Client() as client:
        reference = Reference.parse(f"{registry.address}/old:1")
        push(client, source, image, reference)
        signed = _as_schema1(client, reference)
        old = Reference.parse(f"{registry.address}/old:schema1")
        client.put_manifest(old, signed, media_types.DOCKER_MANIFEST_V1_SIGNED)
        fetched = client.get_manifest(old)
        assert fetched.descriptor.media_type == media_types.DOCKER_MANIFEST_V1_SIGNED
        assert len(fetched.signers) == 1
        pulled = pull(client, target, old)
    before = json.loads(source.read(image))
    assert [layer.digest for layer in pulled.manifest.layers] == [
        layer["digest"] for layer in before["layers"]
    ]
    config = ImageConfig.parse(source.path(Digest(before["config"]["digest"])).read_bytes())
    assert pulled.config.rootfs.diff_ids == config.rootfs.diff_ids
    assert [bool(entry.empty_layer) for entry in pulled.config.history or ()] == [
        False,
        True,
        False,
    ]


def _as_schema1(client: Client, reference: Reference) -> bytes:
    """What the registry makes of an image for clients that know schema 1 only."""
    import httpx

    url = f"http://{reference.registry}/v2/{reference.repository}/manifests/{reference.selector}"
    accept = media_types.DOCKER_MANIFEST_V1_SIGNED
    return httpx.get(url, headers={"accept": accept}).content
