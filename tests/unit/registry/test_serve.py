"""The registry on a socket, in a thread and as a process."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ocinb.errors import UnsupportedHost
from ocinb.events import Exchange, Recorder
from ocinb.registry import RegistryServer
from ocinb.registry.access import Basic
from ocinb.registry.faults import FaultPlan
from ocinb.registry.passwords import Known
from ocinb.spec.digest import digest_of

DATA = os.urandom(3_000_000)
DIGEST = digest_of(DATA)


def client(server: RegistryServer) -> httpx.Client:
    return httpx.Client(base_url=f"http://{server.address}")


def push(http: httpx.Client, data: bytes = DATA) -> str:
    """Push in chunks; where the blob is."""
    location = http.post("/v2/a/blobs/uploads/").headers["location"]
    for start in range(0, len(data), 1_000_000):
        response = http.patch(location, content=data[start : start + 1_000_000])
        location = response.headers["location"]
    response = http.put(location, params={"digest": digest_of(data)})
    assert response.status_code == 201
    return response.headers["location"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RegistryServer]:
    with RegistryServer(tmp_path / "registry") as running:
        yield running


def test_a_blob_goes_in_and_out(server: RegistryServer) -> None:
    with client(server) as http:
        location = push(http)
        assert http.get(location).content == DATA
        part = http.get(location, headers={"range": "bytes=1000000-2999998"})
        assert part.content == DATA[1_000_000:2_999_999]


def test_a_refused_body_does_not_cost_the_connection(server: RegistryServer) -> None:
    used = set()
    with client(server) as http:
        for _ in range(3):
            response = http.put("/v2/a/manifests/-bad-", content=DATA)
            assert response.status_code == 400
            stream = response.extensions["network_stream"]
            used.add(stream.get_extra_info("client_addr"))
    assert len(used) == 1


def test_who_asks_before_sending_is_answered_first(server: RegistryServer) -> None:
    host, port = server.address.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as raw:
        raw.sendall(
            b"PUT /v2/a/manifests/-bad- HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n"
            b"Expect: 100-continue\r\n\r\n"
        )
        assert raw.recv(100).startswith(b"HTTP/1.1 400 ")


def test_exchanges_are_told_without_secrets(tmp_path: Path) -> None:
    recorder = Recorder()
    access = Basic(Known({"ann": "secret"}))
    with RegistryServer(tmp_path, access=access, record=recorder) as server, client(server) as http:
        http.get("/v2/a/tags/list", params={"n": "5"}, auth=("ann", "secret"))
    (event,) = recorder.of(Exchange)
    assert (event.method, event.endpoint, event.status) == ("GET", "end-8b", 404)
    assert event.url == f"http://{server.address}/v2/a/tags/list?n=5"
    assert dict(event.request_headers)["authorization"] == "•••"
    assert event.response_bytes > 0


def test_a_cut_answer_is_seen_as_cut(tmp_path: Path) -> None:
    plan = FaultPlan(drop_after=1_500_000, times=1, path="/blobs/sha")
    with RegistryServer(tmp_path, faults=plan) as server, client(server) as http:
        location = push(http)
        with pytest.raises(httpx.RemoteProtocolError):
            http.get(location)
        assert http.get(location).content == DATA


def test_many_clients_at_once(server: RegistryServer) -> None:
    failures: list[str] = []

    def work(number: int) -> None:
        data = os.urandom(200_000) if number % 2 else DATA
        with client(server) as http:
            if http.get(push(http, data)).content != data:
                failures.append("other bytes")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []


def test_a_client_that_leaves_in_the_middle_can_go_on(tmp_path: Path) -> None:
    recorder, left = Recorder(), threading.Event()
    recorder.subscribe(lambda event: left.set() if event.error else None)
    with RegistryServer(tmp_path, record=recorder) as server, client(server) as http:
        location = http.post("/v2/a/blobs/uploads/").headers["location"]
        with patch_of(server, location, len(DATA)) as raw:
            raw.sendall(DATA[:1_200_000])
        assert left.wait(20)
        held = int(http.get(location).headers["range"].removeprefix("0-")) + 1
        assert 0 < held <= 1_200_000
        done = http.put(location, content=DATA[held:], params={"digest": DIGEST})
        assert done.status_code == 201


@pytest.mark.parametrize("copied", [False, True], ids=["by the kernel", "in pieces"])
def test_a_client_that_leaves_while_it_is_sent_to_is_noticed(tmp_path: Path, copied: bool) -> None:
    recorder, left = Recorder(), threading.Event()
    recorder.subscribe(lambda event: left.set() if event.error else None)
    data = bytes(60_000_000)  # more than all buffers on the way hold
    faults = FaultPlan(slow=10**12) if copied else None
    with (
        RegistryServer(tmp_path, record=recorder, faults=faults) as server,
        client(server) as http,
    ):
        location = push(http, data)
        with http.stream("GET", location) as response:
            next(response.iter_raw())
        assert left.wait(20)
    event = recorder.events[-1]
    assert "closed" in event.error
    assert event.response_bytes < len(data)


def test_a_client_that_reads_slowly_gets_it_all(server: RegistryServer) -> None:
    data = os.urandom(8_000_000)
    with client(server) as http:
        location = push(http, data)
    host, port = server.address.split(":")
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.connect((host, int(port)))
    with raw, raw.makefile("rb") as stream:
        for _ in range(2):  # the second request finds the connection in order
            raw.sendall(f"GET {location} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert stream.readline() == b"HTTP/1.1 200 OK\r\n"
            while stream.readline().strip():
                pass
            assert stream.read(len(data)) == data


def test_stopping_does_not_wait_for_a_client_that_stalls(tmp_path: Path) -> None:
    with RegistryServer(tmp_path) as server, client(server) as http:
        location = http.post("/v2/a/blobs/uploads/").headers["location"]
        raw = patch_of(server, location, 1_000_000)
        raw.sendall(b"x" * 1000)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        stopping.join(20)
        raw.close()
        assert not stopping.is_alive()


def patch_of(server: RegistryServer | Process, location: str, length: int) -> socket.socket:
    """A connection on which the head of a PATCH was sent."""
    host, port = server.address.split(":")
    raw = socket.create_connection((host, int(port)), timeout=20)
    head = f"PATCH {location} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
    raw.sendall(head.encode())
    return raw


def test_tls_with_an_authority_of_its_own(tmp_path: Path) -> None:
    with RegistryServer(tmp_path, tls=True) as server:
        assert server.certificates
        context = ssl.create_default_context(cafile=str(server.certificates.authority))
        for host in ("127.0.0.1", "localhost"):
            url = f"https://{host}:{server.address.split(':')[1]}/v2/"
            assert httpx.get(url, verify=context).status_code == 200
        with httpx.Client(base_url=f"https://{server.address}", verify=context) as http:
            assert http.get(push(http)).content == DATA
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"https://{server.address}/v2/")
        assert server.certificates.key.stat().st_mode & 0o077 == 0


def test_a_port_that_is_taken(server: RegistryServer, tmp_path: Path) -> None:
    port = int(server.address.split(":")[1])
    with pytest.raises(UnsupportedHost, match="in use"):
        RegistryServer(tmp_path / "other", port=port).start()


def test_it_can_be_started_again(tmp_path: Path) -> None:
    server = RegistryServer(tmp_path)
    for _ in range(2):
        with server, client(server) as http:
            assert http.get("/v2/").status_code == 200


def test_ipv6(tmp_path: Path) -> None:
    with RegistryServer(tmp_path, host="::1") as server, client(server) as http:
        assert server.address.startswith("[::1]:")
        assert http.get("/v2/").status_code == 200


class Process:
    """``python -m ocinb.registry``."""

    def __init__(self, root: Path, *options: str) -> None:
        argv = [sys.executable, "-m", "ocinb.registry", "--root", str(root), *options]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.address = self.process.stdout.readline().strip()

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


def test_as_a_process(tmp_path: Path) -> None:
    with Process(tmp_path) as server:
        with httpx.Client(base_url=f"http://{server.address}") as http:
            assert http.get(push(http)).content == DATA
        server.process.send_signal(signal.SIGTERM)
        assert server.process.communicate(timeout=20) == ("", None)
        assert server.process.returncode == 0


def test_a_process_with_passwords_and_faults(tmp_path: Path) -> None:
    passwords = tmp_path / "htpasswd"
    passwords.write_text("ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n")
    options = ["--htpasswd", str(passwords), "--token", "--status", "503", "--times", "1"]
    with (
        Process(tmp_path / "registry", *options) as server,
        httpx.Client(base_url=f"http://{server.address}") as http,
    ):
        assert http.get("/v2/").status_code == 503
        assert http.get("/v2/").headers["www-authenticate"].startswith("Bearer realm=")
        answer = http.get("/token", params={"scope": "repository:a:pull"}, auth=("ann", "secret"))
        headers = {"authorization": f"Bearer {answer.json()['token']}"}
        assert http.get("/v2/a/tags/list", headers=headers).status_code == 404


def test_a_process_that_cannot_begin_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    argv = [sys.executable, "-m", "ocinb.registry", "--root", str(tmp_path / "file" / "x")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "not a directory" in done.stderr


@pytest.mark.slow
def test_kill_9_during_an_upload_loses_nothing_that_was_committed(tmp_path: Path) -> None:
    more = os.urandom(2_000_000)
    with Process(tmp_path) as server:
        with httpx.Client(base_url=f"http://{server.address}") as http:
            kept = push(http)
            location = http.post("/v2/a/blobs/uploads/").headers["location"]
            http.patch(location, content=more[:1_000_000])
        with patch_of(server, location, 1_000_000) as raw:
            raw.sendall(more[1_000_000:1_300_000])
            server.process.kill()
            server.process.wait(20)
    with Process(tmp_path) as server, httpx.Client(base_url=f"http://{server.address}") as http:
        assert http.get(kept).content == DATA
        held = int(http.get(location).headers["range"].removeprefix("0-")) + 1
        assert held >= 1_000_000
        digest = digest_of(more)
        response = http.put(location, content=more[held:], params={"digest": digest})
        assert response.status_code == 201
        assert http.get(f"/v2/a/blobs/{digest}").content == more


@pytest.mark.parametrize("options", [["--token"], ["--tls-cert", "/dev/null"], ["--port", "x"]])
def test_options_that_do_not_go_together(tmp_path: Path, options: list[str]) -> None:
    argv = [sys.executable, "-m", "ocinb.registry", "--root", str(tmp_path), *options]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
