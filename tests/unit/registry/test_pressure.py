"""A registry under clients that are many, slow, or full of tricks, on real sockets."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ocinb.registry import RegistryServer, asgi, zero_copy
from ocinb.spec.digest import digest_of

SMALL = b"a small blob"
PATH = f"/v2/a/blobs/{digest_of(SMALL)}"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RegistryServer]:
    with RegistryServer(tmp_path / "outer" / "registry") as running:
        with httpx.Client(base_url=f"http://{running.address}") as http:
            query = {"digest": digest_of(SMALL)}
            assert http.post("/v2/a/blobs/uploads/", params=query, content=SMALL).status_code == 201
        yield running


def connect(server: RegistryServer) -> socket.socket:
    host, port = server.address.split(":")
    return socket.create_connection((host, int(port)), timeout=20)


def said(raw: socket.socket, data: bytes) -> bytes:
    """All that the registry answers until it closes the connection."""
    with contextlib.suppress(ConnectionError):
        raw.sendall(data)
    answer = bytearray()
    with contextlib.suppress(ConnectionError):
        while piece := raw.recv(65536):
            answer += piece
    return bytes(answer)


def still_serves(server: RegistryServer) -> bool:
    return httpx.get(f"http://{server.address}{PATH}", timeout=10).content == SMALL


def test_two_hundred_connections_at_once_all_get_their_blob(server: RegistryServer) -> None:
    together = threading.Barrier(200)
    right: list[bool] = []

    def work() -> None:
        with connect(server) as raw:
            together.wait(30)
            head = f"GET {PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            right.append(said(raw, head.encode()).endswith(SMALL))

    threads = [threading.Thread(target=work) for _ in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert right == [True] * 200


@pytest.mark.parametrize("begun", ["head", "body"])
def test_two_hundred_clients_that_never_end_hold_up_nobody(
    begun: str, server: RegistryServer
) -> None:
    url = f"http://{server.address}"
    location = httpx.post(f"{url}/v2/a/blobs/uploads/").headers["location"]
    head = f"PATCH {location} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n"
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            raw = stack.enter_context(connect(server))
            raw.sendall((head + ("\r\nx" if begun == "body" else "")).encode())
        assert still_serves(server)
        assert httpx.post(f"{url}/v2/b/blobs/uploads/", timeout=10).status_code == 202


@pytest.mark.parametrize(
    ("sent", "answers"),
    [
        (b"GET /v2/ HTTP/1.1\r\nHost: x\r\nX-", 0),
        (b"", 0),
        (b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\nGET /v2/ HT", 1),
    ],
    ids=["a part", "nothing", "behind a request"],
)
def test_a_head_that_never_ends_is_given_up(
    sent: bytes, answers: int, server: RegistryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zero_copy, "HEAD_PATIENCE", 1.0)
    with connect(server) as raw:
        assert said(raw, sent).count(b"HTTP/1.1 200 OK") == answers


def test_a_body_that_trickles_is_given_up(
    server: RegistryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asgi, "PATIENCE", 0.3)
    url = f"http://{server.address}"
    location = httpx.post(f"{url}/v2/a/blobs/uploads/").headers["location"]
    ended = threading.Event()
    with connect(server) as raw:

        def trickle() -> None:
            head = f"PATCH {location} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
            with contextlib.suppress(OSError):
                raw.sendall(head.encode())
                while not ended.wait(0.05):
                    raw.sendall(b"x")

        thread = threading.Thread(target=trickle)
        thread.start()
        answer = said(raw, b"")
        ended.set()
        thread.join()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert httpx.get(f"{url}{location}").status_code == 204  # it can be gone on with


TRICKS = [
    "/v2/../../etc/passwd",
    "/v2/a/blobs/../../../../etc/passwd",
    "/v2/a/blobs/..%2f..%2f..%2fetc%2fpasswd",
    "/v2/%2e%2e/%2e%2e/etc/manifests/passwd",
    "/v2/a/manifests/..%2f..%2fx",
    "/v2/a/manifests/%2e%2e",
    "/v2/a%00b/manifests/1",
    "/v2/a%0d%0aX-Evil:%201/manifests/1",
    "/v2/a/blobs/uploads/..%2f..%2fx",
    "/v2//etc/passwd/manifests/1",
    "/v2/a/blobs/sha256:..%2f..%2fetc%2fpasswd",
    "/v2/a/blobs/sha256:%2fetc%2fpasswd",
    "//v2/",
    "/v2/%ff%fe/tags/list",
    "http://other.example/v2/a/manifests/1",
    "/v2/a;x=1/manifests/1",
    "/v2/" + "a/" * 2000 + "manifests/1",
]


@pytest.mark.parametrize("path", TRICKS, ids=[path[:40] for path in TRICKS])
def test_a_path_that_leads_elsewhere_leads_nowhere(
    path: str, server: RegistryServer, tmp_path: Path
) -> None:
    before = _files(tmp_path)
    rest = "HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
    for method in ("GET", "PUT", "POST", "PATCH", "DELETE"):
        with connect(server) as raw:
            answer = said(raw, f"{method} {path} {rest}".encode())
        assert 400 <= int(answer.split()[1]) < 500, answer
        assert b"root:" not in answer
        assert b"\r\nX-Evil" not in answer
    assert _files(tmp_path) == before


def _files(root: Path) -> set[str]:
    return {os.path.join(place, name) for place, _, names in os.walk(root) for name in names}


@pytest.mark.parametrize(
    "junk",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
        b"GET /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"GET /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST /v2/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /v2/ HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 5_000_000 + b"\r\n\r\n",
        b"NONSENSE\r\n\r\n",
    ],
    ids=["TLS", "length", "two lengths", "chunks", "long header", "nonsense"],
)
def test_what_is_no_http_is_refused_and_the_next_is_served(
    junk: bytes, server: RegistryServer
) -> None:
    with connect(server) as raw:
        answer = said(raw, junk)
    assert not answer or answer.startswith(b"HTTP/1.1 4")
    assert still_serves(server)
