"""Containers in several networks, from their start, or connected and disconnected as they run."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from typing import Any

import pytest

from ocinb.bundle.options import Membership
from ocinb.commands import tree
from ocinb.commands.session import Session
from ocinb.engine import Engine
from ocinb.engine.networking import networks_of
from ocinb.errors import CommandError, NetworkError
from ocinb.network.checking import check
from ocinb.settings import Settings
from tests.network.conftest import Start, get, state_files

pytestmark = pytest.mark.root

SERVE = "httpd -f -p 80 -h /www"
Say = Callable[..., str]
Type = Callable[[str], Any]


@pytest.fixture(autouse=True)
def networks(engine: Engine) -> None:
    engine.networks.create("a", subnet="10.50.0.0/24")
    engine.networks.create("b", subnet="10.51.0.0/24", subnet6="fd00:51::/64", ipv6=True)


@pytest.fixture
def type_(engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Type:
    """Types a command; what a container writes is what it gives back."""
    monkeypatch.setenv("NETCONFPATH", str(settings.root / "none"))
    said: list[bytes] = []
    session = Session(settings, output=lambda data, _: said.append(data))

    def call(words: str) -> Any:
        said.clear()
        value = tree.call(words.split(" "), session)
        return b"".join(said).decode() or value

    return call


def inside(engine: Engine, name: str, script: str) -> str:
    """What a script says in a running container."""
    from ocinb.engine.joining import FurtherProcess

    said: list[bytes] = []
    process = FurtherProcess(args=["/bin/sh", "-c", script])
    engine.containers.exec(name, process, output=lambda data, _: said.append(data))
    return b"".join(said).decode()


def answers(port: int) -> bool:
    """Whether somebody listens at this moment."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.peer
def test_an_interface_for_each(type_: Type, runtime: str) -> None:
    seen = type_(
        f"run --rm --runtime {runtime} --network b:ip=10.51.0.9,ip6=fd00:51::9 "
        "--network a:mac=02:42:00:00:00:07,alias=mine box sh -c "
        "ip\tlink;ip\taddr;ip\troute;ip\t-6\troute;cat\t/etc/hosts".replace("\t", "${IFS}")
    )
    assert re.search(r"eth0.*inet 10\.51\.0\.9/24.*inet6 fd00:51::9/64", seen, re.DOTALL)
    assert re.search(r"eth1.*02:42:00:00:00:07.*inet 10\.50\.0\.2/24", seen, re.DOTALL)
    # The way out is that of the network which was named first.
    assert [line for line in seen.splitlines() if "default" in line] == [
        "default via 10.51.0.1 dev eth0 ",
        "default via fd00:51::1 dev eth0  metric 1024 ",
    ]
    assert re.search(r"^10\.50\.0\.2\t.* mine$", seen, re.MULTILINE)
    assert not re.search(r"^10\.51\.0\.9\t.* mine$", seen, re.MULTILINE)


@pytest.mark.peer
def test_a_container_between_two_networks(start: Start, say: Say, runtime: str) -> None:
    """It is known by its name in both, and they do not know each other."""
    also = [Membership(network="b")]
    start("between", SERVE, network="a", further=also, publish=["8080:80"], runtime=runtime)
    fetch = "wget -q -O - http://between/"
    assert say(fetch, network="a", runtime=runtime) == "served\n"
    assert say(fetch, network="b", runtime=runtime) == "served\n"
    assert get(8080) == "served\n"
    reach = "nc -w 2 10.50.0.2 80 -e true 2>/dev/null && echo reached || echo shut"
    assert say(reach, network="b", runtime=runtime) == "shut\n"


@pytest.mark.peer
def test_connected_and_disconnected_while_it_runs(
    engine: Engine, start: Start, say: Say, settings: Settings, runtime: str
) -> None:
    web = start("web", SERVE, network="a", runtime=runtime)
    other = start("other", "sleep 600", network="b", runtime=runtime)
    engine.connect(
        "web",
        Membership(network="b", ip="10.51.0.77", aliases=["shop"]),
    )
    assert inside(engine, "other", "wget -q -O - http://shop/") == "served\n"
    assert "eth1" in inside(engine, "web", "ip -o -4 addr show eth1")
    assert inside(engine, "web", "ping -c 1 -W 5 other >/dev/null && echo found") == "found\n"
    assert [one["ip"] for one in networks_of(engine.networks, web.id)] == [
        "10.50.0.2",
        "10.51.0.77",
    ]
    assert check(str(settings.network_state), web.id, web.pid) == []
    engine.disconnect("web", "b")
    hosts = settings.containers / other.id / "bundle/network/hosts"
    assert "shop" not in hosts.read_text()
    assert "other" not in inside(engine, "web", "cat /etc/hosts")
    assert "eth1" not in inside(engine, "web", "ip -o link")
    assert say("wget -q -O - http://web/", network="a", runtime=runtime) == "served\n"
    actions = [(event.action, event.detail) for event in engine.happenings.past()]
    assert ("connect", "b") in actions
    assert ("disconnect", "b") in actions


