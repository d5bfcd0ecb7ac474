"""What passes on the wire, and what is told of it."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from select import select

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.content.store import Store
from ocinb.distribution.client import Client
from ocinb.distribution.hosts import Hosts
from ocinb.distribution.outgoing import Timeouts
from ocinb.distribution.pull import pull
from ocinb.distribution.retry import RetryPolicy, seconds_of
from ocinb.distribution.trust import Trust
from ocinb.distribution.wire import masked_headers, masked_url
from ocinb.errors import RegistryUnreachable
from ocinb.events import Exchange, Recorder, Warned
from ocinb.registry.serve import RegistryServer
from ocinb.spec import media_types
from tests.support.scripted_registry import Reply, Request, ScriptedRegistry, ServedImage


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.example/v2/?n=5&last=x", "https://a.example/v2/?n=5&last=x"),
        ("https://ann:pw@a.example/", "https://***@a.example/"),
        ("https://a/b?X-Amz-Signature=s3cret&X-Amz-Date=1", "https://a/b?X-Amz-Signature=***&X-Amz-Date=1"),
        ("/v2/x/blobs/uploads/1?_state=s3cret", "/v2/x/blobs/uploads/1?_state=***"),
        ("https://a/t?access_token=s3cret#f", "https://a/t?access_token=***#f"),
    ],
)  # fmt: skip
def test_a_url_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert masked_url(url) == shown


@given(st.text(max_size=300))
def test_any_text_can_be_masked(text: str) -> None:
    assert masked_url(masked_url(text)) == masked_url(text)


def test_headers_are_shown_without_credentials() -> None:
    headers = httpx.Headers({"Authorization": "Basic s3cret", "Set-Cookie": "s3cret", "ETag": "x"})
    assert masked_headers(headers) == (
        ("authorization", "***"),
        ("set-cookie", "***"),
        ("etag", "x"),
    )


def test_an_exchange_tells_sizes_reuse_and_attempt(
    client: Client, recorder: Recorder, store: Store
) -> None:
    image = ServedImage(5000)
    busy = [True]

    def script(request: Request) -> Reply:
        return Reply(status=503) if busy and busy.pop() else image(request)

    with ScriptedRegistry(script) as registry:
        pull(client, store, registry.reference())
    first, second, *_, last = recorder.of(Exchange)
    assert (first.status, first.attempt, first.reused) == (503, 1, False)
    assert (second.status, second.attempt, second.reused) == (200, 2, True)
    assert (last.endpoint, last.response_bytes) == ("end-2", 5000)
    assert dict(last.request_headers)["accept-encoding"] == "identity"


def test_cookies_are_not_kept(client: Client) -> None:
    def script(request: Request) -> Reply:
        return Reply(headers={"set-cookie": "track=1; Path=/"}, body=b'{"tags":[]}')

    with ScriptedRegistry(script) as registry:
        client.tags(registry.reference())
        client.tags(registry.reference())
        assert all("cookie" not in request.headers for request in registry.requests)


def test_a_warning_of_the_registry_is_passed_on_once(client: Client, recorder: Recorder) -> None:
    headers = {"warning": '299 - "this repository \x1b[1mmoves"'}
    with ScriptedRegistry(lambda request: Reply(headers=headers, body=b"{}")) as registry:
        client.tags(registry.reference())
        client.tags(registry.reference())
    (warned,) = recorder.of(Warned)
    assert warned.message == f"registry {registry.address}: this repository  [1mmoves"


def test_content_that_a_descriptor_carries_is_not_fetched(client: Client, store: Store) -> None:
    image = ServedImage(100)
    config = {**image.config, "data": _base64(image.blobs[str(image.config["digest"])])}
    image.document({**image.manifest, "config": config}, media_types.IMAGE_MANIFEST, tag="1")
    with ScriptedRegistry(image) as registry:
        pull(client, store, registry.reference())
        assert not [r for r in registry.requests if r.path.endswith(str(config["digest"]))]


def _base64(data: bytes) -> str:

    return b64encode(data).decode()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("5", 5.0),
        (" 7 ", 7.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("soon", None),
        (None, None),
    ],
)
def test_retry_after_is_a_number_or_a_date(header: str | None, seconds: float | None) -> None:
    assert seconds_of(header) == seconds


@pytest.mark.parametrize("length", [0, 5, 30])
def test_a_tls_handshake_that_never_ends_is_given_up(length: int, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        (tmp_path / address).mkdir()
        hello = b"\x16\x03\x03\x40\x00" + b"\x02" * 25
        served = threading.Thread(target=_say_and_wait, args=(listener, hello[:length]))
        served.start()

        client = Client(
            hosts=Hosts(trust=Trust([tmp_path])),
            policy=RetryPolicy(attempts=1),
            timeouts=Timeouts(connect=0.2, read=0.2),
        )
        with pytest.raises(RegistryUnreachable):
            client.ping(address)
        client.close()
        served.join()


def _say_and_wait(listener: socket.socket, data: bytes) -> None:
    connection, _ = listener.accept()
    with connection, contextlib.suppress(OSError):  # it was told enough, and hung up
        connection.sendall(data)
        while connection.recv(1000):
            pass


@contextmanager
def tunnel(seen: list[bytes]) -> Iterator[str]:
    """A proxy that takes one CONNECT and relays it to wherever it says."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            near, _ = listener.accept()
            with near:
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    head += near.recv(1)
                seen.append(head)
                host, _, port = head.split()[1].decode().rpartition(":")
                with socket.create_connection((host, int(port))) as far:
                    near.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                    while True:
                        for ready in select([near, far], [], [])[0]:
                            data = ready.recv(65536)
                            if not data:
                                return
                            (far if ready is near else near).sendall(data)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def test_a_proxy_tunnels_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []
    with RegistryServer(tmp_path / "r", tls=True) as registry, tunnel(seen) as proxy:
        assert registry.certificates
        certs = tmp_path / "certs" / registry.address
        certs.mkdir(parents=True)
        (certs / "ca.crt").write_bytes(registry.certificates.authority.read_bytes())
        hosts = Hosts(trust=Trust([certs.parent]))
        # Loopback is never proxied; here is nothing but loopback.
        monkeypatch.setattr(hosts, "proxy", lambda url: httpx.Proxy(f"http://u:p@{proxy}"))
        with Client(hosts=hosts) as client:
            client.ping(registry.address)
    assert seen[0].startswith(f"CONNECT {registry.address} HTTP/1.1".encode())
    assert b"proxy-authorization: Basic dTpw" in seen[0].replace(b"Proxy-A", b"proxy-a")


def test_a_proxy_for_plain_http_is_asked_with_the_whole_url(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ScriptedRegistry(lambda request: Reply(body=json.dumps({"tags": []}).encode())) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.address}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        with Client(insecure=["registry.example"]) as client:
            client.catalog("registry.example")
    assert proxy.requests[0].path == "http://registry.example/v2/_catalog"


def test_a_proxy_that_is_wrong_is_named_and_another_one_is_used_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    with (
        ScriptedRegistry(lambda request: Reply(body=json.dumps({"tags": []}).encode())) as proxy,
        Client(insecure=["registry.example"], policy=RetryPolicy(attempts=1)) as client,
    ):
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        wrong = "its proxy http://127.0.0.1:1 cannot be reached: connection refused"
        with pytest.raises(RegistryUnreachable, match=wrong):
            client.catalog("registry.example")
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.address}")
        client.catalog("registry.example")
    assert proxy.requests[0].path == "http://registry.example/v2/_catalog"
