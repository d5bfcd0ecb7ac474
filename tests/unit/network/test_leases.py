"""Addresses of a network: nobody gets one that somebody has, and all are given out."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.errors import NetworkError
from ocinb.network.leases import Leases, locked
from ocinb.network.subnets import Subnet, subnet_of, to_number, to_text


def leases(directory: Path, subnet: str = "10.9.0.0/29") -> Leases:
    return Leases(str(directory), Subnet.parse(subnet))


def test_addresses_go_round(tmp_path: Path) -> None:
    network = leases(tmp_path)
    first = [network.take(f"c{n}", (f"c{n}",), "").ip for n in range(3)]
    assert first == ["10.9.0.2", "10.9.0.3", "10.9.0.4"]
    assert [lease.ip for lease in network.release("c0")] == ["10.9.0.2"]
    # One that was just given back is not given out at once: somebody may still send to it.
    assert network.take("d", (), "").ip == "10.9.0.5"
    assert network.take("e", (), "").ip == "10.9.0.6"
    assert network.take("f", (), "").ip == "10.9.0.2"
    with pytest.raises(NetworkError, match=r"all 5 addresses of 10.9.0.0/29 are in use"):
        network.take("g", (), "")
    with pytest.raises(NetworkError, match="all 5"):
        network.check(None)


def test_a_wished_address(tmp_path: Path) -> None:
    network = leases(tmp_path)
    assert network.take("a", ("web",), "", "10.9.0.4").ip == "10.9.0.4"
    for call in (lambda: network.take("b", (), "", "10.9.0.4"), lambda: network.check("10.9.0.4")):
        with pytest.raises(NetworkError, match=r"10\.9\.0\.4 is in use by container web"):
            call()


@pytest.mark.parametrize(
    ("wished", "said"),
    [
        ("10.10.0.2", "is not an address of"),
        ("10.9.0.0", "is no container's address"),
        ("10.9.0.1", "is no container's address"),
        ("10.9.0.7", "is no container's address"),
        ("nonsense", "is not an address of"),
    ],
)
def test_addresses_that_no_container_has(tmp_path: Path, wished: str, said: str) -> None:
    with pytest.raises(NetworkError, match=said):
        leases(tmp_path).take("a", (), "", wished)
    with pytest.raises(NetworkError, match=said):
        leases(tmp_path).check(wished)


def test_the_smallest_network_has_one_address(tmp_path: Path) -> None:
    network = leases(tmp_path, "10.9.0.0/30")
    assert network.take("a", (), "").ip == "10.9.0.2"
    with pytest.raises(NetworkError, match="all 1 addresses"):
        network.take("b", (), "")


def test_a_damaged_lease_keeps_its_address(tmp_path: Path) -> None:
    network = leases(tmp_path)
    network.take("a", (), "")
    (tmp_path / "leases/10.9.0.3").write_text('{"half a')
    assert network.take("b", (), "").ip == "10.9.0.4"
    assert [lease.ip for lease in network] == ["10.9.0.2", "10.9.0.3", "10.9.0.4"]


def test_the_search_goes_on_without_its_note(tmp_path: Path) -> None:
    network = leases(tmp_path)
    network.take("a", (), "")
    (tmp_path / "last").write_text("nonsense")
    assert network.take("b", (), "").ip == "10.9.0.3"


def _take_some(directory: str, found: multiprocessing.Queue[list[str]]) -> None:
    network = leases(Path(directory), "10.9.0.0/24")
    found.put([network.take(str(os.getpid()), (), "").ip for _ in range(20)])


def test_processes_at_once_get_different_addresses(tmp_path: Path) -> None:
    # Without the lock, too: it is for what goes with an address, not for the address.
    context = multiprocessing.get_context("spawn")
    found: multiprocessing.Queue[list[str]] = context.Queue()
    processes = [context.Process(target=_take_some, args=(str(tmp_path), found)) for _ in range(4)]
    for process in processes:
        process.start()
    given_out = [ip for _ in processes for ip in found.get(timeout=60)]
    for process in processes:
        process.join()
    found.close()
    assert len(set(given_out)) == 80
    assert len(list(leases(tmp_path, "10.9.0.0/24"))) == 80


def test_the_lock_is_held_by_one(tmp_path: Path) -> None:
    import fcntl

    with (
        locked(str(tmp_path / "network")),
        (tmp_path / "network/lock").open() as other,
        pytest.raises(BlockingIOError),
    ):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with (tmp_path / "network/lock").open() as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


@given(st.integers(0, 0xFFFFFFFF))
def test_addresses_in_the_usual_writing(number: int) -> None:
    assert to_number(to_text(number)) == number


@pytest.mark.parametrize(
    "text", ["", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "a.b.c.d", "1.2.3.٤"]
)
def test_what_is_no_address(text: str) -> None:
    assert to_number(text) is None


@pytest.mark.parametrize("text", ["", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/x", "x/24", "10.0.0/24"])
def test_what_is_no_subnet(text: str) -> None:
    with pytest.raises(NetworkError, match="is not a subnet"):
        Subnet.parse(text)


def test_a_subnet_with_bits_too_many() -> None:
    with pytest.raises(NetworkError) as refused:
        Subnet.parse("10.9.0.5/24")
    assert refused.value.hint == "did you mean 10.9.0.0/24?"


@given(
    st.integers(0, 0xFFFFFFFF), st.integers(8, 30), st.integers(0, 0xFFFFFFFF), st.integers(8, 30)
)
def test_overlapping_is_having_an_address_in_common(a: int, bits: int, b: int, more: int) -> None:
    one = Subnet(base=a & ~((1 << (32 - bits)) - 1), prefix=bits)
    other = Subnet(base=b & ~((1 << (32 - more)) - 1), prefix=more)
    common = max(one.base, other.base) < min(one.base + one.size, other.base + other.size)
    assert one.overlaps(other) == other.overlaps(one) == common


def test_addresses_of_version_6(tmp_path: Path) -> None:
    four, six = leases(tmp_path), leases(tmp_path, "fd00:9::/64")
    assert [six.take(f"c{n}", (), "").ip for n in range(2)] == ["fd00:9::2", "fd00:9::3"]
    assert four.take("c0", (), "").ip == "10.9.0.2"
    assert six.take("d", (), "", "fd00:9::1:0").ip == "fd00:9::1:0"
    assert [lease.ip for lease in six] == ["fd00:9::2", "fd00:9::3", "fd00:9::1:0"]
    assert [lease.ip for lease in six.release("c0")] == ["fd00:9::2"]
    assert [lease.ip for lease in four] == ["10.9.0.2"]
    six.check(None)
    for wished, said in (
        ("fd00:9::3", "is in use by container c1"),
        ("fd00:9::1", "is no container's address"),
        ("fd00:8::5", "is not an address of fd00:9::/64"),
        ("10.9.0.5", "is not an address of fd00:9::/64"),
    ):
        with pytest.raises(NetworkError, match=said):
            six.check(wished)


@given(st.integers(0, 2**128 - 1))
def test_addresses_of_version_6_in_the_usual_writing(number: int) -> None:
    assert to_number(to_text(number, 6), 6) == number


@given(st.integers(0, 2**128 - 1), st.integers(0, 128))
def test_an_address_lies_in_its_subnet(number: int, prefix: int) -> None:
    subnet = subnet_of(to_text(number, 6), prefix)
    assert number in subnet
    assert Subnet.parse(str(subnet)) == subnet
    assert subnet.overlaps(Subnet.parse("::/0"))
    assert not subnet.overlaps(Subnet.parse("0.0.0.0/0"))


@pytest.mark.parametrize("text", ["fd00::1/64", "fd00::/129", "fd00::", "fd00:/64", "::/x", ":/1"])
def test_what_is_no_subnet_of_version_6(text: str) -> None:
    with pytest.raises(NetworkError, match="is not a subnet"):
        Subnet.parse(text)
