"""Containers on bridges: published ports, names, addresses; the same by every runtime."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ocinb.bundle.options import ContainerOptions, Networking
from ocinb.engine import Engine
from ocinb.engine.container_files import ContainerFiles
from ocinb.engine.repair import repair_networks
from ocinb.errors import ContainerError, InvalidStatus, NetworkError, StepFailed
from ocinb.events import NetworkChanged, Recorder, Warned
from ocinb.linux import flags as f
from ocinb.linux.nftables import Tables
from ocinb.linux.syscalls import Kernel
from ocinb.network.checking import check
from ocinb.settings import Settings
from ocinb.trace import trace
from ocinb.workshop import commit_container
from tests.network.conftest import Start, get, state_files
from tests.support.own_network import links_and_tables
from tests.support.peers import require
from tests.support.ports import free_port
from tests.support.remains import held
from tests.support.workplace import until

pytestmark = pytest.mark.root

SERVE = "httpd -f -p 80 -h /www"
Say = Callable[..., str]


@pytest.mark.peer
def test_http_to_a_published_port(engine: Engine, start: Start, runtime: str) -> None:
    web = start("web", SERVE, publish=["8080:80", "0.0.0.0:8081:80"], runtime=runtime)
    assert get(8080) == "served\n"
    assert get(8081) == "served\n"
    assert engine.containers.get("web").ports == ("127.0.0.1:8080->80/tcp", "0.0.0.0:8081->80/tcp")
    engine.containers.delete(web.id, force=True)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", 8080))


@pytest.mark.peer
def test_two_containers_talk_by_name(start: Start, say: Say, runtime: str) -> None:
    start("web", SERVE, aliases=["www.example"], runtime=runtime)
    assert "served" in say(
        "wget -q -O - http://web/ && wget -q -O - http://www.example/ && ping -c 1 -W 5 web",
        runtime=runtime,
    )


def test_who_was_there_before_learns_the_names_of_those_who_come(
    engine: Engine, start: Start
) -> None:
    start("first", "while ! ping -c 1 -W 1 second; do sleep 0.1; done; echo found; sleep 60")
    start("second", "sleep 60")
    until(lambda: b"found" in b"".join(chunk.data for chunk in engine.containers.logs("first")))
    hosts = engine.settings.containers / engine.containers.get("first").id / "bundle/network/hosts"
    assert re.search(r"^10\.87\.0\.3\tsecond \w{12}$", hosts.read_text(), re.MULTILINE)
    engine.containers.delete("second", force=True)
    assert "second" not in hosts.read_text()


def test_what_a_container_sees(say: Say) -> None:
    seen = say(
        "ip -o -4 addr show eth0; ip route; ip link show eth0; ip link show lo; "
        "cat /etc/hosts /etc/hostname /etc/resolv.conf",
        ip="10.87.0.77",
        mac_address="02:42:00:00:00:07",
        hostname="here",
        add_hosts=["db:192.0.2.5", "out:host-gateway"],
        dns=["192.0.2.53"],
        dns_search=["example.org"],
        dns_options=["ndots:3"],
    )
    for line in (
        "inet 10.87.0.77/24",
        "default via 10.87.0.1 dev eth0",
        "link/ether 02:42:00:00:00:07",
        "<LOOPBACK,UP,LOWER_UP>",
        "192.0.2.5\tdb\n10.87.0.1\tout\n10.87.0.77\t",
        "\nhere\n",
        "nameserver 192.0.2.53\nsearch example.org\noptions ndots:3\n",
    ):
        assert line in seen


def test_every_exposed_port_on_a_free_one(engine: Engine, start: Start) -> None:
    start("web", SERVE, publish_all=True)
    (published,) = engine.containers.get("web").ports
    port = re.fullmatch(r"127\.0\.0\.1:(\d+)->80/tcp", published)
    assert port
    assert get(int(port[1])) == "served\n"


def test_a_range_of_ports_and_datagrams(start: Start) -> None:
    web = start(
        "web",
        "httpd -p 7001 -h /www; sleep 60",
        publish=["7000-7001:7000-7001", "7000:7000/udp"],
    )
    assert get(7001) == "served\n"
    with (
        socket_of(web.pid, socket.SOCK_DGRAM) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        server.bind(("0.0.0.0", 7000))
        for sender in (client, other):
            sender.settimeout(10)
            sender.sendto(b"question", ("127.0.0.1", 7000))
        senders = {server.recvfrom(100)[1] for _ in range(2)}
        assert len(senders) == 2  # so that answers find their way
        for number, sender in enumerate(senders):
            server.sendto(b"answer %d" % number, sender)
        assert {client.recv(100), other.recv(100)} == {b"answer 0", b"answer 1"}


def test_much_goes_through_in_both_directions(start: Start) -> None:
    start("echo", "while true; do nc -l -p 7 -e cat; done", publish=["7777:7"])
    data = os.urandom(1 << 22)
    answer = b""

    def whole() -> bool:
        nonlocal answer
        with socket.create_connection(("127.0.0.1", 7777), 10) as client:
            child = os.fork()
            if child == 0:
                try:
                    client.sendall(data)
                    client.shutdown(socket.SHUT_WR)
                finally:
                    os._exit(0)
            try:
                answer = b"".join(iter(lambda: client.recv(1 << 16), b""))
            except ConnectionError:
                answer = b""
            os.waitpid(child, 0)
        return bool(answer)

    until(whole)
    assert answer == data


def test_the_program_ends_while_a_connection_is_open(start: Start, engine: Engine) -> None:
    start("web", "nc -l -p 80 -e sleep 60; sleep 60", publish=["8080:80"])

    def connected() -> bool:
        with socket.create_connection(("127.0.0.1", 8080), 5) as client:
            client.settimeout(0.3)
            try:
                client.recv(1)
            except ConnectionError:
                return False
            except TimeoutError:
                engine.containers.delete("web", force=True)
                client.settimeout(10)
                assert client.recv(1) == b""
                return True
            return False

    until(connected)


def test_from_other_machines_and_to_them(start: Start) -> None:
    """A second namespace stands for the rest of the world."""
    with subprocess.Popen(["unshare", "--net", "sleep", "600"]) as world:
        try:
            _connect_with(world.pid)
            web = start("web", "sleep 600", publish=["0.0.0.0:8080:80", "8081:80"])
            with socket_of(web.pid, socket.SOCK_STREAM) as server:
                server.bind(("0.0.0.0", 80))
                server.listen()
                # Who asks is seen: the packet filter hands the connection on, not the proxy.
                assert _peer(server, world.pid, ("192.0.2.1", 8080)) == "192.0.2.2"
                # From this machine it is the proxy.
                assert _peer(server, os.getpid(), ("192.0.2.1", 8080)) == "10.87.0.1"
                assert _peer(server, os.getpid(), ("127.0.0.1", 8081)) == "10.87.0.1"
                # What is published on the loopback address, and the container's own address.
                for closed in (("192.0.2.1", 8081), ("10.87.0.2", 80)):
                    with pytest.raises(OSError):
                        _peer(server, world.pid, closed, patience=1)
            with socket_of(world.pid, socket.SOCK_STREAM) as server:
                server.bind(("0.0.0.0", 9))
                server.listen()
                # And out: by the address of this machine, for there is no way back to theirs.
                assert _peer(server, web.pid, ("192.0.2.2", 9)) == "192.0.2.1"
        finally:
            subprocess.run(["ip", "link", "del", "out"], check=False)
            world.kill()


def _connect_with(pid: int) -> None:
    """A link between this network, as 192.0.2.1, and that of a process, as 192.0.2.2."""
    until(lambda: os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net"))
    there = f"nsenter --net --target={pid} ip"
    for words in (
        f"ip link add out type veth peer name in netns {pid}",
        "ip addr add 192.0.2.1/24 dev out",
        "ip link set out up",
        f"{there} addr add 192.0.2.2/24 dev in",
        f"{there} link set in up",
        f"{there} route add 10.87.0.0/24 via 192.0.2.1",
    ):
        subprocess.run(words.split(), check=True)


def _peer(server: socket.socket, pid: int, address: tuple[str, int], patience: float = 10) -> str:
    """As whom a server sees somebody who connects from the network of a process."""
    with socket_of(pid, socket.SOCK_STREAM) as client:
        client.settimeout(patience)
        client.connect(address)
        server.settimeout(10)
        accepted, (ip, _) = server.accept()
        accepted.close()
        return str(ip)


def test_a_network_of_ones_own(engine: Engine, start: Start, say: Say) -> None:
    engine.networks.create("mine", subnet="10.42.0.0/29")
    start("web", SERVE, network="mine")
    assert say("wget -q -O - http://web/", network="mine") == "served\n"
    # From another network neither the name nor the address leads there.
    reach = "nc -w 2 {} 80 -e true 2>/dev/null && echo reached || echo shut"
    assert say(reach.format("10.42.0.2"), network="mine") == "reached\n"
    assert say(reach.format("10.42.0.2")) == say(reach.format("web")) == "shut\n"
    with pytest.raises(NetworkError, match="network mine is in use by web"):
        engine.networks.remove("mine")
    engine.containers.delete("web", force=True)
    engine.networks.remove("mine")
    with pytest.raises(NetworkError, match="there is no network mine"):
        say("true", network="mine")


def test_an_internal_network_has_no_way_out(engine: Engine, say: Say) -> None:
    engine.networks.create("shut", internal=True)
    routes = say("ip route", network="shut")
    assert "default" not in routes


def test_a_shared_network(start: Start, say: Say, engine: Engine, runtime: str) -> None:
    start("web", SERVE, runtime=runtime)
    seen = say(
        "wget -q -O - http://127.0.0.1/; cat /etc/hosts", network="container:web", runtime=runtime
    )
    assert "served" in seen
    assert "10.87.0.2\tweb" in seen
    engine.containers.delete("web", force=True)
    with pytest.raises(ContainerError, match="web"):
        say("true", network="container:web")


def test_none_and_host(say: Say) -> None:
    assert say("ip -o link | grep -c :", network="none") == "1\n"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        say(f"nc 127.0.0.1 {port} -e true", network="host")
    assert "192.0.2.9\tdb" in say("cat /etc/hosts", network="none", add_hosts=["db:192.0.2.9"])


def test_trace_shows_the_network(engine: Engine, recorder: Recorder, say: Say) -> None:
    say("true", publish=["8080:80"])
    made = [(e.action, e.kind) for e in recorder.of(NetworkChanged)]
    for kind in ("lease", "link", "filter", "address", "route", "port"):
        assert ("made", kind) in made
    assert made[-1] == ("removed", "link")
    container = next(recorder.of(NetworkChanged)).container
    rows = trace(recorder.events, container).records()
    assert any(row["what"] == "made address 10.87.0.2/24" for row in rows)


def socket_of(pid: int, kind: int, family: int = socket.AF_INET) -> socket.socket:
    """A socket in the network of a container."""
    kernel, home = Kernel(), os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    try:
        kernel.setns(there, f.CLONE_NEWNET)
        try:
            return socket.socket(family, kind)
        finally:
            kernel.setns(home, f.CLONE_NEWNET)
    finally:
        os.close(home)
        os.close(there)


def test_a_container_that_is_started_again(engine: Engine, start: Start) -> None:
    start("web", SERVE, publish=["8080:80"])
    assert get(8080) == "served\n"
    engine.containers.kill("web", "KILL")
    engine.containers.wait("web")
    assert not _answers(8080)
    assert engine.containers.get("web").ports == ()
    engine.containers.start("web")
    assert get(8080) == "served\n"
    assert engine.containers.get("web").ports == ("127.0.0.1:8080->80/tcp",)


def test_who_shares_a_network_shares_it_when_started_again(engine: Engine, start: Start) -> None:
    first = start("web", SERVE)
    start(
        "other", "until wget -q -O - http://127.0.0.1/; do sleep 0.1; done", network="container:web"
    )
    engine.containers.wait("other")
    engine.containers.kill("web", "KILL")
    engine.containers.wait("web")
    # The process whose namespace it was is gone; its number may be anybody's.
    with pytest.raises(InvalidStatus, match="the network namespace of container web cannot be"):
        engine.containers.start("other")
    engine.containers.start("web")
    assert engine.containers.get("web").pid != first.pid
    engine.containers.start("other")
    assert engine.containers.wait("other") == 0


# what is refused, and what is left then


def nothing_is_left(settings: Settings) -> None:
    assert state_files(settings) == []
    with contextlib.suppress(AssertionError):
        until(lambda: links_and_tables() == [])
    assert links_and_tables() == []


def test_a_port_in_use(start: Start, engine: Engine, settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(NetworkError, match=rf"port {port}/tcp on 127\.0\.0\.1 is in use"):
            start("web", SERVE, publish=[f"{port}:80"])
    assert engine.containers.all() == []
    nothing_is_left(settings)


def test_a_port_that_another_container_has(start: Start) -> None:
    port = free_port()
    start("web", SERVE, publish=[f"{port}:80"])
    with pytest.raises(NetworkError, match=f"port {port}/tcp on 127.0.0.1 is in use"):
        start("other", SERVE, publish=[f"{port}:80"])


def test_addresses_that_cannot_be_had(start: Start, engine: Engine) -> None:
    start("web", "sleep 60", ip="10.87.0.9")
    with pytest.raises(NetworkError, match=r"the address 10\.87\.0\.9 is in use by container web"):
        start("other", "sleep 60", ip="10.87.0.9")
    with pytest.raises(NetworkError, match=r"10\.88\.0\.9 is not an address of 10\.87\.0\.0/24"):
        start("other", "sleep 60", ip="10.88.0.9")
    engine.networks.create("tiny", subnet="10.42.0.0/30")
    start("only", "sleep 60", network="tiny")
    with pytest.raises(NetworkError, match=r"all 1 addresses of 10\.42\.0\.0/30 are in use"):
        start("more", "sleep 60", network="tiny")
    assert {record.name for record in engine.containers.all()} == {"web", "only"}


def test_an_address_of_another_machine(start: Start, settings: Settings) -> None:
    with pytest.raises(NetworkError, match=r"192\.0\.2\.1 is not an address of this machine"):
        start("web", SERVE, publish=["192.0.2.1:8080:80"])
    nothing_is_left(settings)


@pytest.mark.parametrize(
    ("network", "wishes", "said"),
    [
        ("none", {"publish": ["80"]}, "--publish has no meaning with --network none"),
        ("none", {"ip": "10.0.0.2"}, "--ip has no meaning with --network none"),
        ("host", {"mac_address": "02:00:00:00:00:01"}, "--mac-address has no meaning"),
        ("cni:x", {"aliases": ["a"]}, "--network-alias has no meaning with --network cni:x"),
        ("pasta", {"ip": "10.0.0.2"}, "--ip has no meaning with --network pasta"),
        ("bridge", {"ip": "x"}, "--ip x is not an IPv4 address"),
        ("bridge", {"aliases": ["a b"]}, "'a b' is not a host name"),
        ("bridge", {"dns_options": ["a b"]}, "--dns-option 'a b' is not one word"),
        ("nowhere", {}, "there is no network nowhere"),
        ("../etc", {}, "there is no network ../etc"),
        ("cni:nowhere", {}, "there is no CNI network nowhere"),
    ],
)
def test_wishes_that_cannot_be(
    start: Start, engine: Engine, settings: Settings, network: str, wishes: dict, said: str
) -> None:
    with pytest.raises(NetworkError) as refused:
        start("web", "true", network=network, **wishes)
    assert said in refused.value.message
    assert engine.containers.all() == []
    nothing_is_left(settings)


def test_a_hook_that_fails_afterwards(start: Start, settings: Settings, runtime: str) -> None:
    false = {"createRuntime": [{"path": "/bin/false", "args": ["false"]}]}
    with pytest.raises(StepFailed):
        start("web", SERVE, hooks=false, publish=["8080:80"], runtime=runtime)
    nothing_is_left(settings)
    with socket.create_server(("127.0.0.1", 8080)):
        pass  # the port is free again


def test_a_bridge_that_is_somebody_elses_stays_untouched(
    start: Start, engine: Engine, settings: Settings
) -> None:
    bridge = engine.networks.get("bridge").bridge
    subprocess.run(["ip", "link", "add", bridge, "type", "bridge"], check=True)
    try:
        with pytest.raises(StepFailed, match=f"the link {bridge} is not ours"):
            start("web", SERVE)
        assert links_and_tables() == [f"link {bridge}"]
    finally:
        subprocess.run(["ip", "link", "del", bridge], check=True)


def test_a_monitor_that_was_killed(start: Start, engine: Engine, settings: Settings) -> None:
    web = start("web", SERVE, publish=["8080:80"])
    get(8080)
    files = ContainerFiles(str(settings.containers / web.id))
    victims = [files.read_process(path) for path in (files.monitor, files.init)]
    for victim in victims:
        assert victim is not None
        os.kill(victim.pid, signal.SIGKILL)
    until(lambda: not any(victim and victim.alive for victim in victims))
    # The proxy ends with the container, whoever tells it.
    until(lambda: not _answers(8080))
    assert state_files(settings) != []
    assert repair_networks(engine) == [f"the bridge network of container {web.id}"]
    nothing_is_left(settings)
    assert repair_networks(engine) == []
    engine.containers.delete("web", force=True)


def test_repair_leaves_what_is_alive(start: Start, engine: Engine) -> None:
    start("web", SERVE, publish=["8080:80"])
    assert repair_networks(engine) == []
    assert get(8080) == "served\n"


def test_check_finds_what_is_missing(start: Start, engine: Engine, settings: Settings) -> None:
    web = start("web", SERVE, publish=["8080:80"])
    state = str(settings.network_state)
    assert check(state, web.id, web.pid) == []
    veth = engine.networks.veth(web.id, "bridge")
    subprocess.run(["ip", "link", "set", veth, "nomaster"], check=True)
    assert check(state, web.id, web.pid) == [f"its link {veth} is not a port of the bridge"]
    subprocess.run(["ip", "link", "del", veth], check=True)
    assert f"its link {veth} is gone" in check(state, web.id, web.pid)


def test_check_finds_rules_that_somebody_deleted(
    start: Start, engine: Engine, settings: Settings
) -> None:
    web = start("web", SERVE, publish=["0.0.0.0:8080:80"])
    plain = start("plain", "sleep 60", publish=["127.0.0.1:8081:80"])
    state = str(settings.network_state)
    assert check(state, web.id, web.pid) == check(state, plain.id, plain.pid) == []
    bridge, table = engine.networks.get("bridge").bridge, engine.networks.table(web.id)
    subprocess.run(["nft", "delete", "table", "ip", table], check=True)
    lacks = "not there: the packet filter has no table"
    ports = f"the rules that lead to its ports are {lacks} {table}"
    assert check(state, web.id, web.pid) == [ports]
    assert check(state, plain.id, plain.pid) == []
    subprocess.run(["nft", "flush", "ruleset"], check=True)
    rules = f"the IPv4 rules of network bridge are {lacks} {bridge}"
    assert check(state, web.id, web.pid) == [rules, ports]
    assert check(state, plain.id, plain.pid) == [rules]


def test_many_at_once(engine: Engine, start: Start) -> None:
    """Each in a thread of its own: addresses differ, all names are known to all."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(6) as threads:
        records = list(threads.map(lambda n: start(f"c{n}", "sleep 60"), range(12)))
    network = engine.networks.get("bridge")
    leases = engine.networks.leases(network)
    assert {lease.container for lease in leases} == {record.id for record in records}
    assert len({lease.ip for lease in leases}) == 12
    for record in records:
        hosts = settings_hosts(engine, record.id)
        assert {f"c{n}" for n in range(12)} <= set(hosts.split())
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda record: engine.containers.delete(record.id, force=True), records))
    with Tables() as tables:
        assert tables.names() == []


