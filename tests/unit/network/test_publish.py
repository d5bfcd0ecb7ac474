"""What people type to publish ports."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.errors import NetworkError
from ocinb.network.publish import exposed, parse, parse_all


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("80", ["127.0.0.1:0->80/tcp"]),
        ("8080:80", ["127.0.0.1:8080->80/tcp"]),
        ("8080:80/udp", ["127.0.0.1:8080->80/udp"]),
        ("8080:80/TCP", ["127.0.0.1:8080->80/tcp"]),
        ("0.0.0.0:8080:80", ["0.0.0.0:8080->80/tcp"]),
        ("localhost:8080:80", ["127.0.0.1:8080->80/tcp"]),
        ("127.0.0.1::80", ["127.0.0.1:0->80/tcp"]),
        ("[::1]:8080:80/udp", ["[::1]:8080->80/udp"]),
        ("[0:0::]:8080:80", ["[::]:8080->80/tcp"]),
        ("9000-9001:80-81", ["127.0.0.1:9000->80/tcp", "127.0.0.1:9001->81/tcp"]),
        ("80-81", ["127.0.0.1:0->80/tcp", "127.0.0.1:0->81/tcp"]),
    ],
)
def test_forms(typed: str, meant: list[str]) -> None:
    assert [str(port) for port in parse(typed)] == meant


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "is not a port"),
        ("http", "is not a port"),
        ("80:", "is not a port"),
        ("80/", "is not a port"),
        ("80:80:80:80", "is not a port"),
        ("-80", "is not a port"),
        ("8080:80/sctp", "sctp is not tcp or udp"),
        ("0", "0 is not a port or a range"),
        ("70000:80", "70000 is not a port or a range"),
        ("81-80", "81-80 is not a port or a range"),
        ("8000-8002:80", "3 ports of this machine cannot lead to 1"),
        ("1.2.3.400:80:80", "1.2.3.400 is not an address"),
        ("[::x]:80:80", "[::x] is not an address"),
        ("::1:80:80", "is not a port"),
        ("example.org:80:80", "example.org is not an address"),
    ],
)
def test_refused(typed: str, said: str) -> None:
    with pytest.raises(NetworkError, match="publish") as refused:
        parse(typed)
    assert said in refused.value.message


@given(st.text(alphabet="0123456789:./-tcpud[]a", max_size=30))
def test_anything_is_ports_or_one_sentence(typed: str) -> None:
    try:
        ports = parse(typed)
    except NetworkError as error:
        assert typed in error.message
        assert "\n" not in error.message
    else:
        assert ports
        assert all(0 < port.port < 65536 and 0 <= port.host_port < 65536 for port in ports)


def test_a_port_twice() -> None:
    with pytest.raises(NetworkError, match="port 80/tcp of this machine is published twice"):
        parse_all(["80:80", "80:81"])
    with pytest.raises(NetworkError, match="twice"):
        parse_all(["127.0.0.1:80:80", "0.0.0.0:80:81"])
    assert len(parse_all(["80:80", "80:80/udp", "127.0.0.2:80:80", "81", "81"])) == 5


def test_too_many() -> None:
    with pytest.raises(NetworkError, match="2,000 published ports are more than 1,000"):
        parse_all(["2000-3999:2000-3999"])


def test_what_an_image_exposes() -> None:
    assert str(exposed("80/tcp")) == "127.0.0.1:0->80/tcp"
    assert str(exposed("53/udp")) == "127.0.0.1:0->53/udp"
    assert str(exposed("80")) == "127.0.0.1:0->80/tcp"
    assert [exposed(text) for text in ("", "x/tcp", "80/sctp", "99999", "0")] == [None] * 5
