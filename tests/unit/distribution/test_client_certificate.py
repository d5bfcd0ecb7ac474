"""A registry that wants to see our certificate."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from ocinb.content.store import Store
from ocinb.distribution.client import Client
from ocinb.distribution.hosts import Hosts
from ocinb.distribution.pull import pull
from ocinb.distribution.retry import RetryPolicy
from ocinb.distribution.trust import Trust
from ocinb.errors import RegistryUnreachable
from tests.support.scripted_registry import ScriptedRegistry, ServedImage

QUICK = RetryPolicy(attempts=2, first_delay=0.001, refused_attempts=1)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def context(authority: trustme.CA, request: pytest.FixtureRequest) -> ssl.SSLContext:
    """A server's settings that refuse whoever shows no certificate of the authority."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(made)
    authority.configure_trust(made)
    made.verify_mode = ssl.CERT_REQUIRED
    made.maximum_version = request.param
    return made


@contextlib.contextmanager
def serving(image: ServedImage, context: ssl.SSLContext) -> Iterator[ScriptedRegistry]:
    with ScriptedRegistry(image, tls=context) as registry:
        yield registry


def certificates(directory: Path, authority: trustme.CA, mine: trustme.LeafCert | None) -> Path:
    """A directory like ``certs.d/HOST``."""
    directory.mkdir(parents=True)
    authority.cert_pem.write_to_path(str(directory / "ca.crt"))
    if mine is not None:
        mine.cert_chain_pems[0].write_to_path(str(directory / "client.cert"))
        mine.private_key_pem.write_to_path(str(directory / "client.key"))
    return directory.parent


def test_it_gets_the_one_in_certs_d(
    authority: trustme.CA, context: ssl.SSLContext, store: Store, tmp_path: Path
) -> None:
    image = ServedImage(100_000, 300)
    with serving(image, context) as registry:
        mine = authority.issue_cert("ann@example")
        place = certificates(tmp_path / "certs.d" / registry.address, authority, mine)
        with Client(hosts=Hosts(trust=Trust([place])), policy=QUICK) as client:
            pulled = pull(client, store, registry.reference())
    for layer in pulled.manifest.layers:
        assert store.path(layer.digest).read_bytes() == image.blobs[layer.digest]


@pytest.mark.parametrize("whose", ["nobody", "a stranger"])
def test_without_the_right_one_it_is_one_sentence(
    whose: str, authority: trustme.CA, context: ssl.SSLContext, store: Store, tmp_path: Path
) -> None:
    mine = trustme.CA().issue_cert("eve@example") if whose == "a stranger" else None
    with serving(ServedImage(100), context) as registry:
        place = certificates(tmp_path / "certs.d" / registry.address, authority, mine)
        with (
            Client(hosts=Hosts(trust=Trust([place])), policy=QUICK) as client,
            pytest.raises(RegistryUnreachable) as raised,
        ):
            pull(client, store, registry.reference())
    assert "client certificate" in raised.value.message
    assert "client.cert" in str(raised.value.hint)
    assert registry.requests == []