def settings_hosts(engine: Engine, container: str) -> str:
    return (engine.settings.containers / container / "bundle/network/hosts").read_text()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def test_files_are_seen_where_the_image_has_links_or_nothing(
    engine: Engine, say: Say, place: Path
) -> None:
    """Links of the image lead nowhere but into the container."""
    victim = place / "resolv.conf"
    script = (
        "rm -rf /etc/hosts /etc/resolv.conf; "
        f"ln -s {victim} /etc/resolv.conf; ln -s ../run/nowhere/hosts /etc/hosts"
    )
    options = ContainerOptions(args=["/bin/sh", "-c", script])
    engine.run("box", options, name="made", keep=True, output=lambda *_: None)
    said: list[bytes] = []
    commit_container(engine, "made", "linked")
    engine.containers.delete("made")
    for read_only in (False, True):
        wished = ContainerOptions(
            args=["/bin/sh", "-c", "cat /etc/resolv.conf; cat /etc/hosts"],
            network="bridge",
            networking=Networking(dns=["192.0.2.99"]),
            read_only=read_only,
        )
        ended = engine.run("linked", wished, output=lambda data, _: said.append(data))
        assert ended.exit_status == 0
    assert b"".join(said).count(b"nameserver 192.0.2.99\n") == 2
    assert not victim.exists()


