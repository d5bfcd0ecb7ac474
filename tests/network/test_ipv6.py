"""Networks with addresses of IPv6 beside those of IPv4; the same by every runtime."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ocinb.engine import Engine
from ocinb.errors import NetworkError
from ocinb.events import NetworkChanged, Recorder, Warned
from ocinb.network import networks as module
from ocinb.network.checking import check
from ocinb.network.publish import parse
from ocinb.settings import Settings
from tests.network.conftest import Start, get
from tests.network.test_bridge import socket_of
from tests.support.own_network import links_and_tables
from tests.support.workplace import until

pytestmark = pytest.mark.root

SERVE = "httpd -f -p '[::]:80' -h /www"
Say = Callable[..., str]


@pytest.fixture(autouse=True)
def both(engine: Engine) -> None:
    """A network of both versions, whose name is both."""
    engine.networks.create("both", subnet="10.43.0.0/24", subnet6="fd00:43::/64", ipv6=True)


@pytest.mark.peer
def test_what_a_container_sees_as_soon_as_it_runs(say: Say, runtime: str) -> None:
    seen = say(
        "ping6 -c 1 -W 5 fd00:43::1 >/dev/null && echo reached; ip -6 addr show eth0; "
        "ip -6 route; cat /etc/hosts",
        network="both",
        hostname="here",
        runtime=runtime,
    )
    assert seen.startswith("reached\n")
    assert "inet6 fd00:43::2/64" in seen
    assert "tentative" not in seen.split("fd00:43::2/64")[1].splitlines()[0]
    assert "default via fd00:43::1 dev eth0" in seen
    assert "10.43.0.2\t" in seen
    assert "fd00:43::2\t" in seen


@pytest.mark.peer
def test_two_containers_talk_by_name_and_by_either_address(
    engine: Engine, start: Start, say: Say, runtime: str
) -> None:
    start("web", SERVE, network="both", runtime=runtime)
    seen = say(
        "wget -q -O - 'http://[fd00:43::2]/'; wget -q -O - http://10.43.0.2/; "
        "ping6 -c 1 -W 5 web >/dev/null && echo named; ",
        network="both",
        runtime=runtime,
    )
    assert seen == "served\nserved\nnamed\n"


def test_names_come_and_go_for_both(engine: Engine, start: Start) -> None:
    first = start("first", "sleep 60", network="both")
    start("second", "sleep 60", network="both")
    hosts = engine.settings.containers / first.id / "bundle/network/hosts"
    known = [line.split("\t")[0] for line in hosts.read_text().splitlines() if "second" in line]
    assert known == ["10.43.0.3", "fd00:43::3"]
    engine.containers.delete("second", force=True)
    assert "second" not in hosts.read_text()


def test_addresses_that_are_wished_for(start: Start, say: Say, engine: Engine) -> None:
    start("web", "sleep 60", network="both", ip6="fd00:43::99")
    assert engine.networks.addresses6(engine.networks.get("both")) == {
        engine.containers.get("web").id: "fd00:43::99"
    }
    for wished, said in (
        ("fd00:43::99", "is in use by container web"),
        ("fd00:44::1", "is not an address of fd00:43::/64"),
        ("fd00:43::1", "is no container's address"),
    ):
        with pytest.raises(NetworkError, match=said):
            say("true", network="both", ip6=wished)
    with pytest.raises(NetworkError, match="network bridge has no addresses of IPv6"):
        say("true", ip6="fd00:43::7")
    with pytest.raises(NetworkError, match=r"--ip6 10\.43\.0\.5 is not an IPv6 address"):
        say("true", network="both", ip6="10.43.0.5")


def test_ports_of_this_machine(start: Start, engine: Engine) -> None:
    start("web", SERVE, network="both", publish=["[::1]:8080:80", "[::]:8081:80", "8082:80"])
    assert get(8080, "::1") == get(8081, "::1") == get(8082) == "served\n"
    assert engine.containers.get("web").ports == (
        "[::1]:8080->80/tcp", "[::]:8081->80/tcp", "127.0.0.1:8082->80/tcp",
    )  # fmt: skip
    for port, host in ((8082, "::1"), (8080, "127.0.0.1"), (8081, "127.0.0.1")):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, port))


def test_ports_lead_into_networks_without_ipv6_too(start: Start) -> None:
    start("web", "httpd -f -p 80 -h /www", publish=["[::1]:8080:80"])
    assert get(8080, "::1") == "served\n"


def test_datagrams(start: Start) -> None:
    web = start("web", "sleep 60", network="both", publish=["[::1]:7000:7000/udp"])
    with (
        socket_of(web.pid, socket.SOCK_DGRAM) as server,
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as client,
    ):
        server.bind(("0.0.0.0", 7000))
        client.settimeout(10)
        client.sendto(b"question", ("::1", 7000))
        data, sender = server.recvfrom(100)
        server.sendto(data.upper(), sender)
        assert client.recv(100) == b"QUESTION"


def test_from_other_machines_and_to_them(start: Start) -> None:
    """A second namespace stands for the rest of the world."""
    with subprocess.Popen(["unshare", "--net", "sleep", "600"]) as world:
        try:
            _connect_with(world.pid)
            web = start(
                "web", "sleep 600", network="both", publish=["[::]:8080:80", "[::1]:8081:80"]
            )
            with socket_of(web.pid, socket.SOCK_STREAM, socket.AF_INET6) as server:
                server.bind(("::", 80))
                server.listen()
                # Who asks is seen: the packet filter hands the connection on, not the proxy.
                assert _peer(server, world.pid, ("fd00:99::1", 8080)) == "fd00:99::2"
                # From this machine it is the proxy, which speaks version 4.
                assert _peer(server, os.getpid(), ("fd00:99::1", 8080)) == "::ffff:10.43.0.1"
                # What is published on the loopback address, and the container's own address.
                for closed in (("fd00:99::1", 8081), ("fd00:43::2", 80)):
                    with pytest.raises(OSError):
                        _peer(server, world.pid, closed, patience=3)
            with socket_of(world.pid, socket.SOCK_STREAM, socket.AF_INET6) as server:
                server.bind(("::", 9))
                server.listen()
                # And out: by the address of this machine, for there is no way back to theirs.
                assert _peer(server, web.pid, ("fd00:99::2", 9)) == "fd00:99::1"
        finally:
            subprocess.run(["ip", "link", "del", "out"], check=False)
            world.kill()


def _connect_with(pid: int) -> None:
    """A link between this network, as fd00:99::1, and that of a process, as fd00:99::2."""
    own = os.readlink("/proc/thread-self/ns/net")
    until(lambda: os.readlink(f"/proc/{pid}/ns/net") != own)
    there = f"nsenter --net --target={pid} ip"
    for words in (
        f"ip link add out type veth peer name in netns {pid}",
        "ip addr add fd00:99::1/64 dev out nodad",
        "ip link set out up",
        f"{there} addr add fd00:99::2/64 dev in nodad",
        f"{there} link set in up",
        f"{there} route add fd00:43::/64 via fd00:99::1",
    ):
        subprocess.run(words.split(), check=True)


def _peer(server: socket.socket, pid: int, address: tuple[str, int], patience: float = 10) -> str:
    """As whom a server sees somebody who connects from the network of a process."""
    with socket_of(pid, socket.SOCK_STREAM, socket.AF_INET6) as client:
        client.settimeout(patience)
        client.connect(address)
        server.settimeout(10)
        accepted, (ip, *_) = server.accept()
        accepted.close()
        return str(ip)


def test_internal_has_no_way_out_by_either(engine: Engine, say: Say) -> None:
    engine.networks.create("shut", ipv6=True, internal=True)
    seen = say("ip route; ip -6 route", network="shut")
    assert "default" not in seen


def test_a_started_again_one_has_addresses_again(engine: Engine, start: Start) -> None:
    start("web", SERVE, network="both", publish=["[::1]:8080:80"])
    engine.containers.stop("web", 0)
    assert engine.networks.addresses6(engine.networks.get("both")) == {}
    engine.containers.start("web")
    assert get(8080, "::1") == "served\n"


def test_check_finds_what_is_missing(start: Start, settings: Settings) -> None:
    web = start("web", SERVE, network="both")
    state = str(settings.network_state)
    assert check(state, web.id, web.pid) == []
    words = "ip -6 addr flush dev eth0 scope global"
    subprocess.run(["nsenter", "--net", f"--target={web.pid}", *words.split()], check=True)
    (said,) = check(state, web.id, web.pid)
    assert said.startswith("eth0 in the container has the address 10.43.0.2")


def test_this_machine_believes_nothing_that_containers_say_of_routes(
    engine: Engine, start: Start
) -> None:
    """A container that sends router advertisements became this machine's router once."""
    start("one", "sleep 60", network="both")
    start("two", "sleep 60")

    def setting(network: str, name: str) -> str:
        bridge = engine.networks.get(network).bridge
        path = Path(f"/proc/thread-self/root/proc/sys/net/ipv6/conf/{bridge}/{name}")
        return path.read_text().strip()

    assert [setting(each, "accept_ra") for each in ("both", "bridge")] == ["0", "0"]
    assert [setting(each, "disable_ipv6") for each in ("both", "bridge")] == ["0", "1"]


