"""Networks with addresses of IPv6 only."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from ocinb.bundle.options import Membership
from ocinb.commands import tree
from ocinb.commands.session import Session
from ocinb.engine import Engine
from ocinb.engine.networking import networks_of
from ocinb.errors import NetworkError
from ocinb.network.checking import check
from ocinb.settings import Settings
from tests.network.conftest import Start, get, state_files
from tests.network.test_bridge import socket_of

pytestmark = pytest.mark.root

SERVE = "httpd -f -p '[::]:80' -h /www"
Say = Callable[..., str]


@pytest.fixture
def type_(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Types a command."""
    monkeypatch.setenv("NETCONFPATH", str(settings.root / "none"))
    return lambda words: tree.call(words.split(), Session(settings))


@pytest.fixture(autouse=True)
def six(engine: Engine) -> None:
    engine.networks.create("six", subnet6="fd00:46::/64", ipv4=False, ipv6=True)


@pytest.mark.peer
def test_what_a_container_has_there(
    engine: Engine, start: Start, say: Say, settings: Settings, runtime: str
) -> None:
    web = start("web", SERVE, network="six", runtime=runtime)
    seen = say(
        "ip -4 -o addr show eth0 | grep -c .; ip -6 -o addr show eth0; ip -6 route; "
        "ping6 -c 1 -W 5 fd00:46::1 >/dev/null && echo reached; wget -q -O - http://web/",
        network="six",
        runtime=runtime,
    )
    assert seen.startswith("0\n")
    assert "inet6 fd00:46::3/64" in seen
    assert "default via fd00:46::1 dev eth0" in seen
    assert seen.endswith("reached\nserved\n")
    (there,) = networks_of(engine.networks, web.id)
    assert (there["ip"], there["ip6"], there["gateway"]) == (None, "fd00:46::2", None)
    assert there["gateway6"] == "fd00:46::1"
    assert check(str(settings.network_state), web.id, web.pid) == []


def test_published_ports_lead_there_from_either_version(start: Start, engine: Engine) -> None:
    publish = ["8080:80", "[::1]:8081:80", "7000:7000/udp"]
    web = start("web", SERVE, network="six", publish=publish)
    assert get(8080) == get(8081, "::1") == "served\n"
    with (
        socket_of(web.pid, socket.SOCK_DGRAM, socket.AF_INET6) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        server.bind(("::", 7000))
        client.settimeout(10)
        client.sendto(b"question", ("127.0.0.1", 7000))
        data, sender = server.recvfrom(100)
        server.sendto(data.upper(), sender)
        assert client.recv(100) == b"QUESTION"


def test_joined_and_left_while_it_runs(engine: Engine, start: Start, settings: Settings) -> None:
    engine.networks.create("four", subnet="10.46.0.0/24")
    web = start("web", SERVE, network="four", publish=["8080:80"])
    engine.connect("web", Membership(network="six", ip6="fd00:46::7"))
    engine.disconnect("web", "four")
    assert get(8080) == "served\n"
    assert check(str(settings.network_state), web.id, web.pid) == []
    engine.disconnect("web", "six")
    assert engine.networks.leases(engine.networks.get("six")) == []
    engine.networks.remove("six")


def test_host_gateway_is_this_machine_by_ipv6(say: Say) -> None:
    seen = say("cat /etc/hosts", network="six", add_hosts=["outside:host-gateway"])
    assert "fd00:46::1\toutside" in seen


def test_nothing_is_left(engine: Engine, say: Say, settings: Settings) -> None:
    assert say("echo ran", network="six") == "ran\n"
    assert state_files(settings) == []
    assert engine.networks.leases(engine.networks.get("six")) == []


def test_by_commands(type_: Callable[[str], Any], start: Start) -> None:
    made = str(type_("network create --ipv4=false --ipv6 --subnet fd00:47::/64 own"))
    assert made == "network own is made: fd00:47::/64"
    listed = {row["name"]: row for row in type_("network ls").records()}
    assert (listed["own"]["subnet"], listed["own"]["subnet6"]) == ("", "fd00:47::/64")
    start("web", SERVE, network="six")
    (row,) = type_("network inspect --format table six").records()
    assert (row["ip"], row["ip6"], row["container"]) == ("", "fd00:46::2", "web")
    assert "fd00:46::2" in type_("network inspect six").table.records()[0]["ip6"]


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        ({"ipv4": False}, "a network has addresses of IPv4 or of IPv6"),
        ({"ipv4": False, "ipv6": True, "subnet": "10.47.0.0/24"}, "10.47.0.0/24 is of IPv4"),
    ],
)
def test_networks_that_cannot_be(engine: Engine, wishes: dict[str, Any], said: str) -> None:
    with pytest.raises(NetworkError, match=said):
        engine.networks.create("made", **wishes)
    assert [network.name for network in engine.networks] == ["six"]


def test_an_address_of_ipv4_is_not_to_be_had(say: Say) -> None:
    with pytest.raises(NetworkError, match="network six has no addresses of IPv4"):
        say("true", network="six", ip="10.46.0.5")