def test_host_names_that_are_shared(engine: Engine, settings: Settings) -> None:
    said: list[bytes] = []
    options = ContainerOptions(
        args=["/bin/sh", "-c", "hostname; ls /etc"], network="bridge", namespaces={"uts": "host"}
    )
    assert engine.run("box", options, output=lambda data, _: said.append(data)).exit_status == 0
    text = b"".join(said).decode()
    assert text.splitlines()[0] == os.uname().nodename
    assert "hostname" not in text.splitlines()[1:]


def test_what_goes_on_for_a_port_holds_nothing_else(
    engine: Engine, start: Start, settings: Settings, runtime: str
) -> None:
    """Its descriptors are the port, the container and what watches both."""
    web = start("web", SERVE, publish=["8080:80"], runtime=runtime)
    attachment = json.loads((settings.network_state / "attachments" / web.id).read_text())
    (proxy,) = attachment["processes"]

    def kinds() -> list[str]:
        return sorted(re.sub(r"\d+", "", what) for what in held(proxy["pid"]))

    rest = ["anon_inode:[eventpoll]", "anon_inode:[pidfd]", "socket:[]"]
    until(lambda: kinds() == sorted(["/dev/null"] * 3 + rest))


def test_two_users_of_ocinb_at_once(engine: Engine, start: Start, place: Path) -> None:
    """They do not know of each other, and share one network of this machine."""
    shutil.copytree(engine.settings.store, place / "other/store")
    other = Engine(Settings(root=place / "other", run_root=place / "other-run"))
    start("web", SERVE)
    options = ContainerOptions(args=["/bin/sh", "-c", "ip -o -4 addr show eth0"], network="bridge")
    said: list[bytes] = []
    ended = other.run("box", options, output=lambda data, _: said.append(data))
    assert ended.exit_status == 0
    assert b"inet 10.87.1.2/24" in b"".join(said)
    assert check(str(engine.settings.network_state), *_id_and_pid(engine, "web")) == []