def test_the_way_out_moves_to_a_network_that_stays(engine: Engine, start: Start) -> None:
    start("web", "sleep 600", network="a")
    engine.connect("web", Membership(network="b"))
    engine.disconnect("web", "a")
    seen = inside(engine, "web", "ip route; ip -6 route")
    assert "default via 10.51.0.1 dev eth1" in seen
    assert "default via fd00:51::1 dev eth1" in seen
    engine.connect("web", Membership(network="a"))
    assert "10.50.0" in inside(engine, "web", "ip -o -4 addr show eth0")
    assert "default via 10.51.0.1" in inside(engine, "web", "ip route")


def test_out_of_all_networks_and_back(engine: Engine, start: Start, say: Say) -> None:
    start("web", SERVE, network="a")
    engine.disconnect("web", "a")
    assert engine.networks.leases(engine.networks.get("a")) == []
    assert inside(engine, "web", "ip -o link | grep -c .") == "1\n"
    engine.connect("web", Membership(network="a"))
    assert say("wget -q -O - http://web/", network="a") == "served\n"


def test_it_is_so_again_when_it_is_started_again(engine: Engine, start: Start) -> None:
    web = start("web", "sleep 600", network="a")
    engine.connect("web", Membership(network="b", ip="10.51.0.77"))
    engine.containers.stop("web", 0)
    assert networks_of(engine.networks, web.id) == []
    engine.containers.start("web")
    seen = {one["network"]: one["ip"] for one in networks_of(engine.networks, web.id)}
    assert (set(seen), seen["b"]) == ({"a", "b"}, "10.51.0.77")


def test_one_that_has_ended_is_changed_for_its_next_start(engine: Engine, start: Start) -> None:
    web = start("web", "sleep 600", network="a")
    engine.containers.stop("web", 0)
    engine.connect("web", Membership(network="b"))
    engine.disconnect("web", "a")
    engine.containers.start("web")
    assert [one["network"] for one in networks_of(engine.networks, web.id)] == ["b"]


@pytest.mark.peer
def test_published_ports_follow_to_a_network_that_stays(
    engine: Engine, start: Start, settings: Settings, runtime: str
) -> None:
    # Also those that come from elsewhere, by the packet filter, and by either version.
    publish = ["8080:80", "0.0.0.0:8081:80", "[::1]:8082:80", "80"]
    web = start("web", SERVE, network="a", publish=publish, runtime=runtime)
    listed = engine.containers.get("web").ports
    numbers = [int(re.findall(r":(\d+)->", port)[0]) for port in listed]
    assert len(numbers) == 4
    engine.connect("web", Membership(network="b"))
    engine.disconnect("web", "a")
    assert engine.containers.get("web").ports == listed
    assert [get(number) for number in (8080, 8081, numbers[3])] == ["served\n"] * 3
    assert check(str(settings.network_state), web.id, web.pid) == []
    engine.disconnect("web", "b")
    assert engine.containers.get("web").ports == ()
    assert check(str(settings.network_state), web.id, web.pid) == []
    assert not answers(8080)
    # In a network again they are what they were.
    engine.connect("web", Membership(network="a"))
    assert engine.containers.get("web").ports == listed
    assert get(8080) == "served\n"
    assert check(str(settings.network_state), web.id, web.pid) == []


def test_ports_of_one_that_has_ended_follow_at_its_next_start(engine: Engine, start: Start) -> None:
    start("web", SERVE, network="a", publish=["8080:80"])
    engine.containers.stop("web", 0)
    engine.disconnect("web", "a")
    engine.containers.start("web")
    assert engine.containers.get("web").ports == ()
    assert not answers(8080)
    engine.connect("web", Membership(network="b"))
    assert get(8080) == "served\n"


def test_a_port_that_another_has_taken_meanwhile(engine: Engine, start: Start) -> None:
    web = start("web", SERVE, network="a", publish=["8080:80"])
    engine.disconnect("web", "a")
    start("thief", SERVE, network="b", publish=["8080:80"])
    with pytest.raises(NetworkError) as refused:
        engine.connect("web", Membership(network="a"))
    said = "the ports of web are not published any more: port 8080/tcp on 127.0.0.1 is in use"
    assert refused.value.message.startswith(said)
    assert [one["network"] for one in networks_of(engine.networks, web.id)] == ["a"]
    assert get(8080) == "served\n"