def test_where_ipv6_is_off_for_new_links(say: Say) -> None:
    for which in ("default", "all"):
        Path(f"/proc/sys/net/ipv6/conf/{which}/disable_ipv6").write_text("1")
    seen = say("ping6 -c 1 -W 5 fd00:43::1 >/dev/null && echo reached", network="both")
    assert seen == "reached\n"


def test_it_is_said_that_this_machine_routes_from_now_on(say: Say, recorder: Recorder) -> None:
    say("true", network="both")
    made = {event.name: event.detail for event in recorder.of(NetworkChanged)}
    assert made["net.ipv6.conf.all.forwarding"] == "1; it was 0, and stays 1"
    assert any("router advertisements" in event.message for event in recorder.of(Warned))


def test_without_ipv6_it_is_said(
    engine: Engine, say: Say, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "_IPV6", str(tmp_path / "nowhere"))
    with pytest.raises(NetworkError, match="the kernel of this machine has no IPv6"):
        engine.networks.create("more", ipv6=True)
    with pytest.raises(NetworkError, match="cannot be used now: the kernel of this machine has no"):
        say("true", network="both")
    assert [network.name for network in engine.networks] == ["both"]
    assert links_and_tables() == []


def test_a_port_that_is_in_use(say: Say) -> None:
    with socket.create_server(("::1", 8080), family=socket.AF_INET6):
        with pytest.raises(NetworkError, match="port 8080/tcp on ::1 is in use"):
            say("true", network="both", publish=["[::1]:8080:80"])
        with contextlib.suppress(NetworkError):
            say("true", network="both", publish=["127.0.0.1:8080:80"])


def test_ports_are_parsed() -> None:
    (port,) = parse("[::]:8080:80")
    assert (port.host_ip, port.version, port.loopback) == ("::", 6, False)