def _id_and_pid(engine: Engine, name: str) -> tuple[str, int]:
    record = engine.containers.get(name)
    return record.id, record.pid


@pytest.mark.peer
def test_a_machine_that_drops_what_it_forwards(say: Say, recorder: Recorder) -> None:
    """As docker leaves it: a word about it, for a rule of theirs is not ours to change."""
    require("nft")
    chain = "{ type filter hook forward priority 0; policy drop; }"
    theirs = f"add table ip filter; add chain ip filter FORWARD {chain}"
    subprocess.run(["nft", theirs], check=True)
    try:
        say("true")
    finally:
        subprocess.run(["nft", "delete table ip filter"], check=True)
    (warning,) = [event.message for event in recorder.of(Warned)]
    assert "drops what it forwards (filter FORWARD): containers of network bridge reach" in warning


def test_published_ports_from_inside(start: Start, say: Say) -> None:
    """Containers reach what is published for everybody, and not what is for this machine."""
    start("web", SERVE, publish=["0.0.0.0:8080:80", "8081:80"])
    assert get(8080) == get(8081) == "served\n"
    seen = say(
        "wget -q -O - http://here:8080/; wget -q -O - http://here:8081/ 2>&1; true",
        add_hosts=["here:host-gateway"],
    )
    assert seen.startswith("served\n")
    assert "refused" in seen
    # Its own published port leads a container back to itself.
    script = f"{SERVE} & until wget -q -O - http://10.87.0.1:8082/; do sleep 0.1; done"
    assert "served" in say(script, publish=["0.0.0.0:8082:80"])