def test_what_cannot_be(engine: Engine, start: Start, settings: Settings) -> None:
    start("web", SERVE, network="a", publish=["8080:80"])
    start("alone", "sleep 600", network="none")
    before = state_files(settings)
    attempts: list[tuple[str, Callable[[], object]]] = [
        (
            "web is in network a already",
            lambda: engine.connect("web", Membership(network="a")),
        ),
        (
            "there is no network c",
            lambda: engine.connect("web", Membership(network="c")),
        ),
        (
            "web is not in network b",
            lambda: engine.disconnect("web", "b"),
        ),
        (
            "the networks of alone cannot be changed",
            lambda: engine.connect("alone", Membership(network="a")),
        ),
        (
            "10.50.0.7 is not an address of 10.51.0.0/24",
            lambda: engine.connect("web", Membership(network="b", ip="10.50.0.7")),
        ),
    ]
    for said, attempt in attempts:
        with pytest.raises(NetworkError) as refused:
            attempt()
        assert said in refused.value.message
    assert state_files(settings) == before
    assert get(8080) == "served\n"


@pytest.mark.parametrize(
    ("typed", "kind", "said"),
    [
        ("--network a --network host", NetworkError, "--network host cannot be one of several"),
        ("--network a --network container:x", NetworkError, "cannot be one of several"),
        ("--network a --network a", NetworkError, "--network a is given twice"),
        ("--network a --network b --ip 10.50.0.5", CommandError, "for which network?"),
        ("--network a:ip=10.50.0.5 --ip 10.50.0.6", CommandError, "for which network?"),
        ("--network a:port=5", CommandError, "'port=5' is not understood"),
        ("--network a:ip=", CommandError, "'ip=' is not understood"),
        ("--network a:ip=1.2.3.4,ip=1.2.3.5", CommandError, "is not understood"),
        ("--network :ip=1.2.3.4", CommandError, "names no network"),
        ("--network a:alias=a/b", NetworkError, "'a/b' is not a host name"),
        ("--network a --network b:mac=x", NetworkError, "--mac-address x is not"),
        ("--network none:ip=1.2.3.4", NetworkError, "--ip has no meaning with --network none"),
    ],
)
def test_options_that_are_refused(
    type_: Type, engine: Engine, typed: str, kind: type, said: str
) -> None:
    with pytest.raises(kind) as refused:
        type_(f"run {typed} box true")
    assert said in str(refused.value)
    assert engine.containers.all() == []


def test_the_commands(type_: Type, engine: Engine) -> None:
    type_("network create six --ipv6 --subnet 10.52.0.0/24 --subnet fd00:52::/64")
    made = type_("network create any --ipv6").message
    assert re.search(r"10\.87\.0\.0/24, fd[0-9a-f:]+::/64", made)
    rows = {row["name"]: row["subnet6"] for row in type_("network ls").records()}
    assert (rows["a"], rows["six"]) == ("", "fd00:52::/64")
    type_("run -d --name web --network a box sleep 600")
    type_("network connect --alias shop --ip6 fd00:52::5 six web")
    (row,) = type_("network inspect six --format table").records()
    assert (row["container"], row["ip"], row["ip6"]) == ("web", "10.52.0.2", "fd00:52::5")
    assert "shop" in row["names"]
    document = type_("inspect web")
    assert [one["network"] for one in document["networks"]] == ["a", "six"]
    type_("network disconnect six web")
    type_("network rm six any")
    for words, said in (
        ("network create x --subnet fd00:9::/64", "is of IPv6"),
        ("network create x --ipv6 --subnet fd00:51::/80", "overlaps fd00:51::/64, network b"),
        ("network create x --ipv6 --subnet fe80::/64", "not addresses of hosts"),
        ("network create x --ipv6 --subnet fd00::/127", "a network cannot be"),
        ("network create x --subnet 10.9.0.0/24 --subnet 10.10.0.0/24", "there is 10.9.0.0/24"),
    ):
        with pytest.raises((NetworkError, CommandError)) as refused:
            type_(words)
        assert said in str(refused.value)


def test_a_container_that_was_killed_leaves_nothing_in_any(
    engine: Engine, start: Start, settings: Settings
) -> None:
    web = start("web", "sleep 600", network="a")
    engine.connect("web", Membership(network="b"))
    engine.containers.kill("web", "KILL")
    engine.containers.wait("web")
    assert state_files(settings) == []
    assert web.id
