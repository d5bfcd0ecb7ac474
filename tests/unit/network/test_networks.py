"""Networks by name: what they may be called, and which addresses they may have."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from ocinb import plain_json
from ocinb.errors import NetworkError
from ocinb.network import claims
from ocinb.network import networks as module
from ocinb.network.leases import Leases
from ocinb.network.networks import Networks
from ocinb.network.subnets import Subnet


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Subnet, str]]:
    """What this machine reaches already, in place of what it really does."""
    found = [(Subnet.parse("10.87.0.0/24"), "what eth9 leads to")]
    monkeypatch.setattr(module, "reached", lambda own: found)
    # Nor do the claims of real networks count, or these for them.
    for name in ("_CLAIM", "_OWNER"):
        here = getattr(claims, name).replace("ocinb", secrets.token_hex(8))
        monkeypatch.setattr(claims, name, here)
    return found


@pytest.fixture
def networks(tmp_path: Path, reached: list[tuple[Subnet, str]]) -> Networks:
    return Networks(tmp_path / "root", tmp_path / "run")


def test_each_gets_a_subnet_that_is_free(networks: Networks) -> None:
    assert networks.create("a").subnet == "10.87.1.0/24"
    assert networks.create("b").subnet == "10.87.2.0/24"
    networks.remove("a")
    assert networks.create("c").subnet == "10.87.1.0/24"
    assert [network.name for network in networks] == ["b", "c"]
    assert networks.get("c").gateway == "10.87.1.1"


def test_the_network_of_those_who_name_none_is_made_when_used(networks: Networks) -> None:
    assert list(networks) == []
    assert networks.get("bridge") == networks.get("bridge")
    assert [network.name for network in networks] == ["bridge"]


def test_addresses_that_lead_elsewhere_by_now(
    networks: Networks, reached: list[tuple[Subnet, str]]
) -> None:
    networks.create("mine", subnet="10.66.0.0/24")
    assert networks.ready("bridge").subnet == "10.87.1.0/24"
    reached += [
        (Subnet.parse("10.87.1.0/24"), "what ocinb-123456789 leads to"),
        (Subnet.parse("10.66.0.0/16"), "what vpn0 leads to"),
    ]
    # Of the network that nobody described the addresses are ours to choose.
    assert networks.ready("bridge").subnet == networks.get("bridge").subnet == "10.87.2.0/24"
    with pytest.raises(NetworkError, match=r"network mine cannot be used now: .* vpn0 leads to"):
        networks.ready("mine")


def test_what_somebody_else_is_about_to_use(networks: Networks, tmp_path: Path) -> None:
    """Nothing of either is in the kernel yet."""
    other = Networks(tmp_path / "other", tmp_path / "elsewhere")
    assert networks.get("bridge").subnet == "10.87.1.0/24"
    assert other.get("bridge").subnet == "10.87.2.0/24"
    networks.create("mine", subnet="10.66.0.0/24")
    with pytest.raises(NetworkError, match=r"10\.66\.0\.0/24 is claimed by another network"):
        other.create("mine", subnet="10.66.0.0/24")
    networks.remove("mine")
    assert other.create("mine", subnet="10.66.0.0/24").subnet == "10.66.0.0/24"


def test_a_description_whose_subnet_somebody_else_has_claimed_since(
    networks: Networks, tmp_path: Path
) -> None:
    assert networks.get("bridge").subnet == "10.87.1.0/24"
    networks.create("mine", subnet="10.66.0.0/24")
    later = Networks(tmp_path / "root", tmp_path / "elsewhere")  # as after a start of the machine
    assert later.ready("bridge").subnet == "10.87.2.0/24"
    with pytest.raises(NetworkError, match=r"network mine cannot be used now: .* is claimed"):
        later.ready("mine")


def test_links_have_names_of_their_own(networks: Networks, tmp_path: Path) -> None:
    other = Networks(tmp_path / "root", tmp_path / "elsewhere")
    networks.create("a")
    names = {
        networks.get("a").bridge,
        other.get("a").bridge,
        networks.veth("x", "a"),
        networks.veth("y", "a"),
    }
    assert len(names) == 4
    assert all(len(name) == 15 and name.startswith("ocinb") for name in names)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "a b", "-a", "é", "a\n", "x" * 64, "none", "host", "bridge",
             "container", "cni", "attachments"],
)  # fmt: skip
def test_names_that_are_none(networks: Networks, name: str) -> None:
    with pytest.raises(NetworkError):
        networks.create(name)
    assert list(networks) == []


@pytest.mark.parametrize("name", ["../root/a", "a/../b", "nowhere", ""])
def test_networks_that_are_not_there(networks: Networks, name: str) -> None:
    with pytest.raises(NetworkError, match="there is no network"):
        networks.get(name)
    with pytest.raises(NetworkError, match="there is no network"):
        networks.remove(name)


@pytest.mark.parametrize(
    ("subnet", "said"),
    [
        ("10.87.0.128/25", "overlaps 10.87.0.0/24, what eth9 leads to"),
        ("10.0.0.0/8", "overlaps 10.77.0.0/24"),
        ("10.77.0.0/25", "overlaps 10.77.0.0/24, network a"),
        ("10.99.0.0/31", "its prefix is /8 to /30"),
        ("0.0.0.0/0", "its prefix is /8 to /30"),
        ("127.1.0.0/16", "not addresses of hosts"),
        ("224.0.0.0/24", "not addresses of hosts"),
        ("nonsense", "is not a subnet"),
    ],
)
def test_subnets_that_are_refused(networks: Networks, subnet: str, said: str) -> None:
    networks.create("a", subnet="10.77.0.0/24")
    with pytest.raises(NetworkError) as refused:
        networks.create("b", subnet=subnet)
    assert said in f"{refused.value.message} {refused.value.hint}"
    assert [network.name for network in networks] == ["a"]


def test_a_name_twice(networks: Networks) -> None:
    networks.create("a")
    with pytest.raises(NetworkError, match="there is a network a already"):
        networks.create("a")


def test_one_in_use_stays(networks: Networks, tmp_path: Path) -> None:
    network = networks.create("a")
    leases = Leases(str(tmp_path / "run/a"), Subnet.parse(network.subnet))
    leases.take("0123456789ab", ("web",), "")
    with pytest.raises(NetworkError, match="network a is in use by web"):
        networks.remove("a")
    leases.release("0123456789ab")
    networks.remove("a")
    assert not (tmp_path / "run/a").exists()


def test_the_pool_is_exhausted(networks: Networks, reached: list[tuple[Subnet, str]]) -> None:
    reached.append((Subnet.parse("10.87.0.0/16"), "all of it"))
    with pytest.raises(NetworkError, match=r"no part of 10\.87\.0\.0/16 is free"):
        networks.create("a")
    assert networks.create("a", subnet="10.66.0.0/24").subnet == "10.66.0.0/24"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"name": "a"}', '{"subnet": 3}'])
def test_a_damaged_file_is_named(networks: Networks, tmp_path: Path, content: str) -> None:
    networks.create("a")
    (tmp_path / "root/a.json").write_text(content)
    with pytest.raises(NetworkError, match=r"a\.json does not describe a network"):
        networks.get("a")


def test_a_subnet_of_each_version(networks: Networks) -> None:
    made = networks.create("a", subnet6="fd00:1::/64", ipv6=True)
    assert (made.subnet, made.subnet6, made.gateway6) == (
        "10.87.1.0/24", "fd00:1::/64", "fd00:1::1",
    )  # fmt: skip
    assert networks.get("a") == made
    other = networks.create("b", ipv6=True)
    assert Subnet.parse(other.subnet6).prefix == 64
    assert other.subnet6.startswith("fd")
    assert networks.create("c").subnet6 == ""
    for subnet6, said in (
        ("fd00:1::/80", "overlaps fd00:1::/64, network a"),
        ("10.1.0.0/24", "is not a subnet of IPv6"),
        ("fe80::/64", "not addresses of hosts"),
        ("fd00::/8", "its prefix is /16 to /126"),
    ):
        with pytest.raises(NetworkError) as refused:
            networks.create("x", subnet6=subnet6, ipv6=True)
        assert said in f"{refused.value.message} {refused.value.hint}"


def test_a_network_that_an_older_ocinb_has_made(networks: Networks, tmp_path: Path) -> None:
    made = dict(networks.create("a"))
    del made["subnet6"], made["gateway6"]
    (tmp_path / "root/a.json").write_text(plain_json.dumps(made))
    assert networks.get("a").subnet6 == ""
