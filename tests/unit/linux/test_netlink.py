"""Netlink messages: what is packed is unpacked again, and nonsense is refused, never believed."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.errors import SyscallError
from ocinb.linux import netlink, rtnetlink
from ocinb.linux.netlink import Message, attribute, attributes, nested, number, text, unpack

types = st.integers(0, 0x3FFF)
values = st.binary(max_size=300)


@given(st.dictionaries(types, values, max_size=8))
def test_attributes_come_back(wanted: dict[int, bytes]) -> None:
    packed = b"".join(attribute(kind, value) for kind, value in wanted.items())
    assert attributes(packed) == wanted
    assert len(packed) % 4 == 0


@given(types, types, values)
def test_an_attribute_in_an_attribute(outer: int, inner: int, value: bytes) -> None:
    packed = nested(outer, attribute(inner, value))
    assert attributes(attributes(packed)[outer]) == {inner: value}


def test_numbers_and_text() -> None:
    found = attributes(attribute(1, 1500) + attribute(2, "eth0"))
    assert (number(found[1]), text(found[2])) == (1500, "eth0")


@given(st.binary(max_size=200))
def test_any_bytes_are_attributes_or_refused(data: bytes) -> None:
    try:
        found = attributes(data)
    except SyscallError as error:
        assert "bad message" in error.message
    else:
        assert sum(len(value) for value in found.values()) <= len(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_messages_or_refused(data: bytes) -> None:
    try:
        found = list(unpack(data))
    except SyscallError as error:
        assert "bad message" in error.message
    else:
        assert sum(len(body) for *_, body in found) <= len(data)


@given(st.lists(st.tuples(st.integers(16, 0xFFFF), values), max_size=5))
def test_messages_come_back(wanted: list[tuple[int, bytes]]) -> None:
    datagram = b"".join(
        Message(kind, 0, body).pack(n, netlink.NLM_F_REQUEST)
        for n, (kind, body) in enumerate(wanted)
    )
    found = [(kind, sequence, body) for kind, _, sequence, body in unpack(datagram)]
    assert found == [(kind, n, body) for n, (kind, body) in enumerate(wanted)]


@given(st.binary(max_size=120))
def test_what_the_kernel_tells_of_links_addresses_and_routes(body: bytes) -> None:
    for read in (rtnetlink.link, rtnetlink.address, rtnetlink.route):
        try:
            read(body)
        except SyscallError as error:
            assert "bad message" in error.message


def test_a_length_of_nothing_does_not_go_on_for_ever() -> None:
    with pytest.raises(SyscallError, match="bad message"):
        attributes(struct.pack("=HH", 0, 1))
    with pytest.raises(SyscallError, match="bad message"):
        list(unpack(struct.pack("=IHHII", 0, 16, 0, 0, 0)))
