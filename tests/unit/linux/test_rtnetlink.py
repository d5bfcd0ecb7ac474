"""Links, addresses, routes and packet filters, made in a network of the test's own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from ocinb.errors import SyscallError
from ocinb.linux import flags as f
from ocinb.linux import nftables as nft
from ocinb.linux.rtnetlink import Interfaces
from ocinb.linux.syscalls import Kernel
from tests.support.own_network import links_and_tables, own_network
from tests.support.peers import require

pytestmark = pytest.mark.root

MAC = "02:00:00:00:00:01"


@pytest.fixture(autouse=True)
def network() -> Iterator[None]:
    with own_network():
        yield


@pytest.fixture
def other() -> Iterator[int]:
    """A descriptor of a second network."""
    with own_network():
        descriptor = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    yield descriptor
    os.close(descriptor)


def interfaces_of(namespace: int) -> Interfaces:
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    kernel = Kernel()
    try:
        kernel.setns(namespace, f.CLONE_NEWNET)
        return Interfaces()
    finally:
        kernel.setns(home, f.CLONE_NEWNET)
        os.close(home)


def test_a_bridge_a_pair_and_a_route(other: int) -> None:
    with Interfaces() as here, interfaces_of(other) as there:
        here.add_bridge("ocinb-t", address=MAC)
        here.set_alias("ocinb-t", "a test")
        bridge = here.find("ocinb-t")
        assert bridge is not None
        assert (bridge.kind, bridge.alias, bridge.up, bridge.address) == (
            "bridge",
            "a test",
            True,
            MAC,
        )
        here.add_address(bridge.index, "10.99.0.1", 24)
        here.add_veth(
            "ocinbvt",
            "eth0",
            namespace=other,
            master=bridge.index,
            address="02:00:00:00:00:02",
            alias="a pair",
        )
        end = there.find("eth0")
        assert end is not None
        assert (end.kind, end.up, end.address) == ("veth", False, "02:00:00:00:00:02")
        there.add_address(end.index, "10.99.0.2", 24)
        there.set_up("eth0")
        there.add_default_route("10.99.0.1")
        assert (end.index, "10.99.0.2", 24) in there.addresses()
        assert ("0.0.0.0", 0, end.index) in there.routes()
        assert ("10.99.0.0", 24, bridge.index) in here.routes()
        assert here.delete_all(["ocinbvt", "ocinb-t", "nothing"]) == ["ocinbvt", "ocinb-t"]
        assert there.find("eth0") is None
    assert links_and_tables() == []


def test_the_kernels_own_words_come_with_a_refusal() -> None:
    with Interfaces() as here, pytest.raises(SyscallError) as refused:
        here.add_default_route("203.0.113.1")
    assert refused.value.message == (
        "RTM_NEWROUTE(default via 203.0.113.1): network is unreachable"
    )
    assert refused.value.hint == "the kernel says: Nexthop has invalid gateway"


def test_a_name_twice_and_a_name_that_is_not_there() -> None:
    with Interfaces() as here:
        here.add_bridge("ocinb-t", address=MAC)
        with pytest.raises(SyscallError, match=r"RTM_NEWLINK\(ocinb-t.*file exists"):
            here.add_bridge("ocinb-t", address=MAC)
        assert here.delete("ocinb-t")
        assert not here.delete("ocinb-t")
        assert not here.unplug("ocinb-t")


CHAINS = [
    nft.Chain(
        "nat",
        "prerouting",
        "dstnat",
        [
            [
                *nft.from_interface("ocinb-t", negated=True),
                *nft.destination_is_local(),
                *nft.port_is(nft.TCP, 8080),
                *nft.send_to("10.99.0.2", 80),
            ],
            [
                *nft.destination_in("192.0.2.7", 32),
                *nft.port_is(nft.UDP, 53),
                *nft.send_to("10.99.0.2", 5353),
            ],
        ],
    ),
    nft.Chain(
        "filter",
        "forward",
        "filter",
        [
            [*nft.to_interface("ocinb-t"), *nft.belongs_to_a_connection(), *nft.accept()],
            [*nft.to_interface("ocinb-t"), *nft.was_sent_elsewhere(), *nft.accept()],
            [*nft.to_interface("ocinb-t"), *nft.drop()],
        ],
    ),
    nft.Chain(
        "nat",
        "postrouting",
        "srcnat",
        [
            [
                *nft.source_in("10.99.0.0", 20),
                *nft.destination_in("10.99.0.0", 20, negated=True),
                *nft.masquerade(),
            ]
        ],
    ),
]
AS_NFT_SAYS = """\
table ip ocinb-t {
	comment "a test"
	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		iifname != "ocinb-t" fib daddr type local tcp dport 8080 dnat to 10.99.0.2:80
		ip daddr 192.0.2.7 udp dport 53 dnat to 10.99.0.2:5353
	}

	chain forward {
		type filter hook forward priority filter; policy accept;
		oifname "ocinb-t" ct state established,related accept
		oifname "ocinb-t" ct status dnat accept
		oifname "ocinb-t" drop
	}

	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr 10.99.0.0/20 ip daddr != 10.99.0.0/20 masquerade
	}
}
"""


@pytest.mark.peer
def test_nft_reads_what_we_wrote() -> None:
    require("nft")
    with nft.Tables() as tables:
        tables.add("ocinb-t", CHAINS, comment="a test")
        said = subprocess.run(
            ["nft", "list", "ruleset"], capture_output=True, text=True, check=True
        ).stdout
        assert said == AS_NFT_SAYS
        assert tables.names() == ["ocinb-t"]
        assert tables.delete("ocinb-t")
        assert not tables.delete("ocinb-t")
    assert links_and_tables() == []


@pytest.mark.peer
def test_who_drops_what_is_forwarded() -> None:
    require("nft")
    with nft.Tables() as tables:
        tables.add("ocinb-t", CHAINS, comment="")
        assert tables.dropping("forward") == []
        rules = (
            "add table ip filter; add chain ip filter FORWARD { type filter hook forward priority "
            "0; policy drop; }; add chain ip filter INPUT { type filter hook prerouting priority "
            "0; policy drop; }; add chain ip filter mine"
        )
        subprocess.run(["nft", rules], check=True)
        assert tables.dropping("forward") == ["filter FORWARD"]


def test_a_table_is_made_whole_or_not_at_all() -> None:
    wrong = nft.Chain("nat", "forward", "filter", [])  # there is no nat in forward
    with nft.Tables() as tables, pytest.raises(SyscallError, match="NFT_MSG_NEWCHAIN"):
        tables.add("ocinb-t", [CHAINS[0], wrong], comment="")
    assert links_and_tables() == []
