"""What containers find in /etc/hosts and /etc/resolv.conf."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.errors import NetworkError
from ocinb.network import names
from ocinb.network.resolving import (
    check_domain,
    check_server,
    hardware_address,
    hosts_lines,
    parse_host,
    resolv_conf,
)

HOST = """\
# made by somebody
nameserver 127.0.0.53
nameserver 192.0.2.1 # far away
search example.org lan
options edns0
"""


def conf(**values: object) -> list[str]:
    wanted = {"servers": [], "search": [], "options": [], "own_loopback": True, **values}
    return resolv_conf(HOST, **wanted).splitlines()  # type: ignore[arg-type]


def test_the_machines_own_without_what_cannot_be_reached() -> None:
    assert conf() == ["nameserver 192.0.2.1", "search example.org lan", "options edns0"]


def test_who_shares_the_network_reaches_the_loopback_server() -> None:
    assert conf(own_loopback=False)[:2] == ["nameserver 127.0.0.53", "nameserver 192.0.2.1"]


def test_wishes_take_the_place_of_the_machines() -> None:
    assert conf(servers=["198.51.100.1"], search=["a.b"], options=["ndots:1"]) == [
        "nameserver 198.51.100.1",
        "search a.b",
        "options ndots:1",
    ]
    assert conf(search=["."]) == ["nameserver 192.0.2.1", "options edns0"]


def test_lines_of_hosts() -> None:
    lines = hosts_lines(["db:10.0.0.5", "here:host-gateway", "six:::1"], gateway="10.87.0.1")
    assert lines[2:] == ["10.0.0.5\tdb", "10.87.0.1\there", "::1\tsix"]


def test_no_gateway() -> None:
    with pytest.raises(NetworkError, match="this network has no gateway"):
        hosts_lines(["here:host-gateway"], gateway=None)


@pytest.mark.parametrize(
    "typed",
    ["", "db", "db:", ":10.0.0.5", "db:x", "d b:10.0.0.5", "db\n:10.0.0.5", "db:1.2.3.4 evil"],
)
def test_hosts_that_are_none(typed: str) -> None:
    with pytest.raises(NetworkError, match="add-host"):
        parse_host(typed)


@given(st.text(max_size=40))
def test_nothing_escapes_its_line(typed: str) -> None:
    try:
        lines = hosts_lines([typed], gateway="10.87.0.1")
    except NetworkError:
        return
    assert len(lines) == 3
    assert len(lines[2].split()) == 2
    assert "\n" not in lines[2]


def test_servers_and_domains() -> None:
    check_server("--dns", "10.0.0.1")
    check_server("--dns", "fe80::1")
    check_domain("--dns-search", "example.org.")
    check_domain("--dns-search", ".")
    with pytest.raises(NetworkError, match=r"--dns example\.org is not an IP address"):
        check_server("--dns", "example.org")
    with pytest.raises(NetworkError, match="--dns-search"):
        check_domain("--dns-search", "a b")


def test_hardware_addresses() -> None:
    assert hardware_address("02-42-AC-11-00-02") == "02:42:ac:11:00:02"
    with pytest.raises(NetworkError, match="not a hardware address"):
        hardware_address("02:42:ac:11:00")
    with pytest.raises(NetworkError, match="not the address of one interface"):
        hardware_address("03:42:ac:11:00:02")


def test_a_container_keeps_what_it_wrote_into_its_hosts_file(tmp_path) -> None:
    path = tmp_path / "hosts"
    path.write_text("127.0.0.1\tlocalhost\n")
    inode = path.stat().st_ino
    names.add_lines(str(path), ["10.0.0.2\tweb"])
    with path.open("a") as file:
        file.write("10.1.1.1 mine\n")
    names.add_lines(str(path), ["10.0.0.3\tdb"])
    names.remove_line(str(path), "10.0.0.2\tweb")
    assert path.read_text() == "127.0.0.1\tlocalhost\n10.1.1.1 mine\n10.0.0.3\tdb\n"
    assert path.stat().st_ino == inode  # it is mounted: another file would not be seen


def test_a_hosts_file_that_is_a_link_is_not_followed(tmp_path) -> None:
    target = tmp_path / "passwd"
    target.write_text("root\n")
    (tmp_path / "hosts").symlink_to(target)
    names.write_hosts(str(tmp_path / "hosts"), ["evil"])
    names.add_lines(str(tmp_path / "hosts"), ["evil"])
    assert target.read_text() == "root\n"
