"""``registry up`` with its options: a process of its own, seen from a client's side."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from ocinb.distribution.client import Client
from ocinb.distribution.credentials import FixedLogin, Login
from ocinb.distribution.hosts import Hosts
from ocinb.distribution.retry import RetryPolicy
from ocinb.distribution.trust import Trust
from ocinb.errors import AuthenticationFailed, CommandError, RegistryError, UnsupportedHost
from ocinb.events import Warned
from ocinb.spec.reference import Reference
from tests.support.door import Door
from tests.support.ports import free_port

pytestmark = pytest.mark.slow
PASSWORD = "correct-horse"


@pytest.fixture
def door(tmp_path):
    door = Door(tmp_path)
    yield door
    if door("registry", "status").rows:
        door("registry", "down")


@pytest.fixture
def port():
    return free_port()


def test_with_tls_and_tokens_and_the_demo_image_in_it(door, port, tmp_path):
    words = ["--tls", "--token", "--user", f"ann:{PASSWORD}", "--demo"]
    done = door("registry", "up", "--port", port, *words)
    assert "/tls/ca.crt copied to ~/.config/containers/certs.d" in done.message
    (record,) = door("registry", "status").records()
    assert record["serves"] == "tls, token"
    command = Path(f"/proc/{record['pid']}/cmdline").read_bytes()
    assert PASSWORD.encode() not in command
    trusted = tmp_path / "certs.d" / done.subject
    trusted.mkdir(parents=True)
    os.link(Path(record["directory"], "tls/ca.crt"), trusted / "ca.crt")
    hosts = Hosts(trust=Trust([trusted.parent]))
    reference = Reference.parse(f"{done.subject}/demo")
    with Client(hosts=hosts) as nobody, pytest.raises(AuthenticationFailed):
        nobody.tags(reference)
    ann = FixedLogin(done.subject, Login(username="ann", password=PASSWORD))
    with Client(hosts=hosts, credentials=ann) as client:
        assert client.tags(reference) == ["latest"]


def test_with_faults(door, port):
    address = door("registry", "up", "--port", port, "--status", "503", "--times", "2").subject
    assert door("registry", "status").column("serves") == ["status 503"]
    policy = RetryPolicy(attempts=2, first_delay=0.001)
    with Client(policy=policy) as client:
        with pytest.raises(RegistryError, match="answers 503"):
            client.ping(address)
        client.ping(address)


def test_as_a_cache_that_is_read_only(door, port, tmp_path):
    behind = Door(tmp_path / "behind")
    origin = behind("registry", "up", "--port", free_port(), "--demo").subject
    try:
        address = door("registry", "up", "--port", port, "--pull-through", origin).subject
        assert door("registry", "status").column("serves") == [f"cache of {origin}"]
        assert "docker" not in repr(door("pull", f"{address}/demo"))
        with pytest.raises(RegistryError, match="405"):
            door("push", f"{address}/demo", f"{address}/other")
    finally:
        behind("registry", "down")


def test_listening_on_all_addresses_is_warned_of(door, port):
    done = door("registry", "up", "--port", port, "--host", "0.0.0.0")
    assert "whoever reaches this machine" in done.message
    assert any(isinstance(event, Warned) for event in door.session.recorder.events)


@pytest.mark.parametrize(
    "words",
    [
        ["--token"],
        ["--anonymous-pull"],
        ["--user", "correct-horse"],
        ["--times", "3"],
        ["--demo", "--read-only"],
        ["--status", "200"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_is_told_before_anything_starts(words, door, port):
    with pytest.raises(CommandError) as caught:
        door("registry", "up", "--port", port, *words)
    assert PASSWORD not in f"{caught.value.message} {caught.value.hint}"
    assert not door("registry", "status").rows


def test_a_port_in_use_is_one_sentence(door):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UnsupportedHost, match="did not start: cannot listen on") as caught:
            door("registry", "up", "--port", port)
    assert caught.value.hint == "--port chooses another port"


def test_another_one_is_not_started_and_nothing_that_was_asked_for_is_forgotten(door, port):
    words = ["--port", port, "--user", f"ann:{PASSWORD}"]
    address = door("registry", "up", *words).subject
    for same in ([], words, words[:2]):
        assert door("registry", "up", *same).message == f"the registry is up at {address} already"
    for other, named in (
        (["--read-only"], "--read-only"),
        (["--tls", "--user", f"ann:{PASSWORD}"], "--tls"),
        (["--user", "ann:another"], "--user"),
        (["--port", port % 60000 + 1, "--status", "503"], "--port, --status"),
    ):
        with pytest.raises(CommandError) as caught:
            door("registry", "up", *other)
        assert caught.value.message == (
            f"a registry is up at {address} already, with other values of {named}: "
            "nothing is changed"
        )
    state = door.session.settings.run_root / "registry.json"
    assert PASSWORD not in state.read_text()
    assert door("registry", "status").column("serves") == ["passwords"]
