"""What is configured about registries: mirrors, insecure hosts, certificates, proxies."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx
import pytest
import trustme

from ocinb.content.store import Store
from ocinb.distribution.client import Client
from ocinb.distribution.hosts import Hosts
from ocinb.distribution.pull import pull
from ocinb.distribution.registries_conf import RegistriesConf
from ocinb.distribution.trust import Trust
from ocinb.errors import DistributionError, InvalidDocument
from ocinb.events import Recorder, Warned
from ocinb.spec.digest import digest_of
from ocinb.spec.reference import Reference
from tests.support.scripted_registry import Reply, ScriptedRegistry, ServedImage, replace, spoiled

CONF = """
unqualified-search-registries = ["ignored.example"]

[[registry]]
prefix = "docker.io"
location = "docker.io"
[[registry.mirror]]
location = "mirror.example:5000/hub"
insecure = true
[[registry.mirror]]
location = "by-digest.example"
pull-from-mirror = "digest-only"

[[registry]]
prefix = "docker.io/secret"
blocked = true

[[registry]]
location = "old.example/team"
prefix = "new.example"

[[registry]]
location = "localhost:5443"
insecure = false
"""


@pytest.fixture
def hosts(tmp_path: Path) -> Hosts:
    (tmp_path / "registries.conf").write_text(CONF)
    return Hosts(conf=RegistriesConf.read(tmp_path / "registries.conf"))


def places(hosts: Hosts, name: str) -> list[str]:
    return [f"{s.base} {s.repository}" for s in hosts.sources(Reference.parse(name))]


def test_mirrors_come_before_the_registry_itself(hosts: Hosts) -> None:
    assert places(hosts, "nginx") == [
        "http://mirror.example:5000 hub/library/nginx",
        "https://registry-1.docker.io library/nginx",
    ]
    assert places(hosts, f"nginx@{digest_of(b'')}") == [
        "http://mirror.example:5000 hub/library/nginx",
        "https://by-digest.example library/nginx",
        "https://registry-1.docker.io library/nginx",
    ]
    assert places(hosts, "quay.io/a/b") == ["https://quay.io a/b"]


def test_a_registry_can_be_elsewhere_blocked_or_tls_on_loopback(hosts: Hosts) -> None:
    assert places(hosts, "new.example/app") == ["https://old.example team/app"]
    assert places(hosts, "localhost:5443/app") == ["https://localhost:5443 app"]
    with pytest.raises(DistributionError, match=r"docker\.io/secret/app is blocked"):
        hosts.sources(Reference.parse("docker.io/secret/app"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[[registry", "is not TOML"),
        ("registry = 5", "is not written"),
        ("[[registry]]\nblocked = true", "has no location"),
        ("[[registry]]\nlocation = 5", r"registry\[0\].location .* is not a str"),
        ('[[registry]]\nlocation = "a.example"\ninsecure = "yes"', "is not a bool"),
        (
            '[[registry]]\nlocation = "a"\n[[registry.mirror]]\nlocation = "b"\n'
            'pull-from-mirror = "never"',
            "not all, digest-only or tag-only",
        ),
    ],
)
def test_a_broken_file_is_told_by_field(text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "conf").write_text(text)
    with pytest.raises(InvalidDocument, match=sentence):
        RegistriesConf.read(tmp_path / "conf")


def mirrored(tmp_path: Path, origin: str, *mirrors: str) -> Hosts:
    text = f'[[registry]]\nlocation = "{origin}"\n'
    text += "".join(f'[[registry.mirror]]\nlocation = "{mirror}"\n' for mirror in mirrors)
    (tmp_path / "conf").write_text(text)
    return Hosts(conf=RegistriesConf.read(tmp_path / "conf"))


def test_a_mirror_serves_all_and_a_broken_one_is_passed_over(
    tmp_path: Path, store: Store, client: Client
) -> None:
    image, recorder = ServedImage(1000), Recorder()
    with (
        ScriptedRegistry(image) as origin,
        ScriptedRegistry(lambda request: Reply(status=404)) as empty,
        ScriptedRegistry(image) as mirror,
    ):
        hosts = mirrored(tmp_path, origin.address, empty.address, mirror.address)
        with Client(hosts=hosts, record=recorder) as mirrors_first:
            pull(mirrors_first, store, origin.reference())
        assert not origin.requests
        assert empty.requests
    assert any(empty.address in warned.message for warned in recorder.of(Warned))
    assert store.names.items()[0][0] == str(origin.reference())


def test_what_a_mirror_spoils_comes_from_the_origin(tmp_path: Path, store: Store) -> None:
    image = ServedImage(1000)
    wrong = spoiled(image, lambda right: replace(right, body=b"z" * 1000))
    with ScriptedRegistry(image) as origin, ScriptedRegistry(wrong) as mirror:
        hosts = mirrored(tmp_path, origin.address, mirror.address)
        with Client(hosts=hosts) as client:
            pulled = pull(client, store, origin.reference())
    digest = pulled.manifest.layers[0].digest
    assert store.path(digest).read_bytes() == image.blobs[digest]


def test_certificates_of_a_host_are_trusted_and_shown(tmp_path: Path) -> None:
    authority = trustme.CA()
    directory = tmp_path / "registry.example:5000"
    directory.mkdir()
    authority.cert_pem.write_to_path(str(directory / "ca.crt"))
    issued = authority.issue_cert("me@example")
    issued.cert_chain_pems[0].write_to_path(str(directory / "client.cert"))
    issued.private_key_pem.write_to_path(str(directory / "client.key"))
    trust = Trust([tmp_path / "missing", tmp_path])
    assert trust.knows("registry.example:5000")
    assert not trust.knows("registry.example")
    assert not trust.knows("../etc")
    subjects = [ca["subject"] for ca in trust.context("registry.example:5000").get_ca_certs()]
    assert any("trustme" in str(subject) for subject in subjects)
    assert trust.context("other", verify=False).verify_mode == ssl.CERT_NONE


def test_a_broken_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.example").mkdir()
    (tmp_path / "a.example" / "ca.crt").write_text("hello")
    with pytest.raises(DistributionError, match=r"a.example/ca.crt cannot be used for TLS"):
        Trust([tmp_path]).context("a.example")


def test_proxies_are_for_others_than_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:pw@proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "intern.example")
    hosts = Hosts()
    proxy = hosts.proxy(httpx.URL("https://registry.example/"))
    assert proxy is not None
    assert (proxy.url.host, proxy.raw_auth) == ("proxy.example", (b"user", b"pw"))
    assert hosts.proxy(httpx.URL("https://intern.example/")) is None
    assert hosts.proxy(httpx.URL("https://localhost:5000/")) is None
    monkeypatch.setenv("HTTPS_PROXY", "socks5://proxy.example")
    with pytest.raises(DistributionError, match="only proxies spoken to by http"):
        hosts.proxy(httpx.URL("https://registry.example/"))
